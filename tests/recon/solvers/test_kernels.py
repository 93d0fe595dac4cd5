"""Compiled loops against their definitions in NumPy, compiled and as plain Python."""

import numpy as np
import pytest

from recon.solvers.kernels import admm_split, kaczmarz_sweep
from recon.solvers.operators import gradient, gradient_adjoint
from tests.laws import assert_prox
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
