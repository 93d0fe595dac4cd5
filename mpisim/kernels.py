r"""Every compiled loop of the simulator: arrays in, arrays out, no objects.

The equilibrium magnetisation along a field :math:`B` is :math:`L(\xi)\,B/|B|` with :math:`\xi = \beta |B|`, which is
written here as :math:`\beta B\,h(\xi^2)`, :math:`h(\xi^2) = L(\xi)/\xi`, so that neither the field-free line
:math:`B = 0` nor the direction :math:`B/|B|` needs a special case. :math:`h` is a ratio of polynomials in
:math:`s = \xi^2` below :math:`\xi = 19` (relative error 1e-15) and :math:`(\xi - 1)/s` above, where
:math:`\coth \xi = 1` in double precision. It has no branch, so the compiler vectorises the loop over time.

Functions end in arrays they fill or return; units are those of the caller (SI throughout the package).
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange, vectorize

__all__ = ["fir_rows", "harmonic_rows", "interpolate_ridge", "langevin", "langevin_prime", "profile_table"]

_FAST = {"contract", "nsz", "arcp"}
_TAPS = 6  # nodes of the Lagrange interpolation in a ridge table


@njit(inline="always", error_model="numpy")
def _langevin_ratio(s: float) -> float:
    """L(xi) / xi as a function of s = xi^2."""
    p = 6.3860073909068515e-21
    p = p * s + 5.677376594024157e-17
    p = p * s + 1.2579028515240213e-13
    p = p * s + 1.0794483026601696e-10
    p = p * s + 4.2426891308312755e-08
    p = p * s + 8.094742222104001e-06
    p = p * s + 0.0007355168813481102
    p = p * s + 0.02839159923881855
    p = p * s + 1.0 / 3.0
    q = 2.5896984502595988e-23
    q = q * s + 7.60464135004157e-19
    q = q * s + 3.118652032192649e-15
    q = q * s + 4.220529477533358e-12
    q = q * s + 2.4585627112444842e-09
    q = q * s + 6.859506145778302e-07
    q = q * s + 9.38059776556319e-05
    q = q * s + 0.005980108587046798
    q = q * s + 0.1518414643831217
    q = q * s + 1.0
    large = s > 361.0
    numerator = np.sqrt(s) - 1.0 if large else p
    return numerator / (s if large else q)


@vectorize(["float64(float64)"], cache=True)
def langevin(x):
    """Langevin function L(x) = coth x - 1/x, dimensionless, as a NumPy ufunc; relative error below 1e-12."""
    if abs(x) > 1e100:
        return np.sign(x)
    return x * _langevin_ratio(x * x)


@vectorize(["float64(float64)"], cache=True)
def langevin_prime(x):
    """Slope of the Langevin function, L'(x) = 1/x^2 - 1/sinh(x)^2 (1/3 at 0), as a NumPy ufunc."""
    s = x * x
    if s > 361.0:
        return 1.0 / s if s < 1e200 else 0.0
    ratio = _langevin_ratio(s)
    return 1.0 - s * ratio * ratio - 2.0 * ratio


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def harmonic_rows(selection, drive, sensitivity, weights, phases, basis, beta, channel, out):
    """Fill one angle's rows on the general path.

    Parameters: `selection`, `drive`, `sensitivity` (voxel, point, 3), the selection field and the drive field at its
    peak in T, and the coil sensitivity in 1/m; `weights` (point,) of the points of a sample; `phases` (time,) = sin of
    the drive phase; `basis` (harmonic, time) in 1/s; `beta` = m / (k_B T) in 1/T; `channel` (harmonic,), 0 where the
    harmonic is real and 1 where it is imaginary; `out` (harmonic, voxel, 2).
    """
    n_voxels, n_points, _ = selection.shape
    n_times = phases.size
    for v in prange(n_voxels):
        signal = np.zeros(n_times)
        for q in range(n_points):
            bx, by, bz = selection[v, q, 0], selection[v, q, 1], selection[v, q, 2]
            dx, dy, dz = drive[v, q, 0], drive[v, q, 1], drive[v, q, 2]
            px = weights[q] * beta * sensitivity[v, q, 0]
            py = weights[q] * beta * sensitivity[v, q, 1]
            pz = weights[q] * beta * sensitivity[v, q, 2]
            for j in range(n_times):
                x = bx + dx * phases[j]
                y = by + dy * phases[j]
                z = bz + dz * phases[j]
                ratio = _langevin_ratio(beta * beta * (x * x + y * y + z * z))
                signal[j] += (px * x + py * y + pz * z) * ratio
        for k in range(basis.shape[0]):
            total = 0.0
            for j in range(n_times):
                total += basis[k, j] * signal[j]
            out[k, v, channel[k]] = total


