r"""Smooth rows through large samples at any positions: a Gaussian process that presumes nothing of the scanner.

A priori a row is a stationary Gaussian process of the squared-exponential covariance with the variance v,

.. math:: C(r, r') = v \exp\Bigl(-\frac{(x - x')^2 + (y - y')^2}{2\ell^2}\Bigr) ,

of which the samples M at the positions of `mpisim.data.sampling_positions` measure :math:`\bar b = M a + n`. With
:math:`K = M C M^T / v = U \Lambda U^T` the posterior mean is :math:`C M^T U (v\Lambda + \tau)^{-1} U^T \bar b`. Since C
and M are products of what they are along x and y, :math:`M C M^T` is the product, value by value, of two matrices of
the positions. The length is that of the largest evidence (`calib.methods.gaussian_process`) of all rows of a
frequency, the variance that of each row.

The standard deviations are those of `calib.methods.expected_error`, of a process whose length is chosen row by row and
is at least :math:`1/\pi` of the distance between samples (the root of the area for each). The process of the rows may
have a shorter one, and then a variance between samples that is much too large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from calib.methods.expected_error import expected_deviation, lengths
from calib.methods.gaussian_process import log_evidence
from calib.methods.record import Recovered
from mpisim.data.noise import rms
from mpisim.data.sampling import PositionSampling, Sampling
from mpisim.data.views import as_images, noise_per_row, row_dims

__all__ = ["SmoothProcess", "recover_smoothly"]

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
    means, sigma = as_images(coarse)[:, 0].astype(complex), noise_per_row(coarse)
    values = means * filling  # of equal noise
    square = np.maximum(rms(values, 1) ** 2, np.finfo(float).tiny)
    noise = np.maximum(sigma**2, _FLOOR * square)
    variances = square[:, None] * _VARIANCES
    edge, half = max(sampling.grid.voxel[:2]), max(sampling.grid.fov[:2]) / 2
    of_rows = np.geomspace(edge, half, _LENGTHS)
    processes = [SmoothProcess.of(sampling, length, filling) for length in of_rows]
    found = []
    for process in processes:
        energy = np.abs(process.along(values))[:, None] ** 2
        total = variances[..., None] * process.power + noise[:, None, None]
        found.append(log_evidence(energy, total, np.zeros(variances.shape), noise[:, None]))
    evidence = np.stack(found)  # (length, row, variance)
    frequencies = coarse.sizes[row_dims(coarse)[-1]] if row_dims(coarse) else 1
    of_frequency = evidence.max(-1).reshape(_LENGTHS, -1, frequencies).sum(1)
    chosen = of_frequency.argmax(0)
    shape = (len(values), *sampling.grid.array_shape)
    rows = np.empty(shape, complex)
    for number in np.unique(chosen):
        which = np.flatnonzero(np.isin(np.arange(len(values)) % frequencies, np.flatnonzero(chosen == number)))
        variance = variances[which, evidence[number, which].argmax(-1)]
        mean, _ = processes[number].posterior(processes[number].along(values[which]), variance, noise[which])
        rows[which] = mean.reshape(-1, *shape[1:])
    apart = float(np.sqrt(np.prod(sampling.grid.fov[:2]) / len(filling)))
    tried = [SmoothProcess.of(sampling, length, filling) for length in lengths(apart, edge, half)]
    std = expected_deviation(rows, means, sigma, filling, tried)
    return Recovered(rows, {"length": [float(f"{of_rows[n]:.4g}") for n in chosen]}, std)


@dataclass(frozen=True)
class SmoothProcess:
    """A process of one length in m, measured by samples at any positions (`calib.methods.expected_error.Process`)."""

    power: np.ndarray
    vectors: np.ndarray
    towards: np.ndarray

    @classmethod
    def of(cls, sampling: PositionSampling, length: float, filling: np.ndarray) -> SmoothProcess:
        """Return the process for a length in m, and the voxels of every sample over those of a whole block."""
        power, vectors = np.linalg.eigh(_covariance(sampling, length) * np.outer(filling, filling))
        return cls(power.clip(min=0), vectors, (vectors * filling[:, None]).T @ _towards_voxels(sampling, length))

    def along(self, values: np.ndarray) -> np.ndarray:
        """Return values (row, position) along the eigenvectors."""
        return values @ self.vectors

    def posterior(self, found: np.ndarray, variance: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean of rows and its variance, (row, voxel), from values along the eigenvectors."""
        weights = variance[:, None] / (variance[:, None] * self.power + noise[:, None])
        mean = (weights * found) @ self.towards
        return mean, np.maximum(variance[:, None] * (1 - weights @ self.towards**2), 0)


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
