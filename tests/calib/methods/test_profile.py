"""One profile for all angles: exact on ideal scanners, below the published level, and what happens on others."""

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.profile import fit_profiles
from mpisim.data.sampling import block_mean
from mpisim.data.views import as_images
from mpisim.errors import InputError


@pytest.fixture(scope="module")
def fine():
    """A matrix of the paper's scanner, 15 angles."""
    return mpisim.simulate(mpisim.open_sided_ffl(0.8, angles=15), mpisim.Particle(24e-9))


def test_a_known_profile_comes_back():
    """Rows made of one even and one odd profile of points: their own Gaussian-blurred shadows, at 4 angles."""
    c, angles = np.arange(32) - 15.5, np.deg2rad([3.0, 40.0, 85.0, 130.0])
    sub = (np.arange(8) - 3.5) / 8  # the voxel's square, by 8 x 8 points
    x = (c[:, None] + sub).ravel()
    u = np.stack([np.cos(a) * x + np.sin(a) * x[:, None] for a in angles])
    made = np.stack([np.exp(-((u / 4) ** 2)), 1j * u * np.exp(-((u / 5) ** 2))], axis=1)
    wanted = block_mean(made, 8)
    found, notes = fit_profiles(block_mean(wanted, 4), np.zeros((4, 2)), angles, 4)
    assert np.linalg.norm(found - wanted) < 2e-3 * np.linalg.norm(wanted)
    assert notes["parities"] == [1, -1]


@pytest.mark.parametrize(
    ("factor", "snr", "published"), [(2, None, 0.09), (4, None, 0.13), (8, None, 0.40), (2, 33.7, 0.41)]
)
def test_it_beats_the_published_network(fine, factor, snr, published):
    """With a quarter of the paper's angles, below its mean over test matrices in %."""
    found = calib.recover(calib.downsample(fine, factor, snr=snr, seed=0), "profile")
    assert 100 * calib.nrmse(found, fine) < published
    assert found.attrs["recovery"]["parities"] == [-1, 1] * 4


def test_scale_phase_and_consistency(fine):
    coarse = calib.downsample(fine, 4, snr=None)
    found = as_images(calib.recover(coarse, "profile"))
    assert np.abs(block_mean(found, 4) - as_images(coarse)).max() < 1e-6 * np.abs(as_images(coarse)).max()
    turned = coarse.copy(deep=True)
    turned["system_matrix"] = turned["system_matrix"] * np.complex64(1e3 * np.exp(0.7j))
    again = as_images(calib.recover(turned, "profile"))
    assert np.linalg.norm(again - 1e3 * np.exp(0.7j) * found) < 2e-3 * np.linalg.norm(again)  # of complex64


def test_a_scanner_that_is_not_ideal_gets_no_worse_than_bicubic(fine):
    """A coil whose sensitivity falls by a third to one side makes rows that are no ridges."""
    bent = fine.copy(deep=True)
    fall = 1 - np.linspace(0, 1, 32) / 3
    bent["system_matrix"] = bent["system_matrix"] * fall.astype(np.float32)
    coarse = calib.downsample(bent, 4, snr=33.7, seed=0)
    errors = {m: calib.nrmse(calib.recover(coarse, m), bent) for m in ("profile", "bicubic-dc")}
    assert errors["profile"] < 0.6 * errors["bicubic-dc"]
    assert errors["profile"] > 0.01  # and it is not what it is on an ideal one


def test_without_angles(fine):
    coarse = calib.downsample(fine, 4, snr=None)
    numbered = coarse.isel(angle=0)
    with pytest.raises(InputError, match="Input coarse must be of rows"):
        calib.recover(numbered, "profile")
