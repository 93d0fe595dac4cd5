"""Coarse sampling: adjoints, D D^T = I, noise level, axes; NumPy arrays and torch tensors alike."""

import numpy as np
import pytest
import torch

import calib
import mpisim
from mpisim.data.grid import Grid
from mpisim.data.sampling import BoxSampling, RandomSampling, Sampling, StridedSampling, block_mean, replicate
from mpisim.data.views import as_images
from mpisim.errors import InputError

SAMPLINGS = [BoxSampling(4), StridedSampling(4), RandomSampling.drawn(4, (16, 24), seed=3)]


def complex_rows(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=lambda s: s.scheme)
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_adjoint_by_dot_product(sampling, kind):
    rng = np.random.default_rng(0)
    fine = complex_rows(rng, 3, 16, 24)
    coarse = complex_rows(rng, *sampling.apply(fine).shape)
    if kind == "torch":
        left = torch.vdot(torch.from_numpy(coarse).flatten(), sampling.apply(torch.from_numpy(fine)).flatten())
        right = torch.vdot(sampling.adjoint(torch.from_numpy(coarse)).flatten(), torch.from_numpy(fine).flatten())
    else:
        left = np.vdot(coarse, sampling.apply(fine))
        right = np.vdot(sampling.adjoint(coarse), fine)
    assert abs(left - right) < 1e-12 * abs(left)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_orthonormal_convention_is_the_papers(factor):
    """D = S blockmean has D D^T = I, with D^T = S (adjoint of the block mean) = replicate / S."""
    coarse = complex_rows(np.random.default_rng(1), 2, 3, 5)
    spread = replicate(coarse, factor) / factor
    assert np.allclose(factor * block_mean(spread, factor), coarse, rtol=1e-13)
    assert np.allclose(spread, factor * BoxSampling(factor).adjoint(coarse), rtol=1e-13)


def test_block_mean_against_a_loop():
    fine = complex_rows(np.random.default_rng(2), 2, 6, 9)
    wanted = [[[row[3 * i : 3 * i + 3, 3 * j : 3 * j + 3].mean() for j in range(3)] for i in range(2)] for row in fine]
    assert np.allclose(block_mean(fine, 3), wanted, rtol=1e-13)


@pytest.fixture(scope="module")
def fine():
    return mpisim.simulate(mpisim.open_sided_ffl(0.8, angles=6), mpisim.Particle(22e-9))


@pytest.mark.parametrize(("scheme", "gain"), [("box", 1), ("strided", 16), ("random", 16)])
def test_noise_is_relative_to_the_block_means(fine, scheme, gain):
    """sigma = gain 10^(-snr/20) RMS of the block means; the draw has that deviation to 5 % (over 3000 values)."""
    noisy = calib.downsample(fine, 4, scheme, snr=33.7, seed=5)
    clean = calib.downsample(fine, 4, scheme, snr=None, seed=5)
    rms = np.sqrt(np.mean(np.abs(block_mean(as_images(fine), 4)) ** 2))
    sigma = gain * rms * 10 ** (-33.7 / 20)
    assert float(noisy["noise_std"]) == pytest.approx(sigma, rel=1e-6)
    assert float(clean["noise_std"]) == 0
    difference = as_images(noisy) - as_images(clean)
    drawn = difference[difference != 0]
    assert drawn.size == 48 * 64
    assert np.sqrt(np.mean(np.abs(drawn) ** 2)) == pytest.approx(sigma, rel=0.05)
    assert np.std(drawn.real) == pytest.approx(np.std(drawn.imag), rel=0.1)


def test_the_seed_decides(fine):
    one, same, other = (calib.downsample(fine, 4, snr=20, seed=s) for s in (1, 1, 2))
    assert one.identical(same)
    assert not np.array_equal(as_images(one), as_images(other))


@pytest.mark.parametrize("scheme", ["box", "strided", "random"])
def test_the_fine_grid_follows_from_a_coarse_file(fine, scheme):
    """Also on oblong voxels off centre, and from one coarse voxel along x."""
    small = mpisim.simulate(
        mpisim.open_sided_ffl(0.8, angles=1), mpisim.Particle(22e-9), Grid((4, 8), (0.01, 0.03), (0.005, -0.002, 0.0))
    )
    for matrix in (fine, small):
        coarse = calib.downsample(matrix, 4, scheme)
        sampling = Sampling.of(coarse)
        found = sampling.fine_grid(Grid.of(coarse))
        assert np.allclose(found.axis(0), matrix["x"], atol=1e-12) and np.allclose(
            found.axis(1), matrix["y"], atol=1e-12
        )
        assert np.allclose(sampling.coarse_grid(found).axis(0), coarse["x"], atol=1e-12)


