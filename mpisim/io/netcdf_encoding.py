"""A dataset of the schema as it lies in a NetCDF-4 file, and back.

Complex variables are real ones with a trailing `reim` axis there. Floating-point numbers of half, extended and
quadruple precision, which NetCDF does not have, are single or double ones. Attributes that NetCDF cannot hold are JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.attributes import plain_attributes
from mpisim.data.schema import STD
from mpisim.errors import require
from mpisim.io.nesting import parse_json
from mpisim.io.netcdf_names import expect_name
from mpisim.io.stored import common_type

__all__ = ["REIM", "decode", "encode", "storage"]

REIM = "reim"
_ROWS_PER_CHUNK = 64


def encode(data: xr.Dataset) -> xr.Dataset:
    """Return the dataset as it lies on disk: real variables, attributes that NetCDF can hold.

    Raises `InputError` for a name, a type or an attribute that NetCDF does not hold.
    """
    for label in {*map(str, data.variables), *map(str, data.sizes)}:
        expect_name(label, "a variable")
        require(label != REIM, "name of a variable", f"another than {REIM}, the axis of complex numbers", label)
    variables: dict[str, Any] = {}
    for name, variable in data.data_vars.items():
        values = _held_values(variable, "variable", "numbers, words or dates")
        dims = variable.dims
        if np.iscomplexobj(values):
            part = np.float32 if values.dtype == np.complex64 else np.float64
            values = np.ascontiguousarray(values).view(part).reshape(*values.shape, 2)
            dims = (*dims, REIM)
        variables[str(name)] = (dims, values, _held(variable.attrs, str(name)))
    must = "real numbers, words or dates"
    coords: dict[Any, Any] = {
        k: (c.dims, _held_values(c, "coordinate", must), _held(c.attrs, str(k))) for k, c in data.coords.items()
    }
    if any(REIM in v[0] for v in variables.values()):
        coords[REIM] = np.array(["real", "imag"], dtype=object)
    return xr.Dataset(variables, coords=coords, attrs=_held(data.attrs))


def _held_values(variable: xr.DataArray, role: str, must: str) -> Any:
    """Return values of a type that NetCDF has; raise `InputError` for others."""
    values: Any = variable.values
    what, kind = f"{role} {variable.name}", values.dtype.kind
    if kind == "O":
        require(all(isinstance(v, str) for v in values.flat), what, must, "other objects of Python")
        return values
    good = kind in "biufSUMm" or (kind == "c" and role == "variable")
    require(good, what, must, values.dtype)
    return values.astype(common_type(values.dtype), copy=False) if kind in "fc" else values


def _held(attributes: Mapping[Any, Any], owner: str = "") -> dict[str, Any]:
    """Return attributes as NetCDF can hold them, others as JSON; raise `InputError` that names one of another type."""
    plain = plain_attributes(attributes, owner)
    of = owner or "the dataset"
    for name in plain:
        expect_name(name, f"an attribute of {of}")
        own = name in _OWN or (bool(owner) and name in _OWN_OF_VARIABLES)
        require(not own, f"name of an attribute of {of}", "one to which NetCDF gives no meaning of its own", name)
    return {k: v if _is_plain(v) else "json:" + json.dumps(v) for k, v in plain.items()}


_OWN = {"_NCProperties", "_IsNetcdf4", "_SuperblockVersion", "coordinates"}
_OWN_OF_VARIABLES = {
    *("_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned", "_Encoding"),
    *("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates", "_nc3_strict"),
}
"""Attributes that the NetCDF library or xarray keeps for itself, or changes values by."""


def _is_plain(value: object) -> bool:
    """Whether NetCDF stores and returns the attribute unchanged."""
    if isinstance(value, str):
        whole = "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
        return whole and not value.startswith("json:")
    if isinstance(value, int) and not isinstance(value, bool):
        return -(2**63) <= value < 2**64
    return isinstance(value, float)


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


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def storage(variable: xr.Variable) -> dict[str, Any]:
    """Return how a variable is packed and cut into pieces, as xarray takes it."""
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
