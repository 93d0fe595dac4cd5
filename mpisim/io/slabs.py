"""The rows of a system matrix in a file, slab by slab, for matrices that are larger than the memory.

A NetCDF file gives slabs of rows that follow each other: as many as fit, of one index of the leading dimensions where
one is too large. An MDF file gives slabs of frequencies, of all angles and receive channels.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator

import numpy as np
import xarray as xr

from mpisim.data.schema import CIRCULARITY, POSITION, STD, UNITS, VOXEL_DIMS, ascending, expect, validate
from mpisim.data.units import coordinates_in
from mpisim.data.views import as_matrix
from mpisim.errors import require
from mpisim.io.claims import KIND, claimed_bytes
from mpisim.io.formats import FilePath, format_of
from mpisim.io.mdf.reading import is_too_large, matrix_slabs
from mpisim.io.netcdf import OF_LIBRARIES, opened
from mpisim.io.netcdf_encoding import REIM, decode
from mpisim.io.stored import readable
from mpisim.memory import memory_limit, require_memory

__all__ = ["exceeds_memory", "row_header", "row_slabs"]

_COPIES = 4  # of a slab, while it is read and its numbers are checked
_DEVIATIONS = (STD, CIRCULARITY, "recovery_std")


def exceeds_memory(path: FilePath, bytes_per_value: float) -> bool:
    """Return whether the system matrix of a file takes more than may be taken, at so many bytes per complex value.

    Raises `InputError` if the file is missing, damaged, claims more than it stores, or cannot be read by slabs.
    """
    kind = format_of(path)
    if kind == "mdf":
        return is_too_large(path)
    require(os.path.isfile(path), "file", "an existing file", str(path))
    if kind != "netcdf":
        return False
    claimed_bytes(path)
    with readable(str(path), KIND, *OF_LIBRARIES), opened(path) as disk:
        variable = disk.variables.get("system_matrix")
        size = 0 if variable is None else variable.size // variable.sizes.get(REIM, 1)
    return bytes_per_value * size > memory_limit()


def row_header(path: FilePath) -> xr.Dataset:
    """Return the system matrix of a file with its first voxel alone: names, noise and coordinates of all rows.

    Its own standard deviation, if it states one, is that of this voxel. Raises as `row_slabs`.
    """
    if format_of(path) == "mdf":
        parts = [_first_voxel(part) for part in matrix_slabs(path)]
        if len(parts) == 1:
            return parts[0]
        return xr.concat(
            parts, "frequency", data_vars="minimal", coords="minimal", compat="override", combine_attrs="override"
        )
    with readable(str(path), KIND, *OF_LIBRARIES), opened(path) as disk:
        require("system_matrix" in disk, str(path), "a file of a system matrix", f"one of {disk.attrs.get('kind')}")
        loaded = _first_voxel(disk).load()
    return _dataset(loaded, str(path))


def row_slabs(path: FilePath, size: float) -> Iterator[tuple[np.ndarray, np.ndarray, xr.Dataset]]:
    """Read the rows of a system matrix by slabs.

    Parameters
    ----------
    path
        A NetCDF or MDF file.
    size
        Bytes that reading a slab may take, for one row at least. A slab of an MDF file goes by the memory limit.

    Yields
    ------
    numbers, rows, data
        Numbers of the rows in the complete matrix, shape (row,), these rows (row, voxel), complex, and the dataset that
        they come from, without `system_matrix_std`.

    Raises
    ------
    InputError
        If the file is damaged, holds no system matrix, or a row needs more memory than is allowed.
    """
    if format_of(path) == "mdf":
        yield from _of_frequencies(path)
        return
    name = str(path)
    claimed_bytes(path)
    with readable(name, KIND, *OF_LIBRARIES):
        disk = opened(path)
    with disk:
        require("system_matrix" in disk, name, "a file of a system matrix", f"one of {disk.attrs.get('kind')}")
        variable = disk["system_matrix"]
        lead = [str(d) for d in variable.dims if d not in (*VOXEL_DIMS, POSITION, REIM)]
        counts = [variable.sizes[d] for d in lead]
        voxels = variable.size // math.prod(counts) // variable.sizes.get(REIM, 1)
        most = max(1, int(size // (_COPIES * 16 * voxels)))
        require_memory(name, _COPIES * 16 * voxels)
        start = 0
        for place in _places(lead, counts, most):
            with readable(name, KIND, *OF_LIBRARIES):
                loaded = disk.drop_vars(_DEVIATIONS, errors="ignore").isel(place).load()
            part = _dataset(loaded, name)
            rows = as_matrix(part)
            yield np.arange(start, start + len(rows)), rows, part
            start += len(rows)


def _places(lead: list[str], counts: list[int], most: int) -> Iterator[dict[str, slice]]:
    """Yield where slabs of at most so many rows lie, in the order of the rows."""
    if not lead:
        yield {}
        return
    axis = next((i for i in range(len(lead)) if math.prod(counts[i + 1 :]) <= most), len(lead) - 1)
    step = max(1, most // math.prod(counts[axis + 1 :]))
    for outer in itertools.product(*map(range, counts[:axis])):
        for start in range(0, counts[axis], step):
            place = {d: slice(i, i + 1) for d, i in zip(lead[:axis], outer, strict=True)}
            yield {**place, lead[axis]: slice(start, start + step)}


def _of_frequencies(path: FilePath) -> Iterator[tuple[np.ndarray, np.ndarray, xr.Dataset]]:
    count = row_header(path).sizes["frequency"]
    start = 0
    for part in matrix_slabs(path):
        lead = part["system_matrix"].size // part.sizes["frequency"] // _voxels(part)
        end = start + part.sizes["frequency"]
        numbers = np.arange(lead)[:, None] * count + np.arange(start, end)
        yield numbers.ravel(), as_matrix(part), part
        start = end


def _voxels(data: xr.Dataset) -> int:
    return math.prod(n for d, n in data["system_matrix"].sizes.items() if d in (*VOXEL_DIMS, POSITION))


def _first_voxel(data: xr.Dataset) -> xr.Dataset:
    return data.isel({d: slice(0, 1) for d in (*VOXEL_DIMS, POSITION) if d in data.dims})


def _dataset(loaded: xr.Dataset, name: str) -> xr.Dataset:
    with readable(name, KIND):
        data = decode(loaded, name)
    return expect(validate(ascending(coordinates_in(data, UNITS, name)), name), "system_matrix", name)
