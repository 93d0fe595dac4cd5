"""The benchmark of recovery builds every network as its recipe does, and times two ways to the same rows."""

import numpy as np
import pytest

import calib
import mpisim
from benchmarks.recovery import network, rivals
from calib.nets.table import NETS
from calib.training.recipe import recipe
from mpisim.data.views import as_images


@pytest.mark.parametrize("method", NETS)
def test_ours_and_the_plain_way_agree(method):
    """Row by row the same network gives the same rows (1e-4)."""
    fine = mpisim.simulate(mpisim.open_sided_ffl(1.0, angles=1), mpisim.Particle(25e-9))
    coarse = calib.downsample(fine, 4, calib.METHODS[method].samplings[0], snr=33.7, seed=0)
    ours, plain, _ = rivals(method, 4)
    model, bundled = network(method, 4)
    if not bundled:
        assert model.config == recipe(method, 4).model
    wanted = plain(coarse)
    assert np.linalg.norm(as_images(ours(coarse)) - wanted) < 1e-4 * np.linalg.norm(wanted)
