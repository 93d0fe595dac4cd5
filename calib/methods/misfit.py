r"""Whether rows are what a method presumes: their residual on the measured block means against the noise.

Let r be the residual of a fit to m complex block means with the noise deviation :math:`\sigma`. If the fit is correct,
:math:`\lVert r\rVert^2/\sigma^2` follows a gamma distribution of shape m, or lies below it, since the fit absorbs some
noise. A row misfits if a value so large has a chance below 1e-9, and if more than a share s of its energy is left
beyond the noise,

.. math:: \frac{\lVert r\rVert^2 - m\sigma^2}{\lVert\bar b\rVert^2} > s .

The residual can be interpolated, so a small share does no harm: the error is then about :math:`\sqrt s` times that of
interpolation, unless the fit has invented detail that the block means do not show. If there is a residual, the detail
of the fit is therefore compared with what interpolation would miss of the measured block means at the next coarser
factor. The larger the residual, the less detail is accepted. For exact data only the second condition counts.

Where blocks reach over the edge of the grid, everything is in units of their own noise: residual and block means are
multiplied by the share f of its voxels that each block has (`mpisim.data.sampling`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.special import gammainccinv

from calib.methods.bicubic import interpolate_bicubic, interpolate_means
from mpisim.data.blocks import block_mean, filling, is_partial
from mpisim.data.noise import norm, rms
from mpisim.data.views import row_dims

__all__ = [
    "EXPLAINED",
    "FEW_BLOCKS",
    "MOST_LEFT",
    "PRECISION",
    "agree",
    "few_blocks",
    "invents",
    "named_rows",
    "share_left",
    "shrunk",
    "with_margin",
]

EXPLAINED = 1e-5
"""Share of a row's energy that may be left if a fit explains the row completely."""
MOST_LEFT = 0.1
"""Share of a row's energy that may be left beyond the noise if a fit describes the row at all."""
PRECISION = 0.005
"""Residual of the block means that is tolerated beside the noise, in units of the RMS of all of them."""
FEW_BLOCKS = "few block means along a side: a ridge that errs can pass the check for invented detail"
"""Note of a result whose rows were checked by few block means (`few_blocks`)."""

_CHANCE = 1e-9
_FEWEST_ALONG = 6  # block means along a side from which their detail shows that of the rows
_NOISE_OR_EXACT = 1e-4  # share of the energy that a correct ridge leaves at most
_HARMLESS = 0.2  # detail over the RMS of a row's block means
_MARGIN = 4.0  # standard deviations of the square of a row's noise norm that still count as noise


