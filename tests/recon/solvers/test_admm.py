import numpy as np
import pylops
import pyproximal
import pytest
from scipy.optimize import NonlinearConstraint, brentq, minimize, nnls

import recon
from mpisim import InputError
from recon.solvers.operators import stack_real, total_variation
from recon.solvers.residual import best_fit
from tests.recon.problems import random_problem

TIGHT = {"tolerance": 1e-7, "iterations": 20000, "precision": "float64"}


def objective(x, shape, a1=0.65, atv=0.35):
    return a1 * np.abs(x).sum() + atv * total_variation(x.reshape(shape), len(shape))


@pytest.mark.parametrize("non_negative", [True, False])
@pytest.mark.parametrize("is_complex", [True, False])
def test_agrees_with_sequential_quadratic_programming(non_negative, is_complex):
    shape = (3, 4)
    A, y, _, eps = random_problem(shape=shape, is_complex=is_complex)
    result = recon.admm(A, y, eps, shape, a1=0.6, atv=0.4, non_negative=non_negative, **TIGHT)
    rows, data = stack_real(A), stack_real(y)
    n = 12

    def smooth(v):  # x = p - m with p, m >= 0; the corner of the lengths is rounded a little
        p, m = v[:n], v[n:]
        d = recon.solvers.operators.gradient((p - m).reshape(shape))
        return 0.6 * (p + m).sum() + 0.4 * np.sqrt((d**2).sum(axis=0) + 1e-12).sum()

    ball = {"type": "ineq", "fun": lambda v: eps**2 - np.sum((rows @ (v[:n] - v[n:]) - data) ** 2)}
    bounds = [(0, None)] * n + [(0, 0) if non_negative else (0, None)] * n
    start = np.concatenate([np.maximum(result.x, 0), np.maximum(-result.x, 0)]) + (0.0 if non_negative else 0.01)
    start[:n] += 0.1
    other = minimize(
        smooth, start, method="SLSQP", bounds=bounds, constraints=[ball], options={"maxiter": 300, "ftol": 1e-12}
    )
    x = other.x[:n] - other.x[n:]
    assert result.objective == pytest.approx(objective(x, shape, 0.6, 0.4), rel=2e-4)
    assert result.objective <= objective(x, shape, 0.6, 0.4) * (1 + 1e-5)
    assert result.residual <= eps * (1 + 1e-5)
    assert result.converged and result.feasible


def test_agrees_with_trust_region_on_a_linear_objective():
    A, y, _, eps = random_problem(shape=(1, 6), rows=8)
    result = recon.admm(A, y, eps, (1, 6), a1=1.0, atv=0.0, **TIGHT)
    ball = NonlinearConstraint(
        lambda x: np.sum((A @ x - y) ** 2),
        -np.inf,
        eps**2,
        jac=lambda x: 2 * A.T @ (A @ x - y),
        hess=lambda x, v: 2 * v[0] * A.T @ A,
    )
    other = minimize(
        lambda x: x.sum(),
        np.linalg.lstsq(A, y)[0],
        jac=np.ones_like,
        hess=lambda x: np.zeros((6, 6)),
        method="trust-constr",
        bounds=[(0, None)] * 6,
        constraints=[ball],
        options={"gtol": 1e-10, "xtol": 1e-12, "maxiter": 3000},
    )
    assert np.allclose(result.x, other.x, atol=2e-4)


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4)])
def test_agrees_with_pyproximal(shape):
    A, y, _, eps = random_problem(rows=18, shape=shape)
    result = recon.admm(A, y, eps, shape, a1=0.7, atv=0.3, **TIGHT)
    gradient = pylops.Gradient(shape, kind="forward", edge=False)
    operator = pylops.VStack([gradient, pylops.MatrixMult(A)])
    g = pyproximal.VStack(
        [pyproximal.L21(ndim=len(shape), sigma=0.3), pyproximal.EuclideanBall(y, eps)], nn=[gradient.shape[0], len(y)]
    )
    bound = 4 * len(shape) + np.linalg.norm(A, 2) ** 2
    x = pyproximal.optimization.primaldual.PrimalDual(
        pyproximal.Box(lower=0),
        g,
        operator,
        np.zeros(A.shape[1]),
        tau=0.3 / np.sqrt(bound),
        mu=3.2 / np.sqrt(bound),
        z=np.full(A.shape[1], 0.7),
        niter=20000,
    )
    assert np.allclose(result.x, x, atol=1e-4)
    assert result.objective == pytest.approx(objective(x, shape, 0.7, 0.3), rel=1e-5)


