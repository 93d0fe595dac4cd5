"""smooth-rows: the posterior of a Gaussian process against dense algebra, and its laws."""

import numpy as np
import pytest

import calib
from calib.methods.expected_error import BlockProcess, expected_deviation
from calib.methods.smooth import SmoothProcess, recover_smoothly
from mpisim.data.blocks import filling
from mpisim.data.grid import Grid
from mpisim.data.sampling import BoxSampling, PositionSampling
from mpisim.data.schema import build

GRID = Grid((10, 8), (0.01, 0.008))
RNG = np.random.default_rng(2)
CENTERS = np.stack([RNG.uniform(-0.0035, 0.0035, 14), RNG.uniform(-0.0025, 0.0025, 14)], axis=-1)
SAMPLING = PositionSampling(2, GRID, CENTERS, RNG.uniform(0.8e-3, 3e-3, (14, 2)))
LENGTH, VARIANCE = 2.5e-3, 1.7


def covariance():
    """Of all voxels, x fastest, by the formula of the module."""
    at = GRID.centers()[:, :2]
    return VARIANCE * np.exp(-((at[:, None] - at) ** 2).sum(-1) / (2 * LENGTH**2))


def measured_by():
    """M, (position, voxel)."""
    return SAMPLING.apply(np.eye(80).reshape(80, 8, 10))[:, 0].T


def drawn(count):
    """Complex rows of the process, with E|a|^2 = v."""
    root = np.linalg.cholesky(covariance() + 1e-10 * np.eye(80))
    return (RNG.standard_normal((count, 80)) + 1j * RNG.standard_normal((count, 80))) / np.sqrt(2) @ root.T


def posterior(values, noise):
    return posterior_of(values, noise, np.ones(14))


def posterior_of(values, noise, filling):
    """Mean and variance of rows, from values of equal noise."""
    ones, process = np.ones(len(values)), SmoothProcess.of(SAMPLING, LENGTH, filling)
    return process.posterior(process.along(values), VARIANCE * ones, noise**2 * ones)


def test_posterior_is_that_of_dense_algebra():
    values = RNG.standard_normal((3, 14)) + 1j * RNG.standard_normal((3, 14))
    mean, variance = posterior(values, 0.2)
    c, m = covariance(), measured_by()
    gain = c @ m.T @ np.linalg.inv(m @ c @ m.T + 0.04 * np.eye(14))
    np.testing.assert_allclose(mean, values @ gain.T, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(variance[0], np.diag(c - gain @ m @ c), rtol=1e-7, atol=1e-10)


def test_rows_give_the_measured_means_where_there_is_no_noise():
    values = drawn(2) @ measured_by().T
    mean, _ = posterior(values, 1e-6)
    np.testing.assert_allclose(mean @ measured_by().T, values, atol=1e-5)


def test_standard_deviations_are_those_of_rows_of_the_process():
    rows = drawn(400)
    values = (
        rows @ measured_by().T + 0.1 * (RNG.standard_normal((400, 14)) + 1j * RNG.standard_normal((400, 14))) / 2**0.5
    )
    mean, variance = posterior(values, 0.1)
    assert np.mean(np.abs(mean - rows) ** 2 / variance) == pytest.approx(1, abs=0.03)


def test_length_and_deviations_are_found_from_the_values():
    """Evidence finds the length to a step of its grid, and two thirds of the parts of all values lie within one std."""
    rows = drawn(60).reshape(60, 1, 8, 10)
    axes = {"y": GRID.axis(1), "x": GRID.axis(0), "angle": np.arange(60) * 0.05, "frequency": np.array([5e4])}
    fine = build("system_matrix", rows, ("angle", "frequency", "y", "x"), axes, stage="fine", origin="simulated")
    coarse = calib.downsample(fine, 2, snr=25, seed=1, keep=16)
    found = recover_smoothly(coarse)
    assert found.metadata["length"][0] == pytest.approx(LENGTH, rel=0.3)
    left = (found.rows - rows[:, 0]) / found.std
    assert np.mean(np.abs(np.stack([left.real, left.imag])) < 1) == pytest.approx(0.683, abs=0.06)


def test_larger_samples_count_more():
    """Values times their filling have equal noise: the noise of each mean is divided by the filling."""
    values, filling = RNG.standard_normal((1, 14)) + 0j, RNG.uniform(0.5, 4, 14)
    mean, variance = posterior_of(values * filling, 0.2, filling)
    c, m = covariance(), measured_by()
    gain = c @ m.T @ np.linalg.inv(m @ c @ m.T + np.diag(0.04 / filling**2))
    np.testing.assert_allclose(mean, values @ gain.T, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(variance[0], np.diag(c - gain @ m @ c), rtol=1e-7, atol=1e-10)


def test_blocks_at_positions_are_those_of_the_grid():
    """The same deviations, by products of both axes and by all positions at once; blocks of an edge lack voxels."""
    rows, noise = drawn(5).reshape(5, 8, 10), np.full(5, 0.2)
    box = BoxSampling(3, shape=(8, 10))
    edges = [(np.array([[i, min(i + 3, n)] for i in range(0, n, 3)]) - n / 2) * 1e-3 for n in (10, 8)]
    pairs = [(x, y) for y in edges[1] for x in edges[0]]
    centers, sizes = (np.array([[f(x), f(y)] for x, y in pairs]) for f in (np.mean, np.ptp))
    sampling = PositionSampling(3, GRID, centers, sizes)
    means = box.apply(rows)
    np.testing.assert_allclose(sampling.apply(rows)[:, 0], means.reshape(5, -1), rtol=1e-9)
    at_positions = [SmoothProcess.of(sampling, length * 1e-3, sampling.filling[0]) for length in (1.5, 3.0)]
    found = expected_deviation(0.9 * rows, means.reshape(5, -1), noise, sampling.filling[0], at_positions)
    blocks = [BlockProcess.of((8, 10), 3, length) for length in (1.5, 3.0)]
    np.testing.assert_allclose(
        found, expected_deviation(0.9 * rows, means, noise, filling((8, 10), 3), blocks), rtol=1e-6
    )
