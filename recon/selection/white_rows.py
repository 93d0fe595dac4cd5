"""Rows of a matrix and its data as solvers take them: in units of the noise, chosen, and without a background.

Rows are complex128. Where it is asked for, those of a matrix of complex64 stay so: they are multiplied in float64, some
at a time, and rounded, as the rows of a file are that is read by slabs (`recon.streaming`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from mpisim.data.views import as_matrix
from mpisim.preprocess.rows import one_of_each_row
from mpisim.preprocess.whitening import whiten
from recon.selection.background import Background, Removed, eliminate

__all__ = ["WhiteRows", "noise_of_rows", "used_of", "white_rows", "without_background"]


@dataclass(frozen=True)
class WhiteRows:
    """Rows (M, N) and data (M, images) in units of the noise, and the background that was removed from them."""

    rows: np.ndarray
    columns: np.ndarray
    removed: Removed | None = None

    def over(self, deviation: np.ndarray) -> WhiteRows:
        """Return both divided by a number for each row, shape (M,); rows keep their type."""
        single = self.rows.dtype == np.complex64
        rows = _rounded(self.rows, 1 / deviation, None) if single else self.rows / deviation[:, None]
        return WhiteRows(rows, self.columns / deviation[:, None])


def used_of(rows: np.ndarray, kept: np.ndarray | None) -> np.ndarray:
    """Return the rows that are used, all where `kept` is None."""
    return rows if kept is None else rows[kept]


def white_rows(
    matrix: xr.Dataset, y: xr.Dataset, sigma: xr.DataArray | None, kept: np.ndarray | None, single: bool = False
) -> WhiteRows:
    """Return the rows that are used of a matrix and of its measurement, over the noise where it is known.

    With `single` they are complex64, unless a value leaves the range of float32.
    """
    white = y if sigma is None else whiten(y, sigma)
    columns = white["measurement"].values.reshape(-1, len(as_matrix(matrix))).T.astype(complex)
    rows = _rounded(as_matrix(matrix), 1 / noise_of_rows(matrix, sigma), kept) if single else None
    if rows is None or not np.isfinite(rows).all():
        white = matrix if sigma is None else whiten(matrix, sigma)
        rows = used_of(as_matrix(white).astype(complex, copy=False), kept)
    return WhiteRows(rows, used_of(columns, kept))


def noise_of_rows(data: xr.Dataset, sigma: xr.DataArray | None) -> np.ndarray:
    """Return a standard deviation of the noise for every row of a dataset, shape (row,); ones for None."""
    like = one_of_each_row(data)
    if sigma is None:
        return np.ones(like.size)
    return sigma.variable.set_dims(dict(like.sizes)).transpose(*like.dims).values.ravel()


def _rounded(rows: np.ndarray, factors: np.ndarray, kept: np.ndarray | None) -> np.ndarray:
    """Return the rows that are used, multiplied by the factors (row,) in float64 and rounded to complex64."""
    numbers = np.arange(len(rows)) if kept is None else np.flatnonzero(kept)
    found = np.empty((len(numbers), rows.shape[1]), np.complex64)
    with np.errstate(over="ignore"):
        for part, i in zip(found, numbers.tolist(), strict=True):
            part[:] = rows[i] * factors[i]
    return found


def without_background(
    white: WhiteRows,
    background: Background,
    y: xr.Dataset,
    sigma: xr.DataArray | None,
    kept: np.ndarray | None,
    deviation: np.ndarray | None = None,
) -> WhiteRows:
    """Return rows and data without a background; `deviation` is what they were divided by besides the noise."""
    signals = background.columns(y)
    if sigma is not None:
        signals = signals / noise_of_rows(y, sigma)[:, None]
    signals = used_of(signals, kept)
    signals = signals if deviation is None else signals / deviation[:, None]
    elimination = eliminate(signals, background.std)
    removed = Removed.of(elimination, white.rows, white.columns)
    return WhiteRows(elimination.applied(white.rows), elimination.applied(white.columns), removed)