def share_left(residual: np.ndarray, means: np.ndarray, sigma: np.ndarray, alike: bool = False) -> np.ndarray:
    """Return the energy of residuals beyond the noise over that of the rows, zero where the noise explains it.

    Parameters
    ----------
    residual, means
        Complex (..., h, w): the residual of a fit to the block means, and the block means.
    sigma
        Complex noise deviation of the rows, (...).
    alike
        Whether the rows should be of one strength, as those of a harmonic are. A weaker row then counts with the median
        energy: at 8x the block means of some rows hardly differ from zero, though the rows do.

    Returns
    -------
    numpy.ndarray
        Shares (...); infinity where nothing was measured but something fitted.
    """
    voxels = means.shape[-1] * means.shape[-2]
    left, energy = (np.sum(np.abs(v.astype(complex)) ** 2, axis=(-2, -1)) for v in (residual, means))
    energy = np.maximum(energy, np.median(energy)) if alike else energy
    beyond = np.where(left > gammainccinv(voxels, _CHANCE) * sigma**2, left - voxels * sigma**2, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(beyond > 0, beyond / energy, 0.0)


def agree(
    rows: np.ndarray,
    means: np.ndarray,
    sigma: np.ndarray,
    factor: int,
    explained: float = EXPLAINED,
    alike: bool = False,
    most: float = MOST_LEFT,
) -> np.ndarray:
    """Return which fine rows describe the measured block means: they leave little of them, and invent no detail.

    Parameters
    ----------
    rows
        Fine rows of a fit, complex (B, H, W).
    means, sigma
        Measured block means (B, h, w) and their complex noise deviation, (B,).
    factor
        Block edge S.
    explained
        Share left of a row above which its detail is checked.
    alike
        Whether the rows should be of one strength and detail, as those of a harmonic are; see `share_left`.
    most
        Share of a row's energy that may be left.
    """
    shape = (rows.shape[-2], rows.shape[-1])
    weights = filling(shape, factor) if is_partial(shape, factor) else 1.0
    left = share_left(weights * (means - block_mean(rows, factor)), weights * means, sigma, alike)
    good = left <= most
    doubted = good & (left > explained)
    if doubted.any():
        likely = _missed(means[..., : shape[0] // factor, : shape[1] // factor])
        likely = np.full_like(likely, np.median(likely)) if alike else likely
        detail = rms(rows - interpolate_means(block_mean(rows, factor), factor, shape), (1, 2))
        doubt = np.sqrt(left / MOST_LEFT) if alike else 1.0  # many rows with little left support each other's detail
        good &= ~doubted | (detail * doubt <= _likely_detail(factor) * likely)
    return good


def invents(rows: np.ndarray, means: np.ndarray, factor: int, left: np.ndarray) -> np.ndarray:
    """Return which fine rows (B, H, W) have far more detail than their block means (B, h, w) let expect, (B,).

    The detail is what the rows have beyond the interpolation of their own block means. It is compared with what
    interpolation misses of the measured means at the next coarser factor, S^2 / 16 and at least 1.5 times which are
    accepted, and with their RMS, a fifth of which is harmless. Ideal rows have up to .4 times what is missed at 2x, and
    .75 at 4x and 8x.

    Fewer than 6 block means along a side say less of what is missed. There ideal rows have up to 2.3 times it, and 3
    are accepted; but only once of a row of which more than noise is `left`, a share (B,) of its energy: ideal rows
    leave none, and at most 1e-4 if the means are exact. A single block along a side says nothing, and all detail that
    is not harmless is then invented.
    """
    shape = (rows.shape[-2], rows.shape[-1])
    whole = means[..., : shape[0] // factor, : shape[1] // factor]
    missed = _missed(whole)
    detail = rms(rows - interpolate_means(block_mean(rows, factor), factor, shape), (1, 2))
    accepted: float | np.ndarray = max(1.5, factor**2 / 16)
    if few_blocks(whole.shape[-2:]):
        accepted = np.where(left > _NOISE_OR_EXACT, 1.0, 3.0)
        missed = np.where(np.isfinite(missed), missed, 0.0)
    return (detail > accepted * missed) & (detail > _HARMLESS * rms(means, (1, 2)))


def few_blocks(shape: tuple[int, ...]) -> bool:
    """Return whether block means of this shape (h, w) are too few along a side to show the detail of their rows."""
    return min(shape) < _FEWEST_ALONG


def _missed(means: np.ndarray) -> np.ndarray:
    """Return the RMS of what interpolation misses of block means (B, h, w) averaged once more, over 2 x 2, (B,)."""
    even = means[:, : means.shape[1] // 2 * 2, : means.shape[2] // 2 * 2]
    if 0 in even.shape:
        return np.full(len(means), np.inf)
    return rms(even - interpolate_bicubic(block_mean(even, 2), 2), (1, 2))


def _likely_detail(factor: int) -> float:
    """Detail over what is missed at the next coarser factor: up to .3, .6 and 2.5 for ideal rows at 2x, 4x and 8x."""
    return max(0.5, factor**2 / 64)


def shrunk(residual: np.ndarray, sigma: np.ndarray, share: np.ndarray | None = None) -> np.ndarray:
    r"""Return residuals (B, h, w) without their noise, by the positive-part James-Stein estimator.

    That is :math:`r \max(0, 1 - m\sigma'^2 / \lVert r\rVert^2)`, where :math:`\sigma'` is the noise deviation `sigma`
    (B,) with a margin, so that noise alone leaves nothing; see `with_margin`. With the share f (h, w) of blocks over
    the edge, whose noise is :math:`\sigma' / f`, the variance of the residual without noise is
    :math:`v = (\lVert f r\rVert^2 - m\sigma'^2) / \sum f^2`, and every residual is multiplied by
    :math:`v / (v + \sigma'^2 / f^2)`, which is the same for f = 1.
    """
    if share is not None:
        return _shrunk_apart(residual, sigma, share)
    length = norm(residual, (1, 2))
    voxels = residual.shape[1] * residual.shape[2]
    noise = with_margin(sigma, voxels) * voxels**0.5
    return residual * (1 - (noise / np.where(length > 0, length, 1)) ** 2).clip(min=0)[:, None, None]


def _shrunk_apart(residual: np.ndarray, sigma: np.ndarray, share: np.ndarray) -> np.ndarray:
    length = norm(residual * share, (1, 2))[:, None, None]
    unit = np.where(length > 0, length, 1)  # squares of values of any unit stay in range
    noise = (with_margin(sigma, share.size)[:, None, None] / unit) ** 2
    variance = (1.0 * (length > 0) - share.size * noise).clip(min=0) / np.sum(share**2)
    total = variance + noise / share**2
    return residual * (variance / np.where(total > 0, total, 1))


def with_margin(sigma: np.ndarray, voxels: int) -> np.ndarray:
    """Return a larger noise deviation, which the norm of a row's noise hardly ever exceeds: by 4 of its deviations."""
    return sigma * (1 + _MARGIN / voxels**0.5) ** 0.5


def named_rows(coarse: xr.Dataset, rows: Sequence[int] | np.ndarray, most: int = 3) -> str:
    """Return the first of some rows (numbers of `as_images`) in words, such as `angle 3 degrees, harmonic 2`.

    Rows of one dimension without coordinates have their numbers only: `rows 0, 1, 2, ...`.
    """
    dims = row_dims(coarse)
    if len(dims) == 1 and not any(name in coarse.coords for name in (*dims, "harmonic")):
        numbers = [str(int(row)) for row in rows[:most]] + ["..."] * (len(rows) > most)
        return f"row{'s' * (len(rows) > 1)} {', '.join(numbers)}"
    places = np.unravel_index(np.asarray(rows[:most], dtype=int), [coarse.sizes[d] for d in dims]) if dims else ()
    rows_places = zip(*places, strict=True)
    names = [", ".join(_named(coarse, d, i) for d, i in zip(dims, at, strict=True)) for at in rows_places]
    return "; ".join(names) + ("; ..." if len(rows) > most else "")


def _named(coarse: xr.Dataset, dim: str, index: int) -> str:
    if dim == "angle" and dim in coarse.coords:
        return f"angle {np.degrees(float(coarse[dim][index])):.4g} degrees"
    if dim == "frequency" and "harmonic" in coarse.coords:
        return f"harmonic {int(coarse['harmonic'][index])}"
    if dim == "frequency" and dim in coarse.coords:
        return f"frequency {float(coarse[dim][index]) / 1e3:.4g} kHz"
    return f"{'channel' if dim == 'receive' else dim} {index}"
