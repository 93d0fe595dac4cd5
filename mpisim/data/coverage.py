r"""How well the standard deviation of a system matrix describes its actual error.

The real and the imaginary part of the error of value i are taken as two errors. Each has the deviation of this part
where the matrix states both (`mpisim.data.deviation`), else :math:`s_i` (`system_matrix_std`), which is the root of the
mean of both variances. Over N values,

.. math::
   C_p = \frac1{2N}\,\#\{\lvert e\rvert \le z_p s_{r,i}\}, \qquad
   R = \sqrt{\frac{\sum_i 2 s_i^2}{\sum_i \lvert \hat a_i - a_i\rvert^2}},

where :math:`z_p` is the normal quantile: :math:`C_{.68} = .68`, :math:`C_{.95} = .95` and :math:`R = 1` for normal
errors of these deviations. R is the root mean square of the stated deviations over that of the errors. (Not their
plain mean, which is below the RMS error of well described errors wherever deviations differ.) R weighs the values that
err most, coverage counts all values alike: a deviation that is wrong only for weak rows shows in the coverage alone.

All three are made of sums (`Tally`), and those over blocks of a matrix add up to those of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.special import ndtri

from mpisim.data.deviation import part_deviations
from mpisim.errors import require

__all__ = ["LEVELS", "Coverage", "Tally", "coverage", "expected_nrmse", "tally"]

LEVELS = (0.68, 0.95)
"""Probabilities of the intervals."""
_HALF_WIDTHS = tuple(float(ndtri((1 + p) / 2)) for p in LEVELS)


@dataclass(frozen=True)
class Coverage:
    """How often errors lie within the intervals that a standard deviation states.

    Parameters
    ----------
    within_68, within_95
        Share of the real and imaginary parts of errors within the central intervals of 68 and 95 %: .68 and .95 where
        the deviation is right, less where it is too small.
    std_over_rmse
        Root mean square of the deviation over that of the errors' parts: 1 where it is right, below 1 where it is too
        small. None where there are no errors.
    """

    within_68: float
    within_95: float
    std_over_rmse: float | None


@dataclass(frozen=True)
class Tally:
    """Sums of which a `Coverage` is made, arrays of one shape: one for each row, or any other groups of values.

    Parameters
    ----------
    count, inside_68, inside_95
        Number of real and imaginary parts, and how many of them lie within the intervals.
    squared_std, squared_error
        Sums of 2 s^2, and of the squared magnitudes of the errors.
    """

    count: np.ndarray
    inside_68: np.ndarray
    inside_95: np.ndarray
    squared_std: np.ndarray
    squared_error: np.ndarray

    def coverage(self) -> Coverage:
        """Return the figures of all groups together."""
        count, first, second, stated, actual = (float(np.sum(values)) for values in vars(self).values())
        return Coverage(first / count, second / count, float(np.sqrt(stated / actual)) if actual > 0 else None)

    @staticmethod
    def joined(parts: Sequence[Tally]) -> Tally:
        """Return the sums of blocks along the first axis as those of the whole."""
        return Tally(*(np.concatenate([vars(part)[field.name] for part in parts]) for field in fields(Tally)))

    def groups(self, axis: int | tuple[int, ...]) -> list[Tally]:
        """Return the sums over all axes but `axis`, one for each of its indices."""
        kept = (axis,) if isinstance(axis, int) else axis
        others = tuple(i for i in range(self.count.ndim) if i not in kept)
        summed = [np.sum(values, axis=others).ravel() for values in vars(self).values()]
        return [Tally(*(values[i] for values in summed)) for i in range(summed[0].size)]


def tally(
    found: np.ndarray,
    reference: np.ndarray,
    std: np.ndarray,
    axis: int | tuple[int, ...] | None = None,
    circularity: np.ndarray | None = None,
) -> Tally:
    """Return the sums of a `Coverage` over some axes of values.

    Parameters
    ----------
    found, reference
        Complex values of one shape and unit.
    std
        Standard deviation of `found`, of the same shape; not negative. One of zero holds an error of zero alone.
    axis
        Axes to sum over; None, the default, sums over all.
    circularity
        How those of the real and of the imaginary part differ, of the same shape; None where both have `std`.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    require(found.shape == reference.shape, "found", f"of the reference's shape {reference.shape}", found.shape)
    require(std.shape == found.shape, "std", f"of the shape {found.shape} of the values", std.shape)
    if circularity is not None:
        must = f"of the shape {found.shape} of the values"
        require(circularity.shape == found.shape, "circularity", must, circularity.shape)
    error, std = found.astype(complex) - reference, std.astype(float)
    parts, stated = (np.abs(error.real), np.abs(error.imag)), part_deviations(std, circularity)
    both = list(zip(parts, stated, strict=True))
    inside = [sum(np.sum(part <= z * own, axis=axis) for part, own in both) for z in _HALF_WIDTHS]
    count = np.sum(np.full(std.shape, 2), axis=axis)
    squared = 2 * np.sum(std**2, axis=axis), np.sum(parts[0] ** 2 + parts[1] ** 2, axis=axis)
    return Tally(*map(np.asarray, (count, *inside, *squared)))


def coverage(
    found: np.ndarray, reference: np.ndarray, std: np.ndarray, circularity: np.ndarray | None = None
) -> Coverage:
    """Return how well a standard deviation describes the error of complex values; see `tally` for the arguments."""
    return tally(found, reference, std, circularity=circularity).coverage()


def expected_nrmse(values: np.ndarray, std: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    r"""Return the nRMSE that a standard deviation lets expect, :math:`\sqrt{\sum 2 s^2 / \sum |a|^2}`.

    Parameters
    ----------
    values, std
        Complex values, and their standard deviation (`system_matrix_std`), of one shape and unit.
    axis
        Axes to sum over; None, the default, sums over all.

    Returns
    -------
    numpy.ndarray
        The shares of the remaining axes; infinite or NaN where all values are zero.
    """
    energy = np.sum(np.abs(values) ** 2, axis=axis, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(2 * np.sum(std.astype(float) ** 2, axis=axis) / energy)
