"""Steps of the fit against a dense solution, and fits of scanners that the model holds."""

import numpy as np
import pytest

import mpisim
from calib.methods.physical.climb import determined, excess
from calib.methods.physical.levenberg import _Problem, fit_scanner
from calib.methods.physical.model import Model
from calib.methods.physical.normal import LOOSE
from calib.methods.physical.parameters import LOCAL
from calib.methods.physical.priors import Priors
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.data.sampling import Sampling

ANGLES = tuple(np.pi * np.arange(12) / 12)
PARAMETERS = scanner_parameters(ANGLES, (2, 3, 4, 5), coil_degree=2, drive_degree=1, static_degree=1)
GRID, SAMPLING = mpisim.Grid((8, 8)), Sampling.named("box", 2, (8, 8))
START = PARAMETERS.ideal(2.2, 0.1, 0.0)
MODEL = Model(PARAMETERS, SAMPLING, GRID, START, tolerance=1e-4)


def scanner(seed=0, size=0.5):
    rng = np.random.default_rng(seed)
    state = START.of_vector(START.vector())
    scales = np.array([0.05 if p.group == "tracer" else p.scale for p in PARAMETERS.shared])
    state.shared[:] += size * scales * rng.standard_normal(scales.size)
    state.gains[:] = 1 + 0.2 * size * (rng.standard_normal((1, 4)) + 1j * rng.standard_normal((1, 4)))
    state.local[:] = size * np.array([p.scale for p in LOCAL]) * rng.standard_normal(state.local.shape)
    return state


def measured(state, level=1e-3, seed=0):
    """Values with noise, its deviation, and the values themselves."""
    values, rng = MODEL.means(state), np.random.default_rng(seed)
    sigma = level * np.sqrt(np.mean(np.abs(values) ** 2))
    noise = rng.standard_normal(values.shape) + 1j * rng.standard_normal(values.shape)
    return values + sigma / np.sqrt(2) * noise, np.array(sigma), values


