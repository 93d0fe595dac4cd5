"""The benchmark of recovery builds every network as its recipe does."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import calib
import mpisim
from calib.nets import NETS
from calib.training.recipe import recipe
from mpisim.data.views import as_images

FILE = Path(__file__).parents[2] / "benchmarks" / "recovery.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("recovery_benchmark", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("method", NETS)
def test_ours_and_the_plain_way_agree(benchmark, method):
    """Row by row the same network gives the same rows (1e-4)."""
    fine = mpisim.simulate(mpisim.open_sided_ffl(1.0, angles=1), mpisim.Particle(25e-9))
    coarse = calib.downsample(fine, 4, calib.METHODS[method].schemes[0], snr=33.7, seed=0)
    ours, plain, _ = benchmark.rivals(method, 4)
    model, shipped = benchmark.network(method, 4)
    if not shipped:
        assert model.config == recipe(method, 4).model
    wanted = plain(coarse)
    assert np.linalg.norm(as_images(ours(coarse)) - wanted) < 1e-4 * np.linalg.norm(wanted)
