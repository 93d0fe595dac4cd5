"""Root mean squares and norms of values of any unit."""

import numpy as np
import pytest

from mpisim.data.noise import norm, rms


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128, np.float32])
@pytest.mark.parametrize("power", [-100, -30, 0, 90])
def test_squares_neither_vanish_nor_overflow(dtype, power):
    values = np.random.default_rng(0).standard_normal((3, 4, 5)).astype(dtype)
    scaled = values * np.array(2.0**power, values.real.dtype)
    assert rms(scaled) == rms(values) * 2.0**power
    assert np.array_equal(norm(scaled, (1, 2)), norm(values, (1, 2)) * 2.0**power)
    exact = np.sqrt(np.mean(np.abs(values.astype(complex)) ** 2, axis=(1, 2)))
    assert np.allclose(rms(values, (1, 2)), exact, rtol=1e-6)
    assert np.allclose(norm(values, (1, 2)), exact * 20**0.5, rtol=1e-6)


def test_rows_of_very_different_strength():
    rows = np.array([[1e30, 1e30], [1e-30, 1e-30], [0, 0]], np.complex64)
    assert np.allclose(rms(rows, 1), [1e30, 1e-30, 0], rtol=1e-6, atol=0)
