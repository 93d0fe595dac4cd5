"""Arrays in classic NetCDF files (versions 1, 2 and 5), which are not compressed.

The header is lists of dimensions, attributes and variables, each with its number of entries (Unidata, NetCDF Classic
Format Specification). It is walked through before the NetCDF library opens the file, which reads for hours where a
damaged header claims an attribute of 2^31 values, and writes beyond its buffers where a name is too long.
"""

from __future__ import annotations

import math
import os
from functools import partial
from pathlib import Path

import netCDF4
import numpy as np

from mpisim.io.byte_source import Plain
from mpisim.io.netcdf_names import require_short
from mpisim.io.stored import Contents, StoredArray, overclaim, readable

__all__ = ["netcdf3_contents"]

KIND = "NetCDF file"


def netcdf3_contents(path: str | os.PathLike[str]) -> Contents:
    """Return the arrays of a file.

    Raises `InputError` if the file is damaged, or claims more than it stores.
    """
    size = Path(path).stat().st_size
    with readable(str(path), KIND):
        _walk_header(path)
    with readable(str(path), KIND, AttributeError), netCDF4.Dataset(path) as file:  # of damaged attributes
        variables = dict(file.variables)
        claimed = sum(math.prod(v.shape) * np.dtype(v.dtype).itemsize for v in variables.values())
        problem = overclaim(claimed, size, packed=False)
        arrays = tuple(_described(path, name, v, problem) for name, v in variables.items())
        attributes = {name: _plain(file.getncattr(name)) for name in file.ncattrs()}
    return Contents(KIND, arrays, attributes)


_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
"""Bytes of a value by the number of its type."""


def _walk_header(path: str | os.PathLike[str]) -> None:
    """Raise `ValueError` where an entry of the header is longer than the file."""
    with Path(path).open("rb") as file:
        version = file.read(4)[3]
        source = Plain(file, Path(path).stat().st_size - 4)
        wide = 8 if version == 5 else 4  # bytes of a count

        def count(width: int = wide) -> int:
            return int.from_bytes(source.read(width), "big")

        def padded(length: int) -> None:
            source.skip(length + -length % 4)

        def name(of: str) -> None:
            length = count()
            require_short(length, of)
            padded(length)

        def entries() -> range:
            source.skip(4)  # what the list is of
            return range(count())

        def attributes() -> None:
            for _ in entries():
                name("an attribute")
                kind = count(4)
                if kind not in _WIDTHS:
                    raise ValueError(f"an attribute of the unknown type {kind}")
                padded(count() * _WIDTHS[kind])

        source.skip(wide)  # number of records
        for _ in entries():
            name("a dimension")
            source.skip(wide)
        attributes()
        for _ in entries():
            name("a variable")
            source.skip(count() * wide)
            attributes()
            source.skip(4 + wide + (4 if version == 1 else 8))  # type, size, start


def _described(path: str | os.PathLike[str], name: str, variable: netCDF4.Variable, problem: str) -> StoredArray:
    dtype = np.dtype(variable.dtype)
    if dtype.kind not in "fiu":
        return StoredArray(name, variable.shape, "text", problem=problem)
    return StoredArray(name, variable.shape, str(dtype), dtype, partial(_load, path, name), problem=problem)


def _load(path: str | os.PathLike[str], name: str) -> np.ndarray:
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        return np.asarray(file.variables[name][...])


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
