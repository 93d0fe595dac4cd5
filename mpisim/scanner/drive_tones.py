r"""Further tones of the drive beside the one of the drive frequency.

With the drive frequency :math:`f_0 = n f` the drive is

.. math:: B_d(t) = \Bigl(A \sin(2\pi n f t + \varphi) + \sum_i A_i \sin(2\pi n_i f t + \varphi_i)\Bigr) \hat d(r) ,

all tones in one coil. Recorded harmonics and samples belong to the common period :math:`1/f`.
"""

from __future__ import annotations

from dataclasses import dataclass

from mpisim.data.angles import look_like_degrees
from mpisim.errors import numbers_of, require, whole, within
from mpisim.scanner.sequences import Tone

__all__ = ["DriveTones"]


@dataclass(frozen=True)
class DriveTones:
    """A drive of several tones in one coil.

    Parameters
    ----------
    multiple
        The drive frequency as a multiple n of the base frequency, of which the recorded harmonics are multiples too.
    phase
        Phase of the tone of the drive frequency in rad; pi / 2 makes it a cosine.
    further
        Further tones (multiple, amplitude in T, phase in rad).

    Raises
    ------
    InputError
        If a multiple is no whole number above zero, an amplitude is not from 1e-6 to 1 T, or a phase looks like
        degrees.
    """

    multiple: int = 1
    phase: float = 0.0
    further: tuple[tuple[int, float, float], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "multiple", whole("multiple of the drive tone", self.multiple))
        object.__setattr__(self, "phase", _checked_phase(self.phase))
        good = isinstance(self.further, list | tuple)
        require(good, "further drive tones", "a sequence of (multiple, amplitude, phase)", repr(self.further))
        object.__setattr__(self, "further", tuple(_checked_tone(tone) for tone in self.further))

    @property
    def tones(self) -> tuple[Tone, ...]:
        """All tones, that of the drive frequency first."""
        return (Tone(self.multiple, self.phase), *(Tone(n, phase) for n, _, phase in self.further))

    @property
    def amplitudes(self) -> tuple[float, ...]:
        """Amplitudes of the further tones in T."""
        return tuple(amplitude for _, amplitude, _ in self.further)


def _checked_phase(phase: object) -> float:
    (value,) = numbers_of("phase of a drive tone", (phase,))
    require(not look_like_degrees((value,)), "phase of a drive tone", "in rad", f"{value:g}, which looks like degrees")
    return value


def _checked_tone(tone: object) -> tuple[int, float, float]:
    name = "further drive tone"
    values = numbers_of(name, tone)  # type: ignore[arg-type]  # refuses whatever is no sequence
    require(len(values) == 3, name, "three numbers (multiple, amplitude, phase)", repr(tone))
    amplitude = within(f"amplitude of a {name}", values[1], 1e-6, 1.0, "T")
    return whole(f"multiple of a {name}", values[0]), amplitude, _checked_phase(values[2])
