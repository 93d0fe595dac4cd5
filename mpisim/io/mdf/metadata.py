"""The metadata of an MDF file in a dataset: its attribute `mdf`, a mapping from the paths of fields to their values.

All fields travel, custom and unknown ones too, so that a file that is read, worked on and written again still says what
it said. Left out are the data themselves and the fields of `/measurement` that say how they lie, which the writer makes
again. Short numbers and texts are held as they are; other arrays as their bytes, with type and shape. `/_mpisim` holds
what a dataset of this program has and MDF has no field for: attributes, coordinates and further variables.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import xarray as xr

from mpisim.errors import InputError, require, warn
from mpisim.io.mdf.source import MdfFile
from mpisim.io.mdf.specification import FIELDS
from mpisim.io.nesting import parse_json
from mpisim.io.stored import GroupCount, common_type, plain_numbers, readable

__all__ = ["OWN", "decoded", "encoded", "field_paths", "gathered", "own_fields", "own_parts", "texts_of"]

OWN = "/_mpisim"
_MADE_AGAIN = {
    *(f"/measurement/{n}" for n in ("data", "framePermutation", "frequencySelection", "isBackgroundFrame")),
    *(f"/measurement/{n}" for n in ("isBackgroundCorrected", "isFastFrameAxis", "isFourierTransformed")),
    *(f"/measurement/{n}" for n in ("isFramePermutation", "isFramePermution", "isFrequencySelection")),
    *(f"/measurement/{n}" for n in ("isSparsityTransformed", "sparsityTransformation", "subsamplingIndices")),
    *("/measurement/isTransferFunctionCorrected", "/measurement/isTransposed", "/calibration/snr"),
    *("/reconstruction/data", "/calibration/positions", "/reconstruction/positions", "/version"),
}
_SHORT = 64  # values that are held one by one
_LARGEST = 8 * 2**20  # bytes of one field
_MOST, _DEEPEST = 2000, 16  # fields, and levels of groups
_MOST_DAMAGED = 3  # fields that cannot be read, before the file is given up


def gathered(source: MdfFile) -> dict[str, Any]:
    """Return the metadata of a file; a `DataWarning` names fields that are too large or of another type."""
    found: dict[str, Any] = {}
    left: list[str] = []
    damaged = 0
    for path in field_paths(source):
        if path in _MADE_AGAIN or path.startswith(OWN + "/"):
            continue
        if len(found) >= _MOST:
            left.append(path)
            continue
        try:
            value = _value(source, path)
        except InputError:
            damaged += 1
            if damaged > _MOST_DAMAGED:  # each may take seconds
                raise
            value = None
        if value is None:
            left.append(path)
        else:
            found[path] = value
    if left:
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        warn(f"{source.path} has fields that are not taken along: {', '.join(left[:3])}{more}.")
    return found


def field_paths(source: MdfFile) -> Iterator[str]:
    """Yield the paths of all fields of a file, those that links lead to left out."""
    return _paths(source.file, "", frozenset(), GroupCount())


def _paths(group: h5py.Group, prefix: str, above: frozenset[int], groups: GroupCount) -> Iterator[str]:
    """Yield the paths of all data sets that hard links reach; groups that contain themselves are left out."""
    here = int(h5py.h5o.get_info(group.id).addr)
    if here in above or len(above) > _DEEPEST:
        return
    groups.enter()
    for key in group:
        if isinstance(group.get(key, getlink=True), h5py.HardLink):
            item = group[key]
            if isinstance(item, h5py.Dataset):
                yield f"{prefix}/{key}"
            elif isinstance(item, h5py.Group):
                yield from _paths(item, f"{prefix}/{key}", above | {here}, groups)


def _value(source: MdfFile, path: str) -> Any:
    """Return a field for the attribute, or None for one that is not taken."""
    item = source.item(path)
    if not isinstance(item, h5py.Dataset) or item.shape is None or item.size == 0:
        return None
    if item.dtype.kind in "SU" or h5py.check_string_dtype(item.dtype) is not None:
        texts = source.texts(path) or []
        return texts[0] if item.shape == () else np.array(texts, dtype=object).reshape(item.shape).tolist()
    if item.size * item.dtype.itemsize > _LARGEST:
        return None
    values = source.numbers(path)
    if path in FIELDS and values is not None and values.dtype.kind in "iuf" and values.size <= _SHORT:
        values = values.astype(np.float64 if values.dtype.kind == "f" else np.int64)  # the specification has the type
    return None if values is None else encoded(values)


def encoded(values: np.ndarray) -> Any:
    """Return numbers as JSON can hold them, without loss."""
    plain = values.dtype.newbyteorder("=")
    if plain in (np.dtype(np.float64), np.dtype(np.int64)) and values.size <= _SHORT and np.isfinite(values).all():
        return values.tolist()
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    text = base64.b64encode(little.tobytes()).decode("ascii")
    return {"dtype": little.dtype.str, "shape": list(values.shape), "base64": text}


def decoded(value: Any, path: str) -> Any:
    """Return a value of the attribute as an array of numbers, or as it is where it holds texts.

    Raises `InputError` if it is none that `encoded` gives.
    """
    if isinstance(value, dict):
        must = "a mapping of dtype, shape and base64"
        try:
            kind = np.dtype(str(value["dtype"]))
            data = base64.b64decode(str(value["base64"]), validate=True)
            if kind.kind not in "fciu":
                raise ValueError(f"the type {kind}")
            return np.frombuffer(data, kind).reshape([int(n) for n in value["shape"]])
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"Input {path} of mdf must be {must}; instead received {error}.") from None
    return value if _has_texts(value) else np.asarray(value)


def texts_of(value: Any) -> list[str]:
    """Return all texts of a value in their order."""
    if isinstance(value, str):
        return [value]
    return [text for part in value for text in texts_of(part)] if isinstance(value, list | tuple) else []


def _has_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list | tuple) and any(map(_has_texts, value)))


def own_parts(source: MdfFile, data: xr.Dataset, part: slice | None = None) -> xr.Dataset:
    """Return a dataset with the attributes, coordinates and variables that this program wrote beside it.

    `part` is the part of the frequencies that the dataset holds; None stands for all.
    """
    text = source.text(f"{OWN}/_attributes")
    if text is None:
        return data
    must = f"{OWN}/_attributes of {source.path}"
    with readable(must, "JSON text"):
        stated = parse_json(text, must)
    require(isinstance(stated, dict), must, "a JSON object", type(stated).__name__)
    attributes = stated.get("attributes", {})
    data = data.assign_attrs({k: v for k, v in attributes.items() if k not in ("kind", "format_version", "mdf")})
    kept = {*attributes, "kind", "format_version", *(["mdf"] if stated.get("mdf", True) else [])}
    data.attrs = {k: v for k, v in data.attrs.items() if k in kept}
    sizes = dict(data.sizes)
    for role, table in (("_coordinates", stated.get("coordinates", {})), ("_variables", stated.get("variables", {}))):
        for name, about in table.items() if isinstance(table, dict) else ():
            if "/" in str(name):
                continue
            data = _with_part(source, data, sizes, f"{OWN}/{role}/_{name}", about, part)
    return data


def _with_part(
    source: MdfFile, data: xr.Dataset, sizes: dict[Any, int], path: str, about: Any, part: slice | None
) -> xr.Dataset:
    """Return a dataset with one coordinate or variable more, if its sizes are those of the data."""
    about = about if isinstance(about, dict) else {}
    dims, attributes = about.get("dims"), about.get("attrs")
    item = source.dataset(path)
    good = item is not None and isinstance(dims, list) and isinstance(attributes, dict) and item.ndim == len(dims)
    values = _along(source, path, item, dims, part) if good and item is not None and isinstance(dims, list) else None
    if values is not None and values.dtype.kind == "c" and "/_coordinates/" in path:
        values = None  # a coordinate is real
    if values is None or any(sizes.get(d, n) != n for d, n in zip(dims or (), values.shape, strict=True)):
        warn(f"{source.name(path)} does not fit the data, which another program may have changed; it is left aside.")
        return data
    assert isinstance(dims, list) and isinstance(attributes, dict)
    if "bool" in str(attributes.get("dtype")):
        values = values.astype(bool)
    sizes |= dict(zip(dims, values.shape, strict=True))
    stated = {k: v for k, v in attributes.items() if k != "dtype"}
    variable = (dims, values.astype(common_type(values.dtype), copy=False), stated)
    name = path.rpartition("/_")[2]
    return data.assign_coords({name: variable}) if "/_coordinates/" in path else data.assign({name: variable})


def _along(source: MdfFile, path: str, item: h5py.Dataset, dims: list[Any], part: slice | None) -> np.ndarray | None:
    """Return an array, or where it lies along the frequencies the part of them that is read."""
    if part is None or "frequency" not in dims:
        return source.numbers(path)
    where = tuple(part if d == "frequency" else slice(None) for d in dims)
    with readable(source.name(path), "array of numbers", TypeError):
        return plain_numbers(np.asarray(item[where]))


def own_fields(data: xr.Dataset) -> dict[str, Any]:
    """Return what `own_parts` reads again: values by path below `OWN`; numbers are arrays, the text is JSON."""
    kind = data.attrs["kind"]
    tables: dict[str, dict[str, Any]] = {"coordinates": {}, "variables": {}}
    fields: dict[str, Any] = {}
    for role, names in (("coordinates", data.coords), ("variables", [n for n in data.data_vars if n != kind])):
        for name in names:
            variable = data[name]
            if variable.dtype.kind not in "fciub" or not math.prod(variable.shape):
                continue  # words, which no part of the schema needs
            attrs = {**{str(k): v for k, v in variable.attrs.items()}, "dtype": str(variable.dtype)}
            tables[role][str(name)] = {"dims": [str(d) for d in variable.dims], "attrs": attrs}
            stored = variable.values.astype(np.int8) if variable.dtype.kind == "b" else variable.values
            fields[f"{OWN}/_{role}/_{name}"] = stored
    attributes = {k: v for k, v in data.attrs.items() if k not in ("kind", "format_version", "mdf")}
    fields[f"{OWN}/_attributes"] = json.dumps({"attributes": attributes, "mdf": "mdf" in data.attrs, **tables})
    return fields
