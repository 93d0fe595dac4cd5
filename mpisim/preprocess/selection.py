r"""Selection of frequencies: by band, stop bands, harmonics of the drive, signal-to-noise ratio, or the best ones.

A frequency is kept where every condition that is given holds. The signal-to-noise ratio is a ratio, not decibels, by
one of the definitions of `mpisim.preprocess.row_snr`; that of a frequency is the largest of its rows. Selection keeps
>=. Frequencies are kept for all angles and receive channels together, so that rows stay a product of these.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import xarray as xr

from mpisim.errors import non_negative, one_of, require, warn, whole
from mpisim.preprocess.pairing import places
from mpisim.preprocess.row_snr import DEFINITIONS, row_snr
from mpisim.preprocess.rows import frequencies_of, kind_of, one_of_each_row
from mpisim.preprocess.step import Step

__all__ = ["SelectFrequencies", "in_band"]

_EDGE = 1e-9  # of the frequency, for numbers that were typed


def in_band(frequencies: np.ndarray, min_frequency: float | None, max_frequency: float | None) -> np.ndarray:
    """Return which frequencies lie from the least to the greatest one, all in Hz; None leaves a side open.

    Raises `InputError` if a limit is negative, or the least one is above the greatest.
    """
    low = 0.0 if min_frequency is None else non_negative("min_frequency", min_frequency)
    high = np.inf if max_frequency is None else non_negative("max_frequency", max_frequency)
    require(low <= high, "min_frequency", f"at most max_frequency, {high:g} Hz", f"{low:g}")
    return (frequencies >= low * (1 - _EDGE)) & (frequencies <= high * (1 + _EDGE))


@dataclass(frozen=True)
class SelectFrequencies(Step):
    """Keep the frequencies at which any angle and receive channel fulfils all conditions.

    Parameters
    ----------
    min_frequency, max_frequency
        Least and greatest frequency in Hz.
    stop_bands
        Pairs of frequencies in Hz; those from the first to the second are left out.
    drive_frequency, harmonics, bandwidth
        Keep frequencies within half the bandwidth of these multiples of the drive frequency; both in Hz.
    drive_frequencies, mixing_order
        Keep frequencies that are a sum of multiples of these drive frequencies (Hz, of all channels) whose magnitudes
        add up to at most this order, to within half the bandwidth; 0 for all.
    snr
        Least signal-to-noise ratio, a ratio.
    definition
        Its definition, a name of `mpisim.preprocess.row_snr.DEFINITIONS`.
    best
        Keep so many frequencies of the highest ratio (of all rows of a frequency); 0 for all.
    kept
        The frequencies in Hz on which the step was decided; empty before.
    """

    min_frequency: float | None = None
    max_frequency: float | None = None
    stop_bands: tuple[tuple[float, float], ...] = ()
    drive_frequency: float | None = None
    harmonics: tuple[int, ...] = ()
    bandwidth: float = 0.0
    drive_frequencies: tuple[float, ...] = ()
    mixing_order: int = 0
    snr: float | None = None
    definition: str = "rms"
    best: int = 0
    kept: tuple[float, ...] = ()
    noise: ClassVar[str] = "unchanged in the rows that are kept"
    decided_on: ClassVar[str] = "system_matrix"

    def __post_init__(self) -> None:
        one_of("definition", self.definition, DEFINITIONS)
        whole("best", self.best, least=0)
        in_band(np.empty(0), self.min_frequency, self.max_frequency)  # or it raises
        for name in ("snr", "drive_frequency"):
            value = getattr(self, name)
            if value is not None:
                non_negative(name, value)
        whole("mixing_order", self.mixing_order, least=0)
        paired = bool(self.drive_frequencies) == bool(self.mixing_order) and len(self.drive_frequencies) <= 3
        require(paired, "mixing_order", "given together with one to three drive_frequencies", self.mixing_order)
        non_negative("bandwidth", self.bandwidth)
        ordered = all(len(band) == 2 and 0 <= band[0] <= band[1] for band in self.stop_bands)
        require(ordered, "stop_bands", "pairs of ascending frequencies in Hz", self.stop_bands)
        together = (self.drive_frequency is not None) == bool(self.harmonics)
        require(together, "harmonics", "given together with drive_frequency", self.harmonics)

    def decided(self, data: xr.Dataset) -> Self:
        """Return the step with the frequencies of a dataset that it keeps; raise `InputError` where none is left."""
        if self.kept:
            return self
        kind_of(data)
        require("frequency" in data.dims, "data", "with the dimension frequency", "without it")
        frequencies = frequencies_of(data)
        good = self._in_bands(frequencies)
        if self.snr is not None or self.best:
            like = one_of_each_row(data)
            ratio = np.moveaxis(row_snr(data, self.definition), like.dims.index("frequency"), 0)
            highest = ratio.reshape(len(frequencies), -1).max(axis=1)
            good &= highest >= (0.0 if self.snr is None else self.snr)
            if self.best and np.count_nonzero(good) > self.best:
                order = np.argsort(np.where(good, -highest, np.inf), kind="stable")
                good[order[self.best :]] = False
        require(bool(good.any()), "conditions", f"such that frequencies are left of {good.size}", "none")
        return replace(self, kept=tuple(frequencies[good].tolist()))

    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return the dataset with the kept frequencies; a `DataWarning` says how many of them it does not have.

        Where harmonics of the drive are all that is left of bands, they become the coordinate `harmonic`.
        """
        step = self.decided(data)
        place = places(np.array(step.kept), frequencies_of(data))
        lost = int(np.count_nonzero(place < 0))
        require(lost < place.size, "data", "of frequencies that were selected", "none of them")
        if lost:
            warn(f"{lost} of {place.size} selected frequencies are not in the {kind_of(data)}.")
        return _with_harmonics(data.isel(frequency=np.sort(place[place >= 0])))

    def _in_bands(self, f: np.ndarray) -> np.ndarray:
        good = in_band(f, self.min_frequency, self.max_frequency)
        for first, last in self.stop_bands:
            good &= (f < first * (1 - _EDGE)) | (f > last * (1 + _EDGE))
        if self.drive_frequency is not None:
            centres = np.array(self.harmonics) * self.drive_frequency
            good &= np.abs(f[:, None] - centres).min(axis=1) <= self.bandwidth / 2 + _EDGE * f + 1e-9
        if self.mixing_order:
            sums = _mixed(np.array(self.drive_frequencies), self.mixing_order)
            good &= np.array([np.abs(sums - value).min() for value in f]) <= self.bandwidth / 2 + 1e-6 * f + 1e-9
        return good


def _with_harmonics(data: xr.Dataset) -> xr.Dataset:
    """Return lines of bands with the coordinate `harmonic` where all that are left are harmonics of the drive."""
    scanner = data.attrs.get("scanner")
    if "harmonic" in data.coords or not isinstance(scanner, dict) or not scanner.get("bands"):
        return data
    ratio = frequencies_of(data) / float(scanner["drive_frequency"])
    harmonics = np.rint(ratio).astype(int)
    whole_ones = bool(np.all(np.abs(ratio - harmonics) < 1e-6)) and np.unique(harmonics).size == harmonics.size
    return data.assign_coords(harmonic=("frequency", harmonics, {"units": "1"})) if whole_ones else data


def _mixed(drives: np.ndarray, order: int) -> np.ndarray:
    """Return the sums of multiples of drive frequencies whose magnitudes add up to at most an order."""
    counts = np.arange(-order, order + 1)
    multiples = np.stack(np.meshgrid(*[counts] * drives.size, indexing="ij"), axis=-1).reshape(-1, drives.size)
    return multiples[np.abs(multiples).sum(axis=1) <= order] @ drives
