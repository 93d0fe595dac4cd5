"""The coarse calibration of a setup: block means, with the jitter of large samples."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import mpisim
from mpisim.data.downsampling import downsample

SETUP = mpisim.Setup(
    mpisim.open_sided_ffl(0.5, angles=2, harmonics=(2, 3)), mpisim.Particle(25e-9), mpisim.Grid((8, 8))
)


def moved(jitter, **sample):
    return replace(SETUP, sample=mpisim.Sample(jitter=jitter, **sample))


def test_without_jitter_it_is_the_fine_matrix_downsampled():
    xr.testing.assert_identical(SETUP.simulate_coarse(2, 30, 5), downsample(SETUP.simulate(), 2, "box", 30, 5))
    assert SETUP.exact() == SETUP == moved(1e-4).exact()


def test_a_large_sample_is_misplaced_as_a_whole():
    """To first order the change is the gradient of the block means times the displacement: proportional to it."""
    exact = SETUP.simulate_coarse(2, None)["system_matrix"].values
    changes = [moved(j).simulate_coarse(2, None)["system_matrix"].values - exact for j in (1e-5, 2e-5)]
    assert np.linalg.norm(changes[1] - 2 * changes[0]) < 0.02 * np.linalg.norm(changes[1]) > 0
    large = replace(moved(2e-5, points=8), grid=SETUP.grid.coarsened(2))
    by_hand = large.simulate()["system_matrix"].values / 4
    assert np.abs(exact + changes[1] - by_hand).max() < 1e-6 * np.abs(exact).max()


def test_the_noise_is_that_of_exact_positions_and_the_file_states_the_jitter():
    fine = SETUP.simulate()
    coarse = moved(1e-4, seed=3).simulate_coarse(4, 30, 1, fine)
    assert float(coarse["noise_std"]) == float(downsample(fine, 4, "box", 30, 1)["noise_std"])
    assert coarse.attrs["sample"]["jitter"] == 1e-4 and mpisim.Setup.of(coarse) == moved(1e-4, seed=3)
    assert not coarse.equals(moved(1e-4, seed=4).simulate_coarse(4, 30, 1, fine))


@pytest.mark.parametrize("sample", [{"size": (2e-3, 2e-3)}, {"shape": "cylinder"}])
def test_samples_that_do_not_fill_a_voxel_are_refused(sample):
    with pytest.raises(mpisim.InputError, match="sample must be a box without a size"):
        moved(1e-4, **sample).simulate_coarse(2)
