r"""Receive coils: where a coil receives how much, as a vector sensitivity at points.

The sensitivity :math:`p(r)` is the field that unit current in the coil would make, over :math:`\mu_0`, in 1/m. By
reciprocity a moment :math:`m` at :math:`r` has the flux :math:`\mu_0\, p(r)\cdot m` through the coil (D. I. Hoult and
R. E. Richards, J. Magn. Reson. 24, 1976). A scanner holds any number of coils; each becomes a channel of the dimension
`receive`.

==============  =================================================================================================
`Coil`          a homogeneous sensitivity, and parts relative to it: polynomials, solid harmonics, other fields
`WoundCoil`     loops of wire, exact by the law of Biot and Savart
`MapCoil`       a map that was measured or computed elsewhere
==============  =================================================================================================

Another coil is any frozen dataclass with `sensitivity(points, angle)` and, where it depends on the angle, an attribute
`turning` that is True.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mpisim.errors import require, within
from mpisim.scanner.biot_savart import Winding, check_windings, field_of_windings, require_clear, turns_of
from mpisim.scanner.field_map import FieldMap
from mpisim.scanner.parts import FieldPart, check_regions, checked_flag, turned_field, turns, vector_of

__all__ = ["Coil", "MapCoil", "ReceiveCoil", "WoundCoil"]


class ReceiveCoil(Protocol):
    """One receive coil."""

    @property
    def turning(self) -> bool:
        """Whether the sensitivity depends on the rotation angle."""

    def sensitivity(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Sensitivity in 1/m at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""


@dataclass(frozen=True)
class Coil:
    r"""A coil of homogeneous sensitivity with imperfections: :math:`p = v + |v| \sum_i F_i`.

    Parameters
    ----------
    vector
        Homogeneous sensitivity v (x, y, z) in 1/m; 800 is about 1 mT/A. The largest component is from 0.01 to 1e7.
    parts
        Relative fields that are added: `SolidHarmonics`, `Polynomial`, `WoundField`, `FieldMap` and others with
        `relative_field(points, angle)`.

    Raises
    ------
    InputError
        If the vector is out of range, or a part lacks `relative_field`.
    """

    vector: tuple[float, float, float] = (0.0, 0.0, 800.0)
    parts: tuple[FieldPart, ...] = ()

    def __post_init__(self) -> None:
        vector = vector_of("vector of the coil", self.vector, "three components in 1/m")
        within("vector of the coil", max(map(abs, vector)), 0.01, 1e7, "1/m")
        object.__setattr__(self, "vector", vector)
        good = isinstance(self.parts, list | tuple)
        good = good and all(callable(getattr(part, "relative_field", None)) for part in self.parts)
        require(good, "parts of the coil", "fields with relative_field, such as SolidHarmonics", repr(self.parts))
        object.__setattr__(self, "parts", tuple(self.parts))

    @property
    def turning(self) -> bool:
        """Whether a part turns with the line."""
        return any(turns(part) for part in self.parts)

    def sensitivity(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Sensitivity in 1/m at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""
        total = np.broadcast_to(np.array(self.vector), points.shape)
        scale = math.hypot(*self.vector)
        for part in self.parts:
            total = total + scale * part.relative_field(points, angle)
        return total

    def check_region(self, points: np.ndarray) -> None:
        """Raise `InputError` where a part does not reach all `points` (..., 3) in m."""
        check_regions(self.parts, points)


@dataclass(frozen=True)
class WoundCoil:
    """A coil of loops of thin wire, in series.

    Parameters
    ----------
    windings
        Loops and rectangular loops (`mpisim.Loop`, `mpisim.RectangularLoop`) with their turns; those of negative turns
        are wound in the other sense, as in a gradiometer.
    turns
        Factor on the turns of all of them.
    turning
        Whether the coil turns with the line about z; it is given as it is at angle 0.

    Raises
    ------
    InputError
        If there is no winding, or the factor is not a number up to 1e6 other than zero.
    """

    windings: tuple[Winding, ...]
    turns: float = 1.0
    turning: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "windings", check_windings("coil", self.windings))
        object.__setattr__(self, "turns", turns_of("turns of the coil", self.turns))
        object.__setattr__(self, "turning", checked_flag("turning of the coil", self.turning))

    def sensitivity(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Sensitivity in 1/m at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""
        return turned_field(self._at_rest, points, angle, self.turning)

    def _at_rest(self, points: np.ndarray) -> np.ndarray:
        return self.turns * field_of_windings(self.windings, points)

    def check_region(self, points: np.ndarray) -> None:
        """Raise `InputError` where a wire lies in the box around `points` (..., 3) in m, or nearer to it than 1 mm."""
        require_clear("windings of the coil", self.windings, points, self.turning)


@dataclass(frozen=True)
class MapCoil:
    """A coil whose sensitivity is a map.

    Parameters
    ----------
    map
        The sensitivity in 1/m, such as `mpisim.read_field_map(path)` returns; it turns with the line if the map does.

    Raises
    ------
    InputError
        If it is no `FieldMap` in 1/m, or zero everywhere.
    """

    map: FieldMap

    def __post_init__(self) -> None:
        require(isinstance(self.map, FieldMap), "map of the coil", "a FieldMap", type(self.map).__name__)
        require(bool(np.any(self.map.array())), "map of the coil", "other than zero somewhere", "zeros only")
        require(self.map.unit == "1/m", "map of the coil", "in 1/m (a file in 1/m or T/A)", f"one in {self.map.unit}")

    @property
    def turning(self) -> bool:
        """Whether the map turns with the line."""
        return self.map.turning

    def sensitivity(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Sensitivity in 1/m at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""
        return turned_field(self.map.at, points, angle, self.turning)

    def check_region(self, points: np.ndarray) -> None:
        """Raise `InputError` unless the map covers `points` (..., 3) in m."""
        self.map.check_region(points)