def test_identity_without_variation_is_a_shrink_onto_the_ball():
    y, eps = np.random.default_rng(0).standard_normal(30), 2.0
    result = recon.admm(np.eye(30), y, eps, (5, 6), a1=1.0, atv=0.0, non_negative=False, **TIGHT)

    def shrink(t):
        return np.sign(y) * np.maximum(np.abs(y) - t, 0)

    level = brentq(lambda t: np.linalg.norm(shrink(t) - y) - eps, 0, np.abs(y).max())
    assert np.allclose(result.x, shrink(level), atol=1e-5)


def test_a_ball_that_holds_zero_gives_zero():
    A, y, _, _ = random_problem()
    result = recon.admm(A, y, 1.01 * float(np.linalg.norm(y)), (3, 4))
    assert np.all(np.abs(result.x) < 1e-6) and result.feasible


def test_zero_radius_solves_the_equations():
    A, _, truth, _ = random_problem(rows=20)
    result = recon.admm(A, A @ truth, 0.0, (3, 4), **TIGHT)
    assert np.allclose(result.x, truth, atol=1e-4) and result.feasible


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_answer_lies_in_the_noise_ball(precision):
    A, y, _, eps = random_problem(rows=40, shape=(6, 7), is_complex=True, noise=0.05)
    result = recon.admm(A, y, eps, (6, 7), precision=precision, tolerance=1e-4)
    assert result.converged
    assert np.linalg.norm(A @ result.x - y) <= eps * (1 + 1e-4)
    assert result.residual == pytest.approx(np.linalg.norm(A @ result.x - y), rel=1e-6)
    assert np.all(result.x >= 0)
    assert result.objective == pytest.approx(objective(result.x, (6, 7)), rel=1e-12)


def test_many_images_equal_one_by_one():
    A, y, _, eps = random_problem(rows=20, shape=(4, 5))
    rng = np.random.default_rng(7)
    Y = np.stack([y * s + 0.01 * rng.standard_normal(20) for s in (1.0, 0.1, 30.0)], axis=1)
    radii = eps * np.array([1.2, 0.5, 31.0])
    together = recon.admm(A, Y, radii, (4, 5), precision="float64")
    assert len(set(together.iterations)) > 1  # each image stops by itself
    factor = recon.factorise(A, (4, 5))
    for k in range(3):
        alone = recon.admm(factor, Y[:, k], radii[k], precision="float64")
        assert alone.iterations == together.iterations[k]
        assert np.allclose(together.x[:, k], alone.x, atol=1e-9 * np.abs(alone.x).max())


@pytest.mark.parametrize(("units", "level"), [(1e-6, 1.0), (1.0, 1e5), (1e9, 1e-3)])
def test_units_change_the_scale_and_nothing_else(units, level):
    A, y, _, eps = random_problem()
    plain = recon.admm(A, y, eps, (3, 4), precision="float64")
    scaled = recon.admm(A * units, y * level, eps * level, (3, 4), precision="float64")
    assert scaled.iterations == plain.iterations
    assert np.allclose(scaled.x * units / level, plain.x, atol=1e-8)


def test_zero_rows_only_take_room_in_the_ball():
    A, y, _, eps = random_problem()
    padded, extra = np.vstack([A, np.zeros((2, 12))]), np.array([0.3, -0.4])
    wide = recon.admm(padded, np.concatenate([y, extra * eps]), eps, (3, 4), **TIGHT)
    narrow = recon.admm(A, y, eps * np.sqrt(0.75), (3, 4), **TIGHT)
    assert np.allclose(wide.x, narrow.x, atol=1e-5)


def test_warm_start_from_a_result_stops_at_once():
    A, y, _, eps = random_problem(rows=20, shape=(4, 5))
    cold = recon.admm(A, y, eps, (4, 5), precision="float64", tolerance=1e-5)
    warm = recon.admm(A, y, eps, (4, 5), precision="float64", tolerance=1e-5, start=cold)
    assert cold.iterations > 50 and warm.iterations <= 10
    assert np.allclose(warm.x, cold.x, atol=1e-4)
    near = recon.admm(A, y, eps, (4, 5), precision="float64", tolerance=1e-5, start=cold.x)
    assert np.allclose(near.x, cold.x, atol=1e-3)


