"""The waveform of the largest evidence; a parameter that is not worth it stays zero."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar

from calib.methods.physical.waveform import STEADY, Waveform

__all__ = ["likeliest_waveform"]

_WORTH = 10.0  # log evidence that a parameter of the waveform has to gain
_SEARCHED: dict[str, tuple[float, float, int]] = {"rise": (0.01, 2.0, 10), "turn": (1e-3, 0.3, 6)}
"""Least and largest value of a parameter of the waveform and the number of points of a search, logarithmic."""
_DRIFT = 0.5  # largest relative drift in a frame
_PASSES = 2  # over the parameters of the waveform


def likeliest_waveform(evidence: Callable[[Waveform], float], start: Waveform) -> tuple[Waveform, float]:
    """Return the waveform of the largest evidence, without parameters that are not worth it, and what it gains."""
    steady = evidence(STEADY)
    found, best = start, evidence(start) if start.changes else steady
    for _ in range(_PASSES):
        for name in ("rise", "turn", "drift"):
            other, reached = _searched(evidence, found, best, name)
            if reached > best + (0.0 if getattr(found, name) else _WORTH):
                found, best = other, reached
        for name in ("rise", "turn", "drift"):
            without = replace(found, **{name: 0.0})
            reached = evidence(without) if without != found else best
            if reached > best - _WORTH:
                found, best = without, reached
        if start.changes:
            break
    return found, best - steady


def _searched(evidence: Callable[[Waveform], float], found: Waveform, best: float, name: str) -> tuple[Waveform, float]:
    """Return the waveform of the largest evidence along one of its parameters, and this evidence.

    `best` is that of the waveform from which the search starts; where no trial is better, it ends.
    """
    trials = list(_trials(name, getattr(found, name)))

    def changed(value: float) -> Waveform:
        return replace(found, **{name: float(value if name == "drift" else np.exp(value))})

    reached = [evidence(changed(trial)) for trial in trials]
    if max(reached) < best and not getattr(found, name):
        return found, best
    place = int(np.argmax(reached))
    bounds = (trials[max(place - 1, 0)], trials[min(place + 1, len(trials) - 1)])
    result = minimize_scalar(
        lambda value: -evidence(changed(value)),
        bounds=bounds,
        method="bounded",
        options={"xatol": 2e-3 * (bounds[1] - bounds[0])},
    )
    return changed(float(result.x)), -float(result.fun)


def _trials(name: str, known: float) -> Iterator[float]:
    """Yield values of a parameter that are tried, logarithms but for the drift: about a known one, or all over."""
    if name == "drift":
        yield from known + np.array([-0.05, 0.0, 0.05]) if known else np.linspace(-_DRIFT, _DRIFT, 5)
    elif known:
        yield from np.log(known) + np.array([-0.3, 0.0, 0.3])
    else:
        least, most, count = _SEARCHED[name]
        yield from np.linspace(np.log(least), np.log(most), count)
