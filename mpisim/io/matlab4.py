"""MATLAB files of version 4: for every array a header of five whole numbers, its name and its values.

The header gives the type (thousands: byte order; tens: kind of number; ones: full, text or sparse), rows, columns,
whether there is an imaginary part, and the length of the name (MathWorks, MAT-File Format, "Level 4").
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mpisim.io.stored import Contents, StoredArray, readable

__all__ = ["matlab4_contents"]

KIND = "MATLAB file (version 4)"
_NUMBERS = (("double", "f8"), ("single", "f4"), ("int32", "i4"), ("int16", "i2"), ("uint16", "u2"), ("uint8", "u1"))
_LABELS = {1: "text", 2: "sparse double"}


@dataclass(frozen=True)
class _Entry:
    """An array: its name, sizes, type, kind (full, text, sparse), and where its values lie."""

    name: str
    shape: tuple[int, int]
    word: str
    code: np.dtype
    kind: int
    is_complex: bool
    start: int

    @property
    def end(self) -> int:
        """Where its values end in the file."""
        return self.start + self.shape[0] * self.shape[1] * self.code.itemsize * (1 + self.is_complex)


def matlab4_contents(path: str | os.PathLike[str]) -> Contents:
    """Return the arrays of a file.

    Raises `InputError` if the file is damaged.
    """
    with readable(str(path), KIND):
        return Contents(KIND, tuple(_described(entry, path) for entry in _entries(path)))


def _entries(path: str | os.PathLike[str]) -> Iterator[_Entry]:
    start, size = 0, Path(path).stat().st_size
    with Path(path).open("rb") as file:
        while start + 20 <= size:
            file.seek(start)
            header = file.read(20)
            order = "<" if struct.unpack("<i", header[:4])[0] in range(1000) else ">"
            kind, rows, columns, imaginary, length = struct.unpack(f"{order}5i", header)
            form = kind // 10 % 10
            good = min(rows, columns) >= 0 and imaginary in (0, 1) and form < len(_NUMBERS)
            if not good or not 0 < length <= size - start - 20:
                raise ValueError("a header that is damaged")
            name = file.read(length).rstrip(b"\0").decode("latin-1")
            word, code = _NUMBERS[form]
            dtype = np.dtype(order + code)
            entry = _Entry(name, (rows, columns), word, dtype, kind % 10, bool(imaginary), start + 20 + length)
            if entry.end > size:
                raise ValueError(f"{name}, which is longer than the file")
            yield entry
            start = entry.end


def _described(entry: _Entry, path: str | os.PathLike[str]) -> StoredArray:
    if entry.kind:
        return StoredArray(entry.name, entry.shape, _LABELS.get(entry.kind, "unknown"), first_fastest=True)
    dtype = np.result_type(entry.code.newbyteorder("="), np.complex64) if entry.is_complex else entry.code
    label = f"complex {entry.word}" if entry.is_complex else entry.word
    return StoredArray(entry.name, entry.shape, label, dtype, partial(_load, entry, path), True)


def _load(entry: _Entry, path: str | os.PathLike[str]) -> np.ndarray:
    with Path(path).open("rb") as file:
        file.seek(entry.start)
        values = np.frombuffer(file.read(entry.end - entry.start), entry.code)
    parts = values.reshape(1 + entry.is_complex, *entry.shape[::-1])
    full = parts[0] + 1j * parts[1] if entry.is_complex else parts[0]
    return full.T
