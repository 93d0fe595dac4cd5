r"""Files of the published TranSMS data, which are known by their variables.

They hold a measured system matrix `myMtx` (rows x voxels), `estNsKestirimi` and `snrList` (one number for each
frequency, its estimated noise and its signal-to-noise ratio). Rows run over frequencies and, faster, over the slices of
a volume. The published code reads a row as n1 x n2 voxels of which the **second** index runs faster,
:math:`j = n_2 i_1 + i_2`; in MATLAB, where the first index of an array runs fastest, that is `reshape(row, [n2 n1])`.
It is the order of Open MPI data, x fastest, so that i2 numbers x and i1 numbers y here (the published code calls the
lengths n1 "dimension x" and n2 "dimension y", but all of its grids are square).
"""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.noise import rms
from mpisim.data.schema import build
from mpisim.errors import InputError, require
from mpisim.io.contents import contents_of

__all__ = ["RELEASED_VARIABLES", "holds_released", "read_released"]

RELEASED_VARIABLES = ("myMtx", "estNsKestirimi", "snrList")
"""Variables of a file of the published TranSMS data; the first is the matrix."""


def holds_released(path: str | os.PathLike[str]) -> bool:
    """Whether a file has the variables of published TranSMS data; False for a file that cannot be read."""
    try:
        return set(RELEASED_VARIABLES) <= contents_of(path).names()
    except InputError:
        return False


def read_released(path: str | os.PathLike[str], grid: Grid) -> xr.Dataset:
    r"""Read a file of the published TranSMS data as a measured fine system matrix.

    Parameters
    ----------
    path
        The `.mat` file, with the variables `RELEASED_VARIABLES`.
    grid
        The voxels of a row; a grid with z takes the slices of a volume apart, one without numbers them as rows.

    Returns
    -------
    xarray.Dataset
        Over frequency[, z], y, x, in units of the noise (unit 1). Coordinates along frequency are `noise_estimate` and
        `snr_ratio` of the file (a ratio, not in dB). `noise_std` is :math:`\sqrt 2`: the published code takes rows as
        whitened to unit standard deviation of real and imaginary part and does not use its estimates. It is left out
        where a row is so weak (RMS below 1/2) that the matrix cannot be whitened.

    Raises
    ------
    InputError
        If the file is none of that kind, or its sizes fit neither each other nor the grid.
    """
    arrays = {array.name: array for array in contents_of(path).arrays}
    must = f"a file with {', '.join(RELEASED_VARIABLES)}"
    require(set(RELEASED_VARIABLES) <= set(arrays), str(path), must, str(sorted(arrays)))
    matrix, noise, snr = (arrays[name].read(str(path)) for name in RELEASED_VARIABLES)
    voxels = math.prod(grid.shape[:2])
    require(
        matrix.ndim == 2 and matrix.shape[1] == voxels,
        f"myMtx of {path}",
        f"rows x {voxels} voxels to fit the grid {grid.shape}",
        f"the shape {matrix.shape}",
    )
    numbers = f"estNsKestirimi and snrList of {path}"
    good = noise.size == snr.size and noise.size > 0 and len(matrix) % noise.size == 0
    require(good, numbers, f"as many numbers as {len(matrix)} rows have frequencies", f"{noise.size} and {snr.size}")
    lead = _leading_sizes(noise.size, len(matrix) // noise.size, grid, path)
    numbered = {"noise_estimate": noise, "snr_ratio": snr}
    return build(
        "system_matrix",
        matrix.astype(np.complex128).reshape(*lead, grid.shape[1], grid.shape[0]),
        ("frequency", *grid.dims),
        grid.coords()
        | {k: ("frequency", np.repeat(np.ravel(v).real, lead[0] // noise.size)) for k, v in numbered.items()},
        noise_std=_whitened(matrix),
        units="1",
        stage="fine",
        origin="measured",
        grid=asdict(grid),
        source=Path(path).name,
        variable=RELEASED_VARIABLES[0],
    )


def _leading_sizes(frequencies: int, slices: int, grid: Grid, path: str | os.PathLike[str]) -> tuple[int, ...]:
    if len(grid.shape) == 2:
        return (frequencies * slices,)
    require(grid.shape[2] == slices, "grid", f"of {slices} slices along z for {path}", grid.shape)
    return (frequencies, slices)


def _whitened(matrix: np.ndarray) -> float | None:
    return math.sqrt(2) if np.all(rms(matrix, axis=1) >= 0.5) else None
