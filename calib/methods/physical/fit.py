"""A fitted scanner with its posterior: what `levenberg` returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.priors import Priors

__all__ = ["Fit", "Posterior"]


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted scanner.

    Parameters
    ----------
    state
        Its parameters.
    chi2
        Mean square of the real residuals over that of the noise: 1 where the model holds.
    cost
        Misfit and priors.
    steps
        Accepted steps.
    converged
        Whether the last step changed little.
    free
        Whether each shared parameter was free.
    covariance
        Posterior covariance of the free shared parameters, then of the logarithms of the gains' amplitudes.
    evidence
        Log evidence, but for a constant of the data.
    posterior
        What the errors of each angle add to it.
    priors
        Those of the fit.
    with_angles
        Whether the errors of each angle were free.
    """

    state: ScannerState
    chi2: float
    cost: float
    steps: int
    converged: bool
    free: np.ndarray
    covariance: np.ndarray
    evidence: float
    posterior: Posterior
    priors: Priors
    with_angles: bool = True


@dataclass(frozen=True, eq=False)
class Posterior:
    """Posterior of what belongs to single angles, and of the phases.

    Parameters
    ----------
    local
        Covariance of offset, error and gain of each angle for known shared parameters, (angle, 3, 3).
    ratio
        Minus the change of these by the shared parameters and logarithms of amplitudes that are chosen, (angle, n, 3).
    phases
        Covariance of the phases of the gains, then of those of the angles.
    chosen
        Which of the shared parameters and logarithms `Fit.covariance` holds.
    """

    local: np.ndarray
    ratio: np.ndarray
    phases: np.ndarray
    chosen: np.ndarray
