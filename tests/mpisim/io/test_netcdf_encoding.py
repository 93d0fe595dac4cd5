"""Names, types and attributes that NetCDF does not hold: refused, or given back as the nearest there is."""

import numpy as np
import pytest

from mpisim import InputError, read, write
from tests.mpisim.data.matrices import sample_matrix


@pytest.mark.parametrize("name", ["a/b", "a\x07", "", "-a", "a ", "é" * 129, "\udc80"])
def test_names_that_netcdf_does_not_hold_are_refused(tmp_path, name):
    for data in (sample_matrix(**{name: 1}), sample_matrix().assign(**{name: 1.0})):
        with pytest.raises(InputError, match=r"^Input name of .* must be one of at most 256 bytes"):
            write(data, tmp_path / "sm.nc")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["scale_factor", "_FillValue", "coordinates", "CLASS"])
def test_attributes_by_which_netcdf_changes_values_are_refused(tmp_path, name):
    data = sample_matrix(noise_std=0.1)
    data["noise_std"].attrs[name] = 2.0
    with pytest.raises(InputError, match=rf"name of an attribute of noise_std must .* received {name}\."):
        write(data, tmp_path / "sm.nc")


@pytest.mark.parametrize("value", [2**70, -(2**63), 2**64 - 1, "a\0b", "\udc80"])
def test_numbers_and_words_that_netcdf_lacks_come_back(tmp_path, value):
    write(sample_matrix(note=value), tmp_path / "sm.nc")
    assert read(tmp_path / "sm.nc").attrs["note"] == value


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [("f2", "f4"), (np.longdouble, "f8"), (np.clongdouble, "c16"), (">f4", "f4"), (">i2", "i2"), ("c8", "c8")],
)
def test_types_that_netcdf_lacks_become_the_nearest(tmp_path, dtype, stored):
    values = np.arange(5).astype(dtype)
    data = sample_matrix().assign(more=("x", values))
    write(data, tmp_path / "sm.nc")
    found = read(tmp_path / "sm.nc")["more"]
    assert found.dtype == np.dtype(stored) and np.array_equal(found.values, values)


@pytest.mark.parametrize(
    "values", [np.ones(5, "c8"), np.zeros(5, [("a", "f4")]), np.array([{}] * 5), np.array([1, "a", 2, "b", 3], object)]
)
def test_coordinates_of_other_types_are_refused(tmp_path, values):
    with pytest.raises(InputError, match="coordinate more must be real numbers, words or dates"):
        write(sample_matrix().assign_coords(more=("x", values)), tmp_path / "sm.nc")


def test_the_name_of_the_axis_of_complex_numbers_is_taken(tmp_path):
    with pytest.raises(InputError, match="another than reim"):
        write(sample_matrix().assign(reim=1.0), tmp_path / "sm.nc")
