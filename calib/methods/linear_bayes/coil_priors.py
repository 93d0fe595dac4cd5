"""Priors of matrices with several receive coils: a family of its own for each coil.

A folder of matrices with the dimension `receive` is a prior of each coil by itself; the coils of a matrix that is
recovered are then those of the prior, in the same order. A prior of one coil serves every coil of a matrix.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import xarray as xr

from calib.methods.linear_bayes.family import Family
from calib.methods.linear_bayes.making import family_of
from calib.methods.linear_bayes.matching import unlike_prior
from calib.methods.linear_bayes.prior_file import prior_files, read_prior
from mpisim.errors import require
from mpisim.io.reading import read

__all__ = ["coil_priors", "unlike_priors"]


def coil_priors(path: str | os.PathLike[str] | None = None) -> tuple[Family | None, ...]:
    """Return the prior of every coil; None for a coil that receives nothing in any matrix.

    Parameters
    ----------
    path
        A file of `mpisim prior`, which is of one coil, or a folder of fine matrices; None for the bundled one.

    Raises
    ------
    InputError
        If there is no such prior, or matrices of the folder differ in their coils, rows or voxels.
    """
    if path is None or not Path(path).is_dir():
        return (read_prior(path),)
    files = prior_files(path)
    if "receive" not in read(files[0])["system_matrix"].dims:
        return (read_prior(path),)
    return _of_files(Path(path).name, tuple((file, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=2)
def _of_files(source: str, files: tuple[tuple[Path, int], ...]) -> tuple[Family | None, ...]:
    matrices = [read(file) for file, _ in files]
    count = matrices[0].sizes["receive"]
    for number, matrix in enumerate(matrices):
        name, found = f"matrix {number} of the prior", matrix.sizes.get("receive", 0)
        require(found == count, name, f"of {count} receive coils, as the others", found or "without coils")
    about = {"matrices": len(matrices), "source": source}
    families: list[Family | None] = []
    for coil in range(count):
        parts = [matrix.isel(receive=coil, drop=True) for matrix in matrices]
        silent = not any(np.any(part["system_matrix"].values) for part in parts)
        families.append(None if silent else family_of(parts, about={**about, "coil": coil}))
    return tuple(families)


def unlike_priors(coarse: xr.Dataset, families: tuple[Family | None, ...]) -> str:
    """Return in words what a matrix has that the priors of its coils do not know; empty where it can be recovered."""
    coils = coarse.sizes.get("receive", 1)
    if len(families) > 1 and len(families) != coils:
        return f"the prior has {len(families)} receive coils and the matrix {coils}"
    found = (unlike_prior(coarse, family) for family in families if family is not None)
    return next(filter(None, found), "")