def test_samples_lie_where_the_coarse_file_says(fine):
    """Block means at the mean of their voxels, strided samples at the first voxel of their block."""
    box, strided = (calib.downsample(fine, 4, s) for s in ("box", "strided"))
    assert np.allclose(box["x"], fine["x"].values.reshape(-1, 4).mean(1), atol=1e-12)
    assert np.allclose(strided["x"], fine["x"][::4], atol=1e-12)


def test_a_sampling_that_a_method_cannot_take_is_refused(fine):
    coarse = calib.downsample(fine, 4, "strided")
    with pytest.raises(InputError, match="sampled by box or random for the method m; instead received strided"):
        Sampling.of(coarse, ("box", "random"), "m")
    with pytest.raises(InputError, match="must be a coarse system matrix; instead received a fine one"):
        Sampling.of(fine)


def test_a_box_sample_is_a_large_sample(fine):
    """What a 4 x 4 mm sample gives, simulated, is 16 times the stored block mean (float32 file precision)."""
    scanner, particle = mpisim.open_sided_ffl(0.8, angles=6), mpisim.Particle(22e-9)
    large = mpisim.simulate(scanner, particle, mpisim.Grid((8, 8)), mpisim.Sample(size=(4e-3, 4e-3), points=16))
    coarse = calib.downsample(fine, 4)
    assert mpisim.nrmse(16 * as_images(coarse), as_images(large)) < 1e-6


def test_a_coarse_file_knows_its_sampling(fine, tmp_path):
    coarse = calib.downsample(fine, 8, "random", snr=30, seed=7)
    mpisim.write(coarse, tmp_path / "coarse.nc")
    found = mpisim.read(tmp_path / "coarse.nc")
    assert found.identical(coarse)
    assert found.attrs["sampling"] == {"scheme": "random", "factor": 8, "snr": 30, "seed": 7}
    assert int(found["sampled"].sum()) == 32 * 32 // 64
    assert np.all(as_images(found)[:, found["sampled"].values == 0] == 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(factor=5), "Input factor must be a divisor of the grid 32 x 32; instead received 5."),
        (dict(factor=0), "Input factor must be a whole number of at least 1"),
        (dict(factor=4, snr=float("nan")), "Input snr must be a finite number of decibels"),
        (dict(factor=4, sampling="spiral"), "Input sampling must be one of box, strided, random"),
        (dict(factor=4, seed=-1), "Input seed must be a whole number of at least 0"),
    ],
)
def test_bad_input(fine, arguments, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        calib.downsample(fine, **arguments)


def test_a_coarse_matrix_is_not_sampled_again(fine):
    with pytest.raises(InputError, match="must be a fine system matrix; instead received a coarse one"):
        calib.downsample(calib.downsample(fine, 4), 2)


@pytest.mark.parametrize(("scheme", "share"), [("box", 1 / 4), ("strided", 1), ("random", 1)])
def test_the_noise_a_fine_matrix_has_is_carried_on(fine, scheme, share):
    """S^2 voxels of a block average independent noise: 1 / S of it; noise that is added comes in quadrature."""
    clean = calib.downsample(fine, 4, scheme, snr=30, seed=3)
    own = np.linspace(0.5, 2, fine.sizes["frequency"])
    for noise, dims in ((np.asarray(0.7), ()), (own, ("frequency",))):
        noisy = calib.downsample(fine.assign(noise_std=(dims, noise)), 4, scheme, snr=30, seed=3)
        wanted = np.hypot(float(clean["noise_std"]), share * noise)
        np.testing.assert_allclose(noisy["noise_std"].values, np.broadcast_to(wanted, noisy["noise_std"].shape))
        assert np.array_equal(as_images(noisy), as_images(clean))
    drawn = fine.copy(data={"system_matrix": fine["system_matrix"].values * 0 + complex_noise(fine, 0.7)})
    drawn = calib.downsample(drawn.assign(noise_std=0.7), 4, scheme)
    values = as_images(drawn)[..., drawn["sampled"].values > 0] if scheme == "random" else as_images(drawn)
    assert np.sqrt(np.mean(np.abs(values) ** 2)) == pytest.approx(float(drawn["noise_std"]), rel=0.05)


def complex_noise(data, sigma):
    return mpisim.data.noise.complex_gaussian(data["system_matrix"].shape, sigma, 0)
