"""Rows on their way through PyTorch."""

import numpy as np

from calib.batches import from_channels, to_channels


def test_channels_round_trip():
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((2, 3, 4)) + 1j * rng.standard_normal((2, 3, 4))).astype(np.complex64)
    assert np.array_equal(from_channels(to_channels(rows)), rows)
