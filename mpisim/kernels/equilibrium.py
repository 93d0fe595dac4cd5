r"""Loops over the equilibrium magnetisation: the Langevin function, and harmonics of the flux of many samples.

The equilibrium magnetisation along a field :math:`B` is :math:`L(\xi)\,B/|B|` with :math:`\xi = \beta |B|` and
:math:`L(x) = \coth x - 1/x`. The loops write it as :math:`\beta B\,h(\xi^2)` with :math:`h(\xi^2) = L(\xi)/\xi`, so
that neither the field-free line :math:`B = 0` nor the direction :math:`B/|B|` needs a special case. :math:`h` is a
ratio of polynomials in :math:`s = \xi^2` below :math:`\xi = 19` (relative error 1e-15) and :math:`(\xi - 1)/s` above,
where :math:`\coth \xi = 1` in double precision. It has no branch, so the compiler vectorises a loop over it.

With the selection field :math:`b` and the peak drive field :math:`d` at a point, :math:`B = b + d\,s` at the drive's
sine :math:`s`, and the flux of the coil :math:`p` is :math:`\beta\,(p\cdot B)\,h(\beta^2 B\cdot B)`. Both
:math:`p\cdot B` and :math:`\beta^2 B\cdot B` are polynomials in :math:`s`, whose coefficients are computed once for
each point. The points of a sample are summed before the projection on harmonics, and a sum over points that never
saturate takes one division for every two. Several coils take the ratio
:math:`h` of a point once. Particles of several sizes have a loop of their own, `mpisim.kernels.sizes`.

Numba's cache does not notice changes of a function that another file compiles in, so whatever uses these stands here.
Arrays in, arrays out; units are those of the caller (SI throughout the package).
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange, vectorize

__all__ = [
    "harmonic_rows",
    "harmonic_rows_of_coils",
    "langevin",
    "langevin_over_argument",
    "langevin_prime",
    "profile_table",
]

Array = np.ndarray
_FAST = {"contract", "nsz", "arcp", "reassoc"}  # NaN and infinity keep their meaning
_SATURATED = 361.0
"""Value of s = xi^2 above which coth xi = 1 in double precision."""
_SATURATED_XI = 19.0
_NOTHING = 1e-100
"""Changes no argument above 19, but keeps 1 / 0 away: compiled loops compute both sides of a branch, then choose."""


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
    top = np.sqrt(s) - 1.0 if large else _numerator(s)
    return top / (s if large else _denominator(s))


@vectorize(["float64(float64)"], cache=True)
def langevin(x: float) -> float:
    """Langevin function L(x) = coth x - 1/x, dimensionless, as a NumPy ufunc; relative error below 1e-12."""
    if abs(x) > _SATURATED_XI:
        return np.sign(x) * (1.0 - 1.0 / (abs(x) + _NOTHING))
    return x * (_numerator(x * x) / _denominator(x * x))


@vectorize(["float64(float64)"], cache=True)
def langevin_over_argument(x: float) -> float:
    """L(x) / x, dimensionless (1/3 at 0), as a NumPy ufunc; relative error below 1e-12."""
    if abs(x) > _SATURATED_XI:
        size = abs(x) + _NOTHING
        return (1.0 - 1.0 / size) / size
    return _numerator(x * x) / _denominator(x * x)


@vectorize(["float64(float64)"], cache=True)
def langevin_prime(x: float) -> float:
    """Slope of the Langevin function, L'(x) = 1/x^2 - 1/sinh(x)^2 (1/3 at 0), as a NumPy ufunc."""
    if abs(x) > _SATURATED_XI:
        size = abs(x) + _NOTHING
        return (1.0 / size) * (1.0 / size)
    s = x * x
    ratio = _numerator(s) / _denominator(s)
    return 1.0 - s * ratio * ratio - 2.0 * ratio


