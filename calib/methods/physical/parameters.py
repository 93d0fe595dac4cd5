r"""The parameters of a field-free-line scanner in units of its drive amplitude A.

Lengths are in units of half the longer edge of the field of view, R. The selection field over A is

.. math:: b = \frac1{X_0} \Bigl[ \bigl(u + \sum_j c_j\,S_j(\xi,\eta) + \sum_j c_j\,T_j(u, v)\bigr)\hat z
          + b_\perp \Bigr], \qquad X_0 = \frac{A}{G R},

with the line's coordinates u, v at its true angle :math:`\theta + \delta_\theta` about the scanner's axis, u less the
offset of the line, and coordinates :math:`\xi, \eta` about the centre of the grid. The plane's offset :math:`z_0` makes
:math:`b_\perp = -z_0 \hat u`. A small rotation :math:`(\tau_x, \tau_y)` of the plane makes
:math:`(\tau_y x - \tau_x y)\,\hat u + u\,(\tau_y, -\tau_x)`; higher orders in it are left out (the static and turning
distortions hold most of them). A field in the plane is :math:`(b_x, b_y)`, shear :math:`s_1 (\eta, \xi) +
s_2 (\xi, -\eta)`. The drive is :math:`a = \hat z (1 + \ldots) + (a_x, a_y)`, the coil :math:`p = \hat z (1 + \ldots) +
\ldots`, both with polynomials about the centre of the grid. Maps that only the file's rows show are not kept to
Maxwell's equations: what the plane shows of them does not contradict these.

Every parameter is a row of one table: its fields are listed as terms, linear in the parameter. What is not linear (X_0,
the steepness, the size variance and the errors of the angle) has no terms; `fields` knows it. Each angle has an offset
o of the line along u, an error :math:`\delta` of its angle, a relative gain and a phase; each coil has a complex gain
for each harmonic, whose unit is that of the matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from calib.methods.physical.polynomials import exponents
from mpisim.errors import numbers_of, one_of, require, whole

__all__ = ["COMPONENTS", "LOCAL", "LocalParameter", "Parameter", "Parameters", "State", "Term", "scanner_parameters"]

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
"""Parameters of each angle, in the order of `State.local`."""


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
        """Return the place of a shared parameter in `State.shared`."""
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

    def ideal(self, steepness: float, size_variance: float = 0.0, reach: float = 0.0) -> State:
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
        return State(shared, gains, np.zeros((len(self.angles), len(LOCAL))))


@dataclass(frozen=True, eq=False)
class State:
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

    def of_vector(self, vector: np.ndarray) -> State:
        """Return the state of the same shape that `vector` describes."""
        n, m = self.shared.size, self.gains.size
        real, imaginary = (part.reshape(self.gains.shape) for part in (vector[n : n + m], vector[n + m : n + 2 * m]))
        return State(vector[:n].copy(), real + 1j * imaginary, vector[n + 2 * m :].reshape(self.local.shape).copy())


def scanner_parameters(
    angles: Sequence[float],
    harmonics: Sequence[int],
    coils: int = 1,
    coil_degree: int = 4,
    drive_degree: int = 2,
    static_degree: int = 3,
) -> Parameters:
    """Return the table of a realistic scanner, with prior scales for those of `mpisim.dataset.realistic` (strong).

    Parameters
    ----------
    angles, harmonics, coils
        Those of the matrix: rad, ascending, and how many.
    coil_degree, drive_degree, static_degree
        Degrees of the polynomials of p_z, of a_z and of the distortion at rest.

    Raises
    ------
    InputError
        If there is no angle or harmonic, or harmonics do not ascend.
    """
    shared = [*_tracer(), *_drive(drive_degree), *_static(static_degree), *_turning(), *_perpendicular()]
    for coil in range(coils):
        shared += _coil(coil, coil_degree, f"_{coil}" if coils > 1 else "", None if coils == 1 else coil)
    return Parameters(tuple(shared), tuple(angles), tuple(harmonics), coils)


def _tracer() -> list[Parameter]:
    return [
        Parameter("steepness", "tracer", 3.0, "ln(beta A), steepness of the magnetisation", "1", mean=2.3),
        Parameter("size_variance", "tracer", 1.0, "variance of ln(xi), nine times that of ln(d)", "1", mean=0.3),
        Parameter("reach", "tracer", 0.2, "ln(A / (G R)), how far the drive moves the line", "1"),
    ]


def _map(name: str, group: str, component: str, degree: int, scales: Sequence[float], words: str) -> list[Parameter]:
    """Parameters of a polynomial about the centre of the grid; one scale for each degree, from the lowest, 1, on."""
    return [
        Parameter(
            f"{name}_{i}{j}",
            f"{group}{i + j}",
            scales[min(i + j, len(scales)) - 1],
            f"{words}, coefficient of xi^{i} eta^{j}",
            "1",
            (Term(component, ((i, j, 1.0),)),),
        )
        for i, j in exponents(degree, 1)
    ]


def _drive(degree: int) -> list[Parameter]:
    tilts = [
        Parameter(f"drive_{x}", "drive_tilt", 0.02, f"drive field along {x} over A", "1", (Term(f"a_{x}", _CONSTANT),))
        for x in "xy"
    ]
    return [*_map("drive", "drive", "a_z", degree, (0.04, 0.05), "drive field along z over A"), *tilts]


def _static(degree: int) -> list[Parameter]:
    return _map("static", "static", "b_z", degree, (0.01, 0.01, 0.004), "line field at rest over G R")


_CONSTANT = ((0, 0, 1.0),)
_TURNING = {
    "u r2": (((3, 0, 1.0), (1, 2, 1.0)), 0.08),
    "u r4": (((5, 0, 1.0), (3, 2, 2.0), (1, 4, 1.0)), 0.02),
    "uu-vv": (((2, 0, 1.0), (0, 2, -1.0)), 0.01),
    "2uv": (((1, 1, 2.0),), 0.01),
    "r2": (((2, 0, 1.0), (0, 2, 1.0)), 0.01),
    "uuu-3uvv": (((3, 0, 1.0), (1, 2, -3.0)), 0.01),
    "3uuv-vvv": (((2, 1, 3.0), (0, 3, -1.0)), 0.01),
    "v r2": (((2, 1, 1.0), (0, 3, 1.0)), 0.01),
    "v": (((0, 1, 1.0),), 0.01),
}


def _turning() -> list[Parameter]:
    return [
        Parameter(
            f"turning {name}",
            "turning1" if name in ("u r2", "u r4") else "turning",
            scale,
            f"line field that turns with the line over G R, coefficient of {name}",
            "1",
            (Term("b_z", polynomial, "line"),),
        )
        for name, (polynomial, scale) in _TURNING.items()
    ]


def _perpendicular() -> list[Parameter]:
    x, y, minus_y = ((1, 0, 1.0),), ((0, 1, 1.0),), ((0, 1, -1.0),)
    offset = (Term("b_x", ((0, 0, -1.0),), "axis", "cos"), Term("b_y", ((0, 0, -1.0),), "axis", "sin"))
    about_x = (
        Term("b_x", minus_y, "axis", "cos"),
        Term("b_y", minus_y, "axis", "sin"),
        Term("b_y", ((1, 0, -1.0),), "line"),
    )
    about_y = (Term("b_x", x, "axis", "cos"), Term("b_y", x, "axis", "sin"), Term("b_x", x, "line"))
    rows = [
        ("plane_offset", 0.02, "height of the line's plane over that of the grid", "R", offset),
        ("plane_tilt_x", 0.015, "rotation of the line's plane about x", "rad", about_x),
        ("plane_tilt_y", 0.015, "rotation of the line's plane about y", "rad", about_y),
        ("in_plane_x", 0.012, "field at rest along x over G R", "1", (Term("b_x", _CONSTANT),)),
        ("in_plane_y", 0.012, "field at rest along y over G R", "1", (Term("b_y", _CONSTANT),)),
        ("shear_1", 0.012, "field at rest (eta, xi) over G R", "1", (Term("b_x", y), Term("b_y", x))),
        ("shear_2", 0.012, "field at rest (xi, -eta) over G R", "1", (Term("b_x", x), Term("b_y", minus_y))),
    ]
    return [Parameter(name, "perpendicular", scale, words, unit, terms) for name, scale, words, unit, terms in rows]


def _coil(number: int, degree: int, suffix: str, coil: int | None) -> list[Parameter]:
    along = _map("coil_z", "coil", "p_z", degree, (0.15, 0.08, 0.03, 0.015), "sensitivity along z over that at centre")
    across = [
        Parameter(
            f"coil_{x}_{i}{j}",
            "coil_across",
            0.05,
            f"sensitivity along {x} over that along z at the centre, coefficient of xi^{i} eta^{j}",
            "1",
            (Term(f"p_{x}", ((i, j, 1.0),)),),
        )
        for x in "xy"
        for i, j in exponents(1)
    ]
    return [
        Parameter(p.name + suffix, p.group, p.scale, p.meaning, p.unit, p.terms, p.mean, coil) for p in along + across
    ]
