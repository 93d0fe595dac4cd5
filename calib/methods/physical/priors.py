r"""Gaussian priors of a scanner's parameters, and their scales by evidence.

The table states what a strong imperfection is. How strong those of a scanner are, the data say themselves: for a group
of parameters :math:`x_j` with the scales :math:`\lambda s_j` and the posterior variances :math:`v_j`, the evidence is
largest where

.. math:: \lambda^2 = \frac{\sum_j x_j^2 / s_j^2}{\sum_j \bigl(1 - v_j / (\lambda s_j)^2\bigr)} ,

the denominator being the number of parameters that the data determine (MacKay, Neural Computation 4, 415, 1992). The
equation is iterated between fits.

An earlier fit of the same scanner (`earlier`) gives other means, scales about them, and a prior of the gains; its
scales grow and shrink by the evidence too, but not below the standard errors of that fit. What all angles
changed together moves the mean of their prior (`freed`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from calib.methods.physical.parameters import LOCAL, Parameters

__all__ = ["GainPriors", "Priors", "scale_by_evidence"]

_LEAST, _MOST = 1e-2, 2.0  # lambda, about the scales of the table
_MOST_DRIFT = 10.0  # the same, about the changes that are expected since an earlier fit
_WEAK = 0.02  # parameters whose mean square is that of the table, as a prior of lambda^2
_FIXED = "tracer"


@dataclass(frozen=True, eq=False)
class GainPriors:
    """What is known of the gains before a fit.

    Parameters
    ----------
    mean
        Complex (coil, harmonic), in the unit of the values.
    precision
        Inverse covariance of the logarithms of the amplitudes, and of the phases in rad, (gain, gain) with the
        harmonics fastest.
    """

    mean: np.ndarray
    precision: np.ndarray

    def away(self, gains: np.ndarray) -> np.ndarray:
        """Return the differences of gains from the mean: logarithms of amplitudes and phases, (2, gain)."""
        ratio = (gains / self.mean).ravel()
        return np.stack([np.log(np.abs(ratio)), np.angle(ratio)])

    def cost(self, gains: np.ndarray) -> float:
        """Return the square of these differences in units of the prior."""
        away = self.away(gains)
        return float(np.sum((away @ self.precision) * away))

    @property
    def log_size(self) -> float:
        """Return the logarithm of the determinant of the square root of both covariances."""
        return -float(np.linalg.slogdet(self.precision)[1])


@dataclass(frozen=True, eq=False)
class Priors:
    """Means and standard deviations of Gaussian priors.

    Parameters
    ----------
    mean, shared
        Those of the shared parameters, (n,).
    local
        Standard deviations of the errors of each angle, (4,), or (angle, 4) where angles differ.
    local_mean
        Their means, of a shape that broadcasts to (angle, 4).
    gains
        Prior of the gains; None where nothing is known of them.
    least
        Standard deviations of the shared parameters and of the errors of each angle below which evidence does not
        shrink them; None where these priors are those of the table.
    base
        The priors that evidence scales; None for those of the table.
    """

    mean: np.ndarray
    shared: np.ndarray
    local: np.ndarray
    local_mean: np.ndarray | float = 0.0
    gains: GainPriors | None = None
    least: tuple[np.ndarray, np.ndarray] | None = None
    base: Priors | None = None

    @classmethod
    def of(cls, parameters: Parameters) -> Priors:
        """Return those of the table."""
        mean, shared = (np.array([getattr(p, name) for p in parameters.shared]) for name in ("mean", "scale"))
        return cls(mean, shared, np.array([p.scale for p in LOCAL]))

    def scaled(
        self, parameters: Parameters, values: np.ndarray, variances: np.ndarray, local: np.ndarray, spread: np.ndarray
    ) -> Priors:
        """Return the priors of largest evidence, one step of the iteration.

        Parameters
        ----------
        parameters
            The table.
        values, variances
            Shared parameters (n,) and their posterior variances; infinite for those that were held.
        local, spread
            Errors of each angle (angle, 4) and their posterior variances.
        """
        base = Priors.of(parameters) if self.base is None else self.base
        most = _MOST if self.least is None else _MOST_DRIFT
        shared, own = self.shared.copy(), np.array(np.broadcast_to(self.local, local.shape))
        for name in (group for group in parameters.groups if group != _FIXED):
            places = parameters.group(name)
            if not np.isfinite(variances[places]).all():
                continue
            of_base = base.shared[places]
            known = 1 - variances[places] / self.shared[places] ** 2
            away = (values[places] - self.mean[places]) / of_base
            shared[places] = of_base * scale_by_evidence(away, known, most)
        known, away = 1 - spread / own**2, (local - self.local_mean) / base.local
        for j in range(local.shape[1]):
            own[:, j] = np.broadcast_to(base.local, local.shape)[:, j] * scale_by_evidence(
                away[:, j], known[:, j], most
            )
        if self.least is None:
            return replace(self, shared=shared, local=own if base.local.ndim > 1 else own[0])
        shared, own = np.maximum(shared, self.least[0]), np.maximum(own, self.least[1])
        return replace(self, shared=shared, local=own)


def scale_by_evidence(values: np.ndarray, known: np.ndarray, most: float = _MOST) -> float:
    """Return lambda of values in units of their scales, of which the shares `known` are determined by the data."""
    square = (np.sum(values**2) + _WEAK) / (max(float(known.clip(0, 1).sum()), 1e-3) + _WEAK)
    return float(np.clip(np.sqrt(square), _LEAST, most))
