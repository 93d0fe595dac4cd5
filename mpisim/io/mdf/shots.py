"""The frames of a measurement: background subtracted, in the order of acquisition, and averaged, in bounded memory.

A shot is one frame, or where the periods of a frame are repetitions, one period. Shots of the background give its
runs (`mpisim.preprocess.background`); those of the foreground are averaged in groups of successive ones. The file is
read in portions, twice where there is background. The noise of a mean over n shots is that of one over the root of n,
and that of the background which is subtracted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mpisim.errors import require, warn
from mpisim.io.mdf.frames import Frames
from mpisim.memory import memory_limit, require_memory
from mpisim.preprocess.background import Background, Runs
from mpisim.preprocess.wander import noise_after

__all__ = ["Shots", "positive_noise"]

_WORKING = 256e6  # bytes
_COPIES = 5


def positive_noise(noise: np.ndarray | None, least: float | None = None) -> np.ndarray | None:
    """Return noise in which rows without any, which are constant or dead, have the least of the others (or `least`).

    None where nothing is known or no row has noise: 0 would say that the values are exact.
    """
    if noise is None or (least is None and not np.any(noise > 0)):
        return None
    floor = float(np.min(noise, initial=np.inf if least is None else least, where=noise > 0))
    return np.where(noise > 0, noise, floor)


class Shots:
    """The shots of a file.

    Parameters
    ----------
    frames
        Its frames.
    by_angle
        Whether the periods of a frame are angles; otherwise each is a shot of its own.
    average
        How many successive shots of the foreground are averaged.

    Raises
    ------
    InputError
        If there is no foreground.
    """

    def __init__(self, frames: Frames, by_angle: bool, average: int) -> None:
        self.frames, self.by_angle, self.average = frames, by_angle, average
        self.repeats = 1 if by_angle else frames.periods
        mask = np.repeat(frames.is_background, self.repeats)
        self.place = (frames.order[:, None] * self.repeats + np.arange(self.repeats)).ravel()
        foreground = np.flatnonzero(~mask)
        path = frames.source.path
        require(foreground.size > 0, path, "a measurement with frames of the foreground", "background alone")
        rank = np.empty(foreground.size, dtype=np.intp)
        rank[np.argsort(self.place[foreground], kind="stable")] = np.arange(foreground.size)
        self.group = np.full(mask.size, -1)
        self.group[foreground] = rank // average
        self.background_of = np.full(mask.size, -1)
        self.background_of[mask] = np.arange(int(mask.sum()))
        self.runs = Runs(self.place[mask]) if mask.any() else None
        self.subtracts = self.runs is not None and not frames.background_corrected
        self.counts = np.bincount(self.group[foreground])
        if self.counts.size > 1 and self.counts[-1] < average:
            warn(
                f"The last frame of {path} is a mean over {self.counts[-1]} instead of {average}; its noise is larger."
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Angles (1 where there are none), channels and frequencies of a shot."""
        frames = self.frames
        return (frames.periods if self.by_angle else 1, frames.channels, frames.bins.size)

    def read(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return frames (frame, angle, channel, frequency), and the noise of one of them where background tells it."""
        size = int(np.prod(self.shape))
        require_memory(self.frames.source.path, 16 * size * (self.counts.size + _COPIES))
        background = self._background()
        out = np.zeros((self.counts.size, *self.shape), dtype=np.complex128 if self.average > 1 else self.frames.dtype)
        for shots, values in self.portions():
            chosen = self.group[shots] >= 0
            if not chosen.any():
                continue
            found = values[chosen]
            if background is not None and self.subtracts:
                found = found - background.at(self.place[shots[chosen]])
            np.add.at(out, self.group[shots[chosen]], found.astype(out.dtype))
        if self.average > 1:
            out /= self.counts[:, None, None, None]
        noise = positive_noise(None if background is None else background.noise_std())
        if background is None or noise is None:
            return out.astype(self.frames.dtype, copy=False), None
        return out.astype(self.frames.dtype, copy=False), self._noise(background, noise)

    def _noise(self, background: Background, noise: np.ndarray) -> np.ndarray:
        """Return the noise of a frame that is returned, with that of its background, given that of one shot."""
        count = int(self.counts[0])
        if not self.subtracts:
            return noise / np.sqrt(count)
        foreground = self.group >= 0
        middle = np.bincount(self.group[foreground], self.place[foreground]) / self.counts
        return noise_after(background, noise, middle, count)

    def _background(self) -> Background | None:
        if self.runs is None:
            return None
        found = Background(self.runs, self.shape)
        for shots, values in self.portions(background_only=True):
            chosen = self.background_of[shots] >= 0
            if chosen.any():
                found.add(values[chosen], self.background_of[shots[chosen]])
        return found

    def portions(self, background_only: bool = False) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield numbers of shots and their spectra (shot, angle, channel, frequency)."""
        frames = self.frames
        room = min(_WORKING, memory_limit() / 4)
        per_period = frames.channels * max(frames.bins.size, 1) * 16 * _COPIES
        wanted = max(1, int(room // per_period))  # periods at once
        together = max(1, wanted // frames.periods)
        step = frames.periods if self.by_angle else min(frames.periods, wanted)
        for start in range(0, frames.is_background.size, together):
            n = slice(start, min(start + together, frames.is_background.size))
            if background_only and not frames.is_background[n].any():
                continue
            for first in range(0, frames.periods, step):
                j = slice(first, min(first + step, frames.periods))
                spectra = frames.values(j, slice(None), n)
                numbers = np.arange(n.start, n.stop)
                if self.by_angle:
                    yield numbers, np.moveaxis(spectra, -1, 0)
                    continue
                shots = (numbers[:, None] * self.repeats + np.arange(j.start, j.stop)).ravel()
                by_shot = spectra.transpose(3, 0, 1, 2).reshape(len(shots), 1, *spectra.shape[1:3])
                yield shots, by_shot
