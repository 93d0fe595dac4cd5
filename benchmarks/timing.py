"""How benchmarks time: alternatives take turns in one process after a warm-up, and ratios are of medians of one run.

A busy spell of the machine then meets all alternatives. Wall time is what a user waits; CPU time, the sum over all
threads of the process, tells whether the difference is in the work or in how many cores did it.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

__all__ = ["Timing", "restart_with", "taking_turns"]


class Timing(NamedTuple):
    """Median seconds of one call: `wall` time, and `cpu` time of all threads."""

    wall: float
    cpu: float

    def per(self, count: float) -> Timing:
        """Return the times of one of `count` equal parts of a call."""
        return Timing(self.wall / count, self.cpu / count)


def taking_turns(
    works: Mapping[str, Callable[[], object]], turns: int, every: Mapping[str, int] | None = None
) -> dict[str, Timing]:
    """Time works that take turns, each once before as a warm-up.

    Parameters
    ----------
    works
        Functions without arguments, by name.
    turns
        Rounds.
    every
        For slow works, the number of rounds in which they run once; 1 where a name is missing.

    Returns
    -------
    dict of Timing
        Medians by name.
    """
    for work in works.values():
        work()
    times: dict[str, list[Timing]] = {name: [] for name in works}
    for turn in range(turns):
        for name, work in works.items():
            if turn % (every or {}).get(name, 1) == 0:
                times[name].append(_timed(work))
    return {name: Timing(*map(statistics.median, zip(*found, strict=True))) for name, found in times.items()}


def _timed(work: Callable[[], object]) -> Timing:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def restart_with(environment: Mapping[str, str]) -> None:
    """Start this program again with some variables of the environment, unless it has them.

    Numerical libraries read their number of threads when they are loaded, and importing a benchmark loads them.
    """
    if any(os.environ.get(name) != value for name, value in environment.items()):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **environment})
