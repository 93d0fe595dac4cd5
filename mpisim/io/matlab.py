"""MATLAB files: v7.3 (HDF5) by h5py, older ones by SciPy, always in MATLAB's own order of axes."""

from __future__ import annotations

import os
import zlib
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np
import scipy.io
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.schema import build
from mpisim.errors import InputError, require, whole

__all__ = ["matlab_dataset", "read_array", "read_arrays", "variable_names"]

_DAMAGE = (OSError, ValueError, NotImplementedError, TypeError, IndexError, zlib.error, scipy.io.matlab.MatReadError)


def matlab_dataset(
    path: str | os.PathLike[str], variable: str | None = None, grid: Grid | None = None, coarse: int | None = None
) -> xr.Dataset:
    """Return a measured system matrix (rows x voxels, x fastest) or, without a grid, a measurement.

    The file holds no units, positions or frequencies: values have unit 1 and rows are only numbered. With `coarse` the
    matrix becomes a coarse one, its values divided by coarse^2 (block means), so that images stay relative to the
    concentration of the sample; its noise is not known.

    Parameters
    ----------
    path
        The file, of any version of MATLAB.
    variable
        Name of the array, rows x voxels or the reverse; None takes the only one.
    grid
        The voxels; None reads a measurement, one number a row.
    coarse
        The sample filled blocks of coarse x coarse voxels of the grid that is to be recovered.

    Returns
    -------
    xarray.Dataset
        `system_matrix` (frequency[, z], y, x) or `measurement` (frequency), complex128.

    Raises
    ------
    InputError
        If the file is missing or damaged, the variable is not in it, or does not fit the grid.
    """
    values = read_array(path, variable)
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


def read_array(path: str | os.PathLike[str], variable: str | None = None) -> np.ndarray:
    """Read one numeric array of a MATLAB file, complex where MATLAB's is.

    Parameters
    ----------
    path
        The `.mat` file.
    variable
        Name of the array; None takes the only one.

    Raises
    ------
    InputError
        If the file is missing or no MATLAB file, or the variable is missing or not numeric.
    """
    arrays = read_arrays(path)
    if variable is None:
        require(len(arrays) > 0, str(path), "a MATLAB file with a numeric array", "one without")
        require(len(arrays) == 1, "variable", f"named where {path} holds several arrays", f"none of {sorted(arrays)}")
        variable = next(iter(arrays))
    require(variable in arrays, "variable", f"one of {sorted(arrays)} in {path}", repr(variable))
    return arrays[variable]


def variable_names(path: str | os.PathLike[str]) -> set[str]:
    """Return the names of the variables of a MATLAB file, without reading them; none for a file that is damaged."""
    try:
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return set(file)
        return {name for name, *_ in scipy.io.whosmat(path)}
    except _DAMAGE:
        return set()


def read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Return every numeric array of a MATLAB file by name.

    Raises `InputError` if the file is missing or no MATLAB file.
    """
    require(Path(path).is_file(), "file", "an existing file", str(path))
    try:
        if h5py.is_hdf5(path):
            arrays = _read_hdf5(path)
        else:
            arrays = {k: v for k, v in scipy.io.loadmat(path).items() if not k.startswith("__")}
    except _DAMAGE as error:
        raise InputError(
            f"Input {path} must be a MATLAB file; instead received one that fails with: {error}."
        ) from None
    return {k: v for k, v in arrays.items() if isinstance(v, np.ndarray) and v.dtype.kind in "fciu"}


def _read_hdf5(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    arrays = {}
    with h5py.File(path, "r") as file:
        for name, item in file.items():
            if not isinstance(item, h5py.Dataset):
                continue
            values = item[()]
            if values.dtype.names == ("real", "imag"):
                values = values["real"] + 1j * values["imag"]
            arrays[name] = np.asarray(values).T  # HDF5 shows MATLAB's axes in reverse
    return arrays
