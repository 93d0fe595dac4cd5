r"""What a parameter of a scanner is, and the values of all: the types of the table in `scanner_table`.

Every parameter is a row of one table: its fields are listed as terms, linear in the parameter. What is not linear (X_0,
the steepness, the size variance and the errors of the angle) has no terms; `fields` knows it. Each angle has an offset
o of the line along u, an error :math:`\delta` of its angle, a relative gain and a phase; each coil has a complex gain
for each harmonic, whose unit is that of the matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from mpisim.errors import numbers_of, one_of, require, whole

__all__ = ["COMPONENTS", "LOCAL", "LocalParameter", "Parameter", "Parameters", "ScannerState", "Term"]

COMPONENTS = ("b_x", "b_y", "b_z", "a_x", "a_y", "a_z", "p_x", "p_y", "p_z")
"""Components of the selection field, the drive field and the coil's sensitivity, in the order of the kernels."""

FRAMES = ("grid", "axis", "line")
"""Coordinates of a term: about the centre of the grid, about the scanner's axis, or u and v of the line."""

FACTORS = ("one", "cos", "sin")
"""What a term is multiplied with: 1, or the cosine or sine of the line's angle."""


@dataclass(frozen=True)
class Term:
    """One component of a field, a polynomial times 1, the cosine or the sine of the line's angle.

    Parameters
    ----------
    component
        One of `COMPONENTS`.
    polynomial
        Terms (i, j, c): c times the first coordinate to the power i and the second to the power j.
    frame
        One of `FRAMES`.
    factor
        `one`, `cos` or `sin`.
    """

    component: str
    polynomial: tuple[tuple[int, int, float], ...]
    frame: str = "grid"
    factor: str = "one"

    def __post_init__(self) -> None:
        for name, known in (("component", COMPONENTS), ("frame", FRAMES), ("factor", FACTORS)):
            one_of(f"{name} of the term", getattr(self, name), known)
        good = self.component.startswith("b") or (self.frame != "line" and self.factor == "one")
        require(good, "term of drive field or coil", "one at rest", f"{self.frame}, {self.factor}")


@dataclass(frozen=True)
class Parameter:
    """One parameter that all angles share.

    Parameters
    ----------
    name, group
        Its name, and that of the parameters that are released and scaled together.
    scale
        Standard deviation of its prior.
    meaning, unit
        What it is, in words, and its unit in words.
    terms
        The fields that it adds for each unit; empty for those that are not linear.
    mean
        Mean of its prior.
    coil
        Number of the coil that it belongs to; None for all.
    """

    name: str
    group: str
    scale: float
    meaning: str
    unit: str
    terms: tuple[Term, ...] = ()
    mean: float = 0.0
    coil: int | None = None


@dataclass(frozen=True)
class LocalParameter:
    """One parameter that every angle has for itself: name, prior's standard deviation, meaning and unit."""

    name: str
    scale: float
    meaning: str
    unit: str


LOCAL = (
    LocalParameter("offset", 0.025, "shift of the line along its normal", "R"),
    LocalParameter("angle", 0.014, "true rotation angle less the stated one", "rad"),
    LocalParameter("gain", 0.01, "relative change of the received voltage", "1"),
    LocalParameter("phase", 0.01, "phase of the received voltage", "rad"),
)
"""Parameters of each angle, in the order of ``ScannerState.local``."""


@dataclass(frozen=True)
class Parameters:
    """All parameters of a scanner with a number of angles, coils and harmonics.

    Parameters
    ----------
    shared
        Those that all angles share.
    angles
        Stated rotation angles in rad.
    harmonics
        Recorded harmonics, ascending.
    coils
        Number of receive coils.
    """

    shared: tuple[Parameter, ...]
    angles: tuple[float, ...]
    harmonics: tuple[int, ...]
    coils: int = 1
    _places: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = [p.name for p in self.shared]
        require(len(set(names)) == len(names), "names of the parameters", "named once each", names)
        for name in ("steepness", "size_variance", "reach"):
            require(name in names, "parameters", f"a table with {name}", names)
        angles = numbers_of("angles", self.angles)
        harmonics = tuple(whole("harmonics", k) for k in self.harmonics)
        require(len(angles) > 0 and len(harmonics) > 0, "angles and harmonics", "at least one of each", "none")
        ascending = all(a < b for a, b in pairwise(harmonics))
        require(ascending, "harmonics", "ascending, each once", harmonics)
        object.__setattr__(self, "angles", angles)
        object.__setattr__(self, "harmonics", harmonics)
        object.__setattr__(self, "coils", whole("coils", self.coils))
        self._places.update({name: i for i, name in enumerate(names)})

    def place(self, name: str) -> int:
        """Return the place of a shared parameter in ``ScannerState.shared``."""
        return self._places[name]

    def group(self, name: str) -> np.ndarray:
        """Return the places of the shared parameters of a group."""
        return np.array([i for i, p in enumerate(self.shared) if p.group == name], dtype=int)

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups, in the order of the table."""
        return tuple(dict.fromkeys(p.group for p in self.shared))

    @property
    def size(self) -> int:
        """Number of real parameters: shared ones, both parts of all gains, and those of each angle."""
        return len(self.shared) + 2 * self.coils * len(self.harmonics) + len(LOCAL) * len(self.angles)

    def ideal(self, steepness: float, size_variance: float = 0.0, reach: float = 0.0) -> ScannerState:
        """Return an ideal scanner, with unit gains.

        Parameters
        ----------
        steepness, size_variance, reach
            ln(beta A), the variance of ln xi, and ln(A / (G R)).
        """
        shared = np.zeros(len(self.shared))
        for name, value in (("steepness", steepness), ("size_variance", size_variance), ("reach", reach)):
            shared[self.place(name)] = value
        gains = np.ones((self.coils, len(self.harmonics)), dtype=complex)
        return ScannerState(shared, gains, np.zeros((len(self.angles), len(LOCAL))))


@dataclass(frozen=True, eq=False)
class ScannerState:
    """Values of all parameters.

    Parameters
    ----------
    shared
        Shape (parameter,), in the order of `Parameters.shared`.
    gains
        Complex gains, shape (coil, harmonic).
    local
        Shape (angle, 4), in the order of `LOCAL`.
    """

    shared: np.ndarray
    gains: np.ndarray
    local: np.ndarray

    def vector(self) -> np.ndarray:
        """Return all as one real vector: shared, real and imaginary parts of the gains, then angle by angle."""
        return np.concatenate([self.shared, self.gains.real.ravel(), self.gains.imag.ravel(), self.local.ravel()])

    def of_vector(self, vector: np.ndarray) -> ScannerState:
        """Return the state of the same shape that `vector` describes."""
        n, m = self.shared.size, self.gains.size
        real, imaginary = (part.reshape(self.gains.shape) for part in (vector[n : n + m], vector[n + m : n + 2 * m]))
        return ScannerState(
            vector[:n].copy(), real + 1j * imaginary, vector[n + 2 * m :].reshape(self.local.shape).copy()
        )
