"""Reading and writing, by content and suffix."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.schema import build
from mpisim.errors import InputError, require, whole
from mpisim.io.atomic import not_a_folder
from mpisim.io.matlab import holds_original, read_matlab, read_original
from mpisim.io.netcdf import read_blocks, read_netcdf, write_blocks, write_netcdf

__all__ = ["expect_output", "from_matlab", "read", "read_blocks", "write", "write_blocks"]


def read(
    path: str | os.PathLike[str], variable: str | None = None, grid: Grid | None = None, coarse: int | None = None
) -> xr.Dataset:
    """Read a system matrix, measurement or image.

    Parameters
    ----------
    path
        `.nc` of the schema, or `.mat`.
    variable, grid
        For MATLAB: the array's name, and the voxels of a system matrix (without a grid it is a measurement).
    coarse
        For MATLAB: the sample filled blocks of coarse x coarse voxels of the grid that is to be recovered.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind, or does not fit the grid.
    """
    if Path(path).suffix.lower() == ".mat":
        return from_matlab(path, variable, grid, coarse)
    mdf = Path(path).suffix.lower() == ".mdf"
    require(not mdf, str(path), "a .nc or .mat file (MDF is not read yet)", "an MDF file")
    given = [name for name, value in (("variable", variable), ("grid", grid), ("coarse", coarse)) if value is not None]
    require(not given, str(path), f"a MATLAB file (.mat) where {' and '.join(given)} is given", "another kind")
    return read_netcdf(path)


def write(data: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write a dataset of the schema as NetCDF (`.nc`), whole or not at all.

    Raises
    ------
    InputError
        If the suffix is another, the dataset does not keep the schema or the folder cannot be written.
    """
    expect_output(path)
    write_netcdf(data, path)


def expect_output(path: str | os.PathLike[str]) -> None:
    """Raise `InputError` unless `write` could write a dataset to `path`; call it before long work."""
    file = Path(path)
    require(file.suffix.lower() == ".nc", "output file", "a .nc file", str(path))
    not_a_folder(file)
    nearest = next(folder for folder in file.absolute().parents if folder.exists())
    fits = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    require(fits, "output file", "in a folder that can be made and written", str(path))


def from_matlab(
    path: str | os.PathLike[str], variable: str | None, grid: Grid | None, coarse: int | None = None
) -> xr.Dataset:
    """Return a measured system matrix (rows x voxels, x fastest) or, without a grid, a measurement.

    The file holds no units, positions or frequencies: values have unit 1 and rows are only numbered. With `coarse` the
    matrix becomes a coarse one, its values divided by coarse^2 (block means), so that images stay relative to the
    concentration of the sample; its noise is not known. A file of the released TranSMS code is known by its variables
    (`mpisim.io.matlab.read_original`).

    Parameters
    ----------
    path
        The file, of any version of MATLAB.
    variable
        Name of the array, rows x voxels or the reverse; None takes the only one.
    grid
        The voxels; None reads a measurement, one number a row.
    coarse
        See `read`.

    Returns
    -------
    xarray.Dataset
        `system_matrix` (frequency[, z], y, x) or `measurement` (frequency), complex128.

    Raises
    ------
    InputError
        If the file is missing or damaged, the variable is not in it, or does not fit the grid.
    """
    if variable is None and coarse is None and grid is not None and holds_original(path):
        return read_original(path, grid)
    values = read_matlab(path, variable)
    source = {"source": Path(path).name, "variable": variable}
    if grid is None:
        values = np.squeeze(values)
        require(
            values.ndim == 1,
            f"array of {path}",
            "one row of numbers where no grid is given",
            f"the shape {values.shape}",
        )
        return build(
            "measurement", values.astype(np.complex128), ("frequency",), {}, units="1", origin="measured", **source
        )
    factor = 1 if coarse is None else whole("coarse", coarse)
    voxels = int(np.prod(grid.shape))
    if values.ndim != 2 or voxels not in values.shape:
        raise InputError(
            f"Input {path} must be rows x {voxels} voxels to fit the grid {grid.shape}; "
            f"instead received the shape {values.shape}."
        )
    if values.shape[1] != voxels:
        values = values.T
    return build(
        "system_matrix",
        values.astype(np.complex128).reshape(len(values), *grid.array_shape) / factor**2,
        ("frequency", *grid.dims),
        grid.coords(),
        units="1",
        stage="fine" if coarse is None else "coarse",
        origin="measured",
        grid=asdict(grid if coarse is None else grid.refined(factor)),
        sampling=None if coarse is None else {"scheme": "box", "factor": factor, "snr": None, "seed": None},
        **source,
    )
