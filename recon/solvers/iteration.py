"""The loop of `recon.admm`: steps and checks until every image has converged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mpisim.progress import progress
from recon.solvers.splitting import Splitting
from recon.solvers.state import State

__all__ = ["CHECK_EVERY", "AdmmStatus", "Callback", "Stopping", "Trace", "iterate"]

CHECK_EVERY = 10
"""Iterations between two checks of the stopping rule."""


@dataclass(frozen=True)
class AdmmStatus:
    """Progress at a check.

    Parameters
    ----------
    iteration
        Number of iterations so far.
    images
        Column numbers of the images that still iterate.
    x
        These images, shape (N, images).
    primal, dual
        Their relative residuals, shape (images,).
    """

    iteration: int
    images: np.ndarray
    x: np.ndarray
    primal: np.ndarray
    dual: np.ndarray


Callback = Callable[[AdmmStatus], bool | None]
"""A function that sees every check; a true answer ends the iteration."""


@dataclass(frozen=True)
class Stopping:
    """When an image has converged.

    Parameters
    ----------
    iterations
        Most iterations.
    tolerance
        Largest relative residuals.
    distance
        Largest ||B z1 - c|| of every image, over norm and scale, shape (images,).
    """

    iterations: int
    tolerance: float
    distance: np.ndarray


@dataclass(frozen=True)
class Trace:
    """Iterations, relative residuals at the last check, and convergence of every image, each of shape (images,)."""

    iterations: np.ndarray
    primal: np.ndarray
    dual: np.ndarray
    converged: np.ndarray

    @classmethod
    def of(cls, count: int) -> Trace:
        """Return the trace of images that have not iterated."""
        return cls(np.zeros(count, int), np.full(count, np.inf), np.full(count, np.inf), np.zeros(count, bool))

    def record(self, iteration: int, images: np.ndarray, residuals: tuple[np.ndarray, ...], rule: Stopping) -> None:
        """Write the residuals of a check and decide which of its images have converged."""
        self.iterations[images] = iteration
        self.primal[images], self.dual[images], away = residuals
        small = (self.primal[images] < rule.tolerance) & (self.dual[images] < rule.tolerance)
        self.converged[images] = small & (away <= rule.distance[images])


def iterate(
    splitting: Splitting, state: State, scale: np.ndarray, rule: Stopping, callback: Callback | None = None
) -> tuple[State, Trace]:
    """Iterate until every image has converged or the iterations end; the state changes in place.

    `scale` is the scale of every image (images,), for the callback.
    """
    final, trace = state.take(state.images), Trace.of(len(scale))
    with progress(total=rule.iterations, desc="admm", unit="it") as bar:
        for iteration in range(1, rule.iterations + 1):
            if iteration % CHECK_EVERY and iteration != rule.iterations:
                splitting.step(state)
                continue
            before = (state.z1.copy(), state.z2.copy(), state.z3)
            splitting.step(state)
            bar.update(iteration - bar.n)
            trace.record(iteration, state.images, splitting.residuals(state, before), rule)
            stop = callback is not None and callback(_status(iteration, state, scale, trace))
            leaving = trace.converged[state.images] | bool(stop) | (iteration == rule.iterations)
            if leaving.any():
                final.put(state, leaving)
                state = state.take(~leaving)
            if not state.images.size:
                break
    return final, trace


def _status(iteration: int, state: State, scale: np.ndarray, trace: Trace) -> AdmmStatus:
    k = state.images
    images = state.z1.reshape(len(state.z1), -1).T * scale[k]
    return AdmmStatus(iteration, k, images, trace.primal[k], trace.dual[k])
