"""The loop over several tones against its NumPy twin, jitted and as Python."""

import numpy as np
import pytest

from mpisim.kernels.several_tones import flux_of_tones
from tests.mpisim.kernels.twins import both, langevin


def twin(selection, drives, sensitivities, factors, betas, waves):
    """Flux (voxel, coil, time): everything at once, by the formula."""
    field = selection[:, :, None] + np.einsum("nvqi,nj->vqji", drives, waves)
    size = np.linalg.norm(field, axis=-1)
    ratio = sum(factors[None, :, n, None] * langevin(b * size) / (b * size) for n, b in enumerate(betas))
    return np.einsum("cvqi,vqji,vqj->vcj", sensitivities, field, ratio)


@pytest.mark.parametrize("kernel", both(flux_of_tones))
@pytest.mark.parametrize(("betas", "times"), [((400.0,), 258), ((300.0, 4000.0), 20)])
def test_the_flux_is_that_of_the_formula(kernel, betas, times):
    """Steep sizes saturate, so that both branches of the Langevin ratio are taken; more times than a block holds."""
    rng = np.random.default_rng(1)
    selection, factors = rng.uniform(-0.02, 0.02, (2, 2, 3)), rng.uniform(0.5, 1, (2, len(betas)))
    drives, coils = rng.uniform(-0.01, 0.01, (2, 2, 2, 3)), rng.uniform(-800, 800, (2, 2, 2, 3))
    drives[0, ..., 1] = 0  # a component without drive is skipped
    waves = rng.uniform(-1, 1, (2, times))
    arguments = selection, drives, coils, factors, np.array(betas), waves
    out = np.full((2, 2, times), np.nan)
    kernel(*arguments, out)
    expected = twin(*arguments)
    assert np.abs(out - expected).max() < 1e-12 * np.abs(expected).max()
