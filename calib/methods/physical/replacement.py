r"""Rows that the fitted scanner does not describe as they stand: what they are instead.

A row that the file holds with another sign or factor, or mirrored along x, y or both, is one of the fitted scanner
after all. With the mirror M and the block means B, where the factor of least squares

.. math:: c = \frac{\langle B M \hat a, m\rangle}{\lVert B M \hat a\rVert^2}

leaves no more than `EXPLAINED` of the energy of the measured means m beyond their noise, the row is recovered as
:math:`c\,M \hat a`, as the file has it. All other rows are recovered as single ridges or by bicubic interpolation, or
by the simpler method of the sampling; their standard deviation is at least the distance to the prediction.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from calib.methods.misfit import share_left
from calib.methods.record import Recovered
from mpisim.data.blocks import block_mean
from mpisim.data.sampling import BoxSampling, Sampling
from mpisim.data.views import as_images, noise_per_row

__all__ = ["EXPLAINED", "MIRRORS", "mirrored_rows", "replace_others"]

EXPLAINED = 1e-3
"""Share of the energy of a row that may be left where a factor or a mirror explains it."""
MIRRORS: dict[str, tuple[int, ...]] = {
    "factor": (),
    "mirror along y": (-2,),
    "mirror along x": (-1,),
    "turn by 180 degrees": (-2, -1),
}
"""What may have happened to a row, and the axes that are reversed."""


def replace_others(
    rows: np.ndarray,
    spread: np.ndarray,
    circularity: np.ndarray,
    coarse: xr.Dataset,
    others: np.ndarray,
    simpler: tuple[str, Callable[[xr.Dataset], Recovered]],
) -> dict[str, int]:
    """Recover rows that the fitted scanner does not describe, in place; how many in which way.

    Parameters
    ----------
    rows, spread, circularity
        Fine rows of the fitted scanner, their standard deviation and its circularity, (row, y, x).
    coarse
        The coarse matrix.
    others
        Numbers of the rows in question.
    simpler
        Name and function of a method that presumes less, for samplings other than block means.
    """
    counts: dict[str, int] = {}
    sampling = Sampling.of(coarse)
    if isinstance(sampling, BoxSampling):
        means, sigma = as_images(coarse)[others].astype(complex), noise_per_row(coarse)[others]
        stated = (spread[others], circularity[others])
        found, wide, turned, ways = mirrored_rows(rows[others], stated, means, sigma, sampling)
        known = np.array([bool(way) for way in ways])
        place = others[known]
        rows[place], spread[place], circularity[place] = found[known], wide[known], turned[known]
        counts = {way: ways.count(way) for way in MIRRORS if way in ways}
        others = others[~known]
    if len(others):
        found, more = _otherwise(coarse, others, simpler)
        size = np.sqrt(np.mean(np.abs(found) ** 2, axis=(1, 2), keepdims=True) / 2)
        wide = np.minimum(spread[others], size)  # the gain of a row without any signal is not determined
        spread[others] = np.maximum(wide, np.abs(found - rows[others]) / np.sqrt(2))
        rows[others], circularity[others] = found, 0.0
        counts |= {name: count for name, count in more.items() if count}
    return counts


def mirrored_rows(
    rows: np.ndarray,
    stated: tuple[np.ndarray, np.ndarray],
    means: np.ndarray,
    sigma: np.ndarray,
    sampling: BoxSampling,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Return rows times a factor or mirrored, deviations, circularities, and which of `MIRRORS` explains each, or "".

    Parameters
    ----------
    rows, stated
        Predicted rows, and their standard deviation and its circularity, (row, y, x).
    means, sigma
        Measured block means (row, y, x) and the deviation of their noise, (row,).
    sampling
        That of the means.
    """
    best, ways = np.full(len(rows), EXPLAINED), [""] * len(rows)
    found, (wide, circularity) = rows.copy(), (part.copy() for part in stated)
    share = 1.0 if sampling.filling is None else sampling.filling
    for way, axes in MIRRORS.items():
        turned = np.flip(rows, axes) if axes else rows
        blocks = share * block_mean(turned, sampling.factor)
        norm = np.maximum(np.sum(np.abs(blocks) ** 2, axis=(1, 2)), np.finfo(float).tiny)
        factors = np.sum(blocks.conj() * share * means, axis=(1, 2)) / norm
        left = share_left(share * means - factors[:, None, None] * blocks, share * means, sigma)
        for i in np.flatnonzero((left <= best) & np.any(means != 0, axis=(1, 2))):
            if ways[i] and left[i] == best[i]:
                continue
            best[i], ways[i] = left[i], way
            size = abs(factors[i])
            spread, direction = (np.flip(part[i], axes) if axes else part[i] for part in stated)
            found[i], wide[i] = factors[i] * turned[i], size * spread
            circularity[i] = (factors[i] / size) ** 2 * direction if size else 0.0
    return found, wide, circularity, ways


def _otherwise(
    coarse: xr.Dataset, others: np.ndarray, simpler: tuple[str, Callable[[xr.Dataset], Recovered]]
) -> tuple[np.ndarray, dict[str, int]]:
    """Recover rows by what presumes less, and count by what."""
    sampling = Sampling.of(coarse)
    if not isinstance(sampling, BoxSampling):
        name, by = simpler
        return by(coarse).rows[others], {name: len(others)}
    from calib.methods.geometry import Geometry
    from calib.methods.ridge import ridge_rows  # which loads torch

    means, sigma = as_images(coarse)[others].astype(complex), noise_per_row(coarse)[others]
    unit = float(np.sqrt(np.mean(np.abs(as_images(coarse)) ** 2)))
    found, ridges = ridge_rows(means, sigma, sampling.factor, Geometry.of(coarse, warned=False), unit)
    return found, {"ridge": int(ridges.sum()), "bicubic-dc": int(np.sum(~ridges))}
