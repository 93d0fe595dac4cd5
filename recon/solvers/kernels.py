"""The compiled loops of the solvers: arrays in, arrays out. Tests compare each one with its definition in NumPy."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["admm_split", "kaczmarz_grams", "kaczmarz_sweep"]


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


_FAST = {"reassoc", "contract", "nsz", "arcp"}
_TILE = 1024
"""Voxels that are worked on at once: eight rows of them, and an image, stay in the cache next to the processor."""


@njit(cache=True, inline="always", error_model="numpy", fastmath=_FAST)
def _add_products(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, gram: np.ndarray) -> None:
    """Add the products of four rows (voxel,) with the complex conjugates of the rows before them to gram (4, 4)."""
    zero = a[0] - a[0]
    n0 = n1 = n2 = n3 = zero.real
    g10 = g20 = g21 = g30 = g31 = g32 = zero
    for k in range(a.size):
        p, q, r, s = a[k], b[k], c[k], d[k]
        n0 += p.real * p.real + p.imag * p.imag
        n1 += q.real * q.real + q.imag * q.imag
        n2 += r.real * r.real + r.imag * r.imag
        n3 += s.real * s.real + s.imag * s.imag
        g10 += q * np.conj(p)
        g20 += r * np.conj(p)
        g30 += s * np.conj(p)
        g21 += r * np.conj(q)
        g31 += s * np.conj(q)
        g32 += s * np.conj(r)
    gram[0, 0] += n0
    gram[1, 1] += n1
    gram[2, 2] += n2
    gram[3, 3] += n3
    gram[1, 0] += g10
    gram[2, 0] += g20
    gram[2, 1] += g21
    gram[3, 0] += g30
    gram[3, 1] += g31
    gram[3, 2] += g32


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def kaczmarz_grams(matrix: np.ndarray, order: np.ndarray, grams: np.ndarray) -> None:
    """Fill the lower triangles of grams with the products s_m s_n^H of rows that follow each other, four by four.

    Shapes: matrix (row, voxel), complex; order (4 blocks,), the rows in the order of the sweep; grams (block, 4, 4),
    complex128. The diagonals are the squared norms of the rows.
    """
    for block in range(grams.shape[0]):
        grams[block] = 0
        a, b, c, d = order[4 * block], order[4 * block + 1], order[4 * block + 2], order[4 * block + 3]
        for t in range(0, matrix.shape[1], _TILE):
            e = t + _TILE
            _add_products(matrix[a, t:e], matrix[b, t:e], matrix[c, t:e], matrix[d, t:e], grams[block])


@njit(cache=True, inline="always", error_model="numpy", fastmath=_FAST)
def _update_and_project(
    x: np.ndarray,
    q0: np.ndarray,
    q1: np.ndarray,
    q2: np.ndarray,
    q3: np.ndarray,
    b: np.ndarray,
    r0: np.ndarray,
    r1: np.ndarray,
    r2: np.ndarray,
    r3: np.ndarray,
    products: np.ndarray,
) -> None:
    """Add b_j conj(q_j) of four rows to x, and the products r_j x of the next four rows to products (4,)."""
    b0, b1, b2, b3 = b[0], b[1], b[2], b[3]
    p0 = p1 = p2 = p3 = b0 - b0
    for k in range(x.size):
        value = x[k] + b0 * np.conj(q0[k]) + b1 * np.conj(q1[k]) + b2 * np.conj(q2[k]) + b3 * np.conj(q3[k])
        x[k] = value
        p0 += r0[k] * value
        p1 += r1[k] * value
        p2 += r2[k] * value
        p3 += r3[k] * value
    products[0] += p0
    products[1] += p1
    products[2] += p2
    products[3] += p3


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def kaczmarz_sweep(
    matrix: np.ndarray,
    order: np.ndarray,
    count: int,
    grams: np.ndarray,
    scale: np.ndarray,
    y: np.ndarray,
    penalty: np.ndarray,
    x: np.ndarray,
    v: np.ndarray,
) -> None:
    """Do one sweep of regularised Kaczmarz over rows g_m s_m, without projection; x and v change in place.

    For every row m in the order, with |s_m|^2 > 0: b = (g_m y_m - g_m s_m x - sqrt(l) v_m) / (g_m^2 |s_m|^2 + l),
    x += b g_m conj(s_m), v_m += sqrt(l) b. Four rows are done at once: with the products s_m s_n^H of their rows, b
    follows from the products with the x before them. x is changed by four rows while the products with the next four
    are formed, so that x and every row pass through the processor once.

    Shapes: matrix (row, voxel), complex; order (4 blocks,), of which the first `count` rows are done; grams as
    `kaczmarz_grams` fills them; scale g (row,) and penalty l (image,), float64; y and v (image, row), complex128; x
    (image, voxel), of the type of the matrix.
    """
    images, voxels = x.shape
    b, products = np.zeros((images, 4), x.dtype), np.zeros((images, 4), np.complex128)
    now = np.zeros(4, np.complex128)
    q = order[:4]
    for block in range(grams.shape[0]):
        r = order[4 * block : 4 * block + 4]
        products[:] = 0
        for t in range(0, voxels, _TILE):
            e = t + _TILE
            q0, q1, q2, q3 = matrix[q[0], t:e], matrix[q[1], t:e], matrix[q[2], t:e], matrix[q[3], t:e]
            r0, r1, r2, r3 = matrix[r[0], t:e], matrix[r[1], t:e], matrix[r[2], t:e], matrix[r[3], t:e]
            for i in range(images):
                _update_and_project(x[i, t:e], q0, q1, q2, q3, b[i], r0, r1, r2, r3, products[i])
        for i in range(images):
            root = np.sqrt(penalty[i])
            for j in range(4):
                m, norm = r[j], grams[block, j, j].real
                now[j], b[i, j] = 0, 0
                if 4 * block + j >= count or norm == 0:
                    continue
                product = products[i, j]
                for n in range(j):
                    product += grams[block, j, n] * now[n]
                step = (scale[m] * (y[i, m] - product) - root * v[i, m]) / (scale[m] ** 2 * norm + penalty[i])
                v[i, m] += root * step
                now[j] = scale[m] * step
                b[i, j] = now[j]
        q = r
    for t in range(0, voxels, _TILE):
        e = t + _TILE
        q0, q1, q2, q3 = matrix[q[0], t:e], matrix[q[1], t:e], matrix[q[2], t:e], matrix[q[3], t:e]
        for i in range(images):
            _update_and_project(x[i, t:e], q0, q1, q2, q3, b[i], q0, q1, q2, q3, products[i])
