r"""Priors as files: written by `mpisim prior`, read once, and made from a folder of matrices.

A file (`.npz`) holds bases and coefficients in whole steps: a coefficient in steps of `_COEFFICIENT` of the RMS of its
row's vector, and a vector of a basis, times the RMS of its coefficients, in steps of a precision. A row then errs by
about the precision times the root of a twelfth of the vectors, .1 % of its RMS by default; most numbers are small and
take few bits. Nothing in a file is code: it is read without pickles.
"""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from calib.methods.linear_bayes.family import Family
from calib.methods.linear_bayes.making import RANK, family_of
from mpisim.data.grid import Grid
from mpisim.errors import InputError, require, whole, within
from mpisim.io.atomic import replacing
from mpisim.io.reading import read
from mpisim.progress import progress

__all__ = ["BUNDLED", "PRECISION", "prior_files", "prior_of_folder", "read_prior", "write_prior"]

BUNDLED = Path(__file__).parents[2] / "priors" / "realistic.npz"
"""The prior that comes with the package."""
PRECISION = 5e-4
"""Step of a file's numbers, relative to the RMS of a row."""
_COEFFICIENT = 1e-3
_VERSION = 1
_PRECISIONS = (1e-6, 1e-2)


def write_prior(family: Family, path: str | os.PathLike[str], precision: float = PRECISION) -> None:
    """Write a family into a file, atomically.

    Parameters
    ----------
    family
        The known matrices.
    path
        The file, `.npz`.
    precision
        Step of its numbers, relative to the RMS of a row, from 1e-6 to 1e-2.

    Raises
    ------
    InputError
        If the name does not end in `.npz`, the precision is out of range, or the file cannot be written.
    """
    require(Path(path).suffix == ".npz", "prior", "a file name that ends in .npz", str(path))
    step = within("precision", precision, *_PRECISIONS, "")
    size = float(np.sqrt(family.bases.shape[-1]))
    level = _levels(family)
    grid = {"shape": family.grid.shape, "fov": family.grid.fov, "center": family.grid.center}
    about = {"version": _VERSION, "precision": step, "grid": grid, "about": dict(family.about)}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            about=np.frombuffer(json.dumps(about).encode(), np.uint8),
            bases=_whole(family.bases * (level * size)[None, :, :, None], step),
            coefficients=np.moveaxis(_whole(family.coefficients / size, _COEFFICIENT), 0, -1),  # deflates better
            level=level,
            angles=family.angles,
            frequencies=family.frequencies,
            parity=family.parity,
            left=family.left,
        )


def _levels(family: Family) -> np.ndarray:
    """Return the RMS of the coefficients against that of a row, (frequency, rank)."""
    power = np.mean(family.coefficients.astype(float) ** 2, axis=(0, 1))
    return np.sqrt(np.maximum(power, 1e-12) / family.bases.shape[-1])


def _whole(values: np.ndarray, step: float) -> np.ndarray:
    numbers = np.rint(values / step)
    return numbers.astype(np.int16 if np.abs(numbers).max(initial=0) < 2**15 else np.int32)


def read_prior(path: str | os.PathLike[str] | None = None) -> Family:
    """Return the prior of a file of `write_prior`, or of a folder of fine matrices; None for the bundled one.

    A prior that was read before is not read again unless the file is another one.

    Raises
    ------
    InputError
        If there is none, or it is no prior.
    """
    file = BUNDLED if path is None else Path(path)
    if file.is_dir():
        return _folder(file, tuple((f, f.stat().st_mtime_ns) for f in prior_files(file)))
    require(file.is_file(), "prior", "a file of `mpisim prior` or a folder of fine matrices", str(file))
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _folder(folder: Path, files: tuple[tuple[Path, int], ...]) -> Family:
    return prior_of_folder(folder)


@lru_cache(maxsize=2)
def _read(file: Path, changed: int) -> Family:
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as held:
            about = json.loads(held["about"].tobytes())
            found = {name: held[name] for name in held.files}
        require(about["version"] == _VERSION, "prior", f"of version {_VERSION}", about["version"])
        grid = Grid(tuple(about["grid"]["shape"]), tuple(about["grid"]["fov"]), tuple(about["grid"]["center"]))
        level = found["level"]
        size = float(np.sqrt(found["bases"].shape[-1]))
        bases = found["bases"] * (about["precision"] / (level * size))[None, :, :, None]
        return Family(
            np.ascontiguousarray(np.moveaxis(found["coefficients"], -1, 0) * np.float32(_COEFFICIENT * size)),
            bases.astype(np.float32),
            grid,
            found["angles"],
            found["frequencies"],
            found["parity"],
            found["left"],
            {**about["about"], "file": file.name},
        )
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        must = "a file of `mpisim prior` or a folder of fine matrices"
        raise InputError(f"Input prior must be {must}; instead received {file}, which is none.") from None


def prior_files(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the files of a folder's fine matrices: those of its split `train`, if it has one, else those in it.

    Raises `InputError` if there are none.
    """
    folder = Path(folder)
    files = sorted((folder / "train").glob("*.nc")) or sorted(folder.glob("*.nc"))
    require(len(files) > 0, "prior", "a folder with fine matrices (*.nc), or with a split `train` of them", str(folder))
    return files


def prior_of_folder(folder: str | os.PathLike[str], members: int | None = None, rank: int = RANK) -> Family:
    """Return the family of the matrices of a folder.

    Parameters
    ----------
    folder
        See `prior_files`.
    members
        Matrices whose coefficients are kept, the first ones; None for all. Bases are those of all matrices.
    rank
        Vectors of a basis, at most.

    Raises
    ------
    InputError
        As `family_of`, or if `members` is not a whole number from 3.
    """
    kept = None if members is None else whole("members", members, 3)
    files = prior_files(folder)
    matrices = (read(file) for file in progress(files, unit="matrix"))
    family = family_of(matrices, rank, {"matrices": len(files), "source": Path(folder).name})
    return family if kept is None else replace(family, coefficients=family.coefficients[:kept])
