import numpy as np
import pytest
from scipy.optimize import nnls

from mpisim import InputError
from recon.solvers.kaczmarz import kaczmarz
from recon.solvers.least_squares import penalty
from recon.solvers.operators import stack_real
from recon.solvers.tikhonov import tikhonov
from tests.recon.problems import random_problem


@pytest.mark.parametrize("real", [True, False])
def test_sweeps_converge_to_the_closed_form(real):
    S, u, _, _ = random_problem(is_complex=True)
    level = penalty(S, 0.3)
    assert level == pytest.approx(0.3 * np.linalg.norm(S) ** 2 / 12)
    image = kaczmarz(S, u, 0.3, sweeps=600, real=real, non_negative=False)
    rows, data = (stack_real(S), stack_real(u)) if real else (S, u)
    closed = np.linalg.solve(rows.conj().T @ rows + level * np.eye(12), rows.conj().T @ data)
    assert np.allclose(image, closed, atol=1e-8)
    if real:
        assert np.allclose(tikhonov(S, u, 0.3), closed, atol=1e-12)


def test_non_negative_tikhonov_is_the_constrained_minimiser():
    S, u, _, _ = random_problem(is_complex=True, noise=0.5)
    level = penalty(S, 0.2)
    rows = np.vstack([stack_real(S), np.sqrt(level) * np.eye(12)])
    best = nnls(rows, np.append(stack_real(u), np.zeros(12)))[0]
    image = tikhonov(S, u, 0.2, non_negative=True)
    assert np.allclose(image, best, atol=1e-10) and np.any(best == 0)
    swept = kaczmarz(S, u, 0.2, sweeps=500)
    assert np.all(swept >= 0)

    def cost(x):
        return np.sum((rows @ x - np.append(stack_real(u), np.zeros(12))) ** 2)

    assert cost(best) <= cost(swept) <= 1.1 * cost(best)


def test_regularisation_does_not_depend_on_units():
    S, u, _, _ = random_problem(is_complex=True)
    assert np.allclose(kaczmarz(S, u), 1e6 * kaczmarz(S * 1e6, u), rtol=1e-9, atol=1e-12)
    assert np.allclose(tikhonov(S, u), 1e6 * tikhonov(S * 1e6, u), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solve", [kaczmarz, tikhonov])
@pytest.mark.parametrize(
    ("matrix", "y", "regularisation"),
    [
        (np.full((3, 2), np.nan), np.ones(3), 1.0),
        (np.ones((3, 2)), np.full(3, np.inf), 1.0),
        (np.ones((3, 2)), np.ones(2), 1.0),
        (np.ones((3, 2)), np.ones(3), -1.0),
        (np.ones((3, 2)), np.ones(3), np.nan),
    ],
)
def test_bad_input_gets_one_sentence(solve, matrix, y, regularisation):
    with pytest.raises(InputError, match=r"Input .* must be .*; instead received"):
        solve(matrix, y, regularisation)


@pytest.mark.parametrize("solve", [kaczmarz, tikhonov])
def test_former_names_of_arguments_work_with_a_warning(solve):
    S, u, _, _ = random_problem(is_complex=True)
    with pytest.warns(DeprecationWarning, match="use regularisation instead of strength"):
        former = solve(S, u, strength=0.2)
    assert np.array_equal(former, solve(S, u, regularisation=0.2))
    with pytest.warns(DeprecationWarning, match="use non_negative instead of positive"):
        former = solve(S, u, 0.2, positive=True)
    assert np.array_equal(former, solve(S, u, 0.2, non_negative=True))
