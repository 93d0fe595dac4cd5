"""What a NetCDF file claims against what it stores, before the NetCDF library reads it."""

from __future__ import annotations

import math
import os
from pathlib import Path

import netCDF4

from mpisim.errors import require
from mpisim.io.content import content_of
from mpisim.io.hdf5 import hdf5_contents
from mpisim.io.stored import overclaim, readable

__all__ = ["claimed_bytes"]

KIND = "NetCDF file"


def claimed_bytes(path: str | os.PathLike[str]) -> int:
    """Return the bytes of all arrays of a NetCDF file in memory.

    Raises `InputError` if the file is damaged, an array claims more than is stored for it, or its data lie in other
    files.
    """
    if content_of(path) == "netcdf3":
        return _classic(path)
    arrays = hdf5_contents(path, KIND).arrays
    for array in arrays:
        require(not array.problem, f"{array.name} of {path}", "an array that can be read", array.problem)
    return sum(array.nbytes for array in arrays)


def _classic(path: str | os.PathLike[str]) -> int:
    with readable(str(path), KIND), netCDF4.Dataset(path) as file:
        sizes = [math.prod(v.shape) * getattr(v.dtype, "itemsize", 1) for v in file.variables.values()]
    problem = overclaim(sum(sizes), Path(path).stat().st_size, packed=False)
    require(not problem, str(path), "a readable NetCDF file", problem)
    return sum(sizes)
