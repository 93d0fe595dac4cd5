import numpy as np
import pytest

from mpisim import InputError
from recon.solvers.factor import factorise
from recon.solvers.kernels import admm_split
from recon.solvers.operators import ScreenedPoisson, gradient, gradient_adjoint, stack_real, total_variation, whiten
from recon.solvers.prox import group_shrink, non_negative_shrink, shrink

SHAPES = [(5, 7), (1, 6), (4, 1), (3, 4, 5)]


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_adjoint_is_the_adjoint(shape):
    rng, ndim = np.random.default_rng(1), len(shape)
    x, p = rng.standard_normal((2, *shape)), rng.standard_normal((2, ndim, *shape))
    assert np.vdot(gradient(x, ndim), p) == pytest.approx(np.vdot(x, gradient_adjoint(p, ndim)), rel=1e-12)


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
    back = poisson((x + gradient_adjoint(gradient(x, ndim), ndim)).reshape(2, -1))
    assert np.allclose(back, x.reshape(2, -1), atol=1e-12)
    flat, other = x.reshape(2, -1), rng.standard_normal((2, x[0].size))
    assert np.vdot(poisson.forward(flat), other) == pytest.approx(np.vdot(flat, poisson.adjoint(other)), rel=1e-10)
    assert np.vdot(poisson.inverse(flat), poisson.forward(other)) == pytest.approx(np.vdot(flat, other), rel=1e-10)


def test_stacking_keeps_norms_and_whitening_gives_unit_noise():
    rng = np.random.default_rng(3)
    z = rng.standard_normal((6, 4)) + 1j * rng.standard_normal((6, 4))
    assert np.linalg.norm(stack_real(z)) == pytest.approx(np.linalg.norm(z), rel=1e-14)
    sigma = rng.uniform(0.1, 10, 4000)
    noise = sigma * (rng.standard_normal(4000) + 1j * rng.standard_normal(4000)) / np.sqrt(2)
    matrix, white = whiten(np.ones((4000, 2)), noise, sigma)
    assert np.mean(np.abs(white) ** 2) == pytest.approx(1, abs=0.1)
    assert np.allclose(matrix, 1 / sigma[:, None])


@pytest.mark.parametrize("sigma", [0.0, -1.0, np.nan, np.ones(3)])
def test_whitening_refuses_a_bad_sigma(sigma):
    with pytest.raises(InputError, match="Input sigma must be"):
        whiten(np.ones((2, 2)), np.ones(2), sigma)


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
    assert np.allclose(factor.filtered @ factor.filtered.T, np.diag(factor.energies), atol=1e-10)
    assert len(factor.energies) == np.linalg.matrix_rank(matrix) and factor.energies[-1] == 1


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("sign", [True, False])
def test_split_kernel_equals_its_numpy_twin(axes, sign):
    rng = np.random.default_rng(5)
    volume = (3, 4, 5) if axes == 3 else (1, 4, 5)
    shape = volume[3 - axes :]
    x, z1, u1, w = (rng.standard_normal((2, *volume)) for _ in range(4))
    z2, u2 = (rng.standard_normal((2, axes, *volume)) for _ in range(2))
    a1 = 1.7 * x - 0.7 * z1 + u1
    a2 = 1.7 * gradient(x.reshape(2, *shape), axes).reshape(z2.shape) - 0.7 * z2 + u2
    admm_split(x, z1, u1, z2, u2, w, 0.3, 0.4, 1.7, sign)
    want1 = (non_negative_shrink if sign else shrink)(a1, 0.3)
    want2 = group_shrink(a2, 0.4, axis=1)
    side = want1 - (a1 - want1)
    both = (want2 - (a2 - want2)).reshape(2, axes, *shape)
    side = side + gradient_adjoint(both, axes).reshape(side.shape)
    for got, want in ((z1, want1), (u1, a1 - want1), (z2, want2), (u2, a2 - want2), (w, side)):
        assert np.allclose(got, want, atol=1e-12)
