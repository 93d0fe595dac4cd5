r"""Whether rows are what a method presumes, told by block means that took no part in the fit.

The profile of a harmonic (`calib.methods.profile_fit`) is fitted to every other angle and predicts the block means at
those between, and the other way round. On the block means of its own fit a profile may err little and yet have invented
everything between them: with a gradient that grows by a tenth towards the edge, it leaves 3.6 times the noise at 8x on
the angles of the fit, 14 times on the others, and its rows err by 170 %. With fewer than `_ANGLES` angles those between
are too far away; blocks are then left out like the black and white squares of a chessboard, in turn from angle to
angle.

A row that is a ridge by itself is not one of a profile; whether rows are ridges is told by what a ridge leaves of them.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from calib.methods.geometry import Geometry
from calib.methods.profile_fit import Design
from mpisim.data.noise import rms
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images, noise_per_row

__all__ = ["doubt_of_ridges", "held_out"]

_ANGLES = 8  # from which every other one is enough
_ROWS = 0.9  # share of the rows that decides: a few bad ones do not count
_MARGIN = 2.0  # of the noise: what a fit to half the data adds to it
_FAR = 0.05  # share of a row's energy that is left where a row is no ridge; a coil that falls by 35 % leaves 0.02
_NO_RIDGES = 0.1  # share of the rows that may be no ridges on a scanner with a field-free line
_TRIED = 64  # rows, at most
_FEWEST = 8  # block means of a row that show its direction; with 4 no scanner gains by ridges


def held_out(coarse: xr.Dataset) -> float:
    """Return how profiles err at block means that were held out of their fits.

    Parameters
    ----------
    coarse
        Block means of known noise, (angle, [receive,] frequency, y, x); coils are fitted alone.

    Returns
    -------
    float
        Mean square of the error beyond twice that of the noise over that of all block means, 0 or more, in the row that
        nine of ten do not exceed.
    """
    coils = [coarse.isel(receive=i) for i in range(coarse.sizes["receive"])] if "receive" in coarse.dims else [coarse]
    left, sigma = (np.concatenate(parts) for parts in zip(*map(_errors, coils), strict=True))
    unit = float(rms(as_images(coarse))) or 1.0
    return max(0.0, float(np.quantile(left - _MARGIN * sigma**2, _ROWS)) / unit**2)


def _errors(coarse: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean squares of the errors of one coil's rows, (row,), and the noise deviations of these, (row,)."""
    values, factor = coarse["system_matrix"].values.astype(complex), Sampling.of(coarse).factor
    sigma, (height, width) = noise_per_row(coarse).reshape(values.shape[:2]), values.shape[-2:]
    angles = coarse["angle"].values
    design = Design.of(height, width, angles, factor, Geometry.of(coarse, warned=False))
    number, (y, x) = np.arange(len(angles))[:, None, None], np.indices((height, width))
    parts = (number + (0 if len(angles) >= _ANGLES else x + y) + 0 * x) % 2
    left = np.zeros(values.shape[:2])
    for k in range(values.shape[1]):
        for part in (0, 1):
            error = np.abs(design.errors(values[:, k], sigma[:, k], parts != part)) ** 2
            left[:, k] += np.mean(np.where(parts == part, error, 0), axis=(1, 2))
    return left.ravel(), sigma.ravel()


def doubt_of_ridges(coarse: xr.Dataset) -> str:
    """Return in words why the rows of a matrix are no ridges, from some evenly spaced ones; empty if they may be."""
    from calib.methods.ridge import share_of_no_ridge  # which loads torch

    means, sigma = as_images(coarse), noise_per_row(coarse)
    if means[0].size < _FEWEST:
        return f"{means[0].size} block means of a row do not show its direction"
    some = np.unique(np.linspace(0, len(means) - 1, min(len(means), _TRIED)).round().astype(int))
    factor = Sampling.of(coarse).factor
    geometry = Geometry.of(coarse, warned=False)
    left = share_of_no_ridge(means[some], sigma[some], factor, geometry, float(rms(means)))
    others = int(np.sum(left > _FAR))
    if others <= max(1.0, _NO_RIDGES * len(some)):  # a single one is recovered otherwise by ridge itself
        return ""
    return f"{others} of {len(some)} rows that were tried are not constant along a line, as ridge presumes"
