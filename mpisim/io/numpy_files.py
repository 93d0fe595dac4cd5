"""NumPy's files: an array (`.npy`), or several in a zip archive (`.npz`). Pickled objects are never read."""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from mpisim.io.stored import Contents, StoredArray, number_type, overclaim, plain_numbers, readable

__all__ = ["npy_contents", "npz_contents"]

_KIND, _ZIPPED = "NumPy file", "archive of NumPy files"


def npy_contents(path: str | os.PathLike[str]) -> Contents:
    """Return the one array of a `.npy` file, called by the file's name without suffix.

    Raises `InputError` if the file is damaged.
    """
    with readable(str(path), _KIND), Path(path).open("rb") as file:
        shape, dtype = _header(file)
        stored = Path(path).stat().st_size - file.tell()
        array = _array(Path(path).stem, shape, dtype, stored, False, partial(_load, path))
    return Contents(_KIND, (array,))


def npz_contents(path: str | os.PathLike[str]) -> Contents:
    """Return the arrays of a `.npz` file.

    Raises `InputError` if the file is damaged or an archive of other files.
    """
    arrays = []
    with readable(str(path), _ZIPPED), zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                continue
            name = info.filename.removesuffix(".npy")
            with archive.open(info) as file:
                shape, dtype = _header(file)
                taken = file.tell()
            packed = info.compress_type != zipfile.ZIP_STORED
            stored = info.compress_size if packed else min(info.file_size, Path(path).stat().st_size) - taken
            arrays.append(_array(name, shape, dtype, stored, packed, partial(_load_member, path, info.filename)))
    return Contents(_ZIPPED, tuple(arrays))


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"version {version} of the format")
    try:
        shape, _, dtype = readers[version](file)
    except (TypeError, IndexError, SyntaxError, tokenize.TokenError) as error:  # of a literal that is damaged
        raise ValueError(f"a header that is damaged ({error})") from error
    if any(n < 0 for n in shape):
        raise ValueError(f"the shape {shape}")
    return shape, dtype


def _array(
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    stored: int,
    packed: bool,
    load: Callable[[], np.ndarray],
) -> StoredArray:
    problem = "" if dtype.hasobject else overclaim(math.prod(shape) * dtype.itemsize, stored, packed)
    number = number_type(dtype)
    if number is None:
        label = "pickled objects" if dtype.hasobject else "text" if dtype.kind in "SU" else f"records ({dtype})"
        return StoredArray(name, shape, label, problem=problem)
    label = "logical" if dtype.kind == "b" else str(number)
    return StoredArray(name, shape, label, number, load, problem=problem)


def _load(path: str | os.PathLike[str]) -> np.ndarray:
    with Path(path).open("rb") as file:
        return _values(file)


def _load_member(path: str | os.PathLike[str], member: str) -> np.ndarray:
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        values = _values(file)
        if file.read(1):  # to the end, where the checksum is compared
            raise ValueError("more bytes than the array takes")
        return values


def _values(file: IO[bytes]) -> np.ndarray:
    return plain_numbers(np.lib.format.read_array(file, allow_pickle=False))
