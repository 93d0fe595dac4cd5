"""Errors of a recovered system matrix against a reference: over the whole matrix, by harmonic and row by row.

Two files are compared a block of rows at a time: the squared norms of every row add up to those of the matrix and of
its harmonics, so that memory does not grow with the files. So do the sums that say how well the standard deviation
that a matrix states describes its errors (`mpisim.data.coverage`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr

from mpisim.data.coverage import Coverage, Tally, tally
from mpisim.data.grid import Grid
from mpisim.data.metrics import squared_norms
from mpisim.data.schema import CIRCULARITY, STD, expect
from mpisim.data.units import in_unit_of
from mpisim.data.views import as_images, require_same_rows
from mpisim.errors import require, warn
from mpisim.io.contents import contents_of
from mpisim.io.reading import read_blocks

__all__ = ["COVERAGE", "Evaluation", "evaluate", "evaluate_files", "part_of"]

COVERAGE = {"within_68": "coverage_68", "within_95": "coverage_95", "std_over_rmse": "std_over_rmse"}
"""What printed figures call those of `mpisim.data.coverage.Coverage`."""
_VALUES_AT_ONCE = 2_000_000
_OFF = 1e-3  # voxels by which centres may differ


@dataclass(frozen=True)
class Evaluation:
    """Errors relative to a reference, as fractions.

    Parameters
    ----------
    nrmse
        Frobenius norm of the error over that of the reference, over the whole matrix.
    row_nrmse
        The same for every row, (row,); NaN where the reference row is zero.
    harmonics
        Harmonics in the order of the file's frequencies; empty where rows have none.
    nrmse_by_harmonic
        The same for the rows of each; None where they are zero in the reference.
    nrmse_by_channel
        The same for the rows of each receive channel; empty where there are not several.
    coverage
        How well the `system_matrix_std` of the matrix describes the errors; None where it has none.
    coverage_by_harmonic
        The same for the rows of each harmonic.
    """

    nrmse: float
    row_nrmse: np.ndarray
    harmonics: tuple[int, ...] = ()
    nrmse_by_harmonic: tuple[float | None, ...] = ()
    nrmse_by_channel: tuple[float | None, ...] = ()
    coverage: Coverage | None = None
    coverage_by_harmonic: tuple[Coverage, ...] = ()

    def figures(self) -> dict[str, object]:
        """Return what `mpisim evaluate --json` prints: the errors, and quantiles of those of the rows, as fractions."""
        rows = self.row_nrmse[np.isfinite(self.row_nrmse)]
        median, ninety_percent, largest = np.quantile(rows, (0.5, 0.9, 1.0)).tolist()
        harmonics = {"harmonics": list(self.harmonics), "nrmse_by_harmonic": list(self.nrmse_by_harmonic)}
        channels = {"nrmse_by_channel": list(self.nrmse_by_channel)}
        return {
            "nrmse": self.nrmse,
            **(harmonics if self.harmonics else {}),
            **(channels if self.nrmse_by_channel else {}),
            "row_nrmse_median": median,
            "row_nrmse_90_percent": ninety_percent,
            "row_nrmse_max": largest,
            **self._covered(),
        }

    def _covered(self) -> dict[str, object]:
        """Return how well the deviation describes the errors, in total and by harmonic; empty where there is none."""
        if self.coverage is None:
            return {}
        figures: dict[str, object] = {COVERAGE[name]: value for name, value in asdict(self.coverage).items()}
        for name, key in COVERAGE.items() if self.coverage_by_harmonic else ():
            figures[f"{key}_by_harmonic"] = [getattr(part, name) for part in self.coverage_by_harmonic]
        return figures


def evaluate(found: xr.Dataset, reference: xr.Dataset) -> Evaluation:
    """Compare two fine system matrices of the same rows and voxels; `mpisim evaluate` prints its `figures()`.

    A reference of more voxels than the found matrix, as after `downsample(..., edge="crop")`, is cut to those of the
    found one, with a warning.

    Parameters
    ----------
    found
        A recovered matrix, in any multiple of the reference's unit.
    reference
        The matrix that it should be.

    Raises
    ------
    InputError
        If one is not fine, rows, shapes, voxel positions or units differ, or the reference is zero.
    """
    return _summed([_norms(found, reference)])


def evaluate_files(
    found: str | os.PathLike[str], reference: str | os.PathLike[str], values_at_once: int = _VALUES_AT_ONCE
) -> Evaluation:
    """Compare two files as `evaluate` compares their matrices, in blocks of at most so many values of each.

    Raises `InputError` as `evaluate`; or if a file cannot be read.
    """
    shapes = [_shape(path) for path in (found, reference)]
    size = values_at_once if shapes[0] == shapes[1] else 2**62  # `evaluate` says what differs
    blocks = zip(read_blocks(found, size), read_blocks(reference, size), strict=True)
    return _summed([_norms(a, b) for a, b in blocks])


def _shape(path: str | os.PathLike[str]) -> tuple[int, ...] | None:
    return next((a.shape for a in contents_of(path).arrays if a.name == "system_matrix"), None)


@dataclass(frozen=True)
class _Norms:
    """Squared norms of error and reference, and the sums of coverage, by row in dimensions of rows; and harmonics."""

    dims: tuple[str, ...]
    error: np.ndarray
    reference: np.ndarray
    harmonics: tuple[int, ...]
    tally: Tally | None = None


def _norms(found: xr.Dataset, reference: xr.Dataset) -> _Norms:
    """Check that two matrices, or blocks of them, can be compared, and return their norms by row."""
    expect(found, "system_matrix", "found", stage="fine")
    expect(reference, "system_matrix", "reference", stage="fine")
    reference = part_of(reference, Grid.of(found))
    a, b = as_images(found), as_images(reference)
    wanted, received = (f"{len(m)} rows of {m.shape[2]} x {m.shape[1]}" for m in (b, a))
    require(a.shape == b.shape, "found", f"of the reference's {wanted} voxels", received)
    require_same_rows(found, reference, "found")
    _require_same_voxels(found, reference)
    found = in_unit_of(found, reference, "found")
    a = as_images(found)
    error, squared = squared_norms(a, b, axis=(-2, -1))
    sizes = {str(d): n for d, n in reference["system_matrix"].sizes.items() if d not in ("y", "x")}
    harmonics = reference["harmonic"].values if "harmonic" in reference.coords else ()
    shape = tuple(sizes.values())
    sums = None
    if STD in found:
        own = (found[name].values.reshape(*shape, -1) if name in found else None for name in (STD, CIRCULARITY))
        std, circularity = own
        assert std is not None
        sums = tally(a.reshape(*shape, -1), b.reshape(*shape, -1), std, axis=-1, circularity=circularity)
    numbers = tuple(int(h) for h in harmonics)
    return _Norms(tuple(sizes), error.reshape(shape), squared.reshape(shape), numbers, sums)


def part_of(reference: xr.Dataset, grid: Grid) -> xr.Dataset:
    """Return a reference without the voxels beyond a grid that is its first part, with a warning, or as it is."""
    (nx, ny), whole = grid.shape[:2], Grid.of(reference)
    if (nx, ny) == whole.shape[:2] or not (nx <= whole.shape[0] and ny <= whole.shape[1]):
        return reference
    first = whole.first(nx, ny)
    off = [abs(grid.axis(i) - first.axis(i)).max() / whole.voxel[i] for i in (0, 1)]
    if max(off) > _OFF:  # no larger grid, but another one
        return reference
    warn(f"The reference of {whole.shape[0]} x {whole.shape[1]} voxels is compared on its first {nx} x {ny}.")
    return reference.isel(x=slice(0, nx), y=slice(0, ny))


def _summed(blocks: Sequence[_Norms]) -> Evaluation:
    """Return the errors of a matrix from the norms of its blocks along the first dimension."""
    dims = blocks[0].dims
    error, squared = (np.concatenate([getattr(b, name) for b in blocks]) for name in ("error", "reference"))
    require(bool(np.any(squared > 0)), "reference", "different from zero", "all zeros")
    harmonics = sum((b.harmonics for b in blocks), ()) if dims[0] == "frequency" else blocks[0].harmonics
    tallies = [b.tally for b in blocks if b.tally is not None]
    sums = Tally.joined(tallies) if len(tallies) == len(blocks) else None
    several = "receive" in dims and error.shape[dims.index("receive")] > 1
    return Evaluation(
        math.sqrt(error.sum() / squared.sum()),
        _ratio(error, squared).ravel(),
        harmonics,
        _along("frequency", dims, error, squared) if harmonics else (),
        _along("receive", dims, error, squared) if several else (),
        None if sums is None else sums.coverage(),
        tuple(t.coverage() for t in sums.groups(dims.index("frequency"))) if sums is not None and harmonics else (),
    )


def _along(dim: str, dims: tuple[str, ...], error: np.ndarray, squared: np.ndarray) -> tuple[float | None, ...]:
    """Return the error of all rows at each place along a dimension; None where the reference is zero."""
    others = tuple(i for i, name in enumerate(dims) if name != dim)
    errors = _ratio(error.sum(axis=others), squared.sum(axis=others))
    return tuple(float(e) if np.isfinite(e) else None for e in errors)


def _ratio(error: np.ndarray, squared: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(error) / np.sqrt(squared))


def _require_same_voxels(found: xr.Dataset, reference: xr.Dataset) -> None:
    for axis, edge in zip("xyz", Grid.of(reference).voxel, strict=False):
        off = float(np.max(np.abs(found[axis].values - reference[axis].values)))
        must = f"at the reference's voxel centres along {axis}"
        require(off < _OFF * edge, "found", must, f"centres up to {off:.3g} m off")
