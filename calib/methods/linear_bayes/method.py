r"""Recovery by the covariance of known matrices: the most general of the linear methods.

`calib.methods.linear_bayes.posterior` gives the posterior mean of all rows, given the block means, their noise and a
prior: matrices of scanners that can be simulated, or were measured (`calib.methods.linear_bayes.family`). This module
brings a matrix into the form of the prior and back, and checks what the prior does not know.

The complex gain of a harmonic is removed: its phase is that against the mean of the family, its size the RMS of the
block means without their noise. What remains of a real family's imaginary part beyond the noise (relaxation that
depends on the field, phases that drift) is recovered too, as rows about zero whose covariance is scaled to its energy.

A prior of a quarter of the members, those that are most like the matrix in a first estimate without neighbours, is much
narrower than that of all: rows change their form with gradient and particles, and one Gaussian cannot follow. With 400
members the error is .7 to .8 times as large at 4x, and .5 to .7 times at 8x.

The block means that the posterior leaves, r, tell whether the prior describes the matrix. If it does, their expected
energy is that of the noise without what the fit absorbed, :math:`\mathrm{tr}(N - M P M^T)` with the posterior
covariance P. `chi2` is the ratio of the two, for all rows. Where it is above one, what remains counts as noise and the
posterior is computed again, so that it does not invent detail; then the rest, without its noise, is interpolated and
added. The stated variance is that of the posterior plus the energy left for each block mean beyond the expected. On
nine scanners of the split `validation`, the RMS of the deviations that the bundled prior states is .99, .96 and 1.00
times that of the errors at 2x, 4x and 8x, so they are not inflated further. Rows that are not described at all
(`calib.methods.misfit`) are recovered by bicubic interpolation with data consistency, and a warning names them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from itertools import cycle
from typing import NamedTuple

import numpy as np
import xarray as xr

from calib.methods.bicubic import bicubic_consistent, interpolate_means
from calib.methods.coils import recover_coils
from calib.methods.consistency import nearest_consistent
from calib.methods.linear_bayes.coil_priors import coil_priors, unlike_priors
from calib.methods.linear_bayes.family import Family, as_array
from calib.methods.linear_bayes.matching import angles_in, frequencies_in
from calib.methods.linear_bayes.posterior import Posterior, posterior_rows
from calib.methods.linear_bayes.windows import Chosen, Prior
from calib.methods.misfit import MOST_LEFT, agree, named_rows, share_left, shrunk, with_margin
from calib.methods.record import Recovered
from calib.methods.smooth import recover_smoothly
from mpisim.data.blocks import block_mean
from mpisim.data.sampling import BoxSampling, PositionSampling, Sampling
from mpisim.data.views import as_images, noise_per_row
from mpisim.errors import warn

__all__ = ["recover_by_covariance"]

_LEFT_OUT = 1.1  # chi2 of a frequency from which what is left counts as noise
_NEAREST = 0.25  # share of the members that make the prior of a matrix: those that are most like it
_FEWEST = 480  # members and reflected ones that make a prior, at least
_WEAK = 0.3  # of the noise: RMS of the block means of a frequency, at least, before its size is fitted
_SIGMAS = 4.0  # standard deviations from which the energy of an imaginary part is not noise
_FLOOR = 1e-5  # of the RMS: what rounding leaves
_MOST = 0.5  # share of the rows that may disagree before the prior is taken to be that of other scanners


def recover_by_covariance(coarse: xr.Dataset, prior: str | os.PathLike[str] | None = None) -> Recovered:
    """Recover a coarse matrix of large samples, blocks or at any positions, by the posterior mean under a prior.

    Parameters
    ----------
    coarse
        The coarse matrix, with its noise. Receive coils are recovered one by one, each with its own prior where that
        is of several coils (`calib.methods.linear_bayes.coil_priors`).
    prior
        A file of `mpisim prior`, or a folder of fine matrices; None for the one that is bundled.

    Returns
    -------
    Recovered
        Rows with their standard deviation. The metadata name the `prior`, the number of its `members`, `chi2` and
        `chi2_by_frequency`, the share `imaginary` of the energy, and `rows_refitted`.

    Raises
    ------
    InputError
        If there is no such prior.
    """
    families = coil_priors(prior)
    unlike = unlike_priors(coarse, families)
    if unlike:
        instead, by = _simpler(coarse)
        warn(f"All rows were recovered by {instead} instead of linear-bayes, because {unlike}.")
        found = by(coarse)
        return Recovered(
            found.rows, {"reason_of_fallback": unlike, "rows_refitted": {instead: len(found.rows)}}, found.std
        )
    of_coils = cycle(families)  # one family serves all coils
    return recover_coils(coarse, lambda coil: _by_family(coil, next(of_coils)))


def _by_family(coil: xr.Dataset, family: Family | None) -> tuple[Recovered, str]:
    """Recover the matrix of one coil by its family; by interpolation where the coil of the prior receives nothing."""
    if family is not None:
        return _recovered(coil, family)
    instead, by = _simpler(coil)
    found = by(coil)
    why = "the prior is zero in this coil"
    refitted = {"reason_of_fallback": why, "rows_refitted": {instead: len(found.rows)}}
    said = f"all rows were recovered by {instead}, because {why}."
    return Recovered(found.rows, refitted, found.std), said


class _Measured(NamedTuple):
    """What a prior is made for, to be compared: angles, frequencies, factor, shape and positions."""

    angles: tuple[int, ...]
    frequencies: tuple[int, ...]
    factor: int
    positions: bytes


@lru_cache(maxsize=4)
def _prior(family: Family, measured: _Measured) -> Prior:
    if measured.positions:
        faces = np.frombuffer(measured.positions).reshape(2, -1, 2)
        sampling: Sampling = PositionSampling(measured.factor, family.grid, faces[0], faces[1])
    else:
        sampling = BoxSampling(measured.factor, shape=family.shape)
    return Prior(family, sampling, np.array(measured.angles), np.array(measured.frequencies))


def _prior_of(coarse: xr.Dataset, family: Family) -> Prior:
    """Return the prior of a matrix whose rows the family knows."""
    angles, frequencies, sampling = angles_in(coarse, family), frequencies_in(coarse, family), Sampling.of(coarse)
    assert angles is not None
    assert frequencies is not None
    positions = b""
    if isinstance(sampling, PositionSampling):
        moved = np.array(family.grid.center[:2]) - sampling.grid.center[:2]  # what rounding leaves, see `unlike_priors`
        positions = np.stack([sampling.centers + moved, sampling.sizes]).tobytes()
    return _prior(family, _Measured(tuple(angles.tolist()), tuple(frequencies.tolist()), sampling.factor, positions))


class _Known(NamedTuple):
    """A matrix in the form of a prior.

    Block means with real and imaginary part apart (angle, frequency, 2, h, w), and the gains and the variances of the
    noise of one of these parts (frequency,).
    """

    values: np.ndarray
    gains: np.ndarray
    noise: np.ndarray


def _recovered(coarse: xr.Dataset, family: Family) -> tuple[Recovered, str]:
    """Recover the matrix of one coil; return it and what a warning should say."""
    prior = _prior_of(coarse, family)
    values = as_array(coarse).astype(complex)
    sigma = noise_per_row(coarse).reshape(values.shape[:2])
    share = 1.0 if prior.share is None else prior.share
    known = _known(prior, values, sigma, share)
    rows, variance, chi2, imaginary = _fitted(prior, known)
    sizes, uncertain = (v[None, :, None, None] for v in _sizes(prior, known, rows))
    gains, fine = known.gains[None, :, None, None], rows[:, :, 0] + 1j * rows[:, :, 1]
    std = np.sqrt(variance * sizes**2 + uncertain * np.abs(fine) ** 2 / 2) * np.abs(gains)
    fine = fine * (sizes * gains)
    means, flat = as_images(coarse), fine.reshape(-1, *fine.shape[-2:])
    noise, shape = sigma.ravel(), (fine.shape[-2], fine.shape[-1])
    blocks, factor = isinstance(prior.sampling, BoxSampling), prior.sampling.factor
    if blocks:
        rest = shrunk(means - block_mean(flat, factor), noise, prior.share)
        flat = flat + interpolate_means(rest, factor, shape)  # not in place: `fine` is the same array
        flat = nearest_consistent(flat, means, with_margin(noise, means[0].size), factor)
        good = agree(fine.reshape(flat.shape), means, noise, factor, alike=True)
    else:
        left, weights = means - prior.sampling.apply(flat), 1.0 if prior.share is None else prior.share
        good = share_left(weights * left, weights * means, noise, alike=True) <= MOST_LEFT
    metadata = {
        **_named(family),
        "chi2": round(float(np.mean(chi2)), 4),
        "chi2_by_frequency": [round(float(c), 4) for c in chi2],
        "imaginary": round(imaginary, 6),
    }
    (others,) = np.nonzero(~good)
    if not others.size:
        return Recovered(flat, metadata, std.reshape(flat.shape)), ""
    if others.size > _MOST * len(flat):
        others = np.arange(len(flat))
    instead, by = _simpler(coarse)
    if blocks:
        found = interpolate_means(means[others], factor, shape)
        flat[others] = nearest_consistent(found, means[others], noise[others], factor)
    else:
        flat[others] = by(coarse).rows[others]
    metadata["rows_refitted"] = {instead: len(others)}
    whole = f"{len(others)} of {len(flat)} rows are not like those of the prior and were recovered by {instead}"
    said = f"{whole} ({named_rows(coarse, others)})."
    std = by(coarse).std if len(others) == len(flat) else _widened(std, flat, others)
    return Recovered(flat, metadata, std), said


def _simpler(coarse: xr.Dataset) -> tuple[str, Callable[[xr.Dataset], Recovered]]:
    """Return the method that presumes nothing of a matrix of this sampling, by name, and its function."""
    if isinstance(Sampling.of(coarse), PositionSampling):
        return "smooth-rows", recover_smoothly
    return "bicubic-dc", bicubic_consistent


def _widened(std: np.ndarray, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return standard deviations whose rows `others`, which were interpolated, state the RMS of their own values."""
    found = std.reshape(rows.shape).copy()
    found[others] = np.sqrt(np.mean(np.abs(rows[others]) ** 2, axis=(1, 2)) / 2)[:, None, None]
    return found


