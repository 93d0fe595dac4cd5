r"""Standard deviation of recovered rows, from the posterior covariance of the scanner's parameters and of the profiles.

About the fit, rows are linear in the parameters. With the derivatives :math:`J_s` by shared parameters and
:math:`J_i` by the errors of the angle i, the posterior covariance C of the shared ones, and :math:`D_i, R_i` of
`levenberg`, the real part in the phase of the prediction has the variance

.. math:: (J_s - R_i J_i)\, C\, (J_s - R_i J_i)^T + J_i D_i^{-1} J_i^T ,

and the imaginary part that of the phases. Both are taken together, as the mean. That of the profiles is added. The
covariance of the noise is in the matrix already; where chi2 is above 1 it is multiplied by chi2. What no parameter
describes is in none of these: measured on scanners of the preset `realistic` (validation), intervals are too narrow by
`INFLATION`, which multiplies the result.
"""

from __future__ import annotations

import numpy as np

from calib.methods.physical.levenberg import Fit
from calib.methods.physical.model import Model

__all__ = ["INFLATION", "deviation", "variance"]

INFLATION = {1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0}
"""Factor on the standard deviation by the factor of the sampling."""


def deviation(model: Model, fit: Fit, chi2: float, added: np.ndarray | float = 0.0, factor: int = 1) -> np.ndarray:
    """Return the standard deviation of the real part of the rows' error, (angle, coil, harmonic, value).

    Parameters
    ----------
    model
        The model of the values in question, such as all voxels of the fine grid.
    fit
        The fitted scanner.
    chi2
        Mean square of the residual over that of the noise.
    added
        Variance of the profiles at the same values.
    factor
        Factor of the sampling, for `INFLATION`.
    """
    known = np.array(sorted(INFLATION))
    place = np.interp(np.log(factor), np.log(known), [INFLATION[n] for n in known])
    return float(place) * np.sqrt(max(chi2, 1.0) * (variance(model, fit) + added))


def variance(model: Model, fit: Fit) -> np.ndarray:
    """Return the posterior variance by the parameters alone; arguments and shape as in `deviation`."""
    state, posterior = fit.state, fit.posterior
    n_gains, places = state.gains.size, np.flatnonzero(fit.free)
    root = np.linalg.cholesky(fit.covariance)
    own = np.linalg.cholesky(posterior.local)
    shape = (len(state.local), *state.gains.shape, len(model.measured.weights))
    out = np.empty(shape)
    gains = model.gains(state)
    phases = posterior.phases
    by_gain = np.diag(phases)[:n_gains].reshape(state.gains.shape)
    for part in model.linear(state):
        for row, i in enumerate(range(shape[0])[part.which]):
            size_of = np.abs(gains[i])[:, None]
            flux = part.flux[row] * size_of
            local = np.concatenate(
                [part.by_local[row].swapaxes(0, 1) * size_of, (flux / (1 + state.local[i, 2]))[None]]
            ).reshape(3, -1)
            shared = part.by_shared[row].swapaxes(0, 1)[places] * size_of
            columns = np.zeros((len(places) + n_gains, *flux.shape))
            columns[: len(places)] = shared
            for number, (c, k) in enumerate(np.ndindex(*state.gains.shape)):
                columns[len(places) + number, c, :, k] = flux[c, :, k]
            flat = columns.reshape(len(columns), -1)
            flat -= posterior.ratio[i] @ local
            real = np.sum((root.T @ flat) ** 2, axis=0) + np.sum((own[i].T @ local) ** 2, axis=0)
            across = phases[:n_gains, n_gains + i].reshape(state.gains.shape)
            of_phase = by_gain + 2 * across + phases[n_gains + i, n_gains + i]
            imaginary = flux**2 * of_phase[:, None]
            out[i] = ((real.reshape(flux.shape) + imaginary) / 2).swapaxes(-1, -2)
    return out
