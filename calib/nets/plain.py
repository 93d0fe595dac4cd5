r"""Plain convolution branch, in place of the dense one of TranSMS: residual blocks without dense connections.

.. math:: u_{-1} = Z_0(U), \quad u_0 = Z_1(u_{-1}), \quad u_d = P_d(u_{d-1}) + u_{d-1}, \quad
          U_C = Z_{last}(u_n) + u_{-1},

where each :math:`P_d` is a chain of as many 3 x 3 convolutions as a residual dense block has, all of one width, with
ReLU between them. The input of a layer is the layer before it alone, and that of the last layer the last block alone.
"""

from __future__ import annotations

from torch import Tensor, nn

from calib.nets.dense import BLOCKS

__all__ = ["PlainBranch", "ResidualBlock"]


class ResidualBlock(nn.Module):
    """A chain of convolutions added to its input: (B, C, h, w) -> the same."""

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """Refine features."""
        features = self.layers[0](x)
        for layer in self.layers[1:]:
            features = layer(features.relu())
        return features + x


class PlainBranch(nn.Module):
    """The branch without dense connections: (B, C_in, h, w) -> (B, C, h, w)."""

    def __init__(self, in_channels: int, channels: int, layers: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(channels, layers) for _ in range(BLOCKS)))
        self.last = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Extract local features."""
        first = self.first(x)
        return self.last(self.blocks(self.second(first))) + first
