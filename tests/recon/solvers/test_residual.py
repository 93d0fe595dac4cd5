import numpy as np
import pytest
from scipy.optimize import nnls

import recon
from recon.solvers.operators import stack_real
from recon.solvers.residual import best_fit
from tests.recon.problems import random_problem


@pytest.mark.parametrize("is_complex", [True, False])
def test_the_residual_is_the_least_of_all_images(is_complex):
    matrix, y, _, _ = random_problem(rows=20, noise=0.5, is_complex=is_complex)
    factor, rows, data = recon.factorise(matrix, (3, 4)), stack_real(matrix), stack_real(y)
    x, least = nnls(rows, data)
    assert best_fit(factor, y) == (pytest.approx(least, rel=1e-9), np.count_nonzero(x))
    closed = np.linalg.norm(rows @ np.linalg.lstsq(rows, data)[0] - data)
    assert best_fit(factor, y, non_negative=False) == (pytest.approx(closed, rel=1e-9), 12)


def test_a_fit_that_needs_more_steps_is_nan():
    matrix = np.random.default_rng(1).random((12, 6))
    residual, spent = best_fit(recon.factorise(matrix, (2, 3)), matrix @ np.ones(6), steps=1)
    assert np.isnan(residual) and spent == 0
