"""Arrays in classic NetCDF files (versions 1, 2 and 5), which are not compressed."""

from __future__ import annotations

import math
import os
from functools import partial
from pathlib import Path

import netCDF4
import numpy as np

from mpisim.io.stored import Contents, StoredArray, overclaim, readable

__all__ = ["netcdf3_contents"]

KIND = "NetCDF file"


def netcdf3_contents(path: str | os.PathLike[str]) -> Contents:
    """Return the arrays of a file.

    Raises `InputError` if the file is damaged, or claims more than it stores.
    """
    size = Path(path).stat().st_size
    with readable(str(path), KIND), netCDF4.Dataset(path) as file:
        variables = dict(file.variables)
        claimed = sum(math.prod(v.shape) * np.dtype(v.dtype).itemsize for v in variables.values())
        problem = overclaim(claimed, size, packed=False)
        arrays = tuple(_described(path, name, v, problem) for name, v in variables.items())
        attributes = {name: _plain(file.getncattr(name)) for name in file.ncattrs()}
    return Contents(KIND, arrays, attributes)


def _described(path: str | os.PathLike[str], name: str, variable: netCDF4.Variable, problem: str) -> StoredArray:
    dtype = np.dtype(variable.dtype)
    if dtype.kind not in "fiu":
        return StoredArray(name, variable.shape, "text", problem=problem)
    return StoredArray(name, variable.shape, str(dtype), dtype, partial(_load, path, name), problem=problem)


def _load(path: str | os.PathLike[str], name: str) -> np.ndarray:
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        return np.asarray(file.variables[name][...])


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
