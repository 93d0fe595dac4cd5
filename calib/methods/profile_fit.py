r"""One profile for all rows of a harmonic, which is what an ideal field-free-line scanner has.

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
trained; no particle or gradient is assumed.

Where the fit leaves more of a row than the noise explains (`calib.methods.misfit`), the scanner is not ideal, or a row
is wrong. What no profile explains then counts as further noise, and its level is chosen by the evidence, too: a profile
forced through such data would invent detail. If some rows still disagree, the fit is repeated with those that agree.

The mean of a block over the edge of the grid has more noise, and is weighed by the share of its voxels
(`mpisim.data.sampling`), as are its features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from calib.methods.gaussian_process import log_evidence, spectrum
from calib.methods.geometry import CENTERED, Geometry
from calib.methods.misfit import EXPLAINED, MOST_LEFT, agree, share_left
from mpisim.data.blocks import block_mean

__all__ = ["LENGTHS", "Design", "ProfileFits", "fit_profiles"]

LENGTHS = tuple(float(v) for v in np.geomspace(0.7, 8.0, 13))
"""Correlation lengths tried, in edges of a fine voxel; up to the last one in longer edges where it is oblong."""
_VARIANCES = tuple(float(v) for v in np.geomspace(0.25, 64.0, 9))  # in mean squares of a harmonic's block means
_FLOOR = 1e-12
_HIGHEST = 0.75  # cycles per shorter edge
_LEVELS = np.geomspace(1e-10, 1, 21)  # of what a profile does not explain, in mean squares of a harmonic's block means
_TOLERABLE = 0.3  # share left of a row at which a profile with its rest interpolated still beats interpolation alone
_OUTLYING = 9.0  # energy of a row over the median of its harmonic from which it does not start a fit
_TRIMMED = 2 / 3  # share of the rows that such a fit goes on with, and that must agree in the end
_TRIMMINGS = 3


class ProfileFits(NamedTuple):
    """The fits of all harmonics: fine rows, what they leave, which rows agree with a profile, lengths and parities."""

    rows: np.ndarray  # (angle, frequency, H, W)
    left: np.ndarray  # share of a row's energy beyond the noise, (angle, frequency)
    agree: np.ndarray  # (angle, frequency)
    tolerable: np.ndarray  # which rows a profile describes roughly, these included
    lengths: list[float]
    parities: list[int]


def fit_profiles(
    block_means: np.ndarray, sigma: np.ndarray, angles: np.ndarray, factor: int, geometry: Geometry = CENTERED
) -> ProfileFits:
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
    """
    height, width = block_means.shape[-2:]
    design = Design.of(height, width, angles, factor, geometry)
    found = np.empty((*block_means.shape[:2], *design.features.shape[-2:]), complex)
    shape = block_means.shape[:2]
    fits = ProfileFits(found, np.empty(shape), np.empty(shape, bool), np.empty(shape, bool), [], [])
    for k in range(block_means.shape[1]):
        profile, fits.agree[:, k] = _robust(design, block_means[:, k], sigma[:, k])
        fits.left[:, k] = design.left(profile, block_means[:, k], sigma[:, k])
        roughly = design.agree(profile, block_means[:, k], sigma[:, k], _TOLERABLE)
        fits.tolerable[:, k] = fits.agree[:, k] | (roughly & fits.agree[:, k].any())
        found[:, k] = design.rows(profile)
        fits.lengths.append(profile.length)
        fits.parities.append(profile.parity)
    if 2 * np.sum(~fits.agree.any(0)) >= fits.agree.shape[1]:  # what is wrong with most harmonics, is with all
        fits.agree[:] = fits.tolerable[:] = False
    return fits


class _Profile(NamedTuple):
    """Coefficients (q,), length and parity of a harmonic's profile, and twice its log evidence but for a constant."""

    coefficients: np.ndarray
    length: float
    parity: int
    evidence: float


