r"""A field that was measured or computed elsewhere, given at the points of a grid.

Between the points it is interpolated by the tensor product of cubic splines with not-a-knot ends (C. de Boor, A
Practical Guide to Splines), which is exact for polynomials up to the third degree in every coordinate and has an error
of the fourth order in the step. An axis of three or two points carries a spline of the second or first degree. Along an
axis of one point the field is taken as constant, which is a simplification: a map of one plane says nothing of the
field above it.

Nothing is extrapolated. An interpolated field is not free of curl and divergence to the last digit, as a measured one
is not either.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from mpisim.errors import brief, one_of, require, warn, within
from mpisim.scanner.biot_savart import direction
from mpisim.scanner.parts import DEFAULT_RADIUS, checked_flag, checked_radius, turned_field, turned_region
from mpisim.scanner.wound_field import unit_of_field

__all__ = ["FieldMap"]

UNITS = ("T", "1/m", "1")
_LARGEST = {"T": 20.0, "1/m": 1e7, "1": 1e6}
_FARTHEST = 2.0  # m
_SLACK = 1e-9  # of an axis' length, for points on its end


@dataclass(frozen=True, repr=False)
class FieldMap:
    """A vector field at the points of a grid, interpolated between them.

    As a part of a drive or selection field it counts in units of `reference`; `scaled_to` finds that unit.

    Parameters
    ----------
    x, y, z
        Coordinates of the points in m, each ascending (not necessarily equidistant) and within 2 m.
    values
        Components (x, y, z) of the field at every point, nested as (z, y, x, 3); an array is taken, too.
    unit
        `T` for a field, `1/m` for a sensitivity (field per unit current over mu_0), `1` for a relative field.
    reference
        Value in this unit that counts as 1 where the map is a part of a drive or selection field.
    radius
        Reference radius R in m: in a selection field of gradient G the value 1 is the field G R.
    turning
        Whether the field turns with the line about z; the map is given as it is at angle 0.

    Raises
    ------
    InputError
        If an axis is not ascending or too long, the values do not fit the axes, are not finite or too large, the unit
        is unknown, or the reference is zero.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    z: tuple[float, ...]
    values: Any
    unit: str = "T"
    reference: float = 1.0
    radius: float = DEFAULT_RADIUS
    turning: bool = False

    def __post_init__(self) -> None:
        for name in ("x", "y", "z"):
            object.__setattr__(self, name, _axis(name, getattr(self, name)))
        one_of("unit of the field map", self.unit, UNITS)
        values = _numbers(self.values)
        shape = (len(self.z), len(self.y), len(self.x), 3)
        must = f"of the shape (z, y, x, 3), {shape} here"
        require(values.shape == shape, "values of the field map", must, values.shape)
        bad = int(np.count_nonzero(~np.isfinite(values)))
        require(bad == 0, "values of the field map", "finite everywhere", f"{bad} that are NaN or infinite")
        largest, limit = float(np.abs(values).max()), _LARGEST[self.unit]
        require(largest <= limit, "values of the field map", f"up to {limit:g} {self.unit}", f"{largest:g}")
        object.__setattr__(self, "values", _nested(values))
        reference = float(_numbers(self.reference))
        require(math.isfinite(reference) and reference != 0, "reference", "a number other than zero", self.reference)
        object.__setattr__(self, "reference", reference)
        object.__setattr__(self, "radius", checked_radius("field map", self.radius))
        object.__setattr__(self, "turning", checked_flag("turning of the field map", self.turning))

    def __repr__(self) -> str:
        """Size and unit, since the values are many."""
        sizes = " x ".join(str(len(axis)) for axis in (self.x, self.y, self.z))
        return f"FieldMap({sizes} points (x, y, z), unit={self.unit!r}, reference={self.reference:g})"

    def array(self) -> np.ndarray:
        """Values as an array, shape (z, y, x, 3)."""
        return np.array(self.values)

    def at(self, points: np.ndarray) -> np.ndarray:
        """Field in its unit at `points` (..., 3) in m; shape (..., 3).

        Raises `InputError` where a point lies outside of the map.
        """
        self._require_covered(points)
        low, high = self._ends
        return self._spline(np.clip(points, low, high)[..., ::-1])

    def relative_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Field over `reference` at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""
        return turned_field(self.at, points, angle, self.turning) / self.reference

    def scaled_to(
        self,
        axis: tuple[float, float, float] = (0.0, 0.0, 1.0),
        gradient: tuple[float, float, float] | None = None,
        center: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> FieldMap:
        """Return the map with the `reference` that makes it 1 at the centre, to replace an ideal field.

        Parameters
        ----------
        axis
            Direction of the component that becomes 1.
        gradient
            None for a drive. For a selection field the direction in which this component grows; it is then its growth
            over the length `radius` that becomes 1.
        center
            Where, in m.

        Raises
        ------
        InputError
            If that component or gradient is zero there, or the centre is not in the map.
        """
        axis = direction("axis", axis)
        gradient = None if gradient is None else direction("gradient", gradient)
        unit = unit_of_field(self.at, center, axis, gradient, self.radius)
        word = "component along the axis" if gradient is None else "gradient"
        good = abs(unit) > 1e-9 * float(np.abs(self.array()).max())
        require(good, "field map", f"one with a {word} at the centre", f"{unit:.3g} {self.unit} there")
        return replace(self, reference=unit)

    def check_region(self, points: np.ndarray) -> None:
        """Raise `InputError` unless the map covers `points` (..., 3) in m; warn where a plane stands for a volume."""
        region = turned_region(points) if self.turning else points
        self._require_covered(region)
        away = float(np.abs(points[..., 2] - self.z[0]).max())
        if len(self.z) == 1 and away > 1e-6:
            warn(
                f"The field map holds one plane, z = {1e3 * self.z[0]:g} mm; its field is taken as the same up to "
                f"{1e3 * away:.3g} mm from it."
            )

    @cached_property
    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest coordinates (x, y, z) in m; infinite along an axis of one point."""
        axes = (self.x, self.y, self.z)
        low = [a[0] if len(a) > 1 else -np.inf for a in axes]
        high = [a[-1] if len(a) > 1 else np.inf for a in axes]
        return np.array(low), np.array(high)

    @cached_property
    def _spline(self) -> Callable[[np.ndarray], np.ndarray]:
        """Interpolation at points (..., 3) in the order z, y, x."""
        from scipy.interpolate import NdBSpline, make_interp_spline  # slow to import

        coefficients = self.array()
        knots, degrees = [], []
        for index, axis in enumerate((self.z, self.y, self.x)):
            degree = min(3, len(axis) - 1)
            if degree == 0:
                knots.append(np.array([-_FARTHEST, _FARTHEST]))
            else:
                spline = make_interp_spline(axis, coefficients, degree, axis=index)
                knots.append(spline.t)
                coefficients = np.moveaxis(spline.c, 0, index)
            degrees.append(degree)
        return NdBSpline(tuple(knots), np.ascontiguousarray(coefficients), tuple(degrees))

    def _require_covered(self, points: np.ndarray) -> None:
        low, high = self._ends
        slack = _SLACK * np.where(np.isfinite(high - low), high - low, 0)
        flat = points.reshape(-1, 3)
        lowest, highest = flat.min(axis=0), flat.max(axis=0)
        for index, name in enumerate("xyz"):
            if lowest[index] < low[index] - slack[index] or highest[index] > high[index] + slack[index]:
                wanted, found = (
                    f"{name} from {1e3 * start:.4g} to {1e3 * end:.4g} mm"
                    for start, end in ((lowest[index], highest[index]), (low[index], high[index]))
                )
                require(False, "field map", f"one that covers the field of view, {wanted}", f"one of {found}")


def _axis(name: str, values: object) -> tuple[float, ...]:
    """Return an axis of a map as floats; raise `InputError` unless it is ascending and within 2 m."""
    axis = _numbers(values)
    good = axis.ndim == 1 and axis.size > 0 and bool(np.isfinite(axis).all()) and bool(np.all(np.diff(axis) > 0))
    require(good, f"{name} of the field map", "one or more ascending coordinates in m", brief(values))
    within(f"{name} of the field map", float(np.abs(axis).max()), 0, _FARTHEST, "m")
    return tuple(axis.tolist())


def _numbers(values: object) -> np.ndarray:
    """Return values as an array of floats; raise `InputError` where they are ragged or no numbers."""
    try:
        array = np.array(values)
    except ValueError:
        array = np.array(None)
    require(array.dtype.kind in "fiu", "field map", "made of real numbers, rows of equal length", brief(values))
    return array.astype(float)


def _nested(values: np.ndarray) -> Any:
    """Values as nested tuples, which files hold."""
    if values.ndim == 1:
        return tuple(values.tolist())
    return tuple(_nested(part) for part in values)
