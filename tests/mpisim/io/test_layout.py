"""How arrays of others lie: order of the voxels, rows first or last, direction of axes, stacked parts, frames."""

import warnings

import numpy as np
import pytest
import scipy.io

from mpisim import Grid, InputError, read
from mpisim.errors import DataWarning
from tests.mpisim.io.matlab_files import GRID, both_formats, complex_values, refused

ROWS = complex_values(4, 2, 3)  # row, y, x on GRID, which has 3 x 2 voxels
CUBE = Grid((3, 3), (0.003, 0.003))
VOLUME = Grid((2, 3, 4), (0.002, 0.003, 0.004))


def matrix(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read(path, **options).system_matrix.values


def saved(tmp_path, values, name="s.npy"):
    if name.endswith(".npy"):
        np.save(tmp_path / name, values)
    else:
        scipy.io.savemat(tmp_path / name, {"S": values})
    return tmp_path / name


@pytest.mark.parametrize(
    ("values", "options"),
    [
        pytest.param(ROWS.reshape(4, 6), {}, id="rows x voxels, x fastest"),
        pytest.param(ROWS.reshape(4, 6).T, {}, id="voxels x rows"),
        pytest.param(ROWS.reshape(4, 6).T, {"transposed": True}, id="voxels x rows, as it is said"),
        pytest.param(ROWS.transpose(0, 2, 1).reshape(4, 6), {"order": "yx"}, id="y fastest"),
        pytest.param(ROWS[:, ::-1].reshape(4, 6), {"flip": "y"}, id="top down"),
        pytest.param(ROWS[:, ::-1, ::-1].reshape(4, 6), {"flip": "xy"}, id="both axes downwards"),
        pytest.param(
            np.concatenate([ROWS.real, ROWS.imag]).reshape(8, 6), {"stacked": True}, id="imaginary below real parts"
        ),
        pytest.param(ROWS, {}, id="rows x ny x nx"),
        pytest.param(ROWS.transpose(1, 2, 0), {}, id="ny x nx x rows"),
        pytest.param(ROWS.transpose(0, 2, 1), {}, id="rows x nx x ny, which the sizes show"),
    ],
)
def test_every_layout_gives_the_same_matrix(tmp_path, values, options):
    assert np.array_equal(matrix(saved(tmp_path, values), grid=GRID, **options), ROWS)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(ROWS.transpose(2, 1, 0), id="nx x ny x rows"),
        pytest.param(ROWS.transpose(1, 2, 0), id="ny x nx x rows"),
        pytest.param(ROWS.transpose(0, 2, 1), id="rows x nx x ny"),
    ],
)
def test_axes_of_voxels_in_matlab(tmp_path, values):
    assert np.array_equal(matrix(saved(tmp_path, values, "s.mat"), grid=GRID), ROWS)


def test_one_row_has_no_axis_of_its_own(tmp_path):
    for values in (ROWS[0], ROWS[0].ravel(), ROWS[:1].reshape(1, 6)):
        assert np.array_equal(matrix(saved(tmp_path, values), grid=GRID), ROWS[:1])
    assert np.array_equal(matrix(saved(tmp_path, ROWS[0].T, "s.mat"), grid=GRID), ROWS[:1])


def test_a_volume(tmp_path):
    values = complex_values(5, 4, 3, 2)  # row, z, y, x
    for array, options in (
        (values.reshape(5, -1), {}),
        (values, {}),
        (values.transpose(0, 1, 3, 2).reshape(5, -1), {"order": "yx"}),
        (values.transpose(0, 3, 2, 1).reshape(5, -1), {"order": "zyx"}),
        (values[:, ::-1].reshape(5, -1), {"flip": "z"}),
    ):
        assert np.array_equal(matrix(saved(tmp_path, array), grid=VOLUME, **options), values)


@both_formats
def test_a_square_matrix_fits_both_ways_and_is_warned_of(tmp_path, save):
    values = complex_values(6, 6)
    save(tmp_path / "s.mat", S=values)
    with pytest.warns(DataWarning, match=r"S of s\.mat .*\(6, 6\).*x fastest; give transposed to choose\."):
        found = read(tmp_path / "s.mat", grid=GRID)
    assert np.array_equal(found.system_matrix.values.reshape(6, 6), values)
    assert np.array_equal(matrix(tmp_path / "s.mat", grid=GRID, transposed=True).reshape(6, 6), values.T)
    assert np.array_equal(matrix(tmp_path / "s.mat", grid=GRID, transposed=False).reshape(6, 6), values)


def test_a_square_field_of_view_with_axes_for_x_and_y_is_warned_of(tmp_path):
    values = complex_values(4, 3, 3)
    path = saved(tmp_path, values)
    with pytest.warns(DataWarning, match="x fastest; give order to choose"):
        found = read(path, grid=CUBE)
    assert np.array_equal(found.system_matrix.values, values)
    assert np.array_equal(matrix(path, grid=CUBE, order="xy"), values)
    assert np.array_equal(matrix(path, grid=CUBE, order="yx"), values.transpose(0, 2, 1))


