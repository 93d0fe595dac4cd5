r"""The compiled loops of Kaczmarz sweeps: arrays in, arrays out. Tests compare them with their definitions in NumPy.

A sweep must pass through every row twice: for its product with x, and, once that is known for the whole row, to change
x. Rows are therefore done in small blocks: x is changed by one block while the products with the next one are formed.
The second time a row comes from the cache. The products :math:`s_m s_n^H` of rows of a block give the steps b of row by
row sweeps from the products with the x before the block.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["kaczmarz_grams", "kaczmarz_sweep"]

_FAST = {"reassoc", "contract", "nsz", "arcp"}
_TILE = 1024
"""Voxels of a sum in float32 in the products of rows."""
_SMALL_TILE = 128
"""The same in a sweep, where products use a part of an image right after its change. It is one for any number of
images: sums, and so the images, do not depend on how many there are, nor on how threads share them."""


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
def _update(x: np.ndarray, b: np.ndarray, s0: np.ndarray, s1: np.ndarray, s2: np.ndarray, s3: np.ndarray) -> None:
    """Add b_j conj(s_j) of four rows (voxel,) to x."""
    e0, e1, e2, e3 = b[0].real, b[1].real, b[2].real, b[3].real
    f0, f1, f2, f3 = b[0].imag, b[1].imag, b[2].imag, b[3].imag
    for k in range(x.size):
        p, q, r, s = s0[k], s1[k], s2[k], s3[k]
        c = x[k].real + e0 * p.real + f0 * p.imag + e1 * q.real + f1 * q.imag
        d = x[k].imag + f0 * p.real - e0 * p.imag + f1 * q.real - e1 * q.imag
        c += e2 * r.real + f2 * r.imag + e3 * s.real + f3 * s.imag
        d += f2 * r.real - e2 * r.imag + f3 * s.real - e3 * s.imag
        x[k] = complex(c, d)


@njit(cache=True, inline="always", error_model="numpy", fastmath=_FAST)
def _project(
    x: np.ndarray, s0: np.ndarray, s1: np.ndarray, s2: np.ndarray, s3: np.ndarray, products: np.ndarray
) -> None:
    """Add the products s_j x of four rows (voxel,) to products (4,)."""
    zero = x[0].real - x[0].real
    m0 = m1 = m2 = m3 = n0 = n1 = n2 = n3 = zero
    for k in range(x.size):
        c, d = x[k].real, x[k].imag
        p, q, r, s = s0[k], s1[k], s2[k], s3[k]
        m0 += p.real * c - p.imag * d
        n0 += p.real * d + p.imag * c
        m1 += q.real * c - q.imag * d
        n1 += q.real * d + q.imag * c
        m2 += r.real * c - r.imag * d
        n2 += r.real * d + r.imag * c
        m3 += s.real * c - s.imag * d
        n3 += s.real * d + s.imag * c
    products[0] += complex(m0, n0)
    products[1] += complex(m1, n1)
    products[2] += complex(m2, n2)
    products[3] += complex(m3, n3)


@njit(cache=True, inline="always", error_model="numpy", fastmath=_FAST)
def _steps(
    gram: np.ndarray,
    first: int,
    rows: np.ndarray,
    left: int,
    scale: np.ndarray,
    y: np.ndarray,
    penalty: float,
    v: np.ndarray,
    products: np.ndarray,
    now: np.ndarray,
    b: np.ndarray,
) -> None:
    """Fill b with the steps of rows from `first` of a block, of which `left` are to be done, and change v (row,)."""
    root = np.sqrt(penalty)
    for j in range(rows.size):
        m, norm = rows[j], gram[first + j, first + j].real
        now[j], b[j] = 0, 0
        if j >= left or norm == 0:
            continue
        product = products[j]
        for n in range(j):
            product += gram[first + j, first + n] * now[n]
        step = (scale[m] * (y[m] - product) - root * v[m]) / (scale[m] ** 2 * norm + penalty)
        v[m] += root * step
        now[j] = scale[m] * step
        b[j] = now[j]


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
    are formed.

    Shapes: matrix (row, voxel), complex; order (4 blocks,), of which the first `count` rows are done; grams as
    `kaczmarz_grams` fills them; scale g (row,) and penalty l (image,), float64; y and v (image, row), complex128; x
    (image, voxel), of the type of the matrix.
    """
    images, voxels = x.shape
    b, products = np.zeros((images, 4), x.dtype), np.zeros((images, 4), np.complex128)
    now = np.zeros(4, np.complex128)
    q = order[:4]
    for block in range(grams.shape[0] + 1):
        last = block == grams.shape[0]
        r = q if last else order[4 * block : 4 * block + 4]
        products[:] = 0
        for t in range(0, voxels, _SMALL_TILE):
            e = t + _SMALL_TILE
            q0, q1, q2, q3 = matrix[q[0], t:e], matrix[q[1], t:e], matrix[q[2], t:e], matrix[q[3], t:e]
            r0, r1, r2, r3 = matrix[r[0], t:e], matrix[r[1], t:e], matrix[r[2], t:e], matrix[r[3], t:e]
            for i in range(images):
                _update(x[i, t:e], b[i], q0, q1, q2, q3)
                if not last:
                    _project(x[i, t:e], r0, r1, r2, r3, products[i])
        if not last:
            for i in range(images):
                _steps(grams[block], 0, r, count - 4 * block, scale, y[i], penalty[i], v[i], products[i], now, b[i])
        q = r
