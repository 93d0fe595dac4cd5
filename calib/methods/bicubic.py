r"""Bicubic interpolation of coarse rows, as separable matrices along y and x.

`bicubic_matrix` equals MATLAB's `imresize`: kernel with a = -0.5 (Keys, 1981, DOI 10.1109/TASSP.1981.1163711),
half-pixel centres, mirrored edges. With an offset it reads coarse values as points that do not lie at the centre of
their block, which aligns strided samples.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import xarray as xr

from calib.methods.consistency import nearest_consistent
from calib.methods.record import Recovered
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images, noise_per_row

__all__ = [
    "bicubic",
    "bicubic_aligned",
    "bicubic_consistent",
    "bicubic_matrix",
    "interpolate_bicubic",
]


def keys_kernel(t: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel at distances `t` in pixels."""
    t = np.abs(t)
    near = 1.5 * t**3 - 2.5 * t**2 + 1
    far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))


@lru_cache(maxsize=64)
def bicubic_matrix(coarse: int, factor: int, offset: float = 0.0) -> np.ndarray:
    """Return the matrix (coarse * factor, coarse) of cubic interpolation.

    Parameters
    ----------
    coarse
        Number of coarse values.
    factor
        Fine values per coarse one.
    offset
        Position of a coarse value against the centre of its block, in fine voxels.
    """
    position = (np.arange(coarse * factor) - offset + 0.5) / factor - 0.5
    left = np.floor(position).astype(int) - 1
    matrix = np.zeros((position.size, coarse))
    for tap in range(4):
        node = left + tap
        weight = keys_kernel(position - node)
        mirrored = np.where(node % (2 * coarse) < coarse, node % (2 * coarse), 2 * coarse - 1 - node % (2 * coarse))
        np.add.at(matrix, (np.arange(position.size), mirrored), weight)
    matrix.setflags(write=False)
    return matrix


def interpolate_bicubic(rows: np.ndarray, factor: int, offset: float = 0.0) -> np.ndarray:
    """Interpolate rows (..., h, w) to (..., S h, S w); `offset` is that of `bicubic_matrix`."""
    along_y, along_x = (bicubic_matrix(n, factor, offset) for n in rows.shape[-2:])
    return along_y @ rows @ along_x.T


def bicubic(coarse: xr.Dataset) -> Recovered:
    """Interpolate coarse values as if they lay at the centres of their blocks: as MATLAB's imresize, as published."""
    return Recovered(interpolate_bicubic(as_images(coarse), Sampling.of(coarse).factor))


def bicubic_aligned(coarse: xr.Dataset) -> Recovered:
    """Interpolate coarse values from where they lie: strided samples are (S - 1)/2 voxels off the centres."""
    sampling = Sampling.of(coarse)
    return Recovered(interpolate_bicubic(as_images(coarse), sampling.factor, sampling.offset))


def bicubic_consistent(coarse: xr.Dataset) -> Recovered:
    """Interpolate block means, then project the rows on them to within the noise (TranSMS Eq. 22)."""
    means, factor = as_images(coarse), Sampling.of(coarse).factor
    rows = interpolate_bicubic(means, factor)
    return Recovered(nearest_consistent(rows, means, noise_per_row(coarse), factor))
