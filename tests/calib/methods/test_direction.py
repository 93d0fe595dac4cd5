"""Directions of ridges between those tried: closed forms against dense algebra, and the likeliest is found."""

import numpy as np
import pytest
import torch

from calib.methods.direction import LENGTHS, Process, features, refined, wave_numbers
from calib.methods.geometry import Geometry
from mpisim.data.blocks import block_mean


def process(*angles, length=2.8, even=True):
    return Process(torch.tensor(angles), torch.full((len(angles),), length), torch.full((len(angles),), even))


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_features_of_block_means_are_block_means_of_features(even, factor):
    of = process(0.0, 0.3, np.pi / 2, 2.2, even=even)
    fine = features(of, 3, 4, factor, 1).unflatten(1, (3 * factor, 4 * factor)).movedim(-1, 1)
    coarse = block_mean(fine, factor).movedim(1, -1).flatten(1, 2)
    assert torch.allclose(features(of, 3, 4, factor), coarse, atol=1e-13)


@pytest.mark.parametrize("even", [True, False])
def test_fine_features_are_the_waves_of_the_process(even):
    """A twin: variance 1 shared among the waves by the spectrum of the length, even or odd about the centre."""
    angle, length = 0.7, 4.0
    y, x = np.meshgrid(np.arange(6) - 2.5, np.arange(8) - 3.5, indexing="ij")
    u = (x * np.cos(angle) + y * np.sin(angle)).ravel()
    nu = np.r_[0, wave_numbers(3, 4, 2)]
    share = np.exp(-0.5 * (2 * np.pi * length * nu) ** 2) * ((nu > 0) | even)
    waves = (np.cos if even else np.sin)(2 * np.pi * u[:, None] * nu)
    expected = waves * np.sqrt(share / share.sum() * np.where(nu > 0, 2, 1))
    found = features(process(angle, length=length, even=even), 3, 4, 2, 1)[0]
    assert np.allclose(found, expected, atol=1e-7)  # the process' angle is single precision


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("degrees", [10.3, 44.0, 91.2, 178.9])
def test_the_direction_of_a_process_is_found(degrees, even):
    """From the nearest of 60, whose length is wrong, to within what the noise allows."""
    of = process(np.deg2rad(degrees), length=LENGTHS[2], even=even)
    rng = torch.Generator().manual_seed(1)
    c = torch.randn(1, 2, features(of, 8, 8, 2).shape[-1], generator=rng, dtype=torch.float64)
    exact = (c @ features(of, 8, 8, 2).mT).unflatten(2, (8, 8))
    noise = torch.full((1, 2), 1e-4, dtype=torch.float64)
    noisy = exact + 1e-2 * torch.randn(exact.shape, generator=rng, dtype=torch.float64)
    nearest = process(np.deg2rad(3 * round(degrees / 3)), length=LENGTHS[3], even=even)
    found, coefficients = refined([nearest], noisy, torch.ones(1, 2), noise, 2, np.deg2rad(1.5))
    assert abs(np.rad2deg(float(found.angle)) - degrees) < 0.2 and bool(found.even) == even
    fitted = (coefficients @ features(found, 8, 8, 2).mT).unflatten(2, (8, 8))
    assert float((fitted - exact).norm()) < 0.6 * float((noisy - exact).norm())


def test_a_direction_of_its_own_has_its_price():
    """What is no likelier than noise makes it stays where it was."""
    start, b = process(0.4), torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    found, _ = refined([start], b, torch.full((1, 2), 1e-6), torch.ones(1, 2), 2, 0.02)
    assert all(torch.equal(a, b) for a, b in zip(found, start, strict=True))


@pytest.mark.parametrize("even", [True, False])
def test_features_of_blocks_over_the_edge_are_means_of_features(even):
    """On 5 x 7 voxels off the axis, in blocks of 4."""
    geometry, of = Geometry(1.3, 2.0, -1.5, over=(3, 1)), process(0.0, 0.3, np.pi / 2, 2.2, even=even)
    fine = features(of, 2, 2, 4, 1, geometry).unflatten(1, (5, 7)).movedim(-1, 1)
    coarse = block_mean(fine, 4).movedim(1, -1).flatten(1, 2)
    assert torch.allclose(features(of, 2, 2, 4, geometry=geometry), coarse, atol=1e-13)
