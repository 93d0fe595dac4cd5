r"""Standard deviation of recovered rows, from the posterior covariance of the scanner's parameters and of the profiles.

About the fit, rows are linear in the parameters. With the derivatives :math:`J_s` by shared parameters and
:math:`J_i` by the errors of the angle i, the posterior covariance C of the shared ones, and :math:`D_i, R_i` of
`levenberg`, the real part in the phase of the prediction has the variance

.. math:: (J_s - R_i J_i)\, C\, (J_s - R_i J_i)^T + J_i D_i^{-1} J_i^T ,

and the imaginary part that of the phases. Both are taken together, as the mean. That of the profiles is added.

The parameters are those of the table, the forms that it leaves out (`forms`), and those of another magnetisation curve
(`curve`): their covariance is that of a fit one step on, with these free. The rows would move by this step, by
:math:`\Delta a`. They do not, so that this is an error, and its square is added. The first term is what the data cannot
see, the second what they see and the table cannot hold.

What no form describes is in none of these. If chi2 is above its expectation by :math:`\Delta`, the residual has an
energy of :math:`\sigma^2 \Delta` that the model lacks. The variance is then increased by a mean square of `LACKING`
squared times it, in proportion to itself and to the number of the harmonic. An excess of `CHANCE` standard deviations
of chi2 is chance and does not count. Where there are so few positions that profiles of the residual say nothing of what
lies between (`FEW_POSITIONS`), the excess is that without them, and the factor `FEW_LACKING`. For exact values all of
the residual is lacking.

Where forms are free, the variance is multiplied by `INFLATION` squared. The numbers, and the scales of the forms, were
chosen with fits of 13 scanners of the preset `realistic`, split `validation`, and of 18 that were drawn like those
outside with other seeds (9 of them at 4x), at 4x, 8x and 16x. The deviation stands for both parts of a value, of which
that along the phase of the row errs two to ten times as much as that across: even where it is exact, about .72 of the
errors are below it, and .935 below 1.96 of it.
"""

from __future__ import annotations

import numpy as np

from calib.methods.physical.curve import Curve, curve_changes
from calib.methods.physical.fit import Fit
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import ScannerState

__all__ = [
    "CHANCE",
    "FEW_LACKING",
    "FEW_POSITIONS",
    "INFLATION",
    "LACKING",
    "deviation",
    "lacking_error",
    "variance",
]

INFLATION = 0.88
"""Factor on the standard deviation where further forms are free: most scanners have fewer of them."""
LACKING = 0.77
"""Error of the rows over what the model lacks of the measured values."""
FEW_LACKING = 2.5
"""The same for few positions, of what the fit without profiles lacks."""
FEW_POSITIONS = 9
"""Positions up to which profiles of the residual say nothing of what lies between."""
CHANCE = 2.0
"""Standard deviations of chi2 above its expectation that count as chance."""


def deviation(
    model: Model,
    fit: Fit,
    lacking: float = 0.0,
    start: ScannerState | None = None,
    added: np.ndarray | float = 0.0,
    curve: Curve | None = None,
) -> np.ndarray:
    """Return the standard deviation of the real part of the rows' error, (angle, coil, harmonic, value).

    Parameters
    ----------
    model
        The model of the values in question, such as all voxels of the fine grid.
    fit
        The fitted scanner, with the forms that the table leaves out where it is not an ideal one.
    lacking
        Mean square of the error that what the model lacks makes.
    start
        The state whose rows these are; None for that of the fit.
    added
        Variance of the profiles at the same values.
    curve
        What the data say of another magnetisation curve; None where the curve is that of the model.
    """
    found = variance(model, fit, curve) + added
    if start is not None:
        found = INFLATION**2 * (found + np.abs(model.means(fit.state) - model.means(start)) ** 2 / 2)
    harmonics = np.array(model.parameters.harmonics, dtype=float)[:, None]
    weighted = harmonics * found
    mean = max(2 * float(np.mean(weighted)), np.finfo(float).tiny)
    return np.sqrt(found + weighted * (lacking / mean))


def lacking_error(energy: float, excess: float | None = None, count: int = 1, few: bool = False) -> float:
    """Return the mean square of the error of rows from what the model lacks.

    Parameters
    ----------
    energy
        Mean square of the noise; without an excess that of all that the model lacks.
    excess
        Standard deviations of chi2 above its expectation.
    count
        Number of complex values.
    few
        Whether there are few positions; the excess is then that without profiles.
    """
    beyond = 1.0 if excess is None else max(excess - CHANCE, 0.0) / np.sqrt(count)
    return (FEW_LACKING if few else LACKING) ** 2 * beyond * energy


def variance(model: Model, fit: Fit, curve: Curve | None = None) -> np.ndarray:
    """Return the posterior variance by the parameters alone; arguments and shape as in `deviation`."""
    changes = None if curve is None else curve_changes(model, fit.state)
    state, posterior = fit.state, fit.posterior
    n_gains, places = state.gains.size, np.flatnonzero(fit.free)
    root = np.linalg.cholesky(fit.covariance).astype(np.float32)  # a part in a million of the variance is enough
    own = np.linalg.cholesky(posterior.local).astype(np.float32)
    ratio = posterior.ratio.astype(np.float32)
    shape = (len(state.local), *state.gains.shape, len(model.measured.weights))
    out = np.empty(shape)
    gains = model.gains(state)
    phases = posterior.phases
    by_gain = np.diag(phases)[:n_gains].reshape(state.gains.shape)
    for part in model.linear(state):
        for row, i in enumerate(range(shape[0])[part.which]):
            size_of = np.abs(gains[i])[:, None]
            flux = part.flux[row] * size_of
            local = (
                np.concatenate([part.by_local[row].swapaxes(0, 1) * size_of, (flux / (1 + state.local[i, 2]))[None]])
                .reshape(3, -1)
                .astype(np.float32)
            )
            shared = part.by_shared[row].swapaxes(0, 1)[places] * size_of
            columns = np.zeros((len(places) + n_gains, *flux.shape), dtype=np.float32)
            columns[: len(places)] = shared
            for number, (c, k) in enumerate(np.ndindex(*state.gains.shape)):
                columns[len(places) + number, c, :, k] = flux[c, :, k]
            flat = columns.reshape(len(columns), -1)
            flat -= ratio[i] @ local
            real = np.sum((root.T @ flat) ** 2, axis=0) + np.sum((own[i].T @ local) ** 2, axis=0)
            if curve is not None and changes is not None:
                change = changes[:, i].swapaxes(-1, -2).reshape(2, -1)
                change = change - curve.by_local[i].T @ local - curve.by_shared.T @ flat
                real = real + np.sum(change * (curve.second @ change), axis=0)
            across = phases[:n_gains, n_gains + i].reshape(state.gains.shape)
            of_phase = by_gain + 2 * across + phases[n_gains + i, n_gains + i]
            imaginary = flux**2 * of_phase[:, None]
            out[i] = ((real.reshape(flux.shape) + imaginary) / 2).swapaxes(-1, -2)
    return out
