"""The ideal scanner that a fit starts from."""

import numpy as np
import pytest

import mpisim
from calib.methods.physical.model import Model
from calib.methods.physical.scanner_table import scanner_parameters
from calib.methods.physical.start import ideal_start
from mpisim.data.sampling import Sampling
from mpisim.errors import InputError

GRID, SAMPLING = mpisim.Grid((8, 8)), Sampling.named("box", 2, (8, 8))
PARAMETERS = scanner_parameters((0.1, 0.9, 2.0), (2, 3, 4))


@pytest.mark.parametrize(("steepness", "variance", "reach"), [(2.3, 0.0, 0.05), (1.5, 0.3, -0.4)])
def test_start_finds_an_ideal_scanner(steepness, variance, reach):
    truth = PARAMETERS.ideal(steepness, variance, reach)
    truth.gains[:] = [[2.0, -1j, 0.5 + 0.5j]]
    values = Model(PARAMETERS, SAMPLING, GRID, truth).means(truth)
    rng = np.random.default_rng(0)
    noise = 0.02 * np.sqrt(np.mean(np.abs(values) ** 2) / 2)
    noisy = values + noise * (rng.standard_normal(values.shape) + 1j * rng.standard_normal(values.shape))
    start, left = ideal_start(noisy, PARAMETERS, SAMPLING, GRID)
    assert left < 2e-3
    assert start.shared[PARAMETERS.place("reach")] == pytest.approx(reach, abs=0.03)
    found = Model(PARAMETERS, SAMPLING, GRID, start).means(start)
    assert np.linalg.norm(found - values) < 0.04 * np.linalg.norm(values)


def test_start_refuses_what_holds_nothing():
    with pytest.raises(InputError, match="other than zero"):
        ideal_start(np.zeros((3, 1, 3, 16), complex), PARAMETERS, SAMPLING, GRID)
    with pytest.raises(InputError, match="shape"):
        ideal_start(np.ones((2, 1, 3, 16), complex), PARAMETERS, SAMPLING, GRID)
