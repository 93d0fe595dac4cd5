"""The validator of MDF 2.1: every breach of the specification, with its field, what it must be, and what it is.

The table of the specification gives groups, types, dimensions and allowed values. The sizes behind the symbols of the
dimensions are those that the file states (`numFrames` is N), or where none states them, those of the first field that
has them. A file can break the specification and be read all the same, as most files in use; the report says which.
"""

from __future__ import annotations

import math
import os
import warnings
from collections import deque

import h5py
import numpy as np

from mpisim.errors import DataWarning, InputError
from mpisim.io.mdf.acquisition import angles_of, positions_of
from mpisim.io.mdf.fields import is_little, of_type, value_breach
from mpisim.io.mdf.frames import Frames
from mpisim.io.mdf.images import voxels_of
from mpisim.io.mdf.metadata import field_paths
from mpisim.io.mdf.report import Report
from mpisim.io.mdf.source import MdfFile, opened
from mpisim.io.mdf.specification import FIELDS, GROUPS, LAYOUTS, Field

__all__ = ["validate_mdf"]

_MOST_OBJECTS, _MOST_DAMAGED = 5000, 3
_READABLE = "an array that can be read"


def validate_mdf(path: str | os.PathLike[str]) -> Report:
    """Compare a file with the specification of MDF 2.1.0.

    Raises `InputError` if it is missing, damaged, or no MDF file of version 2.
    """
    report = Report()
    with opened(path) as source:
        sizes = _sizes(source)
        _objects(source, report)
        for group in GROUPS:
            if group.needed and source.item(group.path) is None:
                report.add(group.path, "a group of the file", "missing")
        for entry in FIELDS.values():
            if entry.group == "/" or isinstance(source.item(entry.group), h5py.Group):
                _field(source, entry, sizes, report)
        _relations(source, sizes, report)
        data = source.item("/measurement/data")
        if isinstance(data, h5py.Dataset) and data.chunks is not None:
            how = data.compression or "no"
            report.notes.append(
                f"/measurement/data is stored in chunks ({how} compression); MPIFiles opens contiguous data only."
            )
        report.unreadable = _reader(source)
    return report


def _objects(source: MdfFile, report: Report) -> None:
    """Look at all names and links: what the specification does not know must begin with an underscore."""
    known = {*FIELDS, *(g.path for g in GROUPS)}
    seen = 0

    def visit(group: h5py.Group, prefix: str, above: frozenset[int]) -> None:
        nonlocal seen
        here = int(h5py.h5o.get_info(group.id).addr)
        if here in above:
            report.add(prefix, "a group that does not contain itself", "one that does")
            return
        for key in group:
            seen += 1
            if seen > _MOST_OBJECTS or len(above) > 16:
                return
            path = f"{prefix}/{key}"
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                report.add(path, "stored in this file", "a link")
                continue
            item = group[key]
            if path not in known and not key.startswith("_"):
                report.add(path, "a name of the specification, or begin with _", "another name")
            elif path not in known and isinstance(item, h5py.Dataset):
                report.custom.append(path)
            if isinstance(item, h5py.Group):
                visit(item, path, above | {here})

    visit(source.file, "", frozenset())


def _sizes(source: MdfFile) -> dict[str, int]:
    """Return the sizes behind symbols that the file states."""
    counts = {
        "N": "/acquisition/numFrames",
        "J": "/acquisition/numPeriodsPerFrame",
        "C": "/acquisition/receiver/numChannels",
        "D": "/acquisition/drivefield/numChannels",
        "V": "/acquisition/receiver/numSamplingPoints",
    }
    found: dict[str, int] = {}
    for symbol, path in counts.items():
        value = _tried(source, path)
        if value is not None and value.size == 1 and value.ravel()[0] >= 1:
            found[symbol] = int(value.ravel()[0])
    if "V" in found:
        found["K"] = found["V"] // 2 + 1
    selection = source.item("/measurement/frequencySelection")
    if _flag(source, "isFrequencySelection") and isinstance(selection, h5py.Dataset):
        found["K"] = int(selection.size or 0)
    mask = _tried(source, "/measurement/isBackgroundFrame")
    if mask is not None and "N" in found:
        found["E"] = int(np.count_nonzero(mask))
        found["O"] = found["N"] - found["E"]
    return found


def _tried(source: MdfFile, path: str) -> np.ndarray | None:
    try:
        return source.real(path)
    except InputError:
        return None


def _flag(source: MdfFile, name: str) -> bool:
    value = _tried(source, f"/measurement/{name}")
    return value is not None and value.size == 1 and bool(value.ravel()[0])


def _field(source: MdfFile, entry: Field, sizes: dict[str, int], report: Report) -> None:
    """Compare one field with its line in the table."""
    try:
        item = source.item(entry.path)
    except InputError:  # a link, which is reported with the names
        return
    if item is None:
        needed = entry.needed == "yes" or (entry.needed != "no" and _flag(source, entry.needed))
        if needed:
            why = "" if entry.needed == "yes" else f" where {entry.needed} is 1"
            report.add(entry.path, f"a field of the type {entry.type}{why}", "missing")
        return
    if not isinstance(item, h5py.Dataset):
        report.add(entry.path, "a data set", "a group")
        return
    if not of_type(item, entry.type):
        report.add(entry.path, f"of the type {entry.type}", f"of the type {_type_of(item)}")
        if (entry.type == "String") != (item.id.get_type().get_class() == h5py.h5t.STRING):
            return  # whose values say nothing
    elif not is_little(item):
        report.add(entry.path, "little-endian", "big-endian")
    if not _fits(item, _dims(source, entry), sizes):
        _add_shape(source, entry, item, sizes, report)
        return
    try:
        wrong = value_breach(source, entry, sizes)
    except InputError as error:
        if sum(breach.must == _READABLE for breach in report.breaches) >= _MOST_DAMAGED:  # each may take seconds
            raise
        report.add(entry.path, _READABLE, str(error).rpartition("instead received ")[2].rstrip("."))
        return
    if wrong is not None:
        report.add(entry.path, *wrong)


