"""What a NetCDF file claims against what it stores, before the NetCDF library reads it."""

from __future__ import annotations

import os

from mpisim.errors import require
from mpisim.io.content import content_of
from mpisim.io.dimensions import require_dimensions
from mpisim.io.hdf5 import hdf5_contents
from mpisim.io.netcdf3 import KIND, netcdf3_contents

__all__ = ["KIND", "claimed_bytes"]


def claimed_bytes(path: str | os.PathLike[str]) -> int:
    """Return the bytes of all arrays of a NetCDF file in memory.

    Raises `InputError` if the file is damaged, an array claims more than is stored for it, its data lie in other files,
    or its dimensions are not in the file.
    """
    classic = content_of(path) == "netcdf3"
    arrays = (netcdf3_contents(path) if classic else hdf5_contents(path, KIND)).arrays
    if not classic:
        require_dimensions(path, KIND)
    for array in arrays:
        require(not array.problem, f"{array.name} of {path}", "an array that can be read", array.problem)
    return sum(array.nbytes for array in arrays)
