"""Scanners of one sine tone and one coil, described as version 0.1 asked for them.

There any object was a scanner that had the methods `selection_field`, `drive_field` and `receive_sensitivity` and the
attributes `drive_frequency`, `angles`, `harmonics` and `samples_per_period`. `SingleTone` gives such an object the
protocol `mpisim.scanner.protocol.Scanner`; `mpisim.check_scanner`, and so `mpisim.simulate`, apply it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from mpisim.scanner.sequences import PeriodicSequence, Tone

__all__ = ["SINGLE_TONE_PARTS", "SingleTone", "SingleToneParts"]

T = TypeVar("T")

SINGLE_TONE_PARTS = (
    "selection_field",
    "drive_field",
    "receive_sensitivity",
    "drive_frequency",
    "angles",
    "harmonics",
    "samples_per_period",
)
"""Methods and attributes of a scanner of one tone and one coil."""


class SingleToneParts(Protocol):
    """Scanner of one sine tone and one coil; units, shapes and sequence are those of `mpisim.OpenSidedFFL`."""

    @property
    def drive_frequency(self) -> float:
        """Frequency of the tone in Hz."""

    @property
    def angles(self) -> Sequence[float]:
        """Rotation angles in rad."""

    @property
    def harmonics(self) -> Sequence[int]:
        """Recorded harmonics of the drive frequency."""

    @property
    def samples_per_period(self) -> int:
        """Uniform samples of one drive period."""

    def selection_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Selection field in T at `points` (..., 3) in m for an angle in rad; shape (..., 3)."""

    def drive_field(self, points: np.ndarray) -> np.ndarray:
        """Peak drive field in T at `points` (..., 3) in m; shape (..., 3)."""

    def receive_sensitivity(self, points: np.ndarray) -> np.ndarray:
        """Receive sensitivity in 1/m at `points` (..., 3) in m; shape (..., 3)."""


@dataclass(frozen=True)
class SingleTone:
    """A scanner of one sine tone and one coil behind the protocol of all scanners.

    Parameters
    ----------
    parts
        The object with the methods and attributes of `SINGLE_TONE_PARTS`.
    """

    parts: SingleToneParts

    @property
    def fixed_in_angle(self) -> bool:
        """True: drive field and coil are the same at every angle."""
        return True

    @property
    def sequence(self) -> PeriodicSequence:
        """One sine tone of the drive frequency, with the angles and harmonics of the object."""
        parts = self.parts
        harmonics, angles = _tuple(parts.harmonics), _tuple(parts.angles)
        return PeriodicSequence(parts.drive_frequency, (Tone(1),), harmonics, angles, parts.samples_per_period)

    def selection_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Selection field in T at `points` (..., 3) in m for an angle in rad; shape (..., 3)."""
        return self.parts.selection_field(points, angle)

    def drive_fields(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Peak drive field of the one tone in T, for any angle; shape (1, ..., 3)."""
        return np.asarray(self.parts.drive_field(points))[None]

    def receive_sensitivities(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Sensitivity of the one coil in 1/m, for any angle; shape (1, ..., 3)."""
        return np.asarray(self.parts.receive_sensitivity(points))[None]


def _tuple(values: Sequence[T]) -> tuple[T, ...]:
    """Values of any sequence; what is none is left to be refused."""
    return tuple(values) if isinstance(values, Iterable) else values
