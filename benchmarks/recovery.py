"""Speed and memory of recovery: `python benchmarks/recovery.py [--quick] [--methods A,B] [--threads 2] [--repeats 5]`.

**Speed.** One matrix of an ideal scanner (1 T/m, 25 nm particles, 60 angles x harmonics 2..9 = 480 rows of 32 x 32
voxels) is measured coarsely at 33.7 dB and recovered by every method of `mpisim methods`, beside what one would write
for a row without thought of speed: cubic splines of `scipy.ndimage.zoom` (with a projection row by row for data
consistency), 1000 iterations of ADMM in NumPy for compressed sensing, a network that gets one row at a time. Plain
ways do some of the rows only. Both take turns, so that a busy spell meets both; what is printed is the median after a
warm-up. A network without shipped weights is timed with random ones, which take as long.

**Memory.** A volume of 30,000 rows of 32 x 32 x 27 voxels is 810,000 slices, 6.6 GB in single precision. It goes from
file to file (`calib.recover_file`, as `mpisim recover` does), block by block; a process of its own does 2 % of it (less
at other factors than 4x, where its time is that of its warm-up too) and reports the largest resident memory it had, in
all and beyond its imports.
"""

# ruff: noqa: E402

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # for products of small matrices; torch takes --threads

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr
from scipy.ndimage import zoom

import calib
import mpisim
from calib.learned.bundled import bundled_weights
from calib.methods.sparse_solver import MARGIN, sparse_rows
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.schema import build
from mpisim.data.views import as_images, noise_per_row
from mpisim.io import write_blocks

SLICES, MATRIX_ROWS, LIMIT = 27, 30_000, 2e9
ROWS_OF_A_BLOCK = 76  # times 27 slices
PLAIN_EVERY = {"cs": 60, "network": 15}  # the plain way does every k-th angle
FACTORS, MAIN_FACTOR = (2, 4, 8), 4


def plain_bicubic(coarse: xr.Dataset) -> np.ndarray:
    factor = coarse.attrs["sampling"]["factor"]
    return np.array([zoom(row, factor, order=3, mode="grid-mirror", grid_mode=True) for row in as_images(coarse)])


def plain_bicubic_dc(coarse: xr.Dataset) -> np.ndarray:
    factor, found = coarse.attrs["sampling"]["factor"], plain_bicubic(coarse)
    for row, means, sigma in zip(found, as_images(coarse), noise_per_row(coarse), strict=True):
        h, w = means.shape
        away = means - row.reshape(h, factor, w, factor).mean(axis=(1, 3))
        share = max(0.0, 1 - sigma * np.sqrt(means.size) / np.linalg.norm(away))
        row += share * np.repeat(np.repeat(away, factor, axis=0), factor, axis=1)
    return found


def plain_cs(coarse: xr.Dataset, iterations: int = 1000) -> np.ndarray:
    mask = coarse["sampled"].values.astype(bool)
    wide, inner = np.pad(mask, MARGIN), np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
    found = []
    for row, sigma in zip(as_images(coarse), noise_per_row(coarse), strict=True):
        scale = np.sqrt(np.mean(np.abs(row[mask]) ** 2)) or 1.0
        b, eps = row[mask] / scale, sigma / scale * np.sqrt(mask.sum())
        c = u = np.zeros(wide.shape, complex)
        for _ in range(iterations):
            z = np.fft.ifft2(c - u, norm="ortho")
            away = z[wide] - b
            z[wide] = b + away * min(1, eps / max(np.linalg.norm(away), 1e-30))
            spectrum = np.fft.fft2(z, norm="ortho")
            v = spectrum + u
            c = v * np.maximum(0, 1 - 1 / np.maximum(np.abs(v), 1e-30))
            u = v - c
        found.append(z[inner] * scale)
    return np.array(found)


def plain_network(model: Any) -> Callable[[xr.Dataset], np.ndarray]:
    """One row at a time through the same network."""
    import torch

    from calib.learned.model import from_channels, to_channels

    def run(coarse: xr.Dataset) -> np.ndarray:
        unit = np.sqrt(np.mean(np.abs(as_images(coarse)) ** 2))
        found = []
        with torch.inference_mode():
            for row, sigma in zip(as_images(coarse), noise_per_row(coarse), strict=True):
                noise = torch.tensor([sigma / unit], dtype=torch.float32)
                found.append(from_channels(model(to_channels(row[None] / unit), noise))[0] * unit)
        return np.array(found)

    return run


