r"""Every compiled loop of the simulator: arrays in, arrays out, no objects.

The equilibrium magnetisation along a field :math:`B` is :math:`L(\xi)\,B/|B|` with :math:`\xi = \beta |B|`, which is
written here as :math:`\beta B\,h(\xi^2)`, :math:`h(\xi^2) = L(\xi)/\xi`, so that neither the field-free line
:math:`B = 0` nor the direction :math:`B/|B|` needs a special case. :math:`h` is a ratio of polynomials in
:math:`s = \xi^2` below :math:`\xi = 19` (relative error 1e-15) and :math:`(\xi - 1)/s` above, where
:math:`\coth \xi = 1` in double precision. It has no branch, so the compiler vectorises the
loop over time. A sum of ratios over points that never saturate takes one division for every two.

Functions end in arrays they fill or return; units are those of the caller (SI throughout the package).
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange, vectorize

__all__ = ["harmonic_rows", "interpolate_ridge", "langevin", "langevin_prime", "profile_table", "sample_filter"]

Array = np.ndarray
_FAST = {"contract", "nsz", "arcp", "reassoc"}  # NaN and infinity keep their meaning
_SATURATED = 361.0  # s = xi^2 above which coth xi = 1
_TAPS = 6  # nodes of the Lagrange interpolation in a ridge table


@njit(inline="always", error_model="numpy")
def _numerator(s: float) -> float:
    """Numerator of L(xi) / xi as a function of s = xi^2 below 361."""
    p = 6.3860073909068515e-21
    p = p * s + 5.677376594024157e-17
    p = p * s + 1.2579028515240213e-13
    p = p * s + 1.0794483026601696e-10
    p = p * s + 4.2426891308312755e-08
    p = p * s + 8.094742222104001e-06
    p = p * s + 0.0007355168813481102
    p = p * s + 0.02839159923881855
    return p * s + 1.0 / 3.0


@njit(inline="always", error_model="numpy")
def _denominator(s: float) -> float:
    """Denominator of L(xi) / xi as a function of s = xi^2 below 361."""
    q = 2.5896984502595988e-23
    q = q * s + 7.60464135004157e-19
    q = q * s + 3.118652032192649e-15
    q = q * s + 4.220529477533358e-12
    q = q * s + 2.4585627112444842e-09
    q = q * s + 6.859506145778302e-07
    q = q * s + 9.38059776556319e-05
    q = q * s + 0.005980108587046798
    q = q * s + 0.1518414643831217
    return q * s + 1.0


@njit(inline="always", error_model="numpy")
def _langevin_ratio(s: float) -> float:
    """L(xi) / xi as a function of any s = xi^2."""
    large = s > _SATURATED
    numerator = np.sqrt(s) - 1.0 if large else _numerator(s)
    return numerator / (s if large else _denominator(s))


@vectorize(["float64(float64)"], cache=True)
def langevin(x: float) -> float:
    """Langevin function L(x) = coth x - 1/x, dimensionless, as a NumPy ufunc; relative error below 1e-12."""
    if abs(x) > 19.0:
        return np.sign(x) - 1.0 / x
    return x * _langevin_ratio(x * x)


@vectorize(["float64(float64)"], cache=True)
def langevin_prime(x: float) -> float:
    """Slope of the Langevin function, L'(x) = 1/x^2 - 1/sinh(x)^2 (1/3 at 0), as a NumPy ufunc."""
    if abs(x) > 19.0:
        return (1.0 / x) * (1.0 / x)
    s = x * x
    ratio = _langevin_ratio(s)
    return 1.0 - s * ratio * ratio - 2.0 * ratio


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def harmonic_rows(
    selection: Array,
    drive: Array,
    sensitivity: Array,
    weights: Array,
    phases: Array,
    basis: Array,
    beta: float,
    channel: Array,
    out: Array,
) -> None:
    """Fill one angle's rows on the general path.

    Parameters: `selection`, `drive`, `sensitivity` (voxel, point, 3), the selection field and the drive field at its
    peak in T, and the coil sensitivity in 1/m; `weights` (point,) of the points of a sample; `phases` (time,) = sin of
    the drive phase; `basis` (harmonic, time) in 1/s; `beta` = m / (k_B T) in 1/T; `channel` (harmonic,), 0 where the
    harmonic is real and 1 where it is imaginary; `out` (harmonic, voxel, 2).

    With B = b + d sin, both p.B and xi^2 are polynomials in sin, whose coefficients are found once for a point.
    """
    n_voxels, n_points, _ = selection.shape
    n_times = phases.size
    for v in prange(n_voxels):
        signal = np.zeros(n_times)
        c = np.empty((n_points, 5))
        near, far = 0, n_points  # points that never saturate come first
        for q in range(n_points):
            bx, by, bz = selection[v, q, 0], selection[v, q, 1], selection[v, q, 2]
            dx, dy, dz = drive[v, q, 0], drive[v, q, 1], drive[v, q, 2]
            px, py, pz = sensitivity[v, q, 0], sensitivity[v, q, 1], sensitivity[v, q, 2]
            s0 = beta * beta * (bx * bx + by * by + bz * bz)
            s1 = beta * beta * 2.0 * (bx * dx + by * dy + bz * dz)
            s2 = beta * beta * (dx * dx + dy * dy + dz * dz)
            if s0 + abs(s1) + s2 < _SATURATED:
                i, near = near, near + 1
            else:
                far -= 1
                i = far
            c[i, 0] = weights[q] * beta * (px * bx + py * by + pz * bz)
            c[i, 1] = weights[q] * beta * (px * dx + py * dy + pz * dz)
            c[i, 2], c[i, 3], c[i, 4] = s0, s1, s2
        paired = near - near % 2
        for q in range(0, paired, 2):  # two such points share a division
            p0, p1, s0, s1, s2 = c[q, 0], c[q, 1], c[q, 2], c[q, 3], c[q, 4]
            r0, r1, t0, t1, t2 = c[q + 1, 0], c[q + 1, 1], c[q + 1, 2], c[q + 1, 3], c[q + 1, 4]
            for j in range(n_times):
                sine = phases[j]
                s, t = s0 + sine * (s1 + sine * s2), t0 + sine * (t1 + sine * t2)
                d, e = _denominator(s), _denominator(t)
                both = (p0 + p1 * sine) * _numerator(s) * e + (r0 + r1 * sine) * _numerator(t) * d
                signal[j] += both / (d * e)
        for q in range(paired, n_points):
            p0, p1, s0, s1, s2 = c[q, 0], c[q, 1], c[q, 2], c[q, 3], c[q, 4]
            for j in range(n_times):
                sine = phases[j]
                signal[j] += (p0 + p1 * sine) * _langevin_ratio(s0 + sine * (s1 + sine * s2))
        for k in range(basis.shape[0]):
            total = 0.0
            for j in range(n_times):
                total += basis[k, j] * signal[j]
            out[k, v, channel[k]] = total


