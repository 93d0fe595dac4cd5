r"""For how long averaging helps against a background that drifts.

An object is measured for the time :math:`T`, and the empty scanner for as long: before it, or one half before and the
other half after it. A row of the difference of both means contains white noise, and what the background did in between.
With the noise :math:`\sigma_1` of one recording that takes the time :math:`t_1`, a linear drift :math:`D` in V/s, and a
random walk :math:`K` in V/sqrt(s), whose increments over the time t have :math:`E|\Delta b|^2 = K^2 t`,

.. math:: V(T) = E|\bar y_{\text{object}} - \bar y_{\text{empty}}|^2
          = \frac{2\sigma_1^2 t_1}{T} + w K^2 T + d\,D^2 T^2,

.. math:: w = \tfrac23,\ d = 1 \quad\text{(before)}, \qquad w = \tfrac16,\ d = 0 \quad\text{(around)}.

For the empty scanner before the object, :math:`V/2` is the Allan variance of the signal: D. W. Allan, Proc. IEEE 54,
221 (1966), DOI 10.1109/PROC.1966.4634; with the terms of white noise, random walk :math:`K^2 T/3` and ramp
:math:`D^2T^2/2` as in IEEE Std 952. With the means of both halves around the object a linear drift cancels, and the
integral of the squared weights of a random walk's increments falls from 2/3 to 1/6. V is least where

.. math:: 2 d\,D^2 T^3 + w K^2 T^2 = 2 \sigma_1^2 t_1 .

Longer averages make the difference worse. P. Werle, R. Muecke and F. Slemr, Appl. Phys. B 57, 131 (1993), DOI
10.1007/BF00425997, call this time the limit of signal averaging.

`mpisim.ReceiveChain` states all of it: with the feedthrough :math:`b` of a row, :math:`D = |b d|` and
:math:`K = |b| w` by the drift and the wander of `mpisim.Feedthrough`, which are those in an hour.

Simplified: noise is white and the walk Gaussian; the scanner is moved or emptied in no time.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from mpisim.errors import finite, one_of, positive, require, whole
from mpisim.scanner.receive_chain import ReceiveChain

__all__ = ["BACKGROUNDS", "averaging_limit", "chain_averaging_limit", "difference_std"]

BACKGROUNDS = {"before": (2 / 3, 1.0), "around": (1 / 6, 0.0)}
"""When the empty scanner is measured, and the factors of random walk and squared drift that this leaves."""

_HOUR = 3600.0
_STEPS = 50


def difference_std(
    time: ArrayLike,
    noise_std: ArrayLike,
    recording_time: float,
    drift: ArrayLike = 0.0,
    wander: ArrayLike = 0.0,
    background: str = "before",
) -> np.ndarray:
    """Return the standard deviation of the mean of an object minus that of the empty scanner, in V.

    Parameters
    ----------
    time
        Time T in s for which the object is measured, and the empty scanner as well.
    noise_std, recording_time, drift, wander, background
        As in `averaging_limit`. All arrays are broadcast against each other.

    Raises
    ------
    InputError
        If a number is negative or not finite, or `background` is unknown.
    """
    noise, walk, ramp = _terms(noise_std, recording_time, drift, wander, background)
    t = np.asarray(time, dtype=float)
    require(bool(np.all(t > 0) and np.all(np.isfinite(t))), "time", "positive everywhere", "others")
    return np.asarray(np.sqrt(noise / t + walk * t + ramp * t**2))


def averaging_limit(
    noise_std: ArrayLike,
    recording_time: float,
    drift: ArrayLike = 0.0,
    wander: ArrayLike = 0.0,
    background: str = "before",
) -> np.ndarray:
    """Return the time in s after which averaging makes the difference to the background worse.

    Parameters
    ----------
    noise_std
        Complex noise standard deviation of one recording in V, such as one for each row.
    recording_time
        Time in s that one recording takes, with the pauses of the duty cycle.
    drift
        Linear drift of the background in V/s.
    wander
        Random walk of the background in V/sqrt(s): its complex standard deviation after 1 s.
    background
        `before` where the empty scanner is measured before the object, for the same time; `around` where one half of
        that time is before the object and the other half after it.

    Returns
    -------
    numpy.ndarray
        Time for which the object is measured, infinite where nothing drifts, of the arrays' common shape.

    Raises
    ------
    InputError
        If a number is negative or not finite, or `background` is unknown.
    """
    noise, walk, ramp = np.broadcast_arrays(*_terms(noise_std, recording_time, drift, wander, background))
    with np.errstate(divide="ignore", invalid="ignore"):
        # V is least between .7 and 1 times this, and Newton's steps from above stay above
        found = np.minimum(np.sqrt(noise / walk), np.cbrt(noise / (2 * ramp)))
        found = np.where(noise == 0, np.where((walk > 0) | (ramp > 0), 0.0, np.inf), found)
        for _ in range(_STEPS):
            slope = 6 * ramp * found**2 + 2 * walk * found
            step = (2 * ramp * found**3 + walk * found**2 - noise) / slope
            found = np.where(np.isfinite(step), found - step, found)
    return np.asarray(found)


def chain_averaging_limit(
    chain: ReceiveChain,
    frequencies: ArrayLike,
    drive_frequency: float,
    angles: int = 1,
    background: str = "before",
) -> np.ndarray:
    """Return the time in s after which averaging no longer helps, for rows that a receive chain records.

    Parameters
    ----------
    chain
        A receive chain, with its noise, its feedthrough and the duty cycle of its recording.
    frequencies
        Frequencies of the rows in Hz, shape (frequency,).
    drive_frequency
        Frequency in Hz whose multiples the feedthrough has.
    angles
        Angles that are recorded in turn; a recording of each row takes as many times as long.
    background
        As in `averaging_limit`.

    Returns
    -------
    numpy.ndarray
        Time, all angles together, for which the object is measured; infinite where no feedthrough drifts; shape
        (frequency,). The background drifts at all angles alike.

    Raises
    ------
    InputError
        If the chain is none, a number is out of range, or `background` is unknown.
    """
    require(isinstance(chain, ReceiveChain), "chain", "a mpisim.ReceiveChain", repr(chain))
    f = np.atleast_1d(finite("frequencies", np.asarray(frequencies, dtype=float)))
    once = replace(chain, recording=replace(chain.recording, averages=1, move_time=0.0))
    size = np.abs(chain.background(f, positive("drive_frequency", drive_frequency)))
    through = chain.feedthrough
    drift, wander = (0.0, 0.0) if through is None else (abs(complex(*through.drift)), through.wander)
    return averaging_limit(
        once.noise_std(f),
        once.recording.position_time(whole("angles", angles)),
        size * drift / _HOUR,
        size * wander / np.sqrt(_HOUR),
        background,
    )


def _terms(
    noise_std: ArrayLike, recording_time: float, drift: ArrayLike, wander: ArrayLike, background: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the factors of 1/T, T and T^2 in V, in V^2 s, V^2/s and V^2/s^2."""
    given = {"noise_std": noise_std, "drift": drift, "wander": wander}
    values = {name: finite(name, np.asarray(value, dtype=float)) for name, value in given.items()}
    for name, value in values.items():
        require(bool(np.all(value >= 0)), name, "zero or more", value.min())
    walk, ramp = BACKGROUNDS[one_of("background", background, tuple(BACKGROUNDS))]
    noise = 2 * values["noise_std"] ** 2 * positive("recording_time", recording_time)
    return noise, walk * values["wander"] ** 2, ramp * values["drift"] ** 2
