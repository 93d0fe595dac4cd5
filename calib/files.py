"""Recovery from file to file in bounded memory: a matrix is read, recovered and written a block of rows at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import xarray as xr

from calib.learned.bundled import bundled_weights
from calib.recovery import METHODS, recover
from mpisim.data.noise import rms
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images, noise_per_row
from mpisim.errors import one_of, whole
from mpisim.io.formats import expect_output, read_blocks, write, write_blocks
from mpisim.progress import progress

__all__ = ["recover_file"]

_VALUES_AT_ONCE = 200_000  # coarse ones: at 8x these are 100 MB of fine ones, and some copies


def recover_file(
    coarse: str | os.PathLike[str],
    out: str | os.PathLike[str],
    method: str = "transms",
    weights: str | os.PathLike[str] | None = None,
    values_at_once: int = _VALUES_AT_ONCE,
) -> dict[str, object]:
    """Recover the fine system matrix of a file into another one, block by block where it is large.

    A matrix of more values than `values_at_once` is read, recovered and written in blocks along its first dimension, to
    the same numbers; the memory this takes does not grow with the file. Its metadata of the recovery are then those of
    the first block. A method that needs all rows at once reads it complete.

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
    record = METHODS[one_of("method", method, METHODS)]
    expect_output(out)
    values = sys.maxsize if record.complete else whole("values_at_once", values_at_once)
    matrix = _survey(coarse, values)
    if matrix.blocks > 1 and record.learned and weights is None:  # the same weights for all blocks
        file = bundled_weights(method, matrix.factor, not matrix.noisy)
        weights = file if file.is_file() else None
    unit = None if matrix.blocks == 1 else matrix.unit
    summary: dict[str, object] = {"rows": matrix.rows}

    def recovered() -> Iterator[xr.Dataset]:
        for block in progress(read_blocks(coarse, values), total=matrix.blocks, unit="block"):
            fine = recover(block, method, weights, unit)
            summary["grid"] = list(reversed(as_images(fine).shape[-2:]))
            yield fine

    if matrix.blocks > 1:
        write_blocks(recovered(), out)
    else:
        write(next(recovered()), out)
    return summary


@dataclass(frozen=True)
class _Survey:
    """What all blocks of a coarse file together are: their number, rows, RMS, factor, and whether any has noise."""

    blocks: int
    rows: int
    unit: float | None
    factor: int
    noisy: bool


def _survey(coarse: str | os.PathLike[str], values: int) -> _Survey:
    size, energy, noisy, blocks, rows, factor = 0, 0.0, False, 0, 0, 1
    for block in read_blocks(coarse, values):
        part = as_images(block)
        size, energy = size + part.size, energy + part.size * float(rms(part)) ** 2
        noisy, blocks, rows = noisy or bool(noise_per_row(block).any()), blocks + 1, rows + len(part)
        factor = Sampling.of(block).factor
    return _Survey(blocks, rows, (energy / size) ** 0.5 or None, factor, noisy)
