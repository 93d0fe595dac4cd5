r"""TranSMS: super-resolution of system-matrix rows by a transformer and a dense branch in parallel (Fig. 2).

Input and output are rows with two channels, real and imaginary part: (B, 2, h, w) -> (B, 2, S h, S w). The initial
convolution feeds both branches; their outputs are fused (Eq. 17), upsampled by :math:`\log_2 S` pixel shuffles (Eq. 18)
and projected to two channels (Eq. 19). Data consistency is a module of its own (`calib.consistency`); row scaling and
the interpolant that may be added are the business of `calib.model`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from calib.nets.dense import DenseBranch
from calib.nets.transformer import TransformerStage
from mpisim.errors import one_of, require

__all__ = ["TranSMS"]

_INITIAL = {2: 24, 4: 24, 8: 64}
_DENSE_LAYERS = {2: 5, 4: 8, 8: 9}
_FUSED = 48


def upsampler(channels: int, out_channels: int) -> nn.Sequential:
    """Return a two-fold upsampler: convolution, pixel shuffle, LeakyReLU."""
    return nn.Sequential(nn.Conv2d(channels, 4 * out_channels, 3, padding=1), nn.PixelShuffle(2), nn.LeakyReLU(0.01))


class TranSMS(nn.Module):
    """The network of the paper.

    Parameters
    ----------
    factor
        Super-resolution factor S: 2, 4 or 8 (714,034 / 837,850 / 969,578 parameters).

    Raises
    ------
    InputError
        If the factor is another, or an input does not have two channels and even sides.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = one_of("factor", factor, tuple(_INITIAL))
        width = _INITIAL[factor]
        self.initial = nn.Conv2d(2, width, 3, padding=1)
        self.stages = nn.Sequential(
            TransformerStage(width, stride=1), TransformerStage(64, stride=1), TransformerStage(64, stride=2)
        )
        self.restore = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), *upsampler(64, 64))
        self.dense = DenseBranch(width, layers=_DENSE_LAYERS[factor])
        self.fuse = nn.Conv2d(64 + 24, _FUSED, 3, padding=1)
        self.upsample = nn.Sequential(*(upsampler(_FUSED, _FUSED) for _ in range(factor.bit_length() - 1)))
        self.last = nn.Conv2d(_FUSED, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Super-resolve rows (B, 2, h, w), h and w even."""
        even = x.ndim == 4 and x.shape[1] == 2 and x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0
        require(even, "rows of TranSMS", "of shape (rows, 2, h, w) with even h and w", tuple(x.shape))
        initial = self.initial(x)
        context = self.restore(self.stages(initial))
        fused = self.fuse(torch.cat([context, self.dense(initial)], dim=1))
        return self.last(self.upsample(fused))
