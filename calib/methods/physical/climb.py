r"""From the ideal scanner to the realistic one: which parameters a matrix needs, by chi2 and evidence.

First the ideal scanner is fitted: steepness, size variance, reach and complex gains. If chi2 says that this is not all,
or if the evidence is larger with all parameters, the realistic scanner is fitted, with prior scales by evidence. The
value of chi2 that is expected is :math:`1 - p / 2N`, where p parameters are determined by N complex data; its standard
deviation is :math:`1/\sqrt N`. A fit whose chi2 is significantly larger may have stopped in a minimum that is not the
lowest: it is tried from other starts, and the one of largest evidence is kept. Where there are few positions, chi2 does
not tell a wrong minimum: at 16x, where one fit erred by 4.8 % with a chi2 of .99, two starts are compared always. At 8x
the field across the plane is the part that may be wrong: the rows show the square of the field, in which an offset of
the plane can stand for a tilt. One fit of a strongly tilted scanner so erred by 1.16 % with a chi2 of 1.011, 2.3
standard deviations too large, where another start ends at .58 % and a log evidence that is larger by 129. Such a fit,
and one of a steep scanner, whose first steps have few points, is compared with one that goes on from it with a tilt
alone, and that one is taken if its evidence is clearly larger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from calib.methods.physical.fit import Fit
from calib.methods.physical.freed import common_change
from calib.methods.physical.levenberg import STEEPEST, fit_scanner
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.priors import Priors
from calib.methods.physical.resolution import DEAR

__all__ = [
    "SIGNIFICANT",
    "TRIES",
    "Climbed",
    "climb",
    "determined",
    "excess",
    "ideal_alone",
    "own_variances",
    "stopped",
]

SIGNIFICANT = 2.5
"""Standard deviations of chi2 above its expectation from which a model is not all."""
_STOPPED = 5.0  # the same, from which a fit may have stopped in another minimum than the lowest
_ROUNDS = 2  # of the prior scales
_FEW_POSITIONS = 9  # up to which chi2 does not tell, and two starts are compared in any case
_SOME_POSITIONS = 25  # up to which an offset of the plane may pass for a tilt
_DOUBTED = 1.0  # standard deviations of chi2 from which that is tried
_TILT = 0.02
_CLEARLY = 3.0  # log evidence by which the fit from a tilt must be larger
TRIES = 3
"""Starts of a fit whose chi2 is too large."""


@dataclass(frozen=True, eq=False)
class Climbed:
    """The fit that was chosen, `stage` `ideal` or `full`, those of an ideal and of the full scanner, and why."""

    fit: Fit
    ideal: Fit
    full: Fit
    stage: str
    reason: str
    steps: int
    starts: int


def excess(fit: Fit, values: int) -> float:
    """Return how far chi2 is above what is expected, in standard deviations; `values` complex ones were measured."""
    return (fit.chi2 - 1 + determined(fit) / (2 * values)) * np.sqrt(values)


def determined(fit: Fit) -> float:
    """Return the number of parameters that the data determine."""
    free = fit.free
    variances = np.diag(fit.covariance)[: free.sum()]
    shared = np.sum((1 - variances / fit.priors.shared[free] ** 2).clip(0, 1))
    local = (1 - own_variances(fit) / fit.priors.local**2).clip(0, 1).sum() if fit.with_angles else 0.0
    return float(shared + 2 * fit.state.gains.size + local)


def own_variances(fit: Fit) -> np.ndarray:
    """Return the posterior variances of the errors of each angle, (angle, 4)."""
    ratio, n_gains = fit.posterior.ratio, fit.state.gains.size
    shared = np.sum(ratio * (fit.covariance @ ratio), axis=1)
    local = np.diagonal(fit.posterior.local, axis1=1, axis2=2) + shared
    return np.column_stack([local, np.diag(fit.posterior.phases)[n_gains:]])


def scaled_priors(model: Model, fit: Fit) -> Priors:
    """Return the prior scales of largest evidence, one step on from those of a fit."""
    variances = np.full(len(fit.free), np.inf)
    variances[fit.free] = np.diag(fit.covariance)[: fit.free.sum()]
    own = own_variances(fit)
    priors = fit.priors.scaled(model.parameters, fit.state.shared, variances, fit.state.local, own)
    if priors.least is None:
        return priors
    return replace(priors, local_mean=priors.local_mean + common_change(fit, np.array(model.parameters.angles)))


def climb(
    model: Model,
    values: np.ndarray,
    sigma: np.ndarray,
    start: ScannerState,
    before: Climbed | None = None,
    rough: Model | None = None,
    exact: bool = False,
    tries: int = TRIES,
    priors: Priors | None = None,
    first: ScannerState | None = None,
    steepest: float = STEEPEST,
) -> Climbed:
    """Fit the scanner that the values need.

    Parameters
    ----------
    model, values, sigma, start
        Those of `fit_scanner`; the start is an ideal scanner.
    before
        An earlier fit of nearly the same values, from which to go on.
    rough
        The same model with a larger error of its quadrature, for all but the last steps.
    exact
        Whether the values have no noise, and are not those of an ideal scanner (`ideal_alone`): sigma is then a
        tolerance, and chi2 says nothing of other starts.
    tries
        Most starts.
    priors
        None for those of the table.
    first
        A state to start from before all others, such as that of an earlier fit of the same scanner.
    steepest
        Largest steepness of the ideal scanner.
    """
    count = int(np.isfinite(np.broadcast_to(sigma, values.shape)).sum())
    rough = model if rough is None else rough
    of_ideal = partial(fit_scanner, values=values, sigma=sigma, groups=None, priors=priors, steepest=steepest)
    state = of_ideal(rough, start=start).state if before is None else before.ideal.state
    ideal = of_ideal(model, start=state)
    state, steps = ideal.state, ideal.steps
    best, starts = None, 0
    fewest = 2 if values.shape[-1] <= _FEW_POSITIONS and not exact and before is None else 1
    several = [(s, False) for s in (before.full.state if before else None, first) if s is not None]
    for other, hold in (*several, *_starts(model, state)):
        fit = _full(rough, model, values, sigma, other, hold, priors)
        steps, starts = steps + fit.steps, starts + 1
        best = fit if best is None or fit.evidence > best.evidence else best
        if starts >= fewest and (excess(best, count) < _STOPPED or starts >= (1 if exact else tries)):
            break
    assert best is not None
    fresh = before is None and first is None and not exact
    doubted = excess(best, count) >= _DOUBTED or model.evaluations > DEAR
    if fresh and doubted and _FEW_POSITIONS < values.shape[-1] <= _SOME_POSITIONS:
        tilted = _full(rough, model, values, sigma, _tilted(model, best.state), False, priors)
        steps, starts = steps + tilted.steps, starts + 1
        best = tilted if tilted.evidence > best.evidence + _CLEARLY else best
    if not exact and excess(ideal, count) < SIGNIFICANT and ideal.evidence >= best.evidence:
        return Climbed(ideal, ideal, best, "ideal", "an ideal scanner has the larger evidence", steps, starts)
    why = f"an ideal scanner has a chi2 of {ideal.chi2:.4g} and the smaller evidence"
    return Climbed(best, ideal, best, "full", why, steps, starts)


def stopped(climbed: Climbed, values: int) -> bool:
    """Return whether the chi2 of the full fit is so large that other starts should be tried."""
    return climbed.stage == "full" and excess(climbed.full, values) >= _STOPPED


def ideal_alone(model: Model, values: np.ndarray, sigma: np.ndarray, start: ScannerState) -> Climbed | None:
    """Return the fit of an ideal scanner if it leaves nothing, or else None; the arguments are those of `climb`."""
    ideal = fit_scanner(model, values, sigma, start, None)
    if excess(ideal, int(np.isfinite(np.broadcast_to(sigma, values.shape)).sum())) >= SIGNIFICANT:
        return None
    return Climbed(ideal, ideal, ideal, "ideal", "an ideal scanner leaves nothing of the values", ideal.steps, 1)


def _full(
    rough: Model,
    model: Model,
    values: np.ndarray,
    sigma: np.ndarray,
    start: ScannerState,
    hold: bool,
    priors: Priors | None,
) -> Fit:
    fit = fit_scanner(rough, values, sigma, start, model.parameters.groups, priors=priors, hold=hold)
    steps = fit.steps
    for _ in range(_ROUNDS):
        priors = scaled_priors(model, fit)
        fit = fit_scanner(model, values, sigma, fit.state, model.parameters.groups, 6, priors, hold=False)
        steps += fit.steps
    return replace(fit, steps=steps)


def _starts(model: Model, state: ScannerState) -> Iterator[tuple[ScannerState, bool]]:
    """States to start from: the given one, with all parameters at once, and with the opposite offset of the plane."""
    yield state, True
    yield state, False
    place = model.parameters.place("plane_offset")
    shared = state.shared.copy()
    shared[place] = -0.006
    yield ScannerState(shared, state.gains, state.local), True


def _tilted(model: Model, state: ScannerState) -> ScannerState:
    """Return the state with a tilt of the plane as its only field across it."""
    shared = state.shared.copy()
    shared[model.parameters.group("perpendicular")] = 0.0
    shared[model.parameters.place("plane_tilt_x")] = _TILT
    return ScannerState(shared, state.gains, state.local)
