"""Coarse measurements: level and seed of the noise, what the file holds, large samples."""

import json
import re

import numpy as np
import pytest

import calib
import mpisim
from mpisim.cli.main import main
from mpisim.data.blocks import block_mean
from mpisim.data.downsampling import EDGES, crop
from mpisim.data.noise import complex_gaussian
from mpisim.data.sampling import Sampling
from mpisim.data.schema import validate
from mpisim.data.views import as_images
from mpisim.errors import DataWarning, InputError


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


def test_a_box_sample_is_a_large_sample(fine):
    """What a 4 x 4 mm sample gives, simulated, is 16 times the stored block mean (float32 file precision)."""
    scanner, particle = mpisim.open_sided_ffl(0.8, angles=6), mpisim.Particle(22e-9)
    large = mpisim.simulate(scanner, particle, mpisim.Grid((8, 8)), mpisim.Sample(size=(4e-3, 4e-3), points=16))
    coarse = calib.downsample(fine, 4, snr=None)
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
        (dict(factor=5), "Input factor must be a divisor of the grid 32 x 32 where edge is not given (fill or crop);"),
        (dict(factor=33, edge="fill"), "Input factor must be no larger than the sides of the grid 32 x 32; instead"),
        (dict(factor=33, edge="crop"), "Input factor must be no larger than the sides of the grid 32 x 32; instead"),
        (dict(factor=5, edge="cut"), "Input edge must be one of fill, crop; instead received 'cut'"),
        (dict(factor=0), "Input factor must be a whole number of at least 1"),
        (dict(factor=4, snr=float("nan")), "Input snr must be a finite number of decibels"),
        (dict(factor=4, sampling="spiral"), "Input sampling must be one of box, strided, random"),
        (dict(factor=4, seed=-1), "Input seed must be a whole number of at least 0"),
    ],
)
def test_bad_input(fine, arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        calib.downsample(fine, **arguments)


def test_by_default_it_adds_the_noise_of_the_protocol_as_the_command_does(fine, tmp_path):
    mpisim.write(fine, tmp_path / "sm.nc")
    assert main(["downsample", str(tmp_path / "sm.nc"), "--factor", "4", "--out", str(tmp_path / "coarse.nc")]) == 0
    coarse = calib.downsample(fine, 4)
    assert coarse.attrs["sampling"]["snr"] == 33.7 and float(coarse["noise_std"]) > 0
    assert mpisim.read(tmp_path / "coarse.nc").identical(coarse)


@pytest.mark.parametrize("snr", [None, 30])
def test_unknown_noise_stays_unknown(fine, snr):
    """What is added is known, the noise that the fine matrix has is not."""
    measured = fine.drop_vars("noise_std").assign_attrs(origin="measured")
    coarse = calib.downsample(measured, 4, snr=snr, seed=1)
    assert "noise_std" not in coarse and coarse.attrs["sampling"]["snr"] == snr
    exact = calib.downsample(fine.drop_vars("noise_std"), 4, snr=snr, seed=1)  # a file of version 0.1
    assert exact.identical(calib.downsample(fine, 4, snr=snr, seed=1))


def test_a_coarse_matrix_is_not_sampled_again(fine):
    with pytest.raises(InputError, match="must be a fine system matrix; instead received a coarse one"):
        calib.downsample(calib.downsample(fine, 4, snr=None), 2, snr=None)


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
    drawn = fine.assign(system_matrix=(fine["system_matrix"].dims, complex_noise(fine, 0.7)), noise_std=0.7)
    drawn = calib.downsample(drawn, 4, scheme, snr=None)
    values = as_images(drawn)[..., drawn["sampled"].values > 0] if scheme == "random" else as_images(drawn)
    assert np.sqrt(np.mean(np.abs(values) ** 2)) == pytest.approx(float(drawn["noise_std"]), rel=0.05)


def complex_noise(data, sigma):
    return mpisim.data.noise.complex_gaussian(data["system_matrix"].shape, sigma, 0)


@pytest.fixture(scope="module")
def odd():
    """A matrix of 13 x 23 voxels, off the centre."""
    grid = mpisim.Grid((13, 23), (0.013, 0.023), (0.002, -0.001, 0.0))
    return mpisim.simulate(mpisim.open_sided_ffl(0.8, angles=3, harmonics=(2, 3)), mpisim.Particle(22e-9), grid)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_samples_over_the_edge_have_the_mean_of_what_they_fill_and_its_noise(odd, factor):
    exact, noisy = (calib.downsample(odd, factor, snr=snr, seed=1, edge="fill") for snr in (None, 20.0))
    fine, means = as_images(odd), as_images(exact)
    h, w = -(-23 // factor), -(-13 // factor)
    assert means.shape == (6, h, w) and exact.attrs["sampling"]["shape"] == [13, 23]
    blocks = [[fine[:, factor * i :, factor * j :][:, :factor, :factor] for j in range(w)] for i in range(h)]
    wanted = np.array([[block.mean((1, 2)) for block in line] for line in blocks])
    assert np.allclose(means, wanted.transpose(2, 0, 1), rtol=0, atol=1e-6 * np.abs(fine).max())
    voxels = np.array([[block[0].size for block in line] for line in blocks])
    draw = complex_gaussian(means.shape, float(noisy["noise_std"]), np.random.default_rng([1, 1]))
    assert np.allclose(as_images(noisy) - means, draw * factor**2 / voxels, atol=1e-5 * np.abs(draw).max())
    assert np.array_equal(Sampling.of(noisy).filling, voxels / factor**2)


def test_a_cropped_matrix_is_the_one_without_its_last_voxels(odd):
    part = crop(odd, 4)
    assert part["system_matrix"].shape[-2:] == (20, 12) and part.attrs["grid"]["shape"] == [12, 20]
    assert np.array_equal(part["system_matrix"], odd["system_matrix"][..., :20, :12])
    for sampling in ("box", "strided", "random"):
        cropped = calib.downsample(odd, 4, sampling, seed=2, edge="crop")
        assert cropped.identical(calib.downsample(part, 4, sampling, seed=2))
        assert "shape" not in cropped.attrs["sampling"]
    assert crop(part, 4) is part


def test_where_the_factor_divides_the_grid_the_edge_is_the_same(fine):
    for sampling in ("box", "strided", "random"):
        whole = calib.downsample(fine, 4, sampling, seed=3)
        assert all(whole.identical(calib.downsample(fine, 4, sampling, seed=3, edge=edge)) for edge in EDGES)


@pytest.mark.parametrize("sampling", ["strided", "random"])
def test_small_samples_are_complete_at_the_edge(odd, sampling):
    """Their noise is that of all others, and random ones are 1 / S^2 of the voxels, rounded down."""
    coarse = calib.downsample(odd, 4, sampling, snr=None, edge="fill")
    values = as_images(coarse)
    if sampling == "strided":
        assert np.array_equal(values, as_images(odd)[:, ::4, ::4])
    else:
        assert np.array_equal(values, as_images(odd) * coarse["sampled"].values) and int(coarse["sampled"].sum()) == 18
    assert Sampling.of(coarse).filling is None


def test_the_command_line(odd, tmp_path, capsys):
    mpisim.write(odd, tmp_path / "sm.nc")
    words = ["downsample", str(tmp_path / "sm.nc"), "--factor", "4", "--out", str(tmp_path / "coarse.nc")]
    assert main([*words, "--edge", "fill", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["grid"], told["fine_grid"]) == ([4, 6], [13, 23])
    assert mpisim.read(tmp_path / "coarse.nc").identical(calib.downsample(odd, 4, edge="fill"))
    assert main([*words, "--edge", "crop", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fine_grid"] == [12, 20]
    assert main(words) == 2
    wanted = "Input --factor must be a divisor of the grid 13 x 23 where --edge is not given (fill or crop); instead"
    assert wanted in capsys.readouterr().err


def test_a_file_that_contradicts_its_blocks_is_refused(odd):
    coarse = calib.downsample(odd, 4, edge="fill")
    for shape in ([13, 25], [13, 20], [13], "13x23", [13.0, 23.0], [True, 23]):
        wrong = coarse.assign_attrs(sampling=coarse.attrs["sampling"] | {"shape": shape})
        with pytest.raises(InputError, match="two counts of fine voxels whose blocks of 4 are the 4 x 6 of the file"):
            validate(wrong)
    with pytest.raises(InputError, match="are the 3 x 6 of the file"):
        Sampling.of(coarse.isel(x=slice(0, 3)))


def test_errors_of_single_positions_average_in_a_block_which_is_said():
    """Block means of a jittered matrix err less than a large sample that is misplaced as a whole, by the factor."""
    scanner, particle, grid = (
        mpisim.open_sided_ffl(0.8, angles=3, harmonics=(2, 3)),
        mpisim.Particle(20e-9),
        mpisim.Grid(),
    )
    jittered = mpisim.simulate(scanner, particle, grid, mpisim.Sample(jitter=1e-4))
    with pytest.warns(DataWarning, match=r"^The positions of the fine matrix' samples err by 0.1 mm, each by itself"):
        means = calib.downsample(jittered, 4, snr=None)
    exact = calib.downsample(mpisim.simulate(scanner, particle, grid), 4, snr=None)
    wide = grid.coarsened(4)
    large, placed = (mpisim.simulate(scanner, particle, wide, mpisim.Sample(jitter=j)) for j in (1e-4, 0.0))
    assert mpisim.nrmse(means, exact) == pytest.approx(mpisim.nrmse(large, placed) / 4, rel=0.2)
    calib.downsample(jittered, 4, "strided")
