"""File formats by suffix, and reading and writing by them.

Another package adds a format by an entry point of the group `mpisim.formats`, or with `FORMATS.register`, and tests it
with `check_format`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.schema import build, expect, validate
from mpisim.errors import require
from mpisim.io.atomic import not_a_folder
from mpisim.io.matlab import matlab_dataset
from mpisim.io.netcdf import read_netcdf, read_netcdf_blocks, write_netcdf, write_netcdf_blocks
from mpisim.io.released import RELEASED_VARIABLES, holds_released, read_released
from mpisim.plugins import Registry

__all__ = ["FORMATS", "FileFormat", "check_format", "expect_output", "read", "read_blocks", "write", "write_blocks"]

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
        Which of the options `variable`, `grid` and `coarse` of `mpisim.read` it takes.
    read_blocks, write_blocks
        See the functions of these names; None for a format whose files are read or written complete.
    """

    suffixes: tuple[str, ...]
    read: Callable[..., xr.Dataset]
    write: Callable[[xr.Dataset, FilePath], None] | None = None
    options: tuple[str, ...] = ()
    read_blocks: Callable[[FilePath, int], Iterator[xr.Dataset]] | None = None
    write_blocks: Callable[[Iterable[xr.Dataset], FilePath], None] | None = None

    def __post_init__(self) -> None:
        listed = isinstance(self.suffixes, tuple) and len(self.suffixes) > 0
        good = listed and all(isinstance(s, str) and s.startswith(".") and s == s.lower() for s in self.suffixes)
        require(good, "suffixes of the file format", "a tuple of lower-case suffixes with the dot", repr(self.suffixes))


def _read_matlab(
    path: FilePath, variable: str | None = None, grid: Grid | None = None, coarse: int | None = None
) -> xr.Dataset:
    """Read a MATLAB file; one of the published TranSMS data is known by its variables."""
    if variable is None and coarse is None and holds_released(path):
        return matlab_dataset(path, RELEASED_VARIABLES[0]) if grid is None else read_released(path, grid)
    return matlab_dataset(path, variable, grid, coarse)


FORMATS: Registry[FileFormat] = Registry(
    "file format",
    "mpisim.formats",
    FileFormat,
    {
        "netcdf": FileFormat(
            (".nc",), read_netcdf, write_netcdf, read_blocks=read_netcdf_blocks, write_blocks=write_netcdf_blocks
        ),
        "matlab": FileFormat((".mat",), _read_matlab, options=("variable", "grid", "coarse")),
    },
)
"""Every file format by name."""


def read(
    path: FilePath, variable: str | None = None, grid: Grid | None = None, coarse: int | None = None
) -> xr.Dataset:
    """Read a system matrix, measurement or image.

    Parameters
    ----------
    path
        `.nc` of the schema, `.mat`, or a file of any other format of `FORMATS`.
    variable, grid
        For MATLAB: the array's name, and the voxels of a system matrix (without a grid it is a measurement).
    coarse
        For MATLAB: the sample filled blocks of coarse x coarse voxels of the grid that is to be recovered.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind, or does not fit the grid.
    """
    kind = _format_of(path)
    entry = FORMATS[kind]
    values = {"variable": variable, "grid": grid, "coarse": coarse}
    given = {name: value for name, value in values.items() if value is not None}
    foreign = [name for name in given if name not in entry.options]
    require(grid is None or isinstance(grid, Grid), "grid", "a mpisim.Grid", repr(grid))
    require(not foreign, str(path), f"a MATLAB file (.mat) where {' and '.join(foreign)} is given", "another kind")
    with FORMATS.guarded(kind):
        data = entry.read(path, **given)
    return validate(data, str(path))


def _format_of(path: FilePath, writes: bool = False) -> str:
    """Return the name of the first format of a suffix; without one that is known, files are taken for NetCDF."""
    suffix = Path(path).suffix.lower()
    known = [s for entry in FORMATS.values() for s in entry.suffixes]
    mdf = suffix == ".mdf" and suffix not in known
    require(not mdf, str(path), f"a {' or '.join(known)} file (MDF is not read yet)", "an MDF file")
    fits = (n for n, f in FORMATS.items() if suffix in f.suffixes and not (writes and f.write is None))
    return next(fits, "netcdf")


