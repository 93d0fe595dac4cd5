"""Whether profiles predict block means that took no part in their fit."""

import numpy as np
import pytest
import xarray as xr

import calib
import mpisim
from calib.methods.held_out import held_out
from mpisim.data.views import as_images, noise_per_row

TWELVE = tuple(np.radians(np.arange(0, 180, 15)))
THREE = (0.0, np.pi / 3, np.pi / 2)


def coarse_of(angles=TWELVE, scale=1.0, **switches):
    """Block means of two harmonics of a scanner of 0.7 T/m."""
    ideal = mpisim.open_sided_ffl(0.7, angles=angles, harmonics=(2, 9))
    fine = mpisim.simulate(mpisim.ImperfectFFL.of(ideal, **switches) if switches else ideal, mpisim.Particle(22e-9))
    fine["system_matrix"] = fine["system_matrix"] * scale
    return calib.downsample(fine, 8, snr=33.7, seed=1)


RECIPE = mpisim.QuadraticRecipe(0.1, 0.1, 0.1)


@pytest.mark.parametrize("angles", [TWELVE, THREE], ids=len)
def test_an_ideal_scanner_is_predicted_to_within_its_noise_and_no_other_one(angles):
    """With three angles chessboards are held out, whose prediction is less certain."""
    ideal, other = held_out(coarse_of(angles)), held_out(coarse_of(angles, recipe=RECIPE))
    assert ideal < (1e-5 if len(angles) == 12 else 4e-3) and other > 4e-3


def test_the_unit_of_the_matrix_does_not_matter():
    one, other = held_out(coarse_of(recipe=RECIPE)), held_out(coarse_of(scale=1e6, recipe=RECIPE))
    assert one == pytest.approx(other, rel=1e-3) and one > 0


def test_every_coil_counts():
    coarse = coarse_of(recipe=RECIPE)
    both = held_out(xr.concat([coarse, coarse], "receive").transpose("angle", "receive", ...))
    assert both == pytest.approx(held_out(coarse), rel=0.01)


def test_nothing_is_predicted_of_a_matrix_of_noise():
    """Of white noise a fit to one half knows nothing: the error is that of what was fitted to it beyond the noise."""
    coarse = coarse_of()
    noise = mpisim.data.noise.complex_gaussian(coarse["system_matrix"].shape, 1.0, 3)
    pure = coarse.assign(system_matrix=(coarse["system_matrix"].dims, noise), noise_std=0 * coarse["noise_std"] + 1.0)
    assert as_images(pure).shape[0] == noise_per_row(pure).size
    assert held_out(pure) < 0.5
    quiet = pure.assign(noise_std=1e-3 * pure["noise_std"])  # as if it were no noise
    assert 0.7 < held_out(quiet) < 2.5
