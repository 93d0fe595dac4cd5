"""Compiled loops against their definitions in NumPy, compiled and as plain Python."""

import numpy as np
import pytest

from recon.solvers.kernels import admm_split
from recon.solvers.operators import gradient, gradient_adjoint
from recon.solvers.sweep_kernels import kaczmarz_grams, kaczmarz_sweep
from tests.laws import assert_prox
from tests.recon.problems import random_problem


def numpy_sweep(S, u, level, x, v, order=None, scale=None):
    """The published iteration, row by row, over rows g s_m."""
    x, v = x.copy(), v.copy()
    for m in range(len(S)) if order is None else order:
        g = 1.0 if scale is None else scale[m]
        row = g * S[m]
        if np.any(S[m] != 0):
            b = (g * u[m] - row @ x - np.sqrt(level) * v[m]) / (np.linalg.norm(row) ** 2 + level)
            x += b * row.conj()
            v[m] += np.sqrt(level) * b
    return x, v


def block_sweep(S, u, levels, x, v, order, scale, compiled=True):
    """The same by the compiled loop, for images (image, voxel), which change in place."""
    padded = np.append(order, np.repeat(order[-1:], -len(order) % 4)).astype(np.int64)
    grams = np.zeros((len(padded) // 4, 4, 4), complex)
    kernels = kaczmarz_grams, kaczmarz_sweep
    fill, sweep = kernels if compiled else [k.py_func for k in kernels]
    fill(S, padded, grams)
    sweep(S, padded, len(order), grams, scale, u, levels, x, v)
    return grams


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("order", [np.arange(15), np.array([3, 3, 3, 0, 4, 14, 7, 3, 9, 0]), np.array([6])])
def test_sweep_equals_its_numpy_twin_and_skips_zero_rows(compiled, order):
    """Rows that come several times in one block of four, too."""
    S, u, _, _ = random_problem(is_complex=True)
    S[4] = 0
    rng = np.random.default_rng(1)
    x, v = rng.standard_normal((2, 12)) + 0j, rng.standard_normal((2, 15)) + 1j
    data, levels, scale = np.stack([u, 2j * u]), np.array([0.7, 0.1]), rng.uniform(0.5, 2, 15)
    want = [numpy_sweep(S, data[i], levels[i], x[i], v[i], order, scale) for i in range(2)]
    before = v[:, 4].copy()
    block_sweep(S, data, levels, x, v, order, scale, compiled)
    assert np.allclose(x, [w[0] for w in want], rtol=1e-11) and np.allclose(v, [w[1] for w in want], rtol=1e-11)
    assert np.array_equal(v[:, 4], before)


def test_products_of_rows_are_those_of_numpy_and_their_diagonal_the_norms():
    S = random_problem(rows=8, shape=(40, 40), is_complex=True)[0]
    grams = np.zeros((2, 4, 4), complex)
    order = np.array([5, 1, 2, 7, 0, 3, 4, 6])
    kaczmarz_grams(S, order, grams)
    for block, rows in zip(grams, order.reshape(2, 4), strict=True):
        assert np.allclose(block, np.tril(S[rows] @ S[rows].conj().T), rtol=1e-12)


def test_a_sweep_in_float32_is_that_of_float64_to_1e_6():
    """5000 voxels, more than one tile; ten sweeps, so that rounding could add up."""
    rng = np.random.default_rng(2)
    S = rng.standard_normal((40, 5000)) + 1j * rng.standard_normal((40, 5000))
    S = S.astype(np.complex64)
    u = S @ np.abs(rng.standard_normal(5000)) + 0j
    want, got = np.zeros(5000, complex), np.zeros((1, 5000), np.complex64)
    w, v = np.zeros(40, complex), np.zeros((1, 40), complex)
    for _ in range(10):
        want, w = numpy_sweep(S.astype(complex), u, 50.0, want, w)
        block_sweep(S, u[None], np.array([50.0]), got, v, np.arange(40), np.ones(40))
    assert np.linalg.norm(got[0] - want) < 2e-6 * np.linalg.norm(want)
    assert np.linalg.norm(v[0] - w) < 2e-6 * np.linalg.norm(w)


def split_arrays(axes, seed=5):
    """Random x, z1, u1, w (image, z, y, x) and z2, u2 (image, axes, z, y, x) of two images."""
    rng = np.random.default_rng(seed)
    volume = (3, 4, 5) if axes == 3 else (1, 4, 5)
    x, z1, u1, w = (rng.standard_normal((2, *volume)) for _ in range(4))
    z2, u2 = (rng.standard_normal((2, axes, *volume)) for _ in range(2))
    return x, z1, u1, z2, u2, w


def lengths(v):
    return np.sqrt(np.sum(v**2, axis=1, keepdims=True))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("non_negative", [True, False])
def test_split_equals_its_numpy_twin(axes, non_negative, compiled):
    x, z1, u1, z2, u2, w = split_arrays(axes)
    shape = x.shape[-axes:]
    a1 = 1.7 * x - 0.7 * z1 + u1
    a2 = 1.7 * gradient(x.reshape(2, *shape), axes).reshape(z2.shape) - 0.7 * z2 + u2
    kernel = admm_split if compiled else admm_split.py_func
    kernel(x, z1, u1, z2, u2, w, 0.3, 0.4, 1.7, non_negative)
    want1 = np.maximum(a1 - 0.3, 0) if non_negative else np.sign(a1) * np.maximum(np.abs(a1) - 0.3, 0)
    want2 = a2 * np.maximum(1 - 0.4 / lengths(a2), 0)
    both = (want2 - (a2 - want2)).reshape(2, axes, *shape)
    side = want1 - (a1 - want1) + gradient_adjoint(both, axes).reshape(x.shape)
    for got, want in ((z1, want1), (u1, a1 - want1), (z2, want2), (u2, a2 - want2), (w, side)):
        assert np.allclose(got, want, atol=1e-12)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.5])
@pytest.mark.parametrize("non_negative", [True, False])
def test_split_of_the_image_is_the_prox_of_the_absolute_values(t, non_negative):
    def prox(v):
        x, z1, _, z2, u2, w = split_arrays(2)
        admm_split(0 * x, z1, v.copy(), z2, u2, w, t, 0.1, 1.0, non_negative)  # a = u1 without over-relaxation
        return z1

    def function(x):
        return np.inf if non_negative and np.any(x < 0) else t * np.abs(x).sum()

    assert_prox(prox, function, 2 * split_arrays(2, seed=7)[0])


@pytest.mark.parametrize("t", [0.2, 1.0, 50.0])
@pytest.mark.parametrize("axes", [2, 3])
def test_split_of_the_gradient_is_the_prox_of_the_lengths(t, axes):
    def prox(v):
        x, z1, u1, z2, _, w = split_arrays(axes)
        admm_split(0 * x, z1, u1, z2, v.copy(), w, 0.1, t, 1.0, True)
        return z2

    assert_prox(prox, lambda x: t * lengths(x).sum(), split_arrays(axes, seed=7)[3])
