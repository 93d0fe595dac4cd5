"""The loop over several sizes, jitted and as plain Python, against a readable NumPy twin."""

import numpy as np
import pytest

from mpisim.kernels import sizes as kernels
from tests.mpisim.kernels.twins import both, langevin

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("scale", [1e-9, 0.3, 8.0, 200.0])
@pytest.mark.parametrize("sizes", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kernel", both(kernels.harmonic_rows_of_sizes))
def test_harmonic_rows_of_sizes(kernel, sizes, scale):
    """sum w p . L(xi) B/|B| projected on the basis, from sizes that never saturate to sizes that do; to 2e-9."""
    voxels, points, times, harmonics = 3, 2, 11, 4
    selection, drive, sensitivity = RNG.normal(size=(3, voxels, points, 3))
    selection[0, 0] = -0.5 * drive[0, 0]  # the field vanishes where sin = 0.5
    weights, basis = RNG.random((points, sizes)), RNG.normal(size=(harmonics, times))
    betas = scale * np.array([1.0, 1.7, 2.5, 4.0, 30.0])[:sizes]
    drive_sine = np.append(np.sin(RNG.uniform(-1.5, 1.5, times - 1)), 0.5)
    part = np.array([0, 1, 1, 0])
    out = np.zeros((harmonics, voxels, 2))
    kernel(selection, drive, sensitivity, weights * betas, drive_sine, basis, betas, part, out)

    field = selection[..., None, :] + drive[..., None, :] * drive_sine[:, None]
    size = np.linalg.norm(field, axis=-1, keepdims=True)
    direction = np.divide(field, size, out=np.zeros_like(field), where=size > 0)
    expected = sum(
        np.einsum("q,vqtc,vqc,kt->kv", w, langevin(beta * size) * direction, sensitivity, basis)
        for w, beta in zip(weights.T, betas, strict=True)
    )
    assert np.abs(out[np.arange(harmonics), :, part] - expected).max() < 2e-9 * np.abs(expected).max()
    assert not out[np.arange(harmonics), :, 1 - part].any()