def test_an_empty_ball_is_reported_with_its_least_residual():
    A, y, _, _ = random_problem(rows=20, shape=(3, 4))
    y = -np.abs(A).sum(axis=1) + 0 * y  # nothing admissible comes near
    least = nnls(A, y)[1]
    result = recon.admm(A, y, 0.9 * least, (3, 4), iterations=300)
    assert not result.feasible and not result.converged and result.iterations == 300
    assert result.least_residual == pytest.approx(least, rel=1e-6)
    assert np.all(np.isfinite(result.x))
    assert recon.admm(A, y, 1.1 * least, (3, 4)).feasible
    assert np.isnan(recon.admm(A, y, 0.9 * least, (3, 4), iterations=10, certify=False).least_residual)
    assert recon.admm(A, y, 1.1 * least, (3, 4), certify=True).least_residual == pytest.approx(least, rel=1e-6)
    known = np.array([0.7 * least])  # is taken as it is, where it is asked for
    assert recon.admm(A, y, 1.1 * least, (3, 4), certify=True, least_residual=known).least_residual == known
    assert np.isnan(recon.admm(A, y, 1.1 * least, (3, 4), least_residual=known).least_residual)
    signed = recon.admm(
        A, y, 0.9 * np.linalg.norm(A @ np.linalg.lstsq(A, y)[0] - y), (3, 4), non_negative=False, iterations=50
    )
    assert not signed.feasible
    assert signed.least_residual == pytest.approx(np.linalg.norm(A @ np.linalg.lstsq(A, y)[0] - y), rel=1e-6)
    assert best_fit(recon.factorise(A, (3, 4)), y)[0] == pytest.approx(least, rel=1e-6)


def test_an_infeasible_image_comes_near_the_best_fit():
    A, y, _, _ = random_problem(rows=20, shape=(3, 4))
    factor = recon.factorise(A, (3, 4))
    y = y + 5 * np.random.default_rng(1).standard_normal(20)
    least = best_fit(factor, y)[0]
    result = recon.admm(factor, y, 0.5 * least, iterations=5000)
    assert least <= result.residual < 1.06 * least < 0.9 * float(np.linalg.norm(y))


def test_callback_sees_progress_and_can_stop():
    A, y, _, eps = random_problem()
    seen = []

    def watch(status):
        seen.append((status.iteration, status.x.shape, status.images.tolist()))
        return status.iteration == 30

    result = recon.admm(A, np.stack([y, y], axis=1), eps, (3, 4), tolerance=0, callback=watch)
    assert seen == [(k, (12, 2), [0, 1]) for k in (10, 20, 30)]
    assert result.iterations.tolist() == [30, 30]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"eps": -1.0}, "eps must be zero or more"),
        ({"eps": np.nan}, "eps must be finite"),
        ({"eps": np.ones(3)}, "eps must be one number"),
        ({"a1": -0.1}, "a1 must be"),
        ({"atv": np.nan}, "atv must be"),
        ({"mu": 0.0}, "mu must be"),
        ({"iterations": 0}, "iterations must be"),
        ({"tolerance": -1.0}, "tolerance must be"),
        ({"precision": "half"}, "precision must be one of"),
        ({"y": np.ones(4)}, "y must be of 15 rows"),
        ({"y": np.full(15, np.nan)}, "y must be finite"),
        ({"y": np.ones(15) * 1j}, "y must be real"),
        ({"matrix": np.full((15, 12), np.nan)}, "matrix must be finite"),
        ({"matrix": np.zeros((15, 12))}, "different from zero"),
        ({"shape": (5, 5)}, "shape must be"),
        ({"start": np.ones(3)}, "start must be"),
        ({"start": np.full(12, np.nan)}, "start must be finite"),
    ],
)
def test_bad_input_gets_one_sentence(change, sentence):
    A, y, _, eps = random_problem()
    arguments = {"matrix": A, "y": y, "eps": eps, "shape": (3, 4), **change}
    with pytest.raises(InputError, match=rf"Input .*{sentence}.*; instead received"):
        recon.admm(**arguments)
