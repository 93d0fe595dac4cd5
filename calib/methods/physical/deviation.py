r"""Standard deviation of recovered rows, from the posterior covariance of the scanner's parameters and of the profiles.

About the fit, rows are linear in the parameters. With the derivatives :math:`J_s` by shared parameters and
:math:`J_i` by the errors of the angle i, the posterior covariance C of the shared ones, and :math:`D_i, R_i` of
`levenberg`, the real part in the phase of the prediction has the variance

.. math:: (J_s - R_i J_i)\, C\, (J_s - R_i J_i)^T + J_i D_i^{-1} J_i^T ,

and the imaginary part that of the phases. Both are taken together, as the mean. That of the profiles is added.

What no parameter describes is in none of these. If chi2 is above its expectation by :math:`\Delta`, the residual has an
energy of :math:`\sigma^2 \Delta` that the model lacks, and the mean square of the rows' error is increased by
`LACKING` squared times it, in proportion to the variance. For exact values all of the residual is lacking. The result
is multiplied by `INFLATION`. Both numbers come from twelve scanners of the preset `realistic` (validation) at each
factor.
"""

from __future__ import annotations

import numpy as np

from calib.methods.physical.fit import Fit
from calib.methods.physical.model import Model

__all__ = ["INFLATION", "LACKING", "deviation", "variance"]

INFLATION = 1.05
"""Factor on the standard deviation."""
LACKING = 0.7
"""Error of the rows over what the model lacks of the measured values."""


def deviation(model: Model, fit: Fit, lacking: float, added: np.ndarray | float = 0.0) -> np.ndarray:
    """Return the standard deviation of the real part of the rows' error, (angle, coil, harmonic, value).

    Parameters
    ----------
    model
        The model of the values in question, such as all voxels of the fine grid.
    fit
        The fitted scanner.
    lacking
        Mean square of what the model lacks of the measured values.
    added
        Variance of the profiles at the same values.
    """
    found = variance(model, fit) + added
    mean = max(2 * float(np.mean(found)), np.finfo(float).tiny)
    return INFLATION * np.sqrt(found * (1 + LACKING**2 * lacking / mean))


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
