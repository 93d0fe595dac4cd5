"""ADMM of `recon` against pyproximal on one imaging problem: `python -m benchmarks.admm [--tune] [--images 32]`.

The problem is that of TranSMS Eq. 3: an ideal scanner of 1 T/m, 25 nm particles, 60 angles x harmonics 2..9 = 480
complex rows, 32 x 32 voxels, two tubes measured on a 64 x 64 grid at 30 dB, rows whitened, eps = sqrt(480),
a1 = 0.95, aTV = 0.05, x >= 0. Solvers run on one thread. A solver has arrived when its objective is within 1 % of the
optimum (from 40,000 iterations in float64) and its image within 0.1 % of the noise ball. The iteration in which that
first holds is determined in a run with a callback; what is timed is a plain run of that many iterations.

pyproximal (`benchmarks.pyproximal_solvers`) solves the same problem on the rows that are not zero (the data outside
them shrink the ball), in float64 and in float32 like ours. Step sizes and the weight are the best of a search for the
least mean number of iterations over four images, which `--tune` repeats. "rotated" lines give the library our rotated
rows, which are fewer. Its first image includes 20 power iterations for the norm of the matrix that its step sizes need;
ours includes the factorisation; both are means over eight images, each taken as the first ("easiest" sets the library's
fastest of them against our time for the first). A further image is one more solve for the library, and for us its
fraction of a batch that runs until its slowest image has arrived.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

import mpisim
import recon
from benchmarks.pyproximal_solvers import SHAPE, Arrival, Side, iterations_until, solver, spectral_norm, tune
from benchmarks.timing import restart_with, taking_turns
from mpisim.data.views import as_matrix
from recon.solvers.operators import stack_real

# weight of the data rows and primal step by solver and rows: the best of --tune
CHOSEN = {
    ("PrimalDual", "all"): (30.0, 0.01),
    ("PrimalDual", "rotated"): (30.0, 0.01),
    ("LinearizedADMM", "all"): (100.0, 0.01),
    ("LinearizedADMM", "rotated"): (30.0, 0.01),
}
TUNED_ON, COUNTED = 4, 8  # images
SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
published_admm = partial(recon.admm, a1=0.95, atv=0.05, mu=10.0)


@dataclass(frozen=True)
class Imaging:
    """The whitened matrix A (row, voxel), its factorisation, and whitened measurements Y (row, image)."""

    A: np.ndarray
    Y: np.ndarray
    factor: recon.Factorisation
    optima: np.ndarray

    @property
    def eps(self) -> float:
        """Radius of the noise ball."""
        return float(np.sqrt(len(self.A)))

    def arrival(self, image: int) -> Arrival:
        """Criterion of an image."""
        return Arrival(stack_real(self.A), stack_real(self.Y[:, image]), self.eps, self.optima[image])

    def rows(self, which: str) -> np.ndarray:
        """Rows of norm 1: `all` stacked real ones that are not zero, or the `rotated` ones."""
        stacked = stack_real(self.A)
        return stacked[self.factor.nonzero] / self.factor.norm if which == "all" else self.factor.rotated()

    def side(self, which: str, image: int) -> Side:
        """Data and radius of an image for `rows`."""
        data, norm, nonzero = stack_real(self.Y[:, image]), self.factor.norm, self.factor.nonzero
        rotated, perpendicular = self.factor.rotate(self.Y[:, image][None])
        outside = np.sum(data[~nonzero] ** 2) / norm**2 if which == "all" else perpendicular[0]
        radius = float(np.sqrt(self.eps**2 / norm**2 - outside))
        return Side(data[nonzero] / norm if which == "all" else rotated[0], radius)


def problem(images: int) -> Imaging:
    """Return the matrix and one measurement of different tubes for each image."""
    fine = mpisim.simulate(mpisim.open_sided_ffl(1.0), mpisim.Particle(25e-9), mpisim.Grid())
    rng, columns = np.random.default_rng(0), []
    for i in range(images):
        left, gap = (4e-3, 10e-3) if i == 0 else (rng.uniform(2e-3, 6e-3), rng.uniform(8e-3, 12e-3))
        y = recon.measure(fine, recon.phantoms.tubes(width_left=left, gap=gap), snr=30, seed=i)
        columns.append(y["measurement"].values.ravel() / float(y["noise_std"]))
    sigma = float(recon.measure(fine, recon.phantoms.tubes(), snr=30)["noise_std"])
    A, Y = as_matrix(fine).astype(complex) / sigma, np.stack(columns, axis=1)
    factor, eps = recon.factorise(A, SHAPE), np.sqrt(len(A))
    best = published_admm(factor, Y, eps, iterations=40000, tolerance=1e-7, precision="float64", mu=3.0)
    objective, residual = np.asarray(best.objective), np.asarray(best.residual)
    print(
        f"{len(A)} complex rows, {factor.nonzero.sum()} stacked real ones that are not zero, "
        f"{factor.eigenvalues.size} rotated; optimum {objective[0]:.6f} at residual / eps = "
        f"{residual[0] / eps:.7f}"
    )
    return Imaging(A, Y, factor, objective)


def arrived(imaging: Imaging) -> np.ndarray:
    """Iterations that our ADMM needs, by image."""
    at = np.zeros(imaging.Y.shape[1], dtype=int)

    def watch(status: recon.AdmmStatus) -> None:
        for k, x in zip(status.images, status.x.T, strict=True):
            if not at[k] and imaging.arrival(k).met(x):
                at[k] = status.iteration

    published_admm(imaging.factor, imaging.Y, imaging.eps, iterations=1000, tolerance=0, callback=watch)
    assert at.all()
    return at


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Median wall time after a warm-up."""
    return taking_turns({"work": work}, repeats)["work"].wall


