r"""A loop over points of a vector field that is a polynomial of the coordinates.

.. math:: b(r) = \sum_t c_t\, x^{i_t} y^{j_t} z^{k_t} , \qquad c_t \in \mathbb R^3 .

Blocks of points keep their powers in the cache, and the compiler vectorises over the points of a block.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

__all__ = ["polynomial_vectors"]

Array = np.ndarray
_BLOCK = 64  # points


@njit(parallel=True, error_model="numpy", cache=True)
def polynomial_vectors(points: Array, exponents: Array, coefficients: Array, out: Array) -> None:
    """Fill `out` (point, 3) with the field at `points` (point, 3).

    `exponents` (term, 3) are the powers of x, y and z, whole numbers from 0; `coefficients` (term, 3) the vectors.
    """
    count, highest = points.shape[0], exponents.max() if exponents.size else 0
    for block in prange((count + _BLOCK - 1) // _BLOCK):
        start = block * _BLOCK
        size = min(_BLOCK, count - start)
        powers = np.ones((3, highest + 1, _BLOCK))
        for axis in range(3):
            for power in range(1, highest + 1):
                for i in range(size):
                    powers[axis, power, i] = powers[axis, power - 1, i] * points[start + i, axis]
        total = np.zeros((3, _BLOCK))
        for t in range(exponents.shape[0]):
            x, y, z = powers[0, exponents[t, 0]], powers[1, exponents[t, 1]], powers[2, exponents[t, 2]]
            a, b, c = coefficients[t, 0], coefficients[t, 1], coefficients[t, 2]
            for i in range(_BLOCK):
                value = x[i] * y[i] * z[i]
                total[0, i] += a * value
                total[1, i] += b * value
                total[2, i] += c * value
        for i in range(size):
            for axis in range(3):
                out[start + i, axis] = total[axis, i]
