"""Recovery from file to file in bounded memory: a matrix is read, recovered and written a block of rows at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from calib.choice import Choice, choose, named, warn_of_degrees, weights_of
from calib.learned.bundled import bundled_weights
from calib.recovery import DEFAULT_METHOD, METHODS, recover_at, recover_by_choice, without_noise
from mpisim.data.angles import look_like_degrees
from mpisim.data.noise import rms
from mpisim.data.noise_estimate import row_levels, sampled_rows
from mpisim.data.noise_level import (
    GivenNoise,
    NoiseLevel,
    Values,
    chosen_level,
    measured_values,
    values_of_equal_noise,
)
from mpisim.data.sampling import Sampling
from mpisim.data.schema import expect
from mpisim.data.views import as_images, noise_known, noise_per_row
from mpisim.errors import InputError, one_of, whole
from mpisim.io.reading import read_blocks
from mpisim.io.writing import expect_output, write, write_blocks
from mpisim.progress import progress

__all__ = ["recover_file"]

_BY_ITSELF = Choice(DEFAULT_METHOD, "no method was named")
_VALUES_AT_ONCE = 200_000  # coarse ones: at 8x these are 100 MB of fine ones, and some copies


def recover_file(
    coarse: str | os.PathLike[str],
    out: str | os.PathLike[str],
    method: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    values_at_once: int = _VALUES_AT_ONCE,
    snr: float | None = None,
    noise_std: float | None = None,
    noiseless: bool = False,
    prior: str | os.PathLike[str] | None = None,
    angles: int | Iterable[float] | None = None,
    prior_scanner: str | os.PathLike[str] | xr.Dataset | None = None,
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
        See `recover`. Where no method is named and the matrix comes in blocks, none is taken that needs all rows: the
        method is then that of `calib.choice`, not `auto`.
    values_at_once
        Largest number of coarse values in memory.
    snr, noise_std, noiseless
        The noise level of the coarse matrix, see `recover`. Where it is missing, it is estimated from rows of the
        complete file.
    prior, angles, prior_scanner
        Known matrices, angles of the wanted rows, and an earlier fit of the same scanner, see `recover`.

    Returns
    -------
    dict
        The `method`, the `reason` why it was taken where none was named, the number of `rows`, the `grid` (x, y) of the
        fine matrix, and `noise`: the `noise_std` and `snr` (dB) of the coarse one and whether they were `estimated`;
        None where they are not known and the method needs none; `expected_nrmse`, the error that the result expects,
        None where it states none. With `prior_scanner` also `changed`, a list of
        sentences.

    Raises
    ------
    InputError
        As `recover`; or if a file cannot be read or written.
    """
    given = GivenNoise(snr, noise_std, noiseless)
    if method is not None:
        one_of("method", method, METHODS)
    options = {"angles": angles, "prior_scanner": prior_scanner}
    if method is None and weights is None and any(value is not None for value in options.values()):
        method = DEFAULT_METHOD  # also of a large file, which is then read complete
    expect_output(out, coarse)
    values = whole("values_at_once", values_at_once)
    values = sys.maxsize if method is not None and METHODS[method].complete else values
    matrix = _survey(coarse, values)
    warn_of_degrees(matrix.angles)
    choice = _chosen(coarse, values, matrix, weights, method)
    choice, level = _at_level(coarse, values, matrix, given, choice)
    bundled = _weights_for_all(matrix, choice.method, level) if weights is None else None
    unit = None if matrix.blocks == 1 else matrix.unit
    stated = None if matrix.noise_std is None else NoiseLevel.of(matrix.noise_std, matrix.level, estimated=False)
    noise = stated if level is None else level
    summary: dict[str, object] = {"method": choice.method, "reason": choice.reason or None, "rows": matrix.rows}
    summary["noise"] = None if noise is None else noise.described()

    def recovered() -> Iterator[xr.Dataset]:
        start, taken, file = 0, choice, weights
        for block in progress(read_blocks(coarse, values), total=matrix.blocks, unit="block"):
            here = None if level is None else level.part(start, len(as_images(block)))
            if start == 0:
                fine, taken = recover_by_choice(here, block, choice, weights, unit, bundled, prior, options)
                learned = METHODS[taken.method].learned
                file = weights_of(taken, matrix.factor, weights, bundled) if learned else None
                summary.update(_told(fine, taken))
            else:
                fine = recover_at(here, block, taken.method, file, unit, taken.reason, prior)
            start += len(as_images(block))
            yield fine

    if matrix.blocks > 1:
        write_blocks(recovered(), out)
    else:
        write(next(recovered()), out)
    return summary