class Design(NamedTuple):
    """What fits share.

    Features of fine rows (angle, q, H, W), their weighed block means (angle, q, m), the weights (h, w) or 1, what is
    tried, and the candidates.
    """

    features: np.ndarray
    means: np.ndarray
    weights: np.ndarray | float
    waves: np.ndarray
    lengths: tuple[float, ...]
    candidates: list[_Candidate]
    factor: int

    @classmethod
    def of(cls, height: int, width: int, angles: np.ndarray, factor: int, geometry: Geometry) -> Design:
        """Return what the fits to a coarse grid of h x w blocks share."""
        features, waves = _features(*geometry.fine_shape(factor, height, width), angles, geometry)
        share = geometry.share(factor, height, width)
        weights = 1.0 if share is None else share
        means = (block_mean(features, factor) * weights).reshape(len(angles), features.shape[1], -1)
        lengths = _lengths(geometry)
        candidates = _candidates(np.einsum("aqm,apm->qp", means, means), waves, lengths)
        return cls(features, means, weights, waves, lengths, candidates, factor)

    def fit(self, b: np.ndarray, sigma: np.ndarray, used: np.ndarray, exact: bool = False) -> _Profile:
        """Fit a profile to the used ones of a harmonic's rows b (angle, h, w).

        Unless the model is taken to be `exact`, what it does not explain counts as further noise of likeliest level.
        """
        values, candidates = (b[used] * self.weights).reshape(used.sum(), -1), self.candidates
        means = self.means[used]
        if not used.all():
            flat = means.transpose(1, 0, 2).reshape(means.shape[1], -1)
            candidates = _candidates(flat @ flat.T, self.waves, self.lengths)
        projected = np.einsum("aqm,am->q", means, values)
        noise, energy = float(np.mean(sigma[used] ** 2)), float(np.mean(np.abs(values) ** 2))
        if exact:
            return _likeliest(values, projected, noise, candidates)
        levels = [noise, *(level for level in energy * _LEVELS if level > noise)]
        return max((_likeliest(values, projected, level, candidates) for level in levels), key=lambda p: p.evidence)

    def errors(self, b: np.ndarray, sigma: np.ndarray, used: np.ndarray) -> np.ndarray:
        """Return the errors (angle, h, w), weighed, of the profile that is fitted to the `used` block means of b."""
        values, used = (b * self.weights).reshape(len(b), -1), used.reshape(len(b), -1)
        flat = self.means.transpose(1, 0, 2)[:, used]
        candidates = _candidates(flat @ flat.T, self.waves, self.lengths)
        noise, energy = float(np.mean(sigma**2)), float(np.mean(np.abs(values[used]) ** 2))
        levels = [noise, *(level for level in energy * _LEVELS if level > noise)]
        fits = (_likeliest(values[used], flat @ values[used], level, candidates) for level in levels)
        profile = max(fits, key=lambda p: p.evidence)
        return (values - np.einsum("aqm,q->am", self.means, profile.coefficients)).reshape(b.shape)

    def left(self, profile: _Profile, b: np.ndarray, sigma: np.ndarray) -> np.ndarray:
        """Return the share of every row's energy that a profile leaves beyond the noise, (angle,)."""
        fitted = np.einsum("aqm,q->am", self.means, profile.coefficients).reshape(b.shape)
        return share_left(b * self.weights - fitted, b * self.weights, sigma, alike=True)

    def rows(self, profile: _Profile) -> np.ndarray:
        """Return the fine rows (angle, H, W) of a profile."""
        return np.einsum("aqyx,q->ayx", self.features, profile.coefficients)

    def agree(self, profile: _Profile, b: np.ndarray, sigma: np.ndarray, most: float = MOST_LEFT) -> np.ndarray:
        """Return which rows a profile describes but for a share of their energy, (angle,)."""
        return agree(self.rows(profile), b, sigma, self.factor, alike=True, most=most)


def _robust(design: Design, b: np.ndarray, sigma: np.ndarray) -> tuple[_Profile, np.ndarray]:
    """Fit a profile to those rows of a harmonic that agree on one; return it and which rows these are.

    Where the fit to all rows leaves some unexplained, it is repeated with the better half of the rows until these stay
    the same (least trimmed squares), then with all that agree. Where fewer than two thirds do, none is taken to.
    """
    everything = np.ones(len(b), bool)
    profile = design.fit(b, sigma, everything, exact=True)
    if np.all(design.left(profile, b, sigma) <= EXPLAINED):
        return profile, everything
    profile = design.fit(b, sigma, everything)
    if design.agree(profile, b, sigma).all():
        return profile, everything
    energy = np.sum(np.abs(b) ** 2, axis=(1, 2))
    usual = (energy > 0) & (energy < _OUTLYING * np.median(energy[energy > 0]))
    used = usual
    for _ in range(_TRIMMINGS):
        left = design.left(design.fit(b, sigma, used), b, sigma)
        used = usual & (left <= np.quantile(left[usual], _TRIMMED))
    for _ in range(2):
        profile = design.fit(b, sigma, used)
        used = design.agree(profile, b, sigma)
        if used.sum() < _TRIMMED * len(b):
            return profile, np.zeros(len(b), bool)
    return profile, used


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


def _likeliest(b: np.ndarray, projected: np.ndarray, noise: float, candidates: list[_Candidate]) -> _Profile:
    """Return the profile of the likeliest candidate, given b (angle, m), D^T b (q,) and the variance of the noise."""
    total = float(np.sum(np.abs(b) ** 2))
    energy = total / b.size
    if energy == 0:
        return _Profile(np.zeros(projected.size, complex), LENGTHS[-1], 1, 0.0)
    noise += _FLOOR * energy
    variances = energy * np.array(_VARIANCES)
    fits = [_fit(candidate, projected, total, noise, variances) for candidate in candidates]
    best = max(range(len(fits)), key=lambda i: fits[i][0])
    evidence = fits[best][0] - b.size * np.log(noise)
    return _Profile(fits[best][1], candidates[best].length, candidates[best].parity, evidence)


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
