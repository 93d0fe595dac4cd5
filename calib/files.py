"""Recovery from file to file in bounded memory: a matrix is read, recovered and written a block of rows at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import xarray as xr

from calib.learned.bundled import bundled_weights
from calib.recovery import METHODS, recover
from mpisim.data.noise import rms
from mpisim.data.views import as_images, noise_per_row
from mpisim.errors import one_of, whole
from mpisim.io import expect_output, read_blocks, write, write_blocks
from mpisim.progress import progress

__all__ = ["recover_file"]

_VALUES_AT_ONCE = 200_000  # coarse ones: at 8x these are 100 MB of fine ones, and some copies


def recover_file(
    coarse: str | os.PathLike[str],
    out: str | os.PathLike[str],
    method: str = "transms",
    weights: str | os.PathLike[str] | None = None,
    values_at_once: int = _VALUES_AT_ONCE,
) -> dict[str, Any]:
    """Recover the fine system matrix of a file into another one, block by block where it is large.

    A matrix of more values than `values_at_once` is read, recovered and written in blocks along its first dimension, to
    the same numbers; the memory this takes does not grow with the file. What it tells of the recovery is then that of
    the first block. `profile`, which needs all angles at once, reads it whole.

    Parameters
    ----------
    coarse, out
        The files (.nc).
    method, weights
        See `recover`.
    values_at_once
        Largest number of coarse values in memory.

    Returns
    -------
    dict
        `rows` and the `grid` (x, y) of the fine matrix.

    Raises
    ------
    InputError
        As `recover`; or if a file cannot be read or written.
    """
    entry = METHODS[one_of("method", method, METHODS)]
    expect_output(out)
    whole("values_at_once", values_at_once)
    values = sys.maxsize if method == "profile" else values_at_once
    size, energy, noisy, blocks = 0, 0.0, False, 0
    for block in read_blocks(coarse, values):
        part = as_images(block)
        size, energy = size + part.size, energy + part.size * float(rms(part)) ** 2
        noisy, blocks = noisy or bool(noise_per_row(block).any()), blocks + 1
    unit = None if blocks == 1 else (energy / size) ** 0.5 or None
    if blocks > 1 and entry.learned and weights is None:  # of all blocks the same
        file = bundled_weights(method, block.attrs.get("sampling", {}).get("factor", 0), not noisy)
        weights = file if file.is_file() else None
    told: dict[str, Any] = {"rows": 0}

    def found() -> Iterator[xr.Dataset]:
        for part in progress(read_blocks(coarse, values), total=blocks, unit="block"):
            fine = recover(part, method, weights, unit)
            told["rows"] += len(as_images(fine))
            told["grid"] = list(reversed(as_images(fine).shape[-2:]))
            yield fine

    if blocks > 1:
        write_blocks(found(), out)
    else:
        write(next(found()), out)
    return told
