r"""Fields without curl and divergence: gradients of real regular solid harmonics.

The regular solid harmonics :math:`V_{lm}` are the homogeneous polynomials of degree :math:`l` that solve Laplace's
equation,

.. math:: V_{lm} = r^l P_l^{|m|}(\cos\vartheta) \times
          \begin{cases} \cos m\varphi & m \ge 0 \\ \sin |m|\varphi & m < 0 \end{cases}, \qquad
          P_l^m(z) = (1 - z^2)^{m/2} \frac{d^m P_l}{dz^m}

(no factor :math:`(-1)^m`). A magnetic field in a region without currents is a sum of their gradients. With
:math:`R` the reference radius the term :math:`(l, m, c)` is

.. math:: b(r) = c\,\frac{\nabla V_{lm}(r/R)}{\max_{|s| = 1} |\nabla V_{lm}(s)|} ,

so that :math:`|c|` is the largest magnitude of its field on the sphere :math:`|r| = R`. Degree 1 holds the homogeneous
fields (m = 1, -1, 0 along x, y, z), degree 2 the gradients ((2, 1) is :math:`(z, 0, x)/R`, the form of the ideal
selection field at the angle 0), degrees 3 and more what inhomogeneities are made of.

Sources: G. Bringout, W. Erb and J. Frikel, "A new 3D model for magnetic particle imaging using realistic magnetic field
topologies for algebraic reconstruction", Inverse Problems 36 (12), 2020 (arXiv 2004.13357), describe distorted
field-free lines in this way. M. Boberg, T. Knopp and M. Moeddel, "Unique compact representation of magnetic fields
using truncated solid harmonic expansions", European Journal of Applied Mathematics, do so with measured fields.

The polynomials follow from the recurrences of :math:`R_l^m = V_{lm} / (l + m)!` with complex :math:`e^{im\varphi}`,
:math:`R_{m+1}^{m+1} = (x + iy) R_m^m / (2m + 2)` and
:math:`(l - m + 1)(l + m + 1) R_{l+1}^m = (2l + 1) z R_l^m - r^2 R_{l-1}^m`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import Polynomial as Series
from numpy.polynomial.legendre import Legendre

from mpisim.errors import numbers_of, require, whole
from mpisim.scanner.parts import (
    DEFAULT_RADIUS,
    check_distinct,
    checked_flag,
    checked_radius,
    checked_relative,
    turned_field,
)
from mpisim.scanner.polynomials import Powers, VectorPolynomial

__all__ = ["HIGHEST_DEGREE", "SolidHarmonics"]

HIGHEST_DEGREE = 6
"""Highest degree l of a coefficient."""

_Complex = dict[Powers, complex]


@dataclass(frozen=True)
class SolidHarmonics:
    """A relative field that is a sum of gradients of solid harmonics, free of curl and divergence.

    Parameters
    ----------
    coefficients
        Terms (l, m, c): degree l from 1 to 6, order m from -l to l, and c, whose magnitude is the largest of the term's
        field on the sphere of the reference radius; from -2 to 2. Each (l, m) once.
    radius
        Reference radius R in m.
    turning
        Whether the field turns with the line; otherwise it is at rest.

    Raises
    ------
    InputError
        If a degree or an order is not supported, a value is out of range, or two terms have the same l and m.
    """

    coefficients: tuple[tuple[int, int, float], ...]
    radius: float = DEFAULT_RADIUS
    turning: bool = False

    def __post_init__(self) -> None:
        good = isinstance(self.coefficients, list | tuple)
        require(good, "coefficients of the solid harmonics", "a sequence of terms (l, m, c)", repr(self.coefficients))
        object.__setattr__(self, "coefficients", tuple(_checked_term(term) for term in self.coefficients))
        check_distinct("solid harmonics", self.coefficients, "(l, m)")
        object.__setattr__(self, "radius", checked_radius("solid harmonics", self.radius))
        object.__setattr__(self, "turning", checked_flag("turning of the solid harmonics", self.turning))

    def relative_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Dimensionless field at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""
        return turned_field(self._at_rest, points, angle, self.turning)

    def _at_rest(self, points: np.ndarray) -> np.ndarray:
        return _field(self.coefficients, self.radius)(points)


def _checked_term(term: object) -> tuple[int, int, float]:
    name = "term of the solid harmonics"
    values = numbers_of(name, term)  # type: ignore[arg-type]  # refuses whatever is no sequence
    require(len(values) == 3, name, "three numbers (l, m, c)", repr(term))
    degree = whole("degree l of the solid harmonics", values[0])
    require(degree <= HIGHEST_DEGREE, "degree l of the solid harmonics", f"at most {HIGHEST_DEGREE}", degree)
    order = whole("order m of the solid harmonics", values[1], least=-degree)
    require(order <= degree, "order m of the solid harmonics", f"from -{degree} to {degree} for the degree", order)
    return degree, order, checked_relative("coefficient c of the solid harmonics", values[2])


@lru_cache(maxsize=256)
def _field(coefficients: tuple[tuple[int, int, float], ...], radius: float) -> VectorPolynomial:
    """The polynomial of a sum of terms (l, m, c)."""
    total: dict[Powers, np.ndarray] = defaultdict(lambda: np.zeros(3))
    for degree, order, c in coefficients:
        for powers, vector in _gradient(degree, order).items():
            total[powers] += c / _largest(degree, abs(order)) * vector
    return VectorPolynomial({powers: tuple(vector) for powers, vector in total.items()}, radius)


@lru_cache(maxsize=128)
def _gradient(degree: int, order: int) -> dict[Powers, np.ndarray]:
    """Gradient of V_lm: vectors by the powers of x, y, z."""
    scale = math.factorial(degree + abs(order))
    vectors: dict[Powers, np.ndarray] = defaultdict(lambda: np.zeros(3))
    for powers, value in _regular(degree, abs(order)).items():
        coefficient = scale * (value.real if order >= 0 else value.imag)
        for axis, power in enumerate(powers):
            if power and coefficient:
                i, j, k = (p - (a == axis) for a, p in enumerate(powers))
                vectors[i, j, k][axis] += power * coefficient
    return dict(vectors)


@lru_cache(maxsize=128)
def _regular(degree: int, order: int) -> _Complex:
    """R_l^m for m >= 0 as a polynomial with complex coefficients; empty where l < m."""
    if degree < order:
        return {}
    if degree == order == 0:
        return {(0, 0, 0): 1.0 + 0.0j}
    if degree == order:
        return _product(_regular(degree - 1, order - 1), {(1, 0, 0): 1 / (2 * order), (0, 1, 0): 1j / (2 * order)})
    scale = (degree - order) * (degree + order)
    upper = _product(_regular(degree - 1, order), {(0, 0, 1): (2 * degree - 1) / scale})
    square: _Complex = {(2, 0, 0): -1 / scale, (0, 2, 0): -1 / scale, (0, 0, 2): -1 / scale}
    return _sum(upper, _product(_regular(degree - 2, order), square))


def _product(a: _Complex, b: _Complex) -> _Complex:
    total: _Complex = defaultdict(complex)
    for (i, j, k), value in a.items():
        for (p, q, s), other in b.items():
            total[i + p, j + q, k + s] += value * other
    return dict(total)


def _sum(a: _Complex, b: _Complex) -> _Complex:
    return {powers: a.get(powers, 0) + b.get(powers, 0) for powers in (*a, *b)}


@lru_cache(maxsize=64)
def _largest(degree: int, order: int) -> float:
    r"""Largest magnitude of the gradient of V_lm on the unit sphere.

    Its square is :math:`(l^2 P^2 + P_\vartheta^2) \cos^2 m\varphi + (m P / \sin\vartheta)^2 \sin^2 m\varphi`, and both
    factors are polynomials in :math:`z = \cos\vartheta`.
    """
    z, ring = Series([0, 1]), Series([1, 0, -1])
    inner = (
        Legendre.basis(degree).convert(kind=Series).deriv(order)
        if order
        else Legendre.basis(degree).convert(kind=Series)
    )
    along = ring * inner.deriv() - order * z * inner  # sin(theta) dP/dz, but for a power of the ring
    if order == 0:
        squares = [degree**2 * inner**2 + ring * inner.deriv() ** 2]
    else:
        common = ring ** (order - 1)
        squares = [common * (degree**2 * ring * inner**2 + along**2), common * order**2 * inner**2]
    return math.sqrt(max(_maximum(square) for square in squares))


def _maximum(series: Series) -> float:
    """Largest value of a polynomial on [-1, 1]."""
    roots = series.deriv().roots() if series.degree() > 1 else np.zeros(1)
    inside = np.clip(roots[np.abs(roots.imag) < 1e-6].real, -1, 1)
    return float(np.max(series(np.concatenate([inside, [-1.0, 1.0]]))))
