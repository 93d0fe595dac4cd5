r"""How far recovered rows err where they are smooth: the expected squared error, given the block means.

A row is a constant and a stationary Gaussian process about it, of the squared-exponential covariance with the variance
v and the length :math:`\ell`, of which block means :math:`\bar b = M a + n` are measured (`mpisim.data.sampling`).
Given these, the row is normal with the mean m and the covariance P of the posterior (`calib.methods.gaussian_process`).
What a method recovers depends on the same block means and on nothing else, so that the expected error of its rows
:math:`\hat a` is, whatever the method,

.. math:: E\bigl[|\hat a_j - a_j|^2 \mid \bar b\bigr] = |\hat a_j - m_j|^2 + P_{jj} = 2 s_j^2

with the deviation :math:`s_j` of one part. The first term is by how much the method misses what the block means tell
(bicubic interpolation: the peaks of a row); the second one is what they do not tell. The mean over all block means of
the law is the error covariance :math:`(I - LM) K (I - LM)^T + L N L^T` of a linear method L, but the sum above follows
the row that was measured: it is large where this row bends.

Everything is a product of what it is along y and along x, as for `calib.methods.smooth`: with the means times their
share of a whole block, so that their noise is equal, :math:`M K M^T = v\,U \Lambda U^T` for the two axes.

**Length and variance** of every row are those of the largest evidence. Fisher scoring finds :math:`\log v` for each
length, from the derivative :math:`\sum_i r_i (|z_i|^2 / t_i - 1)` and the information :math:`\sum_i r_i^2`, with
:math:`t_i = v\Lambda_i + \tau` and :math:`r_i = v\Lambda_i / t_i`.

**The shortest length** is :math:`S / \pi` voxels for blocks of S voxels. The waves of the process have the standard
deviation :math:`1/\ell`, and block means S voxels apart show waves up to :math:`\pi / S`. Below this length, block
means are nearly white whatever the length is, so that their evidence hardly tells one from another; but the variance of
the voxels that it takes to explain them grows up to that of :math:`S^2` times theirs.

Rows of a scanner are no stationary processes. What that does to the deviations was measured
(`docs/theory/recovery.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from calib.methods.gaussian_process import log_evidence

__all__ = ["BlockProcess", "Process", "block_processes", "expected_deviation", "lengths", "most_likely"]

_LENGTHS = 12  # from the shortest one to half of the grid
_ROWS_AT_ONCE = 256  # which bounds the memory
_ITERATIONS = 8
_STEP = 2.0  # largest change of log v in one of them
_FLOOR = 1e-8  # noise of exact values over their mean square: what rounding needs
_TINY = np.finfo(float).tiny


class Process(Protocol):
    """A process of unit variance and one length, measured by some means; they are given times their share."""

    @property
    def power(self) -> np.ndarray:
        """Eigenvalues Lambda of the covariance of the means."""

    def along(self, values: np.ndarray) -> np.ndarray:
        """Return values (row, ...) along its eigenvectors."""

    def posterior(self, found: np.ndarray, variance: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean of rows and its variance, (row, ...), from values along the eigenvectors."""


