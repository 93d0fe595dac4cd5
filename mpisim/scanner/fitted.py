r"""A field-free-line scanner as a fit of its system matrix describes it.

A fit sees the plane of the field of view alone. There its selection field is

.. math:: B_s'(r; \theta) = B_s''(r; \theta) + \sum_i G R_i\,b_i(r; \theta')
          + G\,\bigl[(\tau_y x - \tau_x y)\,\hat u + (u - o)\,(\tau_y \hat x - \tau_x \hat y)\bigr],

where :math:`B_s''` is that of `ImperfectFFL`, with all that moves with the line, :math:`b_i` are parts of the
background, which the errors of the line do not move, and :math:`\tau` is a small rotation of the line's plane about x
and y, to first order. :math:`\hat u` and :math:`u` belong to the true angle :math:`\theta' = \theta + \delta`, o is the
offset of the line.

Errors are those of single angles, :math:`(\theta, o, \delta, g, \varphi)`. Each of the four has at any other angle the
value :math:`c_0 + c_x \cos\theta + c_y \sin\theta`: an axis of the turn that lies beside that of the grid makes such
offsets. Gains are those of each coil and harmonic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mpisim.errors import numbers_of, require, whole, within
from mpisim.scanner.imperfect import ImperfectFFL
from mpisim.scanner.parts import FieldPart, check_regions, checked_parts

__all__ = ["FittedFFL"]

_SAME_ANGLE = 1e-6  # rad
_LARGEST = {"offset": 0.1, "angle": 0.5, "gain": 100.0, "phase": 6.3}  # m, rad, relative, rad
_NONE = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class FittedFFL(ImperfectFFL):
    """An imperfect field-free-line scanner whose parameters a fit of a system matrix found.

    Parameters
    ----------
    background
        Parts of the selection field that neither turn nor shift with the line: each G times its radius times its
        relative field.
    tilt
        Small rotation of the line's plane about x and y in rad, to first order, each from -0.2 to 0.2.
    errors
        Errors of single angles, one row for each: its angle in rad, offset of the line in m, error of the angle in rad,
        relative gain, phase in rad. `line` is left out then.
    other_angles
        Offset, error, gain and phase at angles without a row in `errors`, each as three numbers (c_0, c_x, c_y): the
        value is c_0 + c_x cos(angle) + c_y sin(angle).
    row_gains
        Gains (coil, harmonic, real part, imaginary part) of each coil, from 0 on, at each harmonic; 1 for those that
        are not named.

    Raises
    ------
    InputError
        If a value is out of range, an angle or a gain is named twice, or `line` is given too.
    """

    background: tuple[FieldPart, ...] = ()
    tilt: tuple[float, float] = (0.0, 0.0)
    errors: tuple[tuple[float, float, float, float, float], ...] = ()
    other_angles: tuple[tuple[float, float, float], ...] = (_NONE, _NONE, _NONE, _NONE)
    row_gains: tuple[tuple[int, int, float, float], ...] = ()

    open_keys = ("angles", "grid")
    """Keys of a scanner file that options of the command line replace: a fit holds for other angles and voxels too."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "background", checked_parts("background", self.background, "relative_field"))
        tilt = numbers_of("scanner tilt", self.tilt)
        require(len(tilt) == 2, "scanner tilt", "two numbers (x, y) in rad", self.tilt)
        object.__setattr__(self, "tilt", tuple(within("scanner tilt", t, -0.2, 0.2, "rad") for t in tilt))
        object.__setattr__(self, "errors", _rows("errors", self.errors, 5, "(angle, offset, error, gain, phase)"))
        object.__setattr__(self, "other_angles", _rows("other_angles", self.other_angles, 3, "(c_0, c_x, c_y)"))
        require(len(self.other_angles) == 4, "scanner other_angles", "four rows", len(self.other_angles))
        for errors in self.errors:
            for (name, largest), value in zip(_LARGEST.items(), errors[1:], strict=True):
                within(f"{name} of the scanner's errors", value, -largest, largest, "(m, rad, 1, rad)")
        known = [row[0] for row in self.errors]
        apart = np.diff(np.sort(known))
        require(bool(np.all(apart > _SAME_ANGLE)), "angles of the scanner's errors", "distinct", known)
        rows = _rows("row_gains", self.row_gains, 4, "(coil, harmonic, real, imaginary)")
        coil, harmonic = "coil of the scanner's row_gains", "harmonic of the scanner's row_gains"
        gains = tuple((whole(coil, c, least=0), whole(harmonic, k), re, im) for c, k, re, im in rows)
        named = [row[:2] for row in gains]
        require(len(set(named)) == len(named), "scanner row_gains", "named once each", named)
        object.__setattr__(self, "row_gains", gains)
        none = self.line is None or not (self.errors or any(map(any, self.other_angles)))
        require(none, "scanner line", "left out where errors are given", "both")
        super().__post_init__()

    def selection_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Selection field in T at `points` (..., 3) in m for a rotation angle in rad; shape (..., 3)."""
        field = super().selection_field(points, angle)
        offset, turned = self._line_at(angle)
        for part in self.background:
            field = field + self.sf_gradient * part.radius * part.relative_field(points, turned)
        if not any(self.tilt):
            return field
        tau_x, tau_y = self.tilt
        x, y, (cos, sin) = points[..., 0], points[..., 1], (math.cos(turned), math.sin(turned))
        along, u = tau_y * x - tau_x * y, x * cos + y * sin - offset
        tilted = np.stack([along * cos + u * tau_y, along * sin - u * tau_x, np.zeros_like(u)], axis=-1)
        return np.asarray(field + self.sf_gradient * tilted)

    def receive_gains(self) -> np.ndarray:
        """Complex gains of the rows, shape (angle, coil, frequency)."""
        gains = super().receive_gains()
        if self.row_gains:
            named = {(c, k): complex(re, im) for c, k, re, im in self.row_gains}
            gains = gains * np.array([[named.get((c, k), 1.0) for k in self.harmonics] for c in range(gains.shape[1])])
        if self._has_errors:
            _, _, gain, phase = np.transpose([self.errors_at(angle) for angle in self.angles])
            gains = gains * ((1 + gain) * np.exp(1j * phase))[:, None, None]
        return gains

    def check_region(self, points: np.ndarray) -> None:
        """Raise `InputError` where a part cannot give its field at `points` (point, 3) in m, or lies among them."""
        super().check_region(points)
        check_regions(self.background, points)

    def errors_at(self, angle: float) -> tuple[float, float, float, float]:
        """Return offset in m, error in rad, relative gain and phase in rad at an angle in rad."""
        known, values = _table(self.errors)
        place = int(np.argmin(np.abs(known - angle))) if known.size else -1
        if place >= 0 and abs(known[place] - angle) < _SAME_ANGLE:
            offset, error, gain, phase = values[place]
        else:
            offset, error, gain, phase = np.array(self.other_angles) @ [1.0, math.cos(angle), math.sin(angle)]
        return float(offset), float(error), float(gain), float(phase)

    @property
    def _has_errors(self) -> bool:
        return bool(self.errors) or any(map(any, self.other_angles))

    def _line_at(self, angle: float) -> tuple[float, float]:
        if not self._has_errors:
            return super()._line_at(angle)
        offset, error, _, _ = self.errors_at(angle)
        return offset, angle + error


def _rows(name: str, rows: object, count: int, words: str) -> tuple[tuple[float, ...], ...]:
    """Return rows of numbers as tuples; raise `InputError` unless each has as many as it should."""
    full = f"scanner {name}"
    require(isinstance(rows, list | tuple), full, f"a sequence of rows {words}", repr(rows))
    assert isinstance(rows, list | tuple)
    checked = tuple(numbers_of(full, row) for row in rows)
    require(all(len(row) == count for row in checked), full, f"rows {words}", repr(rows))
    return checked


@lru_cache(maxsize=64)
def _table(errors: tuple[tuple[float, ...], ...]) -> tuple[np.ndarray, np.ndarray]:
    """Angles, and the errors at them (angle, 4)."""
    rows = np.array(errors).reshape(-1, 5)
    return rows[:, 0], rows[:, 1:]
