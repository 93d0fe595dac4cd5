r"""What a fitted scanner leaves: a free profile for each harmonic, in the coordinates of the scanner.

With the received gains :math:`g`, the sensitivity :math:`p_z` and the scaled line field :math:`x = X_0\,b_z / a_z` of
the fit, the residual is

.. math:: \delta a_{ck}(r, \theta) = g_{ck\theta} \; p_z(r) \sum_m M_m(r, \theta)\,\delta f_{ckm}(x) ,

where every :math:`\delta f` is a Gaussian process, complex, of the squared-exponential covariance of length
:math:`\ell`, in Fourier features of a period 1.5 times the span of x. With M = 1 alone this holds what the same change
of the magnetisation does everywhere, such as relaxation that depends on the field. The modulations
:math:`1, v, v^2, \xi, \eta, \xi^2 - \eta^2, \xi\eta` with the coordinate v along the line let it vary. Variances are
those of the largest evidence (MacKay's fixed point), which takes away what is not needed; of three lengths the
likeliest is taken. All is linear: means and covariance are in closed form.

A harmonic without a profile of its own may have one that its noise hides, since one cause makes those of all harmonics.
Let :math:`\pi` be the share of harmonics that show a profile, and E the evidence, over that of none, of one as large
as theirs. Its size is relative to the row and to the number k of the harmonic, since a delay turns the phase by k times
as much. The harmonic then has a profile with the probability

.. math:: P = \frac{\pi E}{\pi E + 1 - \pi} .

Nothing is added to its rows, so that P times the second moment of the posterior is a variance of their error (a mixture
with empirical Bayes: Efron, *Large-Scale Inference*, Cambridge 2010, chapter 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

from calib.methods.gaussian_process import spectrum
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.quadrature import Rule

__all__ = ["MODULATED", "PLAIN", "Profiles", "fit_profiles", "predicted", "profile_variance"]

PLAIN, MODULATED = 1, 7
"""Numbers of modulations."""
_LENGTHS = (0.5, 0.9, 1.6)  # over X_0 / beta, the field at which the magnetisation saturates
_PERIOD = 1.5  # over the span of x
_HIGHEST = 0.64  # wave number times X_0 / beta: beyond, a profile of the shortest length has little left
_MOST_WAVES = {1: 64, 7: 28}  # by the number of modulations
_ITERATIONS = 8
_WORTH = 3.0  # log evidence from which a profile is kept: the best of three lengths of the best variance gains 1 or 2
_NEGLIGIBLE = 1e-4  # of the largest posterior variance
_LEAST = 1e-12  # of the energy of the residual, as a variance


@dataclass(frozen=True, eq=False)
class Profiles:
    """Profiles of all coils and harmonics.

    Parameters
    ----------
    modulations, period
        Number of modulations, and the period of the waves, in units of R.
    coefficients
        Complex, (coil, harmonic, coefficient).
    roots
        R (coefficient, n) by coil and harmonic; R R^T is the mean square error of the real coefficients: the posterior
        covariance, or where a profile is only likely, its second moment times the probability.
    evidence
        Log evidence over that of no profile.
    used
        Number of real coefficients that the data determine.
    """

    modulations: int
    period: float
    coefficients: np.ndarray
    roots: list[list[np.ndarray]]
    evidence: float
    used: float


class _Features:
    """Values of the modulated waves over the points of a rule, angle by angle."""

    def __init__(self, model: Model, state: ScannerState, modulations: int, period: float | None = None) -> None:
        self._model, self._state, self._modulations = model, state, modulations
        reach, beta = (float(np.exp(state.shared[model.parameters.place(n)])) for n in ("reach", "steepness"))
        self._reach = reach
        self.scale = reach / beta
        self._fields = model.fields.fields(state)
        if period is None:
            period = 2 * _PERIOD * float(np.abs(self._scaled(model.measured)[0]).max() + self.scale)
        self.period = period
        waves = min(int(np.ceil(_HIGHEST * period / self.scale)), _MOST_WAVES[modulations])
        self.waves = np.concatenate([np.arange(waves + 1), np.arange(1, waves + 1)]) / period
        self._cosines = waves + 1

    def _scaled(self, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
        """Values of x, (angle, value, point), and of p_z, (coil, value, point)."""
        b, a, p = self._model.fields_at(self._fields, rule)
        return b[..., 2] * self._reach / a[..., 2], p[..., 2]

    def over(self, rule: Rule) -> np.ndarray:
        """Means over the values of a rule, (angle, coil, coefficient, value)."""
        x, p = self._scaled(rule)
        angles = np.array(self._model.parameters.angles) + self._state.local[:, 1]
        out = np.empty((len(x), len(p), self._modulations, self.waves.size, len(rule.weights)))
        for i, angle in enumerate(angles):
            modulations = self._modulate(rule.points, angle)
            factors = np.stack([modulation * rule.weights * p for modulation in modulations], axis=1)
            step = np.exp(2j * np.pi * x[i] * self.waves[1])
            wave = np.ones_like(step)
            for n in range(self._cosines):
                out[i, :, :, n] = np.einsum("vq,cmvq->cmv", wave.real, factors)
                if n:
                    out[i, :, :, self._cosines + n - 1] = np.einsum("vq,cmvq->cmv", wave.imag, factors)
                wave = wave * step
        return out.reshape(*out.shape[:2], -1, out.shape[-1])

    def _modulate(self, points: np.ndarray, angle: float) -> list[np.ndarray]:
        xi, eta = points[..., 0], points[..., 1]
        v = eta * np.cos(angle) - xi * np.sin(angle)
        every = [np.ones_like(xi), v, v * v, xi, eta, xi * xi - eta * eta, xi * eta]
        return every[: self._modulations]


def fit_profiles(
    model: Model, state: ScannerState, residual: np.ndarray, sigma: np.ndarray, modulations: int = PLAIN
) -> Profiles:
    """Fit profiles to what a fit leaves.

    Parameters
    ----------
    model, state
        The fitted scanner.
    residual, sigma
        Measured less predicted values, complex (angle, coil, harmonic, value), and the deviation of their noise, of
        the same shape; infinite for values that do not count.
    modulations
        `PLAIN` or `MODULATED`.
    """
    features = _Features(model, state, modulations)
    means, gains = features.over(model.measured), model.gains(state)
    n_coils, n_harmonics = state.gains.shape
    size = means.shape[2]
    coefficients = np.zeros((n_coils, n_harmonics, size), dtype=complex)
    roots = [[np.zeros((size, 0)) for _ in range(n_harmonics)] for _ in range(n_coils)]
    variances = np.zeros((n_coils, n_harmonics, modulations))
    evidence, used, others = 0.0, 0.0, {}
    for c, k in np.ndindex(n_coils, n_harmonics):
        root = np.sqrt(2) * np.abs(gains[:, c, k])[:, None] / sigma[:, c, k]  # of the precision of a real value
        values = residual[:, c, k] / gains[:, c, k][:, None]
        design = (means[:, c] * root[:, None]).swapaxes(0, 1).reshape(size, -1)
        equations = _Equations.of(design, (values * root).ravel())
        fit = _likeliest(equations, features, modulations)
        if fit is None:
            continue
        if fit.evidence > _WORTH:
            evidence += fit.evidence
            coefficients[c, k], roots[c][k], variances[c, k] = fit.mean, fit.root, fit.variances
            used += fit.used
        else:
            others[c, k] = equations
    if evidence:
        found, levels = variances.any(axis=2), _levels(model, state)
        typical = np.mean(variances[found] / levels[found][:, None], axis=0)
        for (c, k), equations in others.items():
            roots[c][k] = _hidden(equations, features, typical * levels[c, k], found.sum() / len(others))
    return Profiles(modulations, features.period, coefficients, roots, evidence, used)


def _levels(model: Model, state: ScannerState) -> np.ndarray:
    """Return the mean square of rows over their gain, times that of the number of the harmonic, (coil, harmonic)."""
    square = np.mean(np.abs(model.means(state) / model.gains(state)[..., None]) ** 2, axis=(0, 3))
    return square * np.array(model.parameters.harmonics, dtype=float) ** 2


def _hidden(equations: _Equations, features: _Features, variances: np.ndarray, odds: float) -> np.ndarray:
    """Return the root of the mean square of a profile that noise may hide, of given variances and prior odds."""
    fit = _likeliest(equations, features, len(variances), variances)
    assert fit is not None  # values without energy have no equations
    moment = np.hstack([fit.root, np.stack([fit.mean.real, fit.mean.imag], axis=1) / np.sqrt(2)])
    return np.sqrt(expit(fit.evidence + np.log(odds))) * moment


class _Equations(NamedTuple):
    """Normal equations of the coefficients of a harmonic, and the mean square of the values."""

    gram: np.ndarray
    pull: np.ndarray
    energy: float

    @classmethod
    def of(cls, design: np.ndarray, values: np.ndarray) -> _Equations:
        count = max(int(np.count_nonzero(values)), 1)
        return cls(design @ design.T, design @ values, float(np.vdot(values, values).real) / count)


class _Fit(NamedTuple):
    """Log evidence over nothing, posterior mean, root of the covariance, their number, variances by modulation."""

    evidence: float
    mean: np.ndarray
    root: np.ndarray
    used: float
    variances: np.ndarray


def _likeliest(
    equations: _Equations, features: _Features, modulations: int, variances: np.ndarray | None = None
) -> _Fit | None:
    """Return the fit of the likeliest length, of given variances or of the likeliest ones; None without values."""
    if equations.energy == 0:
        return None
    found = [_of_length(equations, features, modulations, length, variances) for length in _LENGTHS]
    return max(found, key=lambda fit: fit.evidence)


def _of_length(
    equations: _Equations, features: _Features, modulations: int, length: float, variances: np.ndarray | None
) -> _Fit:
    power = spectrum(np.array(length * features.scale), features.waves) + 1e-9
    n = power.size
    root = np.sqrt(np.tile(power / power.sum(), modulations))
    # in units of the variance of the values that one unit of each modulation explains
    gram, pull = root[:, None] * equations.gram * root, root * equations.pull
    level = equations.energy / max(np.trace(gram) / len(root), 1e-300)
    variance = np.full(modulations, 0.1 * level) if variances is None else variances
    identity = np.eye(len(root))
    iterations = _ITERATIONS if variances is None else 1
    for last in range(iterations):
        scale = np.sqrt(np.repeat(variance, n))
        factor = cho_factor(scale[:, None] * gram * scale + identity, lower=True)
        inverse = cho_solve(factor, identity)
        mean = inverse @ (scale * pull)
        determined = n - np.diag(inverse).reshape(modulations, n).sum(1)
        if last < iterations - 1:
            square = (np.abs(mean) ** 2).reshape(modulations, n).sum(1) / 2
            variance = np.maximum(variance * (square + 1e-6) / (determined + 1e-6), _LEAST * level)
    gained = float(np.vdot(scale * pull, mean).real) / 2 - 2 * float(np.log(np.diag(factor[0])).sum())
    values, vectors = np.linalg.eigh((root * scale)[:, None] * inverse * (root * scale))
    kept = values > _NEGLIGIBLE * values[-1]
    half = vectors[:, kept] * np.sqrt(values[kept])
    return _Fit(gained, root * scale * mean, half, 2 * float(determined.sum()), variance)


def predicted(model: Model, state: ScannerState, profiles: Profiles) -> np.ndarray:
    """Return what profiles add to the values of a model, complex (angle, coil, harmonic, value)."""
    means = _Features(model, state, profiles.modulations, profiles.period).over(model.measured)
    added = np.einsum("ckq,acqv->ackv", profiles.coefficients, means, optimize=True)
    return added * model.gains(state)[..., None]


def profile_variance(model: Model, state: ScannerState, profiles: Profiles) -> np.ndarray:
    """Return the mean square error of the real part of `predicted`, of the same shape."""
    means, gains = (
        _Features(model, state, profiles.modulations, profiles.period).over(model.measured),
        model.gains(state),
    )
    variance = np.zeros((*gains.shape, means.shape[-1]))
    for c, k in np.ndindex(*state.gains.shape):
        root = profiles.roots[c][k]
        if root.size:
            spread = np.sum(np.matmul(root.T, means[:, c]) ** 2, axis=1)
            variance[:, c, k] = np.abs(gains[:, c, k, None]) ** 2 * spread
    return variance
