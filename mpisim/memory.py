"""How much memory reading may take: half of what is free, or what the user allows.

A file of a few kB can claim arrays of many GB. What must be held in memory is compared with the limit before anything
is read, so that the user gets one sentence instead of a machine that swaps.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from mpisim.errors import positive, require

__all__ = ["GIGABYTE", "free_memory", "limited_memory", "memory_limit", "require_memory"]

GIGABYTE = 10**9
_LIMIT: ContextVar[float | None] = ContextVar("memory limit in bytes", default=None)
_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current")


def free_memory() -> float:
    """Return the free memory in bytes (Linux: what is available without swapping); infinity where it is not known."""
    free = _available()
    limit, used = (_number_in(file) for file in _CGROUPS)
    return free if limit is None or used is None else max(0.0, min(free, limit - used))


def _available() -> float:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
        return float(os.sysconf("SC_AVPHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError, IndexError):
        return float("inf")


def _number_in(file: str) -> float | None:
    try:
        return float(Path(file).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


@contextmanager
def limited_memory(gigabytes: float | None) -> Iterator[None]:
    """Allow reading so many GB (10^9 bytes) within the block; None keeps the limit that holds.

    Raises `InputError` unless the number is positive.
    """
    if gigabytes is None:
        yield
        return
    token = _LIMIT.set(positive("memory", gigabytes) * GIGABYTE)
    try:
        yield
    finally:
        _LIMIT.reset(token)


def memory_limit() -> float:
    """Return the number of bytes that may be taken now: what `limited_memory` allows, or half of the free memory."""
    limit = _LIMIT.get()
    return free_memory() / 2 if limit is None else limit


def require_memory(name: str, needed: float) -> None:
    """Raise `InputError` where `name` needs more bytes than may be taken."""
    limit = memory_limit()
    must = f"one that needs at most {limit / GIGABYTE:.3g} GB (a larger memory allows more)"
    require(needed <= limit, name, must, f"one that needs {needed / GIGABYTE:.3g} GB")
