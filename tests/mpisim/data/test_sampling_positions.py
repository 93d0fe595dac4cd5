"""Large samples at any positions: the same as blocks where they are blocks, adjoints, noise, files, refusals."""

import numpy as np
import pytest
import torch
import xarray as xr

import calib
import mpisim
from mpisim.data.grid import Grid
from mpisim.data.sampling import BoxSampling, PositionSampling, Sampling
from mpisim.data.views import as_images, as_matrix, noise_per_row
from mpisim.errors import InputError
from tests.laws import assert_adjoint

GRID = Grid((16, 12), (0.016, 0.018), (0.001, -0.002, 0.0))
RNG = np.random.default_rng(5)
ANYWHERE = PositionSampling(
    4, GRID, RNG.uniform(-0.003, 0.003, (7, 2)) + GRID.center[:2], RNG.uniform(0.001, 0.008, (7, 2))
)


@pytest.fixture(scope="module")
def fine():
    scanner = mpisim.open_sided_ffl(sf_gradient=1.0, fov=0.016, angles=3)
    return mpisim.simulate(scanner, mpisim.Particle(diameter=25e-9), Grid((8, 8), (0.016, 0.016)))


@pytest.mark.parametrize("sampling", [ANYWHERE, PositionSampling.blocks(4, GRID, np.array([0, 5, 5, 11]))])
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_adjoint_by_dot_product(sampling, kind):
    def as_numpy(operator):
        return operator if kind == "numpy" else lambda values: operator(torch.from_numpy(values)).numpy()

    coarse = (3, 1, len(sampling.centers))
    assert_adjoint(as_numpy(sampling.apply), as_numpy(sampling.adjoint), (3, 12, 16), coarse, is_complex=True)


def test_all_blocks_are_box_sampling_to_the_last_digit(fine):
    box, positions = calib.downsample(fine, 2, seed=4), calib.downsample(fine, 2, seed=4, keep=16)
    assert np.array_equal(as_images(box).ravel(), as_images(positions).ravel())
    assert float(box["noise_std"]) == float(positions["noise_std"])
    assert Sampling.of(positions).reduction == Sampling.of(box).reduction == 2


def test_weights_of_voxels_in_part_are_the_mean_of_a_thinned_sample():
    rows = RNG.standard_normal((2, 12, 16))
    x, y = np.array(GRID.voxel) * [2.5, 2] + [-0.007, -0.011]  # of the first face of the grid, in voxels 2.5 and 2
    found = PositionSampling(2, GRID, np.array([[x, y]]), np.array([[2e-3, 3e-3]])).apply(rows)[:, 0, 0]
    by_hand = (rows[:, 1:3] * np.r_[np.zeros(1), 0.5, 1, 0.5, np.zeros(12)]).sum((1, 2)) / 4
    np.testing.assert_allclose(found, by_hand, rtol=1e-12)
    constant = ANYWHERE.apply(np.ones((1, 12, 16)))
    np.testing.assert_allclose(constant, 1, rtol=1e-12)


def test_noise_goes_with_the_size_of_the_sample(fine):
    """The mean over a sample of twice the edge has a quarter of the noise; the stated one is that of the factor."""
    at = np.array([[0.0, 0.0, 4e-3], [0.0, 0.0, 8e-3]])
    draws = [calib.downsample(fine, 2, snr=20, seed=s, positions=at) for s in range(40)]
    exact = as_images(calib.downsample(fine, 2, snr=None, positions=at))
    noise = np.sqrt(np.mean([np.abs(as_images(d) - exact) ** 2 for d in draws], axis=(0, 1, 2)))
    np.testing.assert_allclose(noise, float(draws[0]["noise_std"]) * np.array([1, 0.25]), rtol=0.05)
    np.testing.assert_allclose(Sampling.of(draws[0]).filling, [[1, 4]])


def test_subsets_are_of_the_seed_and_without_repetition(fine):
    one, same, other = (calib.downsample(fine, 2, keep=5, seed=s) for s in (1, 1, 2))
    assert one.equals(same)
    assert len(np.unique(np.stack([one["x"], one["y"]]), axis=1).T) == 5
    assert not np.array_equal(one["x"], other["x"])


def test_files_come_back(fine, tmp_path):
    coarse = calib.downsample(fine, 2, positions=[[0.0011, -0.002, 3e-3], [0.0, 0.0, 4e-3]])
    mpisim.write(coarse, tmp_path / "coarse.nc")
    back = mpisim.read(tmp_path / "coarse.nc")
    xr.testing.assert_identical(coarse, back)
    assert Grid.of(back) == Grid.of(fine)
    assert as_images(back).shape == (24, 1, 2)
    assert as_matrix(back).shape == (24, 2)
    assert noise_per_row(back).shape == (24,)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"positions": [[0.007, 0.0]]}, "completely inside the fine grid"),
        ({"positions": [[0.0, 0.0, 1e-5]]}, "voxels, in m"),
        ({"positions": [[0.0]]}, "rows of x, y"),
        ({"keep": 17}, "at most the 16 whole blocks"),
        ({"keep": 3, "positions": [[0.0, 0.0]]}, "keep must be left out"),
        ({"keep": 3, "sampling": "strided"}, "sampling must be box"),
        ({"keep": 3, "edge": "fill"}, "edge must be left out"),
    ],
)
def test_refusals(fine, options, said):
    with pytest.raises(InputError, match=said):
        calib.downsample(fine, 2, **options)


def test_a_fine_matrix_or_one_without_its_grid_is_no_matrix_of_positions(fine):
    coarse = calib.downsample(fine, 2, keep=4)
    with pytest.raises(InputError, match="dimension position"):
        mpisim.data.schema.validate(coarse.assign_attrs(stage="fine"))
    lost = {k: v for k, v in coarse.attrs["sampling"].items() if k != "grid"}
    with pytest.raises(InputError, match="fine grid"):
        mpisim.data.schema.validate(coarse.assign_attrs(sampling=lost))
    with pytest.raises(InputError, match="size_x"):
        mpisim.data.schema.validate(coarse.drop_vars("size_x"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["smooth-rows", "physical"])
def test_methods_recover_from_positions(fine, method):
    positions = np.array([(x, y, 4e-3) for x in (-0.005, 0.0, 0.0059) for y in (-0.006, 0.0002, 0.005)])
    recovered = calib.recover(calib.downsample(fine, 2, positions=positions), method)
    assert calib.nrmse(recovered, fine) < {"smooth-rows": 0.5, "physical": 0.02}[method]


def test_methods_of_blocks_refuse_positions(fine):
    with pytest.raises(InputError, match="must be sampled by box"):
        calib.recover(calib.downsample(fine, 2, keep=9), "bicubic-dc")


def test_box_and_all_blocks_are_one_matrix_for_a_fit(fine):
    """The sampling of blocks at positions gives the model of block means."""
    found = [
        calib.recover(c, "physical")["system_matrix"].values
        for c in (calib.downsample(fine, 2), calib.downsample(fine, 2, keep=16))
    ]
    assert isinstance(Sampling.of(calib.downsample(fine, 2)), BoxSampling)
    np.testing.assert_allclose(found[0], found[1], atol=2e-5 * np.abs(found[0]).max())
