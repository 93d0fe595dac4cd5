r"""All rows of a harmonic from one profile, which is what an ideal field-free-line scanner has.

In the plane of an ideal scanner the row of harmonic k at angle :math:`\theta` is a ridge,
:math:`a_{k\theta}(r) = (f_k * w_\theta)(x\cos\theta + y\sin\theta)`, with one profile :math:`f_k` for all angles, even
or odd about the scanner's axis x = y = 0, and :math:`w_\theta` the shadow of the sample, a rectangle with the edges
:math:`h_x, h_y` of a voxel. In Fourier features of a period beyond the field of view, cosines or sines of frequency
:math:`\nu`, the shadow is the factor
:math:`\mathrm{sinc}(\nu h_x\cos\theta)\,\mathrm{sinc}(\nu h_y\sin\theta)`, so that all block means of a harmonic are
linear in one small vector of coefficients, :math:`\bar b_k = D c_k + n`: 60 angles x 64 block means for 40 unknowns at
4x. Coordinates and edges are those of the file (`calib.methods.geometry`), in units of the shorter edge.

A priori :math:`f_k` is a Gaussian process of length :math:`\ell` and variance v with the root R of the spectrum.
Length, variance and parity are those with the largest evidence of :math:`\bar b_k = D R c + n`, and :math:`R \hat c`
are the posterior means of the coefficients, both in the eigenvalue form of `calib.methods.gaussian_process`. Nothing is
trained; no particle or gradient is assumed. What no profile explains beyond the noise (a scanner that is not ideal) is
interpolated by bicubic and added, then the result is made consistent with the block means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from calib.methods.bicubic import interpolate_bicubic
from calib.methods.consistency import nearest_consistent
from calib.methods.gaussian_process import log_evidence, spectrum
from calib.methods.geometry import CENTERED, Geometry
from calib.methods.record import Recovered
from mpisim.data.sampling import Sampling, block_mean
from mpisim.data.views import as_images, noise_per_row
from mpisim.errors import require

__all__ = ["LENGTHS", "fit_profiles", "recover_by_profiles"]

LENGTHS = tuple(float(v) for v in np.geomspace(0.7, 8.0, 13))
"""Correlation lengths tried, in edges of a fine voxel; up to the last one in longer edges where it is oblong."""
_VARIANCES = tuple(float(v) for v in np.geomspace(0.25, 64.0, 9))  # in mean squares of a harmonic's block means
_FLOOR = 1e-12
_HIGHEST = 0.75  # cycles per shorter edge
_MARGIN = 4.0  # standard deviations of the square of a row's noise norm that are still taken for noise


def recover_by_profiles(coarse: xr.Dataset) -> Recovered:
    """Recover a coarse matrix of block means with dimensions (angle, frequency, y, x).

    Raises `InputError` if the matrix has no angles.
    """
    dims = tuple(coarse["system_matrix"].dims)
    good = dims == ("angle", "frequency", "y", "x")
    require(good, "coarse", "of rows (angle, frequency) for profile", f"rows {dims[:-2]}")
    require("angle" in coarse.coords, "coarse", "of rows with the coordinate angle (rad) for profile", "one without it")
    values, factor = coarse["system_matrix"].values.astype(complex), Sampling.of(coarse).factor
    sigma = noise_per_row(coarse).reshape(values.shape[:2])
    fitted, metadata = fit_profiles(values, sigma, coarse["angle"].values, factor, Geometry.of(coarse))
    means, rows = as_images(coarse), fitted.reshape(-1, *fitted.shape[-2:])
    noise = sigma.ravel() * (1 + _MARGIN / means[0].size ** 0.5) ** 0.5
    unexplained = nearest_consistent(np.zeros_like(means), means - block_mean(rows, factor), noise, 1)
    interpolated = interpolate_bicubic(unexplained, factor)
    return Recovered(nearest_consistent(rows + interpolated, means, noise, factor), metadata)


def fit_profiles(
    block_means: np.ndarray, sigma: np.ndarray, angles: np.ndarray, factor: int, geometry: Geometry = CENTERED
) -> tuple[np.ndarray, dict[str, object]]:
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
    geometry
        Where the voxels lie about the scanner's axis.

    Returns
    -------
    tuple
        The fine rows of the fit, (angle, frequency, S h, S w), and the lengths (voxels) and parities that were chosen.
    """
    height, width = block_means.shape[-2:]
    features, waves = _features(height * factor, width * factor, angles, geometry)
    design = block_mean(features, factor).reshape(len(angles), features.shape[1], -1)
    found = np.empty((*block_means.shape[:2], height * factor, width * factor), complex)
    lengths, parities = [], []
    candidates = _candidates(np.einsum("aqm,apm->qp", design, design), waves, _lengths(geometry))
    for k in range(block_means.shape[1]):
        b = block_means[:, k].reshape(len(angles), -1)
        coefficients, length, parity = _likeliest(b, np.einsum("aqm,am->q", design, b), sigma[:, k], candidates)
        found[:, k] = np.einsum("aqyx,q->ayx", features, coefficients)
        lengths.append(length)
        parities.append(parity)
    return found, {"lengths": lengths, "parities": parities}