@dataclass(frozen=True)
class _Axis:
    """Block means along one axis of a process of unit variance, as shares of those of whole blocks.

    `power` (k,) and `vectors` (mean, k) are the eigenvalues and eigenvectors of their covariance; `towards` (k, voxel)
    is that of the vectors with the voxels.
    """

    power: np.ndarray
    vectors: np.ndarray
    towards: np.ndarray

    @classmethod
    def of(cls, voxels: int, factor: int, length: float) -> _Axis:
        """Return the axis for a correlation length in voxels."""
        at = np.arange(voxels)
        mean = (at // factor == np.arange(-(-voxels // factor))[:, None]) / factor
        seen = mean @ np.exp(-(((at[:, None] - at) / length) ** 2) / 2)
        power, vectors = np.linalg.eigh(seen @ mean.T)
        return cls(power.clip(min=0), vectors, vectors.T @ seen)


@dataclass(frozen=True)
class BlockProcess:
    """A process of one length in voxels on a grid, measured by block means; each is a product of two axes."""

    y: _Axis
    x: _Axis

    @classmethod
    def of(cls, shape: tuple[int, int], factor: int, length: float) -> BlockProcess:
        """Return the process for rows of a shape (H, W)."""
        return cls(*(_Axis.of(voxels, factor, length) for voxels in shape))

    @property
    def power(self) -> np.ndarray:
        """Eigenvalues Lambda, (h, w)."""
        return np.outer(self.y.power, self.x.power)

    def along(self, values: np.ndarray) -> np.ndarray:
        """Return values (row, h, w) along the eigenvectors."""
        return self.y.vectors.T @ values @ self.x.vectors

    def posterior(self, found: np.ndarray, variance: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean of rows and its variance, (row, H, W), from values along the eigenvectors."""
        v, tau = variance[:, None, None], noise[:, None, None]
        gain = v / (v * self.power + tau)
        left = 1 - (self.y.towards**2).T @ gain @ self.x.towards**2
        return self.y.towards.T @ (gain * found) @ self.x.towards, (v * left).clip(min=0)


def lengths(edge: float, shortest: float, longest: float) -> np.ndarray:
    """Return lengths to try: from the shortest one for samples so far apart, and no less than a voxel, to the longest.

    All are in one unit.
    """
    least = max(shortest, edge / np.pi)
    return np.geomspace(least, max(least, longest), _LENGTHS)


def block_processes(shape: tuple[int, int], factor: int) -> list[BlockProcess]:
    """Return the processes to try for rows of a shape (H, W), measured by means of blocks of `factor` voxels."""
    return [BlockProcess.of(shape, factor, length) for length in lengths(factor, 1.0, max(shape) / 2)]


def expected_deviation(
    rows: np.ndarray, means: np.ndarray, sigma: np.ndarray, share: np.ndarray, processes: Sequence[Process]
) -> np.ndarray:
    """Return the standard deviation of one part of recovered rows, where rows are smooth.

    Parameters
    ----------
    rows
        Recovered rows, complex (row, H, W).
    means
        The means that they were recovered from, (row, ...), in the same unit.
    sigma
        Complex noise deviation of means over whole blocks, (row,); 0 for exact ones.
    share
        Number of voxels of each sample over that of a whole block, by which the noise of its mean is larger, (...).
    processes
        Those of which the most likely one is taken for every row.

    Returns
    -------
    numpy.ndarray
        s of the module, (row, H, W), in the unit of the rows. With one mean, which does not tell how a row varies, the
        process is about zero.
    """
    constant = np.zeros(len(rows))
    if share.size > 1:
        constant = np.tensordot(means, share**2, axes=share.ndim) / np.sum(share**2)
    values = (means - constant.reshape(-1, *(1,) * share.ndim)) * share
    square = np.mean(np.abs(values) ** 2, axis=tuple(range(1, values.ndim))).clip(min=_TINY)
    noise = np.maximum(sigma**2, _FLOOR * square).clip(min=_TINY)
    found = [most_likely(process, values, square, noise) for process in processes]
    best = np.argmax([evidence for _, evidence in found], axis=0)
    std = np.empty(rows.shape)
    for i in np.unique(best):
        chosen = np.flatnonzero(best == i)
        for start in range(0, len(chosen), _ROWS_AT_ONCE):
            which = chosen[start : start + _ROWS_AT_ONCE]
            data = processes[i].along(values[which])
            mean, spread = processes[i].posterior(data, found[i][0][which], noise[which])
            missed = rows[which] - constant[which, None, None] - mean.reshape(-1, *rows.shape[1:])
            std[which] = np.sqrt((np.abs(missed) ** 2 + spread.reshape(missed.shape)) / 2)
    return std


def most_likely(
    process: Process, values: np.ndarray, start: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the variances v of the largest evidence and the log evidence of every row, (row,).

    `values` (row, ...) have the equal noise variances `noise` (row,); the iteration begins at the variances `start`.
    """
    power, tau = process.power.ravel(), noise[:, None]
    energy = np.abs(process.along(values).reshape(len(values), -1)) ** 2
    variance = start
    for _ in range(_ITERATIONS):
        total = variance[:, None] * power + tau
        share = 1 - tau / total
        slope = np.sum(share * (energy / total - 1), axis=1)
        step = slope / np.sum(share**2, axis=1).clip(min=_TINY)
        variance = variance * np.exp(step.clip(-_STEP, _STEP))
    outside = np.zeros(len(values))
    return variance, log_evidence(energy, variance[:, None] * power + tau, outside, noise)
