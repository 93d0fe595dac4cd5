"""The loop of the equilibrium engine, jitted and as plain Python, against a readable NumPy twin."""

import numpy as np
import pytest

from mpisim.kernels import equilibrium as kernels
from tests.mpisim.kernels.twins import both, langevin

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("scale", [1e-9, 0.3, 8.0, 200.0])
@pytest.mark.parametrize("harmonic_rows", both(kernels.harmonic_rows))
def test_harmonic_rows(harmonic_rows, scale):
    """sum_q w_q p . L(xi) B/|B| projected on the basis, for fields in every direction; to 1e-12."""
    voxels, points, times, harmonics = 3, 2, 11, 4
    selection, drive, sensitivity = RNG.normal(size=(3, voxels, points, 3))
    selection[0, 0] = -0.5 * drive[0, 0]  # the field vanishes where sin = 0.5
    weights, basis = RNG.random(points), RNG.normal(size=(harmonics, times))
    drive_sine = np.append(np.sin(RNG.uniform(-1.5, 1.5, times - 1)), 0.5)
    part = np.array([0, 1, 1, 0])
    out = np.zeros((harmonics, voxels, 2))
    harmonic_rows(selection, drive, sensitivity, weights, drive_sine, basis, scale, part, out)

    field = selection[..., None, :] + drive[..., None, :] * drive_sine[:, None]
    size = np.linalg.norm(field, axis=-1, keepdims=True)
    direction = np.divide(field, size, out=np.zeros_like(field), where=size > 0)
    moment = langevin(scale * size) * direction
    expected = np.einsum("q,vqtc,vqc,kt->kv", weights, moment, sensitivity, basis)
    assert np.abs(out[np.arange(harmonics), :, part] - expected).max() < 1e-12 * np.abs(expected).max()
    assert not out[np.arange(harmonics), :, 1 - part].any()


@pytest.mark.parametrize("profile_table", both(kernels.profile_table))
def test_profile_table(profile_table):
    offsets, drive_sine, basis = np.linspace(-3, 3, 7), np.sin(np.linspace(-1.4, 1.4, 9)), RNG.normal(size=(3, 9))
    out = np.empty((7, 3))
    betas, shares = np.array([5.0, 0.7]), np.array([0.4, 1.6])
    profile_table(offsets, 2.0, drive_sine, basis, betas, shares, out)
    field = offsets[:, None] + 2.0 * drive_sine
    expected = (0.4 * langevin(5.0 * field) + 1.6 * langevin(0.7 * field)) @ basis.T
    assert np.abs(out - expected).max() < 1e-13 * np.abs(expected).max()
