"""File formats, known by content and suffix, and reading and writing by them.

Another package adds a format by an entry point of the group `mpisim.formats`, or with `FORMATS.register`, and tests it
with `check_format`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.noise_level import with_noise
from mpisim.data.schema import build, expect, validate
from mpisim.errors import require, with_article
from mpisim.io.arrays import array_dataset
from mpisim.io.atomic import not_a_folder
from mpisim.io.content import content_of
from mpisim.io.contents import ARRAY_FILES, contents_of
from mpisim.io.hdf5 import hdf5_kind
from mpisim.io.netcdf import holds_netcdf, read_netcdf, read_netcdf_blocks, write_netcdf, write_netcdf_blocks
from mpisim.io.released import RELEASED_VARIABLES, holds_released, read_released
from mpisim.io.stored import Contents
from mpisim.memory import limited_memory
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
    *("variable", "grid", "coarse", "block_means"),
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
        "matlab": _arrays((".mat",), "matlab5", "matlab4", "hdf5"),
        "numpy": _arrays((".npy", ".npz"), "npy", "zip"),
        "hdf5": _arrays((".h5", ".hdf5"), "hdf5"),
    },
)
"""Every file format by name."""


def read(
    path: FilePath,
    variable: str | None = None,
    grid: Grid | None = None,
    coarse: int | None = None,
    *,
    block_means: bool = False,
    order: str | None = None,
    transposed: bool | None = None,
    flip: str | None = None,
    stacked: bool = False,
    frames: str | None = None,
    snr: float | None = None,
    noise_std: float | None = None,
    noiseless: bool = False,
    memory: float | None = None,
) -> xr.Dataset:
    """Read a system matrix, measurement or image.

    A file is known by its content, and by its suffix where the content does not tell. Everything but `memory` and the
    noise is for arrays of other programs: MATLAB (all versions), `.npy`, `.npz` and HDF5.

    Parameters
    ----------
    path
        `.nc` of the schema, an array of another program, or a file of any other format of `FORMATS`.
    variable
        The array's name, `SM.S` for the field of a structure; None takes the only array of numbers.
    grid
        The voxels of a system matrix; without a grid the array is a measurement.
    coarse
        The sample filled blocks of coarse x coarse voxels of the grid that is to be recovered. The values are taken
        for the signals of such samples, and are divided by coarse^2 to block means.
    block_means
        The values are block means already and are not divided.
    order
        Axes of the voxels, the fastest first: `xy` (x fastest, as in `reshape(ny, nx)` of NumPy), or `yx`. None
        presumes `xy`; an array with an axis for each of x and y is read as its sizes show.
    transposed
        Whether the array is voxels x rows (True) or rows x voxels (False). None goes by the sizes.
    flip
        Axes along which the array runs downwards: `x`, `y` or `xy`.
    stacked
        Whether the first half of the rows holds real parts, and the second half imaginary ones.
    frames
        Axis of a measurement that numbers its frames: `first` or `last`.
    snr, noise_std, noiseless
        The level of the noise, at most one of them: RMS of the values over the complex noise standard deviation in dB;
        that deviation in the unit of the values (of block means); none at all. Without them the level stays what the
        file says, or unknown.
    memory
        Largest number of GB (10^9 bytes) that reading may take; None allows half of the free memory.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind, needs more memory, or does not fit the grid.
    """
    require(grid is None or isinstance(grid, Grid), "grid", "a mpisim.Grid", repr(grid))
    values = {
        **{"variable": variable, "grid": grid, "coarse": coarse, "block_means": block_means or None},
        **{"order": order, "transposed": transposed, "flip": flip, "stacked": stacked or None, "frames": frames},
    }
    given = {name: value for name, value in values.items() if value is not None}
    kind = _format_of(path, given)
    entry = FORMATS[kind]
    foreign = [name for name in given if name not in entry.options]
    must = f"{ARRAY_FILES} where {' and '.join(foreign)} is given"
    require(not foreign, str(path), must, with_article(f"{kind} file"))
    with limited_memory(memory), FORMATS.guarded(kind):
        data = entry.read(path, **given)
    return with_noise(validate(data, str(path)), snr=snr, noise_std=noise_std, noiseless=noiseless)


def _format_of(path: FilePath, options: Collection[str] = ()) -> str:
    """Return the name of the format of a file that is read: by its content, or else by its suffix.

    Where several fit, those of the suffix come first, and of these arrays of any program last; the first is taken that
    takes all of the options that are given. What nothing knows is taken for the format of the suffix, whose reader says
    what is wrong.
    """
    suffix, exists = Path(path).suffix.lower(), Path(path).is_file()
    named = [n for n, f in FORMATS.items() if suffix in f.suffixes]
    named.sort(key=lambda n: FORMATS[n].read is _read_arrays)
    order = [*named, *(n for n in FORMATS if n not in named)] if exists else []
    fits = [n for n in order if _holds(FORMATS[n], path, n in named)]
    if fits:
        return next((n for n in fits if all(option in FORMATS[n].options for option in options)), fits[0])
    mdf = suffix == ".mdf" and not named
    known = [s for entry in FORMATS.values() for s in entry.suffixes]
    require(not mdf, str(path), f"a {' or '.join(known)} file (MDF is not read yet)", "an MDF file")
    other = exists and not named and content_of(path) in ("unknown", "safetensors")
    require(not other, str(path), f"a NetCDF file, {ARRAY_FILES}", "another kind of file")
    return named[0] if named else "netcdf"


def _holds(entry: FileFormat, path: FilePath, is_named: bool) -> bool:
    return is_named if entry.holds is None else entry.holds(path)


def _format_to_write(path: FilePath) -> str:
    """Return the name of the first format that writes the suffix of a file."""
    suffix = Path(path).suffix.lower()
    return next((n for n, f in FORMATS.items() if suffix in f.suffixes and f.write is not None), "netcdf")


def foreign_contents(path: FilePath) -> Contents | None:
    """Return what a file of another program holds; None for one that `read` takes without being told what is in it.

    Raises `InputError` if the file is missing, damaged or of no known format.
    """
    suffix = Path(path).suffix.lower()
    content = content_of(path) if Path(path).is_file() else "missing"
    if content == "safetensors" or (content == "unknown" and suffix == ".toml"):
        return contents_of(path)
    kind = _format_of(path)
    if FORMATS[kind].read is _read_arrays:
        return contents_of(path)
    foreign = content == "netcdf3" or (content == "hdf5" and hdf5_kind(path) == "netcdf")
    if kind != "netcdf" or not foreign:
        return None
    found = contents_of(path)
    return None if {"kind", "format_version"} <= set(found.attributes) else found


def read_blocks(path: FilePath, values: int) -> Iterator[xr.Dataset]:
    """Read a system matrix in blocks along its first dimension, of at most so many values (and of one index at least).

    A format that cannot be read in blocks gives the matrix complete. Raises as `read`, and where the file holds no
    system matrix.
    """
    for block in blocks_of(path, values):
        yield expect(block, "system_matrix", str(path))


def blocks_of(path: FilePath, values: int) -> Iterator[xr.Dataset]:
    """Read a dataset of any kind in blocks, as `read_blocks` reads a system matrix."""
    kind = _format_of(path)
    entry = FORMATS[kind]
    if entry.read_blocks is not None:
        with FORMATS.guarded(kind):
            yield from entry.read_blocks(path, values)
    else:
        yield read(path)


def write_blocks(blocks: Iterable[xr.Dataset], path: FilePath) -> None:
    """Write a system matrix that comes in blocks along its first dimension (at least one), whole or not at all.

    What does not lie along that dimension, attributes too, is that of the first block. Raises as `write`.
    """
    expect_output(path)
    kind = _format_to_write(path)
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
    kind = _format_to_write(path)
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
        require(same, f"file format {name}", f"one that gives {with_article(kind)} back as it was", "another dataset")


def _examples() -> list[xr.Dataset]:
    grid, rng = Grid((3, 2), (0.003, 0.002)), np.random.default_rng(0)
    values = rng.standard_normal((2, 4, 2, 3)) + 1j * rng.standard_normal((2, 4, 2, 3))
    rows = {"angle": np.array([0.0, 1.0]), "frequency": np.arange(1.0, 5.0) * 1e4}
    dims, coords = ("angle", "frequency"), {**rows, **grid.coords()}
    matrix = build("system_matrix", values, (*dims, *grid.dims), coords, noise_std=0.1, stage="fine", origin="measured")
    measurement = build("measurement", values[..., 0, 0], dims, rows, noise_std=0.2, origin="measured")
    image = build("image", values.real[0, 0], grid.dims, grid.coords(), units="1")
    return [matrix, measurement, image]
