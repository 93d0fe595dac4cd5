"""Writing a dataset, complete or in blocks: a file is written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import xarray as xr

from mpisim.data.schema import validate
from mpisim.errors import require
from mpisim.io.atomic import not_a_folder
from mpisim.io.formats import FORMATS, FilePath, format_to_write

__all__ = ["expect_output", "write", "write_blocks"]


def write_blocks(blocks: Iterable[xr.Dataset], path: FilePath) -> None:
    """Write a system matrix that comes in blocks along its first dimension (at least one), whole or not at all.

    What does not lie along that dimension, attributes too, is that of the first block. Raises as `write`.
    """
    expect_output(path)
    kind = format_to_write(path)
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
    kind = format_to_write(path)
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
