"""Coarse sampling: adjoints, D D^T = I, axes; NumPy arrays and torch tensors alike."""

import numpy as np
import pytest
import torch

import calib
import mpisim
from mpisim.data.grid import Grid
from mpisim.data.sampling import (
    SCHEMES,
    BoxSampling,
    RandomSampling,
    Sampling,
    StridedSampling,
    block_mean,
    replicate,
)
from mpisim.errors import InputError
from tests.laws import assert_adjoint

SAMPLINGS = [BoxSampling(4), StridedSampling(4), RandomSampling.drawn(4, (16, 24), seed=3)]
ODD = (13, 23)
PARTIAL = [Sampling.named(name, s, ODD, seed=3, partial=True) for name in SCHEMES for s in (2, 4, 8)]


def complex_rows(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=lambda s: s.scheme)
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_adjoint_by_dot_product(sampling, kind):
    coarse = sampling.apply(np.zeros((3, 16, 24))).shape

    def as_numpy(operator):
        return operator if kind == "numpy" else lambda values: operator(torch.from_numpy(values)).numpy()

    assert_adjoint(as_numpy(sampling.apply), as_numpy(sampling.adjoint), (3, 16, 24), coarse, is_complex=True)


@pytest.mark.parametrize("sampling", PARTIAL, ids=lambda s: f"{s.scheme} {s.factor}")
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_adjoint_where_blocks_reach_over_the_edge(sampling, kind):
    coarse = sampling.apply(np.zeros((2, *ODD))).shape

    def as_numpy(operator):
        return operator if kind == "numpy" else lambda values: operator(torch.from_numpy(values)).numpy()

    assert_adjoint(as_numpy(sampling.apply), as_numpy(sampling.adjoint), (2, *ODD), coarse, is_complex=True)
    assert sampling.fine_shape(*coarse[1:]) == ODD


def test_means_of_partial_blocks_keep_constant_rows_and_whole_blocks():
    fine = complex_rows(np.random.default_rng(2), 2, *ODD)
    assert np.allclose(block_mean(np.ones(ODD), 4), 1, rtol=1e-15)
    assert np.array_equal(block_mean(fine, 4)[:, :3, :5], block_mean(fine[:, :12, :20], 4))
    assert np.allclose(block_mean(fine, 4)[:, 3, 5], fine[:, 12:, 20:].mean((1, 2)), rtol=1e-13)
    assert np.array_equal(replicate(block_mean(fine, 4), 4, ODD)[:, 12, 22], block_mean(fine, 4)[:, 3, 5])


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_orthonormal_convention_is_the_papers(factor):
    """D = S blockmean has D D^T = I, with D^T = S (adjoint of the block mean) = replicate / S."""
    coarse = complex_rows(np.random.default_rng(1), 2, 3, 5)
    spread = replicate(coarse, factor) / factor
    assert np.allclose(factor * block_mean(spread, factor), coarse, rtol=1e-13)
    assert np.allclose(spread, factor * BoxSampling(factor).adjoint(coarse), rtol=1e-13)


def test_block_mean_against_a_loop():
    fine = complex_rows(np.random.default_rng(2), 2, 6, 9)
    wanted = [[[row[3 * i : 3 * i + 3, 3 * j : 3 * j + 3].mean() for j in range(3)] for i in range(2)] for row in fine]
    assert np.allclose(block_mean(fine, 3), wanted, rtol=1e-13)


@pytest.fixture(scope="module")
def fine():
    return mpisim.simulate(mpisim.open_sided_ffl(0.8, angles=6), mpisim.Particle(22e-9))


@pytest.mark.parametrize("scheme", ["box", "strided", "random"])
def test_the_fine_grid_follows_from_a_coarse_file(fine, scheme):
    """Also on oblong voxels off centre, from one coarse voxel along x, and where blocks reach over the edge."""
    small = mpisim.simulate(
        mpisim.open_sided_ffl(0.8, angles=1), mpisim.Particle(22e-9), Grid((4, 8), (0.01, 0.03), (0.005, -0.002, 0.0))
    )
    odd = mpisim.simulate(
        mpisim.open_sided_ffl(0.8, angles=1), mpisim.Particle(22e-9), Grid((5, 7), (0.01, 0.03), (0.005, -0.002, 0.0))
    )
    for matrix in (fine, small, odd):
        coarse = calib.downsample(matrix, 4, scheme, snr=None, edge="fill")
        sampling = Sampling.of(coarse)
        found = sampling.fine_grid(Grid.of(coarse))
        assert np.allclose(found.axis(0), matrix["x"], atol=1e-12) and np.allclose(
            found.axis(1), matrix["y"], atol=1e-12
        )
        assert np.allclose(sampling.coarse_grid(found).axis(0), coarse["x"], atol=1e-12)


def test_samples_lie_where_the_coarse_file_says(fine):
    """Block means at the mean of their voxels, strided samples at the first voxel of their block."""
    box, strided = (calib.downsample(fine, 4, s, snr=None) for s in ("box", "strided"))
    assert np.allclose(box["x"], fine["x"].values.reshape(-1, 4).mean(1), atol=1e-12)
    assert np.allclose(strided["x"], fine["x"][::4], atol=1e-12)


def test_a_sample_over_the_edge_lies_where_a_whole_one_would(fine):
    odd = fine.isel(x=slice(0, 30), y=slice(0, 29))
    box = calib.downsample(odd, 4, snr=None, edge="fill")
    assert np.allclose(box["x"], fine["x"].values.reshape(-1, 4).mean(1), atol=1e-12)
    assert np.allclose(box["y"], fine["y"].values.reshape(-1, 4).mean(1), atol=1e-12)


def test_a_sampling_that_a_method_cannot_take_is_refused(fine):
    coarse = calib.downsample(fine, 4, "strided", snr=None)
    with pytest.raises(InputError, match="sampled by box or random for the method m; instead received strided"):
        Sampling.of(coarse, ("box", "random"), "m")
    with pytest.raises(InputError, match="must be a coarse system matrix; instead received a fine one"):
        Sampling.of(fine)