@njit(fastmath=_FAST, error_model="numpy", cache=True)
def profile_table(offsets, amplitude, phases, basis, beta, out):
    """Fill `out` (harmonic, node) with the profiles f_k at fields `offsets` (node,) + `amplitude` sin, in T."""
    signal = np.empty(phases.size)
    for n in range(offsets.size):
        for j in range(phases.size):
            xi = beta * (offsets[n] + amplitude * phases[j])
            signal[j] = xi * _langevin_ratio(xi * xi)
        for k in range(basis.shape[0]):
            total = 0.0
            for j in range(phases.size):
                total += basis[k, j] * signal[j]
            out[k, n] = total


@njit(inline="always", error_model="numpy")
def _lagrange_weights(t, w):
    """Fill `w` (6,) with the weights of nodes -2 .. 3 for a value at `t` in [0, 1)."""
    a, b, c, d, e, f = t + 2.0, t + 1.0, t, t - 1.0, t - 2.0, t - 3.0
    w[0] = -b * c * d * e * f / 120.0
    w[1] = a * c * d * e * f / 24.0
    w[2] = -a * b * d * e * f / 12.0
    w[3] = a * b * c * e * f / 12.0
    w[4] = -a * b * c * d * f / 24.0
    w[5] = a * b * c * d * e / 120.0


@njit(error_model="numpy", cache=True)
def fir_rows(shifts, weights, reach):
    """Return the filter (2 reach + 1,) that averages a table over `shifts`, in nodes, with `weights`."""
    taps = np.zeros(2 * reach + 1)
    w = np.empty(_TAPS)
    for i in range(shifts.size):
        node = int(np.floor(shifts[i]))
        _lagrange_weights(shifts[i] - node, w)
        for t in range(_TAPS):
            taps[reach + node + t - 2] += weights[i] * w[t]
    return taps


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def interpolate_ridge(table, filters, which, cosines, sines, x, y, first, step, channel, out):
    """Fill all rows on the ridge path.

    `table` (harmonic, node) holds the point profiles at u = `first` + n `step` (m); `filters` (filter, tap) average
    it over the sample, and `which` (angle,) names each angle's; `x`, `y` are the voxel centres (m);
    `out` (angle, harmonic, y, x, 2) takes the rows.
    """
    n_harmonics, n_nodes = table.shape
    reach = filters.shape[1] // 2
    averaged = np.empty((filters.shape[0], n_nodes, n_harmonics))
    for f in prange(filters.shape[0]):
        for k in range(n_harmonics):
            line = np.zeros(n_nodes)
            for t in range(2 * reach + 1):
                for n in range(reach, n_nodes - reach):
                    line[n] += filters[f, t] * table[k, n + t - reach]
            averaged[f, :, k] = line
    for a in prange(cosines.size):
        values = averaged[which[a]]
        w = np.empty(_TAPS)
        row = np.empty((x.size, n_harmonics))
        for iy in range(y.size):
            for ix in range(x.size):
                position = (x[ix] * cosines[a] + y[iy] * sines[a] - first) / step
                node = int(position)
                _lagrange_weights(position - node, w)
                for k in range(n_harmonics):
                    row[ix, k] = (
                        w[0] * values[node - 2, k] + w[1] * values[node - 1, k] + w[2] * values[node, k]
                        + w[3] * values[node + 1, k] + w[4] * values[node + 2, k] + w[5] * values[node + 3, k]
                    )
            for k in range(n_harmonics):
                c = channel[k]
                for ix in range(x.size):
                    out[a, k, iy, ix, c] = row[ix, k]
