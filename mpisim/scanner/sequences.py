r"""Periodic drive sequences.

Tone :math:`i` is :math:`\sin(2\pi n_i f t + \varphi_i)` with a whole number :math:`n_i` of periods in the common period
:math:`1/f`. A Lissajous sequence with the dividers 102 and 96 of a clock of 2.5 MHz has the base frequency
2.5 MHz / 1632, where 1632 is their least common multiple, and the multiples 16 and 17. Where a measurement of the
duration :math:`T_m` records bands around harmonics, the base frequency is :math:`1/T_m`: 10 ms of 23.2 kHz are the
multiple 232 of 100 Hz, and the lines beside a harmonic are neighbouring multiples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from mpisim.data.angles import look_like_degrees
from mpisim.errors import numbers_of, positive, require, whole, within

__all__ = ["PeriodicSequence", "Tone"]

_MOST_SAMPLES = 10_000_000


class Tone(NamedTuple):
    """One sine of the drive: its frequency as a `multiple` of the base frequency, and its `phase` in rad at t = 0."""

    multiple: int
    phase: float = 0.0


@dataclass(frozen=True)
class PeriodicSequence:
    """A drive of one or several tones with a common period.

    Parameters
    ----------
    base_frequency
        Reciprocal of the common period in Hz. The highest tone is from 100 Hz to 1 MHz.
    tones
        One `Tone` for each drive field of the scanner.
    harmonics
        Recorded frequencies as multiples of the base frequency, distinct; at most 100 MHz.
    angles
        Rotation angles of the selection field in rad. Angles that look like degrees are refused
        (`mpisim.data.angles`).
    samples_per_period
        Uniform samples of one period; even, and more than twice the highest harmonic and tone; at most 1e7.

    Raises
    ------
    InputError
        If a number is out of range, or the samples cannot carry the harmonics.
    """

    base_frequency: float
    tones: tuple[Tone, ...] = (Tone(1),)
    harmonics: tuple[int, ...] = (2, 3, 4, 5, 6, 7, 8, 9)
    angles: tuple[float, ...] = (0.0,)
    samples_per_period: int = 216

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_frequency", positive("scanner base_frequency", self.base_frequency))
        good = isinstance(self.tones, list | tuple) and len(self.tones) > 0
        require(good, "scanner tones", "a sequence of at least one tone", repr(self.tones))
        object.__setattr__(self, "tones", tuple(_checked_tone(t) for t in self.tones))
        object.__setattr__(self, "angles", numbers_of("scanner angles", self.angles))
        require(len(self.angles) > 0, "scanner angles", "at least one", "none")
        received = f"angles up to {max(self.angles):g}, which look like degrees"
        require(not look_like_degrees(self.angles), "scanner angles", "in rad", received)
        harmonics = tuple(whole("scanner harmonics", k) for k in numbers_of("scanner harmonics", self.harmonics))
        require(len(set(harmonics)) == len(harmonics) > 0, "scanner harmonics", "distinct, at least one", harmonics)
        object.__setattr__(self, "harmonics", harmonics)
        object.__setattr__(self, "samples_per_period", self._checked_samples())
        self._check_frequencies()

    def _check_frequencies(self) -> None:
        tone = self.base_frequency * max(t.multiple for t in self.tones)
        within("frequency of the scanner's highest tone", tone, 100, 1e6, "Hz")
        recorded = self.base_frequency * max(self.harmonics)
        require(recorded <= 1e8, "highest recorded frequency of the scanner", "at most 1e+08 Hz", f"{recorded:g}")
        samples = self.samples_per_period
        require(samples <= _MOST_SAMPLES, "scanner samples_per_period", f"at most {_MOST_SAMPLES}", samples)

    def _checked_samples(self) -> int:
        samples = whole("scanner samples_per_period", self.samples_per_period)
        highest = max(*self.harmonics, *(t.multiple for t in self.tones))
        must = f"even and above {2 * highest} for harmonic {highest}"
        require(samples % 2 == 0 and samples > 2 * highest, "scanner samples_per_period", must, samples)
        return samples


def _checked_tone(tone: tuple[float, ...]) -> Tone:
    multiple, *phase = numbers_of("tone of the scanner", tone) or (0.0,)
    require(len(phase) <= 1, "tone of the scanner", "a multiple and a phase", tone)
    require(not look_like_degrees(phase), "phase of a tone", "in rad", f"{phase}, which look like degrees")
    return Tone(whole("multiple of a tone", multiple), *phase)
