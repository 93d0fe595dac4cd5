r"""Simple parts of fields: homogeneous, a local dipole, and a polynomial that need not keep Maxwell's equations.

With the reference radius :math:`R`, the position :math:`r_0` and :math:`\rho = r - r_0` the dipole is

.. math:: b(r) = \tfrac12 \Bigl(\frac R\rho\Bigr)^3 \bigl(3\,(s\cdot\hat\rho)\,\hat\rho - s\bigr),

so that :math:`|s|` is its largest field at the distance :math:`R`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mpisim.errors import numbers_of, require, whole, within
from mpisim.scanner.parts import (
    DEFAULT_RADIUS,
    check_distinct,
    checked_flag,
    checked_radius,
    checked_relative,
    rotated,
    turned_field,
    turned_region,
    vector_of,
)
from mpisim.scanner.polynomials import Powers, VectorPolynomial

__all__ = ["Dipole", "Polynomial", "Uniform"]

HIGHEST_POWER = 6
_NEAR = 0.02  # a dipole stays this part of the diagonal of the field of view away from it


@dataclass(frozen=True)
class Uniform:
    """A homogeneous relative field.

    As a part of the drive field it tilts it: (sin a, 0, cos a - 1) turns the ideal drive by the angle a from z to x.

    Parameters
    ----------
    vector
        The field (x, y, z), each from -2 to 2.
    radius
        Reference radius R in m: as a part of the selection field it means G R times the vector.
    turning
        Whether the field turns with the line; otherwise it is at rest.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    vector: tuple[float, float, float]
    radius: float = DEFAULT_RADIUS
    turning: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "vector", _checked_vector("vector of the homogeneous field", self.vector))
        object.__setattr__(self, "radius", checked_radius("homogeneous field", self.radius))
        object.__setattr__(self, "turning", checked_flag("turning of the homogeneous field", self.turning))

    def relative_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Dimensionless field at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""
        vector = np.array(self.vector)
        return np.broadcast_to(rotated(vector, angle) if self.turning else vector, points.shape)


@dataclass(frozen=True)
class Polynomial:
    """A relative field along one axis that is a polynomial of the coordinates.

    Not a solution of Maxwell's equations in general: for sensitivities and fields of which one component was measured
    or published. `SolidHarmonics` are the fields without curl and divergence.

    Parameters
    ----------
    terms
        Terms (i, j, k, c) that add c (x/R)^i (y/R)^j (z/R)^k, with i + j + k at most 6 and c from -2 to 2; each
        (i, j, k) once.
    axis
        Direction (x, y, z) of the field; it is not normalised.
    radius
        Reference radius R in m.
    turning
        Whether the field turns with the line; otherwise it is at rest.

    Raises
    ------
    InputError
        If a power is negative or too high, a value is out of range, or two terms have the same powers.
    """

    terms: tuple[tuple[int, int, int, float], ...]
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)
    radius: float = DEFAULT_RADIUS
    turning: bool = False

    def __post_init__(self) -> None:
        good = isinstance(self.terms, list | tuple)
        require(good, "terms of the polynomial", "a sequence of terms (i, j, k, c)", repr(self.terms))
        object.__setattr__(self, "terms", tuple(_checked_term(term) for term in self.terms))
        check_distinct("polynomial", self.terms, "(i, j, k)")
        object.__setattr__(self, "axis", _checked_vector("axis of the polynomial", self.axis))
        require(any(self.axis), "axis of the polynomial", "other than zero", self.axis)
        object.__setattr__(self, "radius", checked_radius("polynomial", self.radius))
        object.__setattr__(self, "turning", checked_flag("turning of the polynomial", self.turning))

    def relative_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Dimensionless field at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""
        return turned_field(self._at_rest, points, angle, self.turning)

    def _at_rest(self, points: np.ndarray) -> np.ndarray:
        return _polynomial(self.terms, self.axis, self.radius)(points)


@lru_cache(maxsize=64)
def _polynomial(
    terms: tuple[tuple[int, int, int, float], ...], axis: tuple[float, float, float], radius: float
) -> VectorPolynomial:
    total: dict[Powers, np.ndarray] = defaultdict(lambda: np.zeros(3))
    for i, j, k, c in terms:
        total[i, j, k] += c * np.array(axis)
    return VectorPolynomial({powers: tuple(vector) for powers, vector in total.items()}, radius)


@dataclass(frozen=True)
class Dipole:
    """The relative field of a magnetic dipole outside of the field of view, such as a screw or a vessel of steel.

    Parameters
    ----------
    position
        Its place (x, y, z) in m.
    moment
        Direction of the dipole times its strength: the largest relative field at the distance `radius` from it; each
        component from -2 to 2.
    radius
        Reference radius R in m.
    turning
        Whether the dipole turns with the line; otherwise it is at rest.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    position: tuple[float, float, float]
    moment: tuple[float, float, float]
    radius: float = DEFAULT_RADIUS
    turning: bool = False

    def __post_init__(self) -> None:
        position = vector_of("position of the dipole", self.position, "three coordinates in m")
        for value in position:
            within("position of the dipole", value, -2.0, 2.0, "m")
        object.__setattr__(self, "position", position)
        object.__setattr__(self, "moment", _checked_vector("moment of the dipole", self.moment))
        object.__setattr__(self, "radius", checked_radius("dipole", self.radius))
        object.__setattr__(self, "turning", checked_flag("turning of the dipole", self.turning))

    def relative_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Dimensionless field at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""
        return turned_field(self._at_rest, points, angle, self.turning)

    def check_region(self, points: np.ndarray) -> None:
        """Raise `InputError` where the dipole lies in the box of `points` (..., 3) in m, or close to it."""
        region = turned_region(points) if self.turning else points.reshape(-1, 3)
        low, high = region.min(0), region.max(0)
        beyond = np.linalg.norm(np.maximum(np.maximum(low - self.position, self.position - high), 0))
        least = _NEAR * np.linalg.norm(high - low)
        must = f"at least {1e3 * least:.3g} mm outside of the field of view"
        require(bool(beyond >= least), "position of the dipole", must, self.position)

    def _at_rest(self, points: np.ndarray) -> np.ndarray:
        away = (points - np.array(self.position)) / self.radius
        moment, square = np.array(self.moment), np.einsum("...i,...i->...", away, away)[..., None]
        along = (away @ moment)[..., None]
        return 0.5 * (3 * along * away - square * moment) / square**2.5


def _checked_vector(name: str, vector: object) -> tuple[float, float, float]:
    x, y, z = (checked_relative(name, value) for value in vector_of(name, vector, "three components (x, y, z)"))
    return x, y, z


def _checked_term(term: object) -> tuple[int, int, int, float]:
    name = "term of the polynomial"
    values = numbers_of(name, term)  # type: ignore[arg-type]  # refuses whatever is no sequence
    require(len(values) == 4, name, "four numbers (i, j, k, c)", repr(term))
    i, j, k = (whole("power of the polynomial", power, least=0) for power in values[:3])
    require(i + j + k <= HIGHEST_POWER, "powers of the polynomial", f"at most {HIGHEST_POWER} in all", (i, j, k))
    return i, j, k, checked_relative("coefficient of the polynomial", values[3])
