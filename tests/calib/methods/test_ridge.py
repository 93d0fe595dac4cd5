"""The ridge fit: against dense Gaussian-process regression, its symmetries and limits, and what it is good for."""

import numpy as np
import pytest
import torch

import calib
import mpisim
from calib.methods.direction import LENGTHS
from calib.methods.geometry import Geometry
from calib.methods.misfit import invents
from calib.methods.ridge import ridge_interpolate, ridge_means, ridge_rows
from calib.methods.ridge_bank import ANGLES, ridge_bank
from mpisim.data.blocks import block_mean
from mpisim.data.downsampling import downsample
from mpisim.data.noise import norm
from mpisim.data.views import as_images, noise_per_row
from mpisim.dataset.draws import in_plane
from mpisim.errors import DataWarning


def ridge(angle, profile, n=16):
    """A row of two channels, f(u) and half of it."""
    c = np.arange(n) - (n - 1) / 2
    u = c * np.cos(angle) + c[:, None] * np.sin(angle)
    return torch.from_numpy(np.stack([profile(u), 0.5 * profile(u)])[None].astype(np.float32))


def even(u):
    return np.cos(0.7 * u) * np.exp(-((u / 6) ** 2))


def odd(u):
    return np.sin(0.5 * u) * np.exp(-((u / 7) ** 2))


def error(found, wanted):
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("profile", [even, odd])
@pytest.mark.parametrize("degrees", [21, 66, 150])
def test_ridges_are_recovered_from_exact_block_means(degrees, profile):
    row = ridge(np.deg2rad(degrees), profile)
    found = ridge_interpolate(block_mean(row, 2), torch.zeros(1), 2)
    assert error(found, row) < 0.02


def test_a_direction_that_was_not_tried():
    row = ridge(np.deg2rad(22.5), even)
    assert error(ridge_interpolate(block_mean(row, 2), torch.zeros(1), 2), row) < 0.02


def test_what_the_discrepancy_is_for():
    """A curved row is no ridge; without discrepancy a profile is invented that explains it."""
    c = np.arange(16) - 7.5
    bent = np.exp(-((c + 0.04 * c[:, None] ** 2 - 2) ** 2) / 8)
    row = torch.from_numpy(np.stack([bent, 0.5 * bent])[None].astype(np.float32))
    means = block_mean(row, 2)
    found, invented = (ridge_interpolate(means, torch.zeros(1), 2, d) for d in (1e-1, 1e-7))
    assert error(found, row) < error(invented, row)


def test_it_is_regression_by_a_gaussian_process():
    """A dense float64 twin: for the chosen direction, length and parity the posterior mean; and none is likelier."""
    row = ridge(np.deg2rad(33), even, 8)
    sigma = 0.05
    b = block_mean(row, 2) + sigma / 2**0.5 * torch.from_numpy(np.random.default_rng(0).standard_normal((1, 2, 4, 4)))
    b = b.float()
    found = ridge_interpolate(b, torch.tensor([sigma]), 2)[0].numpy()
    mean = np.kron(np.eye(4), [[0.5, 0.5]])
    block = np.kron(mean, mean)
    values = b[0].flatten(1).numpy().astype(float)
    best = None
    for angle in range(ANGLES):
        for length in LENGTHS:
            for parity in (1, -1):
                kernel = dense_kernel(np.pi * angle / ANGLES, length, parity)
                covariance = block @ kernel @ block.T
                fit, likelihood = np.empty((2, 64)), 0.0
                for i, v in enumerate(values):
                    variance = 2 * np.mean(v**2)
                    noise = sigma**2 / 2 + 1e-3 * np.mean(values**2)
                    total = variance * covariance + noise * np.eye(16)
                    fit[i] = variance * kernel @ block.T @ np.linalg.solve(total, v)
                    likelihood -= v @ np.linalg.solve(total, v) + np.linalg.slogdet(total)[1]
                if best is None or likelihood > best[0]:
                    best = likelihood, fit
    assert np.linalg.norm(found.reshape(2, 64) - best[1]) < 1e-3 * np.linalg.norm(best[1])


