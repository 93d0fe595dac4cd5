r"""The loop over the flux of samples whose field has several tones, at all times of a period.

At a point the field is :math:`B_j = b + \sum_i d_i w_{ij}` with the selection field :math:`b`, the peak drive field
:math:`d_i` of each tone and its wave :math:`w_{ij}` at the time j. The flux of the coil :math:`p` is

.. math:: (p\cdot B_j) \sum_n g_n\,h(\beta_n^2\,B_j\cdot B_j), \qquad h(\xi^2) = L(\xi)/\xi,

summed over the points of a sample. Times are taken in blocks that stay in the cache of a processor; within a block the
field of a point is computed once for all sizes and coils, and every loop over time is free of branches.

:math:`h` is that of `mpisim.kernels.equilibrium`. Numba's cache does not notice a change there: delete the folders
`__pycache__` after one. Arrays in, arrays out; units are those of the caller (SI throughout the package).
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from mpisim.kernels.equilibrium import _SATURATED, _denominator, _langevin_ratio, _numerator

__all__ = ["flux_of_tones"]

Array = np.ndarray
_FAST = {"contract", "nsz", "arcp", "reassoc"}  # NaN and infinity keep their meaning
_TIMES = 256  # of a block


@njit(inline="always", error_model="numpy")
def _fill_field(selection: Array, drives: Array, waves: Array, start: int, count: int, b: Array) -> float:
    """Fill `b` (4, time) with the field's components and its square; return the largest square."""
    for i in range(3):
        for j in range(count):
            b[i, j] = selection[i]
        for n in range(drives.shape[0]):
            peak = drives[n, i]
            if peak != 0.0:
                for j in range(count):
                    b[i, j] += peak * waves[n, start + j]
    largest = 0.0
    for j in range(count):
        b[3, j] = b[0, j] * b[0, j] + b[1, j] * b[1, j] + b[2, j] * b[2, j]
        largest = max(largest, b[3, j])
    return largest


@njit(inline="always", error_model="numpy")
def _fill_ratio(squares: Array, count: int, largest: float, factors: Array, betas: Array, ratio: Array) -> None:
    """Fill `ratio` (time,) with the sum over sizes of factor times L(xi) / xi."""
    for j in range(count):
        ratio[j] = 0.0
    for n in range(betas.size):
        beta2, factor = betas[n] * betas[n], factors[n]
        if beta2 * largest < _SATURATED:
            for j in range(count):
                s = beta2 * squares[j]
                ratio[j] += factor * _numerator(s) / _denominator(s)
        else:
            for j in range(count):
                ratio[j] += factor * _langevin_ratio(beta2 * squares[j])


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def flux_of_tones(
    selection: Array, drives: Array, sensitivities: Array, factors: Array, betas: Array, waves: Array, out: Array
) -> None:
    """Fill `out` (voxel, coil, time) with the flux of every coil.

    Parameters
    ----------
    selection
        Selection field in T, shape (voxel, point, 3).
    drives
        Peak drive field of every tone in T, shape (tone, voxel, point, 3).
    sensitivities
        Sensitivity of every coil in 1/m, shape (coil, voxel, point, 3).
    factors
        Weight of each point times the factor g of each size, shape (point, size).
    betas
        m / (k_B T) of each size in 1/T, shape (size,).
    waves
        Wave of every tone at each time, shape (tone, time).
    out
        Flux in the unit of p B g, shape (voxel, coil, time).
    """
    n_voxels, n_points, _ = selection.shape
    n_coils, n_times = sensitivities.shape[0], waves.shape[1]
    for v in prange(n_voxels):
        b, ratio = np.empty((4, _TIMES)), np.empty(_TIMES)
        for start in range(0, n_times, _TIMES):
            count = min(_TIMES, n_times - start)
            for c in range(n_coils):
                for j in range(count):
                    out[v, c, start + j] = 0.0
            for q in range(n_points):
                largest = _fill_field(selection[v, q], drives[:, v, q], waves, start, count, b)
                _fill_ratio(b[3], count, largest, factors[q], betas, ratio)
                for c in range(n_coils):
                    p0, p1, p2 = sensitivities[c, v, q, 0], sensitivities[c, v, q, 1], sensitivities[c, v, q, 2]
                    for j in range(count):
                        out[v, c, start + j] += (p0 * b[0, j] + p1 * b[1, j] + p2 * b[2, j]) * ratio[j]
