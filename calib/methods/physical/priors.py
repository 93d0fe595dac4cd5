r"""Gaussian priors of a scanner's parameters, and their scales by evidence.

The table states what a strong imperfection is. How strong those of a scanner are, the data say themselves: for a group
of parameters :math:`x_j` with the scales :math:`\lambda s_j` and the posterior variances :math:`v_j`, the evidence is
largest where

.. math:: \lambda^2 = \frac{\sum_j x_j^2 / s_j^2}{\sum_j \bigl(1 - v_j / (\lambda s_j)^2\bigr)} ,

the denominator being the number of parameters that the data determine (MacKay, Neural Computation 4, 415, 1992). The
equation is iterated between fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calib.methods.physical.parameters import LOCAL, Parameters

__all__ = ["Priors", "scale_by_evidence"]

_LEAST, _MOST = 1e-2, 2.0  # lambda, about the scales of the table
_WEAK = 0.02  # parameters whose mean square is that of the table, as a prior of lambda^2
_FIXED = "tracer"


@dataclass(frozen=True, eq=False)
class Priors:
    """Means and standard deviations: those of the shared parameters, (n,), and of the errors of each angle, (4,)."""

    mean: np.ndarray
    shared: np.ndarray
    local: np.ndarray

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
        table, shared, own = Priors.of(parameters), self.shared.copy(), self.local.copy()
        for name in (group for group in parameters.groups if group != _FIXED):
            places = parameters.group(name)
            if not np.isfinite(variances[places]).all():
                continue
            of_table = table.shared[places]
            known = 1 - variances[places] / self.shared[places] ** 2
            shared[places] = of_table * scale_by_evidence((values[places] - self.mean[places]) / of_table, known)
        for j, of_table in enumerate(table.local):
            own[j] = of_table * scale_by_evidence(local[:, j] / of_table, 1 - spread[:, j] / self.local[j] ** 2)
        return Priors(self.mean, shared, own)


def scale_by_evidence(values: np.ndarray, known: np.ndarray) -> float:
    """Return lambda of values in units of their scales, of which the shares `known` are determined by the data."""
    square = (np.sum(values**2) + _WEAK) / (max(float(known.clip(0, 1).sum()), 1e-3) + _WEAK)
    return float(np.clip(np.sqrt(square), _LEAST, _MOST))