def dense_kernel(angle, length, parity, n=8):
    c = np.arange(n) - (n - 1) / 2
    u = (c * np.cos(angle) + c[:, None] * np.sin(angle)).ravel()
    period = 1.5 * n * 2**0.5
    waves = np.arange(0, int(np.ceil(period * 5 / (2 * np.pi * LENGTHS[0]))) + 1) / period
    weight = np.exp(-0.5 * (2 * np.pi * length * waves) ** 2)
    weight[1:] *= 2  # cosines of mean square one half
    if parity < 0:
        weight[0] = 0
    wave = np.cos if parity > 0 else np.sin
    features = wave(2 * np.pi * u[:, None] * waves)
    scale = np.sum(np.where(waves > 0, weight / 2, weight))
    return (features * weight) @ features.T / scale


@pytest.mark.parametrize("factor", [2, 4])
def test_noise_falls_as_much_between_the_directions_tried(factor):
    left = []
    for off in (0.0, 0.75, 1.5):
        rows = torch.cat([ridge(np.deg2rad(12 * k + off), f, 32) for k in range(15) for f in (even, odd)])
        exact = block_mean(rows, factor)
        sigma = 0.02 * exact.square().mean((1, 2, 3)).sqrt() * 2**0.5
        noise = torch.randn(exact.shape, generator=torch.Generator().manual_seed(3))
        noisy = exact + (sigma / 2**0.5)[:, None, None, None] * noise
        left.append(error(ridge_means(noisy, sigma, factor), exact) / error(noisy, exact))
        coarse_search = ridge_means(noisy, sigma, factor, sigma_threshold=1e9)
        assert off == 0 or left[-1] < 0.7 * error(coarse_search, exact) / error(noisy, exact)
    assert max(left) < 1.3 * left[0] < 0.6


def test_denoised_means_are_those_of_the_interpolant_unless_the_data_say_otherwise():
    rough = torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    b = torch.cat([block_mean(ridge(np.deg2rad(24), even), 2), rough])
    sigma = torch.tensor([0.1, 0.1, 0.0])
    fitted = block_mean(ridge_interpolate(b, sigma, 2, 1e-7), 2)
    denoised = ridge_means(b, sigma, 2)
    assert torch.allclose(denoised[0], fitted[0], atol=1e-5)
    distance = (denoised - b).flatten(1).norm(dim=1)
    assert float(distance[1]) == pytest.approx(0.1 * 8, rel=1e-4)  # no ridge: as near the fit as the noise allows
    assert torch.allclose(denoised[2], b[2], atol=1e-5)  # exact block means stay exact


def test_noise_of_ridges_falls():
    rng = torch.Generator().manual_seed(1)
    rows = torch.cat([ridge(np.pi * k / ANGLES, f, 32) for k in range(0, ANGLES, 4) for f in (even, odd)])
    exact = block_mean(rows, 4)
    sigma = 0.05 * float(exact.square().mean().sqrt())
    noisy = exact + sigma / 2**0.5 * torch.randn(exact.shape, generator=rng)
    denoised = ridge_means(noisy, torch.full((len(rows),), sigma), 4)
    assert error(denoised, exact) < 0.5 * error(noisy, exact)


def test_symmetries():
    """Scale, phase and turns of the grid carry over; in float32, so that a tie may fall otherwise in few rows."""
    rows = torch.cat([ridge(0.3 + 0.1 * k, f) for k in range(8) for f in (even, odd)])
    noise = torch.randn(rows.shape, generator=torch.Generator().manual_seed(2))
    b, sigma = block_mean(rows + 0.02 * noise, 2), torch.full((len(rows),), 0.014)
    found = ridge_interpolate(b, sigma, 2)
    assert error(ridge_interpolate(7 * b, 7 * sigma, 2), 7 * found) < 1e-3
    assert error(ridge_interpolate(b.flip(1), sigma, 2), found.flip(1)) < 1e-3
    assert error(ridge_interpolate(b.flip(-1), sigma, 2), found.flip(-1)) < 1e-3
    assert error(ridge_interpolate(b.mT, sigma, 2), found.mT) < 1e-3


