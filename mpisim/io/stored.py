"""Arrays in a file of any program, described without reading them.

A reader of a format lists what a file holds as `StoredArray`s: name, shape, type, what the array is in the words of its
program, and how to load it. What a file claims is compared with what it stores before anything is loaded: deflate packs
at most 1032 bytes into one (P. Deutsch, RFC 1951: a match of 258 bytes takes 2 bits at least), and an array that is not
packed takes its size.
"""

from __future__ import annotations

import lzma
import math
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpisim.errors import InputError, require
from mpisim.memory import GIGABYTE, require_memory

__all__ = [
    "MOST_GROUPS",
    "Contents",
    "GroupCount",
    "StoredArray",
    "common_type",
    "number_type",
    "overclaim",
    "plain_numbers",
    "readable",
]

MOST_GROUPS = 5000
"""Groups that are walked through in a file: few hard links can make paths without end."""
_PACKED_RATIO = 1032
_SLACK = 2**20  # bytes that an array may claim in any case

_DAMAGE: tuple[type[Exception], ...] = (
    OSError,
    ValueError,  # with UnicodeError; what the readers here raise themselves
    KeyError,
    RuntimeError,  # with RecursionError and NotImplementedError
    OverflowError,
    EOFError,
    SystemError,
    MemoryError,  # of a size that only a damaged file claims: what is sound was checked against the limit
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
"""What libraries raise for damaged files. Other errors are faults of the program, and stay what they are."""


@contextmanager
def readable(path: str, kind: str, *others: type[Exception]) -> Iterator[None]:
    """Turn what a library raises for a damaged file into `InputError`: "must be a readable KIND".

    `others` are errors that only the library in the block raises. The error of the library stays as the cause.
    """
    try:
        yield
    except InputError:
        raise
    except (*_DAMAGE, *others) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"Input {path} must be a readable {kind}; instead received one that fails with: {reason}."
        ) from error


@dataclass(frozen=True)
class StoredArray:
    """An array in a file.

    Parameters
    ----------
    name
        How a user names it: `S`, or `SM.S` for the field of a structure, or `group/S` in a generic HDF5 file.
    shape
        Its shape as the program that wrote it shows it.
    label
        What it is in words: `double`, `complex single`, `text`, `logical`, `sparse double`, `cell`.
    dtype
        Type of its values; None where they are no numbers.
    load
        Reads the values; None where there is nothing to read.
    first_fastest
        Whether the first index runs fastest (MATLAB), or the last (NumPy, HDF5).
    problem
        Why it cannot be read, in words that follow "instead received"; empty if it can.
    """

    name: str
    shape: tuple[int, ...]
    label: str
    dtype: np.dtype[Any] | None = None
    load: Callable[[], np.ndarray] | None = None
    first_fastest: bool = False
    problem: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes that its values take in memory."""
        return math.prod(self.shape) * (0 if self.dtype is None else self.dtype.itemsize)

    @property
    def offered(self) -> bool:
        """Whether it is an array of numbers, which is taken where no name is given; truth values are not."""
        return self.dtype is not None and self.dtype.kind in "fciu" and "logical" not in self.label

    def read(self, path: str) -> np.ndarray:
        """Load the values.

        Raises `InputError`, which names the file, if they are no numbers, empty, damaged or too large for memory.
        """
        what = f"{self.name} of {path}"
        require(not self.problem, what, "an array that can be read", self.problem)
        if self.dtype is None or self.load is None:
            raise InputError(f"Input {what} must be an array of numbers; instead received one of class {self.label}.")
        require(self.nbytes > 0, what, "a non-empty array", f"the shape {self.shape}")
        require_memory(what, 2 * self.nbytes)  # as stored, and as complex numbers in the order of the schema
        with readable(what, "array"):
            return self.load()


@dataclass(frozen=True)
class Contents:
    """What a file of any program holds.

    Parameters
    ----------
    kind
        The format in words: `MATLAB file (version 5)`.
    arrays
        Its arrays in their order.
    attributes
        Further metadata by name.
    """

    kind: str
    arrays: tuple[StoredArray, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def names(self) -> set[str]:
        """Names of all arrays."""
        return {array.name for array in self.arrays}


class GroupCount:
    """How many groups of a file were entered, by whatever paths."""

    def __init__(self) -> None:
        self.entered = 0

    def enter(self) -> None:
        """Count one more; raise `ValueError` where they are too many."""
        self.entered += 1
        if self.entered > MOST_GROUPS:
            raise ValueError(f"paths to more than {MOST_GROUPS:,} groups")


def overclaim(claimed: int, stored: int, packed: bool) -> str:
    """Return in words by how much an array claims more bytes than are stored for it; empty if it does not."""
    most = stored * (_PACKED_RATIO if packed else 1)
    if claimed <= most + (_SLACK if packed else 0):
        return ""
    return f"one that claims {_size(claimed)} and stores {_size(stored)}"


def _size(count: float) -> str:
    return f"{count / GIGABYTE:.3g} GB" if count >= 1e8 else f"{count:,.0f} bytes"


def number_type(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return the type of the numbers that `plain_numbers` makes of a type of values; None where they are none.

    Records of two parts (`real`, `imag` or `r`, `i`) are complex numbers, and truth values are 0 and 1.
    """
    if dtype.names in (("real", "imag"), ("r", "i")):
        parts = [dtype[name] for name in dtype.names]
        return np.result_type(*parts, np.complex64) if all(part.kind in "fiu" for part in parts) else None
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    return dtype if dtype.kind in "fciu" else None


def common_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of numbers that all formats have for a type: half precision becomes single, extended double."""
    common = {("f", 2): np.float32, ("f", 16): np.float64, ("c", 32): np.complex128}  # by kind and bytes
    return np.dtype(common.get((dtype.kind, dtype.itemsize), dtype)).newbyteorder("=")


def plain_numbers(values: np.ndarray) -> np.ndarray:
    """Return values as numbers of their `number_type`."""
    number = number_type(values.dtype)
    if number is None:
        raise ValueError(f"values of the type {values.dtype}, which are no numbers")
    if values.dtype.names is None:
        return values.astype(number, copy=False)
    found = np.empty(values.shape, number)
    found.real, found.imag = (values[name] for name in values.dtype.names)
    return found