def our_times(imaging: Imaging, at: np.ndarray) -> dict[str, float]:
    """Seconds of 5000 iterations, the factorisation, a first image (mean and easiest) and a further one."""
    A, Y, eps = imaging.A, imaging.Y, imaging.eps
    first = [
        seconds(partial(published_admm, A, Y[:, k], eps, SHAPE, iterations=int(at[k]), certify=False))
        for k in range(COUNTED)
    ]
    batch = seconds(lambda: published_admm(imaging.factor, Y, eps, iterations=int(at.max()), certify=False))
    return {
        "5000 iterations": seconds(lambda: published_admm(A, Y[:, 0], eps, SHAPE, iterations=5000, tolerance=0), 3),
        "factorisation": seconds(lambda: recon.factorise(A, SHAPE)),
        "first": float(np.mean(first)),
        "easiest": first[0],
        "further": batch / Y.shape[1],
    }


def line(
    name: str, which: str, setting: tuple[float, float], dtype: type[np.floating], imaging: Imaging
) -> list[float]:
    """Return mean and largest iterations of the library, seconds of a first, a further and the easiest first image."""
    rows = imaging.rows(which)
    solvers = [solver(name, rows, imaging.side(which, k), *setting, dtype) for k in range(COUNTED)]
    counts = [iterations_until(imaging.arrival(k), solve, 5000) for k, solve in enumerate(solvers)]
    further = seconds(lambda: solvers[0](niter=counts[0])) * float(np.mean(counts)) / counts[0]
    setup = seconds(lambda: spectral_norm(rows.astype(dtype)))
    easiest = setup + further * min(counts) / float(np.mean(counts))
    return [float(np.mean(counts)), max(counts), setup + further, further, easiest]


def print_library(imaging: Imaging, ours: dict[str, float], tuned: bool) -> None:
    """Print the lines of the library, with ratios to our times."""
    for (name, which), chosen in CHOSEN.items():
        sides = [imaging.side(which, k) for k in range(TUNED_ON)]
        arrivals = [imaging.arrival(k) for k in range(TUNED_ON)]
        setting = tune(name, imaging.rows(which), sides, arrivals) if tuned else chosen
        for dtype in (np.float64, np.float32):
            mean, most, first, further, easiest = line(name, which, setting, dtype, imaging)
            text = f"{name}, {which}, {dtype.__name__}" + (f" {setting}" if tuned else "")
            print(
                f"{text:<38}{mean:>4.0f} ({most:>4}){first * 1e3:>10.1f} ms{further * 1e3:>12.2f} ms"
                f"{first / ours['first']:>12.1f}x{further / ours['further']:>14.1f}x{easiest / ours['easiest']:>10.1f}x"
            )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=32, help="images in the batch (default 32)")
    parser.add_argument("--tune", action="store_true", help="search the library's step sizes and weight again")
    options = parser.parse_args()
    if options.images < COUNTED:
        parser.error(f"--images must be at least {COUNTED}")
    imaging = problem(options.images)
    at = arrived(imaging)
    ours = our_times(imaging, at)
    print(
        f"recon: 5000 iterations {ours['5000 iterations'] * 1e3:.0f} ms (with factorisation, "
        f"{ours['factorisation'] * 1e3:.0f} ms)\n"
    )
    header = f"{'to 1 % of the optimum, in the ball':<38}{'iterations':>11}{'first image':>13}{'further image':>15}"
    print(header + f"{'ratio first':>13}{'ratio further':>15}{'easiest':>11}\n" + "-" * (len(header) + 39))
    print(
        f"{f'recon, {options.images} images at once':<38}{at[:COUNTED].mean():>4.0f} ({at.max():>4})"
        f"{ours['first'] * 1e3:>10.1f} ms{ours['further'] * 1e3:>12.2f} ms"
    )
    print_library(imaging, ours, options.tune)


if __name__ == "__main__":
    restart_with(SINGLE_THREAD)
    main()
