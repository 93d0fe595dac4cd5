"""MATLAB files of both formats, published TranSMS data, and every way a file can be wrong."""

import h5py
import numpy as np
import pytest
import scipy.io
import xarray as xr

from mpisim import Grid, InputError, read, write
from mpisim.io.released import holds_released, read_released

RNG = np.random.default_rng(4)


def complex_values(*shape, dtype=complex):
    return (RNG.normal(size=(*shape, 2)) @ [1, 1j]).astype(dtype)


def refused(path, reason, **options):
    with pytest.raises(InputError, match=reason) as caught:
        read(path, **options)
    assert str(caught.value).startswith("Input ") and "\n" not in str(caught.value)


GRID = Grid((3, 2), (0.003, 0.002))


def write_v5(path, **arrays):
    scipy.io.savemat(path, arrays)


def write_v73(path, **arrays):
    """As MATLAB does: axes in reverse, complex numbers as records of real and imag, plus a group that is no array."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_group("#refs#")
        for name, array in arrays.items():
            values = np.atleast_2d(array).T
            if np.iscomplexobj(values):
                record = np.empty(values.shape, [("real", float), ("imag", float)])
                record["real"], record["imag"] = values.real, values.imag
                values = record
            file[name] = values


both_formats = pytest.mark.parametrize("save", [write_v5, write_v73])


@both_formats
def test_a_matlab_matrix_has_rows_of_voxels_with_x_fastest(tmp_path, save):
    values = complex_values(4, 6)
    save(tmp_path / "sm.mat", A=values, title=np.array([1.0]))
    found = read(tmp_path / "sm.mat", variable="A", grid=GRID)
    assert found.system_matrix.dims == ("frequency", "y", "x")
    assert np.array_equal(found.system_matrix.values.reshape(4, 6), values)
    assert np.array_equal(found.x, GRID.axis(0))
    assert (found.attrs["stage"], found.attrs["origin"]) == ("fine", "measured")


@both_formats
def test_a_transposed_matlab_matrix_is_turned_to_fit_the_grid(tmp_path, save):
    values = complex_values(4, 6)
    save(tmp_path / "sm.mat", A=values.T)
    found = read(tmp_path / "sm.mat", grid=GRID)
    assert np.array_equal(found.system_matrix.values.reshape(4, 6), values)


@both_formats
@pytest.mark.parametrize("column", [True, False])
def test_a_matlab_vector_without_a_grid_is_a_measurement(tmp_path, save, column):
    values = complex_values(5)
    save(tmp_path / "y.mat", y=values[:, None] if column else values[None])
    found = read(tmp_path / "y.mat")
    assert found.attrs["kind"] == "measurement"
    assert np.array_equal(found.measurement, values)


@both_formats
def test_real_matlab_numbers_become_complex(tmp_path, save):
    save(tmp_path / "sm.mat", A=np.arange(24.0).reshape(4, 6))
    found = read(tmp_path / "sm.mat", grid=GRID)
    assert np.array_equal(found.system_matrix.values.ravel(), np.arange(24) + 0j)


@both_formats
def test_a_coarse_matlab_matrix_is_stored_as_block_means(tmp_path, save):
    values = complex_values(4, 6)
    save(tmp_path / "sm.mat", A=values)
    found = read(tmp_path / "sm.mat", grid=GRID, coarse=4)
    assert (found.attrs["stage"], found.attrs["sampling"]["factor"]) == ("coarse", 4)
    assert np.allclose(found.system_matrix.values.reshape(4, 6), values / 16, rtol=1e-15)


@both_formats
def test_matlab_files_that_do_not_fit(tmp_path, save):
    path = tmp_path / "sm.mat"
    save(path, A=complex_values(4, 6), B=complex_values(4, 7))
    refused(path, r"variable must be one of \['A', 'B'\].*'C'", variable="C")
    refused(path, "named where .* holds several arrays", grid=GRID)
    refused(path, r"rows x 6 voxels .*\(4, 7\)", variable="B", grid=GRID)
    refused(path, "one row of numbers", variable="A")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no matlab",
        b"something longer than the header of a MATLAB file " * 5,
        pytest.param(
            b"MATLAB 5.0 MAT-file" + bytes(60),
            id="half a header",
        ),
    ],
)
def test_no_matlab_file(tmp_path, content):
    (tmp_path / "odd.mat").write_bytes(content)
    refused(tmp_path / "odd.mat", "a MATLAB file")


def test_damaged_compressed_matlab_file(tmp_path):
    path = tmp_path / "sm.mat"
    scipy.io.savemat(path, {"A": complex_values(40, 60)}, do_compression=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    refused(path, "a MATLAB file", grid=GRID)


def test_a_matlab_matrix_of_one_row(tmp_path):
    write_v5(tmp_path / "sm.mat", A=complex_values(1, 6))
    assert read(tmp_path / "sm.mat", grid=GRID).system_matrix.shape == (1, 2, 3)


@both_formats
def test_truncated_matlab_file(tmp_path, save):
    path = tmp_path / "sm.mat"
    save(path, A=complex_values(40, 60))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused(path, "a MATLAB file", grid=GRID)


@both_formats
def test_nan_in_a_matlab_matrix(tmp_path, save):
    values = complex_values(4, 6)
    values[1, 2] = np.nan
    save(tmp_path / "sm.mat", A=values)
    refused(tmp_path / "sm.mat", "finite everywhere", grid=GRID)


def test_matlab_text_is_no_matrix(tmp_path):
    write_v5(tmp_path / "text.mat", note="hello")
    refused(tmp_path / "text.mat", "variable must be", variable="note", grid=GRID)


# -- published TranSMS data -------------------------------------------------------------------------------------------

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
        ({"snrList": np.full((4, 1), np.nan)}, GRID, "coordinate snr_ratio of dataset must be finite"),
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