def test_the_layout_is_kept_in_the_file(tmp_path):
    path = saved(tmp_path, ROWS[:, ::-1].reshape(4, 6))
    assert read(path, grid=GRID, flip="y").attrs["layout"] == {"flip": "y"}
    assert "layout" not in read(path, grid=GRID).attrs


def test_frames_of_a_measurement(tmp_path):
    values = complex_values(5, 3)  # row, frame
    path = saved(tmp_path, values, "u.mat")
    refused(path, "frames says which axis numbers repetitions", variable="S")
    found = read(path, frames="last")
    assert found.measurement.dims == ("frame", "frequency") and np.array_equal(found.measurement, values.T)
    assert np.array_equal(read(saved(tmp_path, values.T, "u.mat"), frames="first").measurement, values.T)
    stacked = np.concatenate([values.real, values.imag])
    found = read(saved(tmp_path, stacked, "v.mat"), frames="last", stacked=True)
    assert np.array_equal(found.measurement, values.T)


def test_a_stacked_measurement(tmp_path):
    values = complex_values(5)
    path = saved(tmp_path, np.concatenate([values.real, values.imag]), "u.mat")
    assert np.array_equal(read(path, stacked=True).measurement, values)


def test_coarse_values_are_divided_unless_they_are_block_means(tmp_path):
    path = saved(tmp_path, ROWS.reshape(4, 6))
    assert np.allclose(matrix(path, grid=GRID, coarse=4), ROWS / 16, rtol=1e-15)
    assert np.array_equal(matrix(path, grid=GRID, coarse=4, block_means=True), ROWS)
    with pytest.raises(InputError, match="block_means must be given together with coarse"):
        read(path, grid=GRID, block_means=True)


def test_the_noise_level_of_an_array(tmp_path):
    path = saved(tmp_path, ROWS.reshape(4, 6))
    assert "noise_std" not in read(path, grid=GRID)
    assert float(read(path, grid=GRID, noiseless=True).noise_std) == 0
    assert float(read(path, grid=GRID, noise_std=0.1).noise_std) == pytest.approx(0.1)
    rms = np.sqrt(np.mean(abs(ROWS) ** 2))
    assert float(read(path, grid=GRID, snr=20).noise_std) == pytest.approx(rms / 10)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"order": "zz"}, "order must be one of"),
        ({"order": 3}, "order must be one of"),
        ({"flip": "w"}, "flip must be made of the axes"),
        ({"flip": "z"}, "flip must be made of the axes of the grid"),
        ({"frames": "first"}, "frames must be given for a measurement alone"),
        ({"transposed": "yes"}, "transposed must be one of"),
        ({"stacked": True}, "real where it is stacked"),
        ({"transposed": True}, r"rows x 6 voxels .*\(transposed True\)"),
        ({"grid": Grid((4, 2), (0.004, 0.002))}, "rows x 8 voxels"),
        ({"grid": None, "order": "yx"}, "order must be given for a system matrix"),
        ({"memory": -1}, "memory must be a positive number"),
        ({"snr": 30, "noiseless": True}, "given once"),
    ],
)
def test_what_does_not_fit_gets_one_sentence(tmp_path, options, reason):
    refused(saved(tmp_path, complex_values(5, 6)), reason, **({"grid": GRID} | options))


def test_an_odd_number_of_rows_is_not_stacked(tmp_path):
    refused(saved(tmp_path, np.ones((5, 6))), "even number of rows", grid=GRID, stacked=True)


def test_coarse_values_of_samples_over_the_edge(tmp_path):
    """5 x 3 voxels in blocks of 2: 3 x 2 samples, the last ones filled by 2 or 1 of 4 voxels."""
    path = saved(tmp_path, ROWS.reshape(4, 6))
    found = read(path, grid=GRID, coarse=2, fine_shape=(5, 3))
    assert np.allclose(found.system_matrix, ROWS / [[4, 4, 2], [2, 2, 1]], rtol=1e-15)
    assert found.attrs["sampling"]["shape"] == [5, 3] and found.attrs["grid"]["shape"] == [5, 3]
    assert np.array_equal(matrix(path, grid=GRID, coarse=2, fine_shape=(5, 3), block_means=True), ROWS)
    with pytest.raises(InputError, match="Input fine_shape must be as many voxels as 3 x 2 blocks of 2 hold"):
        read(path, grid=GRID, coarse=2, fine_shape=(7, 3))
    with pytest.raises(InputError, match="fine_shape must be given together with coarse; instead received it without"):
        read(path, grid=GRID, fine_shape=(5, 3))
