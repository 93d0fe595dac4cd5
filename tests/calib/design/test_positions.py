"""Positions to measure next: the greedy choice against plain NumPy, and what they are worth."""

import numpy as np
import pytest

import calib
import mpisim
from calib.design.positions import _greedy, next_positions
from calib.design.spread import Spread
from mpisim.data.grid import Grid
from mpisim.data.sampling import PositionSampling
from mpisim.errors import InputError
from mpisim.io.positions_file import read_positions, write_positions

GRID = Grid((8, 8), (0.016, 0.016))


def test_choices_are_those_of_the_posterior_covariance_of_all_values():
    """The variance of all values after a measurement, from the covariance of the values themselves."""
    directions = np.random.default_rng(0).standard_normal((5, 3, 8, 8))
    spread = Spread(directions, GRID, 0.0, 0.3, 2)
    sampling = PositionSampling.blocks(2, GRID)
    flat = directions.reshape(5, -1)
    covariance, remaining = flat.T @ flat, []
    for i in range(16):
        measure = np.zeros((3, 3, 8, 8))
        for row in range(3):
            one = np.zeros((1, 16))
            one[0, i] = 1
            measure[row, row] = sampling.adjoint(one[None])[0]
        m = measure.reshape(3, -1)
        gain = covariance @ m.T @ np.linalg.inv(m @ covariance @ m.T + 0.045 * np.eye(3)) @ m @ covariance
        remaining.append(np.trace(covariance - gain))
    assert _greedy(spread, sampling, 1, "A") == [int(np.argmin(remaining))]


def test_what_is_unknown_at_one_place_is_measured_there():
    directions = np.zeros((1, 1, 8, 8))
    directions[0, 0, 6:, :2] = 1
    spread = Spread(directions, GRID, 0.0, 0.1, 2)
    for criterion in "AD":
        assert _greedy(spread, PositionSampling.blocks(2, GRID), 1, criterion) == [12]


@pytest.mark.filterwarnings("ignore")
def test_positions_complete_what_was_measured(tmp_path):
    scanner = mpisim.open_sided_ffl(sf_gradient=1.0, fov=0.016, angles=3)
    fine = mpisim.simulate(scanner, mpisim.Particle(diameter=25e-9), GRID)
    coarse = calib.downsample(fine, 2, keep=6)
    found = next_positions(coarse, 3, 2)
    assert found.shape == (3, 4)
    assert len(np.unique(found[:, :2], axis=0)) == 3
    write_positions(found, tmp_path / "positions.csv")
    np.testing.assert_allclose(read_positions(tmp_path / "positions.csv"), found, rtol=1e-7, atol=1e-12)
    calib.downsample(fine, 2, positions=read_positions(tmp_path / "positions.csv"))
    with pytest.raises(InputError, match="at most the 1 candidates"):
        next_positions(coarse, 2, 2, candidates=[[0.0, 0.0]])


def test_tables_of_other_columns_are_refused(tmp_path):
    (tmp_path / "p.csv").write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match="x_mm"):
        read_positions(tmp_path / "p.csv")
