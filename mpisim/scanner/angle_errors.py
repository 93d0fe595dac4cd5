r"""Errors that differ from angle to angle: offset and angle of the line, gain and phase of the receiver.

For the angle :math:`i = 0 \ldots n-1` of a scan each of the four quantities is

.. math:: e_i = f_i + s\,\epsilon_i + d\,\frac{i}{n-1} ,

a fixed value, a number drawn from a normal distribution with the standard deviation :math:`s`, and a drift that is
linear over the scan with the total :math:`d`. The drawn numbers follow from the seed and :math:`i` alone, one stream
for each quantity: they depend neither on the other quantities nor on the number of angles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from mpisim.errors import numbers_of, require, seed_number, within

__all__ = ["AngleErrors", "AngleValues"]

_QUANTITIES = {"offset": (0.1, "m"), "angle": (0.5, "rad"), "gain": (10.0, "times one"), "phase": (6.3, "rad")}
"""Largest magnitude and unit of each quantity."""


class AngleValues(NamedTuple):
    """Errors at every angle of a scan, each of shape (angle,): m, rad, relative, rad."""

    offset: np.ndarray
    angle: np.ndarray
    gain: np.ndarray
    phase: np.ndarray


@dataclass(frozen=True)
class AngleErrors:
    """Errors of the line and of the receiver, fixed, drawn for each angle, and drifting over the scan.

    Parameters
    ----------
    offset
        Shift of the line along its normal u in m, from -0.1 to 0.1; a number, or a tuple with one for each angle.
    angle
        Difference of the true rotation angle from the stated one in rad, from -0.5 to 0.5.
    gain
        Relative change of the received voltage, above -1 and at most 10: the factor is 1 + gain.
    phase
        Phase of the received voltage in rad, from -6.3 to 6.3: the factor exp(i phase) for all harmonics.
    offset_spread, angle_spread, gain_spread, phase_spread
        Standard deviation of the part that is drawn for each angle, in the unit of the quantity (m, rad, 1, rad).
    offset_drift, angle_drift, gain_drift, phase_drift
        Change from the first angle to the last, in the unit of the quantity.
    seed
        Seed of the drawn parts.

    Raises
    ------
    InputError
        If a spread is negative, or a value is out of range.
    """

    offset: float | tuple[float, ...] = 0.0
    angle: float | tuple[float, ...] = 0.0
    gain: float | tuple[float, ...] = 0.0
    phase: float | tuple[float, ...] = 0.0
    offset_spread: float = 0.0
    angle_spread: float = 0.0
    gain_spread: float = 0.0
    phase_spread: float = 0.0
    offset_drift: float = 0.0
    angle_drift: float = 0.0
    gain_drift: float = 0.0
    phase_drift: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for quantity, (largest, unit) in _QUANTITIES.items():
            object.__setattr__(self, quantity, _checked_fixed(quantity, getattr(self, quantity), largest, unit))
            for part, low in (("spread", 0.0), ("drift", -largest)):
                name = f"{quantity}_{part}"
                value = within(f"{name} of the angle errors", getattr(self, name), low, largest, unit)
                object.__setattr__(self, name, value)
        object.__setattr__(self, "seed", seed_number(self.seed, "seed of the angle errors"))

    @property
    def moves_the_line(self) -> bool:
        """Whether offset or angle of the line differ from zero."""
        return self._any("offset", "angle")

    @property
    def changes_the_gain(self) -> bool:
        """Whether gain or phase differ from the ideal."""
        return self._any("gain", "phase")

    @property
    def vary(self) -> bool:
        """Whether offset or angle of the line differ between angles, which then must be distinct."""
        spread = (self.offset_spread, self.angle_spread, self.offset_drift, self.angle_drift)
        return any(spread) or isinstance(self.offset, tuple) or isinstance(self.angle, tuple)

    def values(self, count: int) -> AngleValues:
        """Return the errors at `count` angles.

        Raises `InputError` where fixed values are another number of them, or a gain falls to -1 or below.
        """
        return _values(self, count)

    def _any(self, *quantities: str) -> bool:
        fixed = [np.any(getattr(self, q)) for q in quantities]
        return any(fixed) or any(getattr(self, f"{q}_{part}") for q in quantities for part in ("spread", "drift"))


def _checked_fixed(name: str, value: object, largest: float, unit: str) -> float | tuple[float, ...]:
    sentence = f"{name} of the angle errors"
    several = isinstance(value, list | tuple) or np.ndim(value) == 1  # type: ignore[arg-type]
    values = numbers_of(sentence, value) if several else (value,)  # type: ignore[arg-type]
    require(len(values) > 0, sentence, "a number, or one for each angle", "none")
    checked = tuple(within(sentence, v, -largest, largest, unit) for v in values)
    for number in checked if name == "gain" else ():
        require(number > -1, sentence, "above -1, since the factor is 1 + gain", f"{number:g}")
    return checked if several else checked[0]


@lru_cache(maxsize=64)
def _values(errors: AngleErrors, count: int) -> AngleValues:
    """Errors at every angle, read-only."""
    part = np.arange(count) / max(count - 1, 1)
    arrays = []
    for stream, quantity in enumerate(_QUANTITIES):
        fixed = getattr(errors, quantity)
        if isinstance(fixed, tuple):
            require(len(fixed) == count, f"{quantity} of the angle errors", f"{count} values, one an angle", len(fixed))
        drawn = np.random.default_rng([errors.seed, stream]).standard_normal(count)
        spread, drift = getattr(errors, f"{quantity}_spread"), getattr(errors, f"{quantity}_drift")
        values = np.asarray(fixed) + spread * drawn + drift * part
        if quantity == "gain":
            must = "above -1 at every angle, since the factor is 1 + gain"
            require(bool(values.min() > -1), "gain of the angle errors", must, f"{values.min():.3g}")
        values.flags.writeable = False
        arrays.append(values)
    return AngleValues(*arrays)
