"""MATLAB files of both formats, and every way one can be wrong."""

import numpy as np
import pytest
import scipy.io

from mpisim import InputError, read
from tests.mpisim.io.matlab_files import GRID, both_formats, complex_values, refused, write_v5


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
    refused(path, r"variable must be one of the arrays in .*: A \(.*\), B \(.*'C'", variable="C")
    refused(path, "named where .* holds several arrays", grid=GRID)
    refused(path, r"rows x 6 voxels .*\(4, 7\)", variable="B", grid=GRID)
    refused(path, r"one row of numbers where no grid is given \(`mpisim convert` makes a matrix", variable="A")


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
    refused(tmp_path / "odd.mat", "MATLAB file")


def test_damaged_compressed_matlab_file(tmp_path):
    path = tmp_path / "sm.mat"
    scipy.io.savemat(path, {"A": complex_values(40, 60)}, do_compression=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    refused(path, "A of .* must be a readable array", grid=GRID)


def test_a_matlab_matrix_of_one_row(tmp_path):
    write_v5(tmp_path / "sm.mat", A=complex_values(1, 6))
    assert read(tmp_path / "sm.mat", grid=GRID).system_matrix.shape == (1, 2, 3)


@both_formats
def test_truncated_matlab_file(tmp_path, save):
    path = tmp_path / "sm.mat"
    save(path, A=complex_values(40, 60))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused(path, "MATLAB file", grid=GRID)


@both_formats
def test_nan_in_a_matlab_matrix(tmp_path, save):
    values = complex_values(4, 6)
    values[1, 2] = np.nan
    save(tmp_path / "sm.mat", A=values)
    refused(tmp_path / "sm.mat", "finite everywhere", grid=GRID)


def test_matlab_text_is_no_matrix(tmp_path):
    write_v5(tmp_path / "text.mat", note="hello")
    refused(
        tmp_path / "text.mat",
        "note of .* must be an array of numbers; instead received one of class text",
        variable="note",
        grid=GRID,
    )


def test_a_grid_of_another_type_gets_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"Input grid must be a mpisim.Grid; instead received \(3, 2\)"):
        read(tmp_path / "sm.mat", grid=(3, 2))


@both_formats
def test_names_and_layouts_of_published_codes_are_known(tmp_path, save):
    """`Aconcat` and `bconcat` hold real parts above imaginary ones; of several arrays the known one is taken."""
    path, rows, y = tmp_path / "a.mat", complex_values(4, 6), complex_values(4)
    both = np.concatenate([rows.real, rows.imag]), np.concatenate([y.real, y.imag])[:, None]
    save(path, Aconcat=both[0], bconcat=both[1], mask=np.ones((2, 3)))
    matrix, measurement = read(path, grid=GRID), read(path)
    np.testing.assert_array_equal(matrix["system_matrix"].values.reshape(4, 6), rows)
    np.testing.assert_array_equal(measurement["measurement"].values, y)
    assert matrix.attrs["layout"]["stacked"] and matrix.attrs["variable"] == "Aconcat"
    save(path, S=rows, b1=y[:, None], b2=y[:, None])
    np.testing.assert_array_equal(read(path, grid=GRID)["system_matrix"].values.reshape(4, 6), rows)
    refused(path, "named where .* holds several arrays; instead received none of S, b1, b2")
    save(path, Aconcat=rows, other=rows)  # complex: nothing is stacked
    np.testing.assert_array_equal(read(path, grid=GRID)["system_matrix"].values.reshape(4, 6), rows)
