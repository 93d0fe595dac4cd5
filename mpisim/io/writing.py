"""Writing a dataset, complete or in blocks: a file is written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable

import xarray as xr

from mpisim.data.schema import validate
from mpisim.io.atomic import expect_file
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


def expect_output(path: FilePath, *inputs: FilePath | None) -> None:
    """Raise `InputError` unless `write` could write a dataset to `path`; call it before long work.

    With `inputs`, an output that is one of these files is refused, too, under whatever name or link.
    """
    suffixes = dict.fromkeys(s for f in FORMATS.values() if f.write is not None for s in f.suffixes)
    expect_file(path, tuple(suffixes), *inputs)
