"""The weights that ship: what they are, and that they do what the README says."""

import numpy as np
import pytest

import calib
from calib.learned.bundled import bundled_weights
from calib.learned.checkpoint import load_model
from calib.studies.harness.protocol import Protocol
from mpisim.dataset.cases import transms_cases


def test_they_say_how_they_were_made():
    model, about = load_model(bundled_weights("transms", 4))
    assert model.config.factor == 4
    assert about["step"] == about["train"]["steps"]
    assert about["train"]["factor"] == 4 and about["validation_nrmse"] < 0.03


@pytest.mark.parametrize(
    ("factor", "snr", "percent"),
    [(2, 33.7, 0.40), (2, None, 0.045), (4, 33.7, 0.62), (4, None, 0.145), (8, 33.7, 2.8), (8, None, 0.38)],
)
def test_error_on_unseen_matrices(factor, snr, percent):
    """Five test matrices, none of which is among the training cells: at most a tenth above what the README tells."""
    cells = transms_cases()
    assert not {c.name for c in cells if c.split == "train"} & {c.name for c in cells if c.split != "train"}
    protocol = Protocol()
    errors = []
    for i, cell in enumerate(protocol.of("test")[::7]):
        fine = protocol.simulate(cell)
        errors.append(calib.nrmse(calib.recover(calib.downsample(fine, factor, snr=snr, seed=i)), fine))
    assert 100 * np.mean(errors) < percent


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
