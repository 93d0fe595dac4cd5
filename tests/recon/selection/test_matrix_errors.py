"""The deviation of rows by noise and errors of the matrix: what it is for a known image, limits, and frames."""

import numpy as np
import pytest

from mpisim.data.noise import complex_gaussian
from mpisim.errors import InputError
from recon.selection.matrix_errors import error_regularisation, row_deviation
from recon.solvers.kaczmarz import kaczmarz

RNG = np.random.default_rng(8)
M, N = 60, 20
MATRIX = complex_gaussian((M, N), 40.0, 1)
IMAGE = RNG.uniform(0, 1, N) * (RNG.uniform(size=N) > 0.4)
STD = RNG.uniform(0.5, 1.5, (M, N)) * np.exp(RNG.normal(size=(M, 1)))


def data(images=1, noise=1.0, errors=None, seed=3):
    true = MATRIX if errors is None else MATRIX + errors
    return (true @ IMAGE)[:, None] + complex_gaussian((M, images), noise, seed)


def test_without_errors_noise_is_all():
    assert np.array_equal(row_deviation(MATRIX, np.zeros((M, N)), data()), np.ones(M))


@pytest.mark.parametrize("coherence", [0.0, 1.0, 0.3])
def test_it_is_the_deviation_that_residuals_at_the_true_image_have(coherence):
    """Over many draws of noise and of errors of the matrix: independent ones, one sign in every row, or a mixture."""
    found = row_deviation(MATRIX, STD, data(noise=0.1), coherence=coherence)
    own, shared = 2 * STD**2 @ IMAGE**2, 2 * (STD @ IMAGE) ** 2
    wanted = np.sqrt(1 + (1 - coherence) * own + coherence * shared)
    assert np.allclose(found, wanted, rtol=0.1)
    draws = []
    for s in range(1000):
        alone, common = complex_gaussian((M, N), np.sqrt(2), [s, 0]), complex_gaussian((M, 1), np.sqrt(2), [s, 2])
        errors = STD * (np.sqrt(1 - coherence) * alone + np.sqrt(coherence) * common)
        draws.append(data(errors=errors, seed=[s, 1])[:, 0] - MATRIX @ IMAGE)
    assert np.allclose(np.sqrt(np.mean(np.abs(draws) ** 2, axis=0)), wanted, rtol=0.12)


def test_an_uncertain_row_has_a_larger_deviation_than_the_others():
    std = np.full((M, N), 0.1)
    std[7] *= 30
    found = row_deviation(MATRIX, std, data())
    assert np.argmax(found) == 7 and found[7] > 3 and np.all(found >= 1)


def test_frames_share_the_deviations_of_their_mean():
    frames = data(images=4)
    assert np.allclose(row_deviation(MATRIX, STD, frames), row_deviation(MATRIX, STD, frames.mean(1, keepdims=True)))


def test_shapes_must_agree():
    with pytest.raises(InputError, match=r"^Input std must be of the matrix' shape \(60, 20\); instead received"):
        row_deviation(MATRIX, STD[:, 1:], data())
    with pytest.raises(InputError, match="Input y must be of the shape"):
        row_deviation(MATRIX, STD, data()[:, 0])
    with pytest.raises(InputError, match="Input coherence must be from 0 to 1"):
        row_deviation(MATRIX, STD, data(), coherence=1.1)


def weighted(std=STD, scale=1.0):
    """Rows and data over the deviation of noise and errors, and this deviation."""
    deviation = row_deviation(scale * MATRIX, scale * std, data())
    return scale * MATRIX / deviation[:, None], data() / deviation[:, None], deviation


def penalty(matrix, y, found):
    """What lambda adds to the squared residual for the image by which it is stated."""
    image = kaczmarz(matrix, y[:, 0])
    return found * np.sum(np.abs(matrix) ** 2) / N * (image @ image), image


def test_the_penalty_is_what_drawn_errors_of_the_matrix_add_to_the_residual():
    """Of one sign in a row or independent: E|E x|^2, in the rows that the deviations weight."""
    deviation = row_deviation(MATRIX, STD, data(), coherence=0)
    matrix, y = MATRIX / deviation[:, None], data() / deviation[:, None]
    added, image = penalty(matrix, y, error_regularisation(matrix, y, deviation))
    draws = [complex_gaussian((M, N), np.sqrt(2), [s, 7]) * STD @ image / deviation for s in range(400)]
    assert added == pytest.approx(np.mean(np.sum(np.abs(draws) ** 2, axis=1)), rel=0.05)


def test_the_lambda_of_errors_is_zero_without_them_and_grows_with_them():
    matrix, y, none = weighted(np.zeros((M, N)))
    assert error_regularisation(matrix, y, none) == 0
    found = [error_regularisation(*weighted(level * STD)) for level in (0.03, 0.1, 0.3)]
    assert 0 < found[0] < found[1] < found[2]
    assert error_regularisation(matrix, 0 * y, none + 1) == 0


def test_it_has_no_unit():
    """Another unit of the image: of rows and deviations together."""
    assert error_regularisation(*weighted(scale=1e3)) == pytest.approx(error_regularisation(*weighted()), rel=1e-6)
