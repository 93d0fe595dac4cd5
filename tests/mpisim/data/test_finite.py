"""Numbers that are not finite are named by their rows."""

import numpy as np
import pytest

from mpisim import Grid, InputError, read
from mpisim.data.schema import build, validate
from tests.mpisim.data.matrices import sample_matrix


def spoiled(*places):
    data = sample_matrix(shape=(4, 3, 4, 5))
    data = data.assign_coords(harmonic=("frequency", [2, 3, 5]))
    for place in places:
        data.system_matrix.values[place] = np.nan
    return data


def test_a_row_is_named_by_number_angle_and_harmonic():
    with pytest.raises(InputError, match=r"1 value that is NaN or infinite in row 5 \(angle 0\.001 rad, harmonic 5\)"):
        validate(spoiled((1, 2, 3, 4)), "s.nc")


def test_the_first_rows_are_named_and_the_others_counted():
    message = r"system_matrix of s\.nc .* 125 values .* in row 0 .*; row 1 .*; row 2 .*; row 3 .* and 3 more rows"
    with pytest.raises(InputError, match=message):
        validate(spoiled((0,), (1,), (3, 1, 0)), "s.nc")


def test_rows_without_coordinates_are_numbered(tmp_path):
    values = np.ones((20, 24), complex)
    values[3, 2] = np.inf
    np.save(tmp_path / "S.npy", values)
    with pytest.raises(InputError, match=r"system_matrix of S\.npy .* in row 3, counted from 0\."):
        read(tmp_path / "S.npy", grid=Grid((6, 4), (0.006, 0.004)))


def test_measurements_and_images():
    values = np.ones((2, 3), complex)
    values[1, 2] = np.nan
    with pytest.raises(InputError, match=r"measurement of dataset .* in row 5 \(frame 1, frequency 2\)"):
        build("measurement", values, ("frame", "frequency"), {}, origin="measured")
    with pytest.raises(InputError, match=r"image of dataset .* 1 value that is NaN or infinite\."):
        build("image", values.real, ("y", "x"), {"y": [0.0, 1.0], "x": [0.0, 1.0, 2.0]}, units="1")
