"""Speed of recovery: `python -m benchmarks.recovery [--quick] [--methods A,B] [--threads 2] [--repeats 5]`.

One matrix of an ideal scanner (1 T/m, 25 nm particles, 60 angles x harmonics 2..9 = 480 rows of 32 x 32 voxels) is
measured coarsely at 33.7 dB and recovered by every method of `mpisim methods`, beside the plain way of
`benchmarks.plain_recovery`, which does some of the rows only. Both take turns; what is printed are medians after a
warm-up. A network without bundled weights is timed with random ones, which take as long.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np
import torch
import xarray as xr

import calib
import mpisim
from benchmarks.plain_recovery import PLAIN, plain_network
from benchmarks.timing import restart_with, taking_turns
from calib.learned.apply import apply_model
from calib.learned.bundled import bundled_weights
from calib.learned.checkpoint import load_model
from calib.learned.model import RecoveryModel
from calib.methods.sparse_solver import sparse_rows
from calib.training.recipe import recipe
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images, noise_per_row

PLAIN_EVERY = {"cs": 60, "network": 15}  # the plain way does every k-th angle
FACTORS, MAIN_FACTOR = (2, 4, 8), 4
SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""For products of small matrices; PyTorch takes the number of threads of the option."""

Recover = Callable[[xr.Dataset], xr.Dataset]
RecoverRows = Callable[[xr.Dataset], np.ndarray]


def network(method: str, factor: int) -> tuple[RecoveryModel, bool]:
    """Return the model of a learned method, and whether its weights are bundled."""
    file = bundled_weights(method, factor)
    if file.is_file():
        return load_model(file)[0], True
    return RecoveryModel(recipe(method, factor).model).eval(), False


def rivals(method: str, factor: int) -> tuple[Recover, RecoverRows | None, str]:
    """Return our recovery, the plain one (None where there is none), and where the weights are from."""
    if not calib.METHODS[method].learned:
        return lambda coarse: calib.recover(coarse, method), PLAIN.get(method), "-"
    model, bundled = network(method, factor)
    return lambda coarse: apply_model(model, coarse), plain_network(model), "bundled" if bundled else "random"


def compare(method: str, coarse: xr.Dataset, fine: xr.Dataset, repeats: int) -> str:
    """One line of the table. The plain way does every k-th angle, and the errors of both are those of its rows."""
    ours, plain, weights = rivals(method, Sampling.of(coarse).factor)
    every = slice(None, None, PLAIN_EVERY.get(method if weights == "-" else "network", 1))
    part, reference = coarse.isel(angle=every), fine.isel(angle=every)
    works: dict[str, Callable[[], object]] = {"ours": lambda: ours(coarse)}
    errors = [mpisim.nrmse(ours(coarse).isel(angle=every), reference)]
    if plain is not None:
        works["plain"] = lambda: plain(part)
        errors.append(mpisim.nrmse(plain(part), as_images(reference)))
    times = taking_turns(works, repeats)
    speed = len(as_images(coarse)) / times["ours"].wall
    beside = f"{'-':>10}{'-':>8}"
    if plain is not None:
        slow = len(as_images(part)) / times["plain"].wall
        beside = f"{slow:>10.0f}{speed / slow:>7.1f}x"
    words = "".join(f"{error * 100:>9.2f}" for error in errors) if weights != "random" else f"{'-':>9}{'-':>9}"
    return f"{weights:>9}{speed:>10.0f}{beside}{words}"


def print_iterations(coarse: xr.Dataset) -> None:
    """Print the iterations of compressed sensing until it has converged."""
    mask = coarse["sampled"].values.astype(bool)
    solved = sparse_rows(as_images(coarse), mask, np.sqrt(mask.sum()) * noise_per_row(coarse))
    print(f"{'':39}{solved.iterations.mean():.0f} iterations a row until converged; plain 1000")


def print_speed(fine: xr.Dataset, method: str, factor: int, snr: float | None, repeats: int) -> None:
    """Print one line of the table, or why a method does not apply."""
    coarse = calib.downsample(fine, factor, calib.METHODS[method].samplings[0], snr=snr, seed=0)
    noise = "none" if snr is None else f"{snr}"
    try:
        line = compare(method, coarse, fine, repeats)
    except mpisim.InputError as reason:
        line = f"  {reason}"
    print(f"{method:<25}{factor:>6}x{noise:>7}{line}", flush=True)
    if method == "cs":
        print_iterations(coarse)


def print_table(fine: xr.Dataset, methods: Sequence[str], factors: Sequence[int], repeats: int) -> None:
    """Print the table of speed."""
    header = (
        f"{'method':<25}{'factor':>7}{'noise':>7}{'weights':>9}{'rows/s':>10}{'plain':>10}{'ratio':>8}"
        f"{'nRMSE %':>9}{'plain %':>9}"
    )
    print(header + "\n" + "-" * len(header))
    for method in methods:
        for snr in (PROTOCOL_SNR, None) if method == "cs" else (PROTOCOL_SNR,):
            for factor in factors:
                print_speed(fine, method, factor, snr, repeats)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one factor, few rows: shows that it runs, no figures")
    parser.add_argument("--threads", type=int, default=2, help="threads of the networks (default 2)")
    parser.add_argument("--methods", help="only these, with commas between (default: all)")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each (default 5)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    methods = options.methods.split(",") if options.methods else list(calib.METHODS)
    fine = mpisim.simulate(mpisim.open_sided_ffl(1.0, angles=4 if options.quick else 60), mpisim.Particle(25e-9))
    print(f"{len(as_images(fine))} rows of 32 x 32 voxels, networks on {options.threads} thread(s)")
    print_table(fine, methods, *(((MAIN_FACTOR,), 1) if options.quick else (FACTORS, options.repeats)))


if __name__ == "__main__":
    restart_with(SINGLE_THREAD)
    main()
