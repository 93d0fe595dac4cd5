import math

import matplotlib.image
import numpy as np
import pytest

import recon
from mpisim import Grid, InputError
from recon.phantoms import from_array, from_image

VALUES = np.random.default_rng(0).random((5, 4))  # (y, x)
SIZE = (0.016, 0.020)


def test_on_its_own_pixels_it_is_the_array():
    assert np.allclose(from_array(VALUES, SIZE)(Grid((4, 5), SIZE)), VALUES, atol=1e-14)
    assert np.allclose(from_array(VALUES, SIZE, concentration=3)(Grid((4, 5), SIZE)), 3 * VALUES, atol=1e-14)


@pytest.mark.parametrize("center", [(0.0, 0.0), (1.3e-3, -0.7e-3)])
def test_amounts_do_not_depend_on_the_grid(center):
    phantom = from_array(VALUES, SIZE, center)
    for grid in (Grid((7, 9), (0.04, 0.04)), Grid((64, 32), (0.03, 0.05), (1e-3, 2e-3, 0))):
        amount = phantom.sample(grid).sum() * math.prod(grid.voxel)
        assert amount == pytest.approx(VALUES.mean() * math.prod(SIZE), rel=1e-12)
        assert phantom.share_outside(grid) == pytest.approx(0, abs=1e-12)


def test_a_filled_array_is_a_rectangle():
    grid = Grid((23, 32), (0.030, 0.032), (1e-3, -0.5e-3, 0.0))
    part = recon.phantoms.Rectangle((2e-3, 1e-3), (7e-3, 9e-3))
    pixels = from_array(np.ones((3, 8)), (7e-3, 9e-3), (2e-3, 1e-3))
    assert np.allclose(pixels(grid), recon.Phantom("one", (part,))(grid), atol=1e-14)


def test_one_length_is_both_and_phantoms_compare():
    assert from_array(VALUES, 0.02) == from_array(VALUES, (0.02, 0.02))
    assert from_array(VALUES, 0.02) != from_array(VALUES + 1, 0.02)
    before = VALUES.copy()
    phantom = from_array(before, 0.02)
    before[:] = 0
    assert phantom.sample(Grid((4, 5), (0.02, 0.02))).max() > 0.5  # a copy


def test_files_hold_a_description():
    described = from_array(VALUES, SIZE, name="mine").describe()
    assert described["name"] == "mine" and described["size"] == list(SIZE)
    assert described["parts"][0]["shape"] == [5, 4] and len(described["parts"][0]["digest"]) == 64


def test_a_picture_has_its_top_row_at_the_highest_y(tmp_path):
    picture = np.zeros((3, 4))
    picture[0, 1] = 1.0  # top row
    matplotlib.image.imsave(tmp_path / "p.png", picture, cmap="gray", vmin=0, vmax=1)
    result = from_image(tmp_path / "p.png", (0.004, 0.003), concentration=2.0)(Grid((4, 3), (0.004, 0.003)))
    expected = np.zeros((3, 4))
    expected[2, 1] = 2.0  # lowest y first
    assert np.allclose(result, expected, atol=1e-6)


def test_colours_count_by_luminance_and_transparency_is_empty(tmp_path):
    picture = np.array([[[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 0.0]]])
    matplotlib.image.imsave(tmp_path / "p.png", picture)
    result = from_image(tmp_path / "p.png", (0.004, 0.001))(Grid((4, 1), (0.004, 0.001)))
    assert np.allclose(result, [[0.299, 0.587, 0.114, 0.0]], atol=1e-6)


def test_an_array_file_is_in_the_order_of_arrays(tmp_path):
    np.save(tmp_path / "p.npy", VALUES)
    assert np.allclose(from_image(tmp_path / "p.npy", SIZE)(Grid((4, 5), SIZE)), VALUES)


def test_it_is_measured_like_any_phantom():
    from tests.recon.problems import small_matrix

    fine = small_matrix()
    image = recon.phantoms.tubes().sample(Grid.of(fine).refined(4))
    y = recon.measure(fine, from_array(image, 0.032), noiseless=True)
    expected = recon.measure(fine, recon.phantoms.tubes(), noiseless=True)
    assert np.allclose(y["measurement"], expected["measurement"], rtol=1e-6)
    assert y.attrs["phantom"]["parts"][0]["kind"] == "Pixels"


def files(folder):
    (folder / "text.png").write_text("no picture")
    (folder / "text.npy").write_text("no array")
    np.save(folder / "objects.npy", np.array([[{}, 1]], dtype=object), allow_pickle=True)
    np.save(folder / "flat.npy", np.ones(4))
    np.save(folder / "complex.npy", np.ones((2, 2), complex))
    return folder


@pytest.mark.parametrize(
    "make",
    [
        lambda f: from_array(np.ones(4), 0.02),
        lambda f: from_array(np.ones((2, 2, 2)), 0.02),
        lambda f: from_array(np.zeros((2, 2)), 0.02),
        lambda f: from_array(-np.ones((2, 2)), 0.02),
        lambda f: from_array(np.full((2, 2), np.nan), 0.02),
        lambda f: from_array([["a"]], 0.02),
        lambda f: from_array(VALUES, 20),  # mm
        lambda f: from_array(VALUES, (0.02, 0.02, 0.02)),
        lambda f: from_array(VALUES, 0.02, concentration=-1),
        lambda f: from_image(f / "missing.png", 0.02),
        lambda f: from_image(f / "text.png", 0.02),
        lambda f: from_image(f / "text.npy", 0.02),
        lambda f: from_image(f / "objects.npy", 0.02),
        lambda f: from_image(f / "flat.npy", 0.02),
        lambda f: from_image(f / "complex.npy", 0.02),
    ],
)
def test_bad_input_gets_one_sentence(make, tmp_path):
    with pytest.raises(InputError, match=r"^Input .* must be [^\n]*; instead received [^\n]*\.$"):
        make(files(tmp_path))
