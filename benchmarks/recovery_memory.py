"""Memory of recovery: `python -m benchmarks.recovery_memory [--quick] [--methods A,B] [--threads 2]`.

A volume of 30,000 rows of 32 x 32 x 27 voxels is 810,000 slices, 6.6 GB in single precision. It goes from file to file
(`calib.recover_file`, as `mpisim recover` does), block by block. A process of its own does 2 % of it (less at other
factors than 4x, where its time is that of its warm-up too) and reports the largest resident memory it had, in all and
beyond its imports.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr

import calib
import mpisim
from benchmarks.recovery import FACTORS, MAIN_FACTOR, SINGLE_THREAD, network
from benchmarks.timing import restart_with
from calib.learned.checkpoint import save_model
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.schema import build
from mpisim.data.views import as_images
from mpisim.io import write_blocks

SLICES, MATRIX_ROWS, LIMIT = 27, 30_000, 2e9
ROWS_OF_A_BLOCK = 76  # times 27 slices


def blocks(fine: xr.Dataset, count: int, factor: int, scheme: str) -> Iterator[xr.Dataset]:
    """Coarse matrices of some rows and all slices each, `count` rows in all, drawn from those of a fine matrix."""
    rng, source = np.random.default_rng(0), as_images(fine)
    z = (np.arange(SLICES) - (SLICES - 1) / 2) * 1e-3
    for start in range(0, count, ROWS_OF_A_BLOCK):
        number = min(ROWS_OF_A_BLOCK, count - start)
        weight = rng.standard_normal((number, SLICES)) + 1j * rng.standard_normal((number, SLICES))
        values = source[rng.integers(len(source), size=weight.shape)] * weight[..., None, None]
        part = build(
            "system_matrix",
            values.astype(np.complex64),
            ("frequency", "z", "y", "x"),
            {"z": z, "y": fine["y"].values, "x": fine["x"].values},
            stage="fine",
            origin="measured",
            units="1",
        )
        yield calib.downsample(part, factor, scheme, snr=PROTOCOL_SNR, seed=start)


def peak() -> float:
    """Largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def volume(method: str, factor: int, count: int) -> dict[str, float]:
    """Recover `count` rows of 27 slices from file to file, and return what it took."""
    with tempfile.TemporaryDirectory() as name:
        folder, weights, bundled = Path(name), None, True
        if calib.METHODS[method].learned:
            model, bundled = network(method, factor)
            weights = folder / "weights.safetensors"
            save_model(weights, model, {})
        imports = peak()
        fine = mpisim.simulate(mpisim.open_sided_ffl(1.0), mpisim.Particle(25e-9))
        write_blocks(blocks(fine, count, factor, calib.METHODS[method].samplings[0]), folder / "coarse.nc")
        start = time.perf_counter()
        done = calib.recover_file(folder / "coarse.nc", folder / "fine.nc", method, weights)["rows"]
        seconds = time.perf_counter() - start
    return {"slices": done, "seconds": seconds, "bundled": bundled, "peak": peak(), "imports": imports}


def line(method: str, factor: int, count: int, threads: int) -> str:
    """One line of the table, by a process of its own."""
    words = ["--volume", method, str(factor), str(count), "--threads", str(threads)]
    command = [sys.executable, "-m", "benchmarks.recovery_memory", *words]
    answer = subprocess.run(command, stdout=subprocess.PIPE)
    if answer.returncode:
        return f"{method:<14}{factor:>6}x  failed"
    figures = json.loads(answer.stdout)
    hours = figures["seconds"] / figures["slices"] * MATRIX_ROWS * SLICES / 3600
    return (
        f"{method:<14}{factor:>6}x{figures['slices']:>8}{figures['seconds']:>7.1f} s"
        f"{figures['peak'] / 1e6:>7.0f} MB{(figures['peak'] - figures['imports']) / 1e6:>13.0f} MB{hours:>12.2f} h"
        f"{'yes' if figures['peak'] < LIMIT else 'NO':>9}" + ("" if figures["bundled"] else "  (random weights)")
    )


def print_table(methods: Sequence[str], counts: Mapping[int, int], threads: int) -> None:
    """Print the table of memory for networks, data consistency and compressed sensing; `counts` are rows by factor."""
    header = f"{'method':<14}{'factor':>7}{'slices':>8}{'time':>9}{'peak':>10}"
    header += f"{'beyond imports':>16}{'whole volume':>14}{'in 2 GB':>9}"
    print(header + "\n" + "-" * len(header))
    for method in methods:
        if method in ("bicubic-dc", "cs") or calib.METHODS[method].learned:
            for factor, count in counts.items():
                print(line(method, factor, count, threads), flush=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one factor, few rows: shows that it runs, no figures")
    parser.add_argument("--threads", type=int, default=2, help="threads of the networks (default 2)")
    parser.add_argument("--methods", help="only these, with commas between (default: all)")
    parser.add_argument("--volume", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.volume:
        method, factor, count = options.volume
        print(json.dumps(volume(method, int(factor), int(count))))
        return
    methods = options.methods.split(",") if options.methods else list(calib.METHODS)
    counts = {f: MATRIX_ROWS // 50 if f == MAIN_FACTOR else ROWS_OF_A_BLOCK for f in FACTORS}
    print_table(methods, {MAIN_FACTOR: 2} if options.quick else counts, options.threads)


if __name__ == "__main__":
    restart_with(SINGLE_THREAD)
    main()
