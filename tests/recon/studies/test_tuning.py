"""The search for options of reconstruction: its cases, its score, and what it found."""

import numpy as np
import pandas as pd
import pytest

import calib
import recon
from mpisim.data.grid import Grid
from mpisim.dataset.cases import grid_cases
from mpisim.dataset.generation import generate
from mpisim.dataset.spec import DatasetSpec
from mpisim.errors import InputError
from recon.studies import tuning


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set of one validation matrix of 16 x 16 voxels and 12 angles."""
    out = tmp_path_factory.mktemp("data")
    generate(grid_cases((0.7,), (24e-9,), "validation"), DatasetSpec(grid=Grid((16, 16)), scanner={"angles": 12}), out)
    return out


@pytest.fixture(scope="module")
def cases(folder):
    return tuning._cases(folder, 3)


def test_every_phantom_matrix_and_noise_level_is_a_case(folder):
    table = tuning.table("tikhonov", {"regularisation": 0.01}, folder, 3)
    assert set(table["phantom"]) == {"tubes", "resolution", "shape"}
    assert set(table["matrix"]) == {"reference", "bicubic-dc", "profile"} and set(table["snr"]) == {20, 30, 40}
    assert len(table) == len(table.drop_duplicates(["matrix", "phantom", "snr"])) == 27


@pytest.mark.parametrize(
    ("method", "values", "options"),
    [
        ("admm", {"atv": 0.3}, {"atv": 0.3, "a1": 0.7}),
        ("kaczmarz", {"regularisation": 0.01, "iterations": 3.2}, {"regularisation": 0.01, "iterations": 3}),
        ("tikhonov", {"regularisation": 0.01}, {"regularisation": 0.01}),
    ],
)
def test_images_are_those_of_reconstruct(method, values, options, folder, cases):
    """One column of every kind of matrix, whose phantom, matrix and data are put into the public functions."""
    table = tuning.table(method, tuning._options(method, values), folder, 3)
    for case in cases:
        seen = case.measured[1]
        y = recon.measure(cases[0].matrix, recon.phantoms.tubes(), seed=0)  # for its coordinates
        y["measurement"].values[:] = seen.y.reshape(y["measurement"].shape)
        y["noise_std"].values[...] = seen.sigma
        image = recon.reconstruct(case.matrix, y.drop_vars("phantom"), method, use_std=False, **options)
        known = table.query("matrix == @case.kind and phantom == @seen.phantom and snr == @seen.snr")["psnr"].item()
        assert recon.psnr(image["image"].values, seen.truth) == pytest.approx(known, abs=0.02)


def test_data_come_from_a_finer_grid_and_recovered_matrices_from_noisy_block_means(cases):
    fine = cases[0].matrix
    errors = {case.kind: calib.nrmse(case.matrix, fine) for case in cases}
    assert errors["reference"] == 0 and 0 < errors["profile"] < errors["bicubic-dc"] < 0.5
    seen = cases[0].measured[2]
    rows = fine["system_matrix"].values.reshape(len(seen.y), -1)
    assert seen.snr == 40 and np.linalg.norm(rows @ seen.truth.ravel() - seen.y) > 2 * seen.sigma * np.sqrt(len(seen.y))


def test_a_loss_beyond_half_a_decibel_counts():
    cases = pd.DataFrame(
        {
            "matrix": ["reference"] * 4,
            "phantom": ["tubes", "tubes", "shape", "shape"],
            "psnr": [20.0, 22.0, 14.0, 15.0],
            "former": [15.0, 15.0, 15.0, 15.5],
        }
    )
    assert tuning.score_of(cases) == pytest.approx(-17.75 + (15.25 - 14.5 - 0.5))


def test_a_trial_is_logged_case_by_case(tmp_path, folder):
    values = {"regularisation": 0.01}
    first = tuning.score("tikhonov", values, tmp_path / "trial", folder, {"seed": 3})
    assert tuning.score("tikhonov", values, tmp_path / "again", folder, {"seed": 3}) == first
    assert (tmp_path / "trial" / "cases.csv").read_bytes() == (tmp_path / "again" / "cases.csv").read_bytes()
    assert tuning.score_of(pd.read_csv(tmp_path / "trial" / "cases.csv")) == pytest.approx(first, abs=1e-3)


def test_a_folder_without_validation_matrices_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"^Input data must be a data set with the split validation"):
        tuning.score("tikhonov", {"regularisation": 0.01}, tmp_path / "trial", tmp_path, {})
