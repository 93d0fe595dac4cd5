r"""Single rows as ridges: the most likely Gaussian process along the most likely direction.

In the plane of an ideal scanner a row is a ridge, :math:`a(r) = f(u)` with :math:`u = x\cos\theta + y\sin\theta`. (The
average of the sample over its voxel is a convolution along u and changes nothing.) The profile f is even or odd about
the scanner's axis. The place of this axis and the edges of the voxels follow from the coordinates
(`calib.methods.geometry`). A priori f is a Gaussian process of length :math:`\ell`. It is written in Fourier features
(cosines or sines) of a period beyond the field of view, :math:`f(u) = \phi(u)^T R c`, :math:`c \sim N(0, 2e\,I)`. R is
the root of the spectrum, and e the mean square of the row. The block means are measured with noise,
:math:`\bar b = M\Phi_\theta R c + n`. With the thin SVD :math:`M\Phi_\theta R = U s V^T` and :math:`z = U^T\bar b` the
posterior mean of the block means is

.. math:: M\hat a = U \frac{s^2}{s^2 + \tau/2e} z, \qquad \tau = \sigma^2/2 + \delta e,

and direction, length and parity are those with the largest evidence (`calib.methods.gaussian_process`). Real and
imaginary parts are processes with separate variances that share all three. Directions are tried every 3 degrees; if
none explains a row to within its noise, the search goes on between them (`calib.methods.direction`): at 33.7 dB, 0.75
or 1.5 degrees off those tried, denoised means err 1.05, 1.15 and 1.2 times as much as on them at 2x, 4x and 8x.
:math:`\delta` stands for rows that are no ridges; without it the fit would invent a fine profile for them. Nothing is
trained. A ridge that explains the block means and yet has far more detail than they let expect is no ridge, either
(`calib.methods.misfit.invents`): where fields turn and are distorted, a wrong direction can fit, and its rows were up
to four times too large.

As an interpolant this cannot know what block means do not show: for a row along the grid's axes only the means over
whole columns are measured. As a denoiser of block means (`ridge_means`) it works at every angle, since a profile has
few degrees of freedom. What is no ridge remains as far as it exceeds the noise, and exact block means stay exact.

Where blocks reach over the edge of the grid, their means are those of n of :math:`S^2` voxels with :math:`S^2 / n`
times the noise (`mpisim.data.sampling`). Block means and features are multiplied by :math:`n / S^2`, which makes the
noise equal.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from calib.batches import rows_in_batches
from calib.methods.bicubic import interpolate_means
from calib.methods.consistency import nearest_consistent
from calib.methods.direction import LENGTHS, Process, features, refined
from calib.methods.gaussian_process import log_evidence
from calib.methods.geometry import CENTERED, Geometry
from calib.methods.misfit import FEW_BLOCKS, agree, few_blocks, invents, named_rows, share_left, shrunk
from calib.methods.record import Recovered
from calib.methods.ridge_bank import ANGLES, Bank, directions, ridge_bank
from mpisim.data.blocks import as_rows, block_mean
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images, noise_per_row
from mpisim.errors import warn

__all__ = [
    "SIGMA_THRESHOLD",
    "recover_by_ridges",
    "ridge_interpolate",
    "ridge_means",
    "ridge_rows",
    "share_of_no_ridge",
    "warn_of_no_ridges",
]

_DISCREPANCY = 1e-3
_DOUBTED = 3e-3  # share left of a row from which its detail is doubted: above the discrepancy
_ROUNDING = 1e-7
_STEP = np.pi / ANGLES / 2
SIGMA_THRESHOLD = 1.0
"""Default of `ridge_means`, in standard deviations."""


def recover_by_ridges(coarse: xr.Dataset) -> Recovered:
    """Recover every row as the most likely ridge, then project it on the measured block means.

    Rows that no ridge describes are interpolated by bicubic, counted in the metadata and named in a warning. The
    metadata say `few_blocks` where there are too few block means for a sharp check.
    """
    factor, geometry = Sampling.of(coarse).factor, Geometry.of(coarse)
    rows, good = ridge_rows(as_images(coarse), noise_per_row(coarse), factor, geometry)
    warn_of_no_ridges(coarse, good)
    others = int(np.sum(~good))
    metadata: dict[str, object] = {"rows_refitted": {"bicubic-dc": others}} if others else {}
    if few_blocks(coarse["system_matrix"].shape[-2:]):
        metadata["few_blocks"] = FEW_BLOCKS
    return Recovered(rows, metadata)


def warn_of_no_ridges(coarse: xr.Dataset, good: np.ndarray) -> None:
    """Warn of the rows of a coarse matrix that are no ridges, if there are any; `good` are those that are, (row,)."""
    (others,) = np.nonzero(~good)
    if others.size:
        warn(
            f"{len(others)} of {len(good)} rows are not constant along a line, as ridge presumes, and were recovered "
            f"by bicubic-dc ({named_rows(coarse, others)})."
        )


def ridge_rows(
    means: np.ndarray, sigma: np.ndarray, factor: int, geometry: Geometry, unit: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Recover rows as ridges, or by bicubic interpolation where none describes them; see `recover_by_ridges`.

    Parameters
    ----------
    means, sigma
        Block means, complex (row, h, w), and their complex noise deviation, (row,).
    factor, geometry
        Block edge S, and where the voxels lie.
    unit
        RMS of the complete matrix, where these are some of its rows.

    Returns
    -------
    tuple
        Fine rows (row, S h, S w), and which of them are ridges, (row,).
    """
    rows, share = _ridges(means, sigma, factor, geometry, unit), geometry.share(factor, *means.shape[-2:])
    shape = (rows.shape[-2], rows.shape[-1])
    residual = means - block_mean(rows, factor)
    left = _share_left(residual, means, sigma, share)
    good = agree(rows, means, sigma, factor, _DOUBTED) & ~invents(rows, means, factor, left)
    misfit = left > _DOUBTED
    rows[misfit] += interpolate_means(shrunk(residual[misfit], sigma[misfit], share), factor, shape)
    rows[~good] = interpolate_means(means[~good], factor, shape)
    return nearest_consistent(rows, means, sigma, factor), good