PLAIN = {
    "bicubic": plain_bicubic,
    "bicubic-dc": plain_bicubic_dc,
    "bicubic-strided": plain_bicubic,
    "cs": plain_cs,
    "bicubic-strided-aligned": plain_bicubic,
}


def network(method: str, factor: int) -> tuple[Any, bool]:
    """Return the model of a learned method and whether its weights ship with the package."""
    from calib.learned.checkpoint import load_model
    from calib.learned.model import RecoveryModel
    from calib.training.recipe import recipe

    file = bundled_weights(method, factor)
    if file.is_file():
        return load_model(file)[0], True
    return RecoveryModel(recipe(method, factor).model).eval(), False


def way(method: str, model: Any = None) -> Callable[[xr.Dataset], xr.Dataset]:
    """Return our way to recover a coarse matrix."""
    if model is None:
        return lambda coarse: calib.recover(coarse, method)
    from calib.recovery import apply_model

    return lambda coarse: apply_model(model, coarse)


def rivals(method: str, factor: int) -> tuple[Callable[[xr.Dataset], xr.Dataset], Any, str]:
    """Return our way, the plain one (None where there is none), and where the weights are from."""
    if not calib.METHODS[method].learned:
        return way(method), PLAIN.get(method), "-"
    model, shipped = network(method, factor)
    return way(method, model), plain_network(model), "shipped" if shipped else "random"


def taking_turns(works: list[Callable[[], Any]], repeats: int) -> list[float]:
    """Median wall time of each, in s."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, taken in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def compare(method: str, coarse: xr.Dataset, fine: xr.Dataset, repeats: int) -> str:
    """One line of the table. The plain way does every k-th angle, and the errors of both are those of its rows."""
    ours, plain, weights = rivals(method, coarse.attrs["sampling"]["factor"])
    every = slice(None, None, PLAIN_EVERY.get(method if weights == "-" else "network", 1))
    part, reference = coarse.isel(angle=every), fine.isel(angle=every)
    errors = [mpisim.nrmse(ours(coarse).isel(angle=every), reference)]  # and warm up
    works: list[Callable[[], Any]] = [lambda: ours(coarse)]
    if plain is not None:
        errors.append(mpisim.nrmse(plain(part), as_images(reference)))
        works.append(lambda: plain(part))
    counts = (len(as_images(coarse)), len(as_images(part)))
    speeds = [n / t for n, t in zip(counts, taking_turns(works, repeats), strict=False)]
    ratio = f"{speeds[1]:>10.0f}{speeds[0] / speeds[1]:>7.1f}x" if plain else f"{'-':>10}{'-':>8}"
    shown = "".join(f"{error * 100:>9.2f}" for error in errors) if weights != "random" else f"{'-':>9}{'-':>9}"
    return f"{weights:>9}{speeds[0]:>10.0f}{ratio}{shown}"


def speed(fine: xr.Dataset, methods: list[str], factors: tuple[int, ...], repeats: int) -> None:
    """Print the table of speed."""
    header = (
        f"{'method':<25}{'factor':>7}{'noise':>7}{'weights':>9}{'rows/s':>10}{'plain':>10}{'ratio':>8}"
        f"{'nRMSE %':>9}{'plain %':>9}"
    )
    print(header + "\n" + "-" * len(header))
    for method in methods:
        about = calib.METHODS[method]
        for snr in (PROTOCOL_SNR, None) if method == "cs" else (PROTOCOL_SNR,):
            for factor in factors:
                coarse = calib.downsample(fine, factor, about.schemes[0], snr=snr, seed=0)
                noise = "none" if snr is None else f"{snr}"
                try:
                    print(f"{method:<25}{factor:>6}x{noise:>7}{compare(method, coarse, fine, repeats)}", flush=True)
                except mpisim.InputError as reason:
                    print(f"{method:<25}{factor:>6}x{noise:>7}  {reason}")
                if method == "cs":
                    mask = coarse["sampled"].values.astype(bool)
                    found = sparse_rows(as_images(coarse), mask, np.sqrt(mask.sum()) * noise_per_row(coarse))
                    print(f"{'':39}{found.iterations.mean():.0f} iterations a row until converged; plain 1000")


def blocks(fine: xr.Dataset, count: int, factor: int, scheme: str) -> Iterator[xr.Dataset]:
    """Coarse matrices of some rows and all slices each, made when asked for, `count` rows in all."""
    rng, source = np.random.default_rng(0), as_images(fine)
    z = (np.arange(SLICES) - (SLICES - 1) / 2) * 1e-3
    for start in range(0, count, ROWS_OF_A_BLOCK):
        number = min(ROWS_OF_A_BLOCK, count - start)
        weight = rng.standard_normal((number, SLICES)) + 1j * rng.standard_normal((number, SLICES))
        values = source[rng.integers(len(source), size=weight.shape)] * weight[..., None, None]
        coords = {"z": z, "y": fine["y"].values, "x": fine["x"].values}
        part = build(
            "system_matrix",
            values.astype(np.complex64),
            ("frequency", "z", "y", "x"),
            coords,
            stage="fine",
            origin="measured",
            units="1",
        )
        yield calib.downsample(part, factor, scheme, snr=PROTOCOL_SNR, seed=start)


def peak() -> float:
    """Largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def volume(method: str, factor: int, count: int, threads: int) -> None:
    """Recover `count` rows of 27 slices from file to file, and print what it took as JSON."""
    weights, shipped = None, True
    with tempfile.TemporaryDirectory() as folder:
        if calib.METHODS[method].learned:
            import torch

            from calib.learned.checkpoint import save_model

            torch.set_num_threads(threads)
            model, shipped = network(method, factor)
            weights = f"{folder}/weights.safetensors"
            save_model(weights, model, {})
        imports = peak()
        fine = mpisim.simulate(mpisim.open_sided_ffl(1.0), mpisim.Particle(25e-9))
        write_blocks(blocks(fine, count, factor, calib.METHODS[method].schemes[0]), f"{folder}/coarse.nc")
        start = time.perf_counter()
        done = calib.recover_file(f"{folder}/coarse.nc", f"{folder}/fine.nc", method, weights)["rows"]
        seconds = time.perf_counter() - start
    print(json.dumps({"slices": done, "seconds": seconds, "shipped": shipped, "peak": peak(), "imports": imports}))