def _named(family: Family) -> dict[str, object]:
    about = {str(k): v for k, v in family.about.items()}
    return {"prior": about, "members": family.members}


def _known(prior: Prior, values: np.ndarray, sigma: np.ndarray, share: np.ndarray | float) -> _Known:
    """Return block means (angle, frequency, h, w) of noise `sigma` (angle, frequency) in the form of a prior."""
    means = prior.mean_values(values.shape[-2:])
    phases = np.exp(1j * np.angle(np.sum(values * share**2 * means.conj(), axis=(0, 2, 3))))
    noise = np.mean(sigma**2, axis=0) / 2
    turned = values / phases[None, :, None, None]
    parts = np.stack([turned.real, turned.imag], axis=2)
    used = parts[:, :, : prior.family.channels] * share
    power = np.mean(used**2, axis=(0, 3, 4)).sum(1)  # of the whole vector, as the strengths of members
    power = power - noise * prior.family.channels
    smallest = np.maximum((_WEAK**2) * noise, np.finfo(float).tiny)
    size = np.sqrt(np.maximum(power, smallest))
    left = prior.family.left[prior.frequencies] / np.mean(prior.strengths, axis=0) ** 2
    return _Known(parts / size[:, None, None, None], size * phases, noise / size**2 + left + _FLOOR**2)


