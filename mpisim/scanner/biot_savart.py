r"""Fields of wound coils by the law of Biot and Savart: circular and rectangular loops of thin wire.

A current :math:`I` in a closed loop makes the field :math:`B = \mu_0 I\, h(r)`, with

.. math:: h(r) = \frac{1}{4\pi} \oint \frac{d\ell' \times (r - r')}{|r - r'|^3}

in 1/m. By reciprocity :math:`h` is also the loop's receive sensitivity :math:`p`: a moment :math:`m` at :math:`r` has
the flux :math:`\mu_0\, m \cdot h(r)` through the loop.

A circle of radius :math:`a` has, at the distance :math:`\rho` from its axis and the height :math:`z`
(W. R. Smythe, Static and Dynamic Electricity, section 7.10), with :math:`\alpha^2 = (a + \rho)^2 + z^2`,
:math:`m = 4 a \rho / \alpha^2` and the complete elliptic integrals :math:`K(m), E(m)`

.. math:: h_z = \frac{1}{2\pi\alpha} \Bigl[K + \frac{a^2 - \rho^2 - z^2}{\alpha^2 (1 - m)} E\Bigr], \qquad
          h_\rho = \frac{2 a z}{\pi \alpha^3 (1 - m)} \Bigl[\frac{R_F}{2} - \Bigl(1 - \frac m2\Bigr)\frac{R_D}{3}\Bigr],

with Carlson's integrals at :math:`(0, 1 - m, 1)`: :math:`K = R_F` and :math:`E = R_F - m R_D / 3`. The usual form of
:math:`h_\rho` divides by :math:`\rho`; this one does not, and is good to the rounding of the field on the axis, too. A
rectangle is four straight pieces; one from :math:`r_1` to :math:`r_2`, both seen from the point, has

.. math:: h = \frac{1}{4\pi} \frac{(r_1 \times r_2)(|r_1| + |r_2|)}{|r_1||r_2|\,(|r_1||r_2| + r_1\cdot r_2)} .

Simplified: the wire has no thickness, so that the field near it is not that of a real winding, and all turns lie in one
place. A thick or long winding is several loops.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mpisim.errors import InputError, numbers_of, require, within
from mpisim.scanner.parts import turned_region, vector_of

__all__ = [
    "Loop",
    "RectangularLoop",
    "Winding",
    "check_windings",
    "direction",
    "field_of_windings",
    "place",
    "require_clear",
    "turns_of",
]

CLEARANCE = 1e-3
"""Least distance of a wire from the field of view in m; nearer than this the thickness of the wire matters."""

_PLACES = (-5.0, 5.0, "m")
_LENGTHS = (1e-4, 5.0, "m")


def place(name: str, values: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return a point in m; raise `InputError` unless it has three coordinates within 5 m."""
    point = vector_of(name, values, "three coordinates (x, y, z) in m")
    x, y, z = (within(name, coordinate, *_PLACES) for coordinate in point)
    return x, y, z


def direction(name: str, values: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return a direction as it was given; raise `InputError` unless it has three components, not all zero."""
    must = "three components, not all zero"
    vector = vector_of(name, values, must)
    require(any(vector), name, must, values)
    return vector


def _unit(vector: tuple[float, ...]) -> np.ndarray:
    return np.array(vector) / math.hypot(*vector)


def turns_of(name: str, turns: float) -> float:
    """Return a number of turns; raise `InputError` unless it is up to 1e6 and not zero (negative: the other sense)."""
    number = numbers_of(name, (turns,))[0]
    must = "a number of turns up to 1e6, negative for the other sense and not zero"
    require(0 < abs(number) <= 1e6, name, must, turns)
    return number


@dataclass(frozen=True)
class Loop:
    """A circular loop of thin wire.

    Parameters
    ----------
    center
        Its centre (x, y, z) in m.
    normal
        Direction of its axis, of any length; the current runs round it in the right-handed sense.
    radius
        Radius in m, from 1e-4 to 5.
    turns
        Turns of wire; negative where the current runs in the other sense.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    center: tuple[float, float, float]
    normal: tuple[float, float, float]
    radius: float
    turns: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "center", place("center of the loop", self.center))
        object.__setattr__(self, "normal", direction("normal of the loop", self.normal))
        object.__setattr__(self, "radius", within("radius of the loop", self.radius, *_LENGTHS))
        object.__setattr__(self, "turns", turns_of("turns of the loop", self.turns))

    def field(self, points: np.ndarray) -> np.ndarray:
        """Field per unit current over mu_0 in 1/m at `points` (..., 3) in m, all turns together; shape (..., 3)."""
        from scipy.special import elliprd, elliprf  # slow to import

        axis, a = _unit(self.normal), self.radius
        away = points - np.array(self.center)
        z = away @ axis
        across = away - z[..., None] * axis
        rho = np.sqrt(np.einsum("...i,...i", across, across))
        alpha = np.hypot(a + rho, z)
        rest = ((a - rho) ** 2 + z**2) / alpha**2  # 1 - m, without cancellation near the wire
        first, second = elliprf(0, rest, 1), elliprd(0, rest, 1) / 3
        m = 1 - rest
        along = (first + (a**2 - rho**2 - z**2) / (alpha**2 * rest) * (first - m * second)) / (2 * np.pi * alpha)
        outward = 2 * a * z / (np.pi * alpha**3 * rest) * (first / 2 - (1 - m / 2) * second)
        radial = np.divide(across, rho[..., None], out=np.zeros_like(across), where=rho[..., None] > 0)
        return self.turns * (along[..., None] * axis + outward[..., None] * radial)

    def wire(self, step: float) -> np.ndarray:
        """Points on the wire in m at most `step` m apart, shape (point, 3); the last is the first."""
        axis = _unit(self.normal)
        first = _unit(tuple(np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])))
        phi = np.linspace(0, 2 * np.pi, max(8, math.ceil(2 * np.pi * self.radius / step)) + 1)[:, None]
        return np.array(self.center) + self.radius * (np.cos(phi) * first + np.sin(phi) * np.cross(axis, first))


