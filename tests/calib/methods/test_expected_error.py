"""The expected error of recovered rows: dense algebra, rows drawn from the process, and its laws."""

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.bicubic import consistent_rows, interpolate_means
from calib.methods.expected_error import BlockProcess, block_processes, expected_deviation, most_likely
from mpisim.data.blocks import block_mean, filling
from mpisim.data.noise import complex_gaussian
from mpisim.data.views import as_images, noise_per_row

SHAPE, FACTOR, LENGTH, VARIANCE, NOISE = (10, 13), 4, 3.2, 1.7, 0.3


def covariance(shape=SHAPE, length=LENGTH):
    """Of all voxels of a process of unit variance, x fastest."""
    at = np.indices(shape).reshape(2, -1).T
    return np.exp(-((at[:, None] - at) ** 2).sum(-1) / (2 * length**2))


def measured_by(shape=SHAPE, factor=FACTOR):
    """M, (mean, voxel), of means over the voxels that each block has."""
    voxels = np.prod(shape)
    return block_mean(np.eye(voxels).reshape(voxels, *shape), factor).reshape(voxels, -1).T


def drawn(count, shape=SHAPE, length=LENGTH, variance=VARIANCE, seed=1):
    """Complex rows of the process, (row, H, W), with E|a|^2 = v."""
    root = np.linalg.cholesky(covariance(shape, length) + 1e-9 * np.eye(np.prod(shape)))
    return np.sqrt(variance) * (complex_gaussian((count, len(root)), 1.0, seed) @ root.T).reshape(count, *shape)


def measured(rows, noise=NOISE, factor=FACTOR, seed=2):
    """Block means with noise; that of a block over the edge is larger by the voxels it lacks."""
    means = block_mean(rows, factor)
    return means + complex_gaussian(means.shape, noise, seed) / filling(rows.shape[1:], factor)


def interpolated(means, shape=SHAPE, factor=FACTOR):
    return interpolate_means(means, factor, shape)


def deviation(rows, means, sigma, factor=FACTOR):
    shape = rows.shape[1:]
    return expected_deviation(rows, means, sigma, filling(shape, factor), block_processes(shape, factor))


def process():
    return BlockProcess.of(SHAPE, FACTOR, LENGTH)


def test_the_posterior_is_that_of_dense_algebra():
    means = measured(drawn(3))
    found = process().along(means * filling(SHAPE, FACTOR))
    mean, spread = process().posterior(found, np.full(3, VARIANCE), np.full(3, NOISE**2))
    c, m = VARIANCE * covariance(), measured_by()
    noise = np.diag(NOISE**2 / filling(SHAPE, FACTOR).ravel() ** 2)
    gain = c @ m.T @ np.linalg.inv(m @ c @ m.T + noise)
    assert np.allclose(mean.reshape(3, -1), means.reshape(3, -1) @ gain.T, rtol=1e-9, atol=1e-10)
    assert np.allclose(spread.reshape(3, -1), np.diag(c - gain @ m @ c), rtol=1e-8, atol=1e-10)


def test_the_variance_is_that_of_the_largest_dense_evidence():
    means = measured(drawn(4))
    values = means * filling(SHAPE, FACTOR)
    variance, evidence = most_likely(process(), values, np.ones(4), np.full(4, NOISE**2))
    weights = filling(SHAPE, FACTOR).ravel()
    seen = measured_by() * weights[:, None]
    tried = np.exp(np.linspace(-0.5, 0.5, 41))
    for row, v, found in zip(values.reshape(4, -1), variance, evidence, strict=True):
        dense = [v * t * seen @ covariance() @ seen.T + NOISE**2 * np.eye(len(seen)) for t in tried]
        log = [-np.vdot(row, np.linalg.solve(s, row)).real - np.linalg.slogdet(s)[1] for s in dense]
        assert np.argmax(log) == 20
        assert found == pytest.approx(log[20], rel=1e-9)


