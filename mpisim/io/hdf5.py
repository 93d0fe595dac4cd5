"""Arrays in HDF5 files: MATLAB's version 7.3, and those of any other program.

MATLAB shows the axes of HDF5 in reverse, and says by attributes what an array is: `MATLAB_class`, `MATLAB_empty` (the
data are the sizes), `MATLAB_sparse` (a group of `data`, `ir`, `jc`: compressed columns, the number is that of rows).
A structure is a group of its fields. External links, external and virtual data lie in other files and are not followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mpisim.errors import InputError
from mpisim.io.heaps import require_heaps
from mpisim.io.sparse import dense
from mpisim.io.stored import Contents, GroupCount, StoredArray, number_type, overclaim, plain_numbers, readable

__all__ = ["hdf5_contents", "hdf5_kind", "is_matlab", "problem_of"]

_DEEPEST, _MOST = 32, 10_000  # levels of groups and objects that are listed
_PACKING = {None, "gzip", "lzf", "szip"}  # none of them packs more than deflate
_RESERVED = ("#refs#", "#subsystem#")


def hdf5_contents(path: str | os.PathLike[str], kind: str | None = None) -> Contents:
    """Return the arrays of an HDF5 file of any program, which messages call `kind`.

    Raises `InputError` if the file is damaged.
    """
    matlab = kind is None and is_matlab(path)
    kind = kind or ("MATLAB file (version 7.3)" if matlab else "HDF5 file")
    require_heaps(path)
    with readable(str(path), kind, TypeError), h5py.File(path, "r") as file:  # of types that NumPy does not have
        arrays = []
        for array in _arrays(file, str(path), "", matlab, (), GroupCount()):
            arrays.append(array)
            if len(arrays) >= _MOST:
                break
        attributes = {} if matlab else {str(k): _plain(v) for k, v in file.attrs.items()}
    return Contents(kind, tuple(arrays), attributes)


def is_matlab(path: str | os.PathLike[str]) -> bool:
    """Whether an HDF5 file shows its axes in MATLAB's order: by its first bytes, or else by its suffix."""
    with Path(path).open("rb") as file:
        return file.read(6) == b"MATLAB" or Path(path).suffix.lower() == ".mat"


def hdf5_kind(path: str | os.PathLike[str]) -> str:
    """Return who wrote an HDF5 file: `mpisim` (NetCDF of the schema), `netcdf`, `other`, or `damaged`."""
    try:
        with readable(str(path), "HDF5 file"), h5py.File(path, "r") as file:
            names = set(file.attrs)
    except InputError:
        return "damaged"
    if {"kind", "format_version"} <= names:
        return "mpisim"
    return "netcdf" if "_NCProperties" in names else "other"


def _plain(value: Any) -> Any:
    value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufSU" and value.size <= 100:
        words = np.asarray(value)
        return (np.char.decode(words, "utf-8", "replace") if words.dtype.kind == "S" else words).tolist()
    return value if isinstance(value, str) else f"({type(value).__name__})"


def _arrays(
    group: h5py.Group, path: str, prefix: str, matlab: bool, above: tuple[Any, ...], groups: GroupCount
) -> Iterator[StoredArray]:
    """Yield what a group holds; groups that contain themselves are left out."""
    here = h5py.h5o.get_info(group.id).addr
    if here in above or len(above) > _DEEPEST:
        return
    groups.enter()
    for key in group:
        if matlab and key in _RESERVED:
            continue
        name = f"{prefix}{key}"
        link = group.get(key, getlink=True)
        if not isinstance(link, h5py.HardLink):
            inside = isinstance(link, h5py.SoftLink)
            where = f"a link to {link.path}" if inside else "a link to another file"
            yield StoredArray(name, (), "link", problem=where)
            continue
        item = group[key]
        if isinstance(item, h5py.Dataset) and _is_placeholder(item):
            continue
        if isinstance(item, h5py.Dataset):
            yield _of_dataset(item, path, name, matlab)
        elif isinstance(item, h5py.Group) and "MATLAB_sparse" in item.attrs:
            yield _of_sparse(item, path, name)
        elif isinstance(item, h5py.Group):
            yield from _arrays(item, path, f"{name}{'.' if matlab else '/'}", matlab, (*above, here), groups)


def _is_placeholder(item: h5py.Dataset) -> bool:
    """Whether a data set stands for a dimension of NetCDF that has no coordinate; it holds nothing."""
    named = _text(item.attrs.get("NAME")).startswith("This is a netCDF dimension but not a netCDF variable")
    return named and h5py.h5ds.is_scale(item.id) and not (item.is_virtual or item.external)


def _of_dataset(item: h5py.Dataset, path: str, name: str, matlab: bool) -> StoredArray:
    label, dtype = _type(item)
    if dtype is not None and not _sound(item):
        return StoredArray(name, (), label, dtype, problem="one whose type of numbers is damaged or unknown")
    if "MATLAB_empty" in item.attrs or item.shape is None:
        sizes = tuple(int(n) for n in np.ravel(item[()])[:32]) if item.shape is not None and item.size <= 32 else (0,)
        return StoredArray(name, sizes, f"empty {label}", dtype, problem=f"an empty one of the shape {sizes}")
    shape = item.shape[::-1] if matlab else item.shape
    if dtype is None:  # words and references: how they are stored is not asked, which damage can make endless
        return StoredArray(name, shape, label, first_fastest=matlab)
    problem = _storage_problem(item)
    return StoredArray(name, shape, label, dtype, partial(_load, path, item.name, matlab), matlab, problem)


