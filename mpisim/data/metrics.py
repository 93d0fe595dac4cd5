r"""The one definition of the normalised root-mean-square error.

.. math:: \mathrm{nRMSE}(\hat A) = \lVert \hat A - A \rVert_F / \lVert A \rVert_F

(TranSMS Eq. 25), over a whole system matrix; figures over several matrices are the mean of theirs, not pooled.
"""

from __future__ import annotations

from typing import overload

import numpy as np
import xarray as xr

from mpisim.data.units import in_unit_of
from mpisim.errors import InputError, require

__all__ = ["nrmse", "squared_norms"]


Values = xr.Dataset | np.ndarray
"""A dataset of the schema, or an array."""


@overload
def nrmse(found: Values, reference: Values, axis: None = None) -> float: ...
@overload
def nrmse(found: Values, reference: Values, axis: int | tuple[int, ...]) -> np.ndarray: ...
def nrmse(found: Values, reference: Values, axis: int | tuple[int, ...] | None = None) -> float | np.ndarray:
    """Normalised root-mean-square error, a fraction: 0 is perfect, 1 is the error of a matrix of zeros.

    Parameters
    ----------
    found, reference
        System matrices (or images) as datasets of the schema, or arrays of one shape and any unit. A dataset is
        converted to the unit of the reference (`mpisim.data.units`).
    axis
        Axes of the arrays to sum over; None, the default, sums over all and gives a float.

    Raises
    ------
    InputError
        If the shapes differ, the units are not multiples of one unit, or the reference is zero.
    """
    if isinstance(found, xr.Dataset) and isinstance(reference, xr.Dataset):
        found = in_unit_of(found, reference, "found")
    squared_error, squared = squared_norms(_values(found), _values(reference), axis)
    scale = np.sqrt(squared)
    require(bool(np.all(scale > 0)) or axis is not None, "reference", "different from zero", "all zeros")
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(squared_error) / scale
    return float(error) if axis is None else error


def squared_norms(
    a: np.ndarray, b: np.ndarray, axis: int | tuple[int, ...] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the squared norms of a - b and of b over some axes, whose sums over blocks are those of all.

    Raises `InputError` if the shapes differ.
    """
    require(a.shape == b.shape, "found", f"of the reference's shape {b.shape}", a.shape)
    error = np.sum(np.abs(a.astype(complex) - b) ** 2, axis=axis)
    return error, np.sum(np.abs(b.astype(complex)) ** 2, axis=axis)


def _values(data: Values) -> np.ndarray:
    if isinstance(data, xr.Dataset):
        for name in ("system_matrix", "image", "measurement"):
            if name in data:
                return data[name].values
        raise InputError(
            "Input found must be a dataset with a system matrix, image or measurement; "
            f"instead received the variables {sorted(map(str, data))}."
        )
    return np.asarray(data)
