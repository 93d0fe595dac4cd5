r"""Block means of a field-free-line scanner and their moments, from which the Jacobian follows: the compiled loops.

In units of the drive amplitude the field at a point is :math:`x = b + a s` with the selection field b, the drive field
a and the drive's sine s; the flux through the coil p is :math:`(p\cdot x)\,g(|x|)` (`magnetisation`). With
:math:`T_k = \cos k\varphi` for even and :math:`\sin k\varphi` for odd k, averaged over half a period, harmonic k is
:math:`F_k = -k\,\langle (p\cdot x)\,g\,T_k\rangle`. Its derivatives by the components of the fields need only

.. math:: G_n = \langle s^n g\,T_k\rangle, \qquad H_n = \langle s^n h\,T_k\rangle, \qquad h = g'(|x|)/|x| ,

because b and a do not depend on time: with :math:`A_n = (p\cdot b) H_n + (p\cdot a) H_{n+1}`

.. math:: \frac{\partial}{\partial b} = p\,G_0 + b\,A_0 + a\,A_1, \qquad
          \frac{\partial}{\partial a} = p\,G_1 + b\,A_1 + a\,A_2, \qquad
          \frac{\partial}{\partial p} = b\,G_0 + a\,G_1 ,

and likewise the derivative by t. Since
:math:`s\,T_k = \pm\tfrac12 (T_{k+1} - T_{k-1})`, with + for even and - for odd k, one projection of g, h and
:math:`\partial g/\partial t` on neighbouring harmonics gives all of them. That costs three table values for each point
and time, whatever the number of parameters.

All fields are polynomials of the coordinates in the plane, so that the Jacobian of a block mean is a linear map of the
*moments* :math:`\sum_q w_q\,\frac{\partial F}{\partial x_c}(r_q)\,\xi^i \eta^j` of its points q; `model` has that map.
No array runs over parameters and points.

Arrays in, arrays out.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

__all__ = ["FIRST", "MARGIN", "MIDDLE", "PLANES", "STEP", "block_means", "block_moments", "squared_forms"]

Array = np.ndarray
PLANES = 10
"""Derivatives at a point: by b (x, y, z), a (x, y, z), p (x, y, z) and t."""
MARGIN = 3
"""Harmonics below the lowest and above the highest one that the projection needs."""
FIRST = 0.1
"""c, the first y of the table of `magnetisation`, that of no field."""
MIDDLE = 2.0
"""m, the y in the middle of that table."""
STEP = 1 / 512
"""Distance of its knots in z; here, because Numba's cache does not notice what changes in another file."""
_FAST = {"contract", "nsz", "arcp", "reassoc"}
_SQUARE, _MIDDLE, _STEP, _START = FIRST * FIRST, MIDDLE, STEP, FIRST / (FIRST + MIDDLE)


@njit(inline="always", error_model="numpy")
def _times_sine(values: Array, lowest: int, out: Array) -> None:
    """Projections of s f on T_k from those of f, `values` (harmonic,) of consecutive k from `lowest` on.

    The first and the last of `out` have no neighbour and are left as they are.
    """
    for e in range(1, values.size - 1):
        half = 0.5 * (values[e + 1] - values[e - 1])
        out[e] = half if (lowest + e) % 2 == 0 else -half