def share_of_no_ridge(
    means: np.ndarray, sigma: np.ndarray, factor: int, geometry: Geometry, unit: float | None = None
) -> np.ndarray:
    """Return the share of every row's energy that ridges leave beyond the noise, (row,); see `ridge_rows`."""
    rows, share = _ridges(means, sigma, factor, geometry, unit), geometry.share(factor, *means.shape[-2:])
    return _share_left(means - block_mean(rows, factor), means, sigma, share)


def _share_left(residual: np.ndarray, means: np.ndarray, sigma: np.ndarray, share: np.ndarray | None) -> np.ndarray:
    """Return `share_left`, in units of the noise of each block where blocks have a `share` of their voxels only."""
    weights = 1.0 if share is None else share
    return share_left(residual * weights, means * weights, sigma)


def _ridges(means: np.ndarray, sigma: np.ndarray, factor: int, geometry: Geometry, unit: float | None) -> np.ndarray:
    def interpolate(rows: Tensor, noise: Tensor) -> Tensor:
        return ridge_interpolate(rows, noise, factor, geometry=geometry)

    return rows_in_batches(interpolate, means, sigma, unit)


class _Fit(NamedTuple):
    """The likeliest of the candidates of B rows."""

    chosen: Tensor  # their numbers, (B,)
    variance: Tensor  # 2e: (B, 2)
    noise: Tensor  # tau: (B, 2)
    means: Tensor  # posterior means of the block means, (B, 2, h, w)
    freedom: Tensor  # how many real values the noise of both channels has left to it, (B,)


def ridge_interpolate(
    block_means: Tensor,
    sigma: Tensor,
    factor: int,
    discrepancy: float = _DISCREPANCY,
    geometry: Geometry = CENTERED,
) -> Tensor:
    """Interpolate rows as ridges.

    Parameters
    ----------
    block_means
        Block means (B, 2, h, w), real and imaginary part, in any unit.
    sigma
        Their complex noise deviation, (B,); 0 for exact data.
    factor
        Block edge S.
    discrepancy
        delta, the share of a row's energy that need not be a ridge.
    geometry
        Where the voxels lie about the scanner's axis.

    Returns
    -------
    Tensor
        Fine rows (B, 2, S h, S w).
    """
    height, width = block_means.shape[-2:]
    fit = _fitted(block_means, sigma, factor, discrepancy, geometry)
    process, coefficients = _refined(block_means, fit, factor, geometry)
    fine = coefficients @ features(process, height, width, factor, 1, geometry).mT
    return fine.unflatten(2, geometry.fine_shape(factor, height, width)).to(block_means)


