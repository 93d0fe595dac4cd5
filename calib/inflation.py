r"""The number by which a method's standard deviations are to be multiplied, from matrices whose truth is known.

A posterior deviation s, of the real or the imaginary part of a value, presumes that the model of the method is right.
Where it is not, errors are larger, often by much the same factor for all scanners of a kind. The inflation c of a
sampling factor is the number for which the mean coverage over validation matrices (`mpisim.data.coverage`) is nearest
to what is stated,

.. math:: c = \arg\min_c\ \max_{p \in \{.68, .95\}} \bigl\lvert \overline{C_p(c\,s)} - p \bigr\rvert .

Both levels are held alike, since errors with heavy tails allow no c that is right for both. Matrices count alike,
however strong they are. The scanners must not be those on which it is tested afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.special import ndtri

from calib.evaluation import evaluate
from mpisim.data.coverage import LEVELS, Coverage
from mpisim.data.deviation import deviations_of
from mpisim.data.schema import STD
from mpisim.data.units import in_unit_of
from mpisim.data.views import as_images
from mpisim.errors import InputError, require

__all__ = ["Inflation", "fit_inflation"]

_LOG_RATIOS = np.arange(-14.0, 14.0, 0.005)  # edges of the classes of ln(|error| / deviation)
_LOG_FACTORS = np.log(0.05) + np.arange(0, np.log(400), 0.0025)  # .05 to 20


@dataclass(frozen=True)
class Inflation:
    """The inflation of one sampling factor, and what it achieves on the matrices it was fixed on.

    Parameters
    ----------
    inflation
        Number by which the deviations are to be multiplied.
    before, after
        Coverage without and with it, the mean over matrices.
    worst
        Largest difference of the coverage of a matrix from .68 and from .95 with it.
    matrices
        Number of matrices.
    """

    inflation: float
    before: Coverage
    after: Coverage
    worst: tuple[float, float]
    matrices: int


def fit_inflation(pairs: Iterable[tuple[xr.Dataset, xr.Dataset]]) -> dict[int, Inflation]:
    """Return the inflation of every sampling factor of some recovered matrices.

    Parameters
    ----------
    pairs
        Recovered matrices with `system_matrix_std`, each with the matrix that it should be. An iterator is consumed
        one pair at a time, so that no more than that is in memory.

    Raises
    ------
    InputError
        If there is no pair, a matrix states no deviation or sampling factor, all its deviations are zero, or it cannot
        be compared with its reference (`calib.evaluate`).
    """
    shares: dict[int, list[np.ndarray]] = {}
    ratios: dict[int, list[float]] = {}
    for found, reference in pairs:
        factor = _factor(found)
        covered = evaluate(found, reference).coverage
        require(covered is not None, "found", f"a matrix that states its {STD}", "one without it")
        assert covered is not None
        shares.setdefault(factor, []).append(_distribution(found, reference))
        ratios.setdefault(factor, []).append(np.nan if covered.std_over_rmse is None else covered.std_over_rmse)
    if not shares:
        raise InputError("Input pairs must be one or more matrices with their references; instead received none.")
    return {factor: _fitted(np.array(shares[factor]), float(np.mean(ratios[factor]))) for factor in sorted(shares)}


def _factor(found: xr.Dataset) -> int:
    recovery = found.attrs.get("recovery")
    sampling = recovery.get("sampling") if isinstance(recovery, Mapping) else None
    known = isinstance(sampling, Mapping) and "factor" in sampling
    require(known, "found", "a recovered matrix that states its sampling factor", "one without it")
    assert isinstance(sampling, Mapping)
    return int(sampling["factor"])


def _distribution(found: xr.Dataset, reference: xr.Dataset) -> np.ndarray:
    """Return the share of errors' parts whose magnitude over their deviation is at most exp(edge), for every edge."""
    found = in_unit_of(found, reference, "found")
    error = as_images(found).astype(complex) - as_images(reference)[:, : found.sizes["y"], : found.sizes["x"]]
    std = np.stack([part.reshape(error.shape) for part in deviations_of(found)])
    require(bool(np.any(std > 0)), f"{STD} of found", "positive somewhere", "all zeros")
    parts = np.abs(np.stack([error.real, error.imag]))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.where(parts > 0, parts / std, 0.0)).ravel()
    classes = np.searchsorted(_LOG_RATIOS, logs)
    counts = np.bincount(classes, minlength=len(_LOG_RATIOS) + 1)
    return np.asarray(np.cumsum(counts)[:-1] / logs.size)


def _fitted(shares: np.ndarray, ratio: float) -> Inflation:
    """Return the inflation of matrices from the distributions of their errors (matrix, edge)."""
    at = [_LOG_FACTORS + np.log(ndtri((1 + p) / 2)) for p in LEVELS]
    curves = np.array([[np.interp(x, _LOG_RATIOS, share) for share in shares] for x in at])  # level, matrix, factor
    off = np.abs(curves.mean(1) - np.array(LEVELS)[:, None]).max(0)
    best, none = int(np.argmin(off)), int(np.argmin(np.abs(_LOG_FACTORS)))
    inflation = float(np.exp(_LOG_FACTORS[best]))
    means = curves.mean(1)
    before, after = (
        Coverage(float(means[0, i]), float(means[1, i]), ratio * scale) for i, scale in ((none, 1.0), (best, inflation))
    )
    worst = np.abs(curves[:, :, best] - np.array(LEVELS)[:, None]).max(1)
    return Inflation(inflation, before, after, (float(worst[0]), float(worst[1])), len(shares))
