"""Recovery by patches: one patch is the method itself, weights add up to one, and blending leaves no seams."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import mpisim
from calib.learned.checkpoint import save_model
from calib.learned.config import ModelConfig
from calib.learned.model import RecoveryModel
from calib.patches import patch_starts, patch_weights, recover_by_patches, seam_ratio
from calib.recovery import recover
from mpisim.data.blocks import block_mean
from mpisim.data.downsampling import downsample
from mpisim.data.metrics import nrmse
from mpisim.data.views import as_images
from mpisim.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:The weights")  # that state nothing, or were trained on 32 x 32 voxels


@pytest.fixture(scope="module")
def fine():
    scanner = mpisim.open_sided_ffl(0.8, fov=0.032, angles=[0.2, 0.8], harmonics=(2, 3, 5))
    return mpisim.simulate(scanner, mpisim.Particle(24e-9), mpisim.Grid((64, 64), (0.032, 0.032)))


@given(
    length=st.integers(4, 40), patch=st.integers(1, 16), overlap=st.integers(0, 15), factor=st.sampled_from([1, 2, 8])
)
def test_patches_cover_the_grid_and_their_weights_add_up_to_one(length, patch, overlap, factor):
    if patch > length or overlap >= patch:
        with pytest.raises(InputError):
            patch_starts(length, patch, overlap)
        return
    starts = patch_starts(length, patch, overlap)
    assert starts[0] == 0 and starts[-1] + patch == length
    assert all(1 <= b - a <= patch - overlap for a, b in pairwise(starts))
    weights = patch_weights(length, patch, overlap, factor)
    assert np.allclose(weights.sum(0), 1, atol=1e-14) and weights.min() >= 0
    for line, start in zip(weights, starts, strict=True):
        assert not line[: start * factor].any() and not line[(start + patch) * factor :].any()


@pytest.mark.parametrize("snr", [None, 30.0])
def test_a_single_patch_is_the_net_itself(fine, tmp_path, snr):
    torch.manual_seed(0)
    save_model(tmp_path / "w.safetensors", RecoveryModel(ModelConfig(factor=4, denoise="none")), {})
    coarse = downsample(fine.isel(x=slice(0, 32), y=slice(0, 32)), 4, snr=snr)
    alone = recover(coarse, "transms", tmp_path / "w.safetensors")
    found = recover_by_patches(coarse, "transms", tmp_path / "w.safetensors", patch=8, overlap=2)
    assert nrmse(found, alone) < 1e-6
    assert found.attrs["recovery"]["weights"] == "w.safetensors" and found.attrs["origin"] == "recovered"
    assert np.array_equal(found["x"], alone["x"]) and np.array_equal(found["y"], alone["y"])


def test_rows_are_as_strong_in_a_patch_as_in_the_whole(fine, tmp_path):
    """A network that sees how strong a row is gives a row of a part what it gives with the unit of the whole."""
    torch.manual_seed(0)
    config = ModelConfig(factor=4, scaling="amplitude", canonical=False, denoise="none", consistency=False)
    save_model(tmp_path / "w.safetensors", RecoveryModel(config), {})
    coarse = downsample(fine, 4, snr=None)
    unit = float(np.sqrt(np.mean(np.abs(as_images(coarse)) ** 2)))
    whole, weak = recover(coarse, "transms", tmp_path / "w.safetensors"), coarse.isel(frequency=[2])
    alone, told = (recover(weak, "transms", tmp_path / "w.safetensors", unit=u) for u in (None, unit))
    assert nrmse(told, whole.isel(frequency=[2])) < 1e-5 < 1e-3 < nrmse(alone, told)
    with pytest.raises(InputError, match="Input unit must be a positive number; instead received -1"):
        recover(weak, "transms", tmp_path / "w.safetensors", unit=-1.0)
    patched = recover_by_patches(coarse, "transms", tmp_path / "w.safetensors", 8, 0, consistency=False)
    corner = recover(coarse.isel(y=slice(8), x=slice(8)), "transms", tmp_path / "w.safetensors", unit)
    assert nrmse(as_images(patched)[:, :32, :32], as_images(corner)) < 1e-6


def test_ridges_are_fitted_before_rows_are_cut():
    """Patches of noisy rows come out nearly as good as the whole grid at once; cut ridges would keep their noise."""
    scanner = mpisim.open_sided_ffl(0.8, fov=0.032, angles=np.deg2rad([12, 48, 135]), harmonics=(2, 3, 5))
    fine = mpisim.simulate(scanner, mpisim.Particle(24e-9), mpisim.Grid((64, 64), (0.032, 0.032)))
    coarse = downsample(fine, 2, snr=33.7)
    whole, patched = recover(coarse, "transms"), recover_by_patches(coarse, "transms", patch=16, overlap=8)
    assert nrmse(whole, fine) < 0.005 and nrmse(patched, fine) < 1.1 * nrmse(whole, fine)


def test_constant_rows_stay_constant(fine):
    """Blending of equal values changes nothing, wherever the patches lie."""
    variable = fine["system_matrix"]
    flat = fine.assign(system_matrix=(variable.dims, np.full_like(variable.values, 2 - 1j), variable.attrs))
    found = recover_by_patches(downsample(flat, 4, snr=None), "bicubic", patch=6, overlap=2)
    assert np.allclose(as_images(found), 2 - 1j, atol=1e-5)


def test_exact_block_means_are_kept(fine):
    coarse = downsample(fine, 4, snr=None)
    found = recover_by_patches(coarse, "bicubic", patch=8, overlap=4)
    left = recover_by_patches(coarse, "bicubic", patch=8, overlap=4, consistency=False)
    assert nrmse(block_mean(as_images(left), 4), as_images(coarse)) > 1e-3
    assert nrmse(block_mean(as_images(found), 4), as_images(coarse)) < 1e-6
    assert nrmse(block_mean(as_images(recover(coarse, "bicubic")), 4), as_images(coarse)) > 1e-3


@pytest.mark.parametrize("factor", [2, 4])
def test_blending_leaves_no_seams(fine, factor):
    """The error at the patches' edges is no larger than elsewhere; side by side it is larger by far."""
    coarse = downsample(fine, factor, snr=40, seed=1)
    patch = coarse.sizes["x"] // 2
    blended = recover_by_patches(coarse, "bicubic", patch=patch, overlap=patch // 2)
    aside = recover_by_patches(coarse, "bicubic", patch=patch, overlap=0)
    assert seam_ratio(blended, fine, patch, patch // 2, factor) < 1.1
    assert seam_ratio(aside, fine, patch, 0, factor) > 1.5
    assert nrmse(blended, fine) < nrmse(aside, fine)


def test_the_seam_measure_finds_an_error_of_one_voxel(fine):
    wrong = fine.copy(deep=True)
    wrong["system_matrix"].values[..., 32, :] += 1.0
    wrong["system_matrix"].values[..., 40, :] += 1e-3
    assert seam_ratio(wrong, fine, 8, 0, 4) > 5
    assert np.isnan(seam_ratio(wrong, fine, 16, 0, 4))  # one patch has no inner edge


def test_strided_samples_are_not_made_consistent_with_block_means(fine):
    coarse = downsample(fine, 4, "strided", snr=None)
    found = recover_by_patches(coarse, "bicubic-strided", patch=16, overlap=0)
    assert np.array_equal(as_images(found), as_images(recover(coarse, "bicubic-strided")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(patch=17), "Input patch must be at most as large as the coarse grid of 16 voxels; instead received 17"),
        (dict(patch=8, overlap=8), "Input overlap must be smaller than the patch of 8 voxels"),
        (dict(patch=0), "Input patch must be a whole number of at least 1"),
        (dict(method="none"), "Input method must be one of bicubic"),
        (dict(method="cs"), "Input coarse must be sampled by"),
    ],
)
def test_bad_input(fine, options, message):
    with pytest.raises(InputError, match=message):
        recover_by_patches(downsample(fine, 4, snr=None), **{"method": "bicubic", **options})
