"""The dimensions of a NetCDF-4 file, compared with each other before the NetCDF library follows them.

A dimension is a data set with the attribute CLASS = DIMENSION_SCALE, and may have a number, `_Netcdf4Dimid`. A variable
names its dimensions by references (`DIMENSION_LIST`) or by these numbers (`_Netcdf4Coordinates`). The NetCDF library
ends the interpreter where one of them leads nowhere, where a variable or an attribute is of a type that it does not
expect, or where a name is longer than its buffers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from mpisim.io.netcdf_names import require_short
from mpisim.io.stored import MOST_GROUPS, number_type, readable

__all__ = ["require_dimensions"]

_MOST_AXES = 16
_OF_DIMENSIONS = ("DIMENSION_LIST", "REFERENCE_LIST")
_DEEPEST = 32


def require_dimensions(path: str | os.PathLike[str], kind: str) -> None:
    """Raise `InputError` unless every dimension of a NetCDF-4 file is where its variables look for it."""
    with readable(str(path), kind, TypeError, AttributeError), h5py.File(path, "r") as file:
        items = dict(_data_sets(file, "", set()))
        scales = {name: item for name, item in items.items() if h5py.h5ds.is_scale(item.id)}
        numbers = {int(np.ravel(s.attrs["_Netcdf4Dimid"])[0]) for s in scales.values() if "_Netcdf4Dimid" in s.attrs}
        places = {h5py.h5o.get_info(item.id).addr: item for item in scales.values()}
        _require_types(file, "the file")
        for name, item in items.items():
            _require_types(item, name)
            if item.ndim > _MOST_AXES:
                raise ValueError(f"{name}, which has {item.ndim} axes")
            if "_Netcdf4Coordinates" in item.attrs:
                wanted = np.ravel(item.attrs["_Netcdf4Coordinates"]).tolist()
                if len(wanted) != item.ndim or not set(wanted) <= numbers:
                    raise ValueError(f"{name}, whose dimensions {wanted} are not in the file")
            if "DIMENSION_LIST" in item.attrs:
                _require_scales(file, name, item, places)


def _data_sets(group: h5py.Group, prefix: str, entered: set[Any]) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield the data sets of all groups; raise `ValueError` where two paths lead to one group."""
    here = h5py.h5o.get_info(group.id).addr
    if here in entered or len(entered) >= MOST_GROUPS or prefix.count("/") > _DEEPEST:
        raise ValueError(f"the group {prefix or '/'}, to which several paths lead, or one of too many or too deep")
    entered.add(here)
    for key in group:
        require_short(len(key.encode("utf-8", "surrogateescape")), "a variable or group")
        link = group.get(key, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{prefix}{key}, which is a link")
        item = group[key]
        if isinstance(item, h5py.Dataset):
            yield f"{prefix}{key}", item
        elif isinstance(item, h5py.Group):
            yield from _data_sets(item, f"{prefix}{key}/", entered)
        else:
            raise ValueError(f"{prefix}{key}, which is a type of its own")


def _require_types(item: h5py.Group | h5py.Dataset, name: str) -> None:
    """Raise `ValueError` for values or attributes that are neither words nor numbers of a type that NetCDF has."""
    if isinstance(item, h5py.Dataset) and (item.shape is None or not _is_plain(item.id.get_type(), item.dtype)):
        raise ValueError(f"{name}, which holds neither words nor numbers of NetCDF")
    for key in item.attrs:
        require_short(len(key.encode("utf-8", "surrogateescape")), "an attribute")
        attribute = item.attrs.get_id(key)
        plain = key in _OF_DIMENSIONS or _is_plain(attribute.get_type(), attribute.dtype)
        if not plain:
            raise ValueError(f"the attribute {key} of {name}, which holds neither words nor numbers of NetCDF")


def _is_plain(stored: h5py.h5t.TypeID, dtype: np.dtype[Any]) -> bool:
    if stored.get_class() == h5py.h5t.STRING or h5py.check_string_dtype(dtype) is not None:
        return True
    known = dtype.names is None and number_type(dtype) is not None and (dtype.kind != "f" or dtype.itemsize in (4, 8))
    return known and stored.get_class() in (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM)


def _require_scales(file: h5py.File, name: str, item: h5py.Dataset, places: dict[Any, h5py.Dataset]) -> None:
    """Raise `ValueError` unless each axis of a variable has one scale of the file, which is as long or unlimited."""
    listed = item.attrs["DIMENSION_LIST"]
    if not isinstance(listed, np.ndarray) or listed.dtype.kind != "O" or listed.shape != (item.ndim,):
        raise ValueError(f"{name}, which does not name its {item.ndim} dimensions")
    for axis, references in enumerate(listed):
        found = np.ravel(references)
        if not found.size or not isinstance(found[0], h5py.Reference) or not found[0]:
            raise ValueError(f"{name}, whose axis {axis} has no dimension")
        scale = file[found[0]]
        place = places.get(h5py.h5o.get_info(scale.id).addr)
        if place is None or place.ndim < 1 or (place.maxshape[0] and place.shape[0] < item.shape[axis]):
            raise ValueError(f"{name}, whose axis {axis} is not that of its dimension")
