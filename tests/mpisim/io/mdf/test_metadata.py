"""Coordinates that this program wrote beside the fields of MDF, and that another one changed."""

import h5py
import numpy as np
import pytest

import mpisim

SIMULATED = mpisim.simulate(
    mpisim.open_sided_ffl(0.8, angles=2, harmonics=(2, 3)), mpisim.Particle(25e-9), mpisim.Grid((3, 2))
)


@pytest.fixture
def path(tmp_path):
    mpisim.write(SIMULATED, tmp_path / "a.mdf")
    return tmp_path / "a.mdf"


@pytest.mark.parametrize("kind", ["f2", ">f8", "g"])
def test_our_own_coordinates_are_read_as_numbers_that_all_formats_have(path, kind, tmp_path):
    replace_gradient(path, np.array(0.5, kind))
    found = mpisim.read(path)
    assert found["sf_gradient"].dtype == {"f2": "f4"}.get(kind, "f8") and found["sf_gradient"] == 0.5
    mpisim.write(found, tmp_path / "a.nc")
    assert mpisim.read(tmp_path / "a.nc")["sf_gradient"] == 0.5


def test_a_complex_coordinate_is_left_aside(path):
    replace_gradient(path, np.array(0.5, "c8"))
    with pytest.warns(UserWarning, match="sf_gradient of .* is left aside"):
        assert "sf_gradient" not in mpisim.read(path).coords


def replace_gradient(path, value):
    with h5py.File(path, "a") as file:
        place = "/_mpisim/_coordinates/_sf_gradient"
        assert file[place].shape == ()
        del file[place]
        file[place] = value
