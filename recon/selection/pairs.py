"""A matrix and a measurement that are reconstructed together: same sequence, and the rows that both have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from mpisim.errors import InputError, require, warn
from mpisim.io.mdf.acquired import acquisition_of
from mpisim.preprocess.pairing import common, mismatches

__all__ = ["paired"]


def paired(matrix: xr.Dataset, y: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Return a matrix and a measurement with the frequencies that both have.

    Where both state how they were acquired (files of MDF), another sequence, receiver or state of the transfer function
    is refused, and a `DataWarning` says that the tracers differ. Another one says how many frequencies were lost.

    Raises
    ------
    InputError
        If they were not acquired alike, or have no frequency in common.
    """
    if all(isinstance(data.attrs.get("mdf"), Mapping) for data in (matrix, y)):
        for mismatch in mismatches(acquisition_of(matrix), acquisition_of(y)):
            if mismatch.what == "tracer":
                warn(f"{mismatch.sentence} The image shows a tracer of another response, and is wrong by it.")
            else:
                raise InputError(
                    f"Input y must be a measurement of the matrix' {mismatch.what}; instead received another: "
                    f"{mismatch.sentence.rstrip('.')}."
                )
    return _common_rows(matrix, y)


def _common_rows(matrix: xr.Dataset, y: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    stated = all("frequency" in data.coords and data["frequency"].ndim == 1 for data in (matrix, y))
    if not stated or matrix.sizes["frequency"] == y.sizes["frequency"]:
        return matrix, y
    rows, data = matrix["frequency"].values, y["frequency"].values
    kept, measured = common(rows, data), common(data, rows)
    lost, count = int(np.count_nonzero(~kept)), rows.size
    require(bool(kept.any()), "y", "measured at frequencies of the matrix", "none of them")
    if lost:
        warn(f"{lost} of {count} frequencies of the matrix are not in the measurement; their rows are not used.")
    return matrix.isel(frequency=kept), y.isel(frequency=measured)
