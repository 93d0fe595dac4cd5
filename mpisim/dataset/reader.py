"""Reading what a data-set folder holds: the one reader of the matrices of a split."""

from __future__ import annotations

import os
from pathlib import Path

import xarray as xr

from mpisim.data.schema import expect
from mpisim.dataset.cases import SPLITS
from mpisim.errors import require
from mpisim.io.reading import read

__all__ = ["read_split", "split_files"]


def split_files(folder: str | os.PathLike[str], split: str) -> list[Path]:
    """Return the files of the fine matrices of a split, in the order of their names.

    Raises `InputError` if there are none.
    """
    files = sorted((Path(folder) / split).glob("*.nc"))
    require(len(files) > 0, "data", f"a data set with the split {split} (see `mpisim dataset`)", _held(Path(folder)))
    return files


def _held(folder: Path) -> str:
    """Return in words what a folder holds in place of a split, and how a split is made."""
    if not folder.is_dir():
        return f"{folder}, which is no folder"
    made = "`mpisim dataset --preset transms` makes all splits, `--split NAME` puts matrices of ranges into one"
    splits = [name for name in SPLITS if any((folder / name).glob("*.nc"))]
    if splits:
        return f"{folder}, which has only the split {' and '.join(splits)} ({made})"
    if any(folder.glob("*.nc")):
        return f"{folder}, whose matrices are in no split ({made})"
    return f"{folder} without matrices ({made})"


def read_split(folder: str | os.PathLike[str], split: str) -> list[xr.Dataset]:
    """Read all fine system matrices of a split of a data set, in the order of their names.

    Raises
    ------
    InputError
        If there are none, they differ in shape, or one is no fine system matrix.
    """
    files = split_files(folder, split)
    matrices = [expect(read(f), "system_matrix", str(f), stage="fine") for f in files]
    first = matrices[0]["system_matrix"].shape
    for file, matrix in zip(files, matrices, strict=True):
        found = matrix["system_matrix"].shape
        require(found == first, str(file), f"of the shape {first} of the others", found)
    return matrices
