r"""Proximal maps and projections.

.. math:: \mathrm{prox}_{t f}(v) = \arg\min_x\ t f(x) + \tfrac12 \lVert x - v \rVert^2

All are closed forms but that of the total variation, which is found on its dual,
:math:`\min_p \lVert v - D^T p \rVert^2,\ |p_i| \le t` with :math:`x = v - D^T p`, by accelerated projected gradient
steps (Beck and Teboulle, IEEE Trans. Image Process. 18, 2419, 2009); :math:`\lVert D \rVert^2 \le 4 \times` axes.
"""

from __future__ import annotations

import math

import numpy as np

from mpisim.errors import non_negative, whole
from recon.solvers.operators import gradient, gradient_adjoint

__all__ = ["group_shrink", "non_negative_part", "non_negative_shrink", "project_ball", "shrink", "total_variation_prox"]


def shrink(v: np.ndarray, t: float) -> np.ndarray:
    """Prox of t ||x||_1: soft threshold, any shape."""
    return np.sign(v) * np.maximum(np.abs(v) - t, 0)


def non_negative_shrink(v: np.ndarray, t: float) -> np.ndarray:
    """Prox of t ||x||_1 over x >= 0, any shape."""
    return np.maximum(v - t, 0)


def non_negative_part(v: np.ndarray) -> np.ndarray:
    """Projection on x >= 0, any shape."""
    return np.maximum(v, 0)


def group_shrink(v: np.ndarray, t: float, axis: int = 0) -> np.ndarray:
    """Prox of t times the sum of lengths of the vectors along `axis`; shrinks every vector by t."""
    length = np.sqrt(np.sum(v**2, axis=axis, keepdims=True))
    return v * np.maximum(1 - t / np.where(length > 0, length, 1), 0)


def project_ball(v: np.ndarray, center: np.ndarray, radius: float | np.ndarray) -> np.ndarray:
    """Projection of every last-axis vector on the ball ||x - center||_2 <= radius.

    Shapes: v and center (..., M); radius a scalar or (...).
    """
    away = v - center
    length = np.sqrt(np.sum(away**2, axis=-1, keepdims=True))
    reach = np.asarray(radius, dtype=v.dtype)[..., None]
    return center + away * np.minimum(1, reach / np.where(length > 0, length, 1))


def total_variation_prox(v: np.ndarray, t: float, ndim: int = 2, iterations: int = 500) -> np.ndarray:
    """Prox of t TV(x), isotropic, over the last `ndim` axes; image of shape (..., n1, n2).

    Parameters
    ----------
    v
        Images.
    t
        Weight in the unit of the images.
    ndim
        Number of image axes.
    iterations
        Accelerated steps on the dual; the error falls as their inverse square.

    Raises
    ------
    InputError
        If `t` is negative or the iterations are not a whole number.
    """
    t, step = non_negative("t", t), 1 / (4 * ndim)
    p = q = np.zeros_like(gradient(v, ndim))
    momentum = 1.0
    for _ in range(whole("iterations", iterations)):
        ascent = q + step * gradient(v - gradient_adjoint(q, ndim), ndim)
        length = np.sqrt(np.sum(ascent**2, axis=-ndim - 1, keepdims=True))
        ahead = ascent * np.minimum(1, t / np.where(length > 0, length, 1))
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        q, p = ahead + (momentum - 1) / following * (ahead - p), ahead
        momentum = following
    return v - gradient_adjoint(p, ndim)
