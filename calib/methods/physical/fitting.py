r"""The whole fit of a coarse matrix: start, climb, values that do not count, noise level, and profiles of the residual.

The number of points and times follows from the steepness of the start. Where the fitted scanner is so much steeper that
they are too few, the fit goes on with more: their error would pass for another scanner.

Positions and rows that the fitted scanner does not explain (`outliers`) are left out, and the fit goes on without them,
a few times. If chi2 is far from 1 because the noise level is wrong, not because the model lacks something, the
residual's level replaces it. That of exact data is what the model leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from calib.methods.misfit import MOST_LEFT
from calib.methods.physical.begin import MOST_ROWS, Begun, begin
from calib.methods.physical.climb import SIGNIFICANT, TRIES, Climbed, climb, determined, excess, ideal_alone, stopped
from calib.methods.physical.deviation import FEW_INFLATION, FEW_POSITIONS, INFLATION, UNEVEN, deviation, lacking_error
from calib.methods.physical.earlier import Earlier
from calib.methods.physical.forms import Wider, wider_fit
from calib.methods.physical.measurement import FLOOR, Measurement
from calib.methods.physical.model import Model
from calib.methods.physical.outliers import lacking, odd_positions, odd_rows
from calib.methods.physical.profiles import MODULATED, PLAIN, Profiles, fit_profiles, predicted, profile_variance
from calib.methods.physical.resolution import finer_models
from mpisim.data.sampling import Sampling

__all__ = ["Fitted", "fit_measurement"]

_ROUNDS = 7
_FIRST = 1e-2  # noise over the RMS that exact values are first taken to have
_CHANGED = 1.05  # factor on the noise level from which a fit goes on with it
_NOISE_ALONE = 0.25  # most of the residual beyond the noise that a model may lack where the noise level is wrong
_COARSEST_MODULATED = 4  # factor up to which modulated profiles are determined
_MOST_FINER = 2  # times that points are added
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
        m, fit = self.measurement, self.climbed.fit
        if self.climbed.stage == "full" and self.profiles is not None:  # what profiles explain needs no other forms
            m = replace(m, values=m.values - predicted(self.model, fit.state, self.profiles))
        return wider_fit(m, fit) if self.climbed.stage == "full" else None

    def deviation(self, wider: Wider | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return their standard deviation and its circularity, of the same shape; `wider` None is that of the fit."""
        wider = self.wider() if wider is None else wider
        fit, fine = self.climbed.fit, self.fine_model(_OF_DEVIATION)
        added = 0.0 if self.profiles is None else UNEVEN * profile_variance(fine, fit.state, self.profiles)
        if wider is None:
            return deviation(fine, fit, self._lacking(), added=added)
        fine = self.fine_model(_OF_DEVIATION, wider)
        inflation = FEW_INFLATION if self._has_few_positions else INFLATION
        return deviation(fine, wider.fit, self._lacking(), wider.start, added, wider.curve, inflation)

    @property
    def _has_few_positions(self) -> bool:
        return self.measurement.values.shape[-1] <= FEW_POSITIONS

    def _lacking(self) -> float:
        """Return the mean square of the error of rows that what the model lacks makes."""
        counts, few = self.measurement.counts, self._has_few_positions
        noise, count = float(np.mean(self.measurement.sigma[counts] ** 2)), int(counts.sum())
        if self.measurement.exact and self.climbed.stage != "ideal":
            return lacking_error(self.chi2 * noise)
        return lacking_error(noise, excess(self.climbed.fit, count) if few else self.excess, count, few)


def fit_measurement(
    measurement: Measurement, earlier: Earlier | None = None, before: Climbed | None = None
) -> Fitted | None:
    """Fit the scanner of a measurement; None where no ideal scanner describes even most of it.

    With an earlier fit of the same scanner its state is the start, and its priors are those of this fit. `before` is a
    fit of nearly the same values, from which to go on.
    """
    begun = begin(measurement, earlier)
    return None if begun is None else _in_rounds(begun, earlier, before)


def _in_rounds(begun: Begun, earlier: Earlier | None, before: Climbed | None) -> Fitted:
    """Climb, leave out what does not count, add points, doubt the noise level: until nothing changes."""
    measurement, start, given = begun.measurement, begun.start, begun.measurement.sigma
    model, rough, positions, rows = begun.model, begun.rough, begun.positions, begun.rows
    values, exact, tries, finer = measurement.values, measurement.exact, 1, 0
    first, priors = (None, None) if earlier is None else (earlier.state, earlier.priors)
    alone = ideal_alone(model, values, begun.counted.sigma, start) if exact else None
    rescaled = _FIRST / FLOOR if exact and alone is None else 1.0  # exact values are fitted step by step
    climbing = partial(climb, values=values, start=start, exact=exact, priors=priors, first=first)
    for last in range(_ROUNDS):
        now = measurement.without(positions | rows[..., None])
        now = replace(now, sigma=now.sigma * rescaled)
        climbed = alone or climbing(
            model, sigma=now.sigma, before=before, rough=rough, tries=tries, steepest=begun.steepest
        )
        if alone is None and finer < _MOST_FINER and not model.resolves(climbed.fit.state):
            finer += 1
            model, rough, steeper = finer_models(measurement, model, climbed.fit.state)
            before = None if steeper else climbed
            continue
        residual = values - model.means(climbed.fit.state)
        more_positions, more_rows = _left_out(begun, residual, given * rescaled, positions, rows)
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
    return _with_profiles(model, now, climbed, residual, rescaled, positions, rows, begun.signs)


def _left_out(
    begun: Begun, residual: np.ndarray, level: np.ndarray, positions: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions and rows that a residual shows to be wrong, those that were left out before not spared."""
    more_positions = odd_positions(residual, np.where(rows[..., None], np.inf, level), begun.measurement.exact)
    more_rows = odd_rows(residual, begun.measurement.values, np.where(positions, np.inf, level))
    return begun.empty | more_positions, rows if more_rows.mean() > MOST_ROWS else more_rows


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
