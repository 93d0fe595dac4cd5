r"""What a wandering background leaves after its subtraction, estimated from the runs of background frames.

The background is the sum of a linear drift, which the subtraction removes, and of a random walk B with
:math:`E|B(t) - B(s)|^2 = \kappa |t - s|` over the acquisition indices. Every mean of frames is one group of indices.
For groups i, j let :math:`\Gamma_{ij}` be the mean of :math:`|t - s|` over their pairs: the distance of their middles,
and :math:`\Gamma_{ii} = (n^2 - 1) / (3 n)` for n frames that follow each other. If the weights c have the sum 0, then

.. math:: E\Bigl|\sum_i c_i B_i\Bigr|^2 = -\frac{\kappa}{2} \sum_{ij} c_i c_j \Gamma_{ij} .

With c = (1, w - 1, -w) for a frame and the runs r, s before and after it, that is what the subtraction leaves,

.. math:: \kappa\,G = \kappa \Bigl[(1 - w) \Gamma_{tr} + w \Gamma_{ts} - w (1 - w) \Gamma_{rs}
    - \tfrac12 \bigl(\Gamma_{tt} + (1 - w)^2 \Gamma_{rr} + w^2 \Gamma_{ss}\bigr)\Bigr] ,

:math:`\kappa T u (1 - u)` at the fraction u of the way between two single frames that are T apart.

:math:`\kappa` follows from the runs themselves. The mean of a run minus the line between its neighbours,
:math:`e_r = b_r - (1 - w)\, b_{r-1} - w\, b_{r+1}`, has the variance :math:`\sigma^2 a_r + \kappa G_r` with
:math:`a_r = 1 / n_r + (1 - w)^2 / n_{r-1} + w^2 / n_{r+1}`. Beyond the noise :math:`\sigma` of a frame this gives

.. math:: \hat\kappa = \max\Bigl(0,\; \frac{\overline{|e_r|^2 / a_r} - s^2}{\overline{G_r / a_r} - h}\Bigr) .

If s is the noise that was stated, h = 0. If s is the spread within runs, the walk is a part of it, too:
:math:`E s^2 = \sigma^2 + \kappa h` with :math:`h = \sum_r (n_r^2 - 1) / (6 (E - R))` for E frames in R runs. Without
wander the estimate is too large, since it is cut at zero, but by less than the noise of the background.

Where all runs are single frames and no noise is stated, s follows from the same differences. What wanders then counts
as noise, more than the subtraction leaves of it, and :math:`\hat\kappa = 0`. From fewer than six runs, such as one
before and one after a measurement, :math:`\kappa` cannot be known.
"""

from __future__ import annotations

import numpy as np

from mpisim.preprocess.background import LEAST_FREEDOM, Background, Runs

__all__ = ["noise_after", "walk_left", "wander", "wander_state"]


def wander(background: Background, noise_std: np.ndarray, parts: np.ndarray | None = None) -> np.ndarray | None:
    r"""Return the estimate of :math:`\kappa` for every row, in the squared unit of the frames; None from too few runs.

    Parameters
    ----------
    background
        The runs of background frames.
    noise_std
        Noise of one frame in every row: that of `Background.noise_std` where runs have several frames, else the stated
        one.
    parts
        Variance of the mean of every run over that of one frame; by default one over the number of its frames.
    """
    runs = background.runs
    if not _enough(runs):
        return None
    parts = 1 / runs.lengths if parts is None else parts
    middle = np.arange(1, runs.count - 1)
    places = runs.places
    w = (places[middle] - places[middle - 1]) / (places[middle + 1] - places[middle - 1])
    means = background.means
    before, after, noise = (
        v.reshape(-1, *(1,) * (means.ndim - 1))
        for v in (1 - w, w, parts[middle] + (1 - w) ** 2 * parts[middle - 1] + w**2 * parts[middle + 1])
    )
    apart = means[middle] - before * means[middle - 1] - after * means[middle + 1]
    of_walk = _left(runs, places[middle], _own(runs.lengths[middle]), (middle - 1, middle + 1, w)) / noise.ravel()
    within = np.sum(runs.lengths**2 - 1.0) / (6 * background.freedom) if background.spreads else 0.0
    excess = np.mean((apart.real**2 + apart.imag**2) / noise, axis=0) - noise_std**2
    return np.asarray(np.maximum(excess, 0.0) / (np.mean(of_walk) - within))


def wander_state(runs: Runs | None) -> str:
    """Return, for the attribute `preprocessing`, whether the stated noise contains what the background wanders."""
    return "in noise_std" if runs is not None and _enough(runs) else "not known"


def _enough(runs: Runs) -> bool:
    return runs.count >= LEAST_FREEDOM + 2


def walk_left(
    runs: Runs, at: np.ndarray, between: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None, averaged: int = 1
) -> float:
    """Return G, the mean over acquisition indices, of means over `averaged` successive frames.

    `between` has the runs r and s and the weight w of every index; by default the runs before and after it.
    """
    at = np.asarray(at, dtype=float)
    if between is None:
        first, weight = runs.weights(at)
        between = first, np.minimum(first + 1, runs.count - 1), weight
    return float(np.mean(np.maximum(_left(runs, at, _own(averaged), between), 0.0)))


def noise_after(background: Background, noise_std: np.ndarray, at: np.ndarray, averaged: int = 1) -> np.ndarray:
    """Return the noise of means over `averaged` frames at acquisition indices after the subtraction, for every row.

    `noise_std` is that of one frame, by `Background.noise_std`.
    """
    rate = wander(background, noise_std)
    left = 0.0 if rate is None else rate * walk_left(background.runs, at, averaged=averaged)
    return np.asarray(np.sqrt(noise_std**2 * (1 / averaged + background.runs.variance(at)) + left))


def _left(
    runs: Runs, at: np.ndarray, own: np.ndarray, between: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """Return G at every index, of groups with the mean distance `own` within."""
    first, second, w = between
    places, within = runs.places, _own(runs.lengths)
    apart = np.where(first == second, within[first], np.abs(places[second] - places[first]))
    lines = (1 - w) * np.abs(at - places[first]) + w * np.abs(at - places[second]) - w * (1 - w) * apart
    return np.asarray(lines - (own + (1 - w) ** 2 * within[first] + w**2 * within[second]) / 2)


def _own(count: np.ndarray | int) -> np.ndarray:
    """Return the mean distance of two of `count` frames that follow each other, each frame with itself included."""
    n = np.asarray(count, dtype=float)
    return np.asarray((n**2 - 1) / (3 * n))