def test_limits():
    zero = torch.zeros(2, 2, 4, 4)
    assert torch.equal(ridge_interpolate(zero, torch.tensor([0.0, 1.0]), 2), torch.zeros(2, 2, 8, 8))
    b = block_mean(ridge(0.5, even), 2)
    assert float(ridge_interpolate(b, torch.tensor([1e3]), 2).abs().max()) < 1e-3  # all noise: the prior mean
    assert ridge_bank(4, 4, 2).eigenvalues.shape[0] == ANGLES * 2 * len(LENGTHS)


@pytest.mark.parametrize("change", [0.0, 0.12])
def test_rows_with_far_more_detail_than_their_block_means_let_expect_are_no_ridges(change):
    """A gradient that changes by 12 % at the edge and turns: some rows fit a wrong direction, four times too large."""
    parts = (mpisim.SolidHarmonics((in_plane(4, 1, change),), turning=True),) if change else ()
    ideal = mpisim.open_sided_ffl(0.7, angles=12, harmonics=(2, 3))
    fine = mpisim.simulate(mpisim.ImperfectFFL.of(ideal, selection=parts), mpisim.Particle(25e-9))
    coarse, rows = downsample(fine, 4, snr=33.7), as_images(fine)
    found, good = ridge_rows(as_images(coarse), noise_per_row(coarse), 4, Geometry.of(coarse))
    error = norm(found - rows, (1, 2)) / norm(rows, (1, 2))
    assert good.all() == (change == 0)
    assert error.max() < (0.1 if change == 0 else 0.8)


def in_house(angles):
    """A scanner whose coil lies below the field of view, 16 x 32 voxels, so that at 4x there are 4 x 8 block means."""
    line = mpisim.open_sided_ffl(0.5, angles=angles, harmonics=(2, 3, 4, 5), drive_amplitude=9e-3)
    loop = mpisim.RectangularLoop((0.0, 0.0, -30e-3), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (60e-3, 90e-3))
    scanner = mpisim.ImperfectFFL.of(line, coils=(mpisim.WoundCoil((loop,), turns=100),))
    grid = mpisim.Grid((16, 32), (0.032, 0.064))
    return mpisim.simulate(scanner, mpisim.LogNormal(22e-9, 0.1), grid)


def test_few_blocks_along_a_side_presume_less():
    """Rows of a coil that is far from even; with all that pass the check for more blocks the error is 61 %."""
    fine = in_house(12)
    coarse = downsample(fine, 4, snr=27.0)
    with pytest.warns(DataWarning, match="rows are not constant along a line"):
        found = calib.recover(coarse, "ridge")
    assert calib.nrmse(found, fine) < 0.3
    assert "few block means" in found.attrs["recovery"]["few_blocks"]


@pytest.mark.parametrize("snr", [33.7, None])
def test_few_blocks_of_ideal_rows_are_ridges(snr):
    fine = mpisim.simulate(mpisim.open_sided_ffl(0.5, angles=12), mpisim.Particle(25e-9), mpisim.Grid((16, 16)))
    coarse = downsample(fine, 4, snr=snr)
    _, good = ridge_rows(as_images(coarse), noise_per_row(coarse), 4, Geometry.of(coarse))
    assert good.all()
    sharper = calib.recover(downsample(fine, 2, snr=snr), "ridge")
    assert "few_blocks" not in sharper.attrs["recovery"]


def test_a_single_block_along_a_side_shows_no_detail():
    rows = np.random.default_rng(0).normal(size=(2, 4, 16)) + 1j
    means, none = block_mean(rows, 4), np.zeros(2)
    assert invents(rows, means, 4, none).all()
    flat = np.ones((2, 4, 16), complex)
    assert not invents(flat, block_mean(flat, 4), 4, none).any()
