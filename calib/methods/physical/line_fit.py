r"""A line of a band as a sum of known fields, with variances of the largest evidence.

The values y of a line, in units of the gain of each angle, are :math:`y = B\,(W c) + n`. The columns of B are real
fields that the scanner determines, W (complex) combines them, and the coefficients c are complex and Gaussian. Their
means are given, and so is the variance of the first one; the others have variances group by group that maximise the
evidence (MacKay's fixed point, *Neural Computation* 4, 415, 1992). A group that the values do not need shrinks to zero.
All follows from :math:`B^T B`, :math:`B^T y` and :math:`|y|^2`, so that many W are compared in no time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = ["LineEquations", "LineFit", "fit_line"]

_ITERATIONS = 10
_LEAST = 1e-12  # of the variance that explains all of the values


class LineEquations(NamedTuple):
    """Normal equations of a line, in units in which each part of the noise has the variance 1.

    Parameters
    ----------
    gram, pull
        B^T B, real (field, field), and B^T y, complex (field,).
    energy, size
        Sum of the squares of y, and the number of complex values that count.
    """

    gram: np.ndarray
    pull: np.ndarray
    energy: float
    size: int

    @classmethod
    def of(cls, fields: np.ndarray, values: np.ndarray, sigma: np.ndarray) -> LineEquations:
        """Return those of fields (field, value), values (value,) and the deviation of their complex noise (value,)."""
        root = np.sqrt(2) / sigma
        design, y = fields * root, values * root
        count = max(int(np.isfinite(sigma).sum()), 1)
        return cls(design @ design.T, design @ y, float(np.vdot(y, y).real), count)


@dataclass(frozen=True, eq=False)
class LineFit:
    """A fitted line.

    Parameters
    ----------
    coefficients
        Those of the fields, W c, complex (field,).
    root
        W R, complex (field, n): R R^H is the posterior covariance of each part of c.
    evidence
        Log evidence over that of zeros alone.
    chi2, excess
        Mean square of the residual over that of the noise, and how far it is above its expectation, in standard
        deviations.
    strength
        Mean square of the values over that of the noise.
    """

    coefficients: np.ndarray
    root: np.ndarray
    evidence: float
    chi2: float
    excess: float
    strength: float

    @property
    def left(self) -> float:
        """Share of the energy of the values that is left beyond the noise."""
        return max(self.chi2 - 1, 0.0) / max(self.strength - 1, 1e-300) if self.strength > self.chi2 else 1.0


def fit_line(
    equations: LineEquations, columns: np.ndarray, groups: np.ndarray, mean: complex = 0.0, spread: float = 0.0
) -> LineFit:
    """Fit the coefficients of a line.

    Parameters
    ----------
    equations
        Those of the fields.
    columns
        W, complex (field, coefficient).
    groups
        Numbers from 0 of the groups of the coefficients, (coefficient,). The group 0 has the given mean and spread.
    mean, spread
        Prior mean, complex, and standard deviation of each part of the coefficients of the group 0.
    """
    means = np.where(groups == 0, mean, 0.0)
    given = columns @ means
    pull = columns.conj().T @ (equations.pull - equations.gram @ given)
    gram = columns.conj().T @ equations.gram @ columns
    energy = max(_left(equations, given), 0.0)
    variances, scaled, inverse, found, logarithm = _variances(gram, pull, groups, spread, energy)
    root = np.sqrt(variances[groups])
    change = root * found
    total = columns @ (means + change)
    left = max(_left(equations, total), 0.0)
    used = float(len(groups) - np.trace(inverse).real)
    chi2, strength = left / (2 * equations.size), equations.energy / (2 * equations.size)
    gained = (equations.energy - energy + np.vdot(scaled, found).real) / 2 - logarithm
    half = np.linalg.cholesky((inverse + inverse.conj().T) / 2)
    excess = (chi2 - 1 + used / equations.size) * np.sqrt(equations.size)
    return LineFit(total, columns @ (root[:, None] * half), float(gained), float(chi2), float(excess), strength)


def _left(equations: LineEquations, coefficients: np.ndarray) -> float:
    """Sum of the squares of what coefficients of the fields leave."""
    explained = 2 * np.vdot(coefficients, equations.pull) - np.vdot(coefficients, equations.gram @ coefficients)
    return float(equations.energy - explained.real)


def _variances(
    gram: np.ndarray, pull: np.ndarray, groups: np.ndarray, spread: float, energy: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Return the likeliest variances by group, and with them pull, inverse, mean, and minus the inverse's log det."""
    each = np.eye(groups.max() + 1)[groups]  # (coefficient, group)
    strength = np.diag(gram).real @ each
    explaining = np.where(strength > 0, energy / 2 / np.where(strength > 0, strength, 1.0), 1.0)
    variances = 0.1 * explaining
    variances[0] = spread**2
    for last in range(_ITERATIONS, 0, -1):
        root = np.sqrt(variances[groups])
        inverse = np.linalg.inv(root[:, None] * gram * root + np.eye(len(root)))
        scaled = root * pull
        found = inverse @ scaled
        if last > 1:
            determined = (1 - np.diag(inverse).real) @ each
            square = (np.abs(found) ** 2 / 2) @ each
            variances = np.maximum(variances * (square + 1e-9) / (determined + 1e-9), _LEAST * explaining)
            variances[0] = spread**2
    return variances, scaled, inverse, found, -float(np.linalg.slogdet(inverse)[1])
