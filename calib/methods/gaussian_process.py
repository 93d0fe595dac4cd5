r"""The Gaussian-process core of the methods that fit functions to block means: posterior and evidence.

Measured is :math:`b = A c + n` with features A, coefficients :math:`c \sim N(0, v\,I)` and noise
:math:`n \sim N(0, \tau I)`; m values, q coefficients. The posterior means and the log evidence (times 2, without
:math:`m \log 2\pi`) are

.. math:: \hat c = P^{-1} A^T b, \qquad P = A^T A + \frac{\tau}{v} I, \qquad
          2\log p = -\frac{b^T b - b^T A\,\hat c}{\tau} - m\log\tau + q\log\frac{\tau}{v} - \log\det P

(Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, Eq. 2.25, 2.30, by the matrix inversion lemma;
`posterior`). Where many variances or data share one A, its eigenvalues do the work once: with
:math:`A^T A = V \Lambda V^T` and :math:`z = \Lambda^{-1/2} V^T A^T b`,

.. math:: \hat c = V \frac{\Lambda^{1/2} z}{\Lambda + \tau/v}, \qquad
          2\log p = -\sum_i\left(\frac{|z_i|^2}{v\Lambda_i + \tau} + \log(v\Lambda_i + \tau)\right)
                    - \frac{\lVert b\rVert^2 - \lVert z\rVert^2}{\tau} - (m - r)\log\tau

for r eigenvalues (`log_evidence`, without the last term: candidates that keep different numbers of eigenvalues are
compared in units where :math:`\tau = 1`).

A priori a function is stationary with the squared-exponential covariance of length :math:`\ell`, whose spectrum over
waves of :math:`\nu` cycles per unit length is :math:`e^{-(2\pi\ell\nu)^2/2}` (`spectrum`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["log_evidence", "posterior", "spectrum"]

A = TypeVar("A", "np.ndarray", "Tensor")


def spectrum(length: A, waves: A) -> A:
    """Return the spectrum of the squared-exponential covariance, without normalisation.

    Wave numbers are in cycles per unit of the correlation length; both arrays broadcast together.
    """
    exponent = -0.5 * (2 * np.pi * length * waves) ** 2
    return np.exp(exponent) if isinstance(exponent, np.ndarray) else exponent.exp()


def log_evidence(power: A, total: A, outside: A, noise: A) -> A:
    """Return twice the log evidence in eigenvalue form, but for a constant.

    Parameters
    ----------
    power
        |z|^2, eigenvalues last.
    total
        v Lambda + tau, of the same or a larger shape.
    outside
        ||b||^2 - ||z||^2, one dimension less; rounding below zero counts as zero.
    noise
        tau, in a shape that broadcasts with `outside`.
    """
    logarithm = np.log(total) if isinstance(total, np.ndarray) else total.log()
    return -((power / total + logarithm).sum(-1) + outside.clip(min=0) / noise)


def posterior(features: Tensor, values: Tensor, variance: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return the posterior means of the coefficients and twice the log evidence of B problems with C data each.

    Parameters
    ----------
    features
        A, (B, m, q).
    values
        b, (B, C, m).
    variance, noise
        v and tau, (B, C).

    Returns
    -------
    tuple[Tensor, Tensor]
        Coefficients (B, C, q), and the evidence of all C data together, (B,).
    """
    import torch

    ratio = (noise / variance)[..., None, None]
    gram = (features.mT @ features)[:, None] + ratio * torch.eye(features.shape[-1], dtype=features.dtype)
    root = torch.linalg.cholesky(gram)
    projected = torch.einsum("bmq,bcm->bcq", features, values)
    found = torch.cholesky_solve(projected[..., None], root)[..., 0]
    outside = (values.square().sum(-1) - (projected * found).sum(-1)) / noise
    log_det = values.shape[-1] * noise.log() - features.shape[-1] * ratio[..., 0, 0].log()
    log_det = log_det + 2 * root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return found, -(outside + log_det).sum(1)