def memory(methods: list[str], counts: dict[int, int], threads: int) -> None:
    """Print the table of memory. Has to come first: a process inherits the peak of the one that starts it."""
    header = f"{'method':<14}{'factor':>7}{'slices':>8}{'time':>9}{'peak':>10}"
    header += f"{'beyond imports':>16}{'whole volume':>14}{'in 2 GB':>9}"
    print(header + "\n" + "-" * len(header))
    for method in methods:
        if method not in ("bicubic-dc", "cs") and not calib.METHODS[method].learned:
            continue
        for factor, count in counts.items():
            words = ["--volume", method, str(factor), str(count), "--threads", str(threads)]
            answer = subprocess.run([sys.executable, __file__, *words], stdout=subprocess.PIPE)
            if answer.returncode:
                print(f"{method:<14}{factor:>6}x  failed")
                continue
            about = json.loads(answer.stdout)
            hours = about["seconds"] / about["slices"] * MATRIX_ROWS * SLICES / 3600
            print(
                f"{method:<14}{factor:>6}x{about['slices']:>8}{about['seconds']:>7.1f} s"
                f"{about['peak'] / 1e6:>7.0f} MB{(about['peak'] - about['imports']) / 1e6:>13.0f} MB{hours:>12.2f} h"
                f"{'yes' if about['peak'] < LIMIT else 'NO':>9}" + ("" if about["shipped"] else "  (random weights)"),
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one factor, few rows: shows that it runs, no figures")
    parser.add_argument("--threads", type=int, default=2, help="threads of the networks (default 2)")
    parser.add_argument("--methods", help="only these, with commas between (default: all)")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each (default 5)")
    parser.add_argument("--volume", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.volume:
        volume(options.volume[0], int(options.volume[1]), int(options.volume[2]), options.threads)
        return
    sample = MATRIX_ROWS // 50
    methods = options.methods.split(",") if options.methods else list(calib.METHODS)
    memory(
        methods,
        {MAIN_FACTOR: 2} if options.quick else {f: sample if f == MAIN_FACTOR else ROWS_OF_A_BLOCK for f in FACTORS},
        options.threads,
    )
    import torch

    torch.set_num_threads(options.threads)
    fine = mpisim.simulate(mpisim.open_sided_ffl(1.0, angles=4 if options.quick else 60), mpisim.Particle(25e-9))
    print(f"\n{len(as_images(fine))} rows of 32 x 32 voxels, networks on {options.threads} thread(s)")
    speed(fine, methods, *(((MAIN_FACTOR,), 1) if options.quick else (FACTORS, options.repeats)))


if __name__ == "__main__":
    main()
