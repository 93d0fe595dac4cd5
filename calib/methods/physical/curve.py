r"""A magnetisation curve other than that of log-normal sizes: what a fit errs by because of it.

The model's curve is the mean of Langevin functions over normally distributed :math:`\ln\xi`. With the third and the
fourth cumulant :math:`\kappa_3, \kappa_4` of other distributions, such as that of two populations, the flux changes by

.. math:: \Delta F = \frac{\kappa_3}{6}\,\frac{\partial^3 F}{\partial(\ln\beta)^3}
          + \frac{\kappa_4}{24}\,\frac{\partial^4 F}{\partial(\ln\beta)^4}

to first order (Gram-Charlier). Both are two more parameters beside those of a fit, with priors of `SCALES`. With their
derivatives h, and c and :math:`c_i` the products of these with the derivatives by shared parameters (without those that
the errors of an angle explain) and by the errors of the angle i, weighted by the noise, their precision is

.. math:: \mathrm{diag}(s^{-2}) + h^T W h - \sum_i c_i^T D_i^{-1} c_i - c^T C c ,

and rows change with them by :math:`h - J_i D_i^{-1} c_i - (J_s - R_i J_i)\, C c`, with the symbols of `deviation`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calib.methods.physical.fit import Fit
from calib.methods.physical.magnetisation import summed_table
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import ScannerState

__all__ = ["SCALES", "Curve", "curve_changes", "curve_of"]

SCALES = np.array([0.02, 0.007])
"""Standard deviations of the third cumulant over 6 and of the fourth over 24."""
_STEP = 0.25  # of ln beta, for differences
_SCALED = tuple(float(np.exp(n * _STEP)) for n in range(-2, 3))
_THIRD = tuple(v / (2 * _STEP**3) for v in (-1, 2, 0, -2, 1))
_FOURTH = tuple(v / _STEP**4 for v in (1, -4, 6, -4, 1))


@dataclass(frozen=True, eq=False)
class Curve:
    """What the data say of another curve.

    Parameters
    ----------
    second
        Mean squares of both parameters and mean of their product, (2, 2).
    by_shared
        Change of the parameters that `Fit.covariance` holds with both, (n, 2).
    by_local
        Change of offset, error and gain of every angle with both where the others are known, (angle, 3, 2).
    """

    second: np.ndarray
    by_shared: np.ndarray
    by_local: np.ndarray


def curve_changes(model: Model, state: ScannerState) -> np.ndarray:
    """Return the derivatives of the values in their phase by both parameters, (2, angle, coil, harmonic, value)."""
    t = float(state.shared[model.parameters.place("size_variance")])
    flux = model.flux(state, [summed_table(t, _SCALED, weights) for weights in (_THIRD, _FOURTH)])
    return np.abs(model.gains(state))[..., None] * np.stack(flux)


def curve_of(model: Model, values: np.ndarray, sigma: np.ndarray, fit: Fit) -> Curve:
    """Return what measured values say of another curve beside the parameters of a fit.

    Parameters
    ----------
    model
        The model of the fit.
    values, sigma
        Those of `fit_scanner`.
    fit
        A fit that has converged, or nearly so.
    """
    state, posterior = fit.state, fit.posterior
    n_gains, places = state.gains.size, np.flatnonzero(fit.free)
    changes, gains = curve_changes(model, state), model.gains(state)
    root = np.sqrt(2) / np.broadcast_to(sigma, values.shape)
    precision, pull = np.diag(SCALES**-2.0), np.zeros(2)
    priors, gradient = fit.priors, np.zeros(len(places) + n_gains)
    gradient[: len(places)] = ((priors.mean - state.shared) / priors.shared**2)[places]
    towards = ((priors.local_mean - state.local) / priors.local**2)[:, :3]
    with_shared, by_local = np.zeros((len(places) + n_gains, 2)), np.zeros((len(state.local), 3, 2))
    for part in model.linear(state, places):
        for row, i in enumerate(range(len(state.local))[part.which]):
            size, weight = np.abs(gains[i])[:, None], root[i].swapaxes(-1, -2)
            flux = part.flux[row] * size
            phase = (gains[i].conj() / np.abs(gains[i]))[:, None]
            residual = ((values[i].swapaxes(-1, -2) * phase).real - flux) * weight
            h = (changes[:, i].swapaxes(-1, -2) * weight).reshape(2, -1)
            shared = np.zeros((len(places) + n_gains, *flux.shape))
            shared[: len(places)] = part.by_shared[row].swapaxes(0, 1) * size
            for number, (c, k) in enumerate(np.ndindex(*state.gains.shape)):
                shared[len(places) + number, c, :, k] = flux[c, :, k]
            local = np.concatenate([part.by_local[row].swapaxes(0, 1) * size, (flux / (1 + state.local[i, 2]))[None]])
            of_local = (local * weight).reshape(3, -1) @ h.T
            by_local[i] = posterior.local[i] @ of_local
            flat = (shared * weight).reshape(len(shared), -1)
            own = (local * weight).reshape(3, -1) @ residual.ravel() + towards[i]
            with_shared += flat @ h.T - posterior.ratio[i] @ of_local
            gradient += flat @ residual.ravel() - posterior.ratio[i] @ own
            precision += h @ h.T - of_local.T @ by_local[i]
            pull += h @ residual.ravel() - by_local[i].T @ own
    by_shared = fit.covariance @ with_shared
    covariance = np.linalg.inv(precision - with_shared.T @ by_shared)
    mean = covariance @ (pull - by_shared.T @ gradient)
    return Curve(covariance + np.outer(mean, mean), by_shared, by_local)
