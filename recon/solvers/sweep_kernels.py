r"""The compiled loops of Kaczmarz sweeps: arrays in, arrays out. Tests compare them with their definitions in NumPy.

A sweep must pass through every row twice: for its product with x, and, once that is known for the whole row, to change
x. Rows are therefore done in small blocks: x is changed by one block while the products with the next one are formed.
The second time a row comes from the cache. The products :math:`s_m s_n^H` of rows of a block give the steps b of row by
row sweeps from the products with the x before the block.

Both is done tile by tile of the voxels. The rows of a tile are first separated into real and imaginary parts, once for
all images. Every image then takes 32 multiplications and additions for a voxel and no other work. In the meantime the
next tile of the next rows is asked for, so that the memory works while the processor computes.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from recon.solvers.prefetch import LINE, prefetch

__all__ = ["kaczmarz_grams", "kaczmarz_sweep"]

_FAST = {"reassoc", "contract", "nsz", "arcp"}
_TILE = 1024
"""Voxels of a sum in float32 in the products of rows."""
_SWEEP_TILE = 128
"""The same in a sweep. Sums, and so the images, do not depend on how many images are swept, nor on how threads share
them."""


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
def _separate(matrix: np.ndarray, rows: np.ndarray, t: int, parts: np.ndarray) -> None:
    """Fill parts (8, tile) with the real parts, then the imaginary parts of four rows from voxel t on.

    Beyond the last voxel parts are zero.
    """
    left = matrix.shape[1] - t
    if left < _SWEEP_TILE:
        parts[:] = 0
        for j in range(4):
            for k in range(left):
                parts[j, k], parts[4 + j, k] = matrix[rows[j], t + k].real, matrix[rows[j], t + k].imag
        return
    for j in range(4):
        row, real, imag = matrix[rows[j], t : t + _SWEEP_TILE], parts[j], parts[4 + j]
        for k in range(_SWEEP_TILE):
            real[k] = row[k].real
            imag[k] = row[k].imag


@njit(cache=True, inline="always", error_model="numpy", fastmath=_FAST)
def _change_and_project(
    c: np.ndarray, d: np.ndarray, b: np.ndarray, q: np.ndarray, r: np.ndarray, products: np.ndarray
) -> None:
    """Add b_j conj(q_j) of four rows to the image c + i d, and its products with the next four, r_j, to products (4,).

    Rows are in the parts that `_separate` gives, (8, tile); c and d are a tile of the image.
    """
    e0, e1, e2, e3 = b[0].real, b[1].real, b[2].real, b[3].real
    f0, f1, f2, f3 = b[0].imag, b[1].imag, b[2].imag, b[3].imag
    m0 = m1 = m2 = m3 = n0 = n1 = n2 = n3 = c[0] - c[0]
    for k in range(_SWEEP_TILE):
        u = c[k] + e0 * q[0, k] + f0 * q[4, k] + e1 * q[1, k] + f1 * q[5, k]
        w = d[k] + f0 * q[0, k] - e0 * q[4, k] + f1 * q[1, k] - e1 * q[5, k]
        u += e2 * q[2, k] + f2 * q[6, k] + e3 * q[3, k] + f3 * q[7, k]
        w += f2 * q[2, k] - e2 * q[6, k] + f3 * q[3, k] - e3 * q[7, k]
        c[k] = u
        d[k] = w
        m0 += r[0, k] * u - r[4, k] * w
        n0 += r[0, k] * w + r[4, k] * u
        m1 += r[1, k] * u - r[5, k] * w
        n1 += r[1, k] * w + r[5, k] * u
        m2 += r[2, k] * u - r[6, k] * w
        n2 += r[2, k] * w + r[6, k] * u
        m3 += r[3, k] * u - r[7, k] * w
        n3 += r[3, k] * w + r[7, k] * u
    products[0] += complex(m0, n0)
    products[1] += complex(m1, n1)
    products[2] += complex(m2, n2)
    products[3] += complex(m3, n3)


@njit(cache=True, inline="always", error_model="numpy", fastmath=_FAST)
def _fetch_tile(matrix: np.ndarray, rows: np.ndarray, t: int, part: int, parts: int) -> None:
    """Ask for one of several parts of the tile of four rows that begins with voxel t."""
    values = LINE // matrix.itemsize
    lines = _SWEEP_TILE // values
    for line in range(part * lines // parts, (part + 1) * lines // parts):
        if t + line * values < matrix.shape[1]:
            for j in range(4):
                prefetch(matrix, rows[j], t + line * values)


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
    planes = np.zeros((images, 2, voxels + -voxels % _SWEEP_TILE), x.real.dtype)
    planes[:, 0, :voxels], planes[:, 1, :voxels] = x.real, x.imag
    q_parts, r_parts = np.empty((8, _SWEEP_TILE), planes.dtype), np.empty((8, _SWEEP_TILE), planes.dtype)
    b, products = np.zeros((images, 4), x.dtype), np.zeros((images, 4), np.complex128)
    now = np.zeros(4, np.complex128)
    q = order[:4]
    for block in range(grams.shape[0] + 1):
        last = block == grams.shape[0]
        r = q if last else order[4 * block : 4 * block + 4]
        products[:] = 0
        for t in range(0, voxels, _SWEEP_TILE):
            e = t + _SWEEP_TILE
            _separate(matrix, q, t, q_parts)
            _separate(matrix, r, t, r_parts)
            for i in range(images):
                _fetch_tile(matrix, r, e, i, images)
                _change_and_project(planes[i, 0, t:e], planes[i, 1, t:e], b[i], q_parts, r_parts, products[i])
        if not last:
            for i in range(images):
                _steps(grams[block], 0, r, count - 4 * block, scale, y[i], penalty[i], v[i], products[i], now, b[i])
        q = r
    for i in range(images):
        for k in range(voxels):
            x[i, k] = complex(planes[i, 0, k], planes[i, 1, k])
