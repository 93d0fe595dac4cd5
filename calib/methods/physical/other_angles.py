r"""The errors of angles that were not measured, from those that were.

Each of the four errors of an angle is taken to be

.. math:: e(\theta) = c_0 + c_x \cos\theta + c_y \sin\theta + \epsilon_\theta ,

with independent :math:`\epsilon` of the variance :math:`s^2`. An axis of the turn that lies beside that of the grid
makes such offsets exactly; a drift over the scan only roughly. With the measured errors and their variances
:math:`v_\theta`, and priors of the coefficients with the scale of the table, coefficients and their covariance are
those of a weighted linear regression. The variance s^2 is that of the largest likelihood on a grid. At an angle that
was not measured the error is the regression, with the variance of the coefficients and :math:`s^2`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calib.methods.physical.parameters import LOCAL

__all__ = ["Expected", "expected_errors"]

_SCALES = np.exp(np.linspace(np.log(1e-3), np.log(30.0), 60))  # s over the scale of the table


@dataclass(frozen=True, eq=False)
class Expected:
    """What is expected of the errors of other angles.

    Parameters
    ----------
    coefficients, covariance
        c_0, c_x and c_y of each error, (4, 3), and their covariance, (4, 3, 3).
    spread
        Standard deviation s of what differs from angle to angle, (4,).
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    spread: np.ndarray

    def at(self, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the errors at angles in rad and their variances, both (angle, 4)."""
        waves = _waves(angles)
        of_coefficients = np.einsum("ai,eij,aj->ae", waves, self.covariance, waves)
        return waves @ self.coefficients.T, of_coefficients + self.spread**2


def expected_errors(angles: np.ndarray, local: np.ndarray, std: np.ndarray) -> Expected:
    """Return what measured errors say of those at other angles.

    Parameters
    ----------
    angles
        Measured angles in rad, (angle,).
    local, std
        Their errors and standard errors, (angle, 4).
    """
    waves = _waves(angles)
    fits = []
    for j, parameter in enumerate(LOCAL):
        prior = np.eye(3) / parameter.scale**2
        tried = [_fit(waves, local[:, j], std[:, j] ** 2 + (s * parameter.scale) ** 2, prior) for s in _SCALES]
        best = int(np.argmax([fit[0] for fit in tried]))
        fits.append((*tried[best][1:], _SCALES[best] * parameter.scale))
    coefficients, covariance, spread = (np.array(values) for values in zip(*fits, strict=True))
    return Expected(coefficients, covariance, spread)


def _waves(angles: np.ndarray) -> np.ndarray:
    return np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], axis=-1)


def _fit(
    waves: np.ndarray, values: np.ndarray, variances: np.ndarray, prior: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log likelihood of independent variances, coefficients and their covariance."""
    weighted = waves / variances[:, None]
    precision = waves.T @ weighted + prior
    covariance = np.linalg.inv(precision)
    mean = covariance @ (weighted.T @ values)
    cost = float(values @ (values / variances) - mean @ precision @ mean)
    size = float(np.log(variances).sum() + np.linalg.slogdet(precision)[1])
    return -(cost + size) / 2, mean, covariance
