r"""Single rows as ridges: the most likely Gaussian process along the most likely direction.

In the plane of an ideal scanner a row is a ridge, :math:`a(r) = f(u)` with :math:`u = x\cos\theta + y\sin\theta` (the
sample's own average over its voxel is a convolution along u and changes nothing), and f is even or odd. Here f is a
priori a stationary Gaussian process of length :math:`\ell` (squared exponential), written in Fourier features of a
period beyond the field of view, cosines or sines, :math:`f(u) = \phi(u)^T R c`, :math:`c \sim N(0, 2e\,I)`, with R the
root of the spectrum and e the row's own mean square. Measured are block means with noise,
:math:`\bar b = M\Phi_\theta R c + n`. With the thin SVD :math:`M\Phi_\theta R = U s V^T` and
:math:`z = U^T\bar b` the posterior means of row and block means are

.. math:: \hat a = \Phi_\theta R V s\,w, \qquad M\hat a = U s^2 w, \qquad
          w = \frac{z}{s^2 + \tau/2e}, \qquad \tau = \sigma^2/2 + \delta e,

and direction, length and parity are those of the largest marginal likelihood
(Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, Eq. 2.25, 2.30). Real and imaginary parts are
processes of their own variance that share all three. :math:`\delta` stands for rows that are no ridges along a
direction that was tried; without it a fine profile would be invented to explain what is not one. Nothing is trained.

As an interpolant it cannot know what block means do not show: rows along the grid's axes, of which only the means over
whole columns are measured. As a denoiser of block means (`ridge_means`) it is good at every angle: a profile has
few degrees of freedom. What is no ridge is kept as far as it exceeds the noise, and exact block means stay exact.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from calib.projection import nearest_consistent
from calib.sampling import block_mean

__all__ = ["ANGLES", "LENGTHS", "ridge_interpolate", "ridge_means"]

ANGLES = 60
"""Directions tried, evenly spaced over 180 degrees from 0; those of the paper's protocol."""
LENGTHS = (1.5, 2.0, 2.8, 4.0, 5.6, 8.0)
"""Correlation lengths tried, in fine voxels."""
_DISCREPANCY = 1e-3
_ROUNDING = 1e-7


class Bank(NamedTuple):
    """What is precomputed for a grid: candidates are angles x lengths x parities, q features, r singular values."""

    features: Tensor  # Phi: (angles, fine voxels, q)
    project: Tensor  # U^T: (candidates, r, coarse voxels)
    strengths: Tensor  # s^2: (candidates, r)
    coefficients: Tensor  # R V s: (candidates, q, r)


def ridge_interpolate(block_means: Tensor, sigma: Tensor, factor: int, discrepancy: float = _DISCREPANCY) -> Tensor:
    """Interpolate rows as ridges.

    Parameters
    ----------
    block_means
        Block means (B, 2, h, w), real and imaginary part.
    sigma
        Their complex noise deviation, (B,); 0 for exact data.
    factor
        Block edge S.
    discrepancy
        delta, the share of a row's energy that need not be a ridge.

    Returns
    -------
    Tensor
        Fine rows (B, 2, S h, S w).
    """
    bank, chosen, weights = _posterior(block_means, sigma, factor, discrepancy)
    coefficients = torch.einsum("bqr,bcr->bcq", bank.coefficients[chosen], weights)
    fine = torch.einsum("bpq,bcq->bcp", bank.features[chosen // (2 * len(LENGTHS))], coefficients)
    return fine.unflatten(2, (factor * block_means.shape[-2], factor * block_means.shape[-1]))


def ridge_means(block_means: Tensor, sigma: Tensor, factor: int) -> Tensor:
    """Denoise block means: those of a fit without discrepancy, moved to within the noise of the measured."""
    bank, chosen, weights = _posterior(block_means, sigma, factor, _ROUNDING)
    strengths = bank.strengths[chosen][:, None]
    fitted = torch.einsum("brm,bcr->bcm", bank.project[chosen], weights * strengths).view_as(block_means)
    return nearest_consistent(fitted, block_means, sigma, 1)


def _posterior(block_means: Tensor, sigma: Tensor, factor: int, discrepancy: float) -> tuple[Bank, Tensor, Tensor]:
    """Return the bank, the chosen candidates (B,) and the posterior means of coefficients over s, (B, 2, r)."""
    bank = Bank(*(t.to(block_means) for t in ridge_bank(*block_means.shape[-2:], factor)))
    b = block_means.flatten(2)
    energy = b.square().mean(-1)
    noise = sigma[:, None] ** 2 / 2 + discrepancy * energy.mean(1, keepdim=True).clamp(min=1e-30)
    variance = 2 * energy
    z = torch.einsum("krm,bcm->bckr", bank.project, b)
    chosen = _log_likelihood(bank, b, z, variance, noise).sum(1).argmax(1)
    z = z[torch.arange(len(b)), :, chosen]
    strengths = bank.strengths[chosen][:, None]
    return bank, chosen, z * (variance[..., None] / (variance[..., None] * strengths + noise[..., None]))


def _log_likelihood(bank: Bank, b: Tensor, z: Tensor, variance: Tensor, noise: Tensor) -> Tensor:
    total = variance[..., None, None] * bank.strengths + noise[..., None, None]  # (B, 2, candidates, r)
    outside = b.square().sum(-1, keepdim=True) - z.square().sum(-1)
    return -((z.square() / total + total.log()).sum(-1) + outside.clamp(min=0) / noise[..., None])


@lru_cache(maxsize=4)
def ridge_bank(height: int, width: int, factor: int) -> Bank:
    """Precompute the candidates of a coarse grid."""
    y, x = (np.arange(n * factor) - (n * factor - 1) / 2 for n in (height, width))
    period = 1.5 * factor * float(np.hypot(height, width))
    waves = np.arange(1, int(np.ceil(period * 5 / (2 * np.pi * LENGTHS[0]))) + 1) / period
    frequencies = np.concatenate([[0], waves, waves])
    even = np.arange(frequencies.size) <= waves.size
    features, candidates = [], []
    for angle in np.pi * np.arange(ANGLES) / ANGLES:
        u = y[:, None] * np.sin(angle) + x * np.cos(angle)
        phase = 2 * np.pi * u[..., None] * waves
        phi = np.concatenate([np.ones((*u.shape, 1)), 2**0.5 * np.cos(phase), 2**0.5 * np.sin(phase)], axis=-1)
        coarse = block_mean(np.moveaxis(phi, -1, 0), factor).reshape(frequencies.size, -1).T
        features.append(phi.reshape(-1, frequencies.size))
        for length in LENGTHS:
            spectrum = np.exp(-0.5 * (2 * np.pi * length * frequencies) ** 2)
            candidates += [_candidate(coarse, spectrum * parity, waves.size + 1) for parity in (even, ~even)]
    parts = [features, *zip(*candidates, strict=True)]
    return Bank(*(torch.from_numpy(np.stack(part).astype(np.float32)) for part in parts))


def _candidate(coarse: np.ndarray, spectrum: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return U^T, s^2 and R V s of one process, given the block means of its features (coarse voxels, q)."""
    root = np.sqrt(spectrum / spectrum.sum())
    left, s, right = np.linalg.svd(coarse * root, full_matrices=False)
    r = min(rank, s.size)
    return left.T[:r], s[:r] ** 2, root[:, None] * right[:r].T * s[:r]
