import numpy as np
import pytest
from scipy.optimize import nnls

from mpisim import InputError
from recon.solvers.kaczmarz import effective_strength, kaczmarz
from recon.solvers.kernels import kaczmarz_sweep
from recon.solvers.operators import stack_real
from recon.solvers.tikhonov import tikhonov
from tests.recon.problems import random_problem


def numpy_sweep(S, u, level, x, v):
    """The published iteration, row by row."""
    x, v = x.copy(), v.copy()
    for m, row in enumerate(S):
        if np.any(row != 0):
            b = (u[m] - row @ x - np.sqrt(level) * v[m]) / (np.linalg.norm(row) ** 2 + level)
            x += b * row.conj()
            v[m] += np.sqrt(level) * b
    return x, v


@pytest.mark.parametrize("compiled", [True, False])
def test_sweep_equals_its_numpy_twin_and_skips_zero_rows(compiled):
    S, u, _, _ = random_problem(is_complex=True)
    S[4] = 0
    rng = np.random.default_rng(1)
    x, v = rng.standard_normal(12) + 0j, rng.standard_normal(15) + 1j
    want = numpy_sweep(S, u, 0.7, x, v)
    kernel = kaczmarz_sweep if compiled else kaczmarz_sweep.py_func
    kernel(S, u, np.sum(np.abs(S) ** 2, axis=1), 0.7, x, v)
    assert np.allclose(x, want[0], rtol=1e-12) and np.allclose(v, want[1], rtol=1e-12)
    assert v[4] == want[1][4]


@pytest.mark.parametrize("real", [True, False])
def test_sweeps_converge_to_the_closed_form(real):
    S, u, _, _ = random_problem(is_complex=True)
    level = effective_strength(S, 0.3)
    assert level == pytest.approx(0.3 * np.linalg.norm(S) ** 2 / 12)
    found = kaczmarz(S, u, 0.3, sweeps=600, real=real, positive=False)
    rows, data = (stack_real(S), stack_real(u)) if real else (S, u)
    closed = np.linalg.solve(rows.conj().T @ rows + level * np.eye(12), rows.conj().T @ data)
    assert np.allclose(found, closed, atol=1e-8)
    if real:
        assert np.allclose(tikhonov(S, u, 0.3), closed, atol=1e-12)


def test_non_negative_tikhonov_is_the_constrained_minimiser():
    S, u, _, _ = random_problem(is_complex=True, noise=0.5)
    level = effective_strength(S, 0.2)
    rows = np.vstack([stack_real(S), np.sqrt(level) * np.eye(12)])
    best = nnls(rows, np.append(stack_real(u), np.zeros(12)))[0]
    found = tikhonov(S, u, 0.2, positive=True)
    assert np.allclose(found, best, atol=1e-10) and np.any(best == 0)
    swept = kaczmarz(S, u, 0.2, sweeps=500)
    assert np.all(swept >= 0)

    def cost(x):
        return np.sum((rows @ x - np.append(stack_real(u), np.zeros(12))) ** 2)

    assert cost(best) <= cost(swept) <= 1.1 * cost(best)


def test_strength_does_not_depend_on_units():
    S, u, _, _ = random_problem(is_complex=True)
    assert np.allclose(kaczmarz(S, u), 1e6 * kaczmarz(S * 1e6, u), rtol=1e-9, atol=1e-12)
    assert np.allclose(tikhonov(S, u), 1e6 * tikhonov(S * 1e6, u), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solve", [kaczmarz, tikhonov])
@pytest.mark.parametrize(
    ("matrix", "y", "strength"),
    [
        (np.full((3, 2), np.nan), np.ones(3), 1.0),
        (np.ones((3, 2)), np.full(3, np.inf), 1.0),
        (np.ones((3, 2)), np.ones(2), 1.0),
        (np.ones((3, 2)), np.ones(3), -1.0),
        (np.ones((3, 2)), np.ones(3), np.nan),
    ],
)
def test_bad_input_gets_one_sentence(solve, matrix, y, strength):
    with pytest.raises(InputError, match=r"Input .* must be .*; instead received"):
        solve(matrix, y, strength)