def _weights_for_all(matrix: _Survey, method: str, level: NoiseLevel | None) -> Path | None:
    """Return the bundled weights that all blocks of a file take; None for one block, or where there are none."""
    if matrix.blocks == 1 or not METHODS[method].learned:
        return None
    noisy = matrix.noisy if level is None else level.noise_std > 0
    file = bundled_weights(method, matrix.factor, not noisy)
    return file if file.is_file() else None


def _told(fine: xr.Dataset, taken: Choice) -> dict[str, object]:
    """Return what the first recovered block says of the recovery."""
    told = fine.attrs["recovery"]
    chosen = bool(taken.reason) or taken.method == DEFAULT_METHOD
    said = {
        "method": told["method"],
        "reason": told.get("reason") if chosen else None,
        "grid": list(reversed(as_images(fine).shape[-2:])),
        "expected_nrmse": told.get("expected_nrmse"),
    }
    return said | ({"changed": told["changes"]["changed"]} if "changes" in told else {})


def _at_level(
    coarse: str | os.PathLike[str], values: int, matrix: _Survey, given: GivenNoise, choice: Choice
) -> tuple[Choice, NoiseLevel | None]:
    """Return the noise level for a choice, None where it is not needed, and the choice, or another that needs none."""
    if given == GivenNoise() and not METHODS[choice.method].noise:
        return choice, None
    try:
        return choice, _level(coarse, values, matrix, given)
    except InputError:
        other = without_noise(next(read_blocks(coarse, values)), given) if choice == _BY_ITSELF else None
        if other is None:
            raise
        return other, None


def _chosen(
    coarse: str | os.PathLike[str],
    values: int,
    matrix: _Survey,
    weights: str | os.PathLike[str] | None,
    method: str | None,
) -> Choice:
    """Choose a method by the first block, if none is named; one that needs all rows only where they are that block."""
    first = next(read_blocks(coarse, values))
    if method is not None:
        return named(method, first)
    if weights is None and matrix.blocks == 1:
        return _BY_ITSELF
    if look_like_degrees(matrix.angles):  # which a block of a few angles does not show
        first = first.drop_vars("angle")
    return choose(first, weights, in_blocks=matrix.blocks > 1)


@dataclass(frozen=True)
class _Survey:
    """What all blocks of a coarse file together are.

    Their number, rows, RMS, factor, measured values in a row, the RMS and the unit of those, the RMS of their noise
    (None where it is not known), and the angles (in rad; empty where there are none).
    """

    blocks: int
    rows: int
    unit: float | None
    factor: int
    voxels: int
    level: float
    units: str
    noise_std: float | None
    angles: np.ndarray

    @property
    def noisy(self) -> bool:
        return bool(self.noise_std)


def _survey(coarse: str | os.PathLike[str], values: int) -> _Survey:
    size, energy, measured, noise, known = 0, 0.0, 0.0, 0.0, True
    blocks, rows = 0, 0
    angles: list[float] = []
    for block in read_blocks(coarse, values):
        if "angle" in block.coords and (not angles or block["system_matrix"].dims[0] == "angle"):
            angles += block["angle"].values.ravel().tolist()
        part = as_images(expect(block, "system_matrix", "coarse", stage="coarse"))
        sampling, samples = Sampling.of(block), measured_values(block)
        size, energy = size + part.size, energy + part.size * float(rms(part)) ** 2
        measured += samples.size * float(rms(samples.astype(complex))) ** 2
        known = known and noise_known(block)
        noise += len(part) * float(rms(noise_per_row(block))) ** 2 if known else 0.0
        blocks, rows, voxels = blocks + 1, rows + len(part), samples.shape[1]
        units = str(block["system_matrix"].attrs.get("units", "1"))
    unit, level = (energy / size) ** 0.5 or None, (measured / max(1, rows * voxels)) ** 0.5
    noise_std = (noise / rows) ** 0.5 if known else None
    return _Survey(blocks, rows, unit, sampling.factor, voxels, level, units, noise_std, np.array(angles))


def _level(coarse: str | os.PathLike[str], values: int, matrix: _Survey, given: GivenNoise) -> NoiseLevel | None:
    """Return the noise level where it is not the file's, as for a matrix in memory: from the same rows."""
    chosen = sampled_rows(matrix.rows, matrix.voxels)
    parts: list[np.ndarray] = []
    levels: list[np.ndarray] = []
    start = 0
    if matrix.noise_std is None and given == GivenNoise():
        for block in read_blocks(coarse, values):
            part = values_of_equal_noise(block)
            parts.append(part[chosen[(chosen >= start) & (chosen < start + len(part))] - start])
            levels.append(row_levels(part))
            start += len(part)
    rows = np.concatenate(parts) if parts else np.zeros((0, matrix.voxels), complex)
    of_rows = np.concatenate(levels) if levels else np.zeros(0)
    return chosen_level(Values(matrix.level, rows, matrix.noise_std, matrix.units, of_rows), given)
