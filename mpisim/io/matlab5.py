"""MATLAB files of version 5 (up to 7), read element by element.

An element is a tag (type, number of bytes) and its data, padded to 8 bytes; up to 4 bytes of data may lie in the tag
itself. An array is an element of elements: flags, sizes, name, then real and imaginary part, or what its class holds.
zlib may pack it as a whole (MathWorks, MAT-File Format, "Level 5").

The reader is our own because a file is not to be trusted: SciPy's, which is compiled, ends the interpreter for some
damaged files. Here every length is compared with what is there before it is used.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mpisim.io.byte_source import ByteSource, Inflated, Plain
from mpisim.io.sparse import dense
from mpisim.io.stored import Contents, StoredArray, overclaim, readable

__all__ = ["matlab5_contents"]

KIND = "MATLAB file (version 5)"
_HEADER = 128
_MATRIX, _PACKED = 14, 15
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMBERS = {  # classes of full arrays: name and type of their values
    6: ("double", "f8"),
    7: ("single", "f4"),
    8: ("int8", "i1"),
    9: ("uint8", "u1"),
    10: ("int16", "i2"),
    11: ("uint16", "u2"),
    12: ("int32", "i4"),
    13: ("uint32", "u4"),
    14: ("int64", "i8"),
    15: ("uint64", "u8"),
}
_OTHERS = {1: "cell", 3: "object", 4: "text", 16: "function_handle", 17: "object"}
_STRUCTURE, _SPARSE = 2, 5
_COMPLEX, _LOGICAL = 0x800, 0x200
_DEEPEST, _MOST_FIELDS, _MOST_AXES = 32, 10_000, 32


def matlab5_contents(path: str | os.PathLike[str]) -> Contents:
    """Return the arrays of a file, fields of structures too (`SM.S`).

    Raises `InputError` if the file is damaged.
    """
    with readable(str(path), KIND):
        return Contents(KIND, tuple(_Walk(path).arrays()))


def _load(path: str | os.PathLike[str], name: str) -> np.ndarray:
    return _Walk(path, name).values()


class _Tag(NamedTuple):
    """Type and length of an element; data of up to 4 bytes lie in the tag itself."""

    kind: int
    nbytes: int
    within: bytes | None


class _Walk:
    """One walk through a file, which describes every array and reads the one that is wanted."""

    def __init__(self, path: str | os.PathLike[str], wanted: str | None = None) -> None:
        self.path, self.wanted = Path(path), wanted
        self.found: np.ndarray | None = None
        self.order = "<"
        self.stored, self.packed = 0, False  # bytes of the element at hand in the file, and whether it is compressed

    def values(self) -> np.ndarray:
        """Return the values of the array that is wanted."""
        passed = [array.name for array in self.arrays()]  # the walk ends with it, after its checksum was compared
        if self.found is None:
            raise ValueError(f"no array {self.wanted} among {', '.join(passed)}")
        return self.found

    def arrays(self) -> Iterator[StoredArray]:
        """Yield the arrays in their order, up to the one that is wanted."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            self.order = "<" if file.read(_HEADER)[126:128] == b"IM" else ">"
            start = _HEADER
            while start + 8 <= size and self.found is None:
                file.seek(start)
                tag = self._tag(Plain(file, size - start))
                if tag.within is not None or tag.nbytes > size - start - 8:
                    raise ValueError("an element that is longer than the file")
                self.stored, self.packed = tag.nbytes, tag.kind == _PACKED
                if tag.kind == _PACKED:
                    yield from self._unpacked(Inflated(file, tag.nbytes))
                elif tag.kind == _MATRIX:
                    yield from self._matrix(Plain(file, tag.nbytes), tag.nbytes, "", 0)
                start += 8 + tag.nbytes

    def _unpacked(self, source: Inflated) -> Iterator[StoredArray]:
        tag = self._tag(source)
        if tag.kind != _MATRIX or tag.within is not None:
            raise ValueError("compressed data that are no array")
        yield from self._matrix(source, tag.nbytes, "", 0)
        if self.found is not None:
            source.finish(tag.nbytes)

    def _tag(self, source: ByteSource) -> _Tag:
        data = bytes(source.read(8))
        kind, nbytes = struct.unpack(f"{self.order}2I", data)
        if kind >> 16:
            if kind >> 16 > 4:
                raise ValueError("a short element of more than 4 bytes")
            return _Tag(kind & 0xFFFF, kind >> 16, data[4 : 4 + (kind >> 16)])
        return _Tag(kind, nbytes, None)

    def _data(self, source: ByteSource, most: int) -> tuple[int, bytes | bytearray]:
        """Return type and data of the next element, which may have so many bytes at most."""
        tag = self._tag(source)
        if tag.within is not None:
            return tag.kind, tag.within
        if tag.nbytes > most:
            raise ValueError("an element that is longer than the array")
        data = source.read(tag.nbytes)
        source.skip(-tag.nbytes % 8)
        return tag.kind, data

    def _values(self, source: ByteSource, most: int) -> np.ndarray:
        """Return the next element's numbers."""
        kind, data = self._data(source, most)
        if kind not in _TYPES:
            raise ValueError(f"numbers of the unknown type {kind}")
        return np.frombuffer(data, self.order + _TYPES[kind])

    def _matrix(self, source: ByteSource, nbytes: int, name: str, depth: int) -> Iterator[StoredArray]:
        """Yield the array, or the fields of the structure, that the next `nbytes` bytes hold; pass over all of it."""
        if nbytes == 0:  # an empty field
            yield StoredArray(name, (0, 0), "empty double", problem="an empty one")
            return
        end = source.position + nbytes
        flags = self._values(source, 16)
        sizes = tuple(int(n) for n in self._values(source, 8 * _MOST_AXES))
        own = bytes(self._data(source, 4096)[1]).decode("utf-8", "replace")
        if flags.size < 1 or any(n < 0 for n in sizes) or len(sizes) < 2:
            raise ValueError("an array without flags or sizes")
        name = name or own
        kind, word = int(flags[0]) & 0xFF, int(flags[0])
        if kind == _STRUCTURE and math.prod(sizes) == 1 and depth < _DEEPEST:
            yield from self._fields(source, end, name, depth)
        elif name:  # what has none is the subsystem's
            yield self._described(source, end, name, kind, word, sizes)
        if source.position > end:
            raise ValueError("an array whose parts are longer than itself")
        if depth > 0:  # a whole element is left by its place in the file
            source.skip(end - source.position)

    def _fields(self, source: ByteSource, end: int, name: str, depth: int) -> Iterator[StoredArray]:
        (length,) = (int(n) for n in self._values(source, 8))
        text = bytes(self._data(source, end - source.position)[1])
        count = len(text) // length if 0 < length <= 64 else 0
        if count > _MOST_FIELDS or (count == 0 and text):
            raise ValueError("a structure whose names do not fit")
        for i in range(count):
            field = text[i * length : (i + 1) * length].split(b"\0")[0].decode("utf-8", "replace")
            tag = self._tag(source)
            if tag.kind != _MATRIX or tag.within is not None or tag.nbytes > end - source.position:
                raise ValueError("a field that is no array")
            yield from self._matrix(source, tag.nbytes, f"{name}.{field}", depth + 1)
            if self.found is not None:
                return

    def _described(
        self, source: ByteSource, end: int, name: str, kind: int, flags: int, sizes: tuple[int, ...]
    ) -> StoredArray:
        if kind == _SPARSE:
            return self._sparse(source, end, name, flags, sizes)
        if kind not in _NUMBERS:
            label = "array of structures" if kind == _STRUCTURE else _OTHERS.get(kind, f"class {kind}")
            return StoredArray(name, sizes, label, first_fastest=True)
        word, code = _NUMBERS[kind]
        is_complex, is_logical = bool(flags & _COMPLEX), bool(flags & _LOGICAL)
        dtype = np.result_type(code, np.complex64) if is_complex else np.dtype(code)
        label = "logical" if is_logical else f"complex {word}" if is_complex else word
        problem = ""
        if name == self.wanted:
            self.found = self._full(source, end, sizes, dtype, is_complex)
        else:
            problem = self._problem(self._tag(source), sizes, is_complex, end - source.position)
        return StoredArray(name, sizes, label, dtype, partial(_load, self.path, name), True, problem)

    def _problem(self, tag: _Tag, sizes: tuple[int, ...], is_complex: bool, left: int) -> str:
        """Return in words what is wrong with the length of a real part; empty if nothing is."""
        claimed = math.prod(sizes) * np.dtype(_TYPES.get(tag.kind, "u1")).itemsize
        if tag.kind not in _TYPES or tag.nbytes != claimed or (tag.within is None and tag.nbytes > left):
            return f"a damaged one: {claimed:,} bytes of the shape {sizes}, where {min(tag.nbytes, left):,} are stored"
        return overclaim(claimed * (1 + is_complex), self.stored, self.packed)

    def _full(
        self, source: ByteSource, end: int, sizes: tuple[int, ...], dtype: np.dtype, is_complex: bool
    ) -> np.ndarray:
        parts = [self._values(source, end - source.position) for _ in range(1 + is_complex)]
        if any(part.size != math.prod(sizes) for part in parts):
            raise ValueError("an array whose values do not fit its shape")
        found = np.empty(sizes, dtype, order="F")
        if is_complex:
            found.real, found.imag = (part.reshape(sizes, order="F") for part in parts)
        else:
            found[...] = parts[0].reshape(sizes, order="F")
        return found

    def _sparse(self, source: ByteSource, end: int, name: str, flags: int, sizes: tuple[int, ...]) -> StoredArray:
        is_complex, is_logical = bool(flags & _COMPLEX), bool(flags & _LOGICAL)
        dtype = np.dtype(np.complex128 if is_complex else np.uint8 if is_logical else np.float64)
        label = f"sparse {'logical' if is_logical else 'complex double' if is_complex else 'double'}"
        if name == self.wanted:
            rows, starts, *values = (self._values(source, end - source.position) for _ in range(3 + is_complex))
            data = values[0] + 1j * values[1] if is_complex else values[0].astype(dtype)
            self.found = dense(data, rows, starts, (sizes[0], sizes[1]))
        return StoredArray(name, sizes, label, dtype, partial(_load, self.path, name), True)
