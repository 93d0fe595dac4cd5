"""Files of field maps: fields and sensitivities that were measured, or computed by another program.

A NetCDF file holds one variable over `x`, `y`, `z` and `component`, in any order, with

- the coordinates x, y, z in m or a multiple of it that the attribute `units` states (a file without z is one plane,
  z = 0), each ascending or descending;
- the components x, y, z of the field along `component`, in this order or named by a coordinate of words;
- the attribute `units`: T, 1/m, T/A (a sensitivity, divided by mu_0), a multiple of T or T/A, or 1 (a relative field);
- the attributes `reference`, `radius` and `turning` of a `FieldMap`, where they differ from its defaults.

A file of NumPy (`.npz`) holds the arrays `x`, `y`, `z` in m, `values` (z, y, x, 3) and `unit`, a word as above.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import netCDF4  # noqa: F401  # loaded before xarray looks for it, as in mpisim.io.netcdf
import numpy as np
import xarray as xr

from mpisim.constants import MU_0
from mpisim.data.schema import ascending
from mpisim.data.units import conversion, coordinates_in
from mpisim.errors import require
from mpisim.io.atomic import deferring_interrupt, expect_file, replacing
from mpisim.io.claims import claimed_bytes
from mpisim.io.content import content_of
from mpisim.io.numpy_files import npz_contents
from mpisim.io.stored import readable
from mpisim.memory import require_memory
from mpisim.scanner.field_map import FieldMap

__all__ = ["read_field_map", "write_field_map"]

_KIND = "field map"
_AXES = ("x", "y", "z")
_UNITS = (("T", "T", 1.0), ("T/A", "1/m", 1 / MU_0), ("1/m", "1/m", 1.0), ("1", "1", 1.0))
_OF_LIBRARIES = (AttributeError, IndexError, TypeError)


def read_field_map(path: str | os.PathLike[str]) -> FieldMap:
    """Read a map of a field or a sensitivity.

    Parameters
    ----------
    path
        A NetCDF file (.nc) or an archive of NumPy (.npz); the module `mpisim.io.field_map` describes both.

    Returns
    -------
    FieldMap
        Fields in T, sensitivities in 1/m, coordinates in m.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another kind, its unit is missing or not one of a field or a sensitivity,
        or its numbers make no map.
    """
    name = str(path)
    require(Path(path).is_file(), "field map", "an existing file", name)
    content = content_of(path)
    good = content in ("hdf5", "netcdf3", "zip")
    require(good, name, "a field map: a NetCDF file or an archive of NumPy (.npz)", "another kind of file")
    return _from_npz(path, name) if content == "zip" else _from_netcdf(path, name)


def write_field_map(field_map: FieldMap, path: str | os.PathLike[str]) -> None:
    """Write a map to a NetCDF file, whole or not at all; `read_field_map` returns an equal one.

    Raises `InputError` unless it is a `FieldMap` and the file can be written.
    """
    require(isinstance(field_map, FieldMap), "field map", "a mpisim.FieldMap", type(field_map).__name__)
    expect_file(path, (".nc",))
    attributes = {"units": field_map.unit, "reference": field_map.reference, "radius": field_map.radius}
    coords: dict[str, object] = {name: ((name,), np.array(getattr(field_map, name)), {"units": "m"}) for name in _AXES}
    coords["component"] = ("component", np.array(_AXES, dtype=object))
    values = (("z", "y", "x", "component"), field_map.array(), {**attributes, "turning": int(field_map.turning)})
    name = "sensitivity" if field_map.unit == "1/m" else "field"
    with replacing(path) as temporary, deferring_interrupt():
        xr.Dataset({name: values}, coords=coords).to_netcdf(temporary, engine="netcdf4", format="NETCDF4")


def _from_netcdf(path: str | os.PathLike[str], name: str) -> FieldMap:
    require_memory(name, 3 * claimed_bytes(path))
    with readable(name, _KIND, *_OF_LIBRARIES), deferring_interrupt():
        with xr.open_dataset(path, engine="netcdf4", decode_times=False, cache=False) as disk:
            data = disk.load()
    variable = _variable(data, name)
    data = ascending(coordinates_in(data, dict.fromkeys(_AXES, "m"), name))
    if "z" not in variable.dims:
        data = data.expand_dims("z") if "z" in data.coords else data.expand_dims(z=[0.0])
    for axis in _AXES:
        require(axis in data.coords, name, f"a field map with the coordinate {axis}", sorted(map(str, data.coords)))
    if "component" in data.coords and data["component"].dtype.kind in "OSU":
        words = [str(word) for word in data["component"].values]
        require(sorted(words) == list(_AXES), f"component of {name}", "x, y and z", ", ".join(words))
        data = data.isel(component=[words.index(axis) for axis in _AXES])
    found = data[variable.name].transpose("z", "y", "x", "component")
    unit, factor = _unit(found.attrs.get("units"), name)
    stated: dict[str, Any] = {key: found.attrs[key] for key in ("reference", "radius") if key in found.attrs}
    stated["turning"] = bool(found.attrs.get("turning", False))
    return _map({axis: data[axis].values for axis in _AXES}, found.values, unit, factor, name, **stated)


def _variable(data: xr.Dataset, name: str) -> xr.DataArray:
    """Return the one variable over x, y and component, and z if it is there."""
    fits = [v for v in data.data_vars.values() if {"x", "y", "component"} <= set(v.dims) <= {*_AXES, "component"}]
    held = ", ".join(f"{key} {tuple(map(str, v.dims))}" for key, v in data.data_vars.items()) or "none"
    must = "a field map with one variable over x, y, z and component"
    require(len(fits) == 1, name, must, f"the variables {held}")
    return fits[0]


def _from_npz(path: str | os.PathLike[str], name: str) -> FieldMap:
    contents = npz_contents(path)
    wanted = (*_AXES, "values", "unit")
    missing = [key for key in wanted if key not in contents.names()]
    require(not missing, name, f"a field map with the arrays {', '.join(wanted)}", f"none called {', '.join(missing)}")
    arrays = {array.name: array for array in contents.arrays}
    axes, values = {axis: arrays[axis].read(name) for axis in _AXES}, arrays["values"].read(name)
    with readable(name, _KIND), np.load(path, allow_pickle=False) as archive:
        stated = archive["unit"]
    word = str(stated[()]) if stated.dtype.kind == "U" and stated.ndim == 0 else None
    unit, factor = _unit(word, name)
    return _map(axes, values, unit, factor, name)


def _unit(stated: object, name: str) -> tuple[str, float]:
    """Return the unit of a `FieldMap` for one of a file, and how many of it that one is."""
    text = "" if stated is None else str(stated).strip()
    for unit, own, scale in _UNITS:
        factor = 1.0 if text == unit else conversion(text, unit) if unit in ("T", "T/A") and text else None
        if factor is not None:
            return own, factor * scale
    require(False, f"unit of {name}", "T, 1/m, T/A or 1, or a multiple of T or T/A", repr(stated))
    raise AssertionError


def _map(
    axes: dict[str, np.ndarray], values: np.ndarray, unit: str, factor: float, name: str, **stated: Any
) -> FieldMap:
    for key, array in (*axes.items(), ("values", values)):
        require(array.dtype.kind in "fiu", f"{key} of {name}", "real numbers", str(array.dtype))
    x, y, z = (tuple(np.ravel(axes[axis]).tolist()) for axis in _AXES)
    return FieldMap(x, y, z, values if factor == 1 else values * factor, unit, **stated)