def _type_of(item: h5py.Dataset) -> str:
    kind = item.id.get_type().get_class()
    names = {h5py.h5t.BITFIELD: "bit field", h5py.h5t.ENUM: "enumeration", h5py.h5t.STRING: "String"}
    return names.get(kind, str(item.dtype))


def _dims(source: MdfFile, entry: Field) -> tuple[str | int, ...]:
    if entry.path != "/measurement/data":
        return entry.dims
    flags = ("isFourierTransformed", "isFastFrameAxis", "isSparsityTransformed")
    stated = tuple(_flag(source, name) for name in flags)
    return LAYOUTS.get((stated[0], stated[1], stated[2]), ("N", "J", "C", "K"))


def _expected(dims: tuple[str | int, ...], sizes: dict[str, int]) -> list[int | None]:
    """Return the sizes of dimensions; None for those that nothing states yet."""
    found: list[int | None] = []
    for symbol in dims:
        if symbol == "B+E":
            found.append(sizes["B"] + sizes["E"] if {"B", "E"} <= set(sizes) else None)
        else:
            found.append(symbol if isinstance(symbol, int) else sizes.get(symbol))
    return found


def _fits(item: h5py.Dataset, dims: tuple[str | int, ...], sizes: dict[str, int]) -> bool:
    """Whether a shape is that of the dimensions; symbols that nothing states get the sizes that they have here."""
    if item.shape is None:
        return False
    if not dims:
        return item.shape in ((), (1,))
    if len(item.shape) != len(dims):
        return False
    expected = _expected(dims, sizes)
    good = all(e in (None, n) for e, n in zip(expected, item.shape, strict=True))
    if good:
        sizes |= {
            s: n
            for s, e, n in zip(dims, expected, item.shape, strict=True)
            if e is None and isinstance(s, str) and len(s) == 1
        }
    return good


def _add_shape(source: MdfFile, entry: Field, item: h5py.Dataset, sizes: dict[str, int], report: Report) -> None:
    dims = _dims(source, entry)
    known = [str(d) if e is None else str(e) for d, e in zip(dims, _expected(dims, sizes), strict=True)]
    symbols = " x ".join(map(str, dims)) or "one value"
    must = f"{symbols} = {' x '.join(known)}" if dims and known != [str(d) for d in dims] else symbols
    report.add(entry.path, must, "empty" if item.shape is None else " x ".join(map(str, item.shape)) or "one value")


def _relations(source: MdfFile, sizes: dict[str, int], report: Report) -> None:
    """Compare fields with each other."""
    if _flag(source, "isSparsityTransformed"):
        for name in ("isFourierTransformed", "isFastFrameAxis"):
            if not _flag(source, name):
                report.add(f"/measurement/{name}", "1 where isSparsityTransformed is 1", "0")
    for group, symbol in (("/calibration", "O"), ("/reconstruction", "P")):
        size = _tried(source, f"{group}/size")
        if size is not None and size.size == 3 and symbol in sizes and int(np.prod(size)) != sizes[symbol]:
            shown = " x ".join(str(int(n)) for n in size)
            report.add(f"{group}/size", f"three counts whose product is {symbol} = {sizes[symbol]}", shown)
    cycle = _tried(source, "/acquisition/drivefield/cycle")
    base = _tried(source, "/acquisition/drivefield/baseFrequency")
    divider = _tried(source, "/acquisition/drivefield/divider")
    usable = all(v is not None and v.size > 0 and np.all(v >= 1e-300) for v in (cycle, base, divider))
    if usable and cycle is not None and base is not None and divider is not None and np.all(divider >= 1):
        expected = math.lcm(*(int(d) for d in divider.ravel()[:100])) / base.ravel()[0]
        if not math.isclose(cycle.ravel()[0], expected, rel_tol=1e-3):
            must = f"lcm(divider) / baseFrequency = {expected:g} s"
            report.add("/acquisition/drivefield/cycle", must, f"{cycle.ravel()[0]:g} s")


def _reader(source: MdfFile) -> str:
    """Return why the reader refuses the file, from its metadata; empty if it reads it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            deque(field_paths(source), maxlen=0)  # walks them all, as reading does, which refuses paths without end
            if source.item("/measurement/data") is not None:
                calibrated = source.item("/calibration/method") is not None
                size = source.real("/calibration/size") if calibrated else None
                shape = None if size is None else tuple(int(n) for n in size.ravel()[::-1])
                frames = Frames(source, shape)
                angles_of(source, frames.periods)
                if calibrated:
                    positions_of(source, "/calibration", int((~frames.is_background).sum()))
            elif source.item("/reconstruction/data") is not None:
                positions_of(source, "/reconstruction", voxels_of(source))
            else:
                return "The file holds no data of a measurement or an image."
    except InputError as error:
        return str(error)
    return ""
