r"""The most probable scanner: Levenberg-Marquardt steps with Gaussian priors.

The cost is :math:`\sum |a - \hat a|^2 / (\sigma^2 / 2) + \sum (x - \mu)^2 / s^2`. A step solves the equations of
`calib.methods.physical.normal`. It is damped (Marquardt), and cut where a parameter would change by more than its
limit, a trust region of fixed size. The size variance has a lower and an upper bound, and so has the steepness. A step
that would pass a bound is solved again for the other parameters, with this one at its bound: if it were merely cut, the
others would not fit to it, and fits would creep. With the matrix P of all these equations and the prior scales s_j, the
log evidence of a fit is, up to a number that all models of the same data share,

.. math:: -\tfrac12\,\text{cost} - \tfrac12 \log\det P - \sum_j \log s_j

(Laplace's approximation). Some groups describe what small parts of the rows show, and lead astray while the others are
wrong: they are held for the first steps. At first only the square of the perpendicular field shows in the plane, so
that it is released at a value other than zero.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from calib.methods.physical.fit import Fit, Posterior
from calib.methods.physical.model import Model
from calib.methods.physical.normal import Gaussian, Normal, normal_equations
from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.priors import Priors

__all__ = ["HELD", "STEEPEST", "fit_scanner"]

HELD = ("drive_tilt", "perpendicular", "coil_across")
"""Groups that are held for the first steps."""
_HELD_STEPS = 4
_LEAST, _MOST = {"steepness": -1.0, "size_variance": 0.0}, {"size_variance": 4.0}
STEEPEST = 5.0
"""Largest steepness ln(beta A), that of cores of 42 nm in 35 mT; beyond, the magnetisation is a step."""
_LIMITS = {"steepness": 0.3, "size_variance": 0.2, "reach": 0.06}
_LIMIT, _PERPENDICULAR_LIMIT, _RELEASED_AT = 0.3, 0.015, 0.006
_MOST_TRIES, _FEWEST_GAIN = 12, 1.0  # of the damping; of the cost, in units of its own
_SMALL_DAMPING = 1e-2  # with more, a step that gains little is short, not the last
_ROUNDING = 1e-10  # of the cost: what gains less is at the end, with any damping


def fit_scanner(
    model: Model,
    values: np.ndarray,
    sigma: np.ndarray,
    start: ScannerState,
    groups: Collection[str] | None,
    most: int = 40,
    priors: Priors | None = None,
    hold: bool = True,
    steepest: float = STEEPEST,
) -> Fit:
    """Fit a scanner to measured values.

    Parameters
    ----------
    model
        The model of the grid.
    values
        What was measured, complex (angle, coil, harmonic, value).
    sigma
        Deviation of its complex noise, a shape that broadcasts to that of `values`; above 0, infinite for those that do
        not count.
    start
        Where to begin.
    groups
        Groups of shared parameters that are free, with the errors of each angle; None for the groups of an ideal
        scanner, `tracer`, alone, without errors of each angle.
    most
        Most accepted steps.
    priors
        None for those of the table.
    hold
        Whether the groups `HELD` are held for the first steps.
    steepest
        Largest steepness ln(beta A).

    Returns
    -------
    Fit
        The state of the least cost that was found; `converged` says whether the steps had become small.
    """
    priors = Priors.of(model.parameters) if priors is None else priors
    precision = 2 / np.broadcast_to(sigma, values.shape).astype(float) ** 2
    problem = _Problem(model, values, precision, groups, priors, steepest)
    damping, steps, converged = 1e-3, 0, False
    state, cost = problem.with_best_gains(start, problem.cost(start))
    released = not hold or not set(HELD) & set(groups or ())
    while steps < most:
        free = problem.free & (released | ~problem.held)
        normal = problem.normal(state)
        for _ in range(_MOST_TRIES):
            trial = problem.moved(state, normal, damping, free)
            new = problem.cost(trial)
            if new <= cost:
                break
            damping *= 8
        gained = cost - new
        if gained >= 0:
            state, cost, steps, damping = trial, new, steps + 1, max(damping / 8, 1e-7)
        if not released and (steps >= _HELD_STEPS or gained < _FEWEST_GAIN):
            released, damping = True, max(damping, 0.3) if gained >= 0 else 0.3
            state = problem.with_perpendicular(state)
            cost = problem.cost(state)
        elif gained < (_ROUNDING * cost if damping > _SMALL_DAMPING else _FEWEST_GAIN):
            before = cost
            state, cost = problem.with_best_gains(state, cost)
            if before - cost < _FEWEST_GAIN:
                converged = gained >= 0
                break
            damping = min(damping, 1.0)
    return problem.result(state, steps, converged)


class _Problem:
    """Data, priors and free parameters of a fit."""

    def __init__(
        self,
        model: Model,
        values: np.ndarray,
        precision: np.ndarray,
        groups: Collection[str] | None,
        priors: Priors,
        steepest: float = STEEPEST,
    ) -> None:
        self.priors = priors
        self.model, self.values, self.precision = model, values, precision
        shared = model.parameters.shared
        self.free = np.array([p.group in (groups or ("tracer",)) for p in shared])
        self.held = np.array([p.group in HELD for p in shared])
        self._mean, self._scale = priors.mean, priors.shared
        self._with_angles = groups is not None
        self._local_scale = priors.local * (1.0 if groups is not None else 1e-9)
        self._local_mean = priors.local_mean if groups is not None else 0.0
        self._limit = np.array(
            [_PERPENDICULAR_LIMIT if p.group == "perpendicular" else _LIMITS.get(p.name, _LIMIT) for p in shared]
        )
        self._least = np.array([_LEAST.get(p.name, -np.inf) for p in shared])
        self._most = np.array([{**_MOST, "steepness": steepest}.get(p.name, np.inf) for p in shared])
        self._known: list[tuple[ScannerState, np.ndarray]] = []  # the last states and their means

    def cost(self, state: ScannerState) -> float:
        """Misfit and priors."""
        priors = np.sum(((state.shared - self._mean) / self._scale)[self.free] ** 2)
        of_gains = 0.0 if self.priors.gains is None else self.priors.gains.cost(state.gains)
        local = np.sum(((state.local - self._local_mean) / self._local_scale) ** 2)
        return self._misfit(state) + float(priors + local) + of_gains

    def _misfit(self, state: ScannerState) -> float:
        return float(np.sum(self.precision * np.abs(self.values - self._means(state)) ** 2))

    def _means(self, state: ScannerState) -> np.ndarray:
        """Means of a state, computed once for the last two states that were asked for."""
        for known, means in self._known:
            if known is state:
                return means
        return self._keep(state, self.model.means(state))

    def _keep(self, state: ScannerState, means: np.ndarray) -> np.ndarray:
        self._known = [*self._known[-1:], (state, means)]
        return means

    def normal(self, state: ScannerState) -> Normal:
        """Normal equations about a state, with priors, without damping."""
        gaussian = Gaussian(self._mean, self._scale, self._local_mean, self._local_scale, self.priors.gains)
        return normal_equations(self.model, self.values, self.precision, state, np.flatnonzero(self.free), gaussian)

    def moved(self, state: ScannerState, normal: Normal, damping: float, free: np.ndarray) -> ScannerState:
        """Return the state after one damped step, cut to its limits."""
        schur, right, inverse, _ = normal.reduced(damping)
        n = len(state.shared)
        chosen = np.concatenate([free, np.ones(state.gains.size, bool)])
        step = np.zeros(len(right))
        step[chosen] = np.linalg.solve(schur[np.ix_(chosen, chosen)], right[chosen])
        wanted = state.shared + step[:n]
        out = np.flatnonzero((np.clip(wanted, self._least, self._most) != wanted) & free)
        if out.size:  # the others are to know that these stay at their bounds
            chosen[out], step[out] = False, (np.clip(wanted, self._least, self._most) - state.shared)[out]
            others = right - schur[:, out] @ step[out]
            step[chosen] = np.linalg.solve(schur[np.ix_(chosen, chosen)], others[chosen])
        local = np.einsum("aij,aj->ai", inverse, normal.local_gradient - np.einsum("aij,i->aj", normal.cross, step))
        limits = np.concatenate([self._limit, np.ones(state.gains.size)])
        part = min(1.0, 1 / max(float(np.max(np.abs(step) / limits)), 1e-300))
        shared = np.where(free, np.clip(state.shared + part * step[:n], self._least, self._most), state.shared)
        of_gains, of_angles = (v / (1 + damping) for v in (normal.gain_phases, normal.angle_phases))
        gains = state.gains * np.exp((step[n:] * part + 1j * of_gains).reshape(state.gains.shape))
        return ScannerState(shared, gains, state.local + np.column_stack([part * local, of_angles]))

    def with_best_gains(self, state: ScannerState, cost: float) -> tuple[ScannerState, float]:
        """Return the state with the gains of least squares for its other parameters, and its cost, if that is less.

        Steps change the phase of a gain and the logarithm of its amplitude. A gain of the wrong sign, as of a harmonic
        whose block means nearly vanish at the start, would shrink to nothing and stay there.
        """
        means = self._means(state)
        pull = np.sum(self.precision * means.conj() * self.values, axis=(0, 3))
        norm = np.sum(self.precision * np.abs(means) ** 2, axis=(0, 3))
        factors = np.where(pull == 0, 1.0, pull) / np.where((norm == 0) | (pull == 0), 1.0, norm)
        trial = ScannerState(state.shared, state.gains * factors, state.local)
        self._keep(trial, means * factors[..., None])
        new = self.cost(trial)
        return (trial, new) if new < cost else (state, cost)

    def with_perpendicular(self, state: ScannerState) -> ScannerState:
        """Return the state with an offset of the plane other than zero, if it is free."""
        place = self.model.parameters.place("plane_offset")
        shared = state.shared.copy()
        if self.free[place] and shared[place] == 0:
            shared[place] = _RELEASED_AT
        return ScannerState(shared, state.gains, state.local)

    def result(self, state: ScannerState, steps: int, converged: bool) -> Fit:
        """Return the fit with its covariance."""
        chosen = np.concatenate([self.free, np.ones(state.gains.size, bool)])
        normal, cost = self.normal(state), self.cost(state)
        schur, _, inverse, ratio = normal.reduced(0.0)
        schur = schur[np.ix_(chosen, chosen)]
        logarithms = [np.linalg.slogdet(matrix)[1] for matrix in (normal.local, schur, normal.phases)]
        scales = np.log(self._scale[self.free]).sum()
        scales += np.log(np.broadcast_to(self._local_scale, state.local.shape)).sum()
        scales += 0.0 if self.priors.gains is None else self.priors.gains.log_size
        evidence = -(cost + sum(np.sum(value) for value in logarithms)) / 2 - scales
        posterior = Posterior(inverse, ratio[:, chosen], np.linalg.inv(normal.phases), chosen)
        chi2 = self._misfit(state) / max(2 * int(np.count_nonzero(self.precision)), 1)
        found = (state, chi2, cost, steps, converged, self.free, np.linalg.inv(schur), float(evidence), posterior)
        return Fit(*found, self.priors, self._with_angles)
