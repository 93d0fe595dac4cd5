import numpy as np
import pytest

from recon.solvers.factor import factorise


@pytest.mark.parametrize(("rows", "shape"), [(7, (3, 4)), (30, (3, 4)), (9, (2, 3, 4))])
def test_factorisation_is_a_rotation_that_diagonalises(rows, shape):
    rng = np.random.default_rng(4)
    matrix = rng.standard_normal((rows, int(np.prod(shape))))
    matrix[2] = 0
    matrix[3] = 2 * matrix[1]  # rank deficient
    factor = factorise(matrix, shape)
    x, y = rng.standard_normal((2, matrix.shape[1])), rng.standard_normal((2, rows))
    c, outside = factor.rotate(y)
    turned = factor.norm**2 * (np.sum((factor.product(x) - c) ** 2, axis=1) + outside)
    assert np.allclose(turned, np.sum((x @ matrix.T - y) ** 2, axis=1), rtol=1e-9)
    assert np.allclose(x @ factor.rotated().T, factor.product(x), atol=1e-10)
    assert np.allclose(factor.rotated_matrix @ factor.rotated_matrix.T, np.diag(factor.eigenvalues), atol=1e-10)
    assert len(factor.eigenvalues) == np.linalg.matrix_rank(matrix) and factor.eigenvalues[-1] == 1
