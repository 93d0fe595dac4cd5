"""How many matrices a minute a data set takes: simulated, measured coarsely and written.

The matrices are the first of the presets: of `transms` (ideal scanners, one size, 32 x 32 voxels, 60 angles, harmonics
2..9), and of `realistic` from its split `train`, the three levels in turn, and from its split `outside`. Each data set
has its fine matrices and the coarse ones at 2x, 4x and 8x. The draw of scanners alone stands beside them. Kernels are
compiled before the clock starts.

    python -m benchmarks.dataset [--matrices 6] [--workers 1 2]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.timing import restart_with
from mpisim.dataset.cases import Case, SetupCase, transms_cases
from mpisim.dataset.generation import generate
from mpisim.dataset.realistic import realistic_cases
from mpisim.dataset.spec import DatasetSpec

SPEC = DatasetSpec(factors=(2, 4, 8))


def seconds_of(work: Callable[[], object]) -> float:
    """Wall time of some work in s."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def generated(cases: Sequence[Case | SetupCase], workers: int) -> tuple[float, float]:
    """Time in s and size in MB of a data set in a new folder."""
    with TemporaryDirectory() as folder:
        seconds = seconds_of(lambda: generate(cases, SPEC, folder, workers=workers))
        return seconds, sum(file.stat().st_size for file in Path(folder).rglob("*.nc")) / 1e6


def sets(count: int) -> dict[str, Sequence[Case | SetupCase]]:
    """Cases by the name of what they are from."""
    return {
        "transms": transms_cases()[:count],
        "realistic": realistic_cases(count, ["train"])[:count],
        "realistic, outside": realistic_cases(count, ["outside"])[:count],
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--matrices", type=int, default=6, help="of each data set (default 6)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    drawn = seconds_of(lambda: realistic_cases(60, ["train"]))
    print(f"draw of 60 realistic scanners: {drawn:.2f} s")
    chosen = sets(options.matrices)
    for cases in chosen.values():
        generated(cases[:1], 1)
    for workers in options.workers:
        for name, cases in chosen.items():
            seconds, size = generated(cases, workers)
            rate, each = 60 * len(cases) / seconds, size / len(cases)
            print(f"{workers} worker(s)  {name:20} {rate:7.1f} matrices a minute, {each:.2f} MB each")


if __name__ == "__main__":
    restart_with({"OMP_WAIT_POLICY": "PASSIVE"})
    main()
