r"""Smooth rows through large samples at any positions: a Gaussian process that presumes nothing of the scanner.

A priori a row is a stationary Gaussian process of the squared-exponential covariance with the variance v,

.. math:: C(r, r') = v \exp\Bigl(-\frac{(x - x')^2 + (y - y')^2}{2\ell^2}\Bigr) ,

of which the samples M at the positions of `mpisim.data.sampling_positions` measure :math:`\bar b = M a + n`. With
:math:`K = M C M^T / v = U \Lambda U^T` the posterior mean is :math:`C M^T U (v\Lambda + \tau)^{-1} U^T \bar b`. Since C
and M are products of what they are along x and y, :math:`M C M^T` is the product, value by value, of two matrices of
the positions. The length is that of the largest evidence (`calib.methods.gaussian_process`) of all rows of a
frequency, the variance that of each row. Errors beyond what the process lets expect are in none of the standard
deviations: rows of a scanner are not stationary.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from calib.methods.gaussian_process import log_evidence
from calib.methods.record import Recovered
from mpisim.data.noise import rms
from mpisim.data.sampling import PositionSampling, Sampling
from mpisim.data.views import as_images, noise_per_row, row_dims

__all__ = ["recover_smoothly"]

_LENGTHS = 12  # from an edge of a voxel to half the field of view
_VARIANCES = np.geomspace(0.5, 64, 8)  # over the mean square of the values
_FLOOR = 1e-8  # noise of exact values over their mean square: what rounding needs


def recover_smoothly(coarse: xr.Dataset) -> Recovered:
    """Recover a coarse matrix of large samples at any positions by smooth rows, with their standard deviations.

    The metadata state the `length` of the process for each frequency, in m.
    """
    sampling = Sampling.of(coarse, (PositionSampling.scheme,), "smooth-rows")
    assert isinstance(sampling, PositionSampling)
    filling = np.ones(len(sampling.centers)) if sampling.filling is None else sampling.filling[0]
    values = as_images(coarse)[:, 0].astype(complex) * filling  # of equal noise
    square = np.maximum(rms(values, 1) ** 2, np.finfo(float).tiny)
    noise = np.maximum(noise_per_row(coarse) ** 2, _FLOOR * square)
    variances = square[:, None] * _VARIANCES
    lengths = np.geomspace(max(sampling.grid.voxel[:2]), max(sampling.grid.fov[:2]) / 2, _LENGTHS)
    found = []
    for length in lengths:
        power, vectors = np.linalg.eigh(_covariance(sampling, length) * np.outer(filling, filling))
        energy = np.abs(values @ vectors)[:, None] ** 2
        total = variances[..., None] * power.clip(min=0) + noise[:, None, None]
        found.append(log_evidence(energy, total, np.zeros(variances.shape), noise[:, None]))
    evidence = np.stack(found)  # (length, row, variance)
    frequencies = coarse.sizes[row_dims(coarse)[-1]] if row_dims(coarse) else 1
    of_frequency = evidence.max(-1).reshape(_LENGTHS, -1, frequencies).sum(1)
    chosen = of_frequency.argmax(0)
    shape = (len(values), *sampling.grid.array_shape)
    rows, std = np.empty(shape, complex), np.empty(shape)
    for number in np.unique(chosen):
        which = np.flatnonzero(np.isin(np.arange(len(values)) % frequencies, np.flatnonzero(chosen == number)))
        variance = np.take_along_axis(variances[which], evidence[number, which].argmax(-1)[:, None], 1)
        mean, spread = _posterior(sampling, lengths[number], values[which], variance, noise[which], filling)
        rows[which], std[which] = mean.reshape(-1, *shape[1:]), np.sqrt(spread / 2).reshape(-1, *shape[1:])
    return Recovered(rows, {"length": [float(f"{lengths[n]:.4g}") for n in chosen]}, std)


def _posterior(
    sampling: PositionSampling,
    length: float,
    values: np.ndarray,
    variance: np.ndarray,
    noise: np.ndarray,
    filling: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (row, voxel) and its variance; `variance` is v, (row, 1)."""
    power, vectors = np.linalg.eigh(_covariance(sampling, length) * np.outer(filling, filling))
    weights = variance / (variance * power.clip(min=0) + noise[:, None])
    seen = (vectors * filling[:, None]).T @ _towards_voxels(sampling, length)
    mean = (weights * (values @ vectors)) @ seen
    return mean, np.maximum(variance * (1 - weights @ seen**2), 0)


def _covariance(sampling: PositionSampling, length: float) -> np.ndarray:
    """Covariance of the means over the samples of a process of unit variance, (position, position)."""
    along = [_share(sampling, i) @ _kernel(sampling, i, length) @ _share(sampling, i).T for i in (0, 1)]
    return along[0] * along[1]


def _towards_voxels(sampling: PositionSampling, length: float) -> np.ndarray:
    """Covariance of these means and of all voxels, (position, voxel), x fastest."""
    x, y = (_share(sampling, i) @ _kernel(sampling, i, length) for i in (0, 1))
    return (y[:, :, None] * x[:, None, :]).reshape(len(x), -1)


def _share(sampling: PositionSampling, axis: int) -> np.ndarray:
    shares = sampling.shares(axis)
    return shares / shares.sum(1, keepdims=True)


def _kernel(sampling: PositionSampling, axis: int, length: float) -> np.ndarray:
    centers = sampling.grid.axis(axis)
    return np.exp(-((centers[:, None] - centers) ** 2) / (2 * length**2))
