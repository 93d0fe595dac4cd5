r"""The whole fit of a coarse matrix: start, climb, values that do not count, noise level, and profiles of the residual.

The number of points and times follows from the steepness of the start. Where the fitted scanner is so much steeper that
they are too few, the fit goes on with more: their error would pass for another scanner.

Positions and rows that the fitted scanner does not explain (`outliers`) are left out, and the fit goes on without them,
a few times. If chi2 is far from 1 because the noise level is wrong, not because the model lacks something, the
residual's level replaces it. That of exact data is what the model leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from calib.methods.misfit import MOST_LEFT
from calib.methods.physical.climb import SIGNIFICANT, TRIES, Climbed, climb, determined, excess, ideal_alone, stopped
from calib.methods.physical.deviation import FEW_POSITIONS, deviation, lacking_error
from calib.methods.physical.earlier import REVERSED, Earlier
from calib.methods.physical.forms import Wider, wider_fit
from calib.methods.physical.levenberg import STEEPEST, fit_scanner
from calib.methods.physical.measurement import FLOOR, Measurement
from calib.methods.physical.model import Model
from calib.methods.physical.outliers import MOST_POSITIONS, dropped_positions, lacking, odd_positions, odd_rows
from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.profiles import MODULATED, PLAIN, Profiles, fit_profiles, predicted, profile_variance
from calib.methods.physical.start import ideal_start, robust_start
from mpisim.data.sampling import Sampling

__all__ = ["Fitted", "fit_measurement"]

_ROUNDS = 7
_MOST_ROWS = 0.5  # share of the rows that may be left out
_MOST_AT_START = 0.3  # share of the energy that an ideal scanner may leave beyond the noise; strong ones leave 0.02
_DOUBTED_AT_START = 0.05  # the same, from which a few positions or angles may be wrong
_FIRST = 1e-2  # noise over the RMS that exact values are first taken to have
_CHANGED = 1.05  # factor on the noise level from which a fit goes on with it
_NOISE_ALONE = 0.25  # most of the residual beyond the noise that a model may lack where the noise level is wrong
_COARSEST_MODULATED = 4  # factor up to which modulated profiles are determined
_QUADRATURE, _TOLERANCES = 5e-3, (1e-5, 1e-4)  # error of the quadrature over the noise, and its limits
_ROUGH = 20.0  # times that error, for the first steps
_MOST_FINER = 2  # times that points are added
_STEEPER = 0.5  # of the logarithm of the steepness, by which fits may well become steeper than an ideal scanner's
_WIDEST = 1.0  # size variance for which points are settled: ideal fits of imperfect scanners end at any larger one
_DEAR = 2e7  # fields at all points, times and angles, from which the rough model is not to cost more than the other
_OF_DEVIATION = 0.03  # error of the quadrature for standard deviations: one point in each voxel
_LEVEL = 5.0  # standard deviations of chi2 from which the noise level is doubted


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted scanner and what it leaves.

    Parameters
    ----------
    model, measurement, climbed
        The model, what was fitted (with the noise level that was used), and the fits.
    profiles
        Of the residual; None where they are not needed.
    residual
        Measured less all that is fitted, of the shape of the values.
    chi2, excess
        Mean square of the residual over that of the noise, and how far it is above its expectation, in standard
        deviations.
    rescaled
        The noise level that was used, over the one that was given; 1 where that holds.
    out_positions, out_rows
        Positions (value,) and rows (angle, coil, harmonic) that were left out.
    signs
        -1 for angles whose rows all have the wrong sign, else 1, (angle,). Fit, `measurement` and `residual` are those
        of the right sign, `rows` those of the file.
    """

    model: Model
    measurement: Measurement
    climbed: Climbed
    profiles: Profiles | None
    residual: np.ndarray
    chi2: float
    excess: float
    rescaled: float
    out_positions: np.ndarray
    out_rows: np.ndarray
    signs: np.ndarray

    @property
    def stage(self) -> str:
        """`ideal`, `full`, `profile` or `modulated`."""
        if self.profiles is None:
            return self.climbed.stage
        return "profile" if self.profiles.modulations == PLAIN else "modulated"

    def fine_model(self, tolerance: float = 1e-5, wider: Wider | None = None) -> Model:
        """Return the model whose values are all fine voxels, with the forms of a wider fit if there is one."""
        measurement, state = self.measurement, self.climbed.fit.state if wider is None else wider.fit.state
        parameters = measurement.parameters if wider is None else wider.parameters
        shape = (measurement.fine.array_shape[0], measurement.fine.array_shape[1])
        every = Sampling.named("box", 1, shape)
        return Model(parameters, every, measurement.fine, state, measurement.sample, tolerance)

    def rows(self) -> np.ndarray:
        """Return fine rows, complex (angle, coil, harmonic, voxel)."""
        state, fine = self.climbed.fit.state, self.fine_model()
        rows = fine.means(state)
        rows = rows if self.profiles is None else rows + predicted(fine, state, self.profiles)
        return self.signs[:, None, None, None] * rows

    def wider(self) -> Wider | None:
        """Return the fit with the forms that the table leaves out; None where the scanner is an ideal one."""
        return wider_fit(self.measurement, self.climbed.fit) if self.climbed.stage == "full" else None

    def deviation(self, wider: Wider | None = None) -> np.ndarray:
        """Return the standard deviation of their real part, of the same shape; `wider` is None for that of the fit."""
        wider = self.wider() if wider is None else wider
        fit, fine = self.climbed.fit, self.fine_model(_OF_DEVIATION)
        added = 0.0 if self.profiles is None else profile_variance(fine, fit.state, self.profiles)
        if wider is None:
            return deviation(fine, fit, self._lacking(), added=added)
        return deviation(self.fine_model(_OF_DEVIATION, wider), wider.fit, self._lacking(), wider.start, added)

    def _lacking(self) -> float:
        """Return the mean square of the error of rows that what the model lacks makes."""
        counts, few = self.measurement.counts, self.measurement.values.shape[-1] <= FEW_POSITIONS
        noise, count = float(np.mean(self.measurement.sigma[counts] ** 2)), int(counts.sum())
        if self.measurement.exact and self.climbed.stage != "ideal":
            return lacking_error(self.chi2 * noise)
        return lacking_error(noise, excess(self.climbed.fit, count) if few else self.excess, count, few)


