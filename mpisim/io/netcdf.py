"""NetCDF-4 files that any tool can read: complex variables lie on disk as real ones with a trailing `reim` axis.

(xarray's `auto_complex` writes a compound type that other tools refuse, and reads it back silently as a record.)
Attributes that NetCDF cannot hold are JSON (`mpisim.io.netcdf_encoding`). Files are written whole or not at all.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import netCDF4
import xarray as xr
from xarray.backends import BackendEntrypoint

from mpisim.data.schema import UNITS, ascending, validate
from mpisim.data.units import coordinates_in
from mpisim.errors import InputError, require
from mpisim.io.atomic import deferring_interrupt, replacing
from mpisim.io.claims import KIND, claimed_bytes
from mpisim.io.content import content_of
from mpisim.io.hdf5 import hdf5_kind
from mpisim.io.netcdf_encoding import REIM, decode, encode, storage
from mpisim.io.stored import readable
from mpisim.memory import require_memory

__all__ = [
    "OF_LIBRARIES",
    "MpisimBackend",
    "holds_netcdf",
    "opened",
    "read_netcdf",
    "read_netcdf_blocks",
    "write_netcdf",
    "write_netcdf_blocks",
]


def write_netcdf(data: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write a dataset of the schema, atomically and with compression.

    Raises
    ------
    InputError
        If the dataset does not keep the schema or the folder cannot be written.
    """
    with replacing(path) as temporary:
        _write(data, temporary, path)


def write_netcdf_blocks(blocks: Iterable[xr.Dataset], path: str | os.PathLike[str], along: str | None = None) -> None:
    """Write a system matrix that comes in blocks along a dimension (at least one), whole or not at all.

    The dimension is the first one, unless `along` names another. What does not lie along it, attributes too, is that of
    the first block. Raises as `write_netcdf`.
    """
    with replacing(path) as temporary:
        start = 0
        for block in blocks:
            along = str(block["system_matrix"].dims[0]) if along is None else along
            end = start + block.sizes[along]
            if start == 0:
                _write(block, temporary, path, unlimited=along)
            else:
                _append(block, temporary, path, along, slice(start, end))
            start = end


def _write(data: xr.Dataset, file: Path, target: str | os.PathLike[str], unlimited: str | None = None) -> None:
    disk = encode(validate(data))
    encoding = {str(name): storage(variable) for name, variable in disk.variables.items() if variable.size > 1}
    dims = [] if unlimited is None else [unlimited]
    with _room_for(target), deferring_interrupt():
        disk.to_netcdf(file, engine="netcdf4", format="NETCDF4", encoding=encoding, unlimited_dims=dims)


def _append(block: xr.Dataset, file: Path, target: str | os.PathLike[str], along: str, place: slice) -> None:
    disk = encode(validate(block))
    with _room_for(target), deferring_interrupt(), netCDF4.Dataset(file, "a") as opened:
        names = {str(name) for name in disk.variables}
        require(names == set(opened.variables), "blocks", "of the same variables each", sorted(names))
        for name, variable in disk.variables.items():
            if along in variable.dims:
                at = tuple(place if d == along else slice(None) for d in variable.dims)
                opened.variables[str(name)][at] = variable.values


@contextmanager
def _room_for(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # what the NetCDF library raises on a full disk
        message = f"Input output file must be where there is room for it; instead received {path} ({error})."
        raise InputError(message) from None


def holds_netcdf(path: str | os.PathLike[str]) -> bool:
    """Whether an existing file is NetCDF, of this program or another."""
    content = content_of(path)
    return content == "netcdf3" or (content == "hdf5" and hdf5_kind(path) in ("mpisim", "netcdf"))


def read_netcdf(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read and validate a dataset of the schema.

    Raises
    ------
    InputError
        If the file is missing, truncated, of another kind, claims more than it stores, needs more memory than is
        allowed, or does not keep the schema.
    """
    name = str(path)
    require_memory(name, _COPIES * _claimed(path))
    with readable(name, KIND, *OF_LIBRARIES), deferring_interrupt(), opened(path) as disk:
        loaded = disk.load()
    with readable(name, KIND):
        data = decode(loaded, name)
    return validate(ascending(coordinates_in(data, UNITS, name)), name)


OF_LIBRARIES = (AttributeError, IndexError, TypeError)
"""What netCDF4 and xarray raise for damaged attributes, beside the errors of `mpisim.io.stored.readable`."""
_COPIES = 2  # in memory while a file is read: the numbers as they lie there, and as they are used


def _claimed(path: str | os.PathLike[str]) -> int:
    require(Path(path).is_file(), "file", "an existing file", str(path))
    require(Path(path).stat().st_size > 0, str(path), f"a readable {KIND}", "an empty file")
    known = content_of(path) in ("hdf5", "netcdf3")  # what the library refuses with a reason of its own
    return claimed_bytes(path) if known else 0


def read_netcdf_blocks(path: str | os.PathLike[str], values: int) -> Iterator[xr.Dataset]:
    """Read a dataset in blocks along the first dimension of its values, of at most so many (of one index at least).

    Raises as `read_netcdf`.
    """
    name = str(path)
    _claimed(path)
    with readable(name, KIND, *OF_LIBRARIES):
        disk = opened(path)
    with disk:
        kind = str(disk.attrs.get("kind"))
        if kind not in disk or disk[kind].ndim == 0:
            yield read_netcdf(path)  # or raises
            return
        variable = disk[kind]
        along, length = str(variable.dims[0]), variable.shape[0]
        per_index = max(1, math.prod(variable.shape[1:]) // variable.sizes.get(REIM, 1))
        size = max(1, values // per_index)
        for start in range(0, length, size):
            require_memory(name, _COPIES * min(size, length - start) * per_index * 16)
            with readable(name, KIND, *OF_LIBRARIES), deferring_interrupt():
                loaded = disk.isel({along: slice(start, start + size)}).load()
            with readable(name, KIND):
                block = decode(loaded, name)
            yield validate(ascending(coordinates_in(block, UNITS, name)), name)


def opened(path: str | os.PathLike[str]) -> xr.Dataset:
    """Open a file without reading its values; `decode` makes the schema's dataset of what is then loaded."""
    return xr.open_dataset(path, engine="netcdf4", decode_times=False, cache=False)


class MpisimBackend(BackendEntrypoint):
    """Lets `xarray.open_dataset(path, engine="mpisim")` read the schema's files, complex numbers and all."""

    description = "System matrices, measurements and images of mpisim"

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        mask_and_scale: bool | None = None,
        decode_times: bool | None = None,
        concat_characters: bool | None = None,
        decode_coords: bool | None = None,
        use_cftime: bool | None = None,
        decode_timedelta: bool | None = None,
    ) -> xr.Dataset:
        """Open a file of the schema; see `read_netcdf`. xarray's decoders have nothing to do in such a file."""
        data = read_netcdf(filename_or_obj)
        return data.drop_vars(drop_variables) if drop_variables else data
