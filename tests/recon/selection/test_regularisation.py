"""Lambda from the data: each rule against its definition, and against the best value."""

import functools

import numpy as np
import pytest

import recon
from mpisim import InputError
from mpisim.data.views import as_matrix
from mpisim.errors import DataWarning
from recon.selection.hands_free import hands_free
from recon.selection.regularisation import GAMMA, RULES, regularisation
from recon.solvers.spectrum import Spectrum
from tests.recon.problems import random_problem, small_matrix, small_measurement

LAMBDAS = np.logspace(-5, 1, 61)


@functools.cache
def white(snr=30.0, seed=0):
    """A matrix and data in units of the noise, and the true image."""
    y = small_measurement(seed, snr)
    sigma = float(y["noise_std"])
    matrix = as_matrix(small_matrix()).astype(complex) / sigma
    return matrix, y["measurement"].values.ravel() / sigma, y["phantom"].values.ravel()


def stacked(matrix, y):
    return np.concatenate([matrix.real, matrix.imag]), np.concatenate([y.real, y.imag])


def test_discrepancy_leaves_the_residual_of_the_noise():
    matrix, y, _ = white()
    noise = np.sqrt(len(y))
    image = recon.tikhonov(matrix, y, regularisation(matrix, y, "discrepancy", noise))
    assert np.linalg.norm(matrix @ image - y) == pytest.approx(noise, rel=1e-5)


def test_gcv_is_the_minimum_of_the_leave_one_out_error_in_rotated_rows():
    """Golub, Heath and Wahba: the mean over rotations of the error with which rows that are left out are predicted."""
    matrix, y, _, _ = random_problem(rows=30, noise=0.2)
    found = regularisation(matrix, y, "gcv")

    def error(value):
        penalty = value * np.linalg.norm(matrix) ** 2 / matrix.shape[1]
        hat = matrix @ np.linalg.solve(matrix.T @ matrix + penalty * np.eye(matrix.shape[1]), matrix.T)
        return np.linalg.norm(y - hat @ y) ** 2 / np.trace(np.eye(len(y)) - hat) ** 2

    least = min(error(v) for v in LAMBDAS)
    assert error(found) <= least * (1 + 1e-9)


def test_l_curve_is_the_corner():
    """The curvature of the curve through norms and residuals of images, by differences, is largest there."""
    matrix, y, _ = white()
    values = np.logspace(-4, 0, 161)
    real, data = stacked(matrix, y)
    squared, vectors = np.linalg.eigh(real.T @ real)
    turned, weight = vectors.T @ (real.T @ data), np.linalg.norm(real) ** 2 / real.shape[1]
    images = [vectors @ (turned / (squared + v * weight)) for v in values]
    t = np.log(values)
    x = np.log([np.linalg.norm(matrix @ image - y) for image in images])
    e = np.log([np.linalg.norm(image) for image in images])
    dx, de = np.gradient(x, t), np.gradient(e, t)
    curvature = (dx * np.gradient(de, t) - np.gradient(dx, t) * de) / (dx**2 + de**2) ** 1.5
    corner = values[3 + np.argmax(curvature[3:-3])]
    assert regularisation(matrix, y, "l-curve") == pytest.approx(corner, rel=0.1)


def test_auto_is_the_larger_of_corner_and_modified_cross_validation():
    matrix, y, _ = white(snr=20.0)
    found, corner = regularisation(matrix, y), regularisation(matrix, y, "l-curve")
    curves, scale = Spectrum.of(matrix).curves(y), Spectrum.of(matrix).scale

    def error(values):
        left = curves.rows - GAMMA * curves.free(values * scale)
        return np.where(left > 0, curves.residual(values * scale) / left**2, np.inf)

    fine = np.logspace(-6, 1, 4001)
    assert found == pytest.approx(max(corner, fine[np.argmin(error(fine))]), rel=0.01)


