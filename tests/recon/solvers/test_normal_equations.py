import numpy as np
import pytest

from mpisim import InputError
from recon.solvers import normal_equations
from recon.solvers.least_squares import penalty
from recon.solvers.normal_equations import NormalEquations
from recon.solvers.operators import stack_real
from tests.recon.problems import random_problem


def test_the_equations_are_those_of_the_stacked_real_matrix(monkeypatch):
    S, u, _, _ = random_problem(is_complex=True)
    data, x = np.stack([u, 1j * u], axis=1), np.random.default_rng(0).standard_normal((12, 2))
    equations = NormalEquations.of(S, data, np.array([0.1, 0.3]), "trace")
    level, rows = [penalty(S, 0.1), penalty(S, 0.3)], stack_real(S)
    assert np.allclose(equations.right, rows.T @ stack_real(data)) and np.allclose(equations.level, level)
    assert np.allclose(equations.product(x), rows.T @ rows @ x + level * x)
    monkeypatch.setattr(normal_equations, "normal_product", None)
    assert not np.any(equations.product(0 * x))  # without a pass over the matrix
    with pytest.raises(InputError, match="Input convention must be one of trace, absolute, frobenius"):
        NormalEquations.of(S, u, 0.1, "norm")
