"""Files of the published TranSMS data: rows, slices, noise, and every way one can be wrong."""

import numpy as np
import pytest
import xarray as xr

from mpisim import Grid, InputError, read, write
from mpisim.io.released import holds_released, read_released
from tests.mpisim.io.matlab_files import GRID, both_formats, complex_values, write_v5

FREQUENCIES, SLICES = 4, 3


def original(**changed):
    """What the published loader expects: rows of frequencies and, faster, slices; a column of numbers per frequency."""
    arrays = {
        "myMtx": 10 * complex_values(FREQUENCIES * SLICES, 6),
        "estNsKestirimi": np.arange(1.0, 1 + FREQUENCIES)[:, None],
        "snrList": np.arange(5.0, 5 + FREQUENCIES)[:, None],
    }
    return {name: array for name, array in (arrays | changed).items() if array is not None}


def as_published(arrays, n1, n2):
    """The images that the published code makes of a matrix: NumPy's order, the second index fastest."""
    return arrays["myMtx"].reshape(FREQUENCIES, SLICES, n1, n2)


@both_formats
def test_published_data_is_read_like_any_matrix_without_naming_a_variable(tmp_path, save):
    arrays = original()
    save(tmp_path / "sm.mat", **arrays)
    assert holds_released(tmp_path / "sm.mat")
    found = read(tmp_path / "sm.mat", grid=GRID)
    assert (found.attrs["stage"], found.attrs["origin"]) == ("fine", "measured")
    assert found.system_matrix.dims == ("frequency", "y", "x")
    assert np.array_equal(found.system_matrix.values, as_published(arrays, 2, 3).reshape(-1, 2, 3))
    named = read(tmp_path / "sm.mat", variable="myMtx", grid=GRID)
    assert np.array_equal(named.system_matrix.values, found.system_matrix.values)


@both_formats
def test_published_data_keeps_its_noise_and_comes_back_from_netcdf(tmp_path, save):
    arrays = original()
    save(tmp_path / "sm.mat", **arrays)
    found = read_released(tmp_path / "sm.mat", GRID)
    assert np.array_equal(found.system_matrix.values, as_published(arrays, 2, 3).reshape(-1, 2, 3))
    assert np.array_equal(found.noise_estimate, np.repeat(arrays["estNsKestirimi"], SLICES))
    assert np.array_equal(found.snr_ratio, np.repeat(arrays["snrList"], SLICES))
    assert float(found.noise_std) ** 2 == pytest.approx(2)
    write(found, tmp_path / "sm.nc")
    xr.testing.assert_identical(read(tmp_path / "sm.nc"), found)


@both_formats
def test_a_published_volume_has_its_slices_along_z(tmp_path, save):
    arrays = original()
    save(tmp_path / "sm.mat", **arrays)
    found = read_released(tmp_path / "sm.mat", Grid((3, 2, SLICES), (0.003, 0.002, 0.003)))
    assert found.system_matrix.dims == ("frequency", "z", "y", "x")
    assert np.array_equal(found.system_matrix.values, as_published(arrays, 2, 3))
    assert np.array_equal(found.snr_ratio, arrays["snrList"][:, 0])


def test_published_data_that_cannot_be_whitened_has_no_noise(tmp_path):
    arrays = original()
    write_v5(tmp_path / "sm.mat", **arrays | {"myMtx": 1e-9 * arrays["myMtx"]})
    assert "noise_std" not in read_released(tmp_path / "sm.mat", GRID)


@both_formats
@pytest.mark.parametrize(
    ("changed", "grid", "reason"),
    [
        ({}, Grid((3, 3), (0.003, 0.003)), r"myMtx .* rows x 9 voxels to fit the grid \(3, 3\).*\(12, 6\)"),
        ({}, Grid((3, 2, 2), (0.003, 0.002, 0.002)), "grid must be of 3 slices along z"),
        ({"snrList": np.ones((3, 1))}, GRID, "as many numbers as 12 rows have frequencies.*received 4 and 3"),
        (
            {"snrList": np.ones((5, 1)), "estNsKestirimi": np.ones((5, 1))},
            GRID,
            "as many numbers as 12 rows have frequencies.*received 5 and 5",
        ),
        ({"estNsKestirimi": None}, GRID, "a file with myMtx, estNsKestirimi, snrList"),
        ({"snrList": np.full((4, 1), np.nan)}, GRID, "coordinate snr_ratio of sm.mat must be finite"),
    ],
)
def test_published_data_that_does_not_fit(tmp_path, save, changed, grid, reason):
    save(tmp_path / "sm.mat", **original(**changed))
    with pytest.raises(InputError, match=reason):
        read_released(tmp_path / "sm.mat", grid)


@pytest.mark.parametrize("content", [b"", b"no matlab", b"\x89HDF\r\n\x1a\n" + bytes(40)])
def test_a_damaged_file_holds_no_published_data(tmp_path, content):
    (tmp_path / "odd.mat").write_bytes(content)
    assert not holds_released(tmp_path / "odd.mat")
    assert not holds_released(tmp_path / "none.mat")
