"""The standard deviation that a method states: checked, in the dataset, in files and joined from patches."""

import numpy as np
import pytest

import calib
import mpisim
from calib.files import recover_file
from calib.methods.bicubic import bicubic
from calib.patches import recover_by_patches
from mpisim.data.schema import CIRCULARITY, STD
from mpisim.data.views import as_images
from mpisim.errors import InputError


def of(rows):
    return 0.01 * np.abs(rows)


@pytest.fixture
def method():
    """A method that states a hundredth of each value as its deviation."""

    def apply(coarse):
        rows = bicubic(coarse).rows
        return calib.Recovered(rows, std=of(rows))

    calib.METHODS.register("stated", calib.Method("as bicubic, with a deviation", apply))
    yield "stated"
    calib.METHODS.unregister("stated")


@pytest.fixture(scope="module")
def coarse():
    scanner = mpisim.open_sided_ffl(0.8, angles=3, harmonics=(2, 3))
    fine = mpisim.simulate(scanner, mpisim.Particle(24e-9), mpisim.Grid((16, 16)))
    return calib.downsample(fine, 2, snr=40)


def test_the_matrix_holds_what_the_method_states(method, coarse, tmp_path):
    found = calib.recover(coarse, method)
    assert found[STD].dims == found["system_matrix"].dims and found[STD].dtype == np.float32
    assert found[STD].attrs["units"] == found["system_matrix"].attrs["units"] == "V"
    assert np.allclose(found[STD], of(found["system_matrix"].values), rtol=1e-6)
    assert STD not in calib.recover(coarse, "bicubic")
    mpisim.write(coarse, tmp_path / "coarse.nc")
    for values in (10**6, 2 * 64):  # complete, and an angle at a time
        recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc", method, values_at_once=values)
        assert np.array_equal(mpisim.read(tmp_path / "fine.nc")[STD], found[STD])


@pytest.mark.parametrize("wrong", ["negative", "infinite", "shape", "complex", "one for all"])
def test_a_deviation_that_is_none_is_refused(wrong, coarse):
    def apply(coarse):
        rows = bicubic(coarse).rows
        good = of(rows)
        std = {
            "negative": -good,
            "infinite": np.where(good > np.median(good), np.inf, good),
            "shape": good[:, 1:],
            "complex": good + 0j,
            "one for all": 0.1,
        }[wrong]
        return calib.Recovered(rows, std=std)

    with pytest.raises(
        InputError, match=r"^Input std of the result of the method m must be real, finite, zero or more"
    ):
        calib.check_method(calib.Method("wrong", apply), "m")


def direction(rows):
    """That of errors along the phase of a row, nearly."""
    return 0.9 * (rows / np.abs(rows)) ** 2


@pytest.fixture
def with_parts():
    """A method that states in which direction of the complex plane it errs."""

    def apply(coarse):
        rows = bicubic(coarse).rows
        return calib.Recovered(rows, std=of(rows), circularity=direction(rows))

    calib.METHODS.register("parts", calib.Method("as bicubic, with deviations of both parts", apply))
    yield "parts"
    calib.METHODS.unregister("parts")


def test_the_matrix_holds_how_both_parts_differ(with_parts, coarse, tmp_path):
    found = calib.recover(coarse, with_parts)
    wanted = direction(as_images(found)).reshape(found[STD].shape)
    assert found[CIRCULARITY].dims == found[STD].dims and found[CIRCULARITY].dtype == np.complex64
    assert np.allclose(found[CIRCULARITY], wanted, atol=1e-5)
    mpisim.write(coarse, tmp_path / "coarse.nc")
    for values in (10**6, 2 * 64):  # complete, and an angle at a time
        recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc", with_parts, values_at_once=values)
        assert np.array_equal(mpisim.read(tmp_path / "fine.nc")[CIRCULARITY], found[CIRCULARITY])
    assert CIRCULARITY not in recover_by_patches(coarse, with_parts, patch=6, overlap=4)


@pytest.mark.parametrize("wrong", ["too large", "shape", "real", "without a deviation"])
def test_a_circularity_that_is_none_is_refused(wrong, coarse):
    def apply(coarse):
        rows = bicubic(coarse).rows
        good = direction(rows)
        found = {"too large": 2 * good, "shape": good[:, 1:], "real": good.real}.get(wrong, good)
        return calib.Recovered(rows, std=None if wrong == "without a deviation" else of(rows), circularity=found)

    with pytest.raises(InputError, match=r"^Input circularity of the result of the method m must be complex"):
        calib.check_method(calib.Method("wrong", apply), "m")


def test_patches_join_it_as_they_join_the_rows(method, coarse):
    """A deviation in proportion to rows of one sign at least as large as they; one patch is the whole."""
    whole = calib.recover(coarse, method)
    alone = recover_by_patches(coarse, method, patch=8, overlap=0, consistency=False)
    assert np.allclose(alone[STD], whole[STD], rtol=1e-5)
    joined = recover_by_patches(coarse, method, patch=6, overlap=4, consistency=False)
    assert np.all(joined[STD].values >= of(as_images(joined)).reshape(joined[STD].shape) * (1 - 1e-4))
    assert joined.attrs["recovery"]["patch"] == 6
    assert STD not in recover_by_patches(coarse, "bicubic", patch=6, overlap=4)
