"""CPU time of starting the command: `python -m benchmarks.startup [--repeats 10]`.

Every command line runs in a process of its own, after one run that fills the caches of the file system. Beside the
command stand an interpreter that does nothing, and one that imports what the simulator needs for its work.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "mpisim --version": ["-m", "mpisim", "--version"],
    "mpisim --help": ["-m", "mpisim", "--help"],
    "import numba, scipy.io, xarray": ["-c", "import numba, scipy.io, xarray"],
}


def cpu_seconds(words: list[str]) -> float:
    """Return user and system seconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the median of every command line; they take turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(repeats + 1):
        for name, words in COMMANDS.items():
            seconds = cpu_seconds(words)
            if turn > 0:
                times[name].append(seconds)
    for name, values in times.items():
        print(f"{name:<32}{statistics.median(values):6.3f} s of CPU")


if __name__ == "__main__":
    main()
