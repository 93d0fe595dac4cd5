r"""What an imperfection of a field is made of, and fields that turn with the line.

A part is a dimensionless field :math:`b(r; \theta)` with a reference radius :math:`R`. As a part of the selection field
it means :math:`G R\,b`, so that :math:`b = 1` is the ideal field at the distance :math:`R` from the line; as a part of
the drive field it means :math:`A\,b`. A part that turns with the line is

.. math:: b(r; \theta) = D_\theta\, b_0(D_\theta^{-1} r)

with the rotation :math:`D_\theta` by :math:`\theta` about the z axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np

from mpisim.errors import numbers_of, require, within

__all__ = [
    "DEFAULT_RADIUS",
    "FieldPart",
    "check_distinct",
    "check_regions",
    "checked_flag",
    "checked_parts",
    "checked_radius",
    "checked_relative",
    "rotated",
    "turned_field",
    "turned_region",
    "turns",
    "vector_of",
]

DEFAULT_RADIUS = 0.016
"""Reference radius R in m: half the edge of the usual field of view of 32 mm."""

LARGEST_RELATIVE = 2.0
"""Largest magnitude of a relative field; what is larger is a percentage or a number in another unit."""


class FieldPart(Protocol):
    """A dimensionless field that imperfections of selection fields, drive fields and coils are made of.

    It should be a frozen dataclass of numbers and tuples whose class is entered in `mpisim.SCANNER_PARTS`, so that
    files hold it. Two more members are optional: `turning`, True where the field depends on the angle (a part without
    it is evaluated at every angle), and `check_region(points)`, which raises an `InputError` where the part cannot give
    the field at points (..., 3) in m, at any angle if it turns.
    """

    @property
    def radius(self) -> float:
        """Reference radius R in m."""

    def relative_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Dimensionless field at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""


def turns(part: object) -> bool:
    """Return whether a part, or any of its own `parts`, depends on the angle; one that does not say so does."""
    return bool(getattr(part, "turning", True)) or any(turns(inner) for inner in getattr(part, "parts", ()))


def rotated(vectors: np.ndarray, angle: float) -> np.ndarray:
    """Return vectors (..., 3) rotated by an angle in rad about the z axis."""
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y, vectors[..., 2]], axis=-1)


def turned_field(
    field_at: Callable[[np.ndarray], np.ndarray], points: np.ndarray, angle: float, turning: bool = True
) -> np.ndarray:
    """Return the field at `points` (..., 3) in m of a part that turns about the z axis, or of one at rest.

    Parameters
    ----------
    field_at
        Field of the part at the angle 0 as a function of points.
    points
        Points in m.
    angle
        Rotation angle in rad.
    turning
        Whether the part turns.
    """
    return rotated(field_at(rotated(points, -angle)), angle) if turning else field_at(points)


def turned_region(points: np.ndarray) -> np.ndarray:
    """Return the places (point, 3) that `points` (..., 3) in m take in a full turn about z, by 5 degrees."""
    flat = points.reshape(-1, 3)
    return np.concatenate([rotated(flat, 2 * math.pi * i / 72) for i in range(72)])


def check_regions(parts: Iterable[object], points: np.ndarray) -> None:
    """Raise `InputError` where one of the parts that have a `check_region` refuses `points` (..., 3) in m."""
    for part in parts:
        check = getattr(part, "check_region", None)
        if check is not None:
            check(points)


def vector_of(name: str, values: object, must: str) -> tuple[float, float, float]:
    """Return three components as floats; raise `InputError`, which says what they must be, for any other number."""
    components = numbers_of(name, values)  # type: ignore[arg-type]  # refuses whatever is no sequence
    require(len(components) == 3, name, must, repr(values))
    x, y, z = components
    return x, y, z


def checked_radius(name: str, radius: object) -> float:
    """Return a reference radius in m as a float; raise `InputError` unless it is from 1e-4 to 2 m."""
    return within(f"radius of the {name}", radius, 1e-4, 2.0, "m")


def checked_relative(name: str, value: float) -> float:
    """Return a relative field; raise `InputError` where it exceeds 2, as percentages do."""
    must = f"a relative field from {-LARGEST_RELATIVE:g} to {LARGEST_RELATIVE:g} (.01 is one per cent)"
    require(abs(value) <= LARGEST_RELATIVE, name, must, f"{value:g}")
    return value


def check_distinct(name: str, terms: Iterable[tuple[float, ...]], words: str) -> None:
    """Raise `InputError` where two terms of a part differ in nothing but their coefficient, which is the last number.

    Parameters
    ----------
    name
        What the part is called.
    terms
        Its terms.
    words
        What a term is named by, such as "(l, m)".
    """
    named = [term[:-1] for term in terms]
    twice = next((key for i, key in enumerate(named) if key in named[:i]), None)
    require(twice is None, f"terms of the {name}", f"one for each {words}", f"two for {twice}")


def checked_flag(name: str, value: object) -> bool:
    """Return a switch as a truth value; raise `InputError` unless it is True or False (1 or 0 in files of others)."""
    require(
        isinstance(value, bool | int | np.bool_ | np.integer) and value in (0, 1), name, "True or False", repr(value)
    )
    return bool(value)


def checked_parts(name: str, parts: object, method: str) -> tuple[object, ...]:
    """Return parts as a tuple; raise `InputError` where one lacks its method."""
    must = f"a sequence of objects with the method {method}"
    require(isinstance(parts, Iterable) and not isinstance(parts, str), f"scanner {name}", must, repr(parts))
    assert isinstance(parts, Iterable)
    checked = tuple(parts)
    for part in checked:
        good = callable(getattr(part, method, None)) and not isinstance(part, type)
        require(good, f"part of the scanner's {name}", f"an object with the method {method}", repr(part))
        if method == "relative_field":
            require(hasattr(part, "radius"), f"part of the scanner's {name}", "one with a radius in m", repr(part))
    return checked
