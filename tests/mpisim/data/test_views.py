"""Views of a dataset: rows as images, the matrix, noise of every row, and rows replaced by others."""

import numpy as np
import pytest

from mpisim import Grid
from mpisim.data.schema import validate
from mpisim.data.views import as_images, as_matrix, noise_per_row, replace_rows, row_dims
from tests.mpisim.data.matrices import SAMPLING, sample_matrix


def test_rows_are_images_and_matrix_has_x_fastest():
    data = sample_matrix()
    values = data.system_matrix.values
    assert row_dims(data) == ("angle", "frequency")
    assert np.array_equal(as_images(data)[1 * 3 + 2], values[1, 2])
    assert as_matrix(data).shape == (6, 20)
    assert as_matrix(data)[4, 2 * 5 + 3] == values[1, 1, 2, 3]
    assert np.shares_memory(as_images(data), values)


def test_every_slice_of_a_volume_is_a_row_but_a_matrix_row_is_the_volume():
    data = sample_matrix(shape=(3, 2, 4, 5), dims=("frequency", "z", "y", "x"))
    assert row_dims(data) == ("frequency", "z")
    assert as_images(data).shape == (6, 4, 5)
    assert as_matrix(data).shape == (3, 40)


@pytest.mark.parametrize(
    ("noise", "expected"),
    [
        (0.5, [0.5] * 6),
        ([1.0, 2.0, 3.0], [1, 2, 3, 1, 2, 3]),
        (np.arange(6.0).reshape(2, 3), [0, 1, 2, 3, 4, 5]),
        (None, [0] * 6),
    ],
)
def test_noise_is_numbered_like_the_rows(noise, expected):
    """A scalar, one value a frequency, one a row; zero where it is not known."""
    assert noise_per_row(sample_matrix(noise_std=noise)).tolist() == expected


def test_noise_over_angles_alone_is_spread_over_frequencies():
    data = sample_matrix()
    data["noise_std"] = ("angle", np.array([1.0, 2.0]))
    assert noise_per_row(data).tolist() == [1, 1, 1, 2, 2, 2]


def test_replacing_rows_keeps_provenance_and_row_coordinates():
    data = sample_matrix(scanner={"sf_gradient": 0.5}, noise_std=0.1)
    values = np.ones((6, 2, 3), complex)
    found = replace_rows(data, values, Grid((3, 2), (0.3, 0.2)), stage="coarse", sampling=SAMPLING, noise_std=0.2)
    assert validate(found) is found
    assert found.system_matrix.shape == (2, 3, 2, 3)
    assert found.attrs["scanner"] == {"sf_gradient": 0.5}
    assert found.attrs["sampling"] == SAMPLING
    assert float(found.noise_std) == 0.2
    assert np.array_equal(found.angle, data.angle)
    back = replace_rows(found, as_images(data), Grid.of(data), stage="fine", sampling=None)
    assert "sampling" not in back.attrs
    assert np.array_equal(back.system_matrix, data.system_matrix)
