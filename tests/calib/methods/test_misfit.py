"""Whether rows are what a method presumes: false alarms, alarms, and the names of rows."""

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.bicubic import interpolate_bicubic
from calib.methods.misfit import agree, named_rows, share_left, shrunk
from mpisim.data.blocks import block_mean
from mpisim.data.noise import complex_gaussian

C = np.arange(32) - 15.5
SMOOTH = np.exp(-((C[:, None] ** 2 + (C - 3) ** 2) / 60))[None] * np.ones((1, 1, 1), complex)


@pytest.mark.parametrize("voxels", [16, 256])
def test_noise_alone_is_no_misfit_and_a_little_more_than_noise_is(voxels):
    edge = int(voxels**0.5)
    noise = complex_gaussian((2000, edge, edge), 0.1, 0)
    means = 1 + noise
    sigma = np.full(2000, 0.1)
    assert not share_left(noise, means, sigma).any()
    assert np.all(share_left(noise + 0.3, means, sigma) > 0.02)
    assert share_left(noise + 0.3, means, sigma).mean() == pytest.approx(0.09, rel=0.1)


def test_exact_data_and_dead_rows():
    means = np.array([np.ones((4, 4)), np.zeros((4, 4)), np.zeros((4, 4))], complex)
    residual = np.array([np.full((4, 4), 1e-2), np.ones((4, 4)), np.zeros((4, 4))], complex)
    assert np.allclose(share_left(residual, means, np.zeros(3)), [1e-4, np.inf, 0])


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_a_fit_must_leave_little_and_invent_nothing(scale):
    means = block_mean(SMOOTH, 4) * scale
    checkers = 0.3 * scale * np.kron(np.ones((16, 16)), [[1, -1], [-1, 1]])  # which block means do not show
    right = interpolate_bicubic(means, 4)
    off = right * 1.1
    fits = {"right": right, "ten per cent off": off, "half": right / 2, "invented": off + checkers}
    found = {name: bool(agree(fit, means, np.zeros(1), 4)[0]) for name, fit in fits.items()}
    assert found == {"right": True, "ten per cent off": True, "half": False, "invented": False}


def test_rows_are_named_by_angle_and_harmonic():
    fine = mpisim.simulate(
        mpisim.open_sided_ffl(0.9, angles=4, harmonics=(2, 5)), mpisim.Particle(24e-9), mpisim.Grid((8, 8))
    )
    coarse = calib.downsample(fine, 2, snr=None)
    assert named_rows(coarse, [3]) == "angle 45 degrees, harmonic 5"
    assert named_rows(coarse, [0, 1, 2, 3]).endswith("; ...")
    assert named_rows(coarse.drop_vars(["angle", "harmonic", "frequency"]), [3]) == "angle 1, frequency 1"
    numbered = coarse.isel(angle=0, drop=True).drop_vars(["harmonic", "frequency"])
    assert named_rows(numbered, [1]) == "row 1" and named_rows(numbered, [0, 1]) == "rows 0, 1"
    assert named_rows(numbered, [0, 1], most=1) == "rows 0, ..."


def test_residuals_of_unequal_noise_are_shrunk_each_by_its_own():
    """Shares of 1 give the James-Stein estimator, noise alone leaves nothing, and less is left at the edge."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((50, 3, 4)) + 1j * rng.standard_normal((50, 3, 4))
    sigma, share = np.full(50, 2**0.5), np.ones((3, 4))
    assert np.allclose(shrunk(2 * noise, sigma, share), shrunk(2 * noise, sigma), rtol=1e-12)
    share[:, -1] = 0.25
    assert np.abs(shrunk(noise / share, sigma, share)).mean() < 0.05
    assert not shrunk(0 * noise, 0 * sigma, share).any()
    kept = shrunk(np.full((1, 3, 4), 3.0 + 0j), np.array([1.0]), share)[0].real / 3
    assert np.all(kept[:, 0] > 0.7) and np.all(kept[:, -1] < 0.4)
    assert np.allclose(shrunk(1e-30 * noise, 1e-30 * sigma / 2, share), 1e-30 * shrunk(noise, sigma / 2, share))
