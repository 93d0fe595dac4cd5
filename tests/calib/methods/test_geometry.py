"""Where voxels lie about the scanner's axis, by the coordinates of a file; recovery of oblong and shifted grids."""

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.geometry import CENTERED, Geometry
from mpisim.errors import DataWarning

SCANNER, PARTICLE = mpisim.open_sided_ffl(0.5, angles=12, harmonics=(2, 3, 5)), mpisim.Particle(25e-9)
SQUARE = mpisim.Grid((32, 32), (0.032, 0.032))
OBLONG = mpisim.Grid((32, 32), (0.016, 0.032))
SHIFTED = mpisim.Grid((32, 32), (0.032, 0.032), (0.008, 0.008, 0.0))


def coarse_of(grid, factor=4):
    fine = mpisim.simulate(SCANNER, PARTICLE, grid)
    return fine, calib.downsample(fine, factor, snr=33.7, seed=0)


def test_geometry_of_files():
    assert Geometry.of(coarse_of(SQUARE)[1]) == CENTERED
    assert Geometry.of(coarse_of(OBLONG)[1]) == Geometry(2.0, 0.0, 0.0)
    assert Geometry.of(coarse_of(SHIFTED)[1]) == Geometry(1.0, 8.0, 8.0)
    coarse = coarse_of(SHIFTED)[1]
    rounded = coarse.assign_coords(x=coarse["x"].astype(np.float32), y=coarse["y"] + 1e-9)
    assert np.allclose(Geometry.of(rounded)[:3], (1, 8, 8), atol=1e-4)


def test_a_patch_knows_where_it_lies():
    part = coarse_of(SQUARE)[1].isel(x=slice(4, 8), y=slice(0, 2))
    assert np.allclose(Geometry.of(part)[:3], (1.0, 8.0, -12.0))


def test_a_grid_far_from_the_axis_is_taken_as_centred_with_a_warning():
    coarse = coarse_of(SQUARE)[1]
    with pytest.warns(DataWarning, match="1000 mm away from the scanner's axis"):
        assert Geometry.of(coarse.assign_coords(x=coarse["x"] + 1.0)) == CENTERED


@pytest.mark.parametrize("method", [None, "profile"])
def test_a_grid_far_from_the_axis_is_said_once(method):
    coarse = coarse_of(SQUARE)[1]
    with pytest.warns(DataWarning) as caught:
        calib.recover(coarse.assign_coords(x=coarse["x"] + 1.0), method)
    sentences = [str(w.message) for w in caught]
    assert [words[:30] for words in sentences] == ["The centre of the grid is 1000"]


def test_directions_where_voxels_are_counted():
    """u = x cos + y sin falls along i cos' + j sin' for x = i, y = 2 j."""
    angles = np.linspace(0, np.pi, 12, endpoint=False)
    seen = Geometry(2.0).directions(angles)
    i, j = np.meshgrid(np.arange(4.0), np.arange(5.0))
    for angle, turned in zip(angles, seen, strict=True):
        u, counted = i * np.cos(angle) + 2 * j * np.sin(angle), i * np.cos(turned) + j * np.sin(turned)
        assert abs(np.corrcoef(u.ravel(), counted.ravel())[0, 1]) == pytest.approx(1)
    assert CENTERED.directions(angles) is angles


@pytest.mark.parametrize("grid", [OBLONG, SHIFTED], ids=["oblong", "shifted"])
def test_profiles_of_oblong_and_shifted_grids_are_as_good_as_of_square_centred_ones(grid):
    def error(on):
        fine, coarse = coarse_of(on)
        return calib.nrmse(calib.recover(coarse, "profile"), fine)

    assert error(grid) < 1.2 * error(SQUARE) < 0.01


def test_ridges_are_even_or_odd_about_the_axis_not_about_the_grid():
    """About the axis a shifted grid's rows are ridges; about the grid's centre most are none, which is said."""
    fine, coarse = coarse_of(SHIFTED)
    rows = coarse.isel(angle=[2])
    found = calib.recover(rows, "ridge")
    assert "rows_refitted" not in found.attrs["recovery"]
    centred = rows.assign_coords(x=coarse["x"] - 0.008, y=coarse["y"] - 0.008)
    with pytest.warns(DataWarning, match="rows are not constant along a line"):
        wrong = calib.recover(centred, "ridge")
    wanted = fine["system_matrix"].isel(angle=[2]).values
    errors = [calib.nrmse(result["system_matrix"].values, wanted) for result in (found, wrong)]
    assert errors[0] < 0.5 * errors[1]
