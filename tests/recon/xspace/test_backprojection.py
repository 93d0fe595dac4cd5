"""Filtered back-projection: an analytic disc, weights of angles, and the ramp."""

import numpy as np
import pytest

from recon.xspace.backprojection import angle_weights, back_projection, largest_gap, ramp_filtered
from recon.xspace.options import WINDOWS

STEP = 2.5e-4
NODES = STEP * np.arange(-100, 101)
X = Y = 1e-3 * np.arange(-15, 16)


def disc(angles, center=(3e-3, -2e-3), radius=6e-3):
    """Projections of a disc of the concentration 1."""
    distance = NODES - (center[0] * np.cos(angles) + center[1] * np.sin(angles))[:, None]
    return 2 * np.sqrt(np.maximum(radius**2 - distance**2, 0))[..., None]


def image(angles, window="hann"):
    filtered = ramp_filtered(disc(angles), STEP, window, 500.0)
    return back_projection(filtered, NODES[0], STEP, angles, np.zeros(angles.size), X, Y)[..., 0]


RADIUS = np.hypot(X - 3e-3, (Y + 2e-3)[:, None])


@pytest.mark.parametrize("window", WINDOWS)
def test_a_disc_is_where_it_is_and_has_its_concentration(window):
    found = image(np.pi * np.arange(90) / 90, window)
    rings, outside = (
        (0.15, 0.06) if window == "none" else (0.03, 0.03)
    )  # a sharp end of the ramp rings, most in the middle of the disc
    assert found[RADIUS < 4e-3] == pytest.approx(1, abs=rings)
    assert found[RADIUS < 4e-3].mean() == pytest.approx(1, abs=0.01)
    assert found[(RADIUS > 8e-3) & (np.hypot(X, Y[:, None]) < 15e-3)] == pytest.approx(0, abs=outside)
    assert found.sum() * 1e-6 == pytest.approx(np.pi * 36e-6, rel=0.02)


def test_angles_may_be_unequal_and_over_a_whole_turn():
    equal = image(np.pi * np.arange(60) / 60)
    whole = image(2 * np.pi * np.arange(120) / 120)
    assert whole == pytest.approx(equal, abs=1e-9)
    rng = np.random.default_rng(0)
    unequal = np.sort(np.pi * (np.arange(90) + rng.uniform(-0.45, 0.45, 90)) / 90) % np.pi
    found = image(rng.permutation(unequal))
    assert found[RADIUS < 4e-3] == pytest.approx(1, abs=0.06)
    dense_here = np.concatenate([np.pi * np.arange(60) / 60, np.pi * np.arange(1, 40) / 240])
    assert image(dense_here)[RADIUS < 4e-3] == pytest.approx(1, abs=0.03)  # twice as many in a sixth of the turn


def test_weights_are_half_the_distance_between_the_neighbours():
    assert angle_weights(np.array([0.0, 0.1, 1.0])) == pytest.approx([(np.pi - 0.9) / 2, 0.5, (np.pi - 0.1) / 2])
    assert angle_weights(np.array([0.2, 0.2 + np.pi, 1.2])).sum() == pytest.approx(np.pi)
    assert angle_weights(np.array([0.4])) == pytest.approx([np.pi])
    assert largest_gap(np.radians([0, 30, 60, 90, 120])) == pytest.approx(np.radians(60))


def test_the_ramp_is_that_in_frequency_for_smooth_projections():
    """A Gaussian has an analytic transform; the filter is its product with |nu|."""
    width = 2e-3
    projection = np.exp(-0.5 * (NODES / width) ** 2)[None, :, None]
    found = ramp_filtered(projection, STEP, "none", 1 / (2 * STEP))[0, :, 0]
    nu = np.linspace(-2000, 2000, 40_001)
    spectrum = width * np.sqrt(2 * np.pi) * np.exp(-2 * (np.pi * nu * width) ** 2)
    wanted = [np.sum(np.abs(nu) * spectrum * np.cos(2 * np.pi * nu * u)) * (nu[1] - nu[0]) for u in NODES[90:111]]
    assert found[90:111] == pytest.approx(np.array(wanted), rel=2e-3, abs=1e-3 * max(wanted))


def test_windows_end_at_the_limit():
    impulse = np.zeros((1, 201, 1))
    impulse[0, 100] = 1
    wide, hann = (ramp_filtered(impulse, STEP, name, 500.0)[0, :, 0] for name in ("none", "hann"))
    assert hann.max() < wide.max()
    frequencies = np.fft.rfftfreq(201, STEP)
    assert np.abs(np.fft.rfft(hann))[frequencies > 700].max() < 0.01 * np.abs(np.fft.rfft(hann)).max()
