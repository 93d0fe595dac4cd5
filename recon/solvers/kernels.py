"""The compiled loop of ADMM: arrays in, arrays out. A test compares it with its definition in NumPy."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["admm_split"]


@njit(cache=True, inline="always")
def _slopes(x: np.ndarray, m: int, j: int, slopes: np.ndarray) -> None:
    """Fill slopes (3, x) with the forward differences of an image (z, y, x) along z, y and x at one line."""
    nz, ny, nx = x.shape
    for k in range(nx - 1):
        slopes[2, k] = x[m, j, k + 1] - x[m, j, k]
    slopes[2, nx - 1] = 0
    for k in range(nx):
        slopes[1, k] = x[m, j + 1, k] - x[m, j, k] if j < ny - 1 else 0
    if nz > 1:
        for k in range(nx):
            slopes[0, k] = x[m + 1, j, k] - x[m, j, k] if m < nz - 1 else 0


@njit(cache=True, inline="always")
def _add_divergence(z: np.ndarray, u: np.ndarray, m: int, j: int, w: np.ndarray) -> None:
    """Add D^T (z - u) at one line to w (z, y, x), from fields (axes, z, y, x)."""
    axes, nz, ny, nx = z.shape
    for k in range(nx - 1):
        w[m, j, k] -= z[axes - 1, m, j, k] - u[axes - 1, m, j, k]
    for k in range(1, nx):
        w[m, j, k] += z[axes - 1, m, j, k - 1] - u[axes - 1, m, j, k - 1]
    if j < ny - 1:
        for k in range(nx):
            w[m, j, k] -= z[axes - 2, m, j, k] - u[axes - 2, m, j, k]
    if j > 0:
        for k in range(nx):
            w[m, j, k] += z[axes - 2, m, j - 1, k] - u[axes - 2, m, j - 1, k]
    if axes == 3 and m < nz - 1:
        for k in range(nx):
            w[m, j, k] -= z[0, m, j, k] - u[0, m, j, k]
    if axes == 3 and m > 0:
        for k in range(nx):
            w[m, j, k] += z[0, m - 1, j, k] - u[0, m - 1, j, k]


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "arcp"})
def admm_split(
    x: np.ndarray,
    z1: np.ndarray,
    u1: np.ndarray,
    z2: np.ndarray,
    u2: np.ndarray,
    w: np.ndarray,
    l1: float,
    ltv: float,
    relax: float,
    non_negative: bool,
) -> None:
    """Do the proximal and dual steps of the image and of its gradient, and prepare the next right-hand side.

    With a = relax x + (1 - relax) z1 + u1: z1 = shrink(a, l1), over z1 >= 0 if `non_negative`, and u1 = a - z1. z2 and
    u2 follow likewise from the gradient with the group shrink `ltv`; w = (z1 - u1) + D^T (z2 - u2). All arrays but `x`
    change in place.

    Shapes: x, z1, u1, w (image, z, y, x); z2, u2 (image, axes, z, y, x), axes 2 for (y, x) or 3 for (z, y, x).
    """
    images, nz, ny, nx = x.shape
    axes = z2.shape[1]
    keep = 1 - relax
    zero = x[0, 0, 0, 0] * 0
    one, tiny = zero + 1, zero + 1e-30
    floor = zero if non_negative else -one  # loops without branches, so that they are vectorised
    slopes = np.zeros((3, nx), dtype=x.dtype)
    for i in range(images):
        for m in range(nz):
            for j in range(ny):
                _slopes(x[i], m, j, slopes)
                for k in range(nx):
                    a = relax * x[i, m, j, k] + keep * z1[i, m, j, k] + u1[i, m, j, k]
                    z = max(a - l1, zero) + floor * max(-a - l1, zero)
                    z1[i, m, j, k] = z
                    u1[i, m, j, k] = a - z
                if axes == 2:
                    for k in range(nx):
                        ay = relax * slopes[1, k] + keep * z2[i, 0, m, j, k] + u2[i, 0, m, j, k]
                        ax = relax * slopes[2, k] + keep * z2[i, 1, m, j, k] + u2[i, 1, m, j, k]
                        factor = max(one - ltv / (np.sqrt(ax * ax + ay * ay) + tiny), zero)
                        z2[i, 0, m, j, k] = factor * ay
                        z2[i, 1, m, j, k] = factor * ax
                        u2[i, 0, m, j, k] = ay - factor * ay
                        u2[i, 1, m, j, k] = ax - factor * ax
                else:
                    for k in range(nx):
                        az = relax * slopes[0, k] + keep * z2[i, 0, m, j, k] + u2[i, 0, m, j, k]
                        ay = relax * slopes[1, k] + keep * z2[i, 1, m, j, k] + u2[i, 1, m, j, k]
                        ax = relax * slopes[2, k] + keep * z2[i, 2, m, j, k] + u2[i, 2, m, j, k]
                        factor = max(one - ltv / (np.sqrt(ax * ax + ay * ay + az * az) + tiny), zero)
                        z2[i, 0, m, j, k] = factor * az
                        z2[i, 1, m, j, k] = factor * ay
                        z2[i, 2, m, j, k] = factor * ax
                        u2[i, 0, m, j, k] = az - factor * az
                        u2[i, 1, m, j, k] = ay - factor * ay
                        u2[i, 2, m, j, k] = ax - factor * ax
        for m in range(nz):
            for j in range(ny):
                for k in range(nx):
                    w[i, m, j, k] = z1[i, m, j, k] - u1[i, m, j, k]
                _add_divergence(z2[i], u2[i], m, j, w[i])
