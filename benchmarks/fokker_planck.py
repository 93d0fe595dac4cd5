"""Speed of the Fokker-Planck equation in a simulation, and of the tables of equilibrium moments, beside SciPy.

An ideal matrix of 32 x 32 voxels and 60 angles comes from one profile across the line. The obvious way is one
integration by `scipy.integrate.solve_ivp` (BDF with the matrix as Jacobian, rtol 1e-6) for every voxel and angle
until the moment is periodic, three periods here; a few points are integrated, and the time of a matrix is
extrapolated from their mean. In the vector case a line of voxels lies 1 mm above the plane z = 0, where the selection
field has a part across the easy axis: 8 x 8 voxels of one point at 6 angles, and one point by SciPy, which takes the
same spherical harmonics as a dense matrix; Brown's rotation, with a coating of 10 nm, needs more periods to become
periodic. Moments of the anisotropic equilibrium are read from a table, or integrated over the sphere in NumPy.

    python -m benchmarks.fokker_planck [--repeats 3] [--vector neel,brown | --no-vector] [--only-vector]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.integrate import solve_ivp

import mpisim
from benchmarks.timing import Timing, taking_turns
from mpisim.kernels.fokker_planck_vector import couplings
from mpisim.particles.anisotropy import boltzmann_means
from mpisim.particles.cores import alphas_of
from mpisim.particles.expansion import AXIS_DIGITS, VECTOR_DIGITS, axis_bands, degree_for

GRADIENT, CONSTANT, PERIODS = 0.7, 5e3, 3
CORES, VECTOR_CORES = mpisim.Particle(25e-9), mpisim.Particle(20e-9)
SCANNER, VECTOR_SCANNER = mpisim.open_sided_ffl(GRADIENT), mpisim.open_sided_ffl(GRADIENT, angles=6)
GRID, VECTOR_GRID = mpisim.Grid(), mpisim.Grid((8, 8), center=(0.0, 0.0, 1e-3))
FIELDS = 100_000
VECTOR_MODELS = {
    "neel": mpisim.NeelRotation(VECTOR_CORES, CONSTANT),
    "brown": mpisim.BrownRotation(VECTOR_CORES, coating=10e-9),
}
TABLE_MODEL = mpisim.AnisotropicEquilibrium(CORES, CONSTANT, (0.3, 0.2, 1.0))


def along(u: float) -> Callable[[float], np.ndarray]:
    """Field in T over time at the distance u in m from the line."""
    omega = 2 * np.pi * SCANNER.drive_frequency
    return lambda t: np.array([0.0, 0.0, GRADIENT * u + SCANNER.drive_amplitude * np.sin(omega * t)])


def integrated(still: np.ndarray, drift: tuple[np.ndarray, ...], tau: float, xi: Callable[[float], np.ndarray]) -> None:
    """Integrate 2 tau dc/dt = (still + xi . drift) c over the periods by SciPy."""
    samples = np.arange(SCANNER.samples_per_period) / SCANNER.samples_per_period
    times = (PERIODS - 1 + samples) / SCANNER.drive_frequency

    def matrix(t: float, c: np.ndarray | None = None) -> np.ndarray:
        return (still + sum(x * d for x, d in zip(xi(t), drift, strict=True))) / (2 * tau)

    start = np.eye(1, len(still))[0].astype(still.dtype)
    solve_ivp(lambda t, c: matrix(t) @ c, (0, times[-1]), start, "BDF", times, jac=matrix, rtol=1e-6, atol=1e-8)


def one_axis_by_scipy(u: float) -> None:
    """One point of the ideal matrix."""
    model = mpisim.NeelRotation(CORES, CONSTANT)
    alpha, field = float(alphas_of(CORES, CONSTANT)[0]), along(u)
    strongest = CORES.beta * (GRADIENT * abs(u) + SCANNER.drive_amplitude)
    bands = axis_bands(degree_for(strongest, alpha, AXIS_DIGITS), alpha)
    still = np.diag(bands[0]) + np.diag(bands[3][2:], -2) + np.diag(bands[4][:-2], 2)
    drift = np.diag(bands[1][1:], -1) + np.diag(bands[2][:-1], 1)
    integrated(still, (drift,), float(model.times()[0]), lambda t: CORES.beta * field(t)[2:])


def vector_by_scipy(u: float) -> None:
    """One point of the vector case; the conjugates of m = -1 make real and imaginary parts the unknowns."""
    model = mpisim.NeelRotation(VECTOR_CORES, CONSTANT)
    alpha, field = float(alphas_of(VECTOR_CORES, CONSTANT)[0]), along(u)
    strongest = VECTOR_CORES.beta * (GRADIENT * abs(u) + SCANNER.drive_amplitude)
    degree = degree_for(strongest, alpha, VECTOR_DIGITS)
    still, *drift = real_matrices(degree, alpha, 1 / model.damping)

    def xi(t: float) -> np.ndarray:
        return VECTOR_CORES.beta * (field(t) + [GRADIENT * 1e-3, 0.0, 0.0])

    integrated(still, tuple(drift), float(model.times()[0]), xi)


def real_matrices(degree: int, alpha: float, precession: float) -> list[np.ndarray]:
    """The matrix without a field and those of xi_x, xi_y, xi_z, for real and imaginary parts, as dense arrays."""
    first, own, across = couplings(degree, alpha, precession)
    size, orders = int(first[-1]), degree + 1
    still, z, up, down = (np.zeros((size, size), dtype=complex) for _ in range(4))
    for m in range(orders):
        for i in range(first[m], first[m + 1]):
            n = m + i - first[m]
            for shift, without, with_field in ((0, 0, 1), (-1, 2, 3), (1, 4, 5)):
                if first[m] <= i + shift < first[m + 1]:
                    still[i, i + shift] += own[without, i]
                    z[i, i + shift] += own[with_field, i]
            for shift, row in ((-2, 6), (2, 7)):
                if first[m] <= i + shift < first[m + 1]:
                    still[i, i + shift] += own[row, i]
            for matrix, other, rows in ((down, m - 1, (0, 1, 2)), (up, m + 1, (3, 4, 5))):
                for target, row in ((n - 1, rows[0]), (n + 1, rows[1]), (n, rows[2])):
                    if 0 <= other < orders and other <= target < orders:
                        factor = across[row, i] * (-1j if target == n else 1)
                        matrix[i, first[other] + target - other] += factor
    low = np.arange(size) < first[1]  # m = 0: twice the real part of what m = 1 gives
    halves = [as_real(still, low), as_real(0.5 * (up + down), low), as_real(0.5j * (up - down), low), as_real(z, low)]
    return halves


def as_real(matrix: np.ndarray, low: np.ndarray) -> np.ndarray:
    """A complex matrix for real and imaginary parts, where the rows of m = 0 take twice the real part of m = 1."""
    whole = np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])
    size = len(matrix)
    whole[:size][np.ix_(low, np.tile(~low, 2))] *= 2
    whole[size:][low] = 0
    return whole


def by_quadrature() -> np.ndarray:
    """Means for the fields of the table by Gauss-Legendre quadrature in NumPy and SciPy, a hundredth of them."""
    field = CORES.beta * fields()[: FIELDS // 100]
    axis = np.array(TABLE_MODEL.easy_axis) / np.linalg.norm(TABLE_MODEL.easy_axis)
    parallel = field @ axis
    across = np.linalg.norm(field - parallel[:, None] * axis, axis=1)
    return np.stack(boltzmann_means(parallel, across, float(alphas_of(CORES, CONSTANT)[0])))


def fields() -> np.ndarray:
    """Fields in T, shape (point, 3)."""
    return np.random.default_rng(0).normal(size=(FIELDS, 3)) * 0.008


def shown(name: str, timing: Timing, note: str = "") -> None:
    """Print a line."""
    print(f"{name:44s} {timing.wall:10.3g} s {timing.cpu:10.3g} s of CPU  {note}")


def timed(work: Callable[[], object]) -> Timing:
    """Time a work once."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def time_the_profiles(repeats: int) -> None:
    """Time ideal matrices, and the table of equilibrium moments; print times and ratios."""
    models = {"Neel": mpisim.NeelRotation(CORES, CONSTANT), "Brown": mpisim.BrownRotation(CORES, coating=5e-9)}
    works: dict[str, Callable[[], object]] = {
        f"ideal matrix, {name}": partial(mpisim.simulate, SCANNER, model, GRID) for name, model in models.items()
    }
    distances = (0.0, 0.006, 0.015)
    works["solve_ivp, three points"] = lambda: [one_axis_by_scipy(u) for u in distances]
    works["table of moments, 1e5 fields"] = partial(TABLE_MODEL.moment_vector, fields())
    works["quadrature, 1e3 fields"] = by_quadrature
    found = taking_turns(works, repeats)
    for name, timing in found.items():
        shown(name, timing)
    points = GRID.shape[0] * GRID.shape[1] * len(SCANNER.angles)
    ratio = found["solve_ivp, three points"].cpu / len(distances) * points / found["ideal matrix, Neel"].cpu
    print(f"ideal matrix, Neel: {ratio:.2g} times as fast as solve_ivp for {points} points (CPU, extrapolated)")
    ratio = 100 * found["quadrature, 1e3 fields"].cpu / found["table of moments, 1e5 fields"].cpu
    print(f"table of moments: {ratio:.2g} times as fast as quadrature")