@njit(inline="always", error_model="numpy")
def _places(
    square: tuple[float, float, float],
    sines: Array,
    square_beta: float,
    intervals: Array,
    fractions: Array,
    sizes: Array,
) -> None:
    """Fill the intervals of the table, the distances from their knots, and y, (time,) each.

    The square of the field is s0 + s1 s + s2 s^2 with the sine s. Values of the table are read in another loop, so that
    this one takes several times at once.
    """
    s0, s1, s2 = square
    for j in range(sines.size):
        y = np.sqrt(_SQUARE + square_beta * max(s0 + sines[j] * (s1 + sines[j] * s2), 0.0))
        place = max((1.0 - _START - _MIDDLE / (y + _MIDDLE)) / _STEP, 0.0)
        n = np.int64(place)
        intervals[j], fractions[j], sizes[j] = n, (place - n) * _STEP, y


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def block_means(
    selection: Array,
    drive: Array,
    coils: Array,
    weights: Array,
    sines: Array,
    basis: Array,
    harmonics: Array,
    beta: float,
    table: Array,
    out: Array,
) -> None:
    """Fill `out` (angle, coil, value, harmonic) with the means over the points of every value.

    Parameters
    ----------
    selection
        Selection field b, shape (angle, value, point, 3).
    drive, coils
        Drive field a (value, point, 3) and sensitivities p (coil, value, point, 3).
    weights
        Weights of the points, shape (value, point).
    sines, basis
        Sine of the drive's phase (time,) and T_k over the number of times for consecutive harmonics (projection, time).
    harmonics
        Recorded harmonics, ascending; the basis begins `MARGIN` below the first.
    beta, table
        Steepness, and the spline of Q.
    """
    n_times, n_projections = sines.size, basis.shape[0]
    lowest = harmonics[0] - MARGIN
    for i in prange(selection.shape[0]):
        g, fractions, sizes = np.empty(n_times), np.empty(n_times), np.empty(n_times)
        intervals = np.empty(n_times, np.int64)
        projected, with_sine = np.empty(n_projections), np.empty(n_projections)
        for v in range(selection.shape[1]):
            out[i, :, v] = 0.0
            for q in range(selection.shape[2]):
                b, a = selection[i, v, q], drive[v, q]
                s0 = b[0] * b[0] + b[1] * b[1] + b[2] * b[2]
                s1 = 2.0 * (b[0] * a[0] + b[1] * a[1] + b[2] * a[2])
                s2 = a[0] * a[0] + a[1] * a[1] + a[2] * a[2]
                _places((s0, s1, s2), sines, beta * beta, intervals, fractions, sizes)
                for j in range(n_times):
                    n, f = intervals[j], fractions[j]
                    g[j] = beta * (table[n, 0] + f * (table[n, 1] + f * (table[n, 2] + f * table[n, 3])))
                for e in range(MARGIN - 1, n_projections - MARGIN + 1):
                    total = 0.0
                    for j in range(n_times):
                        total += basis[e, j] * g[j]
                    projected[e] = total
                projected[MARGIN - 2] = projected[n_projections - MARGIN + 1] = 0.0
                _times_sine(projected, lowest, with_sine)
                for c in range(coils.shape[0]):
                    p = coils[c, v, q]
                    still = weights[v, q] * (p[0] * b[0] + p[1] * b[1] + p[2] * b[2])
                    swung = weights[v, q] * (p[0] * a[0] + p[1] * a[1] + p[2] * a[2])
                    for k in range(harmonics.size):
                        e = harmonics[k] - lowest
                        out[i, c, v, k] -= harmonics[k] * (still * projected[e] + swung * with_sine[e])


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def block_moments(
    selection: Array,
    drive: Array,
    coils: Array,
    weights: Array,
    monomials: Array,
    counts: Array,
    sines: Array,
    basis: Array,
    harmonics: Array,
    beta: float,
    table: Array,
    means: Array,
    out: Array,
) -> None:
    """Fill `means` as `block_means` does, and `out` with the moments of all derivatives.

    Parameters
    ----------
    selection, drive, coils, weights, sines, basis, harmonics, beta, table, means
        Those of `block_means`; the table holds dQ/dt too.
    monomials
        Values of the monomials at the points, shape (value, monomial, point).
    counts
        How many of the monomials each of the `PLANES` derivatives takes, from the first on, shape (PLANES,).
    out
        Shape (angle, coil, sum of counts, value, harmonic).
    """
    n_times, n_projections, n_harmonics, n_points = sines.size, basis.shape[0], harmonics.size, selection.shape[2]
    lowest = harmonics[0] - MARGIN
    cubic_beta = beta * beta * beta
    for i in prange(selection.shape[0]):
        g, h, gt = np.empty(n_times), np.empty(n_times), np.empty(n_times)
        fractions, sizes, intervals = np.empty(n_times), np.empty(n_times), np.empty(n_times, np.int64)
        projections = np.zeros((8, n_projections))  # G_0, G_1, H_0 .. H_3, and of the derivative by t
        planes = np.empty((coils.shape[0], PLANES, n_harmonics, n_points))
        for v in range(selection.shape[1]):
            means[i, :, v] = 0.0
            for q in range(n_points):
                b, a = selection[i, v, q], drive[v, q]
                s0 = b[0] * b[0] + b[1] * b[1] + b[2] * b[2]
                s1 = 2.0 * (b[0] * a[0] + b[1] * a[1] + b[2] * a[2])
                s2 = a[0] * a[0] + a[1] * a[1] + a[2] * a[2]
                _places((s0, s1, s2), sines, beta * beta, intervals, fractions, sizes)
                for j in range(n_times):
                    n, f, y = intervals[j], fractions[j], sizes[j]
                    row, part = table[n], _MIDDLE / (y + _MIDDLE)
                    g[j] = beta * (row[0] + f * (row[1] + f * (row[2] + f * row[3])))
                    slope = row[1] + f * (2.0 * row[2] + f * 3.0 * row[3])
                    h[j] = cubic_beta * slope * part * part / (_MIDDLE * y)
                    gt[j] = beta * (row[4] + f * (row[5] + f * (row[6] + f * row[7])))
                for e in range(n_projections):
                    of_g, of_h, of_t = 0.0, 0.0, 0.0
                    for j in range(n_times):
                        of_g += basis[e, j] * g[j]
                        of_h += basis[e, j] * h[j]
                        of_t += basis[e, j] * gt[j]
                    projections[0, e], projections[2, e], projections[6, e] = of_g, of_h, of_t
                _times_sine(projections[0], lowest, projections[1])
                _times_sine(projections[2], lowest, projections[3])
                _times_sine(projections[3], lowest, projections[4])
                _times_sine(projections[4], lowest, projections[5])
                _times_sine(projections[6], lowest, projections[7])
                weight = weights[v, q]
                for c in range(coils.shape[0]):
                    p = coils[c, v, q]
                    still = p[0] * b[0] + p[1] * b[1] + p[2] * b[2]
                    swung = p[0] * a[0] + p[1] * a[1] + p[2] * a[2]
                    for k in range(n_harmonics):
                        e = harmonics[k] - lowest
                        w = -harmonics[k] * weight
                        g0, g1 = w * projections[0, e], w * projections[1, e]
                        h0, h1 = w * projections[2, e], w * projections[3, e]
                        h2, h3 = w * projections[4, e], w * projections[5, e]
                        a0, a1, a2 = still * h0 + swung * h1, still * h1 + swung * h2, still * h2 + swung * h3
                        for x in range(3):
                            planes[c, x, k, q] = p[x] * g0 + b[x] * a0 + a[x] * a1
                            planes[c, 3 + x, k, q] = p[x] * g1 + b[x] * a1 + a[x] * a2
                            planes[c, 6 + x, k, q] = b[x] * g0 + a[x] * g1
                        planes[c, 9, k, q] = w * (still * projections[6, e] + swung * projections[7, e])
                        means[i, c, v, k] += still * g0 + swung * g1
            for c in range(coils.shape[0]):
                first = 0
                for plane in range(PLANES):
                    for m in range(counts[plane]):
                        for k in range(n_harmonics):
                            total = 0.0
                            for q in range(n_points):
                                total += monomials[v, m, q] * planes[c, plane, k, q]
                            out[i, c, first + m, v, k] = total
                    first += counts[plane]


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def squared_forms(
    by_plane: Array, by_flux: Array, planes: Array, flux: Array, squared: int, squares: Array, others: Array
) -> None:
    """Fill `squares` with the sum of the squares of the first linear forms, and `others` with the forms after these.

    A form of a value and a harmonic is a sum of all derivatives at its points, and of F times a number.

    Parameters
    ----------
    by_plane
        Coefficients of the derivatives, shape (plane, value, point, form).
    by_flux
        Numbers that F is multiplied by, shape (harmonic, form).
    planes, flux
        Derivatives, weighted, (plane, value, point, harmonic), and F, (value, harmonic).
    squared
        How many forms are squared.
    squares, others
        Shapes (value, harmonic) and (form after these, value, harmonic).
    """
    n_planes, n_values, n_points, n_forms = by_plane.shape
    for v in prange(n_values):
        form = np.empty(n_forms, by_plane.dtype)
        for k in range(flux.shape[1]):
            size = by_plane.dtype.type(flux[v, k])
            for n in range(n_forms):
                form[n] = size * by_flux[k, n]
            for p in range(n_planes):
                for q in range(n_points):
                    size, row = by_plane.dtype.type(planes[p, v, q, k]), by_plane[p, v, q]
                    for n in range(n_forms):
                        form[n] += size * row[n]
            total = 0.0
            for n in range(squared):
                total += form[n] * form[n]
            squares[v, k] = total
            for n in range(squared, n_forms):
                others[n - squared, v, k] = form[n]
