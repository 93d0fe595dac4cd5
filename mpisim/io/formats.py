"""File formats, known by content and suffix.

Another package adds a format by an entry point of the group `mpisim.formats`, or with `FORMATS.register`, and tests it
with `check_format`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from mpisim.errors import require
from mpisim.io.arrays import array_dataset
from mpisim.io.content import content_of
from mpisim.io.contents import ARRAY_FILES, contents_of
from mpisim.io.hdf5 import hdf5_kind
from mpisim.io.mdf.reading import read_mdf
from mpisim.io.mdf.source import holds_mdf
from mpisim.io.mdf.writing import write_mdf
from mpisim.io.netcdf import holds_netcdf, read_netcdf, read_netcdf_blocks, write_netcdf, write_netcdf_blocks
from mpisim.io.released import RELEASED_VARIABLES, holds_released, read_released
from mpisim.io.stored import Contents
from mpisim.plugins import Registry

__all__ = ["FORMATS", "FileFormat", "FilePath", "foreign_contents", "format_of", "format_to_write"]

FilePath = str | os.PathLike[str]


@dataclass(frozen=True)
class FileFormat:
    """A file format.

    Parameters
    ----------
    suffixes
        Suffixes of its files, in lower case, with the dot.
    read
        Reads a file: the path, and by name those of `options` that are given, to a dataset of the schema.
    write
        Writes a dataset to a path, whole or not at all; None for a format that is only read.
    options
        Which of the options of `mpisim.read` it takes: `variable`, `grid`, `coarse` and so on.
    read_blocks, write_blocks
        See the functions of these names; None for a format whose files are read or written complete.
    holds
        Whether an existing file is of this format, by its content; None goes by the suffix alone.
    """

    suffixes: tuple[str, ...]
    read: Callable[..., xr.Dataset]
    write: Callable[[xr.Dataset, FilePath], None] | None = None
    options: tuple[str, ...] = ()
    read_blocks: Callable[[FilePath, int], Iterator[xr.Dataset]] | None = None
    write_blocks: Callable[[Iterable[xr.Dataset], FilePath], None] | None = None
    holds: Callable[[FilePath], bool] | None = None

    def __post_init__(self) -> None:
        listed = isinstance(self.suffixes, tuple) and len(self.suffixes) > 0
        good = listed and all(isinstance(s, str) and s.startswith(".") and s == s.lower() for s in self.suffixes)
        require(good, "suffixes of the file format", "a tuple of lower-case suffixes with the dot", repr(self.suffixes))


ARRAY_OPTIONS = (
    *("variable", "grid", "coarse", "block_means", "fine_shape", "units"),
    *("order", "transposed", "flip", "stacked", "frames"),
)
"""Options of `read` that say what an array of another program is."""


def _read_arrays(path: FilePath, **options: Any) -> xr.Dataset:
    """Read an array of another program; a file of the published TranSMS data is known by its variables."""
    if set(options) <= {"grid"} and holds_released(path):
        grid = options.get("grid")
        return read_released(path, grid) if grid is not None else array_dataset(path, RELEASED_VARIABLES[0])
    return array_dataset(path, **options)


def _arrays(suffixes: tuple[str, ...], *contents: str) -> FileFormat:
    def holds(path: FilePath) -> bool:
        content = content_of(path)
        return content in contents and (content != "hdf5" or hdf5_kind(path) in ("other", "netcdf"))

    return FileFormat(suffixes, _read_arrays, options=ARRAY_OPTIONS, holds=holds)


FORMATS: Registry[FileFormat] = Registry(
    "file format",
    "mpisim.formats",
    FileFormat,
    {
        "netcdf": FileFormat(
            (".nc",),
            read_netcdf,
            write_netcdf,
            read_blocks=read_netcdf_blocks,
            write_blocks=write_netcdf_blocks,
            holds=holds_netcdf,
        ),
        "mdf": FileFormat((".mdf",), read_mdf, write_mdf, options=("average", "raw"), holds=holds_mdf),
        "matlab": _arrays((".mat",), "matlab5", "matlab4", "hdf5"),
        "numpy": _arrays((".npy", ".npz"), "npy", "zip"),
        "hdf5": _arrays((".h5", ".hdf5"), "hdf5"),
    },
)
"""Every file format by name."""


def format_of(path: FilePath, options: Collection[str] = ()) -> str:
    """Return the name of the format of a file that is read: by its content, or else by its suffix.

    Of several formats that fit, those of the suffix come first, and among them the formats of plain arrays last. The
    first one that takes all of the given options is returned. A file that fits no format counts as one of the format of
    its suffix, whose reader then says what is wrong.
    """
    suffix, exists = Path(path).suffix.lower(), Path(path).is_file()
    named = [n for n, f in FORMATS.items() if suffix in f.suffixes]
    named.sort(key=lambda n: FORMATS[n].read is _read_arrays)
    order = [*named, *(n for n in FORMATS if n not in named)] if exists else []
    fits = [n for n in order if _holds(FORMATS[n], path, n in named)]
    fits.sort(key=lambda n: n != "mdf")  # whose content is known, while any HDF5 file may hold plain arrays
    if fits:
        return next((n for n in fits if all(option in FORMATS[n].options for option in options)), fits[0])
    other = exists and not named and content_of(path) in ("unknown", "safetensors")
    require(not other, str(path), f"a NetCDF file, {ARRAY_FILES}", "another kind of file")
    return named[0] if named else "netcdf"


def _holds(entry: FileFormat, path: FilePath, is_named: bool) -> bool:
    return is_named if entry.holds is None else entry.holds(path)


def format_to_write(path: FilePath) -> str:
    """Return the name of the first format that writes the suffix of a file."""
    suffix = Path(path).suffix.lower()
    return next((n for n, f in FORMATS.items() if suffix in f.suffixes and f.write is not None), "netcdf")


def foreign_contents(path: FilePath) -> Contents | None:
    """Return what a file of another program holds; None for a file that `read` takes without further options.

    Raises `InputError` if the file is missing, damaged or of no known format.
    """
    suffix = Path(path).suffix.lower()
    content = content_of(path) if Path(path).is_file() else "missing"
    if content == "safetensors" or (content == "unknown" and suffix == ".toml"):
        return contents_of(path)
    kind = format_of(path)
    if FORMATS[kind].read is _read_arrays:
        return contents_of(path)
    foreign = content == "netcdf3" or (content == "hdf5" and hdf5_kind(path) == "netcdf")
    if kind != "netcdf" or not foreign:
        return None
    found = contents_of(path)
    return None if {"kind", "format_version"} <= set(found.attributes) else found
