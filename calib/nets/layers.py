r"""Layers of several networks: upsamplers, first weights and the check of their input.

Bicubic upsampling is a pair of fixed matrices, :math:`X \mapsto W_y X W_x^T` (`calib.methods.bicubic.bicubic_matrix`).
First weights are drawn from :math:`N(0, 2/((1 + a^2) n))`, where n is the number of inputs of an output and a the slope
of the LeakyReLU before it (He et al., 2015, DOI 10.1109/ICCV.2015.123).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from calib.methods.bicubic import bicubic_matrix
from mpisim.errors import require

__all__ = ["bicubic_upsample", "draw_weights", "require_rows", "upsampler"]


def upsampler(channels: int, out_channels: int) -> nn.Sequential:
    """Return a two-fold upsampler: convolution, pixel shuffle, LeakyReLU."""
    return nn.Sequential(nn.Conv2d(channels, 4 * out_channels, 3, padding=1), nn.PixelShuffle(2), nn.LeakyReLU(0.01))


def bicubic_upsample(x: Tensor, factor: int, offset: float = 0.0) -> Tensor:
    """Upsample (B, C, h, w) to (B, C, S h, S w) in the precision of `x`, also under autocast.

    `offset`, in fine voxels, is that of `calib.methods.bicubic.bicubic_matrix`.
    """
    with torch.autocast(x.device.type, enabled=False):
        along_y, along_x = (torch.tensor(bicubic_matrix(n, factor, offset)).to(x) for n in x.shape[-2:])
        return along_y @ x @ along_x.T


@torch.no_grad()
def draw_weights(net: nn.Module, slope: float = 0.0, gain: float = 1.0) -> None:
    """Draw the weights of every convolution of a net, times `gain`; biases become zero."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=slope).mul_(gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def require_rows(x: Tensor, name: str, even: bool = False) -> None:
    """Raise `InputError` unless `x` has the shape (B, 2, h, w), with even h and w where `even`."""
    good = x.ndim == 4 and x.shape[1] == 2 and min(x.shape[2:]) > 0
    good = good and not (even and (x.shape[2] % 2 or x.shape[3] % 2))
    require(good, f"rows of {name}", f"of shape (rows, 2, h, w){' with even h and w' * even}", tuple(x.shape))
