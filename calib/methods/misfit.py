r"""Whether rows are what a method presumes: their residual on the measured block means against the noise.

Of m complex block means with the noise deviation :math:`\sigma`, the residual :math:`r` of a right fit has
:math:`\lVert r\rVert^2/\sigma^2` of a gamma distribution of shape m or, by what the fit has taken from it, below. A row
misfits where a value so large has a chance below 1e-9, and where more than a share of its energy is left beyond the
noise,

.. math:: \frac{\lVert r\rVert^2 - m\sigma^2}{\lVert\bar b\rVert^2} > s .

What is left can be interpolated, so that a small share does no harm: it takes the error of interpolation to about
:math:`\sqrt s` of it, unless the fit has invented detail that block means do not show. Where anything is left, the
detail is therefore compared with what the next coarser block means would miss of the measured ones; the more is left,
the less of it is believed. In exact data the first condition is void.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.special import gammainccinv

from calib.methods.bicubic import interpolate_bicubic
from mpisim.data.noise import norm, rms
from mpisim.data.sampling import block_mean
from mpisim.data.views import row_dims

__all__ = ["EXPLAINED", "MOST_LEFT", "agree", "named_rows", "share_left", "shrunk", "with_margin"]

EXPLAINED = 1e-5
"""Share of a row's energy that may be left where a fit explains it completely."""
MOST_LEFT = 0.1
"""Share of a row's energy that may be left beyond the noise where a fit describes it at all."""

_CHANCE = 1e-9
_MARGIN = 4.0  # standard deviations of the square of a row's noise norm that are still taken for noise


def share_left(residual: np.ndarray, means: np.ndarray, sigma: np.ndarray, alike: bool = False) -> np.ndarray:
    """Return the energy of residuals beyond the noise over that of the rows, zero where the noise explains it.

    Parameters
    ----------
    residual, means
        Complex (..., h, w): what a fit leaves of the block means, and these.
    sigma
        Complex noise deviation of the rows, (...).
    alike
        Whether the rows should be of one strength, as those of a harmonic are. The energy of a weaker one is then the
        median: at 8x the block means of some hardly differ from zero, though the rows do.

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
    """Return which fine rows describe what was measured: little is left of it, and no detail is invented.

    Parameters
    ----------
    rows
        Fine rows of a fit, complex (B, H, W).
    means, sigma
        Measured block means (B, h, w) and their complex noise deviation, (B,).
    factor
        Block edge S.
    explained
        Share left of a row from which its detail is doubted.
    alike
        Whether the rows should be of one strength and detail, as those of a harmonic are; see `share_left`.
    most
        Share of a row's energy that may be left.
    """
    left = share_left(means - block_mean(rows, factor), means, sigma, alike)
    good = left <= most
    doubted = good & (left > explained)
    if doubted.any():
        likely = _missed(means)
        likely = np.full_like(likely, np.median(likely)) if alike else likely
        detail = rms(rows - interpolate_bicubic(block_mean(rows, factor), factor), (1, 2))
        doubt = np.sqrt(left / MOST_LEFT) if alike else 1.0  # many rows with little left support each other's detail
        good &= ~doubted | (detail * doubt <= _likely_detail(factor) * likely)
    return good


def _missed(means: np.ndarray) -> np.ndarray:
    """Return the RMS of what interpolation misses of block means (B, h, w) averaged once more, over 2 x 2, (B,)."""
    even = means[:, : means.shape[1] // 2 * 2, : means.shape[2] // 2 * 2]
    if 0 in even.shape:
        return np.full(len(means), np.inf)
    return rms(even - interpolate_bicubic(block_mean(even, 2), 2), (1, 2))


def _likely_detail(factor: int) -> float:
    """Detail over what is missed at the next coarser factor: up to .3, .6 and 2.5 for ideal rows at 2x, 4x and 8x."""
    return max(0.5, factor**2 / 64)


def shrunk(residual: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    r"""Return residuals (B, h, w) less what of them is noise, by the positive-part James-Stein estimator.

    That is :math:`r \max(0, 1 - m\sigma'^2 / \lVert r\rVert^2)`, where :math:`\sigma'` is the noise deviation `sigma`
    (B,) with a margin, so that noise alone leaves nothing; see `with_margin`.
    """
    length = norm(residual, (1, 2))
    voxels = residual.shape[1] * residual.shape[2]
    noise = with_margin(sigma, voxels) * voxels**0.5
    return residual * (1 - (noise / np.where(length > 0, length, 1)) ** 2).clip(min=0)[:, None, None]


def with_margin(sigma: np.ndarray, voxels: int) -> np.ndarray:
    """Return the noise deviation with which the norm of a row's noise is hardly ever exceeded: 4 of its deviations."""
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
    return f"{dim} {index}"
