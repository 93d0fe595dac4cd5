"""Which rows of a matrix are harmonics, and which are lines of bands beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

__all__ = ["Lines"]

_SAME = 1e-6  # of a frequency
_NEAR = 0.5  # cycles: a line that is the one next to a harmonic


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines of bands.

    Parameters
    ----------
    harmonics, others
        Places in the file of the lines that are harmonics, by their numbers, and of all others, by frequency.
    of_harmonics, beside
        Number of the harmonic, and how far the line is off it in cycles in a frame, for both.
    """

    harmonics: np.ndarray
    others: np.ndarray
    of_harmonics: tuple[tuple[int, float], ...]
    beside: tuple[tuple[int, float], ...]

    @classmethod
    def of(cls, coarse: xr.Dataset) -> Lines | None:
        """Return the lines of a matrix; None where each harmonic has one line at most, or the drive is not known.

        The line next to a harmonic counts as the harmonic where it is less than half of the distance of lines from it.
        """
        scanner = coarse.attrs.get("scanner")
        drive = scanner.get("drive_frequency") if isinstance(scanner, dict) else None
        if "harmonic" in coarse.coords or "frequency" not in coarse.coords or not isinstance(drive, int | float):
            return None
        frequencies = np.atleast_1d(coarse["frequency"].values).astype(float)
        if not drive > 0 or not np.all(np.isfinite(frequencies)) or frequencies.min() < drive / 2:
            return None
        numbers = np.rint(frequencies / drive).astype(int)
        apart = np.diff(np.sort(frequencies))
        if len(set(numbers)) == len(numbers) or apart.min() <= _SAME * frequencies.max():
            return None
        cycles = (frequencies - numbers * drive) / apart.min()
        whole = np.abs(cycles - np.rint(cycles)) <= _SAME * frequencies.max() / apart.min()
        cycles = np.where(whole, np.rint(cycles), cycles)
        if not np.any(np.abs(cycles) < _NEAR):
            return None
        first = [int(np.argmin(np.where(numbers == n, np.abs(cycles), np.inf))) for n in sorted(set(numbers))]
        harmonics = np.array([place for place in first if abs(cycles[place]) < _NEAR], dtype=int)
        others = np.array([i for i in np.argsort(frequencies) if i not in harmonics], dtype=int)
        told = [(int(n), float(c)) for n, c in zip(numbers, cycles, strict=True)]
        return cls(harmonics, others, tuple(told[i] for i in harmonics), tuple(told[i] for i in others))

    def harmonics_of(self, coarse: xr.Dataset) -> xr.Dataset:
        """Return a matrix of the harmonics alone, with their numbers."""
        numbers = [number for number, _ in self.of_harmonics]
        return coarse.isel(frequency=self.harmonics).assign_coords(harmonic=("frequency", numbers))

    @property
    def numbers(self) -> list[int]:
        """Numbers of all harmonics with lines."""
        return sorted({number for number, _ in (*self.of_harmonics, *self.beside)})

    @property
    def highest(self) -> int:
        """The largest of them."""
        return max(self.numbers)

    def by_harmonic(self) -> Iterator[tuple[int, list[int]]]:
        """Yield the numbers of harmonics and which lines beside them there are."""
        for number in self.numbers:
            places = [i for i, (n, _) in enumerate(self.beside) if n == number]
            if places:
                yield number, places

    def nearest(self, number: int) -> int:
        """Return which of the fitted harmonics is next to one of a number."""
        return int(np.argmin([abs(n - number) for n, _ in self.of_harmonics]))

    def gain(self, gains: np.ndarray, number: int) -> complex:
        """Return the gain (harmonic,) of the harmonic next to one of a number."""
        return complex(gains[self.nearest(number)])
