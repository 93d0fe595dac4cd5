"""Every compiled loop of the package: arrays in, arrays out, no objects. Tests hold each against a NumPy twin."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["admm_split", "kaczmarz_sweep"]


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "arcp"})
def admm_split(x: np.ndarray, z1: np.ndarray, u1: np.ndarray, z2: np.ndarray, u2: np.ndarray, w: np.ndarray,
               l1: float, ltv: float, relax: float, non_negative: bool) -> None:
    """Do the proximal and dual steps of the image and its gradient, and the right-hand side of the next image.

    With a = relax x + (1 - relax) z1 + u1: z1 = shrink(a, l1), u1 = a - z1; z2 and u2 likewise from the gradient with
    the group shrink `ltv`; w = (z1 - u1) + D^T (z2 - u2). All but `x` are changed in place.

    Shapes: x, z1, u1, w (image, z, y, x); z2, u2 (image, axes, z, y, x), axes 2 for (y, x) or 3 for (z, y, x).
    """
    images, nz, ny, nx = x.shape
    axes = z2.shape[1]
    keep = 1 - relax
    zero = x[0, 0, 0, 0] * 0
    one = zero + 1
    for i in range(images):
        for m in range(nz):
            for j in range(ny):
                for k in range(nx):
                    value = x[i, m, j, k]
                    a = relax * value + keep * z1[i, m, j, k] + u1[i, m, j, k]
                    z = max(a - l1, zero)
                    if not non_negative:
                        z -= max(-a - l1, zero)
                    z1[i, m, j, k] = z
                    u1[i, m, j, k] = a - z
                    gx = x[i, m, j, k + 1] - value if k < nx - 1 else zero
                    gy = x[i, m, j + 1, k] - value if j < ny - 1 else zero
                    gz = x[i, m + 1, j, k] - value if m < nz - 1 else zero
                    ax = relax * gx + keep * z2[i, axes - 1, m, j, k] + u2[i, axes - 1, m, j, k]
                    ay = relax * gy + keep * z2[i, axes - 2, m, j, k] + u2[i, axes - 2, m, j, k]
                    az = zero
                    if axes == 3:
                        az = relax * gz + keep * z2[i, 0, m, j, k] + u2[i, 0, m, j, k]
                    length = np.sqrt(ax * ax + ay * ay + az * az)
                    factor = max(one - ltv / length, zero) if length > 0 else zero
                    z2[i, axes - 1, m, j, k] = factor * ax
                    u2[i, axes - 1, m, j, k] = ax - factor * ax
                    z2[i, axes - 2, m, j, k] = factor * ay
                    u2[i, axes - 2, m, j, k] = ay - factor * ay
                    if axes == 3:
                        z2[i, 0, m, j, k] = factor * az
                        u2[i, 0, m, j, k] = az - factor * az
        for m in range(nz):
            for j in range(ny):
                for k in range(nx):
                    total = z1[i, m, j, k] - u1[i, m, j, k]
                    if k < nx - 1:
                        total -= z2[i, axes - 1, m, j, k] - u2[i, axes - 1, m, j, k]
                    if k > 0:
                        total += z2[i, axes - 1, m, j, k - 1] - u2[i, axes - 1, m, j, k - 1]
                    if j < ny - 1:
                        total -= z2[i, axes - 2, m, j, k] - u2[i, axes - 2, m, j, k]
                    if j > 0:
                        total += z2[i, axes - 2, m, j - 1, k] - u2[i, axes - 2, m, j - 1, k]
                    if axes == 3:
                        if m < nz - 1:
                            total -= z2[i, 0, m, j, k] - u2[i, 0, m, j, k]
                        if m > 0:
                            total += z2[i, 0, m - 1, j, k] - u2[i, 0, m - 1, j, k]
                    w[i, m, j, k] = total


@njit(cache=True)
def kaczmarz_sweep(matrix: np.ndarray, y: np.ndarray, energy: np.ndarray, strength: float, x: np.ndarray,
                   v: np.ndarray) -> None:
    """Do one sweep of regularised Kaczmarz over all rows, in place, without projection.

    For every row m with energy |s_m|^2 > 0: b = (y_m - s_m x - sqrt(l) v_m) / (|s_m|^2 + l), x += b conj(s_m),
    v_m += sqrt(l) b.

    Shapes: matrix (row, voxel), y and v (row,), x (voxel,), all complex128; energy (row,), float64.
    """
    root = np.sqrt(strength)
    for m in range(matrix.shape[0]):
        if energy[m] == 0:
            continue
        product = 0j
        for n in range(matrix.shape[1]):
            product += matrix[m, n] * x[n]
        b = (y[m] - product - root * v[m]) / (energy[m] + strength)
        for n in range(matrix.shape[1]):
            x[n] += b * np.conj(matrix[m, n])
        v[m] += root * b
