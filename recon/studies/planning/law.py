r"""How the error of a method depends on sampling factor and noise: a law with few numbers, from a table and trials.

For the factor S, the relative noise n of the block means, and the share w of the angles that is measured

.. math:: e^2(S, n, w) = a_S^2 + b_S^2\,\frac{n^2}{w} + [w < 1]\,h^2 .

The floor :math:`a_S` is what a method lacks, :math:`b_S n` what the noise leaves (a fit of p parameters to M values has
:math:`b \propto \sqrt{p/M}`), and h the error of rows at angles that were not measured. The logarithms of these numbers
are normal about those of the table of studies, with an error c that all factors have in common,

.. math:: \ln a_S = \ln a_S^0 + \sigma_c c + \sigma_a \alpha_S, \qquad
          \ln b_S = \ln b_S^0 + \sigma_c c + \sigma_b \beta_S,

and the logarithm of the error of a trial has the standard deviation s about the law: scanners of one level differ, and
so do draws of the noise. The most likely numbers and their covariance, that of the linearised law, follow from the
trials. Trials far off the law, such as a fit that failed, count less (a loss that is linear beyond 2 s).

The interval of a new scanner has the variance of the law's logarithm plus that of scanners about it. Few trials hardly
tell the latter: it is the mean of that of the table, which counts as `_FREEDOM` trials, and that of the trials.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

from recon.studies.planning.first_errors import FirstError

__all__ = ["ErrorLaw", "Point", "Widths", "fit_law"]

_NORMAL_90 = 1.645
_FAR = 2.0
_FREEDOM = 4.0  # weight of the first guess of s, in trials


class Point(NamedTuple):
    """A trial: factor, relative noise, share of the angles, and nRMSE."""

    factor: int
    noise: float
    share: float
    error: float


class Widths(NamedTuple):
    """Standard deviations of logarithms: common, of floors, of slopes, of h, and of one scanner about the law."""

    common: float = 0.5
    floor: float = 0.7
    slope: float = 0.4
    angles: float = 1.5
    scanner: float = 0.15


@dataclass(frozen=True)
class ErrorLaw:
    """The law of a method: `expected` errors, and the `interval` in which nine of ten new scanners are expected.

    Parameters
    ----------
    first
        Errors of the table by factor.
    missing
        First guess of h, the error of rows at angles that were not measured.
    widths
        Standard deviations of logarithms; `scanner` is that of the trials.
    spread
        Standard deviation of the logarithm of the error of a new scanner about the law.
    values
        The normal numbers (c, alpha, beta, h) in units of their standard deviations.
    covariance
        Their covariance.
    """

    first: Mapping[int, FirstError]
    missing: float
    widths: Widths
    spread: float
    values: np.ndarray
    covariance: np.ndarray

    def expected(self, factor: int, noise: float, share: float = 1.0) -> float:
        """Return the expected nRMSE, the median over scanners."""
        return float(np.exp(self._log(self.values, factor, noise, share)))

    def interval(self, factor: int, noise: float, share: float = 1.0) -> tuple[float, float]:
        """Return the interval of the nRMSE of a new scanner that holds nine of ten."""
        steps = 1e-4 * np.eye(self.values.size)
        middle = self._log(self.values, factor, noise, share)
        moved = [self._log(self.values + h, factor, noise, share) for h in steps]
        slopes = (np.array(moved) - middle) / 1e-4
        half = _NORMAL_90 * float(np.sqrt(slopes @ self.covariance @ slopes + self.spread**2))
        return float(np.exp(middle - half)), float(np.exp(middle + half))

    def _log(self, values: np.ndarray, factor: int, noise: float, share: float) -> float:
        """Return the logarithm of the error for normal numbers."""
        place, count, widths = list(self.first).index(factor), len(self.first), self.widths
        common = widths.common * values[0]
        floor = np.log(self.first[factor].floor) + common + widths.floor * values[1 + place]
        slope = np.log(self.first[factor].slope) + common + widths.slope * values[1 + count + place]
        power = np.exp(2 * floor) + np.exp(2 * slope) * noise**2 / share
        if share < 1:
            power += np.exp(2 * (np.log(self.missing) + widths.angles * values[-1]))
        return float(0.5 * np.log(power))

    def _logs(self, values: np.ndarray, points: Sequence[Point]) -> np.ndarray:
        return np.array([self._log(values, p.factor, p.noise, p.share) for p in points])


def fit_law(
    first: Mapping[int, FirstError],
    points: Sequence[Point],
    missing: float = 0.03,
    widths: Widths | None = None,
    spread: float | None = None,
) -> ErrorLaw:
    """Return the most likely law after trials.

    Parameters
    ----------
    first
        Errors of the table by factor.
    points
        Trials, at these factors; there may be none.
    missing
        First guess of h.
    widths
        Standard deviations of logarithms.
    spread
        First guess of that of new scanners; by default that of the trials, `widths.scanner`.
    """
    size, widths = 2 + 2 * len(first), widths or Widths()
    spread = widths.scanner if spread is None else spread
    law = ErrorLaw(first, missing, widths, spread, np.zeros(size), np.eye(size))
    if not points:
        return law
    law = _most_likely(law, points)
    left, far = _errors(points) - law._logs(law.values, points), _FAR * widths.scanner
    left = np.clip(left, -far, far)

    def with_trials(guess: float) -> float:
        return float(np.sqrt((_FREEDOM * guess**2 + np.sum(left**2)) / (_FREEDOM + len(points))))

    law = replace(law, widths=widths._replace(scanner=with_trials(widths.scanner)), spread=with_trials(spread))
    return _most_likely(law, points)


def _errors(points: Sequence[Point]) -> np.ndarray:
    return np.log([p.error for p in points])


def _most_likely(law: ErrorLaw, points: Sequence[Point]) -> ErrorLaw:
    """Return a law with the most likely numbers after trials, and their covariance."""

    def misfit(values: np.ndarray) -> np.ndarray:
        off = (_errors(points) - law._logs(values, points)) / law.widths.scanner
        return np.concatenate([_less_if_far(off), values])

    found = least_squares(misfit, law.values, method="lm")
    return replace(law, values=found.x, covariance=np.linalg.inv(found.jac.T @ found.jac))


def _less_if_far(off: np.ndarray) -> np.ndarray:
    """Return residuals whose squares grow in proportion to the distance where that is large (the loss of Huber)."""
    size = np.abs(off)
    return np.asarray(np.where(size <= _FAR, off, np.sign(off) * np.sqrt(np.maximum(2 * _FAR * size - _FAR**2, 0))))
