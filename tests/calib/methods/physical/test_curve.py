"""Other magnetisation curves: cumulants of two populations, found in their values, and not in those of one."""

import numpy as np
import pytest

import mpisim
from calib.methods.physical.curve import SCALES, curve_changes, curve_of
from calib.methods.physical.deviation import variances
from calib.methods.physical.levenberg import fit_scanner
from calib.methods.physical.model import Model
from calib.methods.physical.parameters import ScannerState
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.data.sampling import Sampling

TABLE = scanner_parameters(tuple(np.pi * np.arange(4) / 4), (2, 3, 4), coil_degree=1, drive_degree=1, static_degree=1)
GRID = mpisim.Grid((8, 8))
STEEPNESS, OWN, APART, SHARE = 1.0, 0.05, 0.8, 0.3
SPREAD = OWN + SHARE * (1 - SHARE) * APART**2
ONE = TABLE.ideal(STEEPNESS, SPREAD, 0.0)
COARSE, FINE = (Model(TABLE, Sampling.named("box", s, (8, 8)), GRID, ONE, tolerance=1e-4) for s in (2, 1))


def two_populations(model, apart=APART):
    """Values of two log-normal populations, of the mean and the variance of `ONE`."""
    own = SPREAD - SHARE * (1 - SHARE) * apart**2
    below, above = (TABLE.ideal(STEEPNESS + shift, own, 0.0) for shift in (-SHARE * apart, (1 - SHARE) * apart))
    return (1 - SHARE) * model.means(below) + SHARE * model.means(above)


def rms(values):
    return float(np.sqrt(np.mean(np.abs(values) ** 2)))


def test_two_populations_are_their_cumulants():
    both = SHARE * (1 - SHARE)
    apart = APART / 2
    third, fourth = both * (1 - 2 * SHARE) * apart**3, both * (1 - 6 * both) * apart**4
    phase = FINE.gains(ONE) / np.abs(FINE.gains(ONE))
    first = np.tensordot([third / 6, fourth / 24], curve_changes(FINE, ONE), 1) * phase[..., None]
    left = two_populations(FINE, apart) - FINE.means(ONE)
    assert rms(left - first) < 0.25 * rms(left)


@pytest.fixture(scope="module")
def fits():
    """A fit of two populations and one of one, with what the data say of the curve."""
    found = []
    for means in (two_populations, lambda model: model.means(ONE)):
        values, rng = means(COARSE), np.random.default_rng(0)
        sigma = 1e-3 * rms(values)
        noise = rng.standard_normal((2, *values.shape))
        values = values + sigma / np.sqrt(2) * (noise[0] + 1j * noise[1])
        fit = fit_scanner(COARSE, values, np.array(sigma), ONE, None)
        found.append((FINE.means(fit.state) - means(FINE), fit, curve_of(COARSE, values, np.array(sigma), fit)))
    return found


def test_the_error_of_another_curve_is_in_the_variance(fits):
    error, fit, curve = fits[0]
    assert np.sqrt(2 * variances(FINE, fit).average.mean()) < 0.5 * rms(error)
    assert 0.6 < np.sqrt(2 * variances(FINE, fit, curve).average.mean()) / rms(error) < 1.7


def test_the_right_curve_has_no_other_cumulants(fits):
    error, fit, curve = fits[1]
    assert (np.sqrt(np.diag(curve.second)) < 1.5 * SCALES).all()
    assert (variances(FINE, fit, curve).average >= variances(FINE, fit).average).all()
    assert np.sqrt(2 * variances(FINE, fit, curve).average.mean()) / rms(error) < 3


def test_moments_are_those_of_the_dense_equations():
    """With all parameters at once, errors of angles included, the posterior is that of one larger problem."""
    rng = np.random.default_rng(1)
    values = COARSE.means(ONE)
    sigma = 1e-2 * rms(values)
    values = values * (1 + 1e-5 * rng.standard_normal(values.shape))
    fit = fit_scanner(COARSE, values, np.array(sigma), ONE, TABLE.groups, 0)
    curve = curve_of(COARSE, values, np.array(sigma), fit)
    state, n = fit.state, len(TABLE.shared)
    dense = COARSE.jacobian(state)
    gains = COARSE.gains(state)
    phase = (gains.conj() / np.abs(gains))[..., None]
    real = (dense * phase).real
    amplitudes = np.stack([real[n + i] * state.gains.real.ravel()[i] for i in range(3)])
    local = real[n + 6 :].reshape(4, 4, *values.shape)[:, :3].reshape(12, *values.shape)
    columns = np.concatenate([real[:n], amplitudes, local, curve_changes(COARSE, state)]).reshape(-1, values.size)
    scales = np.concatenate([fit.priors.shared, np.full(3, np.inf), np.tile(fit.priors.local[:3], 4), SCALES])
    matrix = 2 / sigma**2 * columns @ columns.T + np.diag(scales**-2.0)
    expected = np.linalg.inv(matrix)[-2:, -2:]
    mean = curve.second - expected
    assert np.allclose(np.linalg.eigvalsh(mean)[0], 0, atol=1e-3 * np.trace(expected))  # a square of one vector
    assert isinstance(state, ScannerState) and np.trace(mean) < 0.5 * np.trace(expected)