@njit(fastmath=_FAST, error_model="numpy", cache=True)
def profile_table(offsets: Array, amplitude: float, phases: Array, basis: Array, beta: float, out: Array) -> None:
    """Fill `out` (node, harmonic) with the profiles f_k at fields `offsets` (node,) + `amplitude` sin, in T."""
    signal = np.empty(phases.size)
    for n in range(offsets.size):
        for j in range(phases.size):
            xi = beta * (offsets[n] + amplitude * phases[j])
            signal[j] = xi * _langevin_ratio(xi * xi)
        for k in range(basis.shape[0]):
            total = 0.0
            for j in range(phases.size):
                total += basis[k, j] * signal[j]
            out[n, k] = total


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
def sample_filter(dx: Array, dy: Array, weights: Array, reach: int) -> Array:
    """Return the filter (2 reach + 1,) that averages a table over a sample seen along a line.

    The sample's points lie at `dx` (i,) + `dy` (j,), in nodes of the table and within `reach` - 3; `weights` (i, j).
    """
    taps = np.zeros(2 * reach + 1)
    w = np.empty(_TAPS)
    for i in range(dx.size):
        for j in range(dy.size):
            shift = dx[i] + dy[j]
            node = int(np.floor(shift))
            _lagrange_weights(shift - node, w)
            for t in range(_TAPS):
                taps[reach + node + t - 2] += weights[i, j] * w[t]
    return taps


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def interpolate_ridge(
    table: Array,
    dx: Array,
    dy: Array,
    weights: Array,
    reach: int,
    cosines: Array,
    sines: Array,
    x: Array,
    y: Array,
    first: float,
    channel: Array,
    centred: bool,
    out: Array,
) -> None:
    """Fill all rows on the ridge path; lengths are in nodes of the table.

    `table` (node, harmonic) holds the point profiles at u = `first` + n; `dx` (i,), `dy` (j,) and `weights` (i, j) are
    the points of the sample, for `sample_filter` with `reach`; `cosines`, `sines` (angle,) turn the line; `x`, `y` are
    the voxel centres; `channel` is that of `harmonic_rows`; `out` (angle, harmonic, y, x, 2) takes the rows. On a grid
    that is `centred`, x and y antisymmetric, half the voxels follow by a(-r) = a(r), or -a(r) where the channel is 1.

    Tables are walked as flat arrays: harmonics are then the innermost loop, which the compiler vectorises (indices are
    unsigned, since those that could count from the end would stop it).
    """
    n_nodes, n_harmonics = table.shape
    flat = table.reshape(-1)
    inside = (n_nodes - 2 * reach) * n_harmonics  # values that the filter reaches from the table
    stride = np.uint64(n_harmonics)
    for a in prange(cosines.size):
        taps = sample_filter(dx * cosines[a], dy * sines[a], weights, reach)
        mean = np.zeros(n_nodes * n_harmonics)
        middle = mean[reach * n_harmonics : reach * n_harmonics + inside]
        for t in range(taps.size):
            shifted = flat[t * n_harmonics : t * n_harmonics + inside]
            for i in range(inside):
                middle[i] += taps[t] * shifted[i]
        starts = np.empty(x.size, np.uint64)
        w = np.empty((x.size, _TAPS))
        row = np.empty(x.size * n_harmonics)
        for iy in range((y.size + 1) // 2 if centred else y.size):
            for ix in range(x.size):
                position = x[ix] * cosines[a] + y[iy] * sines[a] - first
                node = int(position)
                _lagrange_weights(position - node, w[ix])
                starts[ix] = (node - 2) * n_harmonics
            for ix in range(np.uint64(x.size)):
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
            for k in range(n_harmonics):
                c = channel[k]
                for ix in range(x.size):
                    out[a, k, iy, ix, c] = row[ix * n_harmonics + k]
                if centred:
                    sign = 1.0 - 2.0 * c
                    for ix in range(x.size):
                        out[a, k, y.size - 1 - iy, x.size - 1 - ix, c] = sign * row[ix * n_harmonics + k]
