"""SPLIT: to be written."""

from __future__ import annotations

from typing import Protocol

import numpy as np

__all__ = ["Scanner"]


class Scanner(Protocol):
    """What the general path asks of a scanner: fields at points, and a periodic sequence (see `OpenSidedFFL`)."""

    @property
    def drive_frequency(self) -> float:
        """f_0 in Hz."""

    @property
    def angles(self) -> tuple[float, ...]:
        """Rotation angles in rad."""

    @property
    def harmonics(self) -> tuple[int, ...]:
        """Harmonics of f_0 that are kept."""

    @property
    def samples_per_period(self) -> int:
        """Uniform samples of one drive period, an even number."""

    def selection_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Selection field in T at `points` (..., 3) in m."""

    def drive_field(self, points: np.ndarray) -> np.ndarray:
        """Peak drive field in T at `points` (..., 3) in m."""

    def receive_sensitivity(self, points: np.ndarray) -> np.ndarray:
        """Receive sensitivity in 1/m at `points` (..., 3) in m."""
