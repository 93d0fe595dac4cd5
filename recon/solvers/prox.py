r"""The projection on a noise ball, the proximal map of its indicator function.

.. math:: \mathrm{prox}_f(v) = \arg\min_x\ f(x) + \tfrac12 \lVert x - v \rVert^2

The proximal maps of the image and of its gradient are part of the compiled loop `recon.solvers.kernels.admm_split`.
"""

from __future__ import annotations

import numpy as np

__all__ = ["project_ball"]


def project_ball(v: np.ndarray, center: np.ndarray, radius: float | np.ndarray) -> np.ndarray:
    """Projection of every vector along the last axis on the ball ||x - center||_2 <= radius.

    Shapes: v and center (..., M); radius a scalar or (...), in the unit of v.
    """
    away = v - center
    length = np.sqrt(np.sum(away**2, axis=-1, keepdims=True))
    limit = np.asarray(radius, dtype=v.dtype)[..., None]
    return center + away * np.minimum(1, limit / np.where(length > 0, length, 1))