def ridge_means(
    block_means: Tensor,
    sigma: Tensor,
    factor: int,
    sigma_threshold: float = SIGMA_THRESHOLD,
    geometry: Geometry = CENTERED,
) -> Tensor:
    """Denoise block means (B, 2, h, w): those of a fit without discrepancy, moved to within the noise of the measured.

    Block means, sigma, factor and geometry are those of `ridge_interpolate`. A direction between those tried is
    searched (`calib.methods.direction`) from a misfit of `sigma_threshold` standard deviations above what the noise
    leaves; a larger threshold takes less time.
    """
    if geometry != CENTERED and not sigma.any():  # as patches of a fit are
        return block_means
    fit = _fitted(block_means, sigma, factor, _ROUNDING, geometry)
    height, width = block_means.shape[-2:]
    share = geometry.share(factor, height, width)
    left = (_weighed(block_means - fit.means, share).square().sum((2, 3)) / fit.noise).sum(1)
    odd = (left > fit.freedom + sigma_threshold * (2 * fit.freedom).sqrt()) & (sigma > 0)
    fitted = fit.means
    if odd.any():
        process, coefficients = _refined(block_means[odd], _Fit(*(t[odd] for t in fit)), factor, geometry)
        again = coefficients @ features(process, height, width, factor, geometry=geometry).mT
        fitted = fitted.index_put((odd,), again.unflatten(2, (height, width)).to(fitted))
    return nearest_consistent(fitted, block_means, sigma, 1, share)


def _weighed(block_means: Tensor, share: np.ndarray | None) -> Tensor:
    """Return block means in which blocks have equal noise, given the share of its voxels that each has."""
    return block_means if share is None else block_means * as_rows(share, block_means)


def _fitted(block_means: Tensor, sigma: Tensor, factor: int, discrepancy: float, geometry: Geometry) -> _Fit:
    """Fit every row by the likeliest of the candidates."""
    bank = Bank(*(t.to(block_means) for t in ridge_bank(*block_means.shape[-2:], factor, geometry)))
    share = geometry.share(factor, *block_means.shape[-2:])
    b = _weighed(block_means, share).flatten(2)
    energy = b.square().mean(-1) if share is None else b.square().sum(-1) / float(np.sum(share**2))
    noise = sigma[:, None] ** 2 / 2 + discrepancy * energy.mean(1, keepdim=True).clamp(min=1e-30)
    noise, variance = noise.expand_as(energy), 2 * energy
    z = torch.einsum("krm,bcm->bckr", bank.project, b)
    chosen = _evidence(bank, b, z, variance, noise).argmax(1)
    z = z[torch.arange(len(b)), :, chosen]
    shrinkage = variance[..., None] * bank.eigenvalues[chosen][:, None]
    shrinkage = shrinkage / (shrinkage + noise[..., None])
    means = torch.einsum("brm,bcr->bcm", bank.project[chosen], z * shrinkage).view_as(block_means)
    means = means if share is None else means / as_rows(share, means)
    return _Fit(chosen, variance, noise, means, b.shape[-1] * 2 - shrinkage.sum((1, 2)))


def _refined(block_means: Tensor, fit: _Fit, factor: int, geometry: Geometry) -> tuple[Process, Tensor]:
    """Look for likelier directions near the likeliest candidate, and near the likeliest other one of a rough ridge."""
    bank = Bank(*(t.to(block_means) for t in ridge_bank(*block_means.shape[-2:], factor, geometry)))
    b = _weighed(block_means, geometry.share(factor, *block_means.shape[-2:])).flatten(2)
    z = torch.einsum("krm,bcm->bckr", bank.project, b)
    rough = fit.noise + _DISCREPANCY * fit.variance.mean(1, keepdim=True) / 2
    evidence = _evidence(bank, b, z, fit.variance, rough).unflatten(1, (ANGLES, -1))
    evidence[torch.arange(len(b)), fit.chosen // evidence.shape[2]] = -torch.inf
    starts = [_process(chosen, geometry) for chosen in (fit.chosen, evidence.flatten(1).argmax(1))]
    step = _STEP * max(geometry.edges)
    return refined(starts, block_means, fit.variance, fit.noise, factor, step, geometry)


def _process(chosen: Tensor, geometry: Geometry) -> Process:
    """Return what the candidates of these numbers are."""
    lengths = torch.tensor(LENGTHS, device=chosen.device)
    angle = directions(geometry).to(chosen.device)[chosen // (2 * len(LENGTHS))]
    return Process(angle, lengths[chosen // 2 % len(LENGTHS)], chosen % 2 == 0)


def _evidence(bank: Bank, b: Tensor, z: Tensor, variance: Tensor, noise: Tensor) -> Tensor:
    """Return twice the log evidence of the candidates, (B, candidates), but for a constant."""
    power = z.square()
    total = variance[..., None, None] * bank.eigenvalues + noise[..., None, None]  # (B, 2, candidates, r)
    outside = b.square().sum(-1, keepdim=True) - power.sum(-1)
    return log_evidence(power, total, outside, noise[..., None]).sum(1)
