"""Bytes of a file one after another: as they lie there, or inflated; never more than are asked for in memory."""

from __future__ import annotations

import zlib
from typing import IO, Protocol

__all__ = ["ByteSource", "Inflated", "Plain"]

_CHUNK = 2**20
_MOST = 1032  # bytes that deflate can make of one


class ByteSource(Protocol):
    """Bytes in their order."""

    position: int
    """Bytes that were taken."""

    def read(self, count: int) -> bytearray:
        """Return the next `count` bytes; raise `ValueError` if there are fewer."""

    def skip(self, count: int) -> None:
        """Pass over the next `count` bytes; raise `ValueError` if there are fewer."""


class Plain:
    """The bytes of a file from where it stands."""

    def __init__(self, file: IO[bytes], count: int) -> None:
        self._file, self._count, self.position = file, count, 0

    def read(self, count: int) -> bytearray:
        """Return the next bytes."""
        self._require(count)
        self.position += count
        values = bytearray(count)
        if self._file.readinto(values) != count:  # type: ignore[attr-defined]
            raise ValueError("a file that ends too early")
        return values

    def skip(self, count: int) -> None:
        """Pass over bytes."""
        self._require(count)
        self.position += count
        self._file.seek(count, 1)

    def _require(self, count: int) -> None:
        if not 0 <= count <= self._count - self.position:
            raise ValueError("a part that is longer than the whole")


class Inflated:
    """The bytes that a zlib stream of `count` bytes in a file unfolds to."""

    def __init__(self, file: IO[bytes], count: int) -> None:
        self._file, self._left, self.position = file, count, 0
        self._stream = zlib.decompressobj()
        self._most = _MOST * count + _CHUNK

    def read(self, count: int) -> bytearray:
        """Return the next bytes."""
        if count > self._most:
            raise ValueError("a part that is longer than its compressed data can hold")
        values, at = bytearray(count), 0
        while at < count:
            part = self._next(count - at)
            values[at : at + len(part)] = part
            at += len(part)
        return values

    def skip(self, count: int) -> None:
        """Pass over bytes."""
        while count > 0:
            count -= len(self._next(count))

    def finish(self, most: int) -> None:
        """Unfold the rest, of at most so many bytes, so that the checksum is compared."""
        while not self._stream.eof:
            most -= len(self._next(_CHUNK, last=True))
            if most < 0:
                raise ValueError("compressed data longer than they say")

    def _next(self, most: int, last: bool = False) -> bytes:
        part = b""
        while not part and not self._stream.eof:
            packed = self._stream.unconsumed_tail
            if not packed:
                packed = self._file.read(min(_CHUNK, self._left))
                self._left -= len(packed)
            part = self._stream.decompress(packed, min(most, _CHUNK))
            if not part and not packed:
                break
        if not part and not (last and self._stream.eof):
            raise ValueError("compressed data that end too early")
        self.position += len(part)
        return part