_SMALL = 2**20  # bytes; a small array may be one of fill values that are not stored


def _storage_problem(item: h5py.Dataset) -> str:
    """Return in words what is wrong with how an array of numbers is stored; empty if nothing is."""
    if item.is_virtual or item.external:
        return "one whose data lie in other files"
    claimed = item.size * item.dtype.itemsize
    if claimed > _SMALL and item.compression in _PACKING and item.scaleoffset is None:
        return overclaim(claimed, item.id.get_storage_size(), item.compression is not None)
    return ""


def problem_of(item: h5py.Dataset) -> str:
    """Return in words, which follow "instead received", why an array must not be read; empty if it may be."""
    dtype = _type(item)[1]
    if dtype is None:
        return "one whose data lie in other files" if item.is_virtual or item.external else ""
    return "one whose type of numbers is damaged or unknown" if not _sound(item) else _storage_problem(item)


def _type(item: h5py.Dataset) -> tuple[str, np.dtype[Any] | None]:
    """Return the class of a data set in words, and the type of its numbers; None where it has none."""
    dtype = item.dtype
    named = _text(item.attrs.get("MATLAB_class"))
    if named in ("char", "cell", "struct", "function_handle", "table", "string", "categorical"):
        return {"char": "text", "struct": "array of structures"}.get(named, named), None
    if named == "logical" or h5py.check_enum_dtype(dtype) == {"FALSE": 0, "TRUE": 1} or dtype.kind == "b":
        return "logical", np.dtype(np.uint8)
    number = number_type(dtype)
    if number is not None:
        word = f"complex {named}" if named and number.kind == "c" else named
        return word or str(number), number
    text = dtype.kind in "SU" or h5py.check_string_dtype(dtype) is not None
    return "text" if text else "references" if h5py.check_ref_dtype(dtype) else f"records ({dtype})", None


def _sound(item: h5py.Dataset) -> bool:
    """Whether the type in the file is the one that its numbers are read into, whose parts do not overlap.

    The HDF5 library ends the interpreter where it converts between damaged types.
    """
    dtype = item.dtype
    if dtype.kind == "u" and item.id.get_type().get_class() == h5py.h5t.BITFIELD:  # Julia's truth values
        return True
    if dtype.names:
        parts = sorted((dtype.fields[n][1], dtype.fields[n][0].itemsize) for n in dtype.names)
        ends = [start + size for start, size in parts]
        if any(end > start for end, (start, _) in zip(ends, [*parts[1:], (dtype.itemsize, 0)], strict=True)):
            return False
    return bool(item.id.get_type() == h5py.h5t.py_create(dtype, logical=True))


def _text(value: Any) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value) if value is not None else ""


def _load(path: str, place: str, matlab: bool) -> np.ndarray:
    with h5py.File(path, "r") as file:
        item = file[place]
        values = plain_numbers(np.asarray(item[()]))
    return values.T if matlab else values


def _of_sparse(group: h5py.Group, path: str, name: str) -> StoredArray:
    """Describe a sparse array; a column has an entry in `jc`, and the values are those of `data`."""
    parts = _sparse_parts(group)
    sizes = np.ravel(group.attrs["MATLAB_sparse"])
    if "jc" not in parts or sizes.size != 1:
        raise ValueError(f"a sparse array {name} without its columns or number of rows")
    rows, columns = int(sizes[0]), int(parts["jc"].size) - 1
    label, dtype = _type(parts["data"]) if "data" in parts else ("double", np.dtype(float))
    claims = [_of_dataset(part, path, key, matlab=False).problem for key, part in parts.items()]
    problem = next(filter(None, claims), "")
    if "logical" in _text(group.attrs.get("MATLAB_class")):
        label, dtype = "logical", np.dtype(np.uint8)
    load = partial(_load_sparse, path, group.name, (rows, columns))
    return StoredArray(name, (rows, columns), f"sparse {label}", dtype, load, True, problem)


def _sparse_parts(group: h5py.Group) -> dict[str, h5py.Dataset]:
    """Return what a sparse array has of its parts; raise `ValueError` for one that is a link or a group."""
    parts = {}
    for key in ("data", "ir", "jc"):
        link = group.get(key, getlink=True)
        if link is not None:
            part = group[key] if isinstance(link, h5py.HardLink) else None
            if not isinstance(part, h5py.Dataset):
                raise ValueError(f"{group.name}/{key}, which is a link or a group")
            parts[key] = part
    return parts


def _load_sparse(path: str, place: str, shape: tuple[int, int]) -> np.ndarray:
    with h5py.File(path, "r") as file:
        group = file[place]
        parts = {key: np.asarray(part[()]) for key, part in _sparse_parts(group).items()}
    return dense(parts.get("data", np.zeros(0)), parts.get("ir", np.zeros(0, int)), parts["jc"], shape)