def fit_measurement(measurement: Measurement, earlier: Earlier | None = None) -> Fitted | None:
    """Fit the scanner of a measurement; None where no ideal scanner describes even most of it.

    With an earlier fit of the same scanner its state is the start, and its priors are those of this fit.
    """
    values, given = measurement.values, measurement.sigma
    first, priors = (None, None) if earlier is None else (earlier.state, earlier.priors)
    empty = positions = dropped_positions(values, given)
    noise = min(float(np.mean(given**2)), 1.0)
    if earlier is None:
        place = (measurement.parameters, measurement.sampling, measurement.fine, empty)
        start, left = ideal_start(values, *place)
        before_robust = left
        if left - noise > _DOUBTED_AT_START:  # a few positions or angles may spoil it
            other, less, wrong = robust_start(values, *place)
            if less - noise < left - noise - _DOUBTED_AT_START:
                start, left, positions = other, less, empty | wrong
    else:
        start, left = earlier.ideal, earlier.left
        before_robust = left
    if left - noise > _MOST_AT_START or positions.mean() > MOST_POSITIONS:
        return None
    rows = np.asarray(~np.any(values, axis=-1))
    start = _with_gains(start)
    steepest = min(float(start.shared[measurement.parameters.place("steepness")]) + _STEEPER, STEEPEST)
    model, rough = _models(measurement, start)
    signs = _signs(rough.means(start)[..., ~positions], values[..., ~positions])
    values = signs[:, None, None, None] * values
    measurement = replace(measurement, values=values)
    if earlier is None:
        counted = measurement.without(positions)
        if left < before_robust:
            rows = rows | _reversed(rough.means(start), values, given, positions)
            rows = rows if rows.mean() <= _MOST_ROWS else np.asarray(~np.any(values, axis=-1))
            counted = measurement.without(positions | rows[..., None])
        start = fit_scanner(rough, values, counted.sigma, start, None, steepest=steepest).state
        model, rough = _models(measurement, start if measurement.exact else _narrow(measurement, start))
    exact, before, tries, finer = measurement.exact, None, 1, 0
    alone = ideal_alone(model, values, measurement.without(positions | rows[..., None]).sigma, start) if exact else None
    rescaled = _FIRST / FLOOR if exact and alone is None else 1.0  # exact values are fitted step by step
    for last in range(_ROUNDS):
        now = measurement.without(positions | rows[..., None])
        now = replace(now, sigma=now.sigma * rescaled)
        climbed = alone or climb(model, values, now.sigma, start, before, rough, exact, tries, priors, first, steepest)
        if alone is None and finer < _MOST_FINER and not model.resolves(climbed.fit.state):
            finer += 1
            model, rough, steeper = _finer(measurement, model, climbed)
            before = None if steeper else climbed
            continue
        residual = values - model.means(climbed.fit.state)
        level = given * rescaled
        more_positions = empty | odd_positions(residual, np.where(rows[..., None], np.inf, level), exact)
        more_rows = odd_rows(residual, values, np.where(positions, np.inf, level))
        more_rows = rows if more_rows.mean() > _MOST_ROWS else more_rows
        if (more_positions != positions).any() or (more_rows != rows).any():
            positions, rows, before = more_positions, more_rows, climbed
            continue
        if tries == 1 and not exact and stopped(climbed, int(now.counts.sum())) and _lacks(residual, now, climbed):
            before, tries = climbed, TRIES
            continue
        factor = _level(climbed, residual, now)
        if last == _ROUNDS - 1 or (rescaled != 1 and not exact) or max(factor, 1 / factor) < _CHANGED:
            break
        rescaled, before = max(rescaled * factor, 1.0) if exact else factor, climbed
    return _with_profiles(model, now, climbed, residual, rescaled, positions, rows, signs)


