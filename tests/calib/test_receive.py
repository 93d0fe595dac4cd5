"""Matrices of several receive coils, and of one in a dimension of its own, through every method of recovery."""

import numpy as np
import pytest
import xarray as xr

import calib
import mpisim
from calib.choice import choose
from calib.evaluation import evaluate, evaluate_files
from calib.files import recover_file
from mpisim.errors import DataWarning

BOX = ("bicubic", "bicubic-dc", "ridge", "profile")
OTHERS = (("bicubic-strided", "strided"), ("bicubic-strided-aligned", "strided"), ("cs", "random"))
EVERY = (*((method, "box") for method in BOX), *OTHERS)


def scanner(*coils):
    ideal = mpisim.open_sided_ffl(0.9, angles=4, harmonics=(2, 3, 4))
    return mpisim.ImperfectFFL.of(ideal, coils=coils)


@pytest.fixture(scope="module")
def fine():
    """Two coils, the second of 1/20 of the sensitivity, on 16 x 16 voxels."""
    both = scanner(mpisim.Coil(), mpisim.Coil((0.0, 0.0, 40.0), (mpisim.Polynomial(((1, 0, 0, 0.1),)),)))
    return mpisim.simulate(both, mpisim.Particle(24e-9), mpisim.Grid((16, 16)))


def measured(fine, scheme="box", factor=2):
    """Coarse values with a noise of its own on each coil."""
    coarse = calib.downsample(fine, factor, scheme, snr=40, seed=3)
    levels = float(coarse["noise_std"]) * np.array([1.0, 0.05])
    shape = dict.fromkeys(coarse["system_matrix"].dims, 1) | {"receive": 2}
    quiet = calib.downsample(fine, factor, scheme, snr=None)
    noise = (coarse["system_matrix"] - quiet["system_matrix"]) * np.array([1.0, 0.05]).reshape(list(shape.values()))
    values = (quiet["system_matrix"] + noise).astype(np.complex64).assign_attrs(quiet["system_matrix"].attrs)
    return coarse.assign(system_matrix=values, noise_std=("receive", levels, coarse["noise_std"].attrs))


@pytest.mark.filterwarnings("ignore::mpisim.errors.DataWarning")
@pytest.mark.parametrize(("method", "scheme"), EVERY)
def test_several_coils_are_recovered_as_each_alone(fine, method, scheme):
    coarse = measured(fine, scheme)
    together = calib.recover(coarse, method)
    assert together["system_matrix"].dims == fine["system_matrix"].dims
    for i in range(2):
        alone = calib.recover(coarse.isel(receive=i), method)["system_matrix"].values
        found = together["system_matrix"].isel(receive=i).values
        assert np.abs(found - alone).max() <= 1e-4 * np.abs(alone).max()


@pytest.mark.filterwarnings("ignore::mpisim.errors.DataWarning")
@pytest.mark.parametrize(("method", "scheme"), [*EVERY, ("transms", "box"), ("vdsr", "box")])
def test_one_coil_in_a_dimension_of_its_own_changes_no_number(fine, method, scheme):
    coarse = measured(fine, scheme).isel(receive=[0])
    one, bare = calib.recover(coarse, method), calib.recover(coarse.isel(receive=0), method)
    assert one["system_matrix"].dims == ("angle", "receive", "frequency", "y", "x")
    assert np.array_equal(one["system_matrix"].values[:, 0], bare["system_matrix"].values)
    assert one.attrs["recovery"] == bare.attrs["recovery"]


def test_profile_has_profiles_of_each_coil_and_names_its_rows(fine):
    coarse = measured(fine)
    with pytest.warns(DataWarning, match=r"^Receive channel 1: \d+ of 12 rows ") as said:
        found = calib.recover(coarse, "profile")
    assert len(said) == 1
    lengths = found.attrs["recovery"]["lengths"]
    assert len(lengths) == 2 and len(lengths[0]) == 3
    assert found.attrs["recovery"]["rows_partly_interpolated"] > 0
    errors = evaluate(found, fine).nrmse_by_channel
    assert errors[0] < 0.01 and errors[1] < 0.05


def test_rows_are_named_by_angle_channel_and_harmonic(fine):
    coarse = measured(fine)
    values = coarse["system_matrix"].values.copy()
    values[1, 1, 2] = np.random.default_rng(0).standard_normal((8, 8)) * np.abs(values[:, 1]).max()
    broken = coarse.assign(system_matrix=(coarse["system_matrix"].dims, values, coarse["system_matrix"].attrs))
    with pytest.warns(DataWarning, match=r"angle 45 degrees, channel 1, harmonic 4"):
        calib.recover(broken, "ridge")


def test_the_choice_of_a_method_knows_several_coils(fine):
    coarse = measured(fine, factor=4)  # on 16 x 16 voxels, which transms has not been trained on
    assert choose(coarse).method == choose(coarse.isel(receive=0)).method


@pytest.mark.parametrize("method", ["bicubic-dc", "profile"])
@pytest.mark.filterwarnings("ignore::mpisim.errors.DataWarning")
def test_files_in_blocks_give_the_same_numbers(fine, tmp_path, method):
    coarse = measured(fine)
    mpisim.write(coarse, tmp_path / "coarse.nc")
    mpisim.write(fine, tmp_path / "fine.nc")
    recover_file(tmp_path / "coarse.nc", tmp_path / "found.nc", method, values_at_once=500)
    whole = calib.recover(coarse, method)
    assert np.array_equal(mpisim.read(tmp_path / "found.nc")["system_matrix"].values, whole["system_matrix"].values)
    parts = evaluate_files(tmp_path / "found.nc", tmp_path / "fine.nc", values_at_once=2000)
    wanted = evaluate(whole, fine)
    assert parts.nrmse == pytest.approx(wanted.nrmse) and parts.harmonics == wanted.harmonics
    assert parts.nrmse_by_channel == pytest.approx(wanted.nrmse_by_channel)


def test_errors_of_each_channel_are_those_of_its_rows(fine):
    off = fine["system_matrix"] * xr.DataArray([1.1, 0.7], dims="receive")
    found = fine.assign(system_matrix=off.transpose(*fine["system_matrix"].dims).astype(np.complex64))
    result = evaluate(found, fine)
    assert result.nrmse_by_channel == pytest.approx((0.1, 0.3), rel=1e-5)
    assert result.figures()["nrmse_by_channel"] == list(result.nrmse_by_channel)
    one = evaluate(found.isel(receive=[0]), fine.isel(receive=[0]))
    assert one.nrmse_by_channel == () and "nrmse_by_channel" not in one.figures()
    silent = (fine["system_matrix"] * xr.DataArray([1, 0], dims="receive")).transpose(*fine["system_matrix"].dims)
    silent = fine.assign(system_matrix=silent)
    assert evaluate(silent, silent).nrmse_by_channel == (0.0, None)


@pytest.mark.filterwarnings("ignore::mpisim.errors.DataWarning")
def test_a_coil_that_receives_nothing_stays_empty():
    """A coil along x receives nothing in the plane of an ideal scanner."""
    both = scanner(mpisim.Coil(), mpisim.Coil((500.0, 0.0, 0.0)))
    fine = mpisim.simulate(both, mpisim.Particle(24e-9), mpisim.Grid((16, 16)))
    assert not fine["system_matrix"].isel(receive=1).any()
    coarse = calib.downsample(fine, 2, snr=None)
    for method in (*BOX, "transms"):
        found = calib.recover(coarse, method)["system_matrix"]
        assert np.isfinite(found.values).all() and not found.isel(receive=1).any()