def test_step_is_that_of_the_dense_equations():
    """Near the solution, where the imaginary part of the residual is small, the split into phases is exact."""
    state = scanner()
    rng = np.random.default_rng(1)
    state.local[:] = 0.0
    values = MODEL.means(state.of_vector(state.vector() + 1e-6 * rng.standard_normal(PARAMETERS.size)))
    sigma = 1e-2 * np.sqrt(np.mean(np.abs(values) ** 2))
    problem = _Problem(MODEL, values, np.full(values.shape, 2 / sigma**2), PARAMETERS.groups, Priors.of(PARAMETERS))
    problem._mean, problem._local_scale = state.shared.copy(), np.ones(4)  # priors that do not pull
    found = problem.moved(state, problem.normal(state), 0.0, problem.free).vector() - state.vector()
    jacobian = MODEL.jacobian(state).reshape(PARAMETERS.size, -1)
    residual = (values - MODEL.means(state)).ravel()
    scale = np.ones(PARAMETERS.size)
    scale[: len(state.shared)] = [p.scale for p in PARAMETERS.shared]
    scale[len(state.shared) :][: 2 * state.gains.size] = np.sqrt(LOOSE)
    matrix = (jacobian.conj() @ jacobian.T).real * 2 / sigma**2 + np.diag(1 / scale**2)
    expected = np.linalg.solve(matrix, (jacobian.conj() @ residual).real * 2 / sigma**2)
    moved = [MODEL.means(state.of_vector(state.vector() + step)) - MODEL.means(state) for step in (found, expected)]
    assert np.linalg.norm(moved[0] - moved[1]) < 1e-3 * np.linalg.norm(moved[1])
    well = [PARAMETERS.place(name) for name in ("reach", "coil_z_10", "drive_10")]
    assert np.allclose(found[well], expected[well], rtol=0.02, atol=2e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_fit_finds_a_scanner(seed):
    values, sigma, true = measured(scanner(seed))
    ideal = fit_scanner(MODEL, values, sigma, START, None)
    fit = fit_scanner(MODEL, values, sigma, ideal.state, PARAMETERS.groups)
    assert ideal.chi2 > 100
    assert fit.converged
    used = fit.free.sum() + 8 + 4 * len(ANGLES)  # of the real values that were measured
    assert fit.chi2 == pytest.approx(1 - used / (2 * values.size), abs=0.12)
    assert np.linalg.norm(MODEL.means(fit.state) - true) < 0.5 * np.linalg.norm(values - true)


def test_ideal_scanner_keeps_its_parameters():
    truth = PARAMETERS.ideal(2.1, 0.15, 0.02)
    values, sigma, _ = measured(truth)
    fit = fit_scanner(MODEL, values, sigma, START, None)
    assert fit.converged
    assert not fit.state.local[:, :3].any() or np.abs(fit.state.local).max() < 1e-6
    error = np.sqrt(np.diag(fit.covariance))
    places = np.flatnonzero(fit.free)
    assert np.abs((fit.state.shared - truth.shared)[places] / error[: len(places)]).max() < 4
    held = np.setdiff1d(np.arange(len(truth.shared)), places)
    assert not fit.state.shared[held].any()


def test_noise_of_rows_weights_them():
    """Rows that are known to be noise do not change the fit of the others."""
    truth = scanner(2, 0.2)
    values, sigma, _ = measured(truth)
    spoiled, deviations = values.copy(), np.broadcast_to(sigma, (12, 1, 4, 1)).copy()
    spoiled[3, 0, 1] += 1.0
    deviations[3, 0, 1] = 1e6
    fits = [fit_scanner(MODEL, v, s, START, PARAMETERS.groups) for v, s in ((values, sigma), (spoiled, deviations))]
    rows = [MODEL.means(fit.state) for fit in fits]
    assert np.linalg.norm(rows[1] - rows[0]) < 5e-4 * np.linalg.norm(rows[0])


def test_a_size_variance_at_its_bound_does_not_slow_the_fit_down():
    """The best value without the bound would be negative: the others must reach their best for zero."""
    truth = scanner(3)
    place = PARAMETERS.place("size_variance")
    truth.shared[place] = 0.0
    fits = []
    for seed in range(8):
        values, sigma, _ = measured(truth, 3e-2, seed)
        fits.append(fit_scanner(MODEL, values, sigma, START, PARAMETERS.groups))
    at_bound = [fit for fit in fits if fit.state.shared[place] == 0]
    assert at_bound
    assert all(fit.converged and fit.steps < 30 for fit in at_bound)


def test_a_gain_of_the_wrong_sign_is_found():
    values, sigma, _ = measured(START)
    wrong = START.of_vector(START.vector())
    wrong.gains[0, 2] *= -1e-3
    fit = fit_scanner(MODEL, values, sigma, wrong, None)
    assert fit.converged and fit.chi2 == pytest.approx(1, abs=0.1)
    np.testing.assert_allclose(fit.state.gains, START.gains, rtol=0.02)


def test_the_steepness_stays_at_its_bound_and_the_others_know():
    """The fit at the bound is that of the least cost there."""
    values, sigma, _ = measured(PARAMETERS.ideal(2.6, 0.1, 0.0))
    place = PARAMETERS.place("steepness")
    fit = fit_scanner(MODEL, values, sigma, START, None, steepest=2.4)
    assert fit.state.shared[place] == 2.4 and fit.converged
    for name, step in (("size_variance", 0.01), ("size_variance", -0.01), ("reach", 1e-3), ("reach", -1e-3)):
        moved = fit.state.of_vector(fit.state.vector())
        moved.shared[PARAMETERS.place(name)] = max(moved.shared[PARAMETERS.place(name)] + step, 0.0)
        assert fit_scanner(MODEL, values, sigma, moved, None, most=0, steepest=2.4).cost > fit.cost - 1


def test_an_ideal_fit_has_no_errors_of_angles_that_the_data_determine():
    values, sigma, _ = measured(START)
    fit = fit_scanner(MODEL, values, sigma, START, None)
    assert determined(fit) <= 3 + 2 * START.gains.size
    assert abs(excess(fit, values.size)) < 3


def test_kept_means_are_those_of_the_model():
    """Also those of the best gains, which are not computed again."""
    values, sigma, _ = measured(scanner())
    problem = _Problem(MODEL, values, np.full(values.shape, 2 / sigma**2), None, Priors.of(PARAMETERS))
    cost = problem.cost(START)
    state, less = problem.with_best_gains(START, cost)
    assert less < cost
    other = _Problem(MODEL, values, np.full(values.shape, 2 / sigma**2), None, Priors.of(PARAMETERS))
    assert less == pytest.approx(other.cost(state), rel=1e-12)
    assert problem._means(state) is problem._means(state)


def test_derivatives_of_an_ideal_scanner_alone():
    places = PARAMETERS.group("tracer")
    (every,), (some,) = (list(MODEL.linear(scanner(), chosen)) for chosen in (None, places))
    assert some.by_shared.shape[2] == 3 and np.allclose(some.by_shared, every.by_shared[:, :, places], rtol=1e-12)
    assert np.array_equal(some.by_local, every.by_local)
