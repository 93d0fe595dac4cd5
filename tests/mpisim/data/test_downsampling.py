"""Coarse measurements: level and seed of the noise, what the file holds, large samples."""

import numpy as np
import pytest

import calib
import mpisim
from mpisim.cli.main import main
from mpisim.data.sampling import block_mean
from mpisim.data.views import as_images
from mpisim.errors import InputError


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
