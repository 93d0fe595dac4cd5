"""ADMM of `recon` against pyproximal on one imaging problem: `python benchmarks/admm.py [--tune] [--images 32]`.

The problem is that of TranSMS Eq. 3: an ideal scanner of 1 T/m, 25 nm particles, 60 angles x harmonics 2..9 = 480
complex rows, 32 x 32 voxels, two tubes measured on a 64 x 64 grid at 30 dB, rows whitened, eps = sqrt(480),
a1 = 0.95, aTV = 0.05, x >= 0. Solvers run on one thread. A solver has arrived when its objective is within 1 % of the
optimum (from 40,000 iterations in float64) and its image within 0.1 % of the noise ball. The iteration in which
that first holds is found in a run with a callback; what is timed is a plain run of that many iterations.

pyproximal solves the same problem on the rows that are not zero (the data outside them shrink the ball), by
`PrimalDual` with f = indicator of x >= 0, a1 x as its linear term, and g = (TV, l2 ball) on (gradient, weighted
matrix), or by `LinearizedADMM` with the same g, in float64 and in float32 like ours. Step sizes and the weight are the
best of a search for the least mean number of iterations over four images, which `--tune` repeats. "rotated" lines give
the library our rotated rows, which are fewer. Its first image includes 20 power iterations for the norm of the matrix
that its step sizes need; ours includes the factorisation; both are means over eight images, each taken as the first
("easiest" sets the library's fastest of them against our time for the first). A further image is one more solve for
the library, and for us its share of a batch that runs until its slowest image has arrived.
"""

# ruff: noqa: E402, D102

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import contextlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pylops
import pyproximal

import mpisim
import recon
from mpisim.data.views import as_matrix
from recon.solvers.operators import stack_real, total_variation

A1, ATV, SHAPE = 0.95, 0.05, (32, 32)
GAP, SLACK = 0.01, 1e-3
# weight of the data rows and primal step by solver and rows: the best of --tune
CHOSEN = {
    ("PrimalDual", "all"): (30.0, 0.01),
    ("PrimalDual", "rotated"): (30.0, 0.01),
    ("LinearizedADMM", "all"): (100.0, 0.01),
    ("LinearizedADMM", "rotated"): (30.0, 0.01),
}
WEIGHTS = (3.0, 10.0, 30.0, 100.0)
STEPS = (0.003, 0.01, 0.03, 0.1)
TUNED_ON, COUNTED = 4, 8  # images


