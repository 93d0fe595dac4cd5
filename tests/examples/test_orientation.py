"""The way round of x, y and z: three labelled spots through files, recovery, reconstruction, figure."""

import numpy as np
import pytest

from tests.examples.test_ranges import example


@pytest.mark.parametrize("suffix", ["mdf", "nc"])
def test_every_spot_is_found_where_it_is(suffix, tmp_path, capsys):
    """To a voxel along each axis; each stands alone on its side, so that no axis can be reversed or exchanged."""
    orientation = example("orientation")
    found = orientation.main(["--format", suffix, "--out", str(tmp_path / "o.png")])
    grid = orientation.GRID
    assert len(set(grid.shape)) == 3 and set(found) == set("XYZ")
    for label, (index, place) in found.items():
        away = np.abs(np.subtract(place, orientation.SPOTS[label][0])) / grid.voxel
        assert np.all(away < 1), label
        assert [grid.axis(i)[index[2 - i]] for i in range(3)] == pytest.approx(place)
    assert capsys.readouterr().out.count("position") == 3
    assert (tmp_path / "o.png").read_bytes().startswith(b"\x89PNG")


def test_the_picture_of_an_image_has_x_to_the_right_and_the_other_axis_upwards(tmp_path):
    """By the tool's own plot: the array that is drawn, its origin, and its edges in mm."""
    orientation = example("orientation")
    image = orientation.image_by("mdf", tmp_path)
    figure = orientation.mpisim.plot.draw(image)
    axes = [ax for ax in figure.axes if ax.images and ax.images[0].get_extent()[1] > 1]
    shown = axes[2].images[0]
    left, right, bottom, top = shown.get_extent()
    assert shown.origin == "lower" and left < right and bottom < top
    index, place = orientation.found(image)["X"]
    assert np.array_equal(shown.get_array(), image["image"].values[index[0]]) and index[0] == 2
    column = (1e3 * place[0] - left) / (right - left) * shown.get_array().shape[1]
    row = (1e3 * place[1] - bottom) / (top - bottom) * shown.get_array().shape[0]
    assert (int(row), int(column)) == index[1:]
