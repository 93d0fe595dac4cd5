"""Laws of the point spread: closed forms, both systems of equations, and scaling."""

import numpy as np
import pytest

import mpisim
from recon.point_spread import _column, full_width, point_spread, resolution
from tests.mpisim.bad_input import assert_refused

FOV = 0.02


def matrix(gradient=1.0, voxels=21, diameter=25e-9, **more):
    line = mpisim.open_sided_ffl(gradient, angles=8, harmonics=range(2, 8), **{"drive_amplitude": 10e-3, **more})
    return mpisim.simulate(line, mpisim.Particle(diameter), mpisim.Grid((voxels, voxels), (FOV, FOV)))


def test_shift_invariant_rows_give_wieners_filter():
    """A convolution, as a matrix, has the point spread |H|^2 / (|H|^2 + 1/s^2) in Fourier space."""
    n, variance = 64, 0.3
    kernel = np.exp(-0.5 * (np.minimum(np.arange(n), n - np.arange(n)) / 2.0) ** 2)
    rows = np.array([np.roll(kernel, i) for i in range(n)])
    power = np.abs(np.fft.fft(kernel)) ** 2
    expected = np.fft.ifft(power / (power + 1 / variance)).real
    assert np.allclose(_column(rows, variance, 0), expected, atol=1e-10)


def test_both_systems_of_equations_agree():
    rows = np.random.default_rng(0).standard_normal((12, 30))
    wide = _column(rows, 0.7, 4)
    dense = np.linalg.solve(rows.T @ rows + np.eye(30) / 0.7, rows.T @ rows[:, 4])
    tall = _column(np.concatenate([rows, np.zeros((40, 30))]), 0.7, 4)
    assert np.allclose(wide, dense) and np.allclose(tall, dense)
    assert np.allclose(_column(np.random.default_rng(1).standard_normal((50, 9)), 1e9, 3), np.eye(9)[3], atol=1e-7)


def test_it_is_the_mean_image_of_a_point_by_monte_carlo_and_has_the_least_error():
    """The linear image of a white object has a smaller mean square error than one with another weight."""
    rows, variance, rng = np.random.default_rng(2).standard_normal((20, 12)), 0.5, np.random.default_rng(3)
    objects = np.sqrt(variance) * rng.standard_normal((12, 4000))
    y = rows @ objects + rng.standard_normal((20, 4000))
    errors = [
        np.mean((np.linalg.solve(rows.T @ rows + weight * np.eye(12), rows.T @ y) - objects) ** 2)
        for weight in (1 / variance / 3, 1 / variance, 3 / variance)
    ]
    assert errors[1] == min(errors)
    spread = np.linalg.solve(rows.T @ rows + np.eye(12) / variance, rows.T @ rows)
    assert np.allclose(_column(rows, variance, 5), spread[:, 5])


def test_less_noise_a_stronger_gradient_and_larger_cores_resolve_better():
    quiet, loud = resolution(matrix(), 1e-9), resolution(matrix(), 1e-3)
    assert len(quiet) == 2 and quiet[0] == pytest.approx(quiet[1], rel=0.02) and loud[0] > 1.2 * quiet[0]
    assert resolution(matrix(2.0, drive_amplitude=20e-3), 1e-3)[0] < 0.9 * loud[0]
    assert resolution(matrix(diameter=30e-9), 1e-3)[0] < 0.9 * loud[0] < resolution(matrix(diameter=18e-9), 1e-3)[0]


def test_only_the_ratio_of_noise_and_contrast_counts():
    first = point_spread(matrix(), 1e-4)
    assert np.allclose(point_spread(matrix(), 1e-5, contrast=0.1), first, atol=1e-9)
    assert np.allclose(point_spread(matrix(), 2e-4, length=2e-3), first, atol=1e-9)
    assert np.allclose(point_spread(matrix(), np.full(6, 1e-4)), first, atol=1e-12)


def test_it_does_not_depend_on_the_size_of_a_voxel():
    """A finer grid gives the same width within 2 %, where the width is several voxels."""
    coarse, fine = resolution(matrix(voxels=21), 3e-4)[0], resolution(matrix(voxels=41), 3e-4)[0]
    assert fine == pytest.approx(coarse, rel=0.02) and coarse > 2 * FOV / 21


def test_the_chain_of_the_scanner_gives_the_noise():
    line = mpisim.open_sided_ffl(1.0, angles=4, harmonics=(2, 3, 4))
    chain = mpisim.ReceiveChain(noise=mpisim.ReceiveNoise(voltage_noise=4e-9))
    grid = mpisim.Grid((15, 15), (FOV, FOV))
    found = mpisim.simulate(mpisim.ImperfectFFL.of(line, receive=chain), mpisim.Particle(25e-9), grid)
    noise = chain.noise_std(found["frequency"].values)
    assert np.array_equal(point_spread(found), point_spread(found, noise))


def test_the_width_of_a_peak_beside_the_middle():
    triangle = np.maximum(0, 1 - np.abs(np.arange(-10, 11)) / 7.0)
    assert full_width(triangle[2:], 0.5, peak=8) == pytest.approx(3.5)
    assert np.isnan(full_width(np.ones(21), 0.5))


def test_bad_input_is_one_sentence():
    for wrong in (0.0, np.nan, [1e-9] * 3):
        assert_refused(lambda _, wrong=wrong: point_spread(matrix(), wrong))
    for wrong in ({"contrast": 0.0}, {"length": -1.0}):
        assert_refused(lambda _, wrong=wrong: point_spread(matrix(), 1e-9, **wrong))
    assert_refused(lambda _: resolution(matrix()))