@dataclass(frozen=True)
class RectangularLoop:
    """A rectangular loop of thin wire.

    Parameters
    ----------
    center
        Its centre (x, y, z) in m.
    normal
        Direction of its axis, of any length; the current runs round it in the right-handed sense.
    along
        Direction of its first edges, at right angles to `normal`, of any length.
    edges
        Edge lengths in m, along `along` and across it, from 1e-4 to 5.
    turns
        Turns of wire; negative where the current runs in the other sense.

    Raises
    ------
    InputError
        If a value is out of range, or `along` is not at right angles to `normal`.
    """

    center: tuple[float, float, float]
    normal: tuple[float, float, float]
    along: tuple[float, float, float]
    edges: tuple[float, float]
    turns: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "center", place("center of the rectangular loop", self.center))
        for name in ("normal", "along"):
            object.__setattr__(self, name, direction(f"{name} of the rectangular loop", getattr(self, name)))
        slope = abs(float(_unit(self.normal) @ _unit(self.along)))
        must = "at right angles to its normal"
        require(slope < 1e-6, "along of the rectangular loop", must, f"{self.along} with the normal {self.normal}")
        edges = numbers_of("edges of the rectangular loop", self.edges)
        require(len(edges) == 2, "edges of the rectangular loop", "two lengths in m", self.edges)
        edges = tuple(within("edges of the rectangular loop", e, *_LENGTHS) for e in edges)
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "turns", turns_of("turns of the rectangular loop", self.turns))

    def corners(self) -> np.ndarray:
        """Corners in m in the sense of the current, shape (4, 3)."""
        along = _unit(self.along)
        across = np.cross(_unit(self.normal), along)
        signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
        return np.array(self.center) + signs * self.edges @ np.stack([along, across])

    def field(self, points: np.ndarray) -> np.ndarray:
        """Field per unit current over mu_0 in 1/m at `points` (..., 3) in m, all turns together; shape (..., 3)."""
        corners = self.corners()
        total = np.zeros(points.shape)
        for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            total += _straight(points, start, end)
        return self.turns * total

    def wire(self, step: float) -> np.ndarray:
        """Points on the wire in m at most `step` m apart, shape (point, 3); the last is the first."""
        corners = self.corners()
        pieces = []
        for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            count = max(2, math.ceil(math.dist(start, end) / step))
            pieces.append(start + np.arange(count)[:, None] / count * (end - start))
        return np.concatenate([*pieces, corners[:1]])


def _straight(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Field of a straight piece of wire per unit current over mu_0 in 1/m."""
    one, two = start - points, end - points
    a, b = np.sqrt(np.einsum("...i,...i", one, one)), np.sqrt(np.einsum("...i,...i", two, two))
    factor = (a + b) / (4 * np.pi * a * b * (a * b + np.einsum("...i,...i", one, two)))
    return factor[..., None] * np.cross(one, two)


Winding = Loop | RectangularLoop
"""A winding of a coil: a loop or a rectangular loop."""


def check_windings(name: str, windings: object) -> tuple[Winding, ...]:
    """Return windings as a tuple; raise `InputError` unless there is at least one, each a loop of this module."""
    checked = tuple(windings) if isinstance(windings, list | tuple) else ()
    good = len(checked) > 0 and all(isinstance(winding, Loop | RectangularLoop) for winding in checked)
    require(good, f"windings of the {name}", "one or more of Loop and RectangularLoop", repr(windings))
    return checked


def field_of_windings(windings: tuple[Winding, ...], points: np.ndarray) -> np.ndarray:
    """Field per unit current over mu_0 in 1/m of windings in series at `points` (..., 3) in m; shape (..., 3)."""
    total = windings[0].field(points)
    for winding in windings[1:]:
        total = total + winding.field(points)
    return total


def require_clear(name: str, windings: tuple[Winding, ...], points: np.ndarray, turning: bool = False) -> None:
    """Raise `InputError` where a wire lies in the box around `points` (..., 3) in m, or nearer to it than 1 mm.

    For windings that are `turning` about z it is the box around all places that the points take.
    """
    flat = turned_region(points) if turning else points.reshape(-1, 3)
    low, high = flat.min(axis=0), flat.max(axis=0)
    for winding in windings:
        wire = winding.wire(CLEARANCE / 2)
        distance = np.linalg.norm(wire - np.clip(wire, low, high), axis=-1)
        nearest = wire[np.argmin(distance)]
        if distance.min() < CLEARANCE:
            at = ", ".join(f"{1e3 * c:.4g}" for c in nearest)
            raise InputError(
                f"Input {name} must be outside of the field of view, 1 mm from it at least; "
                f"instead received a {type(winding).__name__} whose wire passes through ({at}) mm."
            )
