"""How far a system matrix is from a reference: over the whole matrix and row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.metrics import nrmse
from mpisim.data.schema import expect
from mpisim.data.views import as_images, require_same_rows
from mpisim.errors import require

__all__ = ["evaluate"]


def evaluate(found: xr.Dataset, reference: xr.Dataset) -> dict[str, Any]:
    """Compare two system matrices of the same rows and voxels.

    Parameters
    ----------
    found, reference
        Fine system matrices; errors are relative to the reference.

    Returns
    -------
    dict
        `nrmse`, a fraction, Frobenius over the whole matrix; `nrmse_by_harmonic`, a list in the order of the file's
        frequencies, where rows have harmonics; `row_nrmse`, an array over rows (NaN where the reference row is zero).

    Raises
    ------
    InputError
        If one is not fine, rows, shapes or voxel positions differ, or the reference is zero.
    """
    expect(found, "system_matrix", "found", stage="fine")
    expect(reference, "system_matrix", "reference", stage="fine")
    a, b = as_images(found), as_images(reference)
    require(
        a.shape == b.shape,
        "found",
        f"of the reference's {b.shape[0]} rows of {b.shape[2]} x {b.shape[1]} voxels",
        f"{a.shape[0]} rows of {a.shape[2]} x {a.shape[1]}",
    )
    require_same_rows(found, reference, "found")
    for axis in "xyz" if "z" in reference.coords else "xy":
        step = np.ptp(reference[axis].values) / max(1, reference.sizes[axis] - 1) or 1e-3
        off = float(np.max(np.abs(found[axis].values - reference[axis].values)))
        require(
            off < 1e-3 * step,
            "found",
            f"at the reference's voxel centres along {axis}",
            f"centres up to {off:.3g} m off",
        )
    result: dict[str, Any] = {"nrmse": nrmse(found, reference), "row_nrmse": nrmse(a, b, axis=(-2, -1))}
    if "harmonic" in reference.coords:
        position = list(reference["system_matrix"].dims).index("frequency")
        other = tuple(i for i in range(reference["system_matrix"].ndim) if i != position)
        by = nrmse(found["system_matrix"].values, reference["system_matrix"].values, axis=other)
        result["harmonics"] = [int(h) for h in reference["harmonic"].values]
        result["nrmse_by_harmonic"] = [float(e) if np.isfinite(e) else None for e in by]
    return result
