"""The loop over polynomial fields against plain NumPy."""

import numpy as np

from mpisim.kernels.polynomial import polynomial_vectors


def test_a_polynomial_field_agrees_with_numpy():
    """At 131 points, which are no whole number of blocks; to rounding."""
    rng = np.random.default_rng(3)
    points, exponents = rng.uniform(-1, 1, (131, 3)), rng.integers(0, 6, (9, 3))
    coefficients, out = rng.standard_normal((9, 3)), np.empty((131, 3))
    polynomial_vectors(points, exponents, coefficients, out)
    expected = np.prod(points[:, None, :] ** exponents, axis=-1) @ coefficients
    assert np.abs(out - expected).max() < 1e-13 * np.abs(expected).max()


def test_a_point_has_the_same_value_whatever_the_others():
    rng = np.random.default_rng(4)
    points, exponents, coefficients = rng.uniform(-1, 1, (200, 3)), rng.integers(0, 5, (6, 3)), rng.normal(size=(6, 3))
    every, some = np.empty((200, 3)), np.empty((77, 3))
    polynomial_vectors(points, exponents, coefficients, every)
    polynomial_vectors(points[41:118].copy(), exponents, coefficients, some)
    assert np.array_equal(some, every[41:118])


def test_no_term_is_no_field():
    out = np.ones((4, 3))
    polynomial_vectors(np.ones((4, 3)), np.empty((0, 3), np.int64), np.empty((0, 3)), out)
    assert not out.any()
