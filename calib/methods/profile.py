r"""All rows of a harmonic from one profile: what an ideal field-free-line scanner says about its own system matrix.

In the plane of an ideal scanner the row of harmonic k at angle :math:`\theta` is a ridge,
:math:`a_{k\theta}(r) = (f_k * w_\theta)(x\cos\theta + y\sin\theta)`, with one profile :math:`f_k` for all angles, even
or odd, and :math:`w_\theta` the shadow of the sample, a square of one voxel's edge h. In Fourier features of a period
beyond the field of view, cosines or sines of frequency :math:`\nu`, the shadow is the factor
:math:`\mathrm{sinc}(\nu h\cos\theta)\,\mathrm{sinc}(\nu h\sin\theta)`, so that all block means of a harmonic are
linear in one small vector of coefficients, :math:`\bar b_k = D c_k + n`: 60 angles x 64 block means for 40 unknowns at
4x.

A priori :math:`f_k` is a Gaussian process of length :math:`\ell` and variance v, as in `calib.methods.ridge`; with
:math:`R^T D^T D R = V\Lambda V^T` and :math:`z = \Lambda^{-1/2}V^T R^T D^T\bar b`,

.. math:: \hat c = R V \frac{\Lambda^{1/2} z}{\Lambda + \tau/v}, \qquad
          -2\log p = \sum_i \frac{|z_i|^2}{v\Lambda_i + \tau} + \log(v\Lambda_i + \tau) +
          \frac{\lVert\bar b\rVert^2 - \lVert z\rVert^2}{\tau} + \text{const},

and length, variance and parity are the likeliest (Rasmussen & Williams, 2006, Eq. 2.25, 2.30). Nothing is trained, no
particle or gradient is assumed. What no profile explains beyond the noise (a scanner that is not ideal) is interpolated
by bicubic and added, then the result is made consistent with the block means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from calib.methods.bicubic import apply_separable, bicubic_matrix
from calib.methods.consistency import nearest_consistent
from mpisim.data.sampling import block_mean
from mpisim.data.views import as_images, noise_per_row
from mpisim.errors import require

__all__ = ["LENGTHS", "fit_profiles", "profile"]

LENGTHS = tuple(float(v) for v in np.geomspace(0.7, 8.0, 13))
"""Correlation lengths tried, in fine voxels."""
_VARIANCES = tuple(float(v) for v in np.geomspace(0.25, 64.0, 9))  # in mean squares of a harmonic's block means
_FLOOR = 1e-12
_HIGHEST = 0.75  # cycles per voxel
_MARGIN = 4.0  # standard deviations of the square of a row's noise norm that are still taken for noise


def profile(coarse: xr.Dataset, weights: None) -> tuple[np.ndarray, Mapping[str, Any]]:
    """Recover a coarse matrix of block means with dimensions (angle, frequency, y, x).

    Raises
    ------
    InputError
        If the matrix has no angles.
    """
    dims = tuple(coarse["system_matrix"].dims)
    require(
        dims == ("angle", "frequency", "y", "x"),
        "coarse",
        "of rows (angle, frequency) for profile",
        f"rows {dims[:-2]}",
    )
    values, factor = coarse["system_matrix"].values, coarse.attrs["sampling"]["factor"]
    sigma = noise_per_row(coarse).reshape(values.shape[:2])
    fitted, notes = fit_profiles(values, sigma, coarse["angle"].values, factor)
    means, found = as_images(coarse), fitted.reshape(-1, *fitted.shape[-2:])
    noise = sigma.ravel() * (1 + _MARGIN / means[0].size ** 0.5) ** 0.5
    beyond = nearest_consistent(np.zeros_like(means), means - block_mean(found, factor), noise, 1)
    along_y, along_x = (bicubic_matrix(n, factor) for n in means.shape[-2:])
    return nearest_consistent(found + apply_separable(along_y, along_x, beyond), means, noise, factor), notes


def fit_profiles(
    block_means: np.ndarray, sigma: np.ndarray, angles: np.ndarray, factor: int
) -> tuple[np.ndarray, dict[str, Any]]:
    """Fit a profile to every harmonic.

    Parameters
    ----------
    block_means
        Complex, (angle, frequency, h, w).
    sigma
        Their complex noise deviation, (angle, frequency); 0 for exact data.
    angles
        Angles in rad.
    factor
        Block edge S.

    Returns
    -------
    tuple
        The fine rows of the fit, (angle, frequency, S h, S w), and the lengths (voxels) and parities that were chosen.
    """
    height, width = block_means.shape[-2:]
    features, waves = _features(height * factor, width * factor, angles)
    design = block_mean(features, factor).reshape(len(angles), features.shape[1], -1)
    found = np.empty((*block_means.shape[:2], height * factor, width * factor), complex)
    lengths, parities = [], []
    candidates = _candidates(np.einsum("aqm,apm->qp", design, design), waves)
    for k in range(block_means.shape[1]):
        b = block_means[:, k].reshape(len(angles), -1)
        coefficients, length, parity = _likeliest(b, np.einsum("aqm,am->q", design, b), sigma[:, k], candidates)
        found[:, k] = np.einsum("aqyx,q->ayx", features, coefficients)
        lengths.append(length)
        parities.append(parity)
    return found, {"lengths": lengths, "parities": parities}


def _features(height: int, width: int, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the voxel means of features (angle, q, y, x), first cosines, then sines, and their frequencies (q,)."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in (height, width))
    period = 1.5 * float(np.hypot(height, width))
    waves = np.arange(int(_HIGHEST * period) + 1) / period
    c, s = (f(angles)[:, None, None, None] for f in (np.cos, np.sin))
    nu = waves[:, None, None]
    shadow = np.sinc(nu * c) * np.sinc(nu * s)
    phase = 2 * np.pi * nu * (c * x + s * y[:, None])
    features = np.concatenate([shadow * np.cos(phase), (shadow * np.sin(phase))[:, 1:]], axis=1)
    return features, np.concatenate([waves, waves[1:]])


def _candidates(gram: np.ndarray, waves: np.ndarray) -> list[tuple[float, int, np.ndarray, np.ndarray, np.ndarray]]:
    """Return, for every length and parity, these and the root of the spectrum (q,), Lambda and V."""
    even = np.arange(waves.size) < (waves.size + 1) // 2
    found = []
    for length in LENGTHS:
        for parity, chosen in ((1, even), (-1, ~even)):
            spectrum = np.exp(-0.5 * (2 * np.pi * length * waves) ** 2) * np.where(waves > 0, 2, 1) * chosen
            root = np.sqrt(spectrum / spectrum.sum())
            strengths, vectors = np.linalg.eigh(root[:, None] * gram * root)
            kept = strengths > 1e-13 * strengths[-1]
            found.append((length, parity, root, strengths[kept], vectors[:, kept]))
    return found


def _likeliest(
    b: np.ndarray, projected: np.ndarray, sigma: np.ndarray, candidates: list[Any]
) -> tuple[np.ndarray, float, int]:
    """Return coefficients (q,), length and parity of the likeliest candidate, given b (angle, m) and D^T b (q,)."""
    total = float(np.sum(np.abs(b) ** 2))
    energy = total / b.size
    if energy == 0:
        return np.zeros(projected.size, complex), LENGTHS[-1], 1
    noise = float(np.mean(sigma**2)) + _FLOOR * energy
    variances = energy * np.array(_VARIANCES)
    found = []
    for length, parity, root, strengths, vectors in candidates:
        z = vectors.T @ (root * projected) / np.sqrt(strengths)
        power = np.abs(z) ** 2
        spread = np.multiply.outer(variances, strengths) + noise
        badness = np.sum(power / spread + np.log(spread / noise), axis=1) + max(0.0, total - np.sum(power)) / noise
        best = int(np.argmin(badness))
        weights = np.sqrt(strengths) * z / (strengths + noise / variances[best])
        found.append((float(badness[best]), root * (vectors @ weights), length, parity))
    return min(found, key=lambda candidate: candidate[0])[1:]
