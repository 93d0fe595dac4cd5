"""What a file is, by its first bytes; a suffix can be wrong."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from mpisim.errors import require

__all__ = ["content_of"]

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_OFFSETS = tuple(512 * 2**n for n in range(16))  # after a user block, which is 512 bytes for MATLAB
_START = 128
_LEVEL_4_TYPES = range(6)  # of values, double to uint8


def content_of(path: str | os.PathLike[str]) -> str:
    """Return `hdf5`, `matlab5`, `matlab4`, `netcdf3`, `npy`, `zip`, `safetensors` or, for anything else, `unknown`.

    Raises `InputError` if there is no such file.
    """
    file = Path(path)
    require(file.is_file(), "file", "an existing file", str(path))
    size = file.stat().st_size
    with file.open("rb") as opened:
        start = opened.read(_START)
        if start.startswith(_HDF5):
            return "hdf5"
        for offset in _HDF5_OFFSETS:
            if offset >= size:
                break
            opened.seek(offset)
            if opened.read(len(_HDF5)) == _HDF5:
                return "hdf5"
    return _by_start(start, size)


def _by_start(start: bytes, size: int) -> str:
    if start[126:128] in (b"IM", b"MI") and start[124:126] in (b"\x00\x01", b"\x01\x00"):
        return "matlab5"
    if start[:3] == b"CDF" and start[3:4] in (b"\x01", b"\x02", b"\x05"):
        return "netcdf3"
    if start.startswith(b"\x93NUMPY"):
        return "npy"
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if len(start) > 8 and start[8:9] == b"{" and struct.unpack("<Q", start[:8])[0] <= size - 8:
        return "safetensors"
    return "matlab4" if _is_level_4(start, size) else "unknown"


def _is_level_4(start: bytes, size: int) -> bool:
    """Whether the first bytes are a header of level 4: type, rows, columns, whether complex, length of the name."""
    if len(start) < 21:
        return False
    for order in "<>":
        kind, rows, columns, imaginary, length = struct.unpack(f"{order}5i", start[:20])
        types = kind // 1000 == (order == ">") and kind % 1000 < 100 and kind // 10 % 10 in _LEVEL_4_TYPES
        sizes = rows >= 0 and columns >= 0 and 2 <= length <= size - 20
        if types and kind % 10 in (0, 1, 2) and imaginary in (0, 1) and sizes:
            return True
    return False
