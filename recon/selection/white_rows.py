"""Rows of a matrix and its data as solvers take them: in units of the noise, chosen, and without a background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from mpisim.data.views import as_matrix
from mpisim.preprocess.rows import one_of_each_row
from mpisim.preprocess.whitening import whiten
from recon.selection.background import Background, Removed, eliminate

__all__ = ["WhiteRows", "used_of", "white_rows", "without_background"]


@dataclass(frozen=True)
class WhiteRows:
    """Rows (M, N) and data (M, images) in units of the noise, and the background that was removed from them."""

    rows: np.ndarray
    columns: np.ndarray
    removed: Removed | None = None

    def over(self, deviation: np.ndarray) -> WhiteRows:
        """Return both divided by a number for each row, shape (M,)."""
        return WhiteRows(self.rows / deviation[:, None], self.columns / deviation[:, None])


def used_of(rows: np.ndarray, kept: np.ndarray | None) -> np.ndarray:
    """Return the rows that are used, all where `kept` is None."""
    return rows if kept is None else rows[kept]


def white_rows(matrix: xr.Dataset, y: xr.Dataset, sigma: xr.DataArray | None, kept: np.ndarray | None) -> WhiteRows:
    """Return the rows that are used of a matrix and of its measurement, over the noise where it is known."""
    if sigma is not None:
        matrix, y = whiten(matrix, sigma), whiten(y, sigma)
    rows = as_matrix(matrix).astype(complex, copy=False)
    columns = y["measurement"].values.reshape(-1, len(rows)).T.astype(complex)
    return WhiteRows(used_of(rows, kept), used_of(columns, kept))


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
        like = one_of_each_row(y)
        signals = signals / sigma.broadcast_like(like).transpose(*like.dims).values.reshape(-1, 1)
    signals = used_of(signals, kept)
    signals = signals if deviation is None else signals / deviation[:, None]
    elimination = eliminate(signals, background.std)
    removed = Removed.of(elimination, white.rows, white.columns)
    return WhiteRows(elimination.applied(white.rows), elimination.applied(white.columns), removed)
