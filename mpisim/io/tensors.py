"""Weights in safetensors files: what their header says of them; the tensors are never loaded here.

The file starts with the length of a JSON header (8 bytes, little-endian), which gives type, shape and place of every
tensor and, as `__metadata__`, words by name.
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import Any

from mpisim.io.nesting import parse_json
from mpisim.io.stored import Contents, StoredArray, readable

__all__ = ["tensor_contents"]

KIND = "safetensors file"
_BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U8": 8, "BOOL": 8}
_LONGEST = 100_000_000  # bytes of a header, as the safetensors library has it


def tensor_contents(path: str | os.PathLike[str]) -> Contents:
    """Return the tensors that a file of weights names, and its metadata.

    Raises `InputError` if the header is damaged or claims more than the file holds.
    """
    size = Path(path).stat().st_size
    with readable(str(path), KIND), Path(path).open("rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        if length > min(size - 8, _LONGEST):
            raise ValueError("a header that is longer than the file")
        header = parse_json(file.read(length), f"header of {path}")
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict):
            raise ValueError("metadata that are no words by name")
        arrays = tuple(_tensor(name, entry, size - 8 - length) for name, entry in header.items())
    return Contents(KIND, arrays, {k: _value(v, f"{k} of {path}") for k, v in metadata.items()})


def _tensor(name: str, entry: Any, room: int) -> StoredArray:
    entry = entry if isinstance(entry, dict) else {}
    shape, place = (_whole_numbers(entry.get(key)) for key in ("shape", "data_offsets"))
    if shape is None or place is None or len(place) != 2 or "dtype" not in entry:
        raise ValueError(f"a tensor {name} without type, shape and place")
    start, end = place
    bits = _BITS.get(str(entry["dtype"]))
    fits = 0 <= start <= end <= room and (bits is None or (end - start) * 8 == bits * math.prod(shape))
    problem = "" if fits else f"one of {end - start} bytes that does not fit the file"
    return StoredArray(name, shape, f"tensor {entry['dtype']}", problem=problem)


def _whole_numbers(value: Any) -> tuple[int, ...] | None:
    good = isinstance(value, list) and all(type(n) is int for n in value)
    return tuple(value) if good else None


def _value(value: str, name: str) -> Any:
    """Return what metadata hold: JSON where they are a list or mapping, or else the text."""
    return parse_json(value, name) if isinstance(value, str) and value[:1] in ("{", "[") else value
