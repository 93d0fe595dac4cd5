"""Speed of the engines for one system matrix, beside two NumPy twins.

All compute the same numbers (32 x 32 voxels of 4 x 4 points, 60 angles, harmonics 2..9, 108 samples of half a drive
period) on the same number of threads. The twins are what one would write in NumPy with care: they use half a period
too, sum a sample's points before they project on harmonics, work in blocks that stay in the cache and treat Langevin
arguments near 0 separately only where there are some. One takes any field, as the equilibrium engine does; the other
uses that in the plane of an ideal scanner the field is a scalar. NumPy runs both, and the time-domain engine, on one
thread in any case. The time-domain engine computes a tenth of the angles.

    python -m benchmarks.simulator [--threads 1 2] [--repeats 15]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numba
import numpy as np

import mpisim
from benchmarks.timing import Timing, restart_with, taking_turns
from mpisim.constants import MU_0
from mpisim.simulation.equilibrium import equilibrium_rows, half_period_basis
from mpisim.simulation.line_profile import line_profile_rows
from mpisim.simulation.time_domain import time_domain_rows

ROUND = 20  # calls of the line-profile engine for one of the equilibrium engine
TENTH = 10  # the time-domain engine computes every tenth angle
BLOCK = 16  # voxels of a twin: 16 x 16 points x 108 times x 8 bytes = 0.2 MB for each temporary
# Operations of one Langevin value in the equilibrium engine: xi^2 and p.B as polynomials of the sine (4 + 2), numerator
# and denominator of the ratio (16 + 18), three products and half a division (3.5), product and sum (2), part of the
# projection (1). Points that saturate take a root and a division of their own instead.
FLOPS_PER_VALUE = 46.5

Case = tuple[mpisim.OpenSidedFFL, mpisim.Particle, mpisim.Grid, mpisim.Sample]
Engine = Callable[[mpisim.OpenSidedFFL, mpisim.Particle, mpisim.Grid, mpisim.Sample], np.ndarray]


def blocks(count: int) -> Iterator[slice]:
    """Slices of at most `BLOCK` voxels."""
    return (slice(first, min(first + BLOCK, count)) for first in range(0, count, BLOCK))


def complex_basis(
    scanner: mpisim.OpenSidedFFL, particle: mpisim.Particle, grid: mpisim.Grid, sample: mpisim.Sample
) -> tuple[np.ndarray, np.ndarray]:
    """Sine of the drive (time,), and the transform of a mean of L(xi) p.B/|B| to voltages (time, harmonic)."""
    sine, basis, imaginary_part = half_period_basis(scanner.sequence)
    scale = MU_0 * sample.particles(grid) * particle.moment
    return sine, (scale * basis * np.where(imaginary_part == 1, 1j, 1)[:, None]).T


def plane_twin_rows(
    scanner: mpisim.OpenSidedFFL, particle: mpisim.Particle, grid: mpisim.Grid, sample: mpisim.Sample
) -> np.ndarray:
    """Rows like those of `equilibrium_rows` for an ideal scanner in its plane, in NumPy alone."""
    sine, transform = complex_basis(scanner, particle, grid, sample)
    transform = transform * scanner.sensitivity[2]
    offsets, weights = sample.rule(grid)
    points = grid.centers()[:, None, :] + offsets
    out = np.empty((len(scanner.angles), 1, transform.shape[1], len(points)), dtype=complex)
    drive = particle.beta * scanner.drive_amplitude * sine
    xi, work, product = np.empty((3, BLOCK, weights.size, sine.size))
    for i, angle in enumerate(scanner.angles):
        bias = particle.beta * scanner.sf_gradient * (points @ [np.cos(angle), np.sin(angle), 0.0])
        for part in blocks(len(points)):
            size = part.stop - part.start
            np.add(bias[part, :, None], drive, out=xi[:size])
            langevin = langevin_of(xi[:size], work[:size], product[:size])
            out[i, 0, :, part] = ((weights @ langevin) @ transform).T
    return out


def langevin_of(x: np.ndarray, y: np.ndarray, product: np.ndarray) -> np.ndarray:
    """Fill `y` with L(x) = (x - tanh x) / (x tanh x), one division and not two; x and `product` are overwritten."""
    near = np.abs(x) < 0.02
    small = x[near]
    x[near] = 1.0
    np.tanh(x, out=y)
    np.multiply(x, y, out=product)
    np.subtract(x, y, out=y)
    y /= product
    square = small * small
    y[near] = small / 3 * (1 - square / 15 * (1 - square * 2 / 21 * (1 - square / 10)))
    return y


def vector_twin_rows(
    scanner: mpisim.OpenSidedFFL, particle: mpisim.Particle, grid: mpisim.Grid, sample: mpisim.Sample
) -> np.ndarray:
    """Rows like those of `equilibrium_rows` for any fields and one coil, in NumPy alone.

    As in the kernel, p.B and xi^2 are polynomials of the drive's sine.
    """
    sine, transform = complex_basis(scanner, particle, grid, sample)
    offsets, weights = sample.rule(grid)
    points = grid.centers()[:, None, :] + offsets
    d, p = particle.beta * scanner.drive_field(points), scanner.receive_sensitivity(points)
    out = np.empty((len(scanner.angles), 1, transform.shape[1], len(points)), dtype=complex)
    square, ratio, along = np.empty((3, BLOCK, weights.size, sine.size))
    dd, pd = dot(d, d), dot(p, d)
    for i, angle in enumerate(scanner.angles):
        b = particle.beta * scanner.selection_field(points, angle)
        bb, bd, pb = dot(b, b), dot(b, d), dot(p, b)
        for part in blocks(len(points)):
            size = part.stop - part.start
            s, f, g = square[:size], ratio[:size], along[:size]
            np.multiply(dd[part, :, None], sine, out=s)
            s += 2 * bd[part, :, None]
            s *= sine
            s += bb[part, :, None]
            langevin_over_argument(s, f, g)
            np.multiply(pd[part, :, None], sine, out=g)
            g += pb[part, :, None]
            f *= g
            out[i, 0, :, part] = ((weights @ f) @ transform).T
    return out


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Products of vectors (voxel, point, 3)."""
    return np.einsum("vqi,vqi->vq", a, b)


