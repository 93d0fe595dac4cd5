"""Arrays of other programs as datasets of the schema: measured system matrices and measurements.

The files hold no units, positions or frequencies: values have the unit that is given, or 1, and rows are only numbered.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.sampling import BoxSampling
from mpisim.data.schema import build
from mpisim.data.units import stated_unit
from mpisim.errors import require, whole
from mpisim.io.contents import chosen, leaf
from mpisim.io.layout import Layout

__all__ = ["array_dataset"]

_MATRICES = ("myMtx", "Aconcat", "S")
_MEASUREMENTS = ("bconcat",)
_STACKED = ("Aconcat", "bconcat")
"""Names in files of published codes (TranSMS; PP-MPI and DEQ-MPI, whose arrays hold real above imaginary parts)."""


def array_dataset(
    path: str | os.PathLike[str],
    variable: str | None = None,
    grid: Grid | None = None,
    coarse: int | None = None,
    block_means: bool = False,
    fine_shape: tuple[int, int] | None = None,
    units: str | None = None,
    **layout: object,
) -> xr.Dataset:
    """Return a measured system matrix (rows x voxels, x fastest) or, without a grid, a measurement.

    Parameters
    ----------
    path
        A MATLAB, NumPy (`.npy`, `.npz`) or HDF5 file.
    variable
        Name of the array, `SM.S` for the field of a structure; None takes the only array of numbers, or of several the
        one whose name published codes use (with a grid `myMtx`, `Aconcat` or `S`, without one `bconcat`).
    grid
        The voxels; None reads a measurement, one number a row.
    coarse
        The sample filled blocks of coarse x coarse voxels of the grid that is to be recovered. The matrix becomes a
        coarse one. Its values are the signals of such samples, the sum over their voxels, and are divided by coarse^2
        to block means, so that images stay relative to the concentration of the sample.
    block_means
        The values are block means already and are not divided.
    fine_shape
        Voxels of the grid that is to be recovered, along x and y, where `coarse` does not divide them: the last samples
        reached over its edge. None stands for whole blocks.
    units
        Unit of the values, such as `uV`; None leaves it unknown ("1").
    **layout
        `order`, `transposed`, `flip`, `stacked`, `frames`, see `Layout`.

    Returns
    -------
    xarray.Dataset
        `system_matrix` (frequency[, z], y, x) or `measurement` ([frame,] frequency), complex128. Its noise is not
        known.

    Raises
    ------
    InputError
        If the file is missing or damaged, the variable is not in it, or does not fit the grid.
    """
    factor = 1 if coarse is None else whole("coarse", coarse)
    require(coarse is None or grid is not None, "coarse", "given together with a grid", "it without")
    require(not block_means or coarse is not None, "block_means", "given together with coarse", "it without")
    require(fine_shape is None or coarse is not None, "fine_shape", "given together with coarse", "it without")
    sampling = None if grid is None or coarse is None else _sampling(grid, factor, fine_shape)
    unit = "1" if units is None else stated_unit("units", units)
    array = chosen(path, variable, _MEASUREMENTS if grid is None else _MATRICES)
    if leaf(array.name) in _STACKED and array.dtype is not None and array.dtype.kind != "c":
        layout = {**layout, "stacked": True}
    how = Layout(**layout)  # type: ignore[arg-type]
    name = f"{array.name} of {Path(path).name}"
    given = {k: v for k, v in asdict(how).items() if v not in (None, False)}
    about: dict[str, Any] = {"origin": "measured", "units": unit, "source": Path(path).name, "variable": array.name}
    about |= {"layout": given} if given else {}
    values = array.read(str(path))
    if grid is None:
        rows = how.numbers(values, name).astype(np.complex128, copy=False)
        return build("measurement", rows, ("frame", "frequency")[-rows.ndim :], {}, **about)
    rows = how.rows_of_voxels(values, grid, array.first_fastest, name).astype(np.complex128, order="C")
    if not block_means:
        held = factor**2 if sampling is None or sampling.filling is None else factor**2 * sampling.filling[..., None]
        rows.view(np.float64).reshape(*rows.shape, 2)[...] /= held  # a complex division makes NaN of infinity
    return build(
        "system_matrix",
        rows,
        ("frequency", *grid.dims),
        grid.coords(),
        stage="fine" if coarse is None else "coarse",
        grid=asdict(grid if sampling is None else sampling.fine_grid(grid)),
        sampling=None if sampling is None else {**sampling.described(), "snr": None, "seed": None},
        **about,
    )


def _sampling(grid: Grid, factor: int, fine_shape: tuple[int, int] | None) -> BoxSampling:
    """Return how blocks of the fine voxels were measured, whose coarse voxels are `grid`."""
    if fine_shape is None:
        return BoxSampling(factor)
    nx, ny = (whole("fine_shape", n) for n in fine_shape)
    blocks, must = (-(-nx // factor), -(-ny // factor)), f"as many voxels as {grid.shape[0]} x {grid.shape[1]} blocks"
    good = blocks == grid.shape[:2] and factor <= min(nx, ny)
    require(good, "fine_shape", f"{must} of {factor} hold, the last ones partly", f"{nx} x {ny}")
    return BoxSampling(factor, shape=(ny, nx))