def problem(images: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the whitened matrix and one whitened measurement of different tubes for each image."""
    fine = mpisim.simulate(mpisim.open_sided_ffl(1.0), mpisim.Particle(25e-9), mpisim.Grid())
    rng, columns = np.random.default_rng(0), []
    for i in range(images):
        left, gap = (4e-3, 10e-3) if i == 0 else (rng.uniform(2e-3, 6e-3), rng.uniform(8e-3, 12e-3))
        y = recon.measure(fine, recon.phantoms.tubes(width_left=left, gap=gap), snr=30, seed=i)
        columns.append(y["measurement"].values.ravel() / float(y["noise_std"]))
    sigma = float(recon.measure(fine, recon.phantoms.tubes(), snr=30)["noise_std"])
    return as_matrix(fine).astype(complex) / sigma, np.stack(columns, axis=1)


def objective(x: np.ndarray) -> float:
    return float(A1 * np.abs(x).sum() + ATV * total_variation(x.reshape(SHAPE)))


class Arrival:
    """Notes the first iteration (a multiple of `every`) at which an image meets the criterion."""

    def __init__(self, A: np.ndarray, y: np.ndarray, eps: float, optimum: float, every: int = 2) -> None:
        self.A, self.y, self.eps, self.optimum, self.every = A, y, eps, optimum, every
        self.seen, self.at = 0, 0

    def met(self, x: np.ndarray) -> bool:
        off = abs(objective(x) / self.optimum - 1)
        return bool(off <= GAP and np.linalg.norm(self.A @ x - self.y) <= self.eps * (1 + SLACK))

    def again(self) -> Arrival:
        self.seen = self.at = 0
        return self

    def __call__(self, x: np.ndarray) -> None:
        self.seen += 1
        if not self.at and self.seen % self.every == 0 and self.met(np.maximum(x, 0).astype(float)):
            self.at = self.seen
            raise StopIteration


class NonNegativeL1(pyproximal.ProxOperator):
    """a1 ||x||_1 over x >= 0, which the library lacks."""

    def __init__(self) -> None:
        super().__init__(None, False)

    def __call__(self, x: np.ndarray) -> float:
        return A1 * float(x.sum())

    def prox(self, x: np.ndarray, tau: float, **_: Any) -> np.ndarray:
        return np.maximum(x - A1 * tau, 0)


def library(
    name: str, rows: np.ndarray, data: np.ndarray, eps: float, weight: float, tau: float, dtype: type = np.float32
) -> Callable[..., Any]:
    """Return a solver of pyproximal for rows of unit spectral norm, called with niter and callback."""
    single = dtype
    operator = pylops.VStack(
        [
            pylops.Gradient(SHAPE, kind="forward", edge=False, dtype=single),
            pylops.MatrixMult((weight * rows).astype(single), dtype=single),
        ]
    )
    parts = [pyproximal.L21(ndim=2, sigma=ATV), pyproximal.EuclideanBall((weight * data).astype(single), weight * eps)]
    g = pyproximal.VStack(parts, nn=[2 * rows.shape[1], len(rows)])
    bound, start = 8 + weight**2, np.zeros(rows.shape[1], dtype=single)
    if name == "PrimalDual":
        linear, box = np.full(rows.shape[1], A1, dtype=single), pyproximal.Box(lower=0)
        return lambda **k: pyproximal.optimization.primaldual.PrimalDual(
            box, g, operator, start, tau=tau, mu=0.99 / (tau * bound), z=linear, **k
        )
    return lambda **k: pyproximal.optimization.primal.LinearizedADMM(
        NonNegativeL1(), g, operator, start, tau=tau * bound / 0.99, mu=tau, **k
    )[0]


def arrive(solve: Callable[..., Any], arrival: Arrival, limit: int) -> int:
    """Iterations that a library solver needs, 0 for more than the limit."""
    with contextlib.suppress(StopIteration):
        solve(niter=limit, callback=arrival)
    return arrival.at


def spectral_norm(rows: np.ndarray) -> float:
    """Norm by 20 power iterations."""
    v = np.ones(rows.shape[1], dtype=rows.dtype)
    for _ in range(20):
        v = rows.T @ (rows @ (v / np.linalg.norm(v)))
    return float(np.sqrt(np.linalg.norm(v)))


def best_of(repeats: int, work: Callable[[], Any]) -> float:
    """Least wall time of some repeats, in s."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=32, help="images in the batch (default 32)")
    parser.add_argument("--tune", action="store_true", help="search the library's step sizes and weight again")
    options = parser.parse_args()
    if options.images < COUNTED:
        parser.error(f"--images must be at least {COUNTED}")
    A, Y = problem(options.images)
    y, eps = Y[:, 0], np.sqrt(len(A))
    factor = recon.factorise(A, SHAPE)
    optima = recon.admm(factor, Y, eps, iterations=40000, tolerance=1e-7, precision="float64", mu=3.0)
    rows = stack_real(A)
    kept = np.any(rows != 0, axis=1)
    norm = factor.norm
    print(
        f"{len(A)} complex rows, {kept.sum()} stacked real ones that are not zero, {factor.eigenvalues.size} rotated; "
        f"optimum {optima.objective[0]:.6f} at residual / eps = {optima.residual[0] / eps:.7f}"
    )

    arrived = np.zeros(options.images, dtype=int)

    def watch(status: recon.AdmmStatus) -> None:
        for k, x in zip(status.images, status.x.T, strict=True):
            arrival = Arrival(rows, stack_real(Y[:, k]), eps, optima.objective[k])
            if not arrived[k] and arrival.met(x):
                arrived[k] = status.iteration

    recon.admm(factor, Y, eps, iterations=1000, tolerance=0, callback=watch)
    assert arrived.all()
    ours = {
        "5000 iterations": best_of(3, lambda: recon.admm(A, y, eps, SHAPE, tolerance=0)),
        "factorisation": best_of(10, lambda: recon.factorise(A, SHAPE)),
        "first": float(
            np.mean(
                [
                    best_of(5, lambda: recon.admm(A, Y[:, k], eps, SHAPE, iterations=int(arrived[k]), certify=False))  # noqa: B023
                    for k in range(COUNTED)
                ]
            )
        ),
        "easiest": best_of(20, lambda: recon.admm(A, y, eps, SHAPE, iterations=int(arrived[0]), certify=False)),
        "further": best_of(5, lambda: recon.admm(factor, Y, eps, iterations=int(arrived.max()), certify=False)),
    }
    ours["further"] /= options.images
    print(
        f"recon: 5000 iterations {ours['5000 iterations'] * 1e3:.0f} ms (with factorisation, "
        f"{ours['factorisation'] * 1e3:.0f} ms)\n"
    )
    header = f"{'to 1 % of the optimum, in the ball':<38}{'iterations':>11}{'first image':>13}{'further image':>15}"
    print(header + f"{'ratio first':>13}{'ratio further':>15}{'easiest':>11}\n" + "-" * (len(header) + 39))
    label = f"recon, {options.images} images at once"
    print(
        f"{label:<38}{arrived[:COUNTED].mean():>4.0f} ({arrived.max():>4})"
        f"{ours['first'] * 1e3:>10.1f} ms{ours['further'] * 1e3:>12.2f} ms"
    )

    for (name, which), chosen in CHOSEN.items():
        block = rows[kept] / norm if which == "all" else factor.rotated()
        sides = right_sides(which, factor, Y[:, :COUNTED], kept, eps)
        arrivals = [Arrival(rows, stack_real(Y[:, k]), eps, optima.objective[k]) for k in range(len(sides))]
        setting = tune(name, block, sides[:TUNED_ON], arrivals) if options.tune else chosen
        for dtype in (np.float64, np.float32):
            solvers = [library(name, block, *side, *setting, dtype) for side in sides]
            counts = [arrive(s, a.again(), 5000) for s, a in zip(solvers, arrivals, strict=True)]
            taken = best_of(5, lambda: solvers[0](niter=counts[0]))  # noqa: B023
            further = taken * float(np.mean(counts)) / counts[0]
            setup = best_of(5, lambda: spectral_norm(block.astype(dtype)))  # noqa: B023
            text = f"{name}, {which}, {dtype.__name__}" + (f" {setting}" if options.tune else "")
            easiest = (setup + further * min(counts) / float(np.mean(counts))) / ours["easiest"]
            print(
                f"{text:<38}{np.mean(counts):>4.0f} ({max(counts):>4}){(setup + further) * 1e3:>10.1f} ms"
                f"{further * 1e3:>12.2f} ms{(setup + further) / ours['first']:>12.1f}x"
                f"{further / ours['further']:>14.1f}x{easiest:>10.1f}x"
            )


def right_sides(
    which: str, factor: recon.Factorisation, Y: np.ndarray, kept: np.ndarray, eps: float
) -> list[tuple[np.ndarray, float]]:
    """Data and radius of every image for a matrix of norm 1, for all rows or the rotated ones."""
    found = []
    for column in Y.T:
        data, (c, perp) = stack_real(column), factor.rotate(column[None])
        outside = np.sum(data[~kept] ** 2) / factor.norm**2 if which == "all" else perp[0]
        radius = float(np.sqrt(eps**2 / factor.norm**2 - outside))
        found.append((data[kept] / factor.norm if which == "all" else c[0], radius))
    return found


def tune(
    name: str, block: np.ndarray, sides: list[tuple[np.ndarray, float]], arrivals: list[Arrival]
) -> tuple[float, float]:
    """Weight and step of the fewest iterations over all these images."""
    best, least = (30.0, 0.01), 1500 * len(sides)
    for weight in WEIGHTS:
        for tau in STEPS:
            total = 0
            for side, arrival in zip(sides, arrivals, strict=False):
                count = arrive(library(name, block, *side, weight, tau), arrival.again(), least - total)
                total += count or least + 1
                if total > least:
                    break
            if total < least:
                best, least = (weight, tau), total
    return best


if __name__ == "__main__":
    main()
