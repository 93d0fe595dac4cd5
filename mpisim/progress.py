"""What long work reports on stderr: bars on a terminal, a plain line now and then elsewhere, and lines.

Off a terminal (a log file, a job of a cluster), nothing is printed in the first 30 s. Then there is at most one line in
30 s, however deep the work is nested: what is done at each level, the time so far, and the time expected in all.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from tqdm import tqdm

__all__ = ["progress", "say"]

EVERY = 30.0
"""Seconds between lines where stderr is no terminal."""


def progress(iterable: Iterable[Any] | None = None, **options: Any) -> Any:
    """Return an iterable or a context manager that counts steps, with the methods of a tqdm bar.

    On a terminal it is a tqdm bar on stderr that appears after one second; elsewhere it prints a line now and then. In
    a worker process it is silent: the parent counts the calls. The options are those of tqdm.
    """
    if multiprocessing.parent_process() is not None:
        return tqdm(iterable, disable=True, **options)
    if sys.stderr.isatty():
        return tqdm(iterable, file=sys.stderr, delay=1, leave=False, **options)
    return _Lines(iterable, **options)


def say(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


class _Lines:
    """Progress as plain lines; it has the methods of a tqdm bar that are used here, and ends with the work."""

    running: ClassVar[list[weakref.ref[_Lines]]] = []  # the levels of the work, the outermost first
    printed: ClassVar[float] = 0.0  # when the last line was printed

    def __init__(
        self,
        iterable: Iterable[Any] | None = None,
        total: int | None = None,
        initial: int = 0,
        unit: str = "it",
        desc: str = "",
        **others: object,
    ) -> None:
        if total is None and hasattr(iterable, "__len__"):
            total = len(iterable)  # type: ignore[arg-type]
        self.iterable, self.total, self.initial, self.n, self.unit = iterable, total, initial, initial, unit
        self.description, self.postfix = desc, ""
        self.started = time.monotonic()
        self.running.append(weakref.ref(self))

    def __iter__(self) -> Iterator[Any]:
        with self:
            for item in self.iterable or ():
                yield item
                self.update()

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def update(self, steps: int = 1) -> None:
        """Count steps; print a line if the last one is long ago."""
        self.n += steps
        now = time.monotonic()
        levels = [level for reference in self.running if (level := reference()) is not None]
        if levels and now - max(_Lines.printed, levels[0].started) >= EVERY:
            _Lines.printed = now
            say(_line(levels, now))

    def set_description(self, text: str) -> None:
        """Set what the steps belong to."""
        self.description = text

    def set_postfix_str(self, text: str) -> None:
        """Set what the last steps gave."""
        self.postfix = text

    def close(self) -> None:
        """End the work."""
        self.running[:] = [level for level in self.running if level() not in (None, self)]


def _line(levels: list[_Lines], now: float) -> str:
    """Return the line of the levels of the work; the expected time is that of the outermost that has made a step."""
    counts = ", ".join(_count(level) for level in levels)
    postfix = f" ({levels[-1].postfix})" if levels[-1].postfix else ""
    moving = [level for level in levels if level.total and level.n > level.initial]
    expected = ""
    if moving:
        level = moving[0]
        so_far = now - level.started
        left = so_far / (level.n - level.initial) * max(0, (level.total or 0) - level.n)
        which = "" if level is levels[0] else f" for this {levels[levels.index(level) - 1].unit}"
        expected = f", about {_duration(left)} to go{which}"
    return f"{counts}{postfix}: {_duration(now - levels[0].started)} so far{expected}"


def _count(level: _Lines) -> str:
    name = f"{level.description} " if level.description else ""
    of = f" of {level.total}" if level.total else ""
    return f"{name}{level.unit} {level.n}{of}"


def _duration(seconds: float) -> str:
    """Return a time in words: 45 s, 12 min, 3 h 5 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
