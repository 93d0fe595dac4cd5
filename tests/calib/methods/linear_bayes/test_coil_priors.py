"""Priors of several coils: each coil by its own family, on matrices of a field-free point."""

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.linear_bayes.coil_priors import coil_priors

PLANE = mpisim.LissajousFFP(
    drive_amplitudes=(12e-3, 12e-3), dividers=(10, 9), clock_frequency=2.5e5, samples_per_period=720, highest_order=3
)
GRID = mpisim.Grid((12, 12), (0.03, 0.03))


def matrix(diameter, scanner=PLANE, grid=GRID):
    return mpisim.simulate(scanner, mpisim.Particle(diameter), grid, mpisim.Sample(points=2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("prior")
    for i, diameter in enumerate((16e-9, 18e-9, 20e-9, 22e-9)):
        mpisim.write(matrix(diameter), path / f"{i}.nc")
    return path


def test_each_coil_has_a_family_and_one_that_receives_nothing_has_none(folder):
    families = coil_priors(folder)
    assert [family is None for family in families] == [False, False, True]  # nothing points out of the plane
    assert families[0] is not families[1] and families[0].members == 4


def test_a_matrix_of_three_coils_is_recovered_far_better_than_without_the_prior(folder):
    fine = matrix(19e-9)
    coarse = calib.downsample(fine, 4, snr=40, seed=0)
    with pytest.warns(mpisim.errors.DataWarning, match="Receive channel 2: all rows were recovered by bicubic-dc"):
        recovered = calib.recover(coarse, "linear-bayes", prior=folder)
    error = mpisim.nrmse(recovered, fine)
    assert error < 0.2 * mpisim.nrmse(calib.recover(coarse, "bicubic-dc"), fine)
    assert np.all(recovered["system_matrix_std"].values[:, :2] > 0)


def test_the_choice_takes_it_although_one_coil_has_no_prior(folder):
    coarse = calib.downsample(matrix(19e-9), 4, snr=40, seed=0)
    with pytest.warns(mpisim.errors.DataWarning):
        told = calib.recover(coarse, prior=folder).attrs["recovery"]
    assert told["method"] == "linear-bayes" and told["chi2"][2] is None and max(told["chi2"][:2]) < 2


def test_other_coils_and_volumes_are_not_recovered_by_it(folder, tmp_path):
    fine = matrix(19e-9)
    two = calib.downsample(fine.isel(receive=[0, 1]), 4, snr=40)
    with pytest.warns(mpisim.errors.DataWarning, match="the prior has 3 receive coils and the matrix 2"):
        calib.recover(two, "linear-bayes", prior=folder)
    solid = mpisim.Grid((8, 8, 2), (0.03, 0.03, 0.004))
    for i in range(3):
        mpisim.write(matrix((18 + i) * 1e-9, grid=solid), tmp_path / f"{i}.nc")
    coarse = calib.downsample(matrix(19e-9, grid=solid), 4, snr=40)
    with pytest.raises(mpisim.InputError, match="matrices in a plane"):
        calib.recover(coarse, "linear-bayes", prior=tmp_path)


def test_methods_that_presume_a_line_refuse_a_point_in_a_sentence(folder):
    coarse = calib.downsample(matrix(19e-9), 4, snr=40)
    with pytest.raises(mpisim.InputError, match="two different ones or more for the method physical"):
        calib.recover(coarse, "physical")
