"""Rows of the fitted scanner that the file holds otherwise: with another sign or factor, or mirrored."""

import numpy as np
import pytest

from calib.methods.physical.replacement import MIRRORS, mirrored_rows
from mpisim.data.blocks import block_mean
from mpisim.data.sampling import Sampling

SHAPE, FACTOR = (8, 12), 4


@pytest.fixture
def rows():
    rng = np.random.default_rng(4)
    return rng.standard_normal((3, *SHAPE)) + 1j * rng.standard_normal((3, *SHAPE))


@pytest.mark.parametrize("way", MIRRORS)
def test_a_mirror_with_a_factor_is_found(rows, way):
    sampling, spread = Sampling.named("box", FACTOR, SHAPE), np.abs(rows)
    held = -1.3j * (np.flip(rows, MIRRORS[way]) if MIRRORS[way] else rows)
    means, direction = block_mean(held, FACTOR), 0.9 * (rows / spread) ** 2
    found, wide, turned, ways = mirrored_rows(rows, (spread, direction), means, np.full(3, 1e-6), sampling)
    assert ways == [way] * 3
    np.testing.assert_allclose(found, held, rtol=1e-9)
    np.testing.assert_allclose(wide, np.abs(held), rtol=1e-9)
    np.testing.assert_allclose(turned, 0.9 * (held / np.abs(held)) ** 2, rtol=1e-9)  # along the phase of the row


def test_other_rows_are_not_explained(rows):
    sampling = Sampling.named("box", FACTOR, SHAPE)
    others = block_mean(rows[::-1] ** 2, FACTOR)
    others[1] = 0
    stated = (np.abs(rows), np.zeros_like(rows))
    found, _, _, ways = mirrored_rows(rows, stated, others, np.full(3, 1e-6), sampling)
    assert ways == [""] * 3
    np.testing.assert_array_equal(found, rows)
