"""Mutations of the bytes of a file, each by a seed: damage, and malice without knowledge of a format."""

import random
import struct
from collections.abc import Sequence

__all__ = ["mutated"]

_NUMBERS = (0, 1, -1, 2, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, 2**63)
_WORDS = (
    b"1e999", b"-1", b"nan", b"inf", b"0", b"1e-300", b"99999999999999999999", b"[]", b"{}", b"''", b"true", b"[[[[[[",
    b"\x00", b"\x1b[2J", b"\xff\xfe", b"\n\n", b"../../etc/passwd", b"1979-05-27", b"0x7fffffffffffffff",
)  # fmt: skip


def mutated(content: bytes, others: Sequence[bytes], seed: int) -> bytes:
    """Return a file with one to four mutations; `others` are files that it is spliced with."""
    rng = random.Random(seed)
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if data:
            rng.choice(_WAYS)(data, others, rng)
    return bytes(data)


def _place(data: bytearray, rng: random.Random) -> int:
    """Return a place, most often near the start, where the header of most formats is."""
    return rng.randrange(min(len(data), rng.choice((64, 512, 2048, 8192, len(data)))))


def _flip(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8, 32))):
        data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _overwrite(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 4))):
        data[_place(data, rng)] = rng.randrange(256)


def _truncate(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _delete(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    at = _place(data, rng)
    del data[at : at + rng.choice((1, 2, 4, 8, rng.randrange(1, 512)))]


def _insert(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    at = _place(data, rng)
    data[at:at] = rng.choice((rng.randbytes(rng.randrange(1, 64)), rng.choice(_WORDS), bytes(8)))


def _number(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    """Set a field of 1 to 8 bytes, most often aligned, to a number at the edge of a range."""
    width = rng.choice((1, 2, 4, 4, 8, 8))
    at = _place(data, rng)
    at -= at % width if rng.random() < 0.7 else 0
    value = rng.choice(_NUMBERS) % 2 ** (8 * width)
    field = value.to_bytes(width, rng.choice(("little", "big")))
    data[at : at + width] = field[: max(0, len(data) - at)]


def _shift(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    """Add or subtract a little from a number, so that a size or a place is slightly wrong."""
    kind = rng.choice(("<H", "<I", "<Q", ">H", ">I", ">Q"))
    width, at = struct.calcsize(kind), _place(data, rng)
    if at + width <= len(data):
        value = struct.unpack_from(kind, data, at)[0] + rng.choice((-8, -1, 1, 2, 8, 64, 1024))
        struct.pack_into(kind, data, at, value % 2 ** (8 * width))


def _copy(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    """Copy a part of the file over another, so that structures contain or overlap themselves."""
    size, start, at = rng.choice((4, 8, 16, 64, 256)), _place(data, rng), _place(data, rng)
    part = data[start : start + size]
    data[at : at + len(part)] = part


def _splice(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    other = rng.choice(others)
    at, start = rng.randrange(len(data)), rng.randrange(len(other))
    if rng.random() < 0.5:
        data[at:] = other[start:]
    else:
        part = other[start : start + rng.randrange(1, 256)]
        data[at : at + len(part)] = part


def _blank(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    at, size = _place(data, rng), rng.choice((8, 64, 512))
    data[at : at + size] = bytes([rng.choice((0, 255))]) * len(data[at : at + size])


def _word(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    """Replace a word of text."""
    at = _place(data, rng)
    word = rng.choice(_WORDS)
    data[at : at + rng.choice((0, 1, len(word)))] = word


def _repeat(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    at = _place(data, rng)
    part = data[at : at + rng.choice((1, 4, 32))]
    data[at:at] = part * rng.choice((2, 16, 2000))


_WAYS = (
    *(_flip, _flip, _overwrite, _truncate, _delete, _insert, _number, _number, _number),
    *(_shift, _copy, _splice, _blank, _word, _repeat),
)
