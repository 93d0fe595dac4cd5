"""The imaging problem solved by pyproximal, for `benchmarks.admm`.

`PrimalDual` takes f = indicator of x >= 0 with a1 x as its linear term, and g = (TV, l2 ball) on (gradient, weighted
matrix); `LinearizedADMM` takes f = a1 ||x||_1 over x >= 0 and the same g.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import pylops
import pyproximal
from pyproximal.optimization.primal import LinearizedADMM
from pyproximal.optimization.primaldual import PrimalDual

from recon.solvers.operators import total_variation

__all__ = ["A1", "ATV", "SHAPE", "Arrival", "Side", "iterations_until", "objective", "solver", "spectral_norm", "tune"]

A1, ATV, SHAPE = 0.95, 0.05, (32, 32)
GAP, SLACK = 0.01, 1e-3
WEIGHTS = (3.0, 10.0, 30.0, 100.0)
STEPS = (0.003, 0.01, 0.03, 0.1)


class Side(NamedTuple):
    """Data of an image and the radius of its noise ball, for a matrix of norm 1."""

    data: np.ndarray
    radius: float


class Solve(Protocol):
    """A solver of one image."""

    def __call__(self, niter: int, callback: Callable[[np.ndarray], None] | None = None) -> np.ndarray:
        """Return the image after some iterations."""


def objective(x: np.ndarray) -> float:
    """Value of a1 ||x||_1 + aTV TV(x)."""
    return float(A1 * np.abs(x).sum() + ATV * total_variation(x.reshape(SHAPE)))


class Arrival:
    """Notes the first iteration, a multiple of `every`, at which an image meets the criterion, and stops there."""

    def __init__(self, A: np.ndarray, y: np.ndarray, eps: float, optimum: float, every: int = 2) -> None:
        self.A, self.y, self.eps, self.optimum, self.every = A, y, eps, optimum, every
        self.calls, self.at = 0, 0

    def met(self, x: np.ndarray) -> bool:
        """Whether the objective is at its optimum and the image in the noise ball."""
        off = abs(objective(x) / self.optimum - 1)
        return bool(off <= GAP and np.linalg.norm(self.A @ x - self.y) <= self.eps * (1 + SLACK))

    def again(self) -> Arrival:
        """Forget the iterations so far."""
        self.calls = self.at = 0
        return self

    def __call__(self, x: np.ndarray) -> None:
        """Look at the image of one more iteration."""
        self.calls += 1
        if not self.at and self.calls % self.every == 0 and self.met(np.maximum(x, 0).astype(float)):
            self.at = self.calls
            raise StopIteration


class NonNegativeL1(pyproximal.ProxOperator):
    """a1 ||x||_1 over x >= 0, which the library lacks."""

    def __init__(self) -> None:
        super().__init__(None, False)

    def __call__(self, x: np.ndarray) -> float:
        """Value of the function."""
        return A1 * float(x.sum())

    def prox(self, x: np.ndarray, tau: float, **_: object) -> np.ndarray:
        """Proximal map."""
        return np.maximum(x - A1 * tau, 0)


def solver(
    name: str, rows: np.ndarray, side: Side, weight: float, tau: float, dtype: type[np.floating] = np.float32
) -> Solve:
    """Return a solver of pyproximal, `PrimalDual` or `LinearizedADMM`, for rows of unit spectral norm.

    `weight` is that of the data rows, `tau` the primal step.
    """
    operator = pylops.VStack(
        [
            pylops.Gradient(SHAPE, kind="forward", edge=False, dtype=dtype),
            pylops.MatrixMult((weight * rows).astype(dtype), dtype=dtype),
        ]
    )
    ball = pyproximal.EuclideanBall((weight * side.data).astype(dtype), weight * side.radius)
    g = pyproximal.VStack([pyproximal.L21(ndim=2, sigma=ATV), ball], nn=[2 * rows.shape[1], len(rows)])
    bound, start = 8 + weight**2, np.zeros(rows.shape[1], dtype=dtype)
    if name == "PrimalDual":
        linear, box = np.full(rows.shape[1], A1, dtype=dtype), pyproximal.Box(lower=0)
        steps = {"tau": tau, "mu": 0.99 / (tau * bound)}
        return lambda niter, callback=None: PrimalDual(
            box, g, operator, start, **steps, z=linear, niter=niter, callback=callback
        )
    steps = {"tau": tau * bound / 0.99, "mu": tau}
    return lambda niter, callback=None: LinearizedADMM(
        NonNegativeL1(), g, operator, start, **steps, niter=niter, callback=callback
    )[0]


def iterations_until(arrival: Arrival, solve: Solve, limit: int) -> int:
    """Iterations that a solver needs, 0 for more than the limit."""
    with contextlib.suppress(StopIteration):
        solve(niter=limit, callback=arrival)
    return arrival.at


def spectral_norm(rows: np.ndarray) -> float:
    """Norm by 20 power iterations."""
    v = np.ones(rows.shape[1], dtype=rows.dtype)
    for _ in range(20):
        v = rows.T @ (rows @ (v / np.linalg.norm(v)))
    return float(np.sqrt(np.linalg.norm(v)))


def tune(name: str, rows: np.ndarray, sides: Sequence[Side], arrivals: Sequence[Arrival]) -> tuple[float, float]:
    """Return the weight and the step of the fewest iterations over all these images."""
    best, least = (30.0, 0.01), 1500 * len(sides)
    for setting in ((weight, tau) for weight in WEIGHTS for tau in STEPS):
        total = 0
        for side, arrival in zip(sides, arrivals, strict=False):
            count = iterations_until(arrival.again(), solver(name, rows, side, *setting), least - total)
            total += count or least + 1
            if total > least:
                break
        if total < least:
            best, least = setting, total
    return best
