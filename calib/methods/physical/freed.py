r"""A fit with an earlier one as its prior, freed from a part of that prior.

The prior of an earlier fit hides a part of what changed since: it holds each angle on its own near its last offset,
though all lines may have moved together. In the linear problem about the fit, with the joint posterior covariance
:math:`\Sigma` of shared parameters, gains and errors of all angles, and the prior's precision :math:`\Lambda` and mean
:math:`\mu`, the data alone have the precision :math:`H = \Sigma^{-1} - \Lambda`. With another prior of the precision
:math:`\Lambda'` about :math:`x_0` the estimate is

.. math:: x - x_0 = D\,\bigl[\Sigma^{-1} (\hat x - \mu) + H (\mu - x_0)\bigr], \qquad D = (H + \Lambda')^{-1} .

The prior :math:`\Lambda'` lets the angles move together by the scale of the table: all offsets by a constant and by a
shift of the axis, all angles by a constant. That of shared parameters and gains is wider by a factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag

from calib.methods.physical.fit import Fit
from calib.methods.physical.parameters import LOCAL

__all__ = ["Freed", "common_change", "freed"]

_WAVES = 3  # of the offset; the error of the angle has one


@dataclass(frozen=True, eq=False)
class Freed:
    """Changes since an earlier state, and their covariance.

    Parameters
    ----------
    change, covariance
        Of the free shared parameters, the logarithms of the gains' amplitudes, and offset, error and gain of each
        angle.
    waves
        What the angles may do together, (number, wave): columns for 1, cos, sin of the offset, and 1 of the angle.
    """

    change: np.ndarray
    covariance: np.ndarray
    waves: np.ndarray

    @property
    def together(self) -> tuple[np.ndarray, np.ndarray]:
        """Amplitudes of the waves in the change, and their covariance."""
        fit = np.linalg.pinv(self.waves)
        return fit @ self.change, fit @ self.covariance @ fit.T


def freed(fit: Fit, angles: np.ndarray, local_from: np.ndarray, looser: float = 1.0) -> Freed:
    """Return what a fit says with a wider prior.

    Parameters
    ----------
    fit
        The fit; its priors have one for the gains.
    angles
        Angles in rad.
    local_from
        Errors of the angles from which changes count, (angle, 4).
    looser
        Factor on the prior scales of shared parameters and gains.
    """
    priors, local = fit.priors, fit.state.local
    assert priors.gains is not None
    own, mean = (np.broadcast_to(v, local.shape)[:, :3] for v in (priors.local, priors.local_mean))
    covariance = _joint(fit)
    n = len(covariance) - own.size
    inverse = np.linalg.inv(covariance)
    amplitudes = priors.gains.away(fit.state.gains)[0]
    away = np.concatenate([(fit.state.shared - priors.mean)[fit.free], amplitudes, (local[:, :3] - mean).ravel()])
    shared = block_diag(np.diag(1 / priors.shared[fit.free] ** 2), priors.gains.precision)
    precision = block_diag(shared, np.diag(1 / own.ravel() ** 2))
    waves = np.zeros((len(covariance), _WAVES + 1))
    waves[n::3, :_WAVES] = np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], axis=1)
    waves[n + 1 :: 3, _WAVES] = 1
    scales = np.array([LOCAL[0].scale] * _WAVES + [LOCAL[1].scale])
    together = np.diag(own.ravel() ** 2) + (waves[n:] * scales**2) @ waves[n:].T
    wider = block_diag(shared / looser**2, np.linalg.inv(together))
    data = inverse - precision
    moved = np.concatenate([np.zeros(n), (mean - local_from[:, :3]).ravel()])
    found = np.linalg.inv(data + wider)
    return Freed(found @ (inverse @ away + data @ moved), found, waves)


def common_change(fit: Fit, angles: np.ndarray) -> np.ndarray:
    """Return by how much the errors of all angles moved together from the mean of their prior, (angle, 4)."""
    mean = np.broadcast_to(fit.priors.local_mean, fit.state.local.shape)
    found = freed(fit, angles, mean)
    moved = (found.waves @ found.together[0])[-3 * len(angles) :].reshape(-1, 3)
    return np.column_stack([moved, np.zeros(len(angles))])


def _joint(fit: Fit) -> np.ndarray:
    """Posterior covariance of all of `Freed.change`."""
    posterior, shared = fit.posterior, fit.covariance
    ratio = np.concatenate(list(posterior.ratio), axis=1)
    cross = -shared @ ratio
    own = block_diag(*posterior.local) - ratio.T @ cross
    return np.block([[shared, cross], [cross.T, own]])
