"""Rows on their way through PyTorch."""

import numpy as np
import pytest

from calib.batches import from_channels, rows_in_batches, to_channels

RNG = np.random.default_rng(0)


def random_rows(*shape, dtype=np.complex64):
    return (RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)).astype(dtype)


def test_channels_round_trip():
    rows = random_rows(2, 3, 4)
    assert np.array_equal(from_channels(to_channels(rows)), rows)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("power", [-120, -100, 0, 100])
def test_rows_of_any_unit(dtype, power):
    """The function sees rows of unit RMS, and its rows come back in the unit and type of the input."""
    rows = random_rows(40, 3, 4, dtype=dtype)
    scale = np.array(2.0**power, rows.real.dtype)
    seen = []

    def double(means, sigma):
        seen.append((means, sigma))
        return 2 * means

    found = rows_in_batches(double, rows * scale, np.full(40, 0.5) * 2.0**power)
    assert found.dtype == dtype
    assert np.allclose(found / scale, 2 * rows, rtol=1e-6)
    assert float(np.mean([m.square().sum(1).mean() for m, _ in seen[:1]])) == pytest.approx(1, rel=0.2)
    assert float(seen[0][1][0]) == pytest.approx(0.5 / np.sqrt(np.mean(np.abs(rows) ** 2)), rel=1e-5)


def test_a_dead_row_comes_back_as_zeros():
    rows = random_rows(3, 2, 2)
    rows[1] = 0
    found = rows_in_batches(lambda means, _: means + 1, rows, np.zeros(3))
    assert not found[1].any() and found[0].all() and found[2].all()
