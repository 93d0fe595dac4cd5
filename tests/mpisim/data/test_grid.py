"""Voxels: from numbers, from files, finer and coarser."""

import numpy as np
import pytest
import xarray as xr

import mpisim
from mpisim.data.grid import Grid
from mpisim.data.schema import build
from mpisim.errors import InputError
from tests.mpisim.bad_input import NOT_POSITIVE, assert_refused, each

GRIDS = [
    Grid(),
    Grid((4, 3), (0.008, 0.003), (0.001, 0.0, 0.002)),
    Grid((2, 3, 5), (0.02, 0.03, 0.01), (0.0, 0.004, -0.002)),
    Grid((1, 6), (0.007, 0.012), (0.003, 0.0, 0.0)),
]


def image_on(voxels, **attributes):
    return build("image", np.ones(voxels.array_shape), voxels.dims, voxels.coords(), units="1", **attributes)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_file_gives_its_grid_back(grid, tmp_path):
    described = {"shape": list(grid.shape), "fov": list(grid.fov), "center": list(grid.center)}
    mpisim.write(image_on(grid, grid=described), tmp_path / "image.nc")
    found = Grid.of(mpisim.read(tmp_path / "image.nc"))
    assert found.shape == grid.shape
    assert found.fov == pytest.approx(grid.fov) and found.center == pytest.approx(grid.center)


def test_one_voxel_without_a_description_is_a_millimetre_wide():
    assert Grid.of(image_on(Grid((1, 2), (0.5, 0.004)))).fov == pytest.approx((1e-3, 0.004))


@pytest.mark.parametrize("grid", GRIDS)
def test_faces_lie_between_centres(grid):
    for i, length in enumerate(grid.fov):
        faces = grid.edges(i)
        assert faces.size == grid.shape[i] + 1
        assert np.allclose((faces[1:] + faces[:-1]) / 2, grid.axis(i), atol=1e-15)
        assert faces[-1] - faces[0] == pytest.approx(length)


def test_coarser_and_finer_undo_each_other():
    grid = Grid((8, 12), (0.02, 0.03), (0.001, 0.0, 0.0))
    assert grid.coarsened(4).refined(4) == grid
    with pytest.raises(InputError, match="Input factor must be a divisor of the grid 8 x 12; instead received 3"):
        grid.coarsened(3)


def test_a_shift_moves_the_centres():
    moved = Grid((4, 4), (0.04, 0.04)).shifted(0.001, -0.002)
    assert np.allclose(moved.axis(0) - Grid((4, 4), (0.04, 0.04)).axis(0), 0.001)
    assert moved.center == (0.001, -0.002, 0.0)


def test_coordinates_are_those_of_a_dataset():
    grid = GRIDS[2]
    assert grid.dims == ("z", "y", "x") and grid.array_shape == (5, 3, 2)
    data = xr.Dataset(coords=grid.coords())
    assert all(np.array_equal(data[name], grid.axis(i)) for i, name in enumerate("xyz"))


def test_voxel_centres_are_symmetric_and_equidistant():
    grid = Grid((4, 3), (0.008, 0.003), (0.001, 0.0, 0.002))
    assert np.allclose(grid.axis(0), [-0.002, 0.0, 0.002, 0.004], atol=1e-18)
    assert np.allclose(grid.axis(1), [-0.001, 0, 0.001], atol=1e-18)
    assert grid.axis(2).tolist() == [0.002]
    assert grid.voxel == pytest.approx((0.002, 0.001))


def test_centres_run_with_x_fastest():
    grid = Grid((2, 3, 2), (0.2, 0.3, 0.2))
    centres = grid.centers().reshape(2, 3, 2, 3)
    assert np.allclose(centres[0, 0, :, 0], grid.axis(0))
    assert np.allclose(centres[0, :, 0, 1], grid.axis(1))
    assert np.allclose(centres[:, 0, 0, 2], grid.axis(2))


def test_refined_voxels_average_to_the_coarse_ones():
    grid = Grid((3, 5), (0.03, 0.02), (0.01, 0, 0))
    fine = grid.refined(4)
    for i in (0, 1):
        assert np.allclose(fine.axis(i).reshape(-1, 4).mean(axis=1), grid.axis(i), atol=1e-17)


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: Grid(fov=(0.03, v)), NOT_POSITIVE),
        *each(lambda v: Grid(shape=(4, v)), (0, -3, 2.5, np.nan, "many", None)),
        *each(lambda v: Grid(shape=v), ((4,), (4, 4, 4), (1, 2, 3, 4))),
        *each(lambda v: Grid(center=v), ((0, 0), (0, 0, np.nan), (0, np.inf, 0))),
    ],
)
def test_bad_input_gets_one_sentence(make, value):
    assert_refused(make, value)


def test_the_sentence_names_the_argument():
    with pytest.raises(InputError, match="fov"):
        Grid(fov=(0, 1))


def test_numbers_of_any_type_describe_a_grid():
    assert Grid([np.int64(4), 3.0], np.array([0.01, 0.02])) == Grid((4, 3), (0.01, 0.02))


def test_large_voxels_over_the_edge_and_the_first_ones():
    """They are where those of a larger grid are, whose first voxels are the grid again."""
    grid, larger = Grid((13, 23), (0.013, 0.046), (0.001, 0.002, 0.003)), Grid((16, 24), (0.016, 0.048))
    coarse = grid.coarsened(4, partial=True)
    assert coarse.shape == (4, 6) and coarse.center[2] == 0.003
    for axis in (0, 1):
        assert coarse.axis(axis)[0] == pytest.approx(grid.axis(axis)[:4].mean(), abs=1e-15)
        assert np.allclose(np.diff(coarse.axis(axis)), 4 * grid.voxel[axis], rtol=1e-12)
        assert np.allclose(coarse.refined(4).first(13, 23).axis(axis), grid.axis(axis), atol=1e-15)
    assert larger.first(16, 24) is larger
    assert larger.coarsened(4, partial=True) == larger.coarsened(4)
    with pytest.raises(InputError, match="Input first voxels must be at most 13 x 23; instead received 14 x 23"):
        grid.first(14, 23)
