"""What a fitted scanner leaves of its rows, interpolated and added where it is more than noise."""

from __future__ import annotations

import numpy as np
import xarray as xr

from calib.methods.bicubic import interpolate_means
from calib.methods.consistency import nearest_consistent
from calib.methods.misfit import share_left, shrunk, with_margin
from calib.methods.physical.fitting import Fitted
from mpisim.data.blocks import block_mean
from mpisim.data.views import as_images, noise_per_row

__all__ = ["add_rest"]


def add_rest(rows: np.ndarray, coarse: xr.Dataset, fitted: Fitted, good: np.ndarray) -> None:
    """Add what is left of good rows and is significant, interpolated, in place; exact means stay exact.

    Parameters
    ----------
    rows
        Fine rows, complex (row, y, x).
    coarse
        Their block means.
    fitted
        The scanner, whose measurement tells how they were sampled and which positions do not count.
    good
        Which rows the scanner describes, (row,).
    """
    measurement = fitted.measurement
    factor, means = measurement.sampling.factor, as_images(coarse).astype(complex)
    sigma = noise_per_row(coarse) * (fitted.rescaled if not measurement.exact else 1.0)
    out = fitted.out_positions.reshape(measurement.shape)
    residual = np.where(out, 0, means - block_mean(rows, factor))
    share = measurement.sampling.filling
    weights = 1.0 if share is None else share
    chosen = good & (measurement.exact | (share_left(weights * residual, weights * means, sigma) > 0))
    if not chosen.any():
        return
    shape = (rows.shape[-2], rows.shape[-1])
    rest = interpolate_means(shrunk(residual[chosen], sigma[chosen], share), factor, shape)
    wanted = np.where(out, block_mean(rows + 0, factor), means)[chosen]
    margin = with_margin(sigma[chosen], means[0].size)
    rows[chosen] = nearest_consistent(rows[chosen] + rest, wanted, margin, factor)
