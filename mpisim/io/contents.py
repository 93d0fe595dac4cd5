"""What a file of any program holds: one reader for `info`, `convert` and `read`, chosen by the file's content."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from mpisim.data.attributes import plain_attributes
from mpisim.errors import InputError, require
from mpisim.io.content import content_of
from mpisim.io.hdf5 import hdf5_contents, hdf5_kind
from mpisim.io.matlab4 import matlab4_contents
from mpisim.io.matlab5 import matlab5_contents
from mpisim.io.nesting import load_toml
from mpisim.io.netcdf3 import KIND as NETCDF
from mpisim.io.netcdf3 import netcdf3_contents
from mpisim.io.numpy_files import npy_contents, npz_contents
from mpisim.io.stored import Contents, StoredArray
from mpisim.io.tensors import tensor_contents

__all__ = ["ARRAY_FILES", "chosen", "contents_of", "leaf"]

_READERS: dict[str, Callable[[str | os.PathLike[str]], Contents]] = {
    "matlab5": matlab5_contents,
    "matlab4": matlab4_contents,
    "hdf5": lambda path: hdf5_contents(path, NETCDF if hdf5_kind(path) in ("mpisim", "netcdf") else None),
    "netcdf3": netcdf3_contents,
    "npy": npy_contents,
    "zip": npz_contents,
    "safetensors": tensor_contents,
}
ARRAY_FILES = "a MATLAB file, a NumPy file (.npy, .npz) or an HDF5 file"
"""The files of others from which arrays are read, in words."""


def contents_of(path: str | os.PathLike[str]) -> Contents:
    """Return what a file holds, without reading it.

    Raises `InputError` if the file is missing, damaged or of no known format.
    """
    kind = content_of(path)
    if kind == "unknown" and Path(path).suffix.lower() == ".toml":
        return Contents("TOML file", (), plain_attributes(load_toml(path)))
    if kind not in _READERS:
        raise InputError(f"Input {path} must be {ARRAY_FILES}; instead received a file of another format.")
    return _READERS[kind](path)


def chosen(path: str | os.PathLike[str], variable: str | None = None, preferred: Collection[str] = ()) -> StoredArray:
    """Return the array of a name, or without a name the only array of numbers, or the only one of preferred names.

    Raises `InputError` as `contents_of`, or if there is no such array, or several to choose from.
    """
    contents = contents_of(path)
    known = {array.name: array for array in contents.arrays}
    listed = ", ".join(f"{a.name} ({a.label})" for a in contents.arrays) or "none"
    if variable is not None:
        require(variable in known, "variable", f"one of the arrays in {path}: {listed}", repr(variable))
        return known[variable]
    offered = [array for array in contents.arrays if array.offered]
    full = [array for array in offered if not array.problem and array.nbytes > 0] or offered
    require(len(full) > 0, str(path), "a file with an array of numbers", f"one without; it holds {listed}")
    known_names = [array for array in full if leaf(array.name) in preferred]
    full = known_names if len(known_names) == 1 else full
    names = ", ".join(array.name for array in full)
    require(len(full) == 1, "variable", f"named where {path} holds several arrays", f"none of {names}")
    return full[0]


def leaf(name: str) -> str:
    """Return the last part of the name of an array: `S` of `SM.S` or `group/S`."""
    return name.replace("/", ".").rpartition(".")[2]
