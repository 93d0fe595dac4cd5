r"""Harmonics of the flux of samples whose particles have several sizes.

As in `mpisim.kernels.equilibrium`, the flux of a point is

.. math:: (p\cdot B) \sum_i w_i \beta_i\,h(\beta_i^2 B\cdot B), \qquad h(s) = L(\xi)/\xi, \quad s = \xi^2 .

Here the polynomials :math:`p\cdot B` and :math:`B\cdot B` of the drive's sine serve all sizes of a point. Below
:math:`\xi = 19` the ratio h is of lower degree, with a relative error of 1e-9, which is enough beside the quadrature
over sizes (`mpisim.particles.distributions`); above it is :math:`(\xi - 1)/s`.
Sizes are taken in pairs that share a division. Several coils take the sum over sizes of a point once.

Arrays in, arrays out; units are those of the caller (SI throughout the package).
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

__all__ = ["harmonic_rows_of_sizes", "harmonic_rows_of_sizes_and_coils"]

Array = np.ndarray
_FAST = {"contract", "nsz", "arcp", "reassoc"}  # NaN and infinity keep their meaning
_SATURATED = 361.0
"""Value of s = xi^2 above which coth xi = 1 in double precision."""


@njit(inline="always", error_model="numpy")
def _dot(a: Array, b: Array) -> float:
    """Product of two vectors (3,)."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(inline="always", error_model="numpy")
def _short_numerator(s: float) -> float:
    """Numerator of L(xi) / xi as a function of s = xi^2 below 361, to 1e-9 of the ratio."""
    p = 2.7742149828003723e-12
    p = p * s + 6.696870195817247e-09
    p = p * s + 3.3232391538204224e-06
    p = p * s + 0.0005065927168775259
    p = p * s + 0.02543668447248025
    return p * s + 0.33333333301731677


@njit(inline="always", error_model="numpy")
def _short_denominator(s: float) -> float:
    """Denominator that belongs to `_short_numerator`."""
    q = 2.022294029516868e-14
    q = q * s + 1.7738689601074506e-10
    q = q * s + 1.822229490400319e-07
    q = q * s + 5.0591242233166926e-05
    q = q * s + 0.004702355727366023
    q = q * s + 0.1429767159691064
    return q * s + 1.0


@njit(inline="always", error_model="numpy")
def _fill_point(b: Array, d: Array, p: Array, c: Array) -> None:
    """Fill `c` (5,) with p.B to the powers 0, 1 of the sine and B.B to the powers 0, 1, 2 at a point."""
    c[0], c[1] = _dot(p, b), _dot(p, d)
    c[2], c[3], c[4] = _dot(b, b), 2.0 * _dot(b, d), _dot(d, d)


@njit(inline="always", error_model="numpy")
def _add_near_sizes(c: Array, betas: Array, slopes: Array, m: int, drive_sine: Array, flux: Array) -> None:
    """Add the flux of the sizes `m` and `m` + 1, which never saturate, at a point with the polynomials `c` (5,)."""
    p0, p1, s0, s1, s2 = c[0], c[1], c[2], c[3], c[4]
    a, b, f, g = betas[m] * betas[m], betas[m + 1] * betas[m + 1], slopes[m], slopes[m + 1]
    for j in range(drive_sine.size):
        sine = drive_sine[j]
        square = s0 + sine * (s1 + sine * s2)
        s, t = a * square, b * square
        d, e = _short_denominator(s), _short_denominator(t)
        both = f * _short_numerator(s) * e + g * _short_numerator(t) * d
        flux[j] += (p0 + p1 * sine) * both / (d * e)


@njit(inline="always", error_model="numpy")
def _add_two_sizes(c: Array, betas: Array, slopes: Array, m: int, n: int, drive_sine: Array, flux: Array) -> None:
    """Add the flux of any sizes `m` and `n` at a point with the polynomials `c` (5,)."""
    p0, p1, s0, s1, s2 = c[0], c[1], c[2], c[3], c[4]
    a, b, f, g = betas[m], betas[n], slopes[m], slopes[n]
    for j in range(drive_sine.size):
        sine = drive_sine[j]
        square = s0 + sine * (s1 + sine * s2)
        root = np.sqrt(square)
        s, t = a * a * square, b * b * square
        d = s if s > _SATURATED else _short_denominator(s)
        e = t if t > _SATURATED else _short_denominator(t)
        over = a * root - 1.0 if s > _SATURATED else _short_numerator(s)
        other = b * root - 1.0 if t > _SATURATED else _short_numerator(t)
        flux[j] += (p0 + p1 * sine) * (f * over * e + g * other * d) / (d * e)


