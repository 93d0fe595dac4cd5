"""The shared laws hold for what keeps them and fail for what breaks them."""

from contextlib import nullcontext

import numpy as np
import pytest

from tests.laws import assert_adjoint, assert_prox

MATRIX = np.random.default_rng(3).standard_normal((3, 4)) + 1j


@pytest.mark.parametrize(("factor", "holds"), [(1.0, nullcontext()), (1.001, pytest.raises(AssertionError))])
def test_adjoint_of_a_matrix_is_its_conjugate_transpose(factor, holds):
    with holds:
        assert_adjoint(lambda x: MATRIX @ x, lambda y: factor * MATRIX.conj().T @ y, (4,), (3,), is_complex=True)


def test_adjoint_without_conjugation_is_refused():
    with pytest.raises(AssertionError):
        assert_adjoint(lambda x: MATRIX @ x, lambda y: MATRIX.T @ y, (4,), (3,), is_complex=True)
    with pytest.raises(AssertionError, match="the map is zero"):
        assert_adjoint(lambda x: 0 * x, lambda y: 0 * y, (4,), (4,))


@pytest.mark.parametrize(
    ("threshold", "holds"),
    [(0.7, nullcontext()), *((t, pytest.raises(AssertionError)) for t in (0.69, 0.71, 0.0))],
)
def test_prox_of_the_absolute_value_is_the_soft_threshold(threshold, holds):
    v = np.array([2.0, -0.3, 0.9, -1.5])
    with holds:
        assert_prox(lambda v: np.sign(v) * np.maximum(np.abs(v) - threshold, 0), lambda x: 0.7 * np.abs(x).sum(), v)


def test_a_point_outside_the_domain_is_refused():
    with pytest.raises(AssertionError, match="outside the domain"):
        assert_prox(lambda v: v, lambda x: 0.0 if np.all(x >= 0) else np.inf, np.array([-1.0, 1.0]))
