"""An MDF file that is read: with the tolerance that real files need, and with suspicion against hostile ones.

Files in use write one value as a scalar or as an array of one, texts as bytes or str of fixed or variable length,
and flags as any integer, an enumeration or a bit field. All of that is read. Links and data that lead out of the file,
and arrays that claim more than is stored for them, are refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from mpisim.errors import InputError, require
from mpisim.io.content import content_of
from mpisim.io.hdf5 import problem_of
from mpisim.io.heaps import require_heaps
from mpisim.io.stored import number_type, plain_numbers, readable
from mpisim.memory import require_memory

__all__ = ["KIND", "MdfFile", "holds_mdf", "opened"]

KIND = "MDF file"
_ROOMS = ("acquisition", "measurement", "calibration", "reconstruction")
_MOST_TEXT = 10_000  # texts in one field
_SMALL = 2**20  # bytes that are always there


class MdfFile:
    """The fields of an open file.

    Parameters
    ----------
    path
        Its path, for messages.
    file
        The open HDF5 file.
    """

    def __init__(self, path: str, file: h5py.File) -> None:
        self.path, self.file = path, file
        self._groups: dict[str, Any] = {"": file}

    def name(self, field: str) -> str:
        """Return how messages call a field."""
        return f"{field} of {self.path}"

    def item(self, field: str) -> h5py.Group | h5py.Dataset | None:
        """Return the group or data set at a path, or None where there is none; links are not followed."""
        path = field.strip("/")
        if path in self._groups:
            return self._groups[path]
        above, _, part = path.rpartition("/")
        group = self.item(above)
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
        if link is None:
            return None
        require(isinstance(link, h5py.HardLink), self.name(field), "stored in this file", "a link")
        assert group is not None
        self._groups[path] = group[part]
        return self._groups[path]

    def dataset(self, field: str) -> h5py.Dataset | None:
        """Return the data set at a path, or None; raise `InputError` if it is a group, or cannot be trusted."""
        found = self.item(field)
        if found is None:
            return None
        require(isinstance(found, h5py.Dataset), self.name(field), "a data set", "a group")
        require(found.shape is not None, self.name(field), "a data set with values", "an empty one")
        problem = problem_of(found)
        require(not problem, self.name(field), "an array that can be read", problem)
        return found

    def __contains__(self, field: str) -> bool:
        return self.item(field) is not None

    def numbers(self, field: str) -> np.ndarray | None:
        """Return a field of numbers as it lies in the file, or None where there is none."""
        found = self.dataset(field)
        if found is None:
            return None
        require(found.size > 0, self.name(field), "a non-empty array", f"the shape {found.shape}")
        require(number_type(found.dtype) is not None, self.name(field), "numbers", f"the type {found.dtype}")
        if found.nbytes > _SMALL:
            require_memory(self.name(field), 3 * found.nbytes)
        with readable(self.name(field), "array of numbers", TypeError):
            return plain_numbers(np.asarray(found[()]))

    def real(self, field: str) -> np.ndarray | None:
        """Return a field of finite real numbers as float64, or None."""
        values = self.numbers(field)
        if values is None:
            return None
        require(values.dtype.kind != "c", self.name(field), "real", str(values.dtype))
        require(bool(np.isfinite(values).all()), self.name(field), "finite everywhere", "NaN or infinity in it")
        return values.astype(np.float64)

    def number(self, field: str) -> float | None:
        """Return the one number of a field, or None."""
        values = self.real(field)
        if values is None:
            return None
        require(values.size == 1, self.name(field), "one number", f"the shape {values.shape}")
        return float(values.ravel()[0])

    def count(self, field: str) -> int | None:
        """Return the one whole number of a field, at least 1, or None."""
        value = self.number(field)
        if value is None:
            return None
        require(1 <= value == int(value) < 2**53, self.name(field), "a whole number of at least 1", value)
        return int(value)

    def flag(self, *fields: str) -> bool | None:
        """Return the truth value of the first of these fields that is there, or None."""
        for field in fields:
            value = self.number(field)
            if value is not None:
                require(value in (0, 1), self.name(field), "0 or 1", value)
                return bool(value)
        return None

    def texts(self, field: str) -> list[str] | None:
        """Return the texts of a field, or None where there is none."""
        found = self.dataset(field)
        if found is None:
            return None
        is_text = found.dtype.kind in "SU" or h5py.check_string_dtype(found.dtype) is not None
        require(is_text, self.name(field), "text", str(found.dtype))
        require(found.size <= _MOST_TEXT, self.name(field), f"at most {_MOST_TEXT:,} texts", found.size)
        if found.nbytes > _SMALL:
            require_memory(self.name(field), found.nbytes)
        with readable(self.name(field), "text", TypeError):
            values = np.ravel(np.asarray(found[()], dtype=object))
        return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]

    def text(self, field: str) -> str | None:
        """Return the first text of a field, or None."""
        found = self.texts(field)
        return found[0] if found else None


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[MdfFile]:
    """Open an MDF file of version 2.

    Raises `InputError` if it is missing, damaged, no MDF file, or of another version.
    """
    name = str(path)
    must = "an MDF file (HDF5 with the field version and the groups of MDF v2)"
    require(content_of(path) == "hdf5" and holds_mdf(path), name, must, "another kind of file")
    require_heaps(path)
    with readable(name, KIND, TypeError, AttributeError), h5py.File(path, "r") as file:
        source = MdfFile(name, file)
        version = source.text("/version")
        require(str(version).startswith("2."), source.name("/version"), "2.0 to 2.1", repr(version))
        yield source


def holds_mdf(path: str | os.PathLike[str]) -> bool:
    """Whether an existing file is HDF5 with the field `version` and one of the groups of MDF."""
    if content_of(path) != "hdf5":
        return False
    try:
        with readable(str(path), KIND, TypeError, AttributeError), h5py.File(path, "r") as file:
            source = MdfFile(str(path), file)
            groups = [isinstance(file.get(g, getlink=True), h5py.HardLink) for g in _ROOMS]
            return isinstance(source.item("/version"), h5py.Dataset) and any(groups)
    except InputError:
        return False
