"""Speed of the scanner's model: Jacobian and values of block means, beside columns that are dense on the fine grid.

A matrix of 32 x 32 voxels, 60 angles and harmonics 2..9, with all parameters of a realistic scanner: those that angles
share, the complex gains, and offset, error, gain and phase of each angle. The other way computes the derivatives by the
components of the fields at 2 x 2 points of each voxel with the same compiled loop, multiplies their means over voxels
with the values of every parameter's fields at the centres, and averages these columns over blocks.

Then the fit of the fixed scanner `strong` with noise of 33.7 dB, the whole recovery with fine rows and standard
deviations, and these alone. On a busy machine the seconds of the processor on one thread tell more than those of the
clock: the fit takes no more of the clock there than of the processor if nothing else runs.

    python -m benchmarks.physical [--threads 1 2] [--factors 2 4 8] [--repeats 7]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numba
import numpy as np

import calib
import mpisim
from benchmarks.timing import restart_with, taking_turns
from calib.methods.physical.fitting import fit_measurement
from calib.methods.physical.kernels import PLANES, block_moments
from calib.methods.physical.magnetisation import curve_table
from calib.methods.physical.measurement import Measurement
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import LOCAL, ScannerState
from calib.methods.physical.polynomials import count, monomials
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.data.blocks import block_mean
from mpisim.data.sampling import Sampling

GRID = mpisim.Grid()
PARAMETERS = scanner_parameters(np.pi * np.arange(60) / 60, range(2, 10))
STEEPNESS, VARIANCE, REACH = np.log(9.7), 0.1, 0.0


def realistic_state() -> ScannerState:
    """A state with all parameters at half the scale of their priors."""
    rng = np.random.default_rng(0)
    state = PARAMETERS.ideal(STEEPNESS, VARIANCE, REACH)
    scales = np.array([0.0 if p.group == "tracer" else p.scale for p in PARAMETERS.shared])
    state.shared[:] += 0.5 * scales * rng.standard_normal(scales.size)
    state.local[:] = [p.scale for p in LOCAL] * rng.standard_normal(state.local.shape)
    return state


def fused(model: Model, state: ScannerState) -> np.ndarray:
    """The Jacobian by the shared parameters and by offset and error of the angle, angle by angle."""
    parts = list(model.linear(state))
    return np.concatenate([np.concatenate([part.by_shared, part.by_local], axis=2) for part in parts])


def dense(factor: int, state: ScannerState) -> np.ndarray:
    """The same from columns on the fine grid; its points are 2 x 2 in each voxel."""
    model = Model(PARAMETERS, Sampling.named("box", 1, GRID.array_shape), GRID, state, tolerance=1e-2)
    shape, harmonics = GRID.array_shape, np.array(PARAMETERS.harmonics)
    centers = monomials(model.measured.points.mean(axis=1), model.fields.degree)
    starts = np.concatenate([[0], np.cumsum(model.fields.counts)])
    fields = model.fields.fields(state, derivatives=True)
    assert fields.to_shared is not None and fields.to_local is not None
    b, a, p = model.fields_at(fields, model.measured)
    flux, planes = np.empty((60, 1, centers.shape[0], 8)), np.empty((60, 1, PLANES, centers.shape[0], 8))
    ones, counts = np.ones((centers.shape[0], 1, b.shape[2])), np.ones(PLANES, dtype=int)
    arguments = (ones, counts, model.sines, model.basis, harmonics, fields.beta, curve_table(fields.variance))
    block_moments(b, a, p, model.measured.weights, *arguments, flux, planes)
    found = []
    for rows, local, plane in zip(fields.to_shared[:, 0], fields.to_local, planes[:, 0], strict=True):
        columns = np.zeros((len(rows) + 2, *plane.shape[1:]))
        for number, row in enumerate([*rows, *local]):
            for component in np.flatnonzero([row[i:j].any() for i, j in pairwise(starts)]):
                part = row[starts[component] : starts[component + 1]]
                columns[number] += (centers[:, : part.size] @ part)[:, None] * plane[component]
        columns = np.moveaxis(columns, -1, 1).reshape(len(columns), 8, *shape)
        found.append(block_mean(columns, factor).reshape(len(columns), 8, -1).swapaxes(1, 2))
    return np.stack(found)[:, None]


def measure(threads: int, factor: int, repeats: int) -> None:
    """Print the lines of one number of threads and one factor."""
    numba.set_num_threads(threads)
    state = realistic_state()
    model = Model(PARAMETERS, Sampling.named("box", factor, GRID.array_shape), GRID, state)
    values, points = model.measured.weights.shape
    works = {
        "Jacobian": partial(fused, model, state),
        "block means": partial(model.means, state),
        "fine rows": partial(model.rows, state),
        "dense columns": partial(dense, factor, state),
    }
    found = taking_turns(works, repeats, {"dense columns": 3})
    print(f"{threads} threads, {factor}x: {60 * 8 * values} means of {points} points, {PARAMETERS.size} parameters")
    for name, taken in found.items():
        print(f"    {name:14}{taken.wall:8.3f} s {taken.cpu:8.3f} s CPU")
    jacobian, other = fused(model, state), dense(factor, state)
    size, difference = (np.sum(v**2, axis=(0, 1, 3, 4)) for v in (jacobian, jacobian - other))
    ratio = found["dense columns"].wall / found["Jacobian"].wall
    apart = np.median(difference / size) ** 0.5
    print(f"    dense columns take {ratio:.1f}x as long; they differ by {apart:.0e} (median of columns)")


def recover(factor: int) -> None:
    """Print the time of a fit, of a whole recovery, and of its standard deviations."""
    fine = mpisim.read_scanner("strong").simulate()
    coarse = calib.downsample(fine, factor, snr=33.7, seed=1)
    calib.recover(coarse.isel(angle=slice(0, 60, 15)), "physical")  # which compiles
    found, whole = _timed(partial(calib.recover, coarse, "physical"))
    fitted, fit = _timed(partial(fit_measurement, Measurement.of(coarse)))
    assert fitted is not None
    _, spread = _timed(fitted.deviation)
    told, error = found.attrs["recovery"], 100 * calib.nrmse(found, fine)
    print(f"    fit at {factor}x {fit}, {told['steps']} steps; recovery {whole}; standard deviations {spread}")
    print(f"    nRMSE {error:.3f} %")


def _timed(work: Callable[[], Any]) -> tuple[Any, str]:
    """What a function returns, and the seconds that it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, f"{time.perf_counter() - wall:.2f} s ({time.process_time() - cpu:.2f} s CPU)"


def main() -> None:
    """Run the benchmark on each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--factors", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--repeats", type=int, default=7, help="turns (default 7)")
    options = parser.parse_args()
    print(f"{count(5)} moments of the line's field; matrix of {GRID.shape} voxels")
    for threads in options.threads:
        for factor in options.factors:
            measure(threads, factor, options.repeats)
            recover(factor)


if __name__ == "__main__":
    restart_with({"OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"})  # products take one thread
    main()