def read_blocks(path: FilePath, values: int) -> Iterator[xr.Dataset]:
    """Read a system matrix in blocks along its first dimension, of at most so many values (and of one index at least).

    A format that cannot be read in blocks gives the matrix complete. Raises as `read`, and where the file holds no
    system matrix.
    """
    kind = _format_of(path)
    entry = FORMATS[kind]
    if entry.read_blocks is not None:
        with FORMATS.guarded(kind):
            yield from entry.read_blocks(path, values)
    else:
        yield expect(read(path), "system_matrix", str(path))


def write_blocks(blocks: Iterable[xr.Dataset], path: FilePath) -> None:
    """Write a system matrix that comes in blocks along its first dimension (at least one), whole or not at all.

    What does not lie along that dimension, attributes too, is that of the first block. Raises as `write`.
    """
    expect_output(path)
    kind = _format_of(path, writes=True)
    entry = FORMATS[kind]
    if entry.write_blocks is not None:
        with FORMATS.guarded(kind):
            entry.write_blocks(blocks, path)
    else:
        parts = list(blocks)
        along = str(parts[0]["system_matrix"].dims[0])
        write(xr.concat(parts, along, data_vars="minimal", combine_attrs="override"), path)


def write(data: xr.Dataset, path: FilePath) -> None:
    """Write a dataset of the schema in the format of the suffix (`.nc`), whole or not at all.

    Raises
    ------
    InputError
        If no format writes the suffix, the dataset does not keep the schema or the folder cannot be written.
    """
    expect_output(path)
    kind = _format_of(path, writes=True)
    writer = FORMATS[kind].write
    assert writer is not None
    data = validate(data)
    with FORMATS.guarded(kind):
        writer(data, path)


def expect_output(path: FilePath, *inputs: FilePath) -> None:
    """Raise `InputError` unless `write` could write a dataset to `path`; call it before long work.

    With `inputs`, an output that is one of these files is refused, too, under whatever name or link.
    """
    file = Path(path)
    suffixes = dict.fromkeys(s for f in FORMATS.values() if f.write is not None for s in f.suffixes)
    require(file.suffix.lower() in suffixes, "output file", f"a {' or '.join(suffixes)} file", str(path))
    not_a_folder(file)
    nearest = next(folder for folder in file.absolute().parents if folder.exists())
    fits = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    require(fits, "output file", "in a folder that can be made and written", str(path))
    for given in inputs:
        same = file.exists() and Path(given).exists() and file.samefile(given)
        require(not same, "output file", "another file than the input", str(path))


def check_format(entry: FileFormat, name: str = "under test") -> None:
    """Check that a file format gives back what it was given; call it in the tests of a plug-in.

    A small system matrix, a measurement and an image are written and read, if the format writes at all.

    Parameters
    ----------
    entry
        The record.
    name
        Its name, for messages.

    Raises
    ------
    InputError
        If what is read is no dataset of the schema or another than what was written.
    """
    require(isinstance(entry, FileFormat), f"file format {name}", "a mpisim.FileFormat", type(entry).__name__)
    for data in _examples() if entry.write is not None else ():
        kind = data.attrs["kind"]
        with TemporaryDirectory() as folder:
            file = Path(folder) / f"example{entry.suffixes[0]}"
            assert entry.write is not None
            entry.write(data, file)
            require(file.is_file(), f"file format {name}", "one that writes the file it is asked for", "no file")
            back = validate(entry.read(file), f"{kind} of the file format {name}")
        same = back.equals(data) and back.attrs == data.attrs
        require(same, f"file format {name}", f"one that gives a {kind} back as it was", "another dataset")


def _examples() -> list[xr.Dataset]:
    grid, rng = Grid((3, 2), (0.003, 0.002)), np.random.default_rng(0)
    values = rng.standard_normal((2, 4, 2, 3)) + 1j * rng.standard_normal((2, 4, 2, 3))
    rows = {"angle": np.array([0.0, 1.0]), "frequency": np.arange(1.0, 5.0) * 1e4}
    dims, coords = ("angle", "frequency"), {**rows, **grid.coords()}
    matrix = build("system_matrix", values, (*dims, *grid.dims), coords, noise_std=0.1, stage="fine", origin="measured")
    measurement = build("measurement", values[..., 0, 0], dims, rows, noise_std=0.2, origin="measured")
    image = build("image", values.real[0, 0], grid.dims, grid.coords(), units="1")
    return [matrix, measurement, image]
