"""What the study of learning on residuals sees of a matrix: maps that all angles share, on rows that are known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.residual_features import ANGLES, SIGNED, SIZE, features
from mpisim.data.blocks import block_mean

SIGMA = 1e-4


@pytest.fixture(scope="module")
def known() -> dict[str, np.ndarray]:
    """Rows of two harmonics, and the truth, which is larger by .2 % of x at one side: as a coil that falls off."""
    x = (np.arange(SIZE) - (SIZE - 1) / 2) / (SIZE / 2)
    u = np.cos(ANGLES)[:, None, None] * x + np.sin(ANGLES)[:, None, None] * x[:, None]
    rows = np.stack([np.exp(-4 * u**2) * 1j, u * np.exp(-4 * u**2)], axis=1)
    fine = rows * (1 + 0.002 * x)
    return {
        "physical": rows,
        "fine": fine,
        "coarse": block_mean(fine, 4),
        "std": np.full(rows.shape, SIGMA),
        "sigma": np.array(SIGMA),
    }


def test_a_static_map_finds_an_error_that_all_angles_share(known: dict[str, np.ndarray]) -> None:
    x, y = features(known, 4)
    assert len(x) == len(y) == 2 * len(ANGLES)
    found, missed = np.sum((x[:, :2] - y) ** 2), np.sum(y**2)
    assert missed > 0
    assert found < 0.05 * missed


def test_channels_without_a_residual_are_those_of_the_rows(known: dict[str, np.ndarray]) -> None:
    x, y = features({**known, "coarse": block_mean(known["physical"], 4), "fine": known["physical"]}, 4)
    assert np.abs(y).max() == 0
    assert np.abs(x[:, : SIGNED - 4]).max() < 1e-6
    assert np.abs(x[:, SIGNED - 4 :]).max() > 0.5


def test_signed_channels_follow_the_sign_of_the_residual(known: dict[str, np.ndarray]) -> None:
    opposite = {**known, "coarse": 2 * block_mean(known["physical"], 4) - known["coarse"]}
    x, z = features(known, 4)[0], features(opposite, 4)[0]
    assert np.allclose(x[:, : SIGNED - 4], -z[:, : SIGNED - 4], atol=1e-4)
