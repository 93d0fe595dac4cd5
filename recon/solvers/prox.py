r"""Proximal maps.

.. math:: \mathrm{prox}_f(v) = \arg\min_x\ f(x) + \tfrac12 \lVert x - v \rVert^2

The proximal maps of ADMM are part of the compiled loop `recon.solvers.kernels.admm_split`.

That of :math:`f = a \lVert x\rVert_1 + b\,\mathrm{TV}(x)`, optionally over :math:`x \ge 0`, has no closed form. Its
dual,

.. math:: \max_{\lVert p_i\rVert \le 1}\ \min_x\ \tfrac12\lVert x - v\rVert^2 + a\lVert x\rVert_1 + b\,p^T D x ,

has the inner minimum :math:`x(p) = \mathrm{shrink}(v - b D^T p, a)` and the gradient :math:`b D x(p)`, and is solved by
accelerated projected gradient steps (Beck and Teboulle, IEEE Trans. Image Process. 18, 2419, 2009,
https://doi.org/10.1109/TIP.2009.2028250), of the length :math:`1/(4 d\,b^2)`, since :math:`\lVert D\rVert^2 \le 4 d`
in d dimensions.
"""

from __future__ import annotations

import numpy as np

from recon.solvers.operators import gradient, gradient_adjoint

__all__ = ["project_ball", "shrink", "shrink_with_variation"]

_STEPS = 20
"""Steps of the dual in one proximal map; a map that starts from the last dual needs no more."""


def project_ball(v: np.ndarray, center: np.ndarray, radius: float | np.ndarray) -> np.ndarray:
    """Projection of every vector along the last axis on the ball ||x - center||_2 <= radius.

    Shapes: v and center (..., M); radius a scalar or (...), in the unit of v.
    """
    away = v - center
    length = np.sqrt(np.sum(away**2, axis=-1, keepdims=True))
    limit = np.asarray(radius, dtype=v.dtype)[..., None]
    return center + away * np.minimum(1, limit / np.where(length > 0, length, 1))


def shrink(v: np.ndarray, a: float | np.ndarray, non_negative: bool) -> np.ndarray:
    """Proximal map of a ||x||_1, over x >= 0 if `non_negative`; a is a number or an array that fits v."""
    return np.maximum(v - a, 0) if non_negative else np.sign(v) * np.maximum(np.abs(v) - a, 0)


def shrink_with_variation(
    v: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    non_negative: bool,
    dual: np.ndarray | None = None,
    steps: int = _STEPS,
) -> tuple[np.ndarray, np.ndarray]:
    """Proximal map of a ||x||_1 + b TV(x), over x >= 0 if `non_negative`, for several images.

    Parameters
    ----------
    v
        Images, shape (images, [z,] y, x).
    a, b
        Weights, shape (images,), in the unit of v.
    dual
        Dual p to start from, shape (images, axes, [z,] y, x), as an earlier call returned it; None is zero.
    steps
        Steps of the dual.

    Returns
    -------
    images, dual
        The map, and the dual that gives it.
    """
    axes = v.ndim - 1
    a, b = (np.reshape(w, (-1, *(1,) * axes)) for w in (a, b))
    slope = b[:, None]
    p = np.zeros((len(v), axes, *v.shape[1:])) if dual is None else dual
    q, t = p, 1.0
    for _ in range(steps):
        x = shrink(v - b * gradient_adjoint(q, axes), a, non_negative)
        moved = q + gradient(x, axes) / np.where(slope > 0, 4 * axes * slope, np.inf)
        new = moved / np.maximum(1, np.sqrt(np.sum(moved**2, axis=1, keepdims=True)))
        longer = 0.5 * (1 + np.sqrt(1 + 4 * t**2))
        q = new + (t - 1) / longer * (new - p)
        p, t = new, longer
    return shrink(v - b * gradient_adjoint(p, axes), a, non_negative), p
