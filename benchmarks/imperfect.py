"""Speed of the equilibrium engine for a realistic scanner, per magnetisation evaluated, beside a NumPy twin.

The realistic scanner has solid harmonics at rest and turning with the line in its selection field, a tilted and
inhomogeneous drive field, a receive coil given as a map, a tilted plane, errors of offset and angle at each angle, and
a tracer of five log-normal sizes. Its matrix has 32 x 32 voxels of 4 x 4 points, 60 angles, harmonics 2..9 and 108
samples of half a period, five times as many magnetisations as that of an ideal scanner with one size. The twin is
written in NumPy with care, as in `benchmarks.simulator`: half a period, sums before projection, blocks that stay in the
cache; it takes the same fields, and computes a tenth of the angles. NumPy runs it on one thread in any case. Relaxation
with a time that depends on the field, of one size over whole periods, stands beside them. So does the same scanner
with three coils, for one size and for five, whose matrix has three times as many rows and no further magnetisation.

    python -m benchmarks.imperfect [--threads 1 2] [--repeats 5]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numba
import numpy as np

import mpisim
from benchmarks.simulator import BLOCK, TENTH, blocks, dot, langevin_over_argument
from benchmarks.timing import Timing, restart_with, taking_turns
from mpisim.constants import MU_0
from mpisim.scanner.biot_savart import Loop
from mpisim.scanner.coils import MapCoil, WoundCoil
from mpisim.scanner.field_map import FieldMap
from mpisim.scanner.protocol import Scanner
from mpisim.simulation.equilibrium import equilibrium_rows, half_period_basis
from mpisim.simulation.time_domain import time_domain_rows

GRADIENT, DIAMETER, SIZES = 0.5, 25e-9, 5
GRID, SAMPLE = mpisim.Grid(), mpisim.Sample()
ONE_SIZE = mpisim.Particle(DIAMETER)
FIVE_SIZES = mpisim.LogNormal(DIAMETER, 0.15, nodes=SIZES)
RELAXING = mpisim.FieldDependentRelaxation(ONE_SIZE, 2e-6)


def realistic_scanner() -> mpisim.ImperfectFFL:
    """A scanner with imperfections of all kinds that change its fields."""
    static = mpisim.SolidHarmonics(((2, 0, 0.01), (3, 1, 0.01), (4, -2, 0.005)))
    turning = mpisim.SolidHarmonics(((3, 1, 0.01), (4, 1, 0.01), (5, 3, 0.005)), turning=True)
    return mpisim.ImperfectFFL.of(
        mpisim.open_sided_ffl(GRADIENT),
        selection=(static, turning),
        drive=(mpisim.Uniform((0.02, 0.01, 0.0)), mpisim.SolidHarmonics(((3, 0, 0.06),))),
        coils=(MapCoil(coil_map()),),
        plane=mpisim.LinePlane(offset=4e-4, tilt=(0.01, -0.005)),
        line=mpisim.AngleErrors(offset_spread=3.5e-4, angle_spread=0.012, seed=1),
    )


def coil_map() -> FieldMap:
    """Sensitivity of a loop beside the field of view, as a map of 17 x 17 x 5 points."""
    loop = WoundCoil((Loop((0.0, 0.0, -0.03), (0.0, 0.0, 1.0), 0.04),), turns=20)
    x, z = np.linspace(-0.02, 0.02, 17), np.linspace(-0.002, 0.002, 5)
    grid = np.stack(np.meshgrid(z, x, x, indexing="ij")[::-1], axis=-1)
    return FieldMap(tuple(x), tuple(x), tuple(z), loop.sensitivity(grid, 0.0), unit="1/m")


def twin_rows(
    scanner: Scanner, particle: mpisim.LangevinEquilibrium, grid: mpisim.Grid, sample: mpisim.Sample
) -> np.ndarray:
    """Rows like those of `equilibrium_rows` for any fields, coils and sizes, in NumPy alone."""
    sine, basis, imaginary_part = half_period_basis(scanner.sequence)
    transform = (MU_0 * sample.particles(grid) * basis * np.where(imaginary_part == 1, 1j, 1)[:, None]).T
    offsets, weights = sample.rule(grid)
    points, sizes = grid.centers()[:, None, :] + offsets, particle.sizes()
    coils = scanner.receive_sensitivities(points, 0.0)
    d = scanner.drive_fields(points, 0.0)[0]
    out = np.zeros((len(scanner.sequence.angles), len(coils), transform.shape[1], len(points)), dtype=complex)
    work = np.empty((3, BLOCK, weights.size, sine.size))
    for rows, angle in zip(out, scanner.sequence.angles, strict=True):
        b = scanner.selection_field(points, angle)
        for row, p in zip(rows, coils, strict=True):
            products = dot(b, b), dot(b, d), dot(d, d), dot(p, b), dot(p, d)
            for part in blocks(len(points)):
                block = tuple(v[part, :, None] for v in products)
                row[:, part] = (flux_of(block, sizes, sine, weights, work) @ transform).T
    return out


def flux_of(
    products: tuple[np.ndarray, ...], sizes: mpisim.Sizes, sine: np.ndarray, weights: np.ndarray, work: np.ndarray
) -> np.ndarray:
    """Flux of the voxels of a block over time, from the products b.b, b.d, d.d, p.b and p.d; shape (voxel, time)."""
    bb, bd, dd, pb, pd = products
    square, ratio, along = work[:, : len(bb)]
    total = np.zeros((len(bb), sine.size))
    for moment, beta, fraction in zip(sizes.moments, sizes.betas, sizes.fractions, strict=True):
        np.multiply(beta**2 * dd, sine, out=square)
        np.add(square, 2 * beta**2 * bd, out=square)
        np.multiply(square, sine, out=square)
        np.add(square, beta**2 * bb, out=square)
        langevin_over_argument(square, ratio, along)
        np.multiply(beta * pd, sine, out=along)
        np.add(along, beta * pb, out=along)
        np.multiply(ratio, along, out=ratio)
        total += fraction * moment * (weights @ ratio)
    return total


def works(scanner: mpisim.ImperfectFFL) -> dict[str, tuple[Callable[[], np.ndarray], int, int]]:
    """By name: what is timed, the part of the angles that it computes, and its magnetisations per half period."""
    tenth = scanner_of_a_tenth(scanner)
    return {
        "ideal, any field": (partial(equilibrium_rows, mpisim.open_sided_ffl(GRADIENT), ONE_SIZE, GRID, SAMPLE), 1, 1),
        "realistic": (partial(equilibrium_rows, scanner, FIVE_SIZES, GRID, SAMPLE), 1, SIZES),
        "realistic, NumPy": (partial(twin_rows, tenth, FIVE_SIZES, GRID, SAMPLE), TENTH, SIZES),
        "relaxation, one size": (partial(time_domain_rows, tenth, RELAXING, GRID, SAMPLE), TENTH, 2),
    }


def coils_of(count: int) -> mpisim.ImperfectFFL:
    """The ideal scanner with some inhomogeneous coils."""
    falls = [mpisim.SolidHarmonics(((2, 1, 0.1 + 0.02 * i), (3, 0, -0.1))) for i in range(count)]
    coils = tuple(mpisim.Coil((10.0 * i, 0.0, 800.0), (fall,)) for i, fall in enumerate(falls))
    return mpisim.ImperfectFFL.of(mpisim.open_sided_ffl(GRADIENT), coils=coils)


def measure_coils(turns: int) -> None:
    """Print what three coils take against one."""
    for name, tracer in (("one size", ONE_SIZE), ("five sizes", FIVE_SIZES)):
        timed = {str(n): partial(equilibrium_rows, coils_of(n), tracer, GRID, SAMPLE) for n in (1, 3)}
        found = taking_turns(timed, turns)
        wall, cpu = (found["3"][i] / found["1"][i] for i in (0, 1))
        print(f"{'':7}  three coils, {name}: {wall:.2f}x the time of one, {cpu:.2f}x its CPU time")


def scanner_of_a_tenth(scanner: mpisim.ImperfectFFL) -> mpisim.ImperfectFFL:
    """The scanner with every tenth of its angles and their errors."""
    assert scanner.line is not None
    values = scanner.line.values(len(scanner.angles))
    line = mpisim.AngleErrors(tuple(values.offset[::TENTH].tolist()), tuple(values.angle[::TENTH].tolist()))
    return replace(scanner, angles=scanner.angles[::TENTH], line=line)


def measure(threads: int, turns: int) -> None:
    """Print the lines of one number of threads."""
    numba.set_num_threads(threads)
    timed = works(realistic_scanner())
    rows, twin = timed["realistic"][0](), timed["realistic, NumPy"][0]()
    print(f"{threads:7d}  nRMSE of the twin {mpisim.nrmse(twin, rows[::TENTH]):.0e}")
    every = {"realistic, NumPy": 2, "relaxation, one size": 2}
    found = taking_turns({name: work for name, (work, _, _) in timed.items()}, turns, every)
    times = {name: time.per(1 / timed[name][1]) for name, time in found.items()}
    values = rows.shape[0] * rows.shape[-1] * SAMPLE.points**2 * 108
    ideal = times["ideal, any field"].wall / values
    for name, time in times.items():
        each = time.wall / values / timed[name][2]
        print(f"{'':7}  {line_of(name, time, each)}  {each / ideal:6.2f}x the ideal scanner's")
    wall, cpu = (times["realistic, NumPy"][i] / times["realistic"][i] for i in (0, 1))
    print(f"{'':7}  NumPy takes {wall:.1f}x as long as the engine, {cpu:.1f}x its CPU time")
    measure_coils(turns)


def line_of(name: str, time: Timing, each: float) -> str:
    """Times of a matrix, and of one magnetisation."""
    return f"{name:22}{time.wall:8.3f} s {time.cpu:8.3f} s CPU a matrix {1e9 * each:7.2f} ns a magnetisation"


def main() -> None:
    """Run the benchmark on each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5, help="turns (default 5)")
    options = parser.parse_args()
    print("threads")
    for threads in options.threads:
        measure(threads, options.repeats)


if __name__ == "__main__":
    restart_with({"OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"})  # for small products of the twin
    main()
