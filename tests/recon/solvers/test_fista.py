import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

from mpisim import InputError
from recon.solvers.admm import admm
from recon.solvers.fista import fista
from recon.solvers.least_squares import penalty
from recon.solvers.matrix import spectral_norm
from recon.solvers.non_negative import minimise_non_negative
from recon.solvers.operators import stack_real, total_variation
from recon.solvers.tikhonov import tikhonov
from tests.recon.problems import random_problem


@pytest.mark.parametrize("non_negative", [True, False])
def test_without_weights_it_is_tikhonov(non_negative):
    S, u, _, _ = random_problem(is_complex=True, noise=0.5)
    found = fista(S, u, 0.2, tolerance=1e-11, non_negative=non_negative)
    assert np.allclose(found.x, tikhonov(S, u, 0.2, non_negative), atol=1e-9) and found.converged
    assert not non_negative or np.any(found.x == 0)
    assert found.residual == pytest.approx(np.linalg.norm(S @ found.x - u))


def test_absolute_values_over_non_negative_images_are_a_quadratic_problem():
    """On x >= 0 the sum of absolute values is linear, and the minimiser that of another method."""
    S, u, _, _ = random_problem(is_complex=True, noise=0.3)
    rows, level = stack_real(S), penalty(S, 0.05)
    right = rows.T @ stack_real(u)
    weight = 0.1 * 2 * np.abs(right).max()
    best = minimise_non_negative(rows.T @ rows + level * np.eye(12), right - weight / 2)
    assert np.allclose(fista(S, u, 0.05, l1=0.1, tolerance=1e-11).x, best, atol=1e-9) and np.any(best == 0)
    assert not np.any(fista(S, u, 0.05, l1=1.0).x) and np.any(fista(S, u, 0.05, l1=0.99, non_negative=False).x)


@pytest.mark.parametrize("shape", [(3, 4), (2, 2, 3)])
@pytest.mark.parametrize("non_negative", [True, False])
def test_the_image_is_that_of_admm_in_the_ball_of_its_residual(shape, non_negative):
    """Two methods and two statements of one problem, in planes and in volumes: the weights' ratio and the residual."""
    S, u, _, _ = random_problem(is_complex=True, noise=0.1)
    found = fista(S, u, 0, shape, l1=0.02, tv=0.05, tolerance=1e-10, non_negative=non_negative)
    options = {"tolerance": 1e-8, "iterations": 20000, "precision": "float64", "non_negative": non_negative}
    other = admm(S, u, found.residual, shape, a1=2 / 7, atv=5 / 7, **options)
    assert found.converged and other.converged
    assert np.allclose(found.x, other.x, atol=1e-6) and np.abs(found.x).max() > 0.5
    weight = 2 * np.abs((S.conj().T @ u).real).max()
    variation = total_variation(found.x.reshape(shape), len(shape))
    want = found.residual**2 + weight * (0.02 * np.abs(found.x).sum() + 0.05 * variation)
    assert found.objective == pytest.approx(want)


def test_several_images_are_the_same_as_one_by_one_and_units_do_not_matter():
    S, u, _, _ = random_problem(is_complex=True)
    data = np.stack([u, 0 * u, 1e4 * u[::-1]], axis=1)
    together = fista(S, data, np.array([0.1, 0.2, 0.3]), (3, 4), l1=0.01, tv=0.01, tolerance=1e-9)
    for i, level in enumerate((0.1, 0.2, 0.3)):
        alone = fista(1e-6 * S, 1e-6 * data[:, i], level, (3, 4), l1=0.01, tv=0.01, tolerance=1e-9)
        assert np.allclose(together.x[:, i], alone.x, rtol=1e-6, atol=1e-6 * (1 + np.abs(alone.x).max()))
        assert np.all(together.converged) and alone.converged


def test_a_start_and_a_callback():
    S, u, _, _ = random_problem(is_complex=True)
    best = fista(S, u, 0.1, (3, 4), tv=0.01, tolerance=1e-8)
    warm = fista(S, u, 0.1, (3, 4), tv=0.01, tolerance=1e-4, start=best.x)
    cold = fista(S, u, 0.1, (3, 4), tv=0.01, tolerance=1e-4)
    assert warm.iterations < cold.iterations and np.allclose(warm.x, best.x, atol=1e-3)
    early = fista(S, u, 0.1, callback=lambda i, images, figures: i == 4)
    assert early.iterations == 4 and np.array_equal(early.x, fista(S, u, 0.1, iterations=4).x)


@pytest.mark.parametrize("seed", [0, 1])
def test_power_iteration_finds_the_norm_over_real_images(seed):
    S = random_problem(rows=20, shape=(5, 5), seed=seed, is_complex=True)[0]
    norm = np.linalg.norm(stack_real(S), 2)
    assert norm <= spectral_norm(S) <= 1.021 * norm and spectral_norm(0 * S) == 0


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"tv": 0.1}, "shape"),
        ({"tv": 0.1, "shape": (3, 5)}, "shape"),
        ({"l1": -0.1}, "l1"),
        ({"tv": np.nan}, "tv"),
        ({"start": np.zeros(3)}, "start"),
        ({"regularisation": -1.0}, "regularisation"),
    ],
)
def test_bad_input_gets_one_sentence_before_any_pass_over_the_matrix(change, name):
    S, u, _, _ = random_problem()

    def refuse(_):
        raise AssertionError("a product with the matrix")

    operator = LinearOperator(S.shape, matvec=refuse, rmatvec=refuse, matmat=refuse, rmatmat=refuse, dtype=complex)
    for matrix in (S, operator):
        with pytest.raises(InputError, match=rf"^Input {name} must be [^\n]*; instead received"):
            fista(matrix, u, **change)


@pytest.mark.parametrize("ratio", [0.999, 0.8, 0.5])
@pytest.mark.parametrize("dtype", [complex, np.complex64])
def test_a_norm_that_is_found_too_small_does_not_make_the_iteration_diverge(ratio, dtype):
    """The power iteration starts at the second singular vector, and stays there."""
    rng = np.random.default_rng(0)
    first = (1 + 0.1 * rng.standard_normal((12, 1)))[:, 0]  # as `spectral_norm` starts
    basis = np.linalg.qr(np.column_stack([first, rng.standard_normal((12, 11))]))[0]
    basis[:, [0, 1]] = basis[:, [1, 0]]
    values = np.append([1.0, ratio], np.full(10, 0.1))
    S = (np.linalg.qr(rng.standard_normal((12, 12)))[0] @ (values[:, None] * basis.T)).astype(dtype)
    assert spectral_norm(S) == pytest.approx(1.02 * ratio, rel=1e-3)
    u = S @ rng.uniform(0, 1, 12) + 0.1 * rng.standard_normal(12)
    seen = []
    options = {"non_negative": False, "tolerance": 1e-6, "iterations": 2000}
    found = fista(S, u, 0.3, callback=lambda i, x, f: seen.append(np.linalg.norm(x)) or False, **options)
    assert found.converged and np.allclose(found.x, tikhonov(S, u, 0.3), atol=2e-5)
    assert max(seen) < 2 * np.linalg.norm(found.x)
