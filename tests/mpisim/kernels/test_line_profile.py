"""The loops of the line-profile engine, jitted and as plain Python, against readable NumPy twins."""

import numpy as np
import pytest

from mpisim.kernels import line_profile as kernels
from tests.mpisim.kernels.twins import both

RNG = np.random.default_rng(1)


def quintics(u):
    """Five polynomials up to the degree that six points interpolate exactly; shape (5, ...)."""
    coefficients = np.random.default_rng(2).normal(size=(5, 6)) * 0.1 ** np.arange(6)
    return np.stack([np.polyval(c[::-1], u) for c in coefficients])


@pytest.mark.parametrize("sample_filter", both(kernels.sample_filter))
def test_sample_filter_averages_quintics_exactly(sample_filter):
    dx, dy, weights = np.array([-1.7, 0.0, 2.2]), np.array([-0.9, 0.35]), RNG.random((3, 2))
    radius = 7
    taps = sample_filter(dx, dy, weights, radius)
    assert taps.shape == (15,)
    nodes = np.arange(-radius, radius + 1)
    expected = (quintics(dx[:, None] + dy) * weights).sum(axis=(1, 2))
    assert np.allclose(quintics(nodes) @ taps, expected, rtol=1e-12, atol=1e-12)
    assert taps.sum() == pytest.approx(weights.sum(), rel=1e-14)


def test_sample_filter_of_a_point_on_a_node_is_the_identity():
    taps = kernels.sample_filter(np.zeros(1), np.zeros(1), np.ones((1, 1)), 3)
    assert np.array_equal(taps, np.eye(7)[3])


@pytest.mark.parametrize("interpolate_profile", both(kernels.interpolate_profile))
def test_interpolate_profile_is_exact_for_quintics(interpolate_profile):
    """The mean over the turned sample at every voxel, each harmonic in its part; to 1e-11."""
    first, radius = -20.0, 6
    table = np.ascontiguousarray(quintics(first + np.arange(41.0)).T)
    dx, dy, weights = np.array([-1.1, 0.9]), np.array([-0.8, 0.0, 0.7]), RNG.random((2, 3))
    angles = np.array([0.0, 0.6, 2.0, -1.0])
    x, y = np.array([-4.0, 0.5, 3.0]), np.array([-2.0, 5.0])
    part = np.array([0, 1, 1, 0, 1])
    out = np.zeros((4, 5, 2, 3, 2))
    interpolate_profile(table, dx, dy, weights, radius, np.cos(angles), np.sin(angles), x, y, first, part, False, out)

    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    centres = x * cos + y[:, None] * sin  # (angle, y, x)
    shifts = dx[:, None] * cos + dy * sin  # (angle, i, j)
    values = quintics(centres[..., None, None] + shifts[:, None, None])
    expected = (values * weights).sum(axis=(-2, -1)).transpose(1, 0, 2, 3)
    k = np.arange(5)
    result = out[:, k, :, :, part].transpose(1, 0, 2, 3)
    assert np.abs(result - expected).max() < 1e-11 * np.abs(expected).max()
    assert not out[:, k, :, :, 1 - part].any()


@pytest.mark.parametrize("shape", [(4, 2), (3, 5), (1, 4), (5, 1)])
@pytest.mark.parametrize("interpolate_profile", both(kernels.interpolate_profile))
def test_interpolate_profile_mirrors_a_centred_grid(interpolate_profile, shape):
    """Real profiles that are even, imaginary ones that are odd, a symmetric sample: the same rows, to 1e-12."""
    first, radius, part = -20.0, 6, np.array([0, 1, 0, 1])
    u = first + np.arange(41.0)
    table = np.stack([np.cos(0.2 * u), np.sin(0.2 * u), u**2, u**3], axis=1)
    dx, dy, weights = np.array([-1.0, 1.0]), np.array([-0.7, 0.0, 0.7]), np.outer([0.5, 0.5], [0.3, 0.4, 0.3])
    angles = np.array([0.0, 0.6, 2.0, -1.0])
    x, y = (np.arange(n) - (n - 1) / 2 for n in shape)
    full, half = np.zeros((2, 4, 4, y.size, x.size, 2))
    for centred, out in ((False, full), (True, half)):
        cos, sin = np.cos(angles), np.sin(angles)
        interpolate_profile(table, dx, dy, weights, radius, cos, sin, x, y, first, part, centred, out)
    assert np.abs(full - half).max() < 1e-12 * np.abs(full).max()
    assert np.abs(full[:, np.arange(4), :, :, part]).max(axis=(1, 2, 3)).min() > 0.01
