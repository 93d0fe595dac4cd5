r"""Values that a scanner does not explain: positions of the sample, single rows, and a noise level that is wrong.

Residuals count in units of their noise, :math:`e = |a - \hat a|^2 / \sigma^2`, with the mean 1. A *position* where the
sample was dropped, or where a burst of noise fell, has a mean e over all rows far above that of the other positions; a
row that is dead or reversed keeps a large part of its energy. The comparison with the median of the others makes both
safe where a model leaves something everywhere.

A residual that is larger than the noise is either noise, if the noise level is too low, or what the model lacks. What
the model lacks is alike at neighbouring angles, noise is not: the correlation of residuals at neighbouring angles and
positions is the share of what is lacking.
"""

from __future__ import annotations

import numpy as np

from calib.methods.misfit import MOST_LEFT, share_left

__all__ = ["MOST_POSITIONS", "dropped_positions", "lacking", "odd_positions", "odd_rows"]

_FAR, _FAR_EXACT = 8.0, 100.0  # times the median of all positions; where there is no noise, that is what models lack
_SIGNIFICANT = 8.0  # standard deviations
_EMPTY, _FULL = 3.0, 100.0  # mean square over the noise, of a position without sample and of most others
MOST_POSITIONS = 0.2
"""Share of the positions that may be left out."""


def dropped_positions(values: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return which positions show noise alone where most others show far more, (value,).

    Parameters
    ----------
    values, sigma
        Complex (angle, coil, harmonic, value) and the deviation of their noise, of the same shape.
    """
    strength = np.mean(np.abs(values / sigma) ** 2, axis=(0, 1, 2))
    empty = strength < _EMPTY
    return empty & (np.median(strength) > _FULL) & (empty.mean() <= MOST_POSITIONS)


def odd_positions(residual: np.ndarray, sigma: np.ndarray, exact: bool = False) -> np.ndarray:
    """Return which positions have a residual far above that of the others, (value,); the worst fifth at most."""
    rows = np.isfinite(sigma).sum(axis=(0, 1, 2))
    square = np.sum(np.abs(residual / sigma) ** 2, axis=(0, 1, 2)) / np.maximum(rows, 1)
    usual = max(float(np.median(square[rows > 0])), 1.0) if np.any(rows > 0) else 1.0
    far = (square > (_FAR_EXACT if exact else _FAR) * usual) & (
        square > usual * (1 + _SIGNIFICANT / np.sqrt(np.maximum(rows, 1)))
    )
    most = int(MOST_POSITIONS * square.size)
    return far & (square >= np.sort(square)[::-1][most]) if far.sum() > most else far


def odd_rows(residual: np.ndarray, values: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return which rows keep a large part of their energy, (angle, coil, harmonic), or are dead.

    `sigma` may be infinite at positions that do not count; the arrays are those of `dropped_positions`.
    """
    counts = np.isfinite(sigma).any(axis=(0, 1, 2))
    noise = np.min(np.where(np.isfinite(sigma), sigma, np.inf), axis=-1)
    noise = np.where(np.isfinite(noise), noise, np.median(noise))
    share = noise[..., None] / np.where(np.isfinite(sigma), sigma, np.inf)  # of partial blocks
    share = np.where(np.isfinite(sigma).any(-1, keepdims=True), share, 1.0)
    left, energy = ((share * v)[..., counts][..., None, :] for v in (residual, values))
    return (share_left(left, energy, noise) > MOST_LEFT) | ~values.any(axis=-1)


def lacking(residual: np.ndarray, sigma: np.ndarray) -> float:
    """Return the share of a residual's energy that a model lacks and noise is not, from 0 to 1."""
    unit = residual / sigma
    total = float(np.sum(np.abs(unit) ** 2))
    if total == 0 or len(unit) < 2:
        return 0.0
    one, other = unit[1:], unit[:-1]
    size = float(np.sum(np.abs(one) ** 2) + np.sum(np.abs(other) ** 2)) / 2
    alike = float(np.sum((one * other.conj()).real)) / max(size, 1e-300)
    return float(np.clip(alike, 0.0, 1.0))
