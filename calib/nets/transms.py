r"""TranSMS: super-resolution of system-matrix rows by a transformer and a dense branch in parallel (Fig. 2).

Input and output are rows with two channels, real and imaginary part: (B, 2, h, w) -> (B, 2, S h, S w). The initial
convolution feeds both branches; their outputs are fused (Eq. 17), upsampled by :math:`\log_2 S` pixel shuffles (Eq. 18)
and projected to two channels (Eq. 19). What surrounds the network (scaling of rows, interpolant, data consistency) is
in `calib.learned.model`. Ablations replace or omit a branch (`calib.nets.ablations`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from calib.nets.dense import DenseBranch
from calib.nets.layers import require_rows, upsampler
from calib.nets.plain import PlainBranch
from calib.nets.transformer import TransformerStage
from mpisim.errors import one_of

__all__ = ["Branches", "TranSMS"]

_INITIAL = {2: 24, 4: 24, 8: 64}
_LAYERS = {2: 5, 4: 8, 8: 9}
_FUSED = 48


@dataclass(frozen=True)
class Branches:
    """The two branches of TranSMS, or those that replace them.

    Parameters
    ----------
    transformer
        `convolutional` (TranSMS), `plain` (a vision transformer) or `none`.
    tokens
        Channels of the transformer branch, a multiple of 4.
    convolution
        `dense` (TranSMS), `plain` (residual blocks) or `none`.
    features
        Channels of the convolution branch; a dense one grows by a quarter of them.
    """

    transformer: str = "convolutional"
    tokens: int = 64
    convolution: str = "dense"
    features: int = 24


class TranSMS(nn.Module):
    """The network of the paper.

    Parameters
    ----------
    factor
        Super-resolution factor S: 2, 4 or 8 (714,034 / 837,850 / 969,578 parameters).
    branches
        The branches; by default both of the paper.

    Raises
    ------
    InputError
        If the factor is another, or an input does not have two channels and, with a transformer, even sides.
    """

    def __init__(self, factor: int, branches: Branches | None = None) -> None:
        super().__init__()
        self.factor = one_of("factor", factor, tuple(_INITIAL))
        self.branches = branches or Branches()
        width = _INITIAL[factor]
        self.initial = nn.Conv2d(2, width, 3, padding=1)
        if self.branches.transformer != "none":
            self.stages = self._stages(width)
            tokens = self.branches.tokens
            self.restore = nn.Sequential(nn.Conv2d(tokens, tokens, 3, padding=1), *upsampler(tokens, tokens))
        if self.branches.convolution != "none":
            self.dense = self._convolutions(width)
        self.fuse = nn.Conv2d(self._joined(), _FUSED, 3, padding=1)
        self.upsample = nn.Sequential(*(upsampler(_FUSED, _FUSED) for _ in range(factor.bit_length() - 1)))
        self.last = nn.Conv2d(_FUSED, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Super-resolve rows (B, 2, h, w), h and w even where there is a transformer."""
        transformer, convolution = self.branches.transformer != "none", self.branches.convolution != "none"
        require_rows(x, "TranSMS", even=transformer)
        initial = self.initial(x)
        outputs = [self.restore(self.stages(initial))] if transformer else []
        outputs += [self.dense(initial)] if convolution else []
        return self.last(self.upsample(self.fuse(torch.cat(outputs, dim=1))))

    def _stages(self, width: int) -> nn.Sequential:
        tokens, plain = self.branches.tokens, self.branches.transformer == "plain"
        return nn.Sequential(
            TransformerStage(width, tokens, stride=1, plain=plain, positions=plain),
            TransformerStage(tokens, tokens, stride=1, plain=plain),
            TransformerStage(tokens, tokens, stride=2, plain=plain),
        )

    def _convolutions(self, width: int) -> nn.Module:
        features, layers = self.branches.features, _LAYERS[self.factor]
        if self.branches.convolution == "plain":
            return PlainBranch(width, features, layers)
        return DenseBranch(width, features, features // 4, layers)

    def _joined(self) -> int:
        sizes = (self.branches.tokens, self.branches.transformer), (self.branches.features, self.branches.convolution)
        return sum(channels for channels, kind in sizes if kind != "none")
