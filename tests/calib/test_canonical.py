"""Canonical positions: undone exactly, and equal for all 32 equivalents of a ridge."""

import itertools

import numpy as np
import pytest
import torch

from calib.canonical import apply, canonical_position, undo


@pytest.mark.parametrize("shape", [(16, 2, 4, 4), (16, 2, 4, 6)])
def test_the_way_back(shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    position = canonical_position(x)
    assert torch.equal(undo(apply(x, position), position), x)
    fine = torch.randn(shape[0], 2, 3 * shape[2], 3 * shape[3])
    assert torch.equal(undo(apply(fine, position), position), fine)


@pytest.mark.parametrize(
    "profile", [lambda u: np.cos(0.9 * u) * np.exp(-(u**2) / 9), lambda u: u * np.exp(-(u**2) / 9)]
)
@pytest.mark.parametrize("degrees", [9, 24, 39])
def test_equivalent_rows_meet(degrees, profile):
    c, angle = np.arange(8) - 3.5, np.deg2rad(degrees)
    row = profile(c * np.cos(angle) + c[:, None] * np.sin(angle))
    equivalents = []
    for turns, flip, power in itertools.product(range(4), (False, True), range(4)):
        turned = np.rot90(row.T if flip else row, turns) * 1j**power
        equivalents.append(np.stack([turned.real, turned.imag]))
    x = torch.from_numpy(np.stack(equivalents))
    canonical = apply(x, canonical_position(x))
    assert torch.allclose(canonical, canonical[:1].expand_as(canonical), atol=1e-12)
    assert float(canonical[:, 1].abs().max()) < 1e-12
