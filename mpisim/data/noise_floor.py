r"""What a floor of noise looks like: small singular values, and imaginary parts that are white.

The mathematics is that of `mpisim.data.noise_estimate`, which says what is presumed of the rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Floor", "chi_square", "is_white", "quadrature_floor", "rank_floor"]

_LAGS = 32
_LEAST_FREEDOM = 50
_LEAST_SHARE = 1 / 8
_LEVEL = 3.09  # one in 1000
_WIDTHS = 2.0


class Floor(NamedTuple):
    """The noise of rows as one way of estimating it tells.

    Parameters
    ----------
    level
        Complex standard deviation.
    spread
        How much it differs between rows; about 1 where it is the same.
    freedom
        Real degrees of freedom of the estimate.
    share
        Rank of the signal over the dimensions.
    rows
        Number of rows.
    flat
        Whether the singular values are those of noise; otherwise they hold some signal, too.
    """

    level: float
    spread: float
    freedom: float
    share: float
    rows: int
    flat: bool


def quadrature_floor(matrix: np.ndarray, rounding: float) -> Floor:
    """Return the noise of the imaginary parts of rotated rows (row, voxel), `flat` if no direction has more."""
    n, m = matrix.shape
    powers = np.linalg.svd(matrix, compute_uv=False) ** 2
    freedom = n * (m - 1)
    variance = float(np.sum(powers)) / freedom
    flat = variance <= rounding or _is_flat(powers, variance, n, m, least=False)
    return Floor((2 * variance) ** 0.5, _spread(np.sum(matrix**2, axis=1), m - 1), freedom, 0.0, n, flat)


def rank_floor(matrix: np.ndarray, rounding: float, rotated: int = 0) -> Floor | None:
    """Return the noise of the values of a matrix (row, value) from its small singular values.

    It is that of the highest rank that can be tested where no rank fits; None if none can be tested or all is noise.
    """
    n, p = matrix.shape
    if matrix.size == 0:
        return None
    _, singular, directions = np.linalg.svd(matrix, full_matrices=False)
    powers = singular**2
    tails = np.cumsum(powers[::-1])[::-1]
    parts = 2 if np.iscomplexobj(matrix) else 1
    scale = 2**0.5 if rotated else 1.0
    found = None
    for k in range(powers.size):
        freedom = (n - k) * (p - k) - rotated
        if freedom < _LEAST_FREEDOM or powers.size - k < _LEAST_SHARE * powers.size + 1:
            break
        variance = tails[k] / freedom
        flat = bool(variance <= rounding) or _is_flat(powers[k:], variance, n - k, p - k, least=rotated == 0)
        if flat and k == 0:
            return None
        found = Floor(scale * float(variance**0.5), 1.0, parts * freedom, k / powers.size, n, flat)
        if flat:
            left = np.sum(np.abs(matrix @ directions[k:].conj().T) ** 2, axis=1)
            return found._replace(spread=_spread(left, parts * freedom / n))
    return found


def is_white(rotated: np.ndarray) -> bool:
    """Whether the imaginary parts of rotated rows (row, voxel) are unlike their neighbours at any distance.

    Both the mean of the rows and each of them is tested.
    """
    n, m = rotated.shape
    signal, noise = (_unit(part) for part in (rotated.real, rotated.imag))
    found = np.empty((min(m // 2, _LAGS), n))
    for lag in range(1, len(found) + 1):  # the noise is orthogonal to the real parts, and correlates as they do not
        each = [np.sum(part[:, lag:] * part[:, :-lag], axis=1) for part in (noise, signal)]
        found[lag - 1] = (each[0] + each[1] / (m - 1)) * m / (m - lag) ** 0.5
    tests = [(n * np.sum(np.mean(found, axis=1) ** 2), len(found)), (np.sum(found**2), found.size)]
    return all(power <= freedom * chi_square(freedom, _LEVEL) for power, freedom in tests)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Return rows of norm 1; a row of zeros as it is."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1.0)


def _is_flat(powers: np.ndarray, variance: float, n: int, p: int, least: bool) -> bool:
    """Whether squared singular values, descending, are those of noise: the largest and, if asked, the least one."""
    high, low = n**0.5 + p**0.5, abs(n**0.5 - p**0.5)
    inverse_high, inverse_low = n**-0.5 + p**-0.5, abs(n**-0.5 - p**-0.5)
    fits = powers[0] <= variance * (high**2 + _WIDTHS * high * inverse_high ** (1 / 3))
    return bool(fits and not (least and powers[-1] < variance * (low**2 - _WIDTHS * low * inverse_low ** (1 / 3))))


def _spread(powers: np.ndarray, freedom: float) -> float:
    """Return how much the standard deviations of rows differ, given sums of `freedom` squares of each."""
    low, high = np.quantile(powers, (0.1, 0.9))
    law = [chi_square(freedom, z) for z in (-1.2816, 1.2816)]
    return float((high / low * law[0] / law[1]) ** 0.5) if low > 0 else 1.0


def chi_square(freedom: float, z: float) -> float:
    """Return a quantile, that of z in the normal law, of chi-square over its degrees of freedom (Wilson, Hilferty)."""
    return max(0.1, 1 - 2 / (9 * freedom) + z * (2 / (9 * freedom)) ** 0.5) ** 3
