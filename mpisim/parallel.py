"""Many calls of one function: in this process, in a pool of processes, on a Dask cluster, or a share of a job array.

A call gets everything by its arguments, seeds too, so that results do not depend on where or in which order they run.
"""

from __future__ import annotations

import _thread
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

from mpisim.errors import InputError, require

__all__ = ["dask_executor", "run_all", "shard"]

T = TypeVar("T")

_GRACE = 2.0  # s that a worker has to put its files in order after its parent was killed


def run_all(
    function: Callable[..., object],
    calls: Sequence[tuple[object, ...]],
    *,
    workers: int = 1,
    executor: Executor | None = None,
    done: Callable[[], object] = lambda: None,
) -> None:
    """Call a function with every tuple of arguments.

    Parameters
    ----------
    function
        A function of a module, so that other processes can import it.
    calls
        Its arguments, call by call.
    workers
        Processes on this machine; 1 stays in this process.
    executor
        Any `concurrent.futures.Executor` instead, such as that of `dask_executor`.
    done
        Called after every call that has ended.
    """
    if executor is None and (workers == 1 or len(calls) < 2):
        for arguments in calls:
            function(*arguments)
            done()
        return
    # spawn, because a forked child cannot use the parent's threads
    pool = executor or ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _prepare_worker)
    try:
        with _interrupts_blocked():
            futures = [pool.submit(function, *arguments) for arguments in calls]
        for future in as_completed(futures):
            future.result()
            done()
    finally:
        if executor is None:
            pool.shutdown(cancel_futures=True)


def shard(items: Sequence[T], part: str) -> list[T]:
    """Return the share of one job of a job array: `2/5` takes every fifth item from the second on.

    Raises `InputError` unless `part` is I/N with whole numbers 1 <= I <= N.
    """
    numbers = part.split("/")
    good = len(numbers) == 2 and all(n.isdecimal() for n in numbers) and 1 <= int(numbers[0]) <= int(numbers[1])
    require(good, "shard", "I/N with whole numbers 1 <= I <= N", repr(part))
    return list(items[int(numbers[0]) - 1 :: int(numbers[1])])


def dask_executor(address: str) -> Executor:
    """Return an executor on a Dask cluster.

    Raises `InputError` if Dask is not installed or no scheduler answers at the address.
    """
    try:
        from dask.distributed import Client
    except ImportError:
        raise InputError(
            "Input --scheduler must be used where dask[distributed] is installed; instead received it without."
        ) from None
    try:
        executor: Executor = Client(address, timeout="10s").get_executor()
    except (OSError, ValueError) as error:
        raise InputError(
            f"Input --scheduler must be the address of a running Dask scheduler; instead received {address} ({error})."
        ) from None
    return executor


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: the parent handles it, once the files in progress are complete."""
    mask = getattr(signal, "pthread_sigmask", None)
    if mask is None:
        yield
        return
    mask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        mask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _prepare_worker() -> None:
    import numba

    numba.set_num_threads(1)
    # A shell in the background makes its processes ignore interrupts, and then `_end_with_parent` could not send one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the parent's end, which a killed parent cannot announce; then interrupt the call, and end the worker.

    The interrupt lets the call remove its temporary file.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _thread.interrupt_main()
        time.sleep(_GRACE)
        os._exit(1)
