import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator
from scipy.sparse.linalg import cg as scipy_cg

from mpisim import InputError
from recon.solvers.cg import cg
from recon.solvers.least_squares import penalty
from recon.solvers.operators import stack_real
from recon.solvers.tikhonov import tikhonov
from tests.recon.problems import random_problem


def test_the_result_is_the_closed_form_and_that_of_scipy():
    S, u, _, _ = random_problem(is_complex=True)
    found = cg(S, u, 0.1, tolerance=1e-12)
    assert np.allclose(found.x, tikhonov(S, u, 0.1), atol=1e-11) and found.converged and found.iterations <= 12 + 2
    rows = stack_real(S)
    gram = rows.T @ rows + penalty(S, 0.1) * np.eye(12)
    best, failed = scipy_cg(gram, rows.T @ stack_real(u), rtol=1e-12)
    assert failed == 0 and np.allclose(found.x, best, atol=1e-10)
    assert np.array_equal(cg(S, u, 0.1, non_negative=True).x, np.maximum(cg(S, u, 0.1).x, 0))


def test_iterates_before_convergence_are_those_of_scipy():
    S, u, _, _ = random_problem(is_complex=True)
    rows = stack_real(S)
    gram = rows.T @ rows + penalty(S, 0.01) * np.eye(12)
    early, _ = scipy_cg(gram, rows.T @ stack_real(u), rtol=0, maxiter=4)
    found = cg(S, u, 0.01, iterations=4, tolerance=0)
    assert np.allclose(found.x, early, rtol=1e-10) and not found.converged and found.iterations == 4


def test_several_images_and_operators_of_scipy():
    S, u, truth, _ = random_problem(is_complex=True)
    data = np.stack([u, 0 * u, u[::-1]], axis=1)
    levels = np.array([0.1, 0.2, 0.3])
    found = cg(S, data, levels, tolerance=1e-12)
    assert found.x.shape == (12, 3) and np.all(found.converged) and found.iterations[1] == 0
    for i, level in enumerate(levels):
        assert np.allclose(found.x[:, i], tikhonov(S, data[:, i], level), atol=1e-10)
    assert np.allclose(cg(aslinearoperator(S), data, levels, tolerance=1e-12).x, found.x, atol=1e-10)
    warm = cg(S, u, 0.1, tolerance=1e-12, start=found.x[:, 0])
    assert warm.iterations <= 1 and np.allclose(warm.x, found.x[:, 0], atol=1e-10)
    assert np.allclose(cg(S, u, 0.1, tolerance=1e-12, start=truth).x, found.x[:, 0], atol=1e-10)


def test_a_matrix_of_complex64_gives_the_same_image():
    S, u, _, _ = random_problem(is_complex=True)
    single = S.astype(np.complex64)
    assert np.allclose(cg(single, u, 0.1).x, cg(single.astype(complex), u, 0.1).x, atol=1e-5)


def test_the_callback_may_end_the_iteration():
    S, u, _, _ = random_problem(is_complex=True)
    found = cg(S, u, 0.1, callback=lambda i, images, figures: images.shape == (12, 1) and i == 2)
    assert np.array_equal(found.x, cg(S, u, 0.1, iterations=2).x)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"regularisation": -1.0}, "regularisation"),
        ({"regularisation": np.ones(2)}, "regularisation"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"iterations": 0}, "iterations"),
        ({"start": np.ones(3)}, "start"),
        ({"y": np.ones(3)}, "y"),
        ({"matrix": np.full((15, 12), np.nan)}, "matrix"),
    ],
)
def test_bad_input_gets_one_sentence(change, name):
    S, u, _, _ = random_problem()
    with pytest.raises(InputError, match=rf"^Input {name} must be [^\n]*; instead received"):
        cg(**{"matrix": S, "y": u, **change})
