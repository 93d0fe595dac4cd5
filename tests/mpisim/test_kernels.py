"""Every compiled loop, jitted and as plain Python, against a readable NumPy twin."""

import numpy as np
import pytest

from mpisim.kernels import equilibrium as kernels

RNG = np.random.default_rng(1)


def both(kernel):
    """The jitted kernel and its Python source."""
    return [pytest.param(kernel, id="jitted"), pytest.param(kernel.py_func, id="python")]


def langevin(x):
    """L(x) in NumPy, by its series below 0.1 (next term 1e-14 of it)."""
    x = np.asarray(x, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        naive = 1 / np.tanh(x) - 1 / x
    return np.where(np.abs(x) < 0.1, x / 3 - x**3 / 45 + 2 * x**5 / 945 - x**7 / 4725 + 2 * x**9 / 93555, naive)


def test_ufuncs_broadcast_and_match_numpy_to_1e_11():
    x = RNG.uniform(-40, 40, (3, 5, 7))
    assert np.allclose(kernels.langevin(x), langevin(x), rtol=1e-11, atol=0)
    assert np.allclose(kernels.langevin_prime(x), x**-2.0 - np.sinh(x) ** -2.0, rtol=1e-11, atol=0)
    assert kernels.langevin(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("scale", [1e-9, 0.3, 8.0, 200.0])
@pytest.mark.parametrize("harmonic_rows", both(kernels.harmonic_rows))
def test_harmonic_rows(harmonic_rows, scale):
    """sum_q w_q p . L(xi) B/|B| projected on the basis, for fields in every direction; to 1e-12."""
    voxels, points, times, harmonics = 3, 2, 11, 4
    selection, drive, sensitivity = RNG.normal(size=(3, voxels, points, 3))
    selection[0, 0] = -0.5 * drive[0, 0]  # the field vanishes where sin = 0.5
    weights, basis = RNG.random(points), RNG.normal(size=(harmonics, times))
    phases = np.append(np.sin(RNG.uniform(-1.5, 1.5, times - 1)), 0.5)
    channel = np.array([0, 1, 1, 0])
    out = np.zeros((harmonics, voxels, 2))
    harmonic_rows(selection, drive, sensitivity, weights, phases, basis, scale, channel, out)

    field = selection[..., None, :] + drive[..., None, :] * phases[:, None]
    size = np.linalg.norm(field, axis=-1, keepdims=True)
    direction = np.divide(field, size, out=np.zeros_like(field), where=size > 0)
    moment = langevin(scale * size) * direction
    expected = np.einsum("q,vqtc,vqc,kt->kv", weights, moment, sensitivity, basis)
    assert np.abs(out[np.arange(harmonics), :, channel] - expected).max() < 1e-12 * np.abs(expected).max()
    assert not out[np.arange(harmonics), :, 1 - channel].any()


@pytest.mark.parametrize("profile_table", both(kernels.profile_table))
def test_profile_table(profile_table):
    offsets, phases, basis = np.linspace(-3, 3, 7), np.sin(np.linspace(-1.4, 1.4, 9)), RNG.normal(size=(3, 9))
    out = np.empty((7, 3))
    profile_table(offsets, 2.0, phases, basis, 5.0, out)
    expected = langevin(5.0 * (offsets[:, None] + 2.0 * phases)) @ basis.T
    assert np.abs(out - expected).max() < 1e-13 * np.abs(expected).max()


def quintics(u):
    """Five polynomials up to the degree that six points interpolate exactly; shape (5, ...)."""
    coefficients = np.random.default_rng(2).normal(size=(5, 6)) * 0.1 ** np.arange(6)
    return np.stack([np.polyval(c[::-1], u) for c in coefficients])


@pytest.mark.parametrize("sample_filter", both(kernels.sample_filter))
def test_sample_filter_averages_quintics_exactly(sample_filter):
    dx, dy, weights = np.array([-1.7, 0.0, 2.2]), np.array([-0.9, 0.35]), RNG.random((3, 2))
    reach = 7
    taps = sample_filter(dx, dy, weights, reach)
    assert taps.shape == (15,)
    nodes = np.arange(-reach, reach + 1)
    expected = (quintics(dx[:, None] + dy) * weights).sum(axis=(1, 2))
    assert np.allclose(quintics(nodes) @ taps, expected, rtol=1e-12, atol=1e-12)
    assert taps.sum() == pytest.approx(weights.sum(), rel=1e-14)


def test_sample_filter_of_a_point_on_a_node_is_the_identity():
    taps = kernels.sample_filter(np.zeros(1), np.zeros(1), np.ones((1, 1)), 3)
    assert np.array_equal(taps, np.eye(7)[3])


@pytest.mark.parametrize("interpolate_ridge", both(kernels.interpolate_ridge))
def test_interpolate_ridge_is_exact_for_quintics(interpolate_ridge):
    """The mean over the turned sample at every voxel, each harmonic in its channel; to 1e-11."""
    first, reach = -20.0, 6
    table = np.ascontiguousarray(quintics(first + np.arange(41.0)).T)
    dx, dy, weights = np.array([-1.1, 0.9]), np.array([-0.8, 0.0, 0.7]), RNG.random((2, 3))
    angles = np.array([0.0, 0.6, 2.0, -1.0])
    x, y = np.array([-4.0, 0.5, 3.0]), np.array([-2.0, 5.0])
    channel = np.array([0, 1, 1, 0, 1])
    out = np.zeros((4, 5, 2, 3, 2))
    interpolate_ridge(table, dx, dy, weights, reach, np.cos(angles), np.sin(angles), x, y, first, channel, False, out)

    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    centres = x * cos + y[:, None] * sin  # (angle, y, x)
    shifts = dx[:, None] * cos + dy * sin  # (angle, i, j)
    values = quintics(centres[..., None, None] + shifts[:, None, None])
    expected = (values * weights).sum(axis=(-2, -1)).transpose(1, 0, 2, 3)
    k = np.arange(5)
    found = out[:, k, :, :, channel].transpose(1, 0, 2, 3)
    assert np.abs(found - expected).max() < 1e-11 * np.abs(expected).max()
    assert not out[:, k, :, :, 1 - channel].any()


@pytest.mark.parametrize("shape", [(4, 2), (3, 5), (1, 4), (5, 1)])
@pytest.mark.parametrize("interpolate_ridge", both(kernels.interpolate_ridge))
def test_interpolate_ridge_mirrors_a_centred_grid(interpolate_ridge, shape):
    """Profiles even in channel 0 and odd in channel 1, a symmetric sample: the same rows by half the work, to 1e-12."""
    first, reach, channel = -20.0, 6, np.array([0, 1, 0, 1])
    u = first + np.arange(41.0)
    table = np.stack([np.cos(0.2 * u), np.sin(0.2 * u), u**2, u**3], axis=1)
    dx, dy, weights = np.array([-1.0, 1.0]), np.array([-0.7, 0.0, 0.7]), np.outer([0.5, 0.5], [0.3, 0.4, 0.3])
    angles = np.array([0.0, 0.6, 2.0, -1.0])
    x, y = (np.arange(n) - (n - 1) / 2 for n in shape)
    full, half = np.zeros((2, 4, 4, y.size, x.size, 2))
    for centred, out in ((False, full), (True, half)):
        cos, sin = np.cos(angles), np.sin(angles)
        interpolate_ridge(table, dx, dy, weights, reach, cos, sin, x, y, first, channel, centred, out)
    assert np.abs(full - half).max() < 1e-12 * np.abs(full).max()
    assert np.abs(full[:, np.arange(4), :, :, channel]).max(axis=(1, 2, 3)).min() > 0.01
