"""CPU time of the same work under two versions: `python -m benchmarks.versions OTHER_PYTHON [--turns 3]`.

OTHER_PYTHON is the interpreter of an environment with another version, this one's stands for today's. Both take turns,
each in a process of its own on one thread; of every work the least CPU time counts. Only documented calls are used. A
training step is the difference between trainings of 12 and of 4 steps by `mpisim train`, over 8.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
METHODS = ("bicubic-dc", "ridge", "profile", "transms")


def least(work: Callable[[], object], repeats: int) -> float:
    """Return the least CPU seconds of a call, after a warm-up."""
    work()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def measured() -> dict[str, float]:
    """Return the CPU seconds of every work under the version that this interpreter imports."""
    import calib
    import mpisim
    import recon

    scanner, particle, small = mpisim.open_sided_ffl(0.8), mpisim.Particle(25e-9), mpisim.Grid((16, 16))
    times = {
        "simulate, line profile": least(lambda: mpisim.simulate(scanner, particle), 20),
        "simulate, general fields": least(lambda: mpisim.simulate(scanner, particle, small, path="general"), 5),
    }
    fine = mpisim.simulate(scanner, particle)
    for factor in (2, 4, 8):
        coarse = calib.downsample(fine, factor, snr=33.7, seed=0)
        for method in METHODS:
            slow = method in ("ridge", "transms")
            times[f"recover {method} {factor}x"] = least(lambda: calib.recover(coarse, method), 2 if slow else 5)  # noqa: B023
    y = recon.measure(fine, recon.phantoms.tubes(), snr=30, seed=0)
    for method in ("admm", "kaczmarz"):
        times[f"reconstruct {method}"] = least(lambda: recon.reconstruct(fine, y, method), 3)  # noqa: B023
    return times | {f"training step {m} {f}x": _training_step(m, f) for m, f in (("transms", 4), ("vdsr", 2))}


def _training_step(method: str, factor: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        for split, gradient in (("train", "0.5"), ("validation", "0.7")):
            family = ["--sf-gradient", gradient, "--particle-diameter", "24", "--angle-step", "30", "--split", split]
            _mpisim("dataset", *family, "--out", folder)
        seconds = {}
        for steps in (4, 12):
            words = ["--method", method, "--factor", str(factor), "--steps", str(steps), "--data", folder]
            seconds[steps] = _mpisim("train", *words, "--out", str(Path(folder) / f"run{steps}"))
    return (seconds[12] - seconds[4]) / 8


def _mpisim(*words: str) -> float:
    """Run a command; return its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "mpisim", *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print CPU milliseconds of both versions and today's over the other's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", nargs="?", help="interpreter of the other environment")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    if options.other is None:
        print(json.dumps(measured()))
        return
    runs: dict[str, list[dict[str, float]]] = {options.other: [], sys.executable: []}
    with tempfile.TemporaryDirectory() as elsewhere:  # so that no checkout hides the installed version
        for turn in range(options.turns):
            for python, found in runs.items():
                print(f"turn {turn + 1} of {options.turns}: {python}", file=sys.stderr, flush=True)
                words = [python, str(Path(__file__).resolve())]
                result = subprocess.run(
                    words, cwd=elsewhere, env={**os.environ, **THREADS}, capture_output=True, check=True
                )
                found.append(json.loads(result.stdout.splitlines()[-1]))
    print(f"{'CPU ms':<28}{'other':>10}{'today':>10}{'ratio':>8}")
    for work in runs[sys.executable][0]:
        other, today = (1e3 * min(found[work] for found in runs[python]) for python in (options.other, sys.executable))
        print(f"{work:<28}{other:>10.1f}{today:>10.1f}{today / other:>8.2f}")


if __name__ == "__main__":
    main()
