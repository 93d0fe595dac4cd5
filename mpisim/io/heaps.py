"""Global heaps of HDF5 files, which hold texts of variable length, before the HDF5 library walks through them.

A heap starts with `GCOL`, its version 1, three bytes and its size (8 bytes). Objects follow: index and count (2 bytes
each), 4 bytes, the size, and the data, padded to 8 bytes. The object 0 is the free space, whose size counts its header.
The library (HDF5 2.0) walks for ever where an object has no length, or one that overflows (HDF5 File Format
Specification, III.E).
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

from mpisim.errors import InputError

__all__ = ["require_heaps"]

_START = b"GCOL\x01"
_HEADER = 16
_SCANNED = 2**26  # bytes at the start and at the end of a larger file that are looked through


def require_heaps(path: str | os.PathLike[str]) -> None:
    """Raise `InputError` where a heap has an object through which the library does not get, or heaps overlap.

    Of a file of more than 128 MB, its first and last 64 MB are looked through. The time is linear in the size of the
    file: heaps that lie apart have at most one object for every 16 bytes.
    """
    size = Path(path).stat().st_size
    if size == 0:
        return
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        left = size // _HEADER  # objects that heaps can have together
        parts = [(0, size)] if size <= 2 * _SCANNED else [(0, _SCANNED), (size - _SCANNED, size)]
        for start, end in parts:
            place = content.find(_START, start, end)
            while place >= 0:
                objects = _objects(content, place)
                left -= objects or 0
                if objects is None or left < 0:
                    fault = "holds an object without length" if objects is None else "overlaps others"
                    reason = f"one whose heap of texts at byte {place:,} {fault}"
                    raise InputError(f"Input {path} must be a readable HDF5 file; instead received {reason}.")
                place = content.find(_START, place + 1, end)


def _objects(content: mmap.mmap, start: int) -> int | None:
    """Return the number of objects of a heap; None where a walk through them stands still."""
    if start + _HEADER > len(content):
        return 0
    (size,) = struct.unpack_from("<Q", content, start + 8)
    place, end, count = start + _HEADER, min(start + size, len(content)), 0
    while place + _HEADER <= end:
        index, _, _, length = struct.unpack_from("<HHIQ", content, place)
        step = length if index == 0 else _HEADER + (length + 7) // 8 * 8
        if step == 0 or step >= 2**64:
            return None
        place, count = place + step, count + 1
    return count
