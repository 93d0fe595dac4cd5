"""Grids that the factor does not divide: every method, files, patches, comparison with a reference."""

import numpy as np
import pytest

import calib
import mpisim
from calib.evaluation import evaluate, evaluate_files
from calib.files import recover_file
from calib.learned.bundled import bundled_weights
from calib.patches import recover_by_patches
from mpisim.data.blocks import block_mean, filling, replicate
from mpisim.data.downsampling import crop
from mpisim.data.views import as_images
from mpisim.errors import DataWarning

SHAPE = (13, 11)  # x, y: at 4x 4 x 3 blocks, the last ones 1 and 3 voxels wide
METHODS = [m for m, about in calib.METHODS.items() if not about.learned or bundled_weights(m, 4).is_file()]
pytestmark = pytest.mark.filterwarnings("ignore:The weights", "ignore:.*rows are not constant", "ignore:.*rows do not")


@pytest.fixture(scope="module")
def fine():
    grid = mpisim.Grid(SHAPE, (0.013, 0.011), (0.001, -0.002, 0.0))
    scanner = mpisim.open_sided_ffl(0.8, fov=0.014, angles=6, harmonics=(2, 3))
    return mpisim.simulate(scanner, mpisim.Particle(24e-9), grid)


def at_edge(values):
    """Mean square over the voxels of partial blocks, and over all others."""
    edge = replicate(filling(SHAPE[::-1], 4), 4, SHAPE[::-1]) < 1
    return np.mean(np.abs(values[:, edge]) ** 2), np.mean(np.abs(values[:, ~edge]) ** 2)


@pytest.mark.filterwarnings("ignore:All rows were recovered by .* instead of (linear-bayes|profile-prior)")
@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_fine_voxels(fine, method):
    coarse = calib.downsample(fine, 4, calib.METHODS[method].samplings[0], snr=None, edge="fill")
    found = calib.recover(coarse, method)
    assert found["system_matrix"].shape == fine["system_matrix"].shape
    assert np.allclose(found["x"], fine["x"], atol=1e-9) and np.allclose(found["y"], fine["y"], atol=1e-9)
    if method in ("bicubic-dc", "ridge", "profile", "transms"):  # which end with data consistency
        scale = np.abs(as_images(coarse)).max()
        assert np.allclose(block_mean(as_images(found), 4), as_images(coarse), atol=2e-6 * scale)


@pytest.mark.parametrize(("method", "most"), [("profile", 0.02), ("ridge", 0.1), ("bicubic-dc", 0.2)])
def test_the_edge_is_recovered_about_as_well_as_the_rest(fine, method, most):
    """Without noise; with 33.7 dB the error stays within the same bound, although the edge is noisier."""
    exact, noisy = (calib.recover(calib.downsample(fine, 4, snr=s, edge="fill"), method) for s in (None, 33.7))
    edge, rest = at_edge(as_images(exact) - as_images(fine))
    assert edge < 4 * rest
    assert calib.nrmse(exact, fine) < most and calib.nrmse(noisy, fine) < most


def test_partial_blocks_count_by_their_noise(fine):
    """The mean square of the residual of a right fit, in units of each block's noise, is that of the noise."""
    coarse = calib.downsample(fine, 4, snr=20, seed=1, edge="fill")
    residual = as_images(coarse) - block_mean(as_images(calib.recover(coarse, "profile")), 4)
    weighed = np.abs(residual * filling(SHAPE[::-1], 4)) ** 2
    assert 0.6 < weighed.mean() / float(coarse["noise_std"]) ** 2 <= 1.4
    assert np.sqrt((weighed[:, -1, -1] / weighed.mean()).mean()) < 2  # its own noise is 5.3 times that of whole blocks


def test_files_are_recovered_block_by_block(fine, tmp_path):
    coarse = calib.downsample(fine, 4, snr=33.7, edge="fill")
    mpisim.write(coarse, tmp_path / "coarse.nc")
    told = recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc", "ridge", values_at_once=60)
    assert told["grid"] == [13, 11]
    wanted, found = calib.recover(coarse, "ridge"), mpisim.read(tmp_path / "fine.nc")
    assert np.allclose(as_images(found), as_images(wanted), atol=1e-5 * np.abs(as_images(wanted)).max())


def test_patches_cover_the_edge(fine):
    coarse = calib.downsample(fine, 2, snr=None, edge="fill")  # 7 x 6 blocks
    found = recover_by_patches(coarse, "bicubic", patch=4, overlap=2)
    assert np.allclose(found["x"], fine["x"], atol=1e-9) and np.allclose(found["y"], fine["y"], atol=1e-9)
    scale = np.abs(as_images(coarse)).max()
    assert np.allclose(block_mean(as_images(found), 2), as_images(coarse), atol=2e-6 * scale)
    assert calib.nrmse(found, fine) < 0.05


def test_a_matrix_of_cropped_voxels_is_compared_with_the_first_of_the_reference(fine, tmp_path):
    coarse = calib.downsample(fine, 4, edge="crop")
    found = calib.recover(coarse, "bicubic")
    with pytest.warns(DataWarning, match="The reference of 13 x 11 voxels is compared on its first 12 x 8."):
        error = evaluate(found, fine).nrmse
    assert error == evaluate(found, crop(fine, 4)).nrmse
    with pytest.warns(DataWarning, match="on its first 12 x 8"):
        assert calib.compare(coarse, fine, ["bicubic"]).applied[0].errors.nrmse == error
    mpisim.write(found, tmp_path / "found.nc")
    mpisim.write(fine, tmp_path / "fine.nc")
    with pytest.warns(DataWarning, match="on its first 12 x 8"):
        assert evaluate_files(tmp_path / "found.nc", tmp_path / "fine.nc").nrmse == pytest.approx(error)
    shifted = found.assign_coords(x=found["x"] + 5e-4)
    with pytest.raises(mpisim.InputError, match="of the reference's 12 rows of 13 x 11 voxels"):
        evaluate(shifted, fine)