def _sizes(prior: Prior, known: _Known, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return factors on the gains and their variances (frequency,): the best fit where a frequency is below the noise.

    The RMS of its block means then tells nothing of its size.
    """
    channels = prior.family.channels
    share = 1.0 if prior.share is None else prior.share
    means = prior.sampling.apply(rows[:, :, :channels].astype(float)) * share
    data = known.values[:, :, :channels] * share
    power = np.maximum(np.sum(means**2, axis=(0, 2, 3, 4)), 1e-30)
    fitted, below = np.sum(means * data, axis=(0, 2, 3, 4)) / power, known.noise > 1
    return np.where(below, fitted, 1.0), np.where(below, known.noise / power, 0.0)


def _fitted(prior: Prior, known: _Known) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return rows (angle, frequency, 2, y, x), the variance of a part, chi2 (frequency,), and the imaginary share."""
    channels = prior.family.channels
    values = known.values[:, :, :channels]
    noise = known.noise
    rough = posterior_rows(prior, values, noise, reach=0, variances=False)
    copies = len(prior.family.turns)
    chosen = prior.nearest(rough.rows, max(_FEWEST // copies, round(_NEAREST * prior.family.members)))
    found = posterior_rows(prior, values, noise, chosen=chosen)
    energy, expected = _residual(prior, values, found, noise)
    chi2 = energy / expected
    if np.any(chi2 > _LEFT_OUT):
        noise = noise * np.maximum(1, chi2)
        found = posterior_rows(prior, values, noise, chosen=chosen)
        energy, expected = _residual(prior, values, found, known.noise)
    assert found.variance is not None
    beyond = (energy - expected).clip(min=0)[None, :, None, None, None]
    variance = found.variance + beyond
    if channels == 2:
        return found.rows, variance.mean(2), chi2, 0.0
    imaginary, spread, share = _imaginary(prior, known, chosen)
    return np.concatenate([found.rows, imaginary], axis=2), (variance[:, :, 0] + spread) / 2, chi2, share


def _residual(prior: Prior, values: np.ndarray, found: Posterior, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean square of what is left of block means, and the expected one, (frequency,)."""
    weights = 1.0 if prior.share is None else prior.share
    left = weights * (values - prior.sampling.apply(found.rows.astype(float)))
    energy = np.mean(left**2, axis=(0, 2, 3, 4))
    expected = np.maximum(noise - found.explained, 1e-3 * noise)
    return energy, expected


def _imaginary(prior: Prior, known: _Known, chosen: Chosen) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the imaginary parts of the rows of a real family, their variance, and their share of the energy."""
    values = known.values[:, :, 1:]
    weights = 1.0 if prior.share is None else prior.share
    count = values.shape[0] * values[0, 0].size
    power = np.mean((values * weights) ** 2, axis=(0, 2, 3, 4)) - known.noise
    seen = power > _SIGMAS * known.noise * np.sqrt(2 / count)
    rows = np.zeros((*values.shape[:3], *prior.family.shape))
    if not seen.any():
        return rows, np.zeros((*values.shape[:2], *prior.family.shape)), 0.0
    scale = float(np.sqrt(np.max(power)))
    found = posterior_rows(prior, values, known.noise, centred=False, scale=scale, chosen=chosen)
    assert found.variance is not None
    energy, expected = _residual(prior, values, found, known.noise)
    variance = found.variance[:, :, 0]
    variance = variance + (energy - expected).clip(min=0)[None, :, None, None]
    return found.rows, variance, float(np.mean(power.clip(min=0)))
