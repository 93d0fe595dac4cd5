r"""Residual dense convolution branch of TranSMS (Eq. 11-16).

After RDN (Zhang et al., 2018, DOI 10.1109/CVPR.2018.00262).

.. math:: u_{-1} = Z_0(U), \quad u_0 = Z_1(u_{-1}), \quad u_d = B_d(u_{d-1}), \quad
          U_C = Z_{last}(Z_{ct}([u_1; \dots; u_n])) + u_{-1},

where each block :math:`B_d` is a chain of convolutions on all earlier feature maps; their outputs are fused by a 1 x 1
convolution and added to the block's input.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["BLOCKS", "DenseBranch", "ResidualDenseBlock"]

BLOCKS = 4
"""Number of blocks of a branch."""


class ResidualDenseBlock(nn.Module):
    """A residual dense block (Eq. 13-14): (B, C, h, w) -> the same."""

    def __init__(self, channels: int, growth: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(channels + i * growth, growth, 3, padding=1) for i in range(layers))
        self.fuse = nn.Conv2d(channels + layers * growth, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Refine features."""
        features = x
        for layer in self.layers:
            features = torch.cat([features, layer(features).relu()], dim=1)
        return self.fuse(features) + x


class DenseBranch(nn.Module):
    """The convolution branch of four blocks: (B, C_in, h, w) -> (B, C, h, w)."""

    def __init__(self, in_channels: int, channels: int, growth: int, layers: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.blocks = nn.ModuleList(ResidualDenseBlock(channels, growth, layers) for _ in range(BLOCKS))
        self.fuse = nn.Conv2d(BLOCKS * channels, channels, 1)
        self.last = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Extract local features."""
        first = self.first(x)
        features, outputs = self.second(first), []
        for block in self.blocks:
            features = block(features)
            outputs.append(features)
        return self.last(self.fuse(torch.cat(outputs, dim=1))) + first
