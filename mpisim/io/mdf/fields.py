"""One field of an MDF file against its line in the specification: its type, its byte order, its values."""

from __future__ import annotations

import math
import re

import h5py
import numpy as np

from mpisim.io.mdf.source import MdfFile
from mpisim.io.mdf.specification import VERSION, Field

__all__ = ["is_little", "of_type", "value_breach"]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LARGEST = 2_000_000  # values of a field that are compared


def of_type(item: h5py.Dataset, wanted: str) -> bool:
    """Whether a data set is of a type of the specification, whatever its byte order."""
    kind = item.id.get_type()
    if wanted == "String":
        return bool(kind.get_class() == h5py.h5t.STRING)
    if wanted == "Complex128":
        return _is_complex(kind, lambda part: part.get_class() == h5py.h5t.FLOAT and part.get_size() == 8)
    if wanted == "Number":
        return _is_number(kind) or _is_complex(kind, _is_number)
    if wanted == "Float64":
        return bool(kind.get_class() == h5py.h5t.FLOAT and kind.get_size() == 8)
    sizes = {"Int8": (1,), "Int64": (8,), "Integer": (1, 2, 4, 8)}[wanted]
    return _is_integer(kind) and kind.get_size() in sizes


def _is_integer(kind: h5py.h5t.TypeID) -> bool:
    return bool(kind.get_class() == h5py.h5t.INTEGER and kind.get_sign() == h5py.h5t.SGN_2)


def _is_number(kind: h5py.h5t.TypeID) -> bool:
    return _is_integer(kind) or bool(kind.get_class() == h5py.h5t.FLOAT and kind.get_size() in (4, 8))


def _is_complex(kind: h5py.h5t.TypeID, part_is: object) -> bool:
    if kind.get_class() != h5py.h5t.COMPOUND or kind.get_nmembers() != 2:
        return False
    names = [kind.get_member_name(i) for i in range(2)]
    assert callable(part_is)
    return names == [b"r", b"i"] and all(part_is(kind.get_member_type(i)) for i in range(2))


def is_little(item: h5py.Dataset) -> bool:
    """Whether the numbers of a data set are little-endian, or have no byte order."""
    dtype = item.dtype if item.dtype.names is None else item.dtype[0]
    return dtype.byteorder != ">"


def value_breach(source: MdfFile, entry: Field, sizes: dict[str, int]) -> tuple[str, str] | None:
    """Return what the values of a field must be and what they are, where they break the specification."""
    item = source.dataset(entry.path)
    if item is None or item.size > _LARGEST or entry.path.endswith("/data"):
        return None
    if entry.type == "String":
        return _text_breach(entry, source.texts(entry.path) or [])
    if entry.type == "Complex128":
        return None
    values = source.numbers(entry.path)
    if values is None or values.dtype.kind == "c":
        return None
    if entry.type == "Int8":
        wrong = values[~np.isin(values, (0, 1))]
        return ("0 or 1", str(wrong[0])) if wrong.size else None
    return _number_breach(entry, values, sizes)


def _text_breach(entry: Field, texts: list[str]) -> tuple[str, str] | None:
    if entry.path == "/version":
        return None if texts == [VERSION] else (VERSION, repr(texts[0]) if texts else "empty")
    if entry.one_of:
        wrong = [t for t in texts if t not in entry.one_of]
        return (f"one of {', '.join(entry.one_of)}", repr(wrong[0])) if wrong else None
    if entry.name == "order":
        return None if all(sorted(t) == ["x", "y", "z"] for t in texts) else ("made of x, y and z", repr(texts[0]))
    pattern = _UUID if entry.unit == "UUID" else _TIME if entry.unit.startswith("yyyy") else None
    wrong = [t for t in texts if pattern is not None and not pattern.fullmatch(t)]
    return (f"of the form {entry.unit}", repr(wrong[0])) if wrong else None


def _number_breach(entry: Field, values: np.ndarray, sizes: dict[str, int]) -> tuple[str, str] | None:
    low, high = float(np.min(values)), float(np.max(values))
    shown = f"{low:g} to {high:g}" if values.size > 1 else f"{low:g}"
    if entry.name == "phase" and not (low >= -math.pi and high < math.pi):
        return "from -pi to pi in rad", shown
    if entry.name in _POSITIVE and not low > 0:
        return "positive", shown
    if entry.name == "framePermutation":
        good = np.array_equal(np.sort(values.ravel()), np.arange(1, values.size + 1))
        return None if good else (f"the numbers 1 to {values.size} in some order", shown)
    most = {"frequencySelection": sizes.get("V", 0) // 2 + 1, "subsamplingIndices": sizes.get("O", 0)}.get(entry.name)
    if most is not None and not (low >= 1 and high <= most):
        return f"from 1 to {most}", shown
    if entry.name == "frequencySelection" and np.unique(values).size != values.size:
        return "different indices", "some twice"
    return None


_POSITIVE = {
    *("numAverages", "numFrames", "numPeriodsPerFrame", "numChannels", "numSamplingPoints"),
    *("bandwidth", "baseFrequency", "cycle", "divider", "size"),
}
