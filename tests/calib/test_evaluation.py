"""Errors of a recovered matrix: pooled over rows, by harmonic, and what is refused."""

import numpy as np
import pytest

import calib
import mpisim
from mpisim.data.views import as_images
from mpisim.errors import InputError


@pytest.fixture(scope="module")
def fine():
    return mpisim.simulate(mpisim.open_sided_ffl(0.9, angles=8), mpisim.Particle(24e-9))


def test_evaluate(fine):
    from calib.evaluation import evaluate

    found = calib.recover(calib.downsample(fine, 4), "bicubic")
    result = evaluate(found, fine)
    energy = np.linalg.norm(as_images(fine).reshape(64, -1), axis=1) ** 2
    pooled = np.sqrt(np.sum(result.row_nrmse**2 * energy) / np.sum(energy))
    assert result.nrmse == pytest.approx(pooled, rel=1e-6)
    assert result.harmonics == tuple(range(2, 10))
    assert np.all(np.diff(result.nrmse_by_harmonic) > 0)  # higher harmonics vary faster
    assert evaluate(fine, fine).nrmse == 0
    with pytest.raises(InputError, match="Input found must be of the reference's 64 rows of 32 x 32 voxels"):
        evaluate(calib.recover(calib.downsample(fine.isel(angle=[0]), 4), "bicubic"), fine)
    shifted = fine.assign_coords(x=fine["x"] + 5e-4)
    with pytest.raises(InputError, match="at the reference's voxel centres along x"):
        evaluate(shifted, fine)
