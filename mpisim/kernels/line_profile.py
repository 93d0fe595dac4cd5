r"""The loops of the line-profile engine: the mean of a table of profiles over a sample, and interpolation at voxels.

Where a row is one function :math:`a_k(r) = f_k(u)` of the distance :math:`u` from the line, a table holds :math:`f_k`
at equidistant nodes (`mpisim.kernels.equilibrium.profile_table`), `sample_filter` is the mean over a sample as a filter
on those nodes, and `interpolate_profile` takes every voxel by Lagrange interpolation through six nodes. Lengths are in
nodes of the table.

Arrays in, arrays out. Tables are walked as flat arrays: harmonics are then the innermost loop, which the compiler
vectorises (indices are unsigned, since those that could count from the end would prevent it).
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

__all__ = ["interpolate_profile", "sample_filter"]

Array = np.ndarray
_FAST = {"contract", "nsz", "arcp", "reassoc"}  # NaN and infinity keep their meaning
_TAPS = 6  # nodes of the Lagrange interpolation


@njit(inline="always", error_model="numpy")
def _lagrange_weights(t: float, w: Array) -> None:
    """Fill `w` (6,) with the weights of nodes -2 .. 3 for a value at `t` in [0, 1)."""
    a, b, c, d, e, f = t + 2.0, t + 1.0, t, t - 1.0, t - 2.0, t - 3.0
    ab, cd, ef = a * b, c * d, e * f
    w[0] = -b * cd * ef / 120.0
    w[1] = a * cd * ef / 24.0
    w[2] = -ab * d * ef / 12.0
    w[3] = ab * c * ef / 12.0
    w[4] = -ab * cd * f / 24.0
    w[5] = ab * cd * e / 120.0


@njit(error_model="numpy", cache=True)
def sample_filter(dx: Array, dy: Array, weights: Array, radius: int) -> Array:
    """Return the filter (2 radius + 1,) that averages a table over a sample seen along a line.

    The sample's points lie at `dx` (i,) + `dy` (j,), within `radius` - 3 nodes; `weights` (i, j).
    """
    taps = np.zeros(2 * radius + 1)
    w = np.empty(_TAPS)
    for i in range(dx.size):
        for j in range(dy.size):
            shift = dx[i] + dy[j]
            node = int(np.floor(shift))
            _lagrange_weights(shift - node, w)
            for t in range(_TAPS):
                taps[radius + node + t - 2] += weights[i, j] * w[t]
    return taps


@njit(inline="always", error_model="numpy")
def _filtered(table: Array, taps: Array) -> Array:
    """Return the table (node, harmonic) filtered along its nodes, flat; zero within half a filter of its ends."""
    n_nodes, n_harmonics = table.shape
    flat = table.reshape(-1)
    radius = taps.size // 2
    inside = (n_nodes - 2 * radius) * n_harmonics
    mean = np.zeros(n_nodes * n_harmonics)
    middle = mean[radius * n_harmonics : radius * n_harmonics + inside]
    for t in range(taps.size):
        shifted = flat[t * n_harmonics : t * n_harmonics + inside]
        for i in range(inside):
            middle[i] += taps[t] * shifted[i]
    return mean


@njit(inline="always", error_model="numpy")
def _interpolate_line(mean: Array, starts: Array, w: Array, stride: np.uint64, row: Array) -> None:
    """Fill `row` (x * harmonic,) from the flat table `mean`, its first nodes `starts` (x,) and weights `w` (x, 6)."""
    for ix in range(np.uint64(starts.size)):
        w0, w1, w2, w3, w4, w5 = w[ix, 0], w[ix, 1], w[ix, 2], w[ix, 3], w[ix, 4], w[ix, 5]
        n0 = starts[ix]
        n1 = n0 + stride
        n2 = n1 + stride
        n3 = n2 + stride
        n4 = n3 + stride
        n5 = n4 + stride
        here = ix * stride
        for k in range(stride):
            row[here + k] = (
                w0 * mean[n0 + k]
                + w1 * mean[n1 + k]
                + w2 * mean[n2 + k]
                + w3 * mean[n3 + k]
                + w4 * mean[n4 + k]
                + w5 * mean[n5 + k]
            )


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def interpolate_profile(
    table: Array,
    dx: Array,
    dy: Array,
    weights: Array,
    radius: int,
    cosines: Array,
    sines: Array,
    x: Array,
    y: Array,
    first: float,
    imaginary_part: Array,
    centred: bool,
    out: Array,
) -> None:
    """Fill all rows from a table of profiles.

    Parameters
    ----------
    table
        Profiles of points at u = `first` + n, shape (node, harmonic).
    dx, dy, weights, radius
        Points and weights of the sample, and the radius of its filter, as `sample_filter` takes them.
    cosines, sines
        Of the rotation angles of the line's normal, shape (angle,).
    x, y
        Voxel centres.
    first
        Position of the first node.
    imaginary_part
        1 where a harmonic is imaginary and 0 where it is real, shape (harmonic,).
    centred
        Whether x and y are antisymmetric. Half the voxels then follow by parity: a(-r) = a(r) for a real harmonic,
        a(-r) = -a(r) for an imaginary one.
    out
        Real and imaginary parts of the rows, shape (angle, harmonic, y, x, 2).
    """
    n_harmonics = table.shape[1]
    stride = np.uint64(n_harmonics)
    for a in prange(cosines.size):
        mean = _filtered(table, sample_filter(dx * cosines[a], dy * sines[a], weights, radius))
        starts = np.empty(x.size, np.uint64)
        w = np.empty((x.size, _TAPS))
        row = np.empty(x.size * n_harmonics)
        for iy in range((y.size + 1) // 2 if centred else y.size):
            for ix in range(x.size):
                position = x[ix] * cosines[a] + y[iy] * sines[a] - first
                node = int(position)
                _lagrange_weights(position - node, w[ix])
                starts[ix] = (node - 2) * n_harmonics
            _interpolate_line(mean, starts, w, stride, row)
            for k in range(n_harmonics):
                c = imaginary_part[k]
                for ix in range(x.size):
                    out[a, k, iy, ix, c] = row[ix * n_harmonics + k]
                if centred:
                    sign = 1.0 - 2.0 * c
                    for ix in range(x.size):
                        out[a, k, y.size - 1 - iy, x.size - 1 - ix, c] = sign * row[ix * n_harmonics + k]
