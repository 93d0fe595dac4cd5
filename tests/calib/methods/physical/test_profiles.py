"""Profiles of what a scanner leaves, outliers, prior scales, and the variance of rows against drawn parameters."""

import numpy as np
import pytest

import mpisim
from calib.methods.physical.deviation import (
    CHANCE,
    FEW_LACKING,
    INFLATION,
    LACKING,
    MOVED,
    deviation,
    lacking_error,
    variances,
)
from calib.methods.physical.levenberg import fit_scanner
from calib.methods.physical.model import Model
from calib.methods.physical.outliers import dropped_positions, lacking, odd_positions, odd_rows
from calib.methods.physical.priors import scale_by_evidence
from calib.methods.physical.profiles import MODULATED, PLAIN, fit_profiles, predicted, profile_variance
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.data.deviation import part_deviations
from mpisim.data.sampling import Sampling

PARAMETERS = scanner_parameters(tuple(np.pi * np.arange(8) / 8), (2, 3), coil_degree=1, drive_degree=1, static_degree=1)
GRID = mpisim.Grid((8, 8))
STATE = PARAMETERS.ideal(1.8, 0.05, 0.0)
COARSE = Model(PARAMETERS, Sampling.named("box", 2, (8, 8)), GRID, STATE, tolerance=1e-4)
FINE = Model(PARAMETERS, Sampling.named("box", 1, (8, 8)), GRID, STATE, tolerance=1e-4)


def noise(shape, level, seed=0):
    rng = np.random.default_rng(seed)
    return level / np.sqrt(2) * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))


def other_magnetisation(model):
    """What a scanner of another steepness adds: a function of the scaled field alone."""
    return 0.3 * (model.means(PARAMETERS.ideal(1.9, 0.05, 0.0)) - model.means(STATE))


@pytest.mark.parametrize("modulations", [PLAIN, MODULATED])
def test_profiles_hold_another_magnetisation(modulations):
    added = other_magnetisation(COARSE)
    level = 0.1 * np.sqrt(np.mean(np.abs(added) ** 2))
    sigma = np.full(added.shape, level)
    found = fit_profiles(COARSE, STATE, added + noise(added.shape, level), sigma, modulations)
    assert found.evidence > 10
    wanted, error = other_magnetisation(FINE), predicted(FINE, STATE, found) - other_magnetisation(FINE)
    assert np.linalg.norm(error) < 0.2 * np.linalg.norm(wanted)
    spread = np.sqrt(2 * profile_variance(FINE, STATE, found).mean())
    assert 0.4 < spread / np.sqrt(np.mean(np.abs(error) ** 2)) < 2.5


def test_noise_has_no_profile():
    shape = COARSE.means(STATE).shape
    found = fit_profiles(COARSE, STATE, noise(shape, 1.0), np.ones(shape))
    assert found.evidence == 0 and not predicted(COARSE, STATE, found).any()


def test_a_harmonic_whose_noise_hides_a_profile_is_likely_to_have_that_of_the_others():
    added, true = other_magnetisation(COARSE), other_magnetisation(FINE)
    level = 0.1 * np.sqrt(np.mean(np.abs(added) ** 2))
    sigma = np.full(added.shape, level)
    sigma[:, :, 1] = 300 * level
    found = fit_profiles(COARSE, STATE, added + sigma / level * noise(added.shape, level), sigma)
    assert found.coefficients[0, 0].any() and not found.coefficients[0, 1].any()
    spread = np.sqrt(2 * profile_variance(FINE, STATE, found)[:, :, 1].mean())
    # one of two harmonics shows a profile, and the data of the other say nothing: it has one as large by one half
    assert 0.4 < spread / np.sqrt(np.mean(np.abs(true[:, :, 1]) ** 2) / 2) < 2.5


def test_a_harmonic_that_shows_that_it_has_no_profile_has_none():
    added = other_magnetisation(COARSE)
    level = 0.1 * np.sqrt(np.mean(np.abs(added) ** 2))
    added[:, :, 1] = 0
    sigma = np.full(added.shape, level)
    found = fit_profiles(COARSE, STATE, added + noise(added.shape, level), sigma)
    assert found.coefficients[0, 0].any() and not found.coefficients[0, 1].any()
    spread = np.sqrt(2 * profile_variance(FINE, STATE, found).mean(axis=(0, 1, 3)))
    assert spread[1] < 0.05 * level


