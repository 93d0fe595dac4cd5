r"""The loops over tables of equilibrium moments with an easy axis.

A table holds values at nodes that are equidistant in :math:`s = \operatorname{asinh}(\xi/w)`, three of them below zero
and four beyond its end, and is read by Lagrange interpolation through six nodes. Arrays in, arrays out.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from mpisim.kernels.line_profile import _lagrange_weights

__all__ = ["MARGIN", "add_isotropic_moments", "add_table_moments"]

Array = np.ndarray
MARGIN = 3
"""Nodes of a table below zero."""
_TAPS = 6


@njit(inline="always", error_model="numpy")
def _place(xi: float, width: float, step: float, w: Array) -> int:
    """Fill `w` (6,) with the weights of a value `xi` of zero or more; return its first node."""
    position = np.arcsinh(xi / width) / step
    node = int(position)
    _lagrange_weights(position - node, w)
    return node + MARGIN - 2


@njit(parallel=True, error_model="numpy", cache=True)
def add_table_moments(
    field: Array, axis: Array, beta: float, table: Array, width: float, step: float, moment: float, out: Array
) -> None:
    """Add the mean moments of particles with one easy axis.

    Parameters
    ----------
    field
        Field in T, shape (point, 3).
    axis
        Easy axis, a unit vector (3,).
    beta
        m / (k_B T) in 1/T.
    table, width, step
        Mean direction along and across the axis, shape (2, node, node) for xi along and across it, and w and the
        distance of nodes in s.
    moment
        Moment in A m^2 with which the mean directions are multiplied.
    out
        Moment in A m^2, shape (point, 3).
    """
    for n in prange(field.shape[0]):
        u, v = np.empty(_TAPS), np.empty(_TAPS)
        along = beta * (field[n, 0] * axis[0] + field[n, 1] * axis[1] + field[n, 2] * axis[2])
        square = 0.0
        for i in range(3):
            square += (beta * field[n, i] - along * axis[i]) ** 2
        across = np.sqrt(square)
        first, second = _place(abs(along), width, step, u), _place(across, width, step, v)
        parallel, perpendicular = 0.0, 0.0
        for i in range(_TAPS):
            a, b = 0.0, 0.0
            for j in range(_TAPS):
                a += v[j] * table[0, first + i, second + j]
                b += v[j] * table[1, first + i, second + j]
            parallel += u[i] * a
            perpendicular += u[i] * b
        parallel = moment * (parallel if along >= 0.0 else -parallel)
        ratio = moment * perpendicular / across if across > 0.0 else 0.0
        for i in range(3):
            out[n, i] += parallel * axis[i] + ratio * (beta * field[n, i] - along * axis[i])


@njit(parallel=True, error_model="numpy", cache=True)
def add_isotropic_moments(
    field: Array, beta: float, table: Array, width: float, step: float, moment: float, out: Array
) -> None:
    """Add the mean moments of particles with easy axes of all directions.

    The arguments are those of `add_table_moments`; `table` (node,) is the mean direction along the field over xi.
    """
    for n in prange(field.shape[0]):
        w = np.empty(_TAPS)
        xi = beta * np.sqrt(field[n, 0] ** 2 + field[n, 1] ** 2 + field[n, 2] ** 2)
        first, total = _place(xi, width, step, w), 0.0
        for i in range(_TAPS):
            total += w[i] * table[first + i]
        for i in range(3):
            out[n, i] += moment * total * beta * field[n, i]