@njit(fastmath=_FAST, error_model="numpy", cache=True)
def profile_table(
    offsets: Array, amplitude: float, drive_sine: Array, basis: Array, betas: Array, shares: Array, out: Array
) -> None:
    """Fill `out` (node, harmonic) with the profiles f_k.

    The field at a node is `offsets` (node,) + `amplitude` * `drive_sine` (time,) in T; `basis` (harmonic, time) maps
    the flux to harmonics; `betas` (size,) are m / (k_B T) in 1/T, and `shares` (size,) the factors of the sizes.
    """
    flux = np.empty(drive_sine.size)
    for n in range(offsets.size):
        flux[:] = 0.0
        for m in range(betas.size):
            for j in range(drive_sine.size):
                xi = betas[m] * (offsets[n] + amplitude * drive_sine[j])
                flux[j] += shares[m] * (xi * _langevin_ratio(xi * xi))
        for k in range(basis.shape[0]):
            total = 0.0
            for j in range(drive_sine.size):
                total += basis[k, j] * flux[j]
            out[n, k] = total


@njit(inline="always", error_model="numpy")
def _dot(a: Array, b: Array) -> float:
    """Product of two vectors (3,)."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(inline="always", error_model="numpy")
def _fill_coefficients(
    selection: Array, drive: Array, sensitivity: Array, weights: Array, beta: float, c: Array
) -> int:
    """Fill `c` (point, 5) with the polynomials of a sample's points; return how many of them never saturate.

    Columns: weighted beta p.B to the powers 0, 1 of the sine, then xi^2 to the powers 0, 1, 2. Points that never
    saturate come first.
    """
    near, far = 0, weights.size
    for q in range(weights.size):
        b, d, p = selection[q], drive[q], sensitivity[q]
        s0 = beta * beta * _dot(b, b)
        s1 = beta * beta * 2.0 * _dot(b, d)
        s2 = beta * beta * _dot(d, d)
        if s0 + abs(s1) + s2 < _SATURATED:
            i, near = near, near + 1
        else:
            far -= 1
            i = far
        c[i, 0] = weights[q] * beta * _dot(p, b)
        c[i, 1] = weights[q] * beta * _dot(p, d)
        c[i, 2], c[i, 3], c[i, 4] = s0, s1, s2
    return near


@njit(inline="always", error_model="numpy")
def _add_pair(c: Array, q: int, drive_sine: Array, flux: Array) -> None:
    """Add the flux of the points `q` and `q` + 1, which never saturate, to `flux` (time,)."""
    p0, p1, s0, s1, s2 = c[q, 0], c[q, 1], c[q, 2], c[q, 3], c[q, 4]
    r0, r1, t0, t1, t2 = c[q + 1, 0], c[q + 1, 1], c[q + 1, 2], c[q + 1, 3], c[q + 1, 4]
    for j in range(drive_sine.size):
        sine = drive_sine[j]
        s, t = s0 + sine * (s1 + sine * s2), t0 + sine * (t1 + sine * t2)
        d, e = _denominator(s), _denominator(t)
        both = (p0 + p1 * sine) * _numerator(s) * e + (r0 + r1 * sine) * _numerator(t) * d
        flux[j] += both / (d * e)


@njit(inline="always", error_model="numpy")
def _add_point(c: Array, q: int, drive_sine: Array, flux: Array) -> None:
    """Add the flux of the point `q` to `flux` (time,)."""
    p0, p1, s0, s1, s2 = c[q, 0], c[q, 1], c[q, 2], c[q, 3], c[q, 4]
    for j in range(drive_sine.size):
        sine = drive_sine[j]
        flux[j] += (p0 + p1 * sine) * _langevin_ratio(s0 + sine * (s1 + sine * s2))


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def harmonic_rows(
    selection: Array,
    drive: Array,
    sensitivity: Array,
    weights: Array,
    drive_sine: Array,
    basis: Array,
    beta: float,
    imaginary_part: Array,
    out: Array,
) -> None:
    """Fill the rows of one angle and one coil.

    Parameters
    ----------
    selection, drive
        Selection field and peak drive field in T, shape (voxel, point, 3).
    sensitivity
        Sensitivity of the coil in 1/m, shape (voxel, point, 3).
    weights
        Weights of a sample's points, shape (point,).
    drive_sine
        Sine of the drive's phase, shape (time,).
    basis
        Factors from the flux to each harmonic in 1/s, shape (harmonic, time).
    beta
        m / (k_B T) in 1/T.
    imaginary_part
        1 where a harmonic is imaginary and 0 where it is real, shape (harmonic,).
    out
        Real and imaginary parts of the rows, shape (harmonic, voxel, 2); the other part is left as it is.
    """
    n_voxels, n_points, _ = selection.shape
    for v in prange(n_voxels):
        flux = np.zeros(drive_sine.size)
        c = np.empty((n_points, 5))
        near = _fill_coefficients(selection[v], drive[v], sensitivity[v], weights, beta, c)
        paired = near - near % 2
        for q in range(0, paired, 2):
            _add_pair(c, q, drive_sine, flux)
        for q in range(paired, n_points):
            _add_point(c, q, drive_sine, flux)
        for k in range(basis.shape[0]):
            total = 0.0
            for j in range(drive_sine.size):
                total += basis[k, j] * flux[j]
            out[k, v, imaginary_part[k]] = total


@njit(inline="always", error_model="numpy")
def _fill_ratios(s: Array, t: Array, drive_sine: Array, out: Array) -> None:
    """Fill `out` (2, time) with L(xi) / xi of two points, whose xi^2 are the polynomials `s` (3,) and `t` (3,)."""
    near = max(s[0] + abs(s[1]) + s[2], t[0] + abs(t[1]) + t[2]) < _SATURATED
    for j in range(drive_sine.size):
        sine = drive_sine[j]
        first, second = s[0] + sine * (s[1] + sine * s[2]), t[0] + sine * (t[1] + sine * t[2])
        if near:
            d, e = _denominator(first), _denominator(second)
            both = 1.0 / (d * e)
            out[0, j], out[1, j] = _numerator(first) * e * both, _numerator(second) * d * both
        else:
            out[0, j], out[1, j] = _langevin_ratio(first), _langevin_ratio(second)


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def harmonic_rows_of_coils(
    selection: Array,
    drive: Array,
    sensitivity: Array,
    weights: Array,
    drive_sine: Array,
    basis: Array,
    beta: float,
    imaginary_part: Array,
    out: Array,
) -> None:
    """Fill the rows of one angle and several coils.

    The arguments are those of `harmonic_rows`, but `sensitivity` (coil, voxel, point, 3) and `out` (coil, harmonic,
    voxel, 2).
    """
    n_voxels, n_points, _ = selection.shape
    for v in prange(n_voxels):
        flux, ratios = np.zeros((sensitivity.shape[0], drive_sine.size)), np.empty((2, drive_sine.size))
        squares, along = np.empty((2, 3)), np.empty((2, 2))
        for q in range(0, n_points, 2):
            for i in range(2):
                b, d = selection[v, min(q + i, n_points - 1)], drive[v, min(q + i, n_points - 1)]
                squares[i, 0], squares[i, 1], squares[i, 2] = _dot(b, b), 2.0 * _dot(b, d), _dot(d, d)
            squares *= beta * beta
            _fill_ratios(squares[0], squares[1], drive_sine, ratios)
            for c in range(sensitivity.shape[0]):
                along[:] = 0.0  # of the second point, too, where there is none
                for i in range(min(2, n_points - q)):
                    factor = weights[q + i] * beta
                    along[i, 0] = factor * _dot(sensitivity[c, v, q + i], selection[v, q + i])
                    along[i, 1] = factor * _dot(sensitivity[c, v, q + i], drive[v, q + i])
                p0, p1, r0, r1 = along[0, 0], along[0, 1], along[1, 0], along[1, 1]
                for j in range(drive_sine.size):
                    sine = drive_sine[j]
                    flux[c, j] += (p0 + p1 * sine) * ratios[0, j] + (r0 + r1 * sine) * ratios[1, j]
        for c in range(sensitivity.shape[0]):
            for k in range(basis.shape[0]):
                total = 0.0
                for j in range(drive_sine.size):
                    total += basis[k, j] * flux[c, j]
                out[c, k, v, imaginary_part[k]] = total
