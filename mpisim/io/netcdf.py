"""NetCDF-4 files that any tool can read: complex variables lie on disk as real ones with a trailing `reim` axis.

(xarray's `auto_complex` writes a compound type that other tools refuse, and reads it back silently as a record.)
Attributes that NetCDF cannot hold are JSON. Files are written whole or not at all.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from xarray.backends import BackendEntrypoint

from mpisim.data.attributes import plain_attributes
from mpisim.data.schema import STD, UNITS, ascending, validate
from mpisim.data.units import coordinates_in
from mpisim.errors import InputError, require
from mpisim.io.atomic import deferring_interrupt, replacing
from mpisim.io.claims import KIND, claimed_bytes
from mpisim.io.content import content_of
from mpisim.io.hdf5 import hdf5_kind
from mpisim.io.nesting import parse_json
from mpisim.io.stored import readable
from mpisim.memory import require_memory

__all__ = [
    "OF_LIBRARIES",
    "REIM",
    "MpisimBackend",
    "decode",
    "holds_netcdf",
    "opened",
    "read_netcdf",
    "read_netcdf_blocks",
    "write_netcdf",
    "write_netcdf_blocks",
]

REIM = "reim"
_ROWS_PER_CHUNK = 64


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
    encoding = {str(name): _encoding(variable) for name, variable in disk.variables.items() if variable.size > 1}
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
        kind = disk.attrs.get("kind")
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


def encode(data: xr.Dataset) -> xr.Dataset:
    """Return the dataset as it lies on disk: real variables, attributes that NetCDF can hold."""
    variables: dict[str, Any] = {}
    for name, variable in data.data_vars.items():
        values: Any = variable.values
        dims = variable.dims
        if np.iscomplexobj(values):
            part = np.float32 if values.dtype == np.complex64 else np.float64
            values = np.ascontiguousarray(values).view(part).reshape(*values.shape, 2)
            dims = (*dims, REIM)
        variables[str(name)] = (dims, values, _held(variable.attrs, str(name)))
    coords: dict[Any, Any] = {k: (c.dims, c.values, _held(c.attrs, str(k))) for k, c in data.coords.items()}
    if any(REIM in v[0] for v in variables.values()):
        coords[REIM] = np.array(["real", "imag"], dtype=object)
    return xr.Dataset(variables, coords=coords, attrs=_held(data.attrs))


def _held(attributes: Mapping[Any, Any], owner: str = "") -> dict[str, Any]:
    """Return attributes as NetCDF can hold them, others as JSON; raise `InputError` that names one of another type."""
    plain = plain_attributes(attributes, owner)
    return {k: v if _is_plain(v) else "json:" + json.dumps(v) for k, v in plain.items()}


def decode(disk: xr.Dataset, name: str = "dataset") -> xr.Dataset:
    """Return the dataset that `encode` received; messages call it `name`."""
    disk = _with_times(disk)
    variables: dict[str, Any] = {}
    for key, variable in disk.data_vars.items():
        values: Any = variable.values
        dims = variable.dims
        if REIM in dims:
            parts = np.ascontiguousarray(variable.transpose(..., REIM).values)
            if parts.dtype not in (np.float32, np.float64) or parts.shape[-1] != 2:
                raise ValueError(f"{key}, which is not made of real and imaginary parts")
            values = parts.view(np.result_type(parts.dtype, np.complex64))[..., 0]
            dims = tuple(d for d in dims if d != REIM)
        variables[str(key)] = (dims, values, _given_back(variable.attrs, name))
    _rename_former(variables)
    coords = {k: c.assign_attrs(_given_back(c.attrs, name)) for k, c in disk.coords.items() if k != REIM}
    return xr.Dataset(variables, coords=coords, attrs=_given_back(disk.attrs, name))


def _rename_former(variables: dict[str, Any]) -> None:
    """Give the deviation that versions up to 0.1 wrote, that of complex values, its name and meaning of today."""
    if "recovery_std" in variables and STD not in variables:
        dims, values, attributes = variables.pop("recovery_std")
        variables[STD] = dims, values * math.sqrt(0.5), attributes


def _given_back(attributes: Mapping[Any, Any], name: str) -> dict[Any, Any]:
    return {
        k: parse_json(v[5:], f"{k} of {name}") if isinstance(v, str) and v.startswith("json:") else _plain(v)
        for k, v in attributes.items()
    }


def _with_times(disk: xr.Dataset) -> xr.Dataset:
    """Return the dataset with dates and times that xarray wrote as numbers; nothing else is decoded."""
    since = {k for k, v in disk.variables.items() if "calendar" in v.attrs and "since" in str(v.attrs.get("units"))}
    spans = {k for k, v in disk.variables.items() if str(v.attrs.get("dtype", "")).startswith("timedelta64")}
    if not since | spans:
        return disk
    decoded = xr.decode_cf(
        disk,
        concat_characters=False,
        mask_and_scale=False,
        decode_times=True,
        decode_coords=False,
        decode_timedelta=True,
    )
    return disk.assign({k: decoded.variables[k] for k in since | spans})


def _is_plain(value: object) -> bool:
    """Whether NetCDF stores and returns the attribute unchanged."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number or (isinstance(value, str) and not value.startswith("json:"))


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _encoding(variable: xr.Variable) -> dict[str, Any]:
    if variable.dtype.kind not in "fiu" or variable.size < 64:
        return {"_FillValue": None} if variable.dtype.kind == "f" else {}
    chunks = list(variable.shape)
    keep = 3 if REIM in variable.dims else 2  # y, x[, reim] stay whole
    budget = _ROWS_PER_CHUNK
    for i in reversed(range(max(0, len(chunks) - keep))):
        chunks[i] = max(1, min(chunks[i], budget))
        budget = max(1, budget // chunks[i])
    fill = {"_FillValue": None} if variable.dtype.kind == "f" else {}
    return {"zlib": True, "complevel": 1, "shuffle": True, "chunksizes": tuple(chunks), **fill}


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
