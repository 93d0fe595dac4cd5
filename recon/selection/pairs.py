"""A matrix and a measurement that are reconstructed together: same sequence, and the rows that both have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from mpisim.errors import InputError, require, warn
from mpisim.io.mdf.acquired import acquisition_of
from mpisim.preprocess.pairing import common, mismatches
from mpisim.preprocess.step import stated

__all__ = ["paired", "require_same_transfer"]

_SAME_GAIN = 1e-3  # relative


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


def require_same_transfer(matrix: xr.Dataset, y: xr.Dataset) -> None:
    """Refuse a transfer function that was divided out of one of two files only, and warn where it may be another.

    A `DataWarning` says that one file alone states it, or that those of both differ: the image is wrong by their ratio.

    Raises
    ------
    InputError
        If the rows of one file contain the transfer function, and it was divided out of those of the other one.
    """
    contained = ["transfer_function" in data and not _is_divided(data) for data in (matrix, y)]
    for data, holds, name, others in (
        (matrix, contained[1], "matrix", "measurement"),
        (y, contained[0], "measurement", "matrix"),
    ):
        must = f"one whose rows contain the transfer function, as the {others} (`mpisim preprocess` divides both)"
        require(not (holds and _is_divided(data)), name, must, "one out of which it was divided")
        if holds and "transfer_function" not in data:
            warn(
                f"The {others} states the transfer function of its receive chain, and the {name} states none: where "
                "its rows do not contain the same one, the image is wrong by it."
            )
    if all(contained):
        one, another = (data["transfer_function"].values for data in (matrix, y))
        if one.shape == another.shape and not np.allclose(one, another, rtol=_SAME_GAIN, atol=0, equal_nan=True):
            warn(
                "The transfer functions of the matrix and of the measurement differ: the image is wrong by their ratio."
            )


def _is_divided(data: xr.Dataset) -> bool:
    return stated(data).get("transfer_function") in ("divided out", "corrected before")
