"""Layers of several networks: bicubic upsampling, and first weights."""

import numpy as np
import pytest
import torch

from calib.methods.bicubic import interpolate_bicubic
from calib.nets.layers import bicubic_upsample
from calib.nets.table import NETS


@pytest.mark.parametrize("shape", [(1, 1), (3, 5)])
def test_bicubic_upsampling_equals_the_interpolation_also_in_half_precision(shape):
    x = torch.randn(2, 2, *shape, dtype=torch.float64)
    expected = interpolate_bicubic(x.numpy(), 4)
    assert np.allclose(bicubic_upsample(x, 4), expected, atol=1e-14)
    with torch.autocast("cpu", torch.bfloat16):
        assert np.allclose(bicubic_upsample(x.float(), 4), expected, atol=1e-5)


def test_first_weights_of_vdsr_neither_lose_nor_amplify_the_signal():
    """He's weights preserve the mean square through nineteen layers but for the edges, where zeros are padded."""
    torch.manual_seed(5)
    body = NETS["vdsr"].build(2).body
    with torch.no_grad():
        out = body(torch.randn(4, 2, 32, 32))
    assert 0.1 < float(out.square().mean() / 0.5) < 10  # the last ReLU leaves half
