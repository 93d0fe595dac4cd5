"""The weights that ship: what they are, and that they do what the README says."""

import numpy as np
import pytest

import calib
from calib.checkpoint import load_model
from calib.shipped import shipped_weights
from calib.studies.table3 import test_matrices as matrices_of_the_test_split
from mpisim.cells import transms_cells


def test_they_say_how_they_were_made():
    model, about = load_model(shipped_weights("transms", 4))
    assert model.config.factor == 4
    assert about["step"] == about["train"]["steps"]
    assert about["train"]["factor"] == 4 and about["validation_nrmse"] < 0.03


@pytest.mark.parametrize("snr", [33.7, None])
def test_under_three_percent_on_unseen_matrices(snr):
    """Five test matrices, none of which is among the training cells."""
    trained = {c.name for c in transms_cells() if c.split == "train"}
    assert not trained & {c.name for c in transms_cells() if c.split != "train"}
    matrices = list(matrices_of_the_test_split(None, 34))[::7]
    errors = [calib.nrmse(calib.recover(calib.downsample(m, 4, snr=snr, seed=i)), m) for i, m in enumerate(matrices)]
    assert np.mean(errors) < 0.03


def test_rectangular_grids_and_other_scanners():
    """A grid and angles that no training matrix had: recovered far better than by interpolation."""
    import mpisim

    fine = mpisim.simulate(
        mpisim.open_sided_ffl(0.7, fov=0.032, angles=[0.1, 0.7]),
        mpisim.Particle(22e-9),
        mpisim.Grid((48, 32), (0.048, 0.032)),
    )
    coarse = calib.downsample(fine, 4, snr=33.7)
    assert calib.nrmse(calib.recover(coarse), fine) < 0.5 * calib.nrmse(calib.recover(coarse, "bicubic-dc"), fine)
