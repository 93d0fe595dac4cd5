r"""Which rows of a system matrix and its measurement an image is reconstructed from.

A row is kept where every condition that is given holds: it is marked in a mask, its frequency lies in a band, and its
signal-to-noise ratio

.. math:: \mathrm{SNR}_i = \sqrt{\tfrac1N \sum_j |A_{ij}|^2}\,/\,\sigma_i

with the complex noise standard deviation :math:`\sigma_i` of the *matrix* is at least a threshold (a ratio, not
decibels). Selection keeps >=.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from mpisim.data.schema import VOXEL_DIMS
from mpisim.data.views import noise_known
from mpisim.errors import InputError, non_negative, require
from mpisim.preprocess.row_snr import row_snr as snr_of_rows
from mpisim.preprocess.selection import in_band

__all__ = ["chosen_rows"]


def chosen_rows(
    matrix: xr.Dataset,
    row_mask: np.ndarray | xr.DataArray | None = None,
    min_frequency: float | None = None,
    max_frequency: float | None = None,
    row_snr: float | None = None,
) -> np.ndarray | None:
    """Return which rows are kept, shape (row,), or None where no condition is given.

    Parameters
    ----------
    matrix
        A system matrix.
    row_mask
        True (or 1) for the rows to keep: shape (row,), that of the matrix's row dimensions (angle, receive, frequency),
        or an `xarray.DataArray` over some of them.
    min_frequency, max_frequency
        Least and greatest frequency in Hz.
    row_snr
        Least signal-to-noise ratio of a row of the matrix (see the module), a ratio.

    Raises
    ------
    InputError
        If no row is left, the mask does not fit, or the matrix does not know the frequencies or the noise asked for.
    """
    like = matrix["system_matrix"].isel({d: 0 for d in VOXEL_DIMS if d in matrix["system_matrix"].dims}, drop=True)
    kept = np.ones(like.shape, bool)
    conditions = []
    if row_mask is not None:
        conditions.append("row_mask")
        kept &= _mask(row_mask, like)
    if min_frequency is not None or max_frequency is not None:
        conditions.append("min_frequency or max_frequency")
        kept &= _in_band(matrix, like, min_frequency, max_frequency)
    if row_snr is not None:
        conditions.append("row_snr")
        require(noise_known(matrix), "matrix", "of known noise where row_snr is given", "one without noise_std")
        kept &= snr_of_rows(matrix) >= non_negative("row_snr", row_snr)
    if not conditions:
        return None
    count = int(np.count_nonzero(kept))
    require(count > 0, " and ".join(conditions), f"such that rows are left of the matrix's {kept.size}", "no row")
    return kept.ravel()


def _mask(mask: np.ndarray | xr.DataArray, like: xr.DataArray) -> np.ndarray:
    """Return a mask of the shape of the rows."""
    if isinstance(mask, xr.DataArray):
        foreign = set(mask.dims) - set(like.dims)
        require(not foreign, "row_mask", f"over dimensions of the rows {like.dims}", tuple(mask.dims))
        sizes = {d: like.sizes[d] for d in mask.dims}
        require(dict(mask.sizes) == sizes, "row_mask", f"of the sizes {sizes}", dict(mask.sizes))
        mask = mask.drop_vars(list(mask.coords)).broadcast_like(like.drop_vars(list(like.coords)))
        mask = mask.transpose(*like.dims).values
    values = np.asarray(mask)
    fits = values.shape in (like.shape, (like.size,))
    require(fits, "row_mask", f"of the shape {like.shape} or ({like.size},) of the matrix's rows", values.shape)
    plain = values.dtype.kind == "b" or (values.dtype.kind in "iuf" and bool(np.all((values == 0) | (values == 1))))
    require(plain, "row_mask", "true or false (1 or 0) for every row", f"values of type {values.dtype}")
    return values.astype(bool).reshape(like.shape)


def _in_band(matrix: xr.Dataset, like: xr.DataArray, least: float | None, greatest: float | None) -> np.ndarray:
    """Return which rows have a frequency in a band, in the shape of the rows."""
    if "frequency" not in matrix.coords:
        raise InputError(
            "Input matrix must state the frequency of its rows where min_frequency or max_frequency is given; "
            "instead received one without a coordinate frequency."
        )
    inside = matrix["frequency"].copy(data=in_band(matrix["frequency"].values, least, greatest))
    return inside.broadcast_like(like).transpose(*like.dims).values