@njit(inline="always", error_model="numpy")
def _add_last_size(c: Array, beta: float, slope: float, drive_sine: Array, flux: Array) -> None:
    """Add the flux of any one size at a point with the polynomials `c` (5,)."""
    p0, p1, s0, s1, s2 = c[0], c[1], c[2], c[3], c[4]
    for j in range(drive_sine.size):
        sine = drive_sine[j]
        s = beta * beta * (s0 + sine * (s1 + sine * s2))
        large = s > _SATURATED
        top = np.sqrt(s) - 1.0 if large else _short_numerator(s)
        flux[j] += slope * (p0 + p1 * sine) * top / (s if large else _short_denominator(s))


@njit(inline="always", error_model="numpy")
def _add_sizes(c: Array, betas: Array, slopes: Array, drive_sine: Array, flux: Array) -> None:
    """Add the flux of all sizes, `betas` (size,) ascending, at a point with the polynomials `c` (5,)."""
    near, largest = 0, c[2] + abs(c[3]) + c[4]
    while near < betas.size and betas[near] * betas[near] * largest < _SATURATED:
        near += 1
    paired = near - near % 2
    for m in range(0, paired, 2):
        _add_near_sizes(c, betas, slopes, m, drive_sine, flux)
    for m in range(paired, betas.size - 1, 2):
        _add_two_sizes(c, betas, slopes, m, m + 1, drive_sine, flux)
    if (betas.size - paired) % 2:
        _add_last_size(c, betas[betas.size - 1], slopes[betas.size - 1], drive_sine, flux)


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def harmonic_rows_of_sizes(
    selection: Array,
    drive: Array,
    sensitivity: Array,
    slopes: Array,
    drive_sine: Array,
    basis: Array,
    betas: Array,
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
    slopes
        Weight of a sample's point times a size's share times its beta in 1/T, shape (point, size).
    drive_sine
        Sine of the drive's phase, shape (time,).
    basis
        Factors from the flux to each harmonic in 1/s, shape (harmonic, time).
    betas
        m / (k_B T) of every size in 1/T, ascending, shape (size,).
    imaginary_part
        1 where a harmonic is imaginary and 0 where it is real, shape (harmonic,).
    out
        Real and imaginary parts of the rows, shape (harmonic, voxel, 2); the other part is left as it is.
    """
    n_voxels, n_points, _ = selection.shape
    for v in prange(n_voxels):
        flux, c = np.zeros(drive_sine.size), np.empty(5)
        for q in range(n_points):
            _fill_point(selection[v, q], drive[v, q], sensitivity[v, q], c)
            _add_sizes(c, betas, slopes[q], drive_sine, flux)
        for k in range(basis.shape[0]):
            total = 0.0
            for j in range(drive_sine.size):
                total += basis[k, j] * flux[j]
            out[k, v, imaginary_part[k]] = total


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def harmonic_rows_of_sizes_and_coils(
    selection: Array,
    drive: Array,
    sensitivity: Array,
    slopes: Array,
    drive_sine: Array,
    basis: Array,
    betas: Array,
    imaginary_part: Array,
    out: Array,
) -> None:
    """Fill the rows of one angle and several coils.

    The arguments are those of `harmonic_rows_of_sizes`, but `sensitivity` (coil, voxel, point, 3) and `out` (coil,
    harmonic, voxel, 2).
    """
    n_voxels, n_points, _ = selection.shape
    for v in prange(n_voxels):
        flux, c = np.zeros((sensitivity.shape[0], drive_sine.size)), np.empty(5)
        sums = np.empty(drive_sine.size)
        for q in range(n_points):
            b, d = selection[v, q], drive[v, q]
            _fill_point(b, d, b, c)
            c[0], c[1] = 1.0, 0.0
            sums[:] = 0.0
            _add_sizes(c, betas, slopes[q], drive_sine, sums)
            for i in range(sensitivity.shape[0]):
                p0, p1 = _dot(sensitivity[i, v, q], b), _dot(sensitivity[i, v, q], d)
                for j in range(drive_sine.size):
                    flux[i, j] += (p0 + p1 * drive_sine[j]) * sums[j]
        for i in range(sensitivity.shape[0]):
            for k in range(basis.shape[0]):
                total = 0.0
                for j in range(drive_sine.size):
                    total += basis[k, j] * flux[i, j]
                out[i, k, v, imaginary_part[k]] = total
