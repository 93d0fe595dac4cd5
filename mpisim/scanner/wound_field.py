r"""The field of windings as a part of a drive or selection field, in units of its own size.

A part of a field has no unit: the scanner multiplies it by its drive amplitude A, or by G R with its gradient G and the
reference radius R. The field :math:`h(r)` of windings (`mpisim.scanner.biot_savart`) is therefore divided by

- :math:`\hat a \cdot h(r_0)`, its component along the axis :math:`\hat a` at the centre :math:`r_0`, for a drive: the
  field there is then A along the axis;
- :math:`R\, \partial(\hat a \cdot h)/\partial s` at :math:`r_0` for a selection field, with :math:`s` along the
  direction of its gradient: that field then grows by G per metre there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mpisim.errors import require
from mpisim.scanner.biot_savart import (
    Winding,
    check_windings,
    direction,
    field_of_windings,
    place,
    require_clear,
)
from mpisim.scanner.parts import DEFAULT_RADIUS, checked_flag, checked_radius, turned_field

__all__ = ["WoundField", "unit_of_field"]

_STEPS = ((-2, 1), (-1, -8), (1, 8), (2, -1))  # central difference of fourth order: steps and twelve times the weights


def unit_of_field(
    field: Callable[[np.ndarray], np.ndarray],
    center: tuple[float, float, float],
    axis: tuple[float, float, float],
    gradient: tuple[float, float, float] | None,
    radius: float,
) -> float:
    """Return the component of a field along an axis at a centre, or its growth over a radius there.

    Parameters
    ----------
    field
        The field at points (..., 3) in m.
    center
        The centre in m.
    axis
        Direction of the component.
    gradient
        None for the component itself, or the direction of its growth: the derivative by a central difference of fourth
        order with steps of 1/200 of the radius, times the radius.
    radius
        In m.
    """
    along = np.array(axis) / math.hypot(*axis)
    if gradient is None:
        return float(field(np.array([center]))[0] @ along)
    step = radius / 200
    path = step * np.array(gradient) / math.hypot(*gradient)
    points = np.array([np.array(center) + n * path for n, _ in _STEPS])
    return float(np.array([weight for _, weight in _STEPS]) @ (field(points) @ along)) / 12 * radius / step


@dataclass(frozen=True)
class WoundField:
    """Field of windings in series, scaled to 1 at the centre of the field of view.

    Parameters
    ----------
    windings
        Loops and rectangular loops; those of negative `turns` work against the others.
    axis
        Direction of the field that is scaled to 1.
    gradient
        None for a drive. For a selection field the direction in which that component grows at the centre, such as
        (1, 0, 0) for a line along y at angle 0.
    center
        Where it is scaled, in m.
    radius
        Reference radius R in m, at which a gradient of 1/R has reached 1.
    turning
        Whether the windings turn with the line about z; they are given as they are at angle 0.

    Raises
    ------
    InputError
        If a value is out of range, or the component or gradient to scale is zero at the centre.
    """

    windings: tuple[Winding, ...]
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)
    gradient: tuple[float, float, float] | None = None
    center: tuple[float, float, float] = (0.0, 0.0, 0.0)
    radius: float = DEFAULT_RADIUS
    turning: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "windings", check_windings("wound field", self.windings))
        object.__setattr__(self, "axis", direction("axis of the wound field", self.axis))
        if self.gradient is not None:
            object.__setattr__(self, "gradient", direction("gradient of the wound field", self.gradient))
        object.__setattr__(self, "center", place("center of the wound field", self.center))
        object.__setattr__(self, "radius", checked_radius("wound field", self.radius))
        object.__setattr__(self, "turning", checked_flag("turning of the wound field", self.turning))
        size = sum(float(np.linalg.norm(winding.field(np.array(self.center)))) for winding in self.windings)
        good = math.isfinite(self._unit) and abs(self._unit) > 1e-9 * size
        word = "component along its axis" if self.gradient is None else "gradient"
        require(good, "wound field", f"one with a {word} at its centre", f"{self._unit:.3g} 1/m there")

    @cached_property
    def _unit(self) -> float:
        """Field per unit current over mu_0 in 1/m that counts as 1."""
        return unit_of_field(
            lambda points: field_of_windings(self.windings, points), self.center, self.axis, self.gradient, self.radius
        )

    def relative_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Dimensionless field at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""
        return turned_field(self._at_rest, points, angle, self.turning)

    def _at_rest(self, points: np.ndarray) -> np.ndarray:
        return field_of_windings(self.windings, points) / self._unit

    def check_region(self, points: np.ndarray) -> None:
        """Raise `InputError` where a wire lies in the box around `points` (..., 3) in m, or nearer to it than 1 mm."""
        require_clear("windings of the wound field", self.windings, points, self.turning)
