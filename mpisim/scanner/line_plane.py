r"""A selection field that lies askew to the plane of the field of view.

The ideal field-free line turns in the plane z = 0. With a shift :math:`z_0` along z, a rotation :math:`D` about an axis
in the plane, and a homogeneous field :math:`b` in the plane it becomes

.. math:: B(r) = D\,B_s(D^{-1}(r - z_0 \hat z)) + b ,

which has components across the drive in the plane z = 0: there a row is no longer a function of one coordinate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mpisim.errors import numbers_of, require, within

__all__ = ["LinePlane"]


@dataclass(frozen=True)
class LinePlane:
    """Where the plane of the field-free line lies, and a homogeneous field in the plane of the field of view.

    Parameters
    ----------
    offset
        Shift of the selection field along z in m, from -0.1 to 0.1.
    tilt
        Its rotation: the components along x and y in rad, each from -0.5 to 0.5, of the vector along the axis of the
        rotation, whose length is the angle.
    in_plane_field
        Homogeneous field (x, y) at rest in T, each from -0.1 to 0.1. Along the normal of the line the field G d has the
        effect of a shift by -d.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    offset: float = 0.0
    tilt: tuple[float, float] = (0.0, 0.0)
    in_plane_field: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "offset", within("offset of the line plane", self.offset, -0.1, 0.1, "m"))
        for name, largest, unit in (("tilt", 0.5, "rad"), ("in_plane_field", 0.1, "T")):
            values = numbers_of(f"{name} of the line plane", getattr(self, name))
            require(len(values) == 2, f"{name} of the line plane", "two numbers (x, y)", values)
            checked = tuple(within(f"{name} of the line plane", v, -largest, largest, unit) for v in values)
            object.__setattr__(self, name, checked)

    def into(self, points: np.ndarray) -> np.ndarray:
        """Return `points` (..., 3) in m as the selection field sees them."""
        shifted = points - [0.0, 0.0, self.offset] if self.offset else points
        return shifted @ self._rotation() if any(self.tilt) else shifted

    def back(self, field: np.ndarray) -> np.ndarray:
        """Return a selection field (..., 3) in T in the coordinates of the scanner, with the field in the plane."""
        turned = field @ self._rotation().T if any(self.tilt) else field
        return turned + [*self.in_plane_field, 0.0] if any(self.in_plane_field) else turned

    def _rotation(self) -> np.ndarray:
        """The matrix D, by the formula of Rodrigues."""
        x, y = self.tilt
        size = math.hypot(x, y)
        across = np.array([[0, 0, y], [0, 0, -x], [-y, x, 0]]) / size
        return np.eye(3) + math.sin(size) * across + (1 - math.cos(size)) * across @ across
