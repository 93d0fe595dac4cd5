r"""The normal equations of a scanner fit: what a step solves.

In the phase of its own prediction a residual's real part holds all parameters but phases, its imaginary part, to first
order, phases alone. Phases of gains and angles so follow from a small linear system, apart from the others. Offset,
error and gain of an angle act on its own rows only, and are eliminated: with the blocks :math:`D_i` of the angle i,
:math:`C_i` between it and the shared parameters, and H of these, a step solves

.. math:: \Bigl(H - \sum_i C_i D_i^{-1} C_i^T\Bigr)\,\delta = g - \sum_i C_i D_i^{-1} g_i, \qquad
          \delta_i = D_i^{-1}(g_i - C_i^T \delta) .

The amplitude of a gain is a parameter by its logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from calib.methods.physical.model import Model
from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.priors import GainPriors

__all__ = ["LOOSE", "Gaussian", "Normal", "normal_equations"]

LOOSE = 1e12
"""Variance of amplitudes and phases of gains of which nothing is known."""


class Gaussian(NamedTuple):
    """Means and standard deviations of the priors: of shared parameters (n,), and of each angle's errors ([angle,] 4).

    `gains` is the prior of the gains; None where nothing is known of them.
    """

    mean: np.ndarray
    scale: np.ndarray
    local_mean: np.ndarray | float
    local_scale: np.ndarray
    gains: GainPriors | None


@dataclass(frozen=True, eq=False)
class Normal:
    """Normal equations of all real parameters, and the phases' step."""

    shared: np.ndarray
    """Matrix of the shared parameters, with logarithms of amplitudes last, (n, n)."""
    gradient: np.ndarray
    """Half of the gradient of the cost by these, with the sign of descent, (n,)."""
    cross: np.ndarray
    """Between these and offset, error and gain of each angle, (angle, n, 3)."""
    local: np.ndarray
    """Matrix of the latter, (angle, 3, 3)."""
    local_gradient: np.ndarray
    """Their gradient, (angle, 3)."""
    gain_phases: np.ndarray
    """Step of the phases of the gains."""
    angle_phases: np.ndarray
    """Step of the phases of the angles."""
    phases: np.ndarray
    """Matrix of both."""

    def reduced(self, damping: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return Schur complement, its right side, inverses D^-1 and C D^-1, with damping."""
        shared, local = self.shared.copy(), self.local.copy()
        shared[np.diag_indices(len(shared))] *= 1 + damping
        local[:, range(3), range(3)] *= 1 + damping
        inverse = np.linalg.inv(local)
        ratio = self.cross @ inverse
        schur = shared - np.tensordot(ratio, self.cross, ((0, 2), (0, 2)))
        right = self.gradient - np.einsum("aij,aj->i", ratio, self.local_gradient)
        return schur, right, inverse, ratio


def normal_equations(
    model: Model, values: np.ndarray, precision: np.ndarray, state: ScannerState, places: np.ndarray, prior: Gaussian
) -> Normal:
    """Return the normal equations about a state, with priors, without damping.

    Parameters
    ----------
    model
        The model of the grid.
    values, precision
        What was measured, (angle, coil, harmonic, value), and two over the squared deviation of its complex noise.
    state
        The state.
    places
        Shared parameters that are free.
    prior
        The priors.
    """
    n, n_gains, n_angles = len(state.shared), state.gains.size, len(state.local)
    size = n + n_gains
    shared, gradient = np.zeros((size, size)), np.zeros(size)
    cross, local = np.zeros((n_angles, size, 3)), np.zeros((n_angles, 3, 3))
    local_gradient = np.zeros((n_angles, 3))
    weights, pulls = np.zeros((2, n_angles, n_gains))
    gains = model.gains(state)
    for part in model.linear(state, places):
        for row, i in enumerate(range(n_angles)[part.which]):
            root = np.sqrt(precision[i].swapaxes(-1, -2))
            flux, residual = _flux_and_residual(part.flux[row], values[i].swapaxes(-1, -2), gains[i], root)
            scaled = np.abs(gains[i])[:, None] * root
            columns = np.zeros((size + 3, *flux.shape))
            columns[places] = part.by_shared[row].swapaxes(0, 1) * scaled
            for number, (c, k) in enumerate(np.ndindex(*state.gains.shape)):
                columns[n + number, c, :, k] = flux[c, :, k]
            columns[size : size + 2] = part.by_local[row].swapaxes(0, 1) * scaled
            columns[size + 2] = flux / (1 + state.local[i, 2])
            flat = columns.reshape(size + 3, -1)
            gram, pull = flat @ flat.T, flat @ residual.real.ravel()
            shared += gram[:size, :size]
            gradient += pull[:size]
            cross[i], local[i], local_gradient[i] = gram[:size, size:], gram[size:, size:], pull[size:]
            weights[i] = np.sum(flux**2, axis=1).ravel()
            pulls[i] = np.sum(flux * residual.imag, axis=1).ravel()
    sums = _Sums(shared, gradient, cross, local, local_gradient, weights, pulls)
    return _with_priors(sums, state, prior)


class _Sums(NamedTuple):
    """Sums over the measured values: the first fields of `Normal` without priors, weights and gradients of phases."""

    shared: np.ndarray
    gradient: np.ndarray
    cross: np.ndarray
    local: np.ndarray
    local_gradient: np.ndarray
    weights: np.ndarray  # (angle, gain)
    pulls: np.ndarray


def _flux_and_residual(
    flux: np.ndarray, values: np.ndarray, gains: np.ndarray, root: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return predicted values of an angle in their own phase, and what is left of the measured ones, over the noise."""
    size, phase = np.abs(gains), gains / np.abs(gains)
    flux = flux * size[:, None] * root
    return flux, values * phase.conj()[:, None] * root - flux


def _with_priors(sums: _Sums, state: ScannerState, prior: Gaussian) -> Normal:
    """Return the normal equations with the priors; the arrays of the sums are changed in place."""
    n, n_gains = len(state.shared), state.gains.size
    shared, gradient, cross, local, local_gradient, weights, pulls = sums
    shared[np.diag_indices(n + n_gains)] += np.concatenate([1 / prior.scale**2, np.full(n_gains, 1 / LOOSE)])
    gradient[:n] -= (state.shared - prior.mean) / prior.scale**2
    away, own = state.local - prior.local_mean, 1 / prior.local_scale**2
    local[:, range(3), range(3)] += own[..., :3]
    local_gradient -= (away * own)[:, :3]
    of_phases = np.zeros(n_gains)
    if prior.gains is not None:
        known = prior.gains.precision
        of_amplitudes, of_phases = prior.gains.away(state.gains) @ known
        shared[n:, n:] += known
        gradient[n:] -= of_amplitudes
    phases = _phases(weights, pulls.sum(0) - of_phases, pulls.sum(1) - (away * own)[:, 3], prior)
    return Normal(shared, gradient, cross, local, local_gradient, *phases)


def _phases(
    weights: np.ndarray, of_gains: np.ndarray, of_angles: np.ndarray, prior: Gaussian
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return steps of the phases of gains and angles, and their matrix, from weights (angle, gain) and gradients."""
    precision = np.broadcast_to(1 / prior.local_scale[..., 3] ** 2, len(weights))
    known = np.diag(np.full(len(of_gains), 1 / LOOSE))
    known = known if prior.gains is None else known + prior.gains.precision
    of_gain, of_angle = np.diag(weights.sum(0)) + known, np.diag(weights.sum(1) + precision)
    matrix = np.block([[of_gain, weights.T], [weights, of_angle]])
    step = np.linalg.solve(matrix, np.concatenate([of_gains, of_angles]))
    return step[: weights.shape[1]], step[weights.shape[1] :], matrix
