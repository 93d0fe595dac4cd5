r"""The loop of the equilibrium engine: harmonics of the flux of many samples, for fields in any direction.

With the selection field :math:`b` and the peak drive field :math:`d` at a point, :math:`B = b + d\,s` at the drive's
sine :math:`s`, and the flux of the coil :math:`p` is :math:`\beta\,(p\cdot B)\,h(\beta^2 B\cdot B)` (`langevin`). Both
:math:`p\cdot B` and :math:`\beta^2 B\cdot B` are polynomials in :math:`s`, whose coefficients are computed once for
each point. The points of a sample are summed before the projection on harmonics, and a sum over points that never
saturate takes one division for every two.

Arrays in, arrays out; units are those of the caller (SI throughout the package).
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from mpisim.kernels.langevin import SATURATED, denominator, langevin_ratio, numerator

__all__ = ["harmonic_rows"]

Array = np.ndarray
_FAST = {"contract", "nsz", "arcp", "reassoc"}  # NaN and infinity keep their meaning


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
        if s0 + abs(s1) + s2 < SATURATED:
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
        d, e = denominator(s), denominator(t)
        both = (p0 + p1 * sine) * numerator(s) * e + (r0 + r1 * sine) * numerator(t) * d
        flux[j] += both / (d * e)


@njit(inline="always", error_model="numpy")
def _add_point(c: Array, q: int, drive_sine: Array, flux: Array) -> None:
    """Add the flux of the point `q` to `flux` (time,)."""
    p0, p1, s0, s1, s2 = c[q, 0], c[q, 1], c[q, 2], c[q, 3], c[q, 4]
    for j in range(drive_sine.size):
        sine = drive_sine[j]
        flux[j] += (p0 + p1 * sine) * langevin_ratio(s0 + sine * (s1 + sine * s2))


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
