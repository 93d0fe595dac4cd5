"""Errors of a recovered system matrix against a reference: over the whole matrix, by harmonic and row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.metrics import nrmse
from mpisim.data.schema import expect
from mpisim.data.units import in_unit_of
from mpisim.data.views import as_images, require_same_rows
from mpisim.errors import require

__all__ = ["Evaluation", "evaluate"]


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
    """

    nrmse: float
    row_nrmse: np.ndarray
    harmonics: tuple[int, ...] = ()
    nrmse_by_harmonic: tuple[float | None, ...] = ()

    def figures(self) -> dict[str, object]:
        """Return what `mpisim evaluate --json` prints: the errors, and quantiles of those of the rows, as fractions."""
        rows = self.row_nrmse[np.isfinite(self.row_nrmse)]
        median, ninety_percent, largest = np.quantile(rows, (0.5, 0.9, 1.0)).tolist()
        harmonics = {"harmonics": list(self.harmonics), "nrmse_by_harmonic": list(self.nrmse_by_harmonic)}
        return {
            "nrmse": self.nrmse,
            **(harmonics if self.harmonics else {}),
            "row_nrmse_median": median,
            "row_nrmse_90_percent": ninety_percent,
            "row_nrmse_max": largest,
        }


def evaluate(found: xr.Dataset, reference: xr.Dataset) -> Evaluation:
    """Compare two fine system matrices of the same rows and voxels; `mpisim evaluate` prints its `figures()`.

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
    expect(found, "system_matrix", "found", stage="fine")
    expect(reference, "system_matrix", "reference", stage="fine")
    a, b = as_images(found), as_images(reference)
    wanted, received = (f"{len(m)} rows of {m.shape[2]} x {m.shape[1]}" for m in (b, a))
    require(a.shape == b.shape, "found", f"of the reference's {wanted} voxels", received)
    require_same_rows(found, reference, "found")
    _require_same_voxels(found, reference)
    found = in_unit_of(found, reference, "found")
    a = as_images(found)
    harmonics, errors = _by_harmonic(found, reference) if "harmonic" in reference.coords else ((), ())
    return Evaluation(nrmse(found, reference), nrmse(a, b, axis=(-2, -1)), harmonics, errors)


def _require_same_voxels(found: xr.Dataset, reference: xr.Dataset) -> None:
    for axis, edge in zip("xyz", Grid.of(reference).voxel, strict=False):
        off = float(np.max(np.abs(found[axis].values - reference[axis].values)))
        must = f"at the reference's voxel centres along {axis}"
        require(off < 1e-3 * edge, "found", must, f"centres up to {off:.3g} m off")


def _by_harmonic(found: xr.Dataset, reference: xr.Dataset) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    wanted = reference["system_matrix"]
    others = tuple(i for i, dim in enumerate(wanted.dims) if dim != "frequency")
    errors = nrmse(found["system_matrix"].values, wanted.values, axis=others)
    numbers = tuple(int(h) for h in reference["harmonic"].values)
    return numbers, tuple(float(e) if np.isfinite(e) else None for e in errors)