def time_the_vector_case(names: list[str]) -> None:
    """Simulate the whole vector case for models by name, and one point by SciPy; print times and their ratio."""
    one, sample = mpisim.Grid((1, 1), center=(0, 0, 1e-3)), mpisim.Sample(points=1)
    mpisim.simulate(VECTOR_SCANNER, VECTOR_MODELS["neel"], one, sample)  # compiles
    for name in names:
        ours = timed(partial(mpisim.simulate, VECTOR_SCANNER, VECTOR_MODELS[name], VECTOR_GRID, sample))
        shown(f"vector case, 8 x 8 voxels, 6 angles, {name}", ours)
        if name == "neel":
            theirs = timed(partial(vector_by_scipy, 0.006))
            shown("solve_ivp, one point", theirs)
            ratio = theirs.cpu * 384 / ours.cpu
            print(f"vector case: {ratio:.2g} times as fast as solve_ivp for 384 points (CPU, extrapolated)")


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--vector", default="neel", help="models of the vector case, which takes minutes: neel,brown")
    parser.add_argument("--no-vector", action="store_true", help="leave out the vector case")
    parser.add_argument("--only-vector", action="store_true", help="leave out all others")
    options = parser.parse_args()
    if not options.only_vector:
        time_the_profiles(options.repeats)
    if not options.no_vector:
        time_the_vector_case(options.vector.split(","))


if __name__ == "__main__":
    main()
