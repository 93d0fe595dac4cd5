r"""Resolution of the best linear image: the full width at half maximum of its point spread.

The image is the one with the least mean square error among all linear ones, for objects that are white noise: for rows
:math:`A` in units of their noise, real and imaginary parts below each other, so that each value has the variance 1,

.. math:: \hat x = A^T (A A^T + s^{-2})^{-1} y = (A^T A + s^{-2})^{-1} A^T y .

A point in voxel j becomes the column j of :math:`(A^T A + s^{-2})^{-1} A^T A`. Less noise gives a sharper image, down
to a voxel, and a harmonic that lies below the noise gives nothing. (Resolution from the transfer function of the
imaging process: Knopp et al., IEEE Trans. Med. Imaging 30, 1284, 2011.)

The standard deviation s of a voxel's value is stated by the contrast c of the mean over a square or a cube of the edge
l, in the concentration of the calibration sample, so that the resolution does not depend on the size of a voxel:

.. math:: s = c \sqrt{l^d / V}

for d dimensions and voxels of the area or volume V.
"""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from mpisim.data.grid import Grid
from mpisim.data.schema import POSITION, validate
from mpisim.data.views import as_matrix
from mpisim.errors import positive, require
from mpisim.preprocess.rows import one_of_each_row
from mpisim.simulation.detection import measurement_noise

__all__ = ["full_width", "point_spread", "resolution"]


def point_spread(
    matrix: xr.Dataset, noise_std: ArrayLike | None = None, contrast: float = 1.0, length: float = 1e-3
) -> np.ndarray:
    """Return the image of a point in the middle voxel of a system matrix.

    Parameters
    ----------
    matrix
        A fine system matrix; exact, since its own noise would be taken for signal.
    noise_std
        Complex noise standard deviation of one measurement, in the unit of the matrix: a number, or one for each
        frequency. By default that of `mpisim.simulation.detection.measurement_noise`.
    contrast
        Standard deviation of the object's mean over an edge of `length`, relative to the calibration sample.
    length
        Edge of the square or the cube in m over which the contrast is stated.

    Returns
    -------
    numpy.ndarray
        Image over the voxels, (y, x) or (z, y, x).

    Raises
    ------
    InputError
        If the data are no system matrix on a grid, the noise is not known, or a number is not positive.
    """
    require(str(validate(matrix, "matrix").attrs["kind"]) == "system_matrix", "matrix", "a system matrix", "other data")
    require(POSITION not in matrix.dims, "matrix", "on a grid", "one at positions")
    grid, dims = Grid.of(matrix), matrix["system_matrix"].dims
    images = matrix["system_matrix"].transpose(*(d for d in dims if d not in grid.dims), *grid.dims)
    white = _whitened(matrix.assign(system_matrix=images), noise_std)
    edge, voxel = positive("length", length), math.prod(grid.voxel[: len(grid.shape)])
    variance = positive("contrast", contrast) ** 2 * edge ** len(grid.shape) / voxel
    middle = np.ravel_multi_index(tuple(n // 2 for n in grid.array_shape), grid.array_shape)
    return np.asarray(_column(white, variance, int(middle)).reshape(grid.array_shape))


def resolution(
    matrix: xr.Dataset, noise_std: ArrayLike | None = None, contrast: float = 1.0, length: float = 1e-3
) -> tuple[float, ...]:
    """Return the full width at half maximum of the point spread in the middle, along x, y[, z], in m.

    Parameters and errors are those of `point_spread`. A width is NaN where the point spread does not fall to one half
    within the field of view. One that is near the edge of a voxel is limited by the grid.
    """
    image, grid = point_spread(matrix, noise_std, contrast, length), Grid.of(matrix)
    middle = tuple(n // 2 for n in image.shape)
    lines = [image[tuple(slice(None) if i == axis else m for i, m in enumerate(middle))] for axis in range(image.ndim)]
    return tuple(
        full_width(line, step, m) for line, step, m in zip(lines[::-1], grid.voxel, middle[::-1], strict=False)
    )


def full_width(profile: np.ndarray, step: float, peak: int | None = None) -> float:
    """Return the full width at half maximum of a profile, by linear interpolation.

    Parameters
    ----------
    profile
        Values at equal steps, shape (place,).
    step
        Step in any unit, which is that of the width.
    peak
        Index of the peak; by default that in the middle.

    Returns
    -------
    float
        Width; NaN where the profile does not fall to one half on both sides.
    """
    values = np.asarray(profile, dtype=float)
    middle = len(values) // 2 if peak is None else peak
    width = 0.0
    for side in (values[middle:], values[middle::-1]):
        below = int(np.argmax(side < values[middle] / 2))
        if below == 0:
            return float("nan")
        width += below - 1 + float((side[below - 1] - values[middle] / 2) / (side[below - 1] - side[below]))
    return step * width


def _whitened(matrix: xr.Dataset, noise_std: ArrayLike | None) -> np.ndarray:
    """Return real rows (row, voxel) whose noise has the variance 1."""
    like = one_of_each_row(matrix)
    given = measurement_noise(matrix) if noise_std is None else np.asarray(noise_std, dtype=float)
    if not isinstance(given, xr.DataArray):
        count = matrix.sizes.get("frequency", 1)
        require(given.shape in ((), (count,)), "noise_std", f"a number or {count}, one a frequency", given.shape)
        given = xr.DataArray(given, dims=("frequency",)[: given.ndim])
    require(bool(np.all(given > 0) and np.all(np.isfinite(given))), "noise_std", "positive everywhere", "others")
    noise = given.broadcast_like(like).transpose(*like.dims).values.reshape(-1, 1)
    rows = np.sqrt(2) * as_matrix(matrix) / noise
    return np.concatenate([rows.real, rows.imag]).astype(float)


def _column(rows: np.ndarray, variance: float, voxel: int) -> np.ndarray:
    """Return the image of a point in a voxel, by the smaller of both systems of equations."""
    rows = rows[np.any(rows != 0, axis=1)]
    if len(rows) <= rows.shape[1]:
        kernel = rows @ rows.T
        kernel[np.diag_indices_from(kernel)] += 1 / variance
        return np.asarray(rows.T @ np.linalg.solve(kernel, rows[:, voxel]))
    kernel = rows.T @ rows
    wanted = kernel[:, voxel].copy()
    kernel[np.diag_indices_from(kernel)] += 1 / variance
    return np.asarray(np.linalg.solve(kernel, wanted))
