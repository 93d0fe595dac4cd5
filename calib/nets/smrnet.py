r"""2d-SMRnet: residual-in-residual dense blocks on strided samples.

This is 3d-SMRnet (Baltruschat et al., 2020, DOI 10.1007/978-3-030-59713-9_8) in two dimensions, with which TranSMS was
compared. A dense block is five convolutions, each on the outputs of all before it; three blocks form a chain. Both are
added to their input with a weight of 0.2 (Wang et al., 2018, DOI 10.1007/978-3-030-11021-5_5):

.. math:: D(u) = u + 0.2\, Z_5([u; v_1; \dots; v_4]), \quad v_k = \rho(Z_k([u; v_1; \dots; v_{k-1}])), \qquad
          R(u) = u + 0.2\, D_3(D_2(D_1(u))).

Nine such :math:`R` and a convolution are added to the features of the first convolution. Each factor of two is nearest
upsampling followed by a convolution. :math:`\rho` is a LeakyReLU of slope 0.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from calib.nets.layers import draw_weights, require_rows
from mpisim.errors import one_of

__all__ = ["SMRnet"]

_FEATURES, _GROWTH = 64, 32
_SLOPE = 0.2
_SCALE = 0.2


class DenseBlock(nn.Module):
    """Five densely connected convolutions added to their input: (B, C, h, w) -> the same."""

    def __init__(self) -> None:
        super().__init__()
        widths = [*(_GROWTH,) * 4, _FEATURES]
        self.layers = nn.ModuleList(
            nn.Conv2d(_FEATURES + i * _GROWTH, width, 3, padding=1) for i, width in enumerate(widths)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Refine features."""
        features = x
        for layer in self.layers[:-1]:
            features = torch.cat([features, _activate(layer(features))], dim=1)
        return x + _SCALE * self.layers[-1](features)


class ResidualInResidual(nn.Module):
    """Three dense blocks added to their input: (B, C, h, w) -> the same."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(DenseBlock(), DenseBlock(), DenseBlock())

    def forward(self, x: Tensor) -> Tensor:
        """Refine features."""
        return x + _SCALE * self.blocks(x)


class SMRnet(nn.Module):
    """2d-SMRnet: (B, 2, h, w), every S-th voxel of a row along both axes, -> (B, 2, S h, S w).

    The factor S is 2, 4 or 8 (6,587,970 / 6,624,898 / 6,661,826 parameters). Inside the dense blocks the first weights
    are a tenth of those of `calib.nets.layers.draw_weights`.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        doublings = one_of("factor", factor, (2, 4, 8)).bit_length() - 1
        self.first = nn.Conv2d(2, _FEATURES, 3, padding=1)
        self.trunk = nn.Sequential(*(ResidualInResidual() for _ in range(9)), _convolution())
        self.upsample = nn.Sequential(*(_doubling() for _ in range(doublings)))
        self.fine = nn.Sequential(_convolution(), nn.LeakyReLU(_SLOPE))
        self.last = nn.Conv2d(_FEATURES, 2, 3, padding=1)
        draw_weights(self, _SLOPE)
        draw_weights(self.trunk[:-1], _SLOPE, gain=0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Super-resolve rows."""
        require_rows(x, "2d-SMRnet")
        features = self.first(x)
        return self.last(self.fine(self.upsample(features + self.trunk(features))))


def _convolution() -> nn.Conv2d:
    return nn.Conv2d(_FEATURES, _FEATURES, 3, padding=1)


def _doubling() -> nn.Sequential:
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), _convolution(), nn.LeakyReLU(_SLOPE))


def _activate(x: Tensor) -> Tensor:
    return nn.functional.leaky_relu(x, _SLOPE)
