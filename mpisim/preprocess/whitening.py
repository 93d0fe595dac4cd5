r"""Whitening: rows divided by the standard deviation of their noise.

.. math:: A_{ij} \to A_{ij} / \sigma_i,\qquad y_i \to y_i / \sigma_i

(TranSMS, section II.A.3). White complex noise has :math:`E|n_i|^2 = 1` in every row.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from mpisim.data.schema import VOXEL_DIMS
from mpisim.errors import finite, require
from mpisim.preprocess.rows import scaled

__all__ = ["whiten"]


def whiten(data: xr.Dataset, noise_std: float | xr.DataArray) -> xr.Dataset:
    """Divide the rows of a system matrix or measurement by the standard deviation of noise.

    Parameters
    ----------
    data
        A dataset of the schema with the kind `system_matrix` or `measurement`.
    noise_std
        Complex noise standard deviation, in the unit of the measurement: a number, or an array over some of the row
        dimensions. A matrix is whitened with the noise of its measurement.

    Returns
    -------
    xarray.Dataset
        The same dataset with complex128 values and the unit 1. Its own `noise_std` and `system_matrix_std`,
        where it has them, are divided likewise.

    Raises
    ------
    InputError
        If a standard deviation is not a positive number, or its dimensions are not row dimensions of the data.
    """
    kind = data.attrs["kind"]
    values = data[kind].variable
    rows = {str(d): n for d, n in values.sizes.items() if d not in VOXEL_DIMS}
    sigma = noise_std.variable if isinstance(noise_std, xr.DataArray) else xr.Variable((), float(noise_std))
    finite("noise_std", sigma.values)
    require(bool(np.all(sigma.values > 0)), "noise_std", "positive in every row", float(sigma.min()))
    require(sigma.sizes.items() <= rows.items(), "noise_std", f"over row dimensions of the {rows}", dict(sigma.sizes))
    return scaled(data, sigma, units="1", dtype=np.complex128, divide=True)
