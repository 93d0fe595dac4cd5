"""Muon: singular values, independence of the gradient's scale, and descent."""

import numpy as np
import pytest
import torch
from torch import nn

from calib.training.muon import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(5, 12), (12, 5), (7, 7), (3, 4, 9)])
def test_singular_values_come_near_one_and_vectors_stay(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = orthogonalise(matrix)
    values = torch.linalg.svdvals(found)
    assert float(values.min()) > 0.5
    assert float(values.max()) < 1.3
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    rotated = left.mT @ found @ right.mT
    off = rotated - torch.diag_embed(torch.diagonal(rotated, dim1=-2, dim2=-1))
    assert float(off.abs().max()) < 1e-9


def test_the_step_does_not_depend_on_the_scale_of_the_gradient():
    def moved(scale):
        torch.manual_seed(1)
        layer = nn.Conv2d(4, 8, 3)
        before = [p.detach().clone() for p in layer.parameters()]
        (scale * layer(torch.ones(1, 4, 5, 5)).square().sum()).backward()
        Muon(layer.parameters(), 0.02).step()
        return [p.detach() - b for p, b in zip(layer.parameters(), before, strict=True)]

    for a, b in zip(moved(1.0), moved(1e3), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-7)
        assert float(a.abs().max()) > 0


def test_it_finds_a_least_squares_solution():
    """An ill-conditioned linear fit."""
    rng = np.random.default_rng(2)
    scales = torch.from_numpy(np.geomspace(1, 0.03, 12).astype(np.float32))
    inputs = torch.from_numpy(rng.standard_normal((200, 12)).astype(np.float32)) * scales
    wanted = torch.from_numpy(rng.standard_normal((6, 12)).astype(np.float32))
    layer = nn.Linear(12, 6)
    optimiser = Muon(layer.parameters(), 0.2)
    for step in range(300):
        optimiser.param_groups[0]["lr"] = 0.2 * (1 - step / 300)
        optimiser.zero_grad()
        (layer(inputs) - inputs @ wanted.T).square().mean().backward()
        optimiser.step()
    assert float((layer.weight.detach() - wanted).norm() / wanted.norm()) < 0.05
