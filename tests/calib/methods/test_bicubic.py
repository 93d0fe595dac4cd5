"""Bicubic interpolation: the operator derived from Keys' kernel, and its properties."""

import numpy as np
import pytest

from calib.methods.bicubic import (
    bicubic_matrix,
    interpolate_bicubic,
    interpolate_means,
    keys_kernel,
    whole_means_matrix,
)
from mpisim.data.blocks import block_mean


def interpolate_by_loop(values, factor, offset=0.0):
    """Plain twin: every output reads four neighbours with mirrored edges."""
    n = len(values)
    mirror = list(range(n)) + list(range(n - 1, -1, -1))
    out = []
    for i in range(n * factor):
        u = (i - offset + 0.5) / factor - 0.5
        left = int(np.floor(u))
        nodes = range(left - 1, left + 3)
        out.append(sum(float(keys_kernel(np.array(u - j))) * values[mirror[j % (2 * n)]] for j in nodes))
    return np.array(out)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
@pytest.mark.parametrize("n", [1, 2, 4, 9])
def test_twin(n, factor):
    values = np.random.default_rng(n).standard_normal(n)
    assert np.allclose(bicubic_matrix(n, factor) @ values, interpolate_by_loop(values, factor), atol=1e-14)
    assert np.allclose(bicubic_matrix(n, factor, 1.5) @ values, interpolate_by_loop(values, factor, 1.5), atol=1e-14)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_keeps_constants_and_straight_lines(factor):
    """Weights sum to 1, and a line is kept where no edge is mirrored (kernel with a = -0.5 is third-order)."""
    matrix = bicubic_matrix(9, factor)
    assert np.allclose(matrix.sum(1), 1, atol=1e-14)
    line = matrix @ np.arange(9.0)
    inner = slice(2 * factor, -2 * factor)
    centres = (np.arange(9 * factor) + 0.5) / factor - 0.5
    assert np.allclose(line[inner], centres[inner], atol=1e-13)
    assert np.allclose((matrix @ np.arange(9.0) ** 2)[inner], centres[inner] ** 2, atol=1e-12)


def test_is_symmetric_under_reflection():
    matrix = bicubic_matrix(6, 4)
    assert np.allclose(matrix, matrix[::-1, ::-1], atol=1e-15)


def test_imresize_of_an_impulse():
    """Doubling: half-pixel centres give the weights (-3, 29, 111, -9)/128, those of MATLAB's imresize."""
    assert np.allclose(bicubic_matrix(8, 2)[8, 2:6] * 128, [-3, 29, 111, -9], atol=1e-12)


def test_reproduces_samples_where_they_lie():
    """With the offset of strided samples the interpolant passes through them."""
    values = np.random.default_rng(0).standard_normal(8)
    for factor in (2, 4, 8):
        fine = bicubic_matrix(8, factor, -(factor - 1) / 2) @ values
        assert np.allclose(fine[::factor], values, atol=1e-14)


def test_separable_is_the_kronecker_product():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((2, 3, 5)) + 1j * rng.standard_normal((2, 3, 5))
    along_y, along_x = bicubic_matrix(3, 2), bicubic_matrix(5, 2)
    wanted = np.kron(along_y, along_x) @ rows.reshape(2, -1).T
    assert np.allclose(interpolate_bicubic(rows, 2).reshape(2, -1), wanted.T, atol=1e-13)


@pytest.mark.parametrize(("length", "factor"), [(13, 2), (13, 4), (13, 8), (23, 8)])
def test_means_of_partial_blocks_of_a_straight_row_become_those_of_whole_ones(length, factor):
    line = 0.3 + 0.7 * np.arange(-(-length // factor) * factor)
    means = np.array([line[s : s + factor][: length - s].mean() for s in range(0, length, factor)])
    wanted = line.reshape(-1, factor).mean(1)
    assert np.allclose(whole_means_matrix(length, factor) @ means, wanted, rtol=1e-12)
    assert np.array_equal(whole_means_matrix(line.size, factor), np.eye(wanted.size))


def test_means_are_interpolated_as_those_of_whole_blocks_and_cut():
    """A plane is kept where the mirrored edges are not felt; whole blocks are interpolated as ever."""
    y, x = np.mgrid[:21, :23]
    plane = 1.0 + 0.5 * x - 0.2 * y
    found = interpolate_means(block_mean(plane, 4), 4, (21, 23))
    assert found.shape == (21, 23) and np.allclose(found[6:15, 6:15], plane[6:15, 6:15], rtol=1e-12)
    whole = block_mean(plane[:20, :20], 4)
    assert np.array_equal(interpolate_means(whole, 4, (20, 20)), interpolate_bicubic(whole, 4))