def _lengths(geometry: Geometry) -> tuple[float, ...]:
    """Return the correlation lengths that are tried, in shorter edges of a voxel."""
    lengths = list(LENGTHS)
    while lengths[-1] < LENGTHS[-1] * max(geometry.edges) * (1 - 1e-9):
        lengths.append(lengths[-1] * LENGTHS[1] / LENGTHS[0])
    return tuple(lengths)


def _features(height: int, width: int, angles: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Return the voxel means of features (angle, q, y, x), first cosines, then sines, and their frequencies (q,)."""
    hx, hy = geometry.edges
    y, x = (edge * places for edge, places in zip((hy, hx), geometry.places(height, width), strict=True))
    period = geometry.period(height, width, geometry.edges)
    waves = np.arange(int(_HIGHEST * period) + 1) / period
    c, s = (f(angles)[:, None, None, None] for f in (np.cos, np.sin))
    nu = waves[:, None, None]
    shadow = np.sinc(nu * (hx * c)) * np.sinc(nu * (hy * s))
    phase = 2 * np.pi * nu * (c * x + s * y[:, None])
    features = np.concatenate([shadow * np.cos(phase), (shadow * np.sin(phase))[:, 1:]], axis=1)
    return features, np.concatenate([waves, waves[1:]])


class _Candidate(NamedTuple):
    """A process that is tried: its length and parity, the root of its spectrum (q,), Lambda (r,) and V (q, r)."""

    length: float
    parity: int
    root: np.ndarray
    eigenvalues: np.ndarray
    vectors: np.ndarray


def _candidates(gram: np.ndarray, waves: np.ndarray, lengths: Sequence[float]) -> list[_Candidate]:
    """Return a candidate for every length and parity."""
    even = np.arange(waves.size) < (waves.size + 1) // 2
    candidates = []
    for length in lengths:
        for parity, chosen in ((1, even), (-1, ~even)):
            density = spectrum(np.array(length), waves) * np.where(waves > 0, 2, 1) * chosen
            root = np.sqrt(density / density.sum())
            eigenvalues, vectors = np.linalg.eigh(root[:, None] * gram * root)
            positive = eigenvalues > 1e-13 * eigenvalues[-1]
            candidates.append(_Candidate(length, parity, root, eigenvalues[positive], vectors[:, positive]))
    return candidates


def _likeliest(
    b: np.ndarray, projected: np.ndarray, sigma: np.ndarray, candidates: list[_Candidate]
) -> tuple[np.ndarray, float, int]:
    """Return coefficients (q,), length and parity of the likeliest candidate, given b (angle, m) and D^T b (q,)."""
    total = float(np.sum(np.abs(b) ** 2))
    energy = total / b.size
    if energy == 0:
        return np.zeros(projected.size, complex), LENGTHS[-1], 1
    noise = float(np.mean(sigma**2)) + _FLOOR * energy
    variances = energy * np.array(_VARIANCES)
    fits = [_fit(candidate, projected, total, noise, variances) for candidate in candidates]
    best = max(range(len(fits)), key=lambda i: fits[i][0])
    return fits[best][1], candidates[best].length, candidates[best].parity


def _fit(
    candidate: _Candidate, projected: np.ndarray, total: float, noise: float, variances: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the evidence and the coefficients (q,) of a candidate under the likeliest of some variances."""
    root, eigenvalues = candidate.root, candidate.eigenvalues
    z = candidate.vectors.T @ (root * projected) / np.sqrt(eigenvalues)
    power = np.abs(z) ** 2 / noise  # in units of the noise, since candidates keep different numbers of eigenvalues
    outside = np.array(total / noise - power.sum())
    evidence = log_evidence(power, np.multiply.outer(variances / noise, eigenvalues) + 1, outside, np.array(1.0))
    best = int(np.argmax(evidence))
    weights = np.sqrt(eigenvalues) * z / (eigenvalues + noise / variances[best])
    return float(evidence[best]), root * (candidate.vectors @ weights)