def test_what_the_model_lacks_is_added_as_energy_and_grows_with_the_harmonic():
    values = COARSE.means(STATE)
    sigma = 2e-3 * np.sqrt(np.mean(np.abs(values) ** 2))
    fit = fit_scanner(COARSE, values + noise(values.shape, sigma), np.array(sigma), STATE, None)
    own = variances(FINE, fit).average
    assert np.allclose(deviation(FINE, fit, 0.0)[0], np.sqrt(own))
    assert np.allclose(deviation(FINE, fit, 0.0, added=3 * own)[0], 2 * np.sqrt(own))
    lacking = 2 * sigma**2
    more = deviation(FINE, fit, lacking)[0] ** 2 - own
    assert 2 * np.mean(more) == pytest.approx(lacking)
    assert np.allclose(more[:, :, 1] / own[:, :, 1], 1.5 * more[:, :, 0] / own[:, :, 0])  # harmonics 2 and 3


def test_an_excess_of_chi2_is_an_error_beyond_chance():
    assert lacking_error(2.0) == pytest.approx(2 * LACKING**2)
    assert lacking_error(1.0, CHANCE, 100) == 0 == lacking_error(1.0, -1.0, 100)
    assert lacking_error(1.0, CHANCE + 5, 100) == pytest.approx(LACKING**2 * 0.5)
    assert lacking_error(1.0, CHANCE + 5, 100, few=True) == pytest.approx(FEW_LACKING**2 * 0.5)


def test_rows_that_would_move_err_in_proportion():
    values = COARSE.means(STATE)
    sigma = 2e-3 * np.sqrt(np.mean(np.abs(values) ** 2))
    fit = fit_scanner(COARSE, values + noise(values.shape, sigma), np.array(sigma), STATE, None)
    more = (deviation(FINE, fit, start=STATE)[0] / INFLATION) ** 2 - variances(FINE, fit).average
    moved = MOVED * np.abs(FINE.means(fit.state) - FINE.means(STATE))
    assert np.allclose(2 * more, moved**2, atol=1e-12)


def test_variance_is_that_of_drawn_scanners():
    """Fits of the same scanner with other noise scatter as the posterior says, where priors say little."""
    values = COARSE.means(STATE)
    sigma = 2e-3 * np.sqrt(np.mean(np.abs(values) ** 2))
    fits = [
        fit_scanner(COARSE, values + noise(values.shape, sigma, s), np.array(sigma), STATE, None) for s in range(12)
    ]
    error = np.stack([FINE.means(fit.state) for fit in fits]) - FINE.means(STATE)
    stated, phase = variances(FINE, fits[0]), FINE.gains(STATE)[..., None]
    assert 0.5 < 2 * stated.average.mean() / np.mean(np.abs(error) ** 2) < 2.0
    turned = error * phase.conj() / np.abs(phase)
    assert 0.5 < stated.along.mean() / np.mean(turned.real**2) < 2.0
    assert 0.4 < stated.across.mean() / np.mean(turned.imag**2) < 2.5
    assert np.mean(turned.real**2) > 3 * np.mean(turned.imag**2)
    real, imaginary = part_deviations(*deviation(FINE, fits[0]))
    assert 0.5 < np.mean(real**2) / np.mean(error.real**2) < 2.0
    assert 0.5 < np.mean(imaginary**2) / np.mean(error.imag**2) < 2.0


def test_outliers_are_named_and_nothing_else():
    values, sigma = noise((9, 1, 3, 20), 30.0), np.ones((9, 1, 3, 20))
    residual = noise(values.shape, 1.0, 1)
    assert not dropped_positions(values, sigma).any() and not odd_positions(residual, sigma).any()
    assert not odd_rows(residual, values, sigma).any()
    values[..., 4] = noise((9, 1, 3), 1.0, 2)
    assert np.flatnonzero(dropped_positions(values, sigma)).tolist() == [4]
    residual[..., 7] *= 6
    assert np.flatnonzero(odd_positions(residual, sigma)).tolist() == [7]
    residual[2, 0, 1] += values[2, 0, 1]
    values[5, 0, 2] = 0
    assert np.argwhere(odd_rows(residual, values, sigma)).tolist() == [[2, 0, 1], [5, 0, 2]]


def test_what_is_lacking_is_alike_at_neighbouring_angles():
    sigma = np.ones((30, 1, 4, 16))
    white = noise(sigma.shape, 1.0)
    smooth = white + np.sin(np.arange(30) / 5)[:, None, None, None]
    assert lacking(white, sigma) < 0.05
    assert lacking(smooth, sigma) == pytest.approx(np.mean(np.sin(np.arange(30) / 5) ** 2) / 1.5, abs=0.1)


def test_scale_by_evidence():
    """The root of the mean square of what the data determine; next to nothing for what is zero."""
    rng = np.random.default_rng(0)
    values = 0.3 * rng.standard_normal(400)
    assert scale_by_evidence(values, np.ones(400)) == pytest.approx(0.3, rel=0.1)
    assert scale_by_evidence(np.zeros(400), np.ones(400)) == pytest.approx(0.01)
    assert scale_by_evidence(np.zeros(3), np.zeros(3)) > 0.5  # not determined: the table's