def langevin_over_argument(s: np.ndarray, f: np.ndarray, g: np.ndarray) -> None:
    """Fill `f` with L(x)/x = (x - tanh x) / (x^2 tanh x) for s = x^2; `s` and `g` are overwritten."""
    near = s < 4e-4
    some = near.any()
    small = s[near] if some else s[:0]
    if some:
        s[near] = 1.0
    np.sqrt(s, out=s)
    np.tanh(s, out=f)
    np.multiply(s, f, out=g)
    g *= s
    np.subtract(s, f, out=f)
    f /= g
    if some:
        f[near] = (1 - small / 15 * (1 - small * 2 / 21 * (1 - small / 10))) / 3


def machine_peak(threads: int, size: int = 1500) -> float:
    """Largest rate of a float64 matrix product on this many threads in flop/s, measured in a process of its own."""
    code = (
        f"import numpy, time; a = numpy.ones(({size}, {size})); s = []\n"
        "for _ in range(6):\n t = time.perf_counter(); a @ a; s.append(time.perf_counter() - t)\n"
        f"print(2 * {size}**3 / min(s))"
    )
    threads_of = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    words = [sys.executable, "-c", code]
    return float(subprocess.run(words, env=os.environ | threads_of, capture_output=True, check=True).stdout)


ENGINES: dict[str, tuple[Engine, int, int]] = {
    "NumPy, any field": (vector_twin_rows, 1, 5),
    "NumPy, in plane": (plane_twin_rows, 1, 5),
    "time domain": (time_domain_rows, 1, 5),
    "equilibrium": (equilibrium_rows, 1, 1),
    "line profile": (line_profile_rows, ROUND, 1),
}
"""By name: an engine, its calls in one turn, and the number of turns of which it takes one."""


def case_of(name: str) -> Case:
    """What an engine computes."""
    scanner = mpisim.open_sided_ffl(0.5)
    if name == "time domain":
        scanner = replace(scanner, angles=scanner.angles[::TENTH])
    return scanner, mpisim.Particle(25e-9), mpisim.Grid(), mpisim.Sample()


def repeat(engine: Engine, case: Case, calls: int) -> None:
    """Compute the same rows several times; they are freed at once, as memory that is new to the process costs time."""
    for _ in range(calls):
        engine(*case)


def times_of_a_matrix(turns: int) -> dict[str, Timing]:
    """Times of every engine for all angles."""
    works = {name: partial(repeat, engine, case_of(name), calls) for name, (engine, calls, _) in ENGINES.items()}
    found = taking_turns(works, turns, {name: every for name, (_, _, every) in ENGINES.items()})
    return {name: time.per(ENGINES[name][1] / (TENTH if name == "time domain" else 1)) for name, time in found.items()}


def errors_of_engines() -> dict[str, float]:
    """NRMSE of every engine against the equilibrium engine."""
    reference = equilibrium_rows(*case_of("equilibrium"))
    found = {}
    for name, (engine, _, _) in ENGINES.items():
        rows = engine(*case_of(name))
        found[name] = mpisim.nrmse(rows, reference[:: len(reference) // len(rows)])
    return found


def measure(threads: int, turns: int) -> None:
    """Print the lines of one number of threads."""
    numba.set_num_threads(threads)
    errors, times = errors_of_engines(), times_of_a_matrix(turns)
    equilibrium = times["equilibrium"].wall
    for name, (wall, cpu) in times.items():
        word = "fast" if wall < equilibrium else "slow"
        ratio = f"{max(wall / equilibrium, equilibrium / wall):8.1f}x as {word} as the equilibrium engine"
        print(
            f"{threads:7d}  {name:17s} {wall * 1e3:10.3f} ms {cpu * 1e3:10.3f} ms CPU  nRMSE {errors[name]:.0e} "
            + (ratio if name != "equilibrium" else "")
        )
    scanner, _, grid, sample = case_of("equilibrium")
    values = len(scanner.angles) * np.prod(grid.shape) * sample.points**2 * scanner.samples_per_period // 2
    rate, peak = values * FLOPS_PER_VALUE / equilibrium, machine_peak(threads)
    print(
        f"         equilibrium: {equilibrium / values * 1e9:.2f} ns and {FLOPS_PER_VALUE} operations a Langevin value, "
        f"{rate / 1e9:.0f} Gflop/s, {rate / peak:.0%} of the {peak / 1e9:.0f} Gflop/s of a float64 matrix product"
    )


def main() -> None:
    """Run the benchmark on each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=15, help="turns (default 15)")
    options = parser.parse_args()
    print("threads  engine           median")
    for threads in options.threads:
        measure(threads, options.repeats)


if __name__ == "__main__":
    restart_with({"OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"})  # for small products of the twins
    main()