@pytest.mark.parametrize("snr", [20.0, 30.0, 40.0])
@pytest.mark.parametrize("method", ["tikhonov", "kaczmarz"])
def test_auto_is_near_the_best(snr, method):
    matrix, y, truth = white(snr)
    solve = {"tikhonov": lambda v: recon.tikhonov(matrix, y, v, non_negative=True), "kaczmarz": None}[method]
    solve = solve or (lambda v: recon.kaczmarz(matrix, y, v))
    best = max(recon.psnr(solve(v), truth) for v in LAMBDAS[20:55:7])
    assert recon.psnr(solve(regularisation(matrix, y)), truth) > best - 1


@pytest.mark.parametrize("rule", [r for r in RULES if r != "hands-free"])
def test_units_do_not_matter_and_images_are_chosen_for_one_by_one(rule):
    matrix, y, _ = white()
    other = white(seed=1)[1]
    noise = np.sqrt(len(y))
    one, two = regularisation(matrix, y, rule, noise), regularisation(matrix, other, rule, noise)
    np.testing.assert_allclose(regularisation(matrix, np.stack([y, other], axis=1), rule, noise), [one, two])
    assert regularisation(1e-6 * matrix, 1e3 * y, rule, 1e3 * noise) == pytest.approx(one, rel=1e-4)
    real, data = stacked(matrix, y)
    assert regularisation(real, data, rule, noise) == pytest.approx(one, rel=1e-4)


def test_discrepancy_says_where_the_matrix_is_in_error():
    matrix, y, _ = white(snr=40.0)
    rng = np.random.default_rng(0)
    tall = np.concatenate([matrix] * 6)  # more rows than voxels, so that not everything fits
    data = np.tile(y, 6) + 20 * np.sqrt(0.5) * (rng.standard_normal(len(tall)) + 1j * rng.standard_normal(len(tall)))
    with pytest.warns(DataWarning, match="the matrix is in error"):
        found = regularisation(tall, data, "discrepancy", np.sqrt(len(tall)))
    assert found == regularisation(tall, data)


@pytest.mark.parametrize("rule", RULES)
def test_empty_data_and_noiseless_data_get_a_number(rule):
    matrix, _, truth = white()
    for y in (np.zeros(len(matrix), complex), matrix @ truth):
        assert 0 < regularisation(matrix, y, rule, 1e-3) < np.inf


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rule": "best"}, "regularisation must be one of auto, discrepancy, l-curve, gcv, hands-free"),
        ({"rule": "discrepancy"}, "regularisation must be auto, l-curve, gcv or a number for unknown noise"),
        ({"rule": "discrepancy", "noise": -1.0}, "noise must be"),
        ({"y": np.ones(3)}, "y must be of 48 values like the rows"),
        ({"y": np.full(48, np.nan)}, "y must be"),
    ],
)
def test_bad_input_gets_one_sentence(options, sentence):
    matrix, y, _ = white()
    with pytest.raises(InputError, match=f"^Input {sentence}"):
        regularisation(matrix, **{"y": y, **options})


def test_hands_free_sweeps_are_kaczmarz_with_a_falling_lambda():
    """With all rows from the beginning the first sweep is that of `recon.kaczmarz` with lambda 5."""
    matrix, y, _ = white()
    np.testing.assert_allclose(hands_free(matrix, y, most_sweeps=1).image, recon.kaczmarz(matrix, y, 5.0, 1), rtol=1e-5)
    found = hands_free(matrix, y)
    assert found.image.min() >= 0 and found.sweeps <= 25
    assert found.regularisation == pytest.approx(5 / (1 + (0.2 * (found.sweeps - 1)) ** 5))


def test_hands_free_begins_with_the_rows_of_most_signal():
    matrix, y, _ = white()
    ratio = np.where(np.arange(len(y)) % 2, 100.0, 2.0)  # the even rows come in once the limit is below 2
    strong = matrix[1::2]
    level = 5 * np.linalg.norm(matrix) ** 2 / np.linalg.norm(strong) ** 2
    first = hands_free(matrix, y, ratio, most_sweeps=1).image
    np.testing.assert_allclose(first, recon.kaczmarz(strong, y[1::2], level, 1), rtol=1e-5)
    assert not np.allclose(first, hands_free(matrix, y, most_sweeps=1).image)
