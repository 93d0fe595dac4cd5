"""The ideal scanner that a fit starts from."""

import numpy as np
import pytest

import mpisim
from calib.methods.physical.model import Model
from calib.methods.physical.scanner_table import scanner_parameters
from calib.methods.physical.start import _search, ideal_start, robust_start
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


def test_a_search_ends_early_where_there_is_no_field_free_line():
    """Rows that are products of waves along x and y, as those of a field-free point, are no candidate's."""
    rng, x = np.random.default_rng(0), np.linspace(-1, 1, 4)
    orders = rng.integers(0, 4, (3, 1, 3, 2))
    along = [np.cos(orders[..., [i]] * np.arccos(x)) for i in (0, 1)]
    values = (along[1][..., :, None] * along[0][..., None, :]).reshape(3, 1, 3, 16).astype(complex)
    for function in (ideal_start, robust_start):
        assert function(values, PARAMETERS, SAMPLING, GRID)[1] > 0.5
    search = _search(values, PARAMETERS, SAMPLING, GRID, None)
    search.best()
    assert len(search._found) < 30


@pytest.mark.slow
def test_wrong_positions_do_not_spoil_a_robust_start():
    truth = PARAMETERS.ideal(2.0, 0.0, 0.05)
    values = Model(PARAMETERS, SAMPLING, GRID, truth).means(truth)
    values[..., 5] *= -4
    values += 1e-2 * np.abs(values).max() * np.random.default_rng(2).standard_normal(values.shape)
    state, left, wrong = robust_start(values, PARAMETERS, SAMPLING, GRID)
    assert wrong.nonzero()[0].tolist() == [5]
    assert left < 0.01 < ideal_start(values, PARAMETERS, SAMPLING, GRID)[1]
    assert state.shared[PARAMETERS.place("reach")] == pytest.approx(0.05, abs=0.05)


def test_a_steeper_scanner_needs_more_points():
    flat, steep = PARAMETERS.ideal(1.5, 0.0, 0.05), PARAMETERS.ideal(4.0, 0.0, 0.05)
    model = Model(PARAMETERS, SAMPLING, GRID, flat)
    assert model.resolves(flat)
    assert not model.resolves(steep)
    assert Model(PARAMETERS, SAMPLING, GRID, steep).resolves(flat)
