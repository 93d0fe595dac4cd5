"""Non-negative least squares from the normal equations, against the active-set method of SciPy."""

import numpy as np
import pytest
from scipy.optimize import nnls

from recon.solvers.non_negative import minimise_non_negative


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_it_finds_what_the_active_set_method_finds(seed, scale):
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.standard_normal((40, 60)), 0.1 * np.eye(60)])
    data = np.concatenate([rng.standard_normal(40), np.zeros(60)])
    wanted, _ = nnls(rows, data)
    found = minimise_non_negative(rows.T @ rows * scale**2, rows.T @ data * scale)
    assert 0 < np.count_nonzero(wanted) < 60
    assert np.allclose(found * scale, wanted, atol=1e-10 * wanted.max())


def test_every_sign_at_the_minimum_is_right():
    """Smooth rows, whose normal equations are so ill-conditioned that the active-set method takes over."""
    x = np.linspace(0, 1, 80)
    rows = np.exp(-(((x[:, None] - x) / 0.1) ** 2))
    gram, right = rows.T @ rows + 1e-6 * np.eye(80), rows.T @ np.sin(9 * x)
    found = minimise_non_negative(gram, right)
    gradient = gram @ found - right
    assert found.min() >= 0 and gradient.min() > -1e-9 * np.abs(right).max()
    assert np.abs(found * gradient).max() < 1e-9 * np.abs(right).max() * found.max()


def test_data_that_only_negative_images_explain_give_zero():
    assert np.array_equal(minimise_non_negative(np.eye(3), -np.ones(3)), np.zeros(3))
    assert np.array_equal(minimise_non_negative(np.eye(3), np.zeros(3)), np.zeros(3))


def test_a_singular_problem_is_told():
    with pytest.raises(np.linalg.LinAlgError):
        minimise_non_negative(np.zeros((2, 2)), np.ones(2))
