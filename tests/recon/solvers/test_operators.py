import numpy as np
import pytest

from recon.solvers.operators import ScreenedPoisson, gradient, gradient_adjoint, stack_real, total_variation
from tests.laws import assert_adjoint

SHAPES = [(5, 7), (1, 6), (4, 1), (3, 4, 5)]


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_adjoint_is_the_adjoint(shape):
    ndim = len(shape)
    assert_adjoint(
        lambda x: gradient(x, ndim), lambda p: gradient_adjoint(p, ndim), (2, *shape), (2, ndim, *shape), rtol=1e-13
    )


def test_gradient_of_a_plane_is_its_slope_and_zero_at_the_far_edge():
    y, x = np.mgrid[:4, :5]
    dy, dx = gradient(2.0 * x + 3.0 * y)
    assert np.allclose(dx[:, :-1], 2) and np.allclose(dy[:-1], 3)
    assert np.all(dx[:, -1] == 0) and np.all(dy[-1] == 0)


def test_total_variation_of_a_step_is_its_length_times_its_height():
    image = np.zeros((6, 8))
    image[:, 3:] = 2.5
    assert total_variation(image) == pytest.approx(6 * 2.5)
    assert total_variation(image + 7) == pytest.approx(6 * 2.5)


@pytest.mark.parametrize("shape", SHAPES)
def test_screened_poisson_inverts_its_operator_and_splits_into_roots(shape):
    rng, ndim, poisson = np.random.default_rng(2), len(shape), ScreenedPoisson.of(shape)
    x = rng.standard_normal((2, *shape))
    operated = (x + gradient_adjoint(gradient(x, ndim), ndim)).reshape(2, -1)
    assert np.allclose(poisson.adjoint(poisson.forward(operated)), x.reshape(2, -1), atol=1e-12)
    flat = (2, x[0].size)
    assert_adjoint(poisson.forward, poisson.adjoint, flat, flat)
    other = rng.standard_normal(flat)
    inverse = np.vdot(poisson.inverse(x.reshape(flat)), poisson.forward(other))
    assert inverse == pytest.approx(np.vdot(x.reshape(flat), other), rel=1e-10)


def test_stacking_leaves_norms_unchanged():
    z = np.random.default_rng(3).standard_normal((6, 4, 2)) @ [1, 1j]
    assert stack_real(z).shape == (12, 4)
    assert np.linalg.norm(stack_real(z)) == pytest.approx(np.linalg.norm(z), rel=1e-14)