def _with_gains(state: ScannerState) -> ScannerState:
    """Return the state with small gains for those that are zero, of harmonics without any signal: zero has no phase."""
    gains = np.where(state.gains == 0, 1e-3 * np.abs(state.gains).max(), state.gains)
    return ScannerState(state.shared, gains, state.local)


def _signs(means: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return -1 for angles whose values, (angle, coil, harmonic, value), are those of a model with the wrong sign."""
    sizes = np.sqrt(np.sum(np.abs(means) ** 2, axis=(1, 2, 3)) * np.sum(np.abs(values) ** 2, axis=(1, 2, 3)))
    alike = np.sum((means.conj() * values).real, axis=(1, 2, 3)) / np.maximum(sizes, np.finfo(float).tiny)
    return np.where(alike < -REVERSED, -1.0, 1.0)


def _reversed(means: np.ndarray, values: np.ndarray, sigma: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return which rows an ideal scanner describes so little that they are reversed, (angle, coil, harmonic)."""
    kept = ~positions
    left = np.sum(np.abs(values - means)[..., kept] ** 2 - sigma[..., kept] ** 2, axis=-1)
    return np.asarray(left > REVERSED * np.sum(np.abs(values[..., kept]) ** 2, axis=-1))


def _models(measurement: Measurement, like: ScannerState) -> tuple[Model, Model]:
    """Return the model with as many points and times as a state needs, and a rough one for the first steps.

    The rough one is for scanners steeper than the state: with too few points a fit would become steeper and steeper.
    """
    m, fine = measurement, float(np.clip(_QUADRATURE * measurement.sigma.min(), *_TOLERANCES))
    steeper = like.shared.copy()
    steeper[m.parameters.place("steepness")] += _STEEPER

    def suited(state: ScannerState, tolerance: float) -> Model:
        return Model(m.parameters, m.sampling, m.fine, state, m.sample, tolerance)

    model, rough = suited(like, fine), suited(ScannerState(steeper, like.gains, like.local), _ROUGH * fine)
    return model, suited(like, _ROUGH * fine) if rough.evaluations > max(_DEAR, model.evaluations) else rough


def _narrow(measurement: Measurement, state: ScannerState) -> ScannerState:
    """Return the state with sizes no wider than `_WIDEST`, for which points are settled at first."""
    shared, place = state.shared.copy(), measurement.parameters.place("size_variance")
    shared[place] = min(shared[place], _WIDEST)
    return ScannerState(shared, state.gains, state.local)


def _finer(measurement: Measurement, model: Model, climbed: Climbed) -> tuple[Model, Model, bool]:
    """Return models for a fit that is steeper than its model, and whether it is so steep that it means nothing."""
    state, place = climbed.fit.state, measurement.parameters.place("steepness")
    most = np.log(model.steepness) + _STEEPER
    shared = state.shared.copy()
    shared[place] = min(shared[place], most)
    return (*_models(measurement, ScannerState(shared, state.gains, state.local)), bool(state.shared[place] > most))


def _level(climbed: Climbed, residual: np.ndarray, measurement: Measurement) -> float:
    """Factor on the noise level that the residual says, 1 where the given level holds or the model lacks something."""
    fit, count = climbed.fit, int(measurement.counts.sum())
    expected = max(1 - determined(fit) / (2 * count), 0.1)
    apart = (fit.chi2 - expected) * np.sqrt(count)
    if measurement.exact:
        return 1.0 if climbed.stage == "ideal" else float(np.sqrt(fit.chi2 / expected))
    if abs(apart) < _LEVEL or (apart > 0 and _lacks(residual, measurement, climbed)):
        return 1.0
    return float(np.sqrt(fit.chi2 / expected))


def _lacks(residual: np.ndarray, measurement: Measurement, climbed: Climbed) -> bool:
    """Whether a residual larger than the noise is what the model lacks, not a noise level that is too low."""
    counts, chi2 = measurement.counts, climbed.fit.chi2
    share = np.sum(np.abs(residual[counts]) ** 2) / np.sum(np.abs(measurement.values[counts]) ** 2)
    return bool(share > MOST_LEFT or lacking(residual, measurement.sigma) * chi2 > _NOISE_ALONE * (chi2 - 1))


def _with_profiles(
    model: Model,
    measurement: Measurement,
    climbed: Climbed,
    residual: np.ndarray,
    rescaled: float,
    positions: np.ndarray,
    rows: np.ndarray,
    signs: np.ndarray,
) -> Fitted:
    """Add profiles where the evidence is larger with them, modulated ones where chi2 needs them."""
    fit, count = climbed.fit, int(measurement.counts.sum())
    found, left = None, residual
    beyond = excess(fit, count)
    chi2 = fit.chi2
    for modulations in (PLAIN, MODULATED):
        if modulations == MODULATED and (
            beyond < SIGNIFICANT or measurement.exact or measurement.sampling.reduction > _COARSEST_MODULATED
        ):
            break
        profiles = fit_profiles(model, fit.state, residual, measurement.sigma, modulations)
        if profiles.evidence <= (0.0 if found is None else found.evidence):
            continue
        found = profiles
        left = residual - predicted(model, fit.state, profiles)
        chi2 = float(np.sum(np.abs(left / measurement.sigma) ** 2)) / count
        beyond = (chi2 - 1 + (determined(fit) + profiles.used) / (2 * count)) * np.sqrt(count)
    return Fitted(model, measurement, climbed, found, left, chi2, float(beyond), rescaled, positions, rows, signs)
