r"""Background: what a scanner receives without tracer, measured in runs of frames and interpolated between them.

A run consists of background frames that follow each other in the acquisition. With the mean :math:`b_r` of run
:math:`r` at the mean :math:`t_r` of its acquisition indices, the background at index :math:`t` is linear between two
runs and constant outside of the first and the last:

.. math:: b(t) = (1 - w)\, b_r + w\, b_{r+1},\qquad w = \frac{t - t_r}{t_{r+1} - t_r},\qquad t_r \le t \le t_{r+1}.

A drift that is linear in time is removed completely, wherever the runs lie and however long they are. (Rules that take
the background frames as equidistant agree for equal runs at equal distances only.)

The noise of one frame follows from the spread within runs, :math:`\sigma^2 = \sum |x_i - b_{r(i)}|^2 / (E - R)` for E
frames in R runs. Where all runs are single frames it follows from how far each is from the line between its neighbours,

.. math:: \sigma^2 = \overline{|d_r|^2},\qquad
    d_r = \frac{b_r - (1 - w)\, b_{r-1} - w\, b_{r+1}}{\sqrt{1 + (1 - w)^2 + w^2}} ,

which a drift that is linear between neighbours does not change. (Successive differences, which are simpler, take such
a drift for noise.) Drifts that are faster than the runs count as noise here. `mpisim.preprocess.wander` tells them
apart where the noise is known by itself.

All of this presumes that the noise of frames is independent. If neighbouring frames correlate, the subtraction removes
a part of their noise, and less than the stated noise is left. In one background image each line correlates by .65 with
the next one. With every second line as a frame and the others as background, half of the stated noise was left.

A frame from which the background was subtracted has the variance :math:`\sigma^2 (1 + a)` with
:math:`a = (1 - w)^2 / n_r + w^2 / n_{r+1}`, the variance of b(t) for runs of :math:`n_r` frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["LEAST_FREEDOM", "Background", "Runs", "off_neighbours", "variance_between"]

LEAST_FREEDOM = 4
"""Degrees of freedom below which no noise is stated."""


@dataclass(frozen=True)
class Runs:
    """Runs of background frames by acquisition index.

    Parameters
    ----------
    indices
        Acquisition indices of the background frames, in the order in which they are stored; any unit of time that
        counts frames.
    """

    indices: np.ndarray
    run: np.ndarray = field(init=False, repr=False)
    """Number of the run of every frame."""

    def __post_init__(self) -> None:
        values = np.asarray(self.indices, dtype=float)
        order = np.argsort(values, kind="stable")
        number = np.cumsum(np.diff(values[order], prepend=values[order][:1]) > 1.5)
        run = np.empty(values.size, dtype=np.intp)
        run[order] = number
        object.__setattr__(self, "indices", values)
        object.__setattr__(self, "run", run)

    @property
    def count(self) -> int:
        """Number of runs."""
        return int(self.run.max()) + 1 if self.run.size else 0

    @property
    def lengths(self) -> np.ndarray:
        """Number of frames of every run."""
        return np.bincount(self.run, minlength=self.count)

    @property
    def places(self) -> np.ndarray:
        """Mean acquisition index of every run, ascending."""
        return np.bincount(self.run, self.indices, self.count) / self.lengths

    def weights(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return, for acquisition indices, the run before each and the weight of the run after it."""
        places = self.places
        if self.count == 1:
            return np.zeros(len(at), dtype=np.intp), np.zeros(len(at))
        before = np.clip(np.searchsorted(places, at, side="right") - 1, 0, self.count - 2)
        weight = (at - places[before]) / (places[before + 1] - places[before])
        return before, np.clip(weight, 0.0, 1.0)

    def variance(self, at: np.ndarray) -> float:
        """Return the variance of the background over that of one frame, the mean over acquisition indices."""
        before, weight = self.weights(np.asarray(at, dtype=float))
        return variance_between(1 / self.lengths, before, np.minimum(before + 1, self.count - 1), weight)


def variance_between(parts: np.ndarray, first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> float:
    """Return the mean variance of a background between two runs, given the variance of the mean of every run."""
    apart = np.where(first == second, parts[first], (1 - weight) ** 2 * parts[first] + weight**2 * parts[second])
    return float(np.mean(apart))


class Background:
    """Means of runs and their noise, gathered from frames that come in any order and any portions.

    Parameters
    ----------
    runs
        The runs.
    shape
        Shape of one frame.
    """

    def __init__(self, runs: Runs, shape: tuple[int, ...]) -> None:
        self.runs = runs
        self._sum = np.zeros((runs.count, *shape), dtype=np.complex128)
        self._squares = np.zeros(shape)

    def add(self, frames: np.ndarray, which: np.ndarray) -> None:
        """Add frames (frame, ...), of which `which` says their places in `runs.indices`."""
        np.add.at(self._sum, self.runs.run[which], frames)
        self._squares += np.sum(frames.real**2 + frames.imag**2, axis=0)

    @property
    def means(self) -> np.ndarray:
        """Mean of every run, shape (run, ...)."""
        return self._sum / self.runs.lengths.reshape(-1, *(1,) * (self._sum.ndim - 1))

    def at(self, indices: np.ndarray) -> np.ndarray:
        """Return the background at acquisition indices, shape (index, ...)."""
        before, weight = self.runs.weights(np.asarray(indices, dtype=float))
        weight = weight.reshape(-1, *(1,) * (self._sum.ndim - 1))
        means = self.means
        return means[before] * (1 - weight) + means[np.minimum(before + 1, self.runs.count - 1)] * weight

    @property
    def freedom(self) -> int:
        """Frames more than runs."""
        return int(self.runs.lengths.sum()) - self.runs.count

    @property
    def spreads(self) -> bool:
        """Whether the spread within runs tells the noise."""
        return self.freedom >= LEAST_FREEDOM

    def noise_std(self) -> np.ndarray | None:
        """Return the complex noise standard deviation of one frame; None where too few frames tell it."""
        lengths, means = self.runs.lengths, self.means
        if self.spreads:
            explained = np.einsum("r,r...->...", lengths, means.real**2 + means.imag**2)
            return np.sqrt(np.maximum(self._squares - explained, 0.0) / self.freedom)
        if self.runs.count >= LEAST_FREEDOM + 2 and lengths.max() == 1:
            apart = off_neighbours(means, self.runs.places)
            return np.sqrt(np.mean(apart.real**2 + apart.imag**2, axis=0))
        return None


def off_neighbours(frames: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return how far frames (frame, ...) in their order are from the line between their neighbours.

    The result, of all but the first and the last frame, is scaled to the variance of one frame.
    """
    w = (places[1:-1] - places[:-2]) / (places[2:] - places[:-2])
    size = np.sqrt(1 + (1 - w) ** 2 + w**2)
    before, after, size = (v.reshape(-1, *(1,) * (frames.ndim - 1)) for v in (1 - w, w, size))
    return (frames[1:-1] - before * frames[:-2] - after * frames[2:]) / size
