"""Transformer stages: what attention knows of positions."""

import pytest
import torch

from calib.nets.transformer import Attention, sinusoids


@pytest.mark.parametrize("linear", [False, True])
def test_attention_depends_on_positions_only_through_convolutions(linear):
    """Attention of permuted tokens is the permuted attention, unless the projections are convolutions."""
    torch.manual_seed(4)
    attention = Attention(8, heads=2, head_channels=4, linear=linear).eval().double()
    x = torch.randn(2, 8, 4, 6, dtype=torch.float64)
    order = torch.randperm(24)
    with torch.no_grad():
        permuted = attention(x.flatten(2)[..., order].unflatten(2, (4, 6)))
        same = torch.allclose(permuted, attention(x)[:, order], atol=1e-12)
    assert same == linear


def test_sinusoids_differ_between_tokens_and_not_between_sizes():
    like = torch.zeros(1, 1, 68)
    small, large = sinusoids(3, 5, like).reshape(3, 5, 68), sinusoids(32, 16, like).reshape(32, 16, 68)
    assert torch.equal(small, large[:3, :5])
    distances = torch.cdist(large.flatten(0, 1), large.flatten(0, 1)) + 9 * torch.eye(32 * 16)
    assert distances.min() > 0.5
    assert torch.allclose(large.square().sum(-1), torch.tensor(34.0))