@pytest.mark.parametrize(("length", "noise", "factor"), [(3.2, 0.1, 4), (4.5, 0.02, 4), (2.0, 0.2, 2), (6.0, 0.0, 8)])
def test_rows_of_a_process_err_as_stated(length, noise, factor):
    """RMS of the deviations over that of the errors, and the share of errors within one and two of them."""
    shape = (32, 34) if factor == 8 else (16, 18)
    rows = drawn(300, shape, length)
    means = measured(rows, noise, factor)
    found = interpolated(means, shape, factor)
    std = deviation(found, means, np.full(len(rows), noise), factor)
    error = found - rows
    assert np.sqrt(2 * np.mean(std**2) / np.mean(np.abs(error) ** 2)) == pytest.approx(1, abs=0.1)
    parts = np.abs(np.stack([error.real, error.imag])) / std
    assert np.mean(parts < 1) == pytest.approx(0.68, abs=0.06)
    assert np.mean(parts < 1.96) == pytest.approx(0.95, abs=0.04)


def test_a_constant_row_without_noise_is_certain():
    means = np.full((1, 3, 4), 2 - 1j)
    assert np.all(deviation(interpolated(means), means, np.zeros(1)) < 1e-9)
    zero = 0 * means
    assert np.all(deviation(interpolated(zero), zero, np.zeros(1)) < 1e-100)


def test_noise_alone_is_expected_to_err_less_than_it_varies():
    """A row without signal: its process vanishes, and its rows err by what interpolation makes of the noise."""
    means = complex_gaussian((200, 5, 6), 1.0, 4)
    found = interpolated(means, (20, 24))
    std = deviation(found, means, np.ones(200))
    assert np.sqrt(2 * np.mean(std**2) / np.mean(np.abs(found) ** 2)) == pytest.approx(1, abs=0.25)


def test_one_block_mean_tells_nothing_of_how_a_row_varies():
    means = np.full((1, 1, 1), 3.0 + 0j)
    std = deviation(interpolated(means, (8, 8), 8), means, np.full(1, 0.01), 8)
    assert np.all(std > 0.3)


def test_the_posterior_mean_errs_least():
    means = measured(drawn(20), 0.1)
    sigma = np.full(20, 0.1)
    found = interpolated(means)
    std = deviation(found, means, sigma)
    other = deviation(found + 0.5, means, sigma)
    shifted = found + 1e-3j * np.sqrt(2) * std
    assert np.mean(other**2) > np.mean(std**2)
    assert np.allclose(deviation(shifted, means, sigma), std, rtol=1.1e-3)


def test_unit_phase_and_a_constant():
    means, sigma = measured(drawn(5)), np.full(5, NOISE)
    std = deviation(interpolated(means), means, sigma)
    turned = 3e-5 * np.exp(1.1j)
    scaled = deviation(turned * interpolated(means), turned * means, 3e-5 * sigma)
    assert np.allclose(scaled, 3e-5 * std, rtol=1e-7)
    raised = deviation(interpolated(means) + 7, means + 7, sigma)
    assert np.allclose(raised, std, rtol=1e-7)


def test_axes_count_alike_and_rows_by_themselves():
    means, sigma = measured(drawn(6)), np.linspace(0.1, 0.4, 6)
    found = interpolated(means)
    std = deviation(found, means, sigma)
    other = deviation(found.swapaxes(1, 2), means.swapaxes(1, 2), sigma)
    assert np.allclose(other.swapaxes(1, 2), std, rtol=1e-7)
    assert np.allclose(deviation(found[2:3], means[2:3], sigma[2:3]), std[2:3], rtol=1e-9)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_what_bicubic_dc_states_of_a_scanner(factor):
    """Rows of a scanner are no stationary process: its deviations are right to a third all the same."""
    scanner = mpisim.open_sided_ffl(0.7, angles=7)
    fine = mpisim.simulate(scanner, mpisim.Particle(25e-9), mpisim.Grid((32, 32), (0.032, 0.032)))
    coarse = calib.downsample(fine, factor)
    found = calib.recover(coarse, "bicubic-dc")
    assert np.array_equal(as_images(found), consistent_rows(coarse).astype(np.complex64))
    error = as_images(found) - as_images(fine)
    std = found["system_matrix_std"].values
    assert 0.75 < np.sqrt(2 * np.mean(std**2) / np.mean(np.abs(error) ** 2)) < 1.33
    exact = deviation(as_images(found), as_images(coarse), noise_per_row(coarse), factor)
    assert np.allclose(std.reshape(exact.shape), exact, rtol=1e-6)
