r"""From block means to fine rows: scaling, ridge fit, canonical place, network, interpolant, data consistency.

.. math:: \hat a = s\,\mathrm{DC}\bigl(g^{-1} f_\theta(g\,c) + I(c)\bigr), \qquad c = R(\bar b / s)

:math:`s` is the RMS of the coarse row's real and imaginary parts (`scaling="rms"`, for which zero stays zero), or the
row is mapped to [0.15, 0.85] by its extremes (`"minmax"`, as released), or :math:`s = \mathrm{rms}^{3/4} u^{1/4}` with
u the RMS of all block means of the matrix (`"amplitude"`), which lets the network see how strong a row is among the
others: at 8x a row along the grid's axes is but two numbers and a sign, and their ratio alone fits several harmonics
and particles.
:math:`R` brings block means nearer a ridge within their noise (`denoise="ridge"`, `calib.methods.ridge`), g brings a row to its
canonical place (`calib.learned.canonical`), and :math:`I` is bicubic interpolation from where the samples lie
(`skip="bicubic"`); none of the three has parameters, and each can be left out, as in the paper. A complex row enters
as two channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from calib.learned.canonical import canonical_orientation, leave, take
from calib.methods.consistency import nearest_consistent
from calib.methods.ridge import UNLIKELY, ridge_means
from calib.nets import FACTORS, NETS
from calib.nets.layers import bicubic_upsample
from mpisim.data.sampling import sample_offset
from mpisim.errors import non_negative, one_of, require, whole

__all__ = ["SCALINGS", "ModelConfig", "RecoveryModel", "from_channels", "to_channels"]

_UNLIKELY = 3.0  # in training, where time counts; rows of the directions tried are hardly ever that far off
SCALINGS = ("rms", "amplitude", "minmax")


@dataclass(frozen=True)
class ModelConfig:
    """What defines a model besides its weights.

    Parameters
    ----------
    method
        Name of the network, see `calib.nets.NETS`.
    factor
        Super-resolution factor.
    skip
        `bicubic` or `none`: a parameter-free interpolant that is added to the network's output.
    scaling
        `rms`, `amplitude` or `minmax`: how a row is scaled for the network. `amplitude` takes a matrix as a whole: rows
        have to come in units of the RMS of its block means.
    canonical
        Whether the network sees every row in one place of four that mirrors bring together.
    border
        How clearly a row must fall along the diagonal to be flipped, see `calib.learned.canonical.canonical_orientation`.
    denoise
        `ridge` or `none`: whether block means are brought nearer a ridge within their noise before.
    consistency
        Whether data consistency closes the model.
    """

    method: str = "transms"
    factor: int = 4
    skip: str = "bicubic"
    scaling: str = "rms"
    canonical: bool = True
    border: float = 0.0
    denoise: str = "ridge"
    consistency: bool = True

    def __post_init__(self) -> None:
        one_of("method", self.method, NETS)
        object.__setattr__(self, "factor", whole("factor", one_of("factor", self.factor, FACTORS)))
        one_of("skip", self.skip, ("bicubic", "none"))
        one_of("scaling", self.scaling, SCALINGS)
        one_of("denoise", self.denoise, ("ridge", "none"))
        one_of("canonical", self.canonical, (True, False))
        one_of("consistency", self.consistency, (True, False))
        require(non_negative("border", self.border) <= 1, "border", "between 0 and 1", self.border)
        linear = self.scaling != "minmax" or self.denoise == "none"
        require(linear, "scaling", "rms or amplitude where rows are denoised", self.scaling)
        if NETS[self.method].scheme == "strided":
            fits = not self.canonical and self.denoise == "none" and not self.consistency
            require(fits, f"model of {self.method}", "without canonical, denoise and consistency", "strided samples")


class RecoveryModel(nn.Module):
    """A network and all that surrounds it.

    Parameters
    ----------
    config
        The model's definition; `net` is the bare network.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.net = NETS[config.method].build(config.factor)

    def forward(self, block_means: Tensor, sigma: Tensor) -> Tensor:
        """Recover rows (B, 2, S h, S w) from block means (B, 2, h, w) with complex noise deviation (B,).

        Both in units of the RMS of all block means of the matrix, or for any scaling but `amplitude` in any.
        """
        shift, scale = self.scale(block_means)
        return self.scaled((block_means - shift) / scale, sigma / scale[:, 0, 0, 0]) * scale + shift

    def scale(self, block_means: Tensor, unit: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the shift and scale of every row, shapes that broadcast with (B, 2, h, w).

        `unit` is the RMS of all block means of a row's matrix, (B,), 1 unless given.
        """
        if self.config.scaling == "minmax":
            low = block_means.amin(dim=(1, 2, 3), keepdim=True)
            scale = (block_means.amax(dim=(1, 2, 3), keepdim=True) - low) / 0.7
            scale = torch.where(scale > 0, scale, torch.ones_like(scale))
            return low - 0.15 * scale, scale
        scale = block_means.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
        if self.config.scaling == "amplitude":
            scale = scale**0.75 * (1.0 if unit is None else unit[:, None, None, None] ** 0.25)
        return torch.zeros_like(scale), torch.where(scale > 0, scale, torch.ones_like(scale))

    def scaled(self, x: Tensor, sigma: Tensor, blur: Tensor | None = None) -> Tensor:
        """Recover scaled rows, in training with their places blurred (`calib.learned.canonical`)."""
        seen = self.denoised(x, sigma)
        start = self.interpolant(seen)
        if self.config.canonical:
            place = canonical_orientation(seen, blur, self.config.border)
            out = leave(self.net(take(seen, place)).float(), place) + start
        else:
            out = self.net(seen).float() + start
        return nearest_consistent(out, x, sigma, self.config.factor) if self.config.consistency else out

    def denoised(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Block means as the network sees them."""
        if self.config.denoise == "none":
            return x
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            return ridge_means(x, sigma, self.config.factor, _UNLIKELY if self.training else UNLIKELY)

    def interpolant(self, x: Tensor) -> Tensor | float:
        """What is added to the network's output: the skip."""
        if self.config.skip == "none":
            return 0.0
        factor = self.config.factor
        return bicubic_upsample(x, factor, sample_offset(NETS[self.config.method].scheme, factor))


def to_channels(rows: np.ndarray) -> Tensor:
    """Complex rows (B, h, w) as a float32 tensor (B, 2, h, w)."""
    return torch.from_numpy(np.stack([rows.real, rows.imag], axis=1).astype(np.float32))


def from_channels(rows: Tensor) -> np.ndarray:
    """Two-channel rows as complex64 (B, h, w)."""
    values = rows.detach().cpu().numpy()
    return (values[:, 0] + 1j * values[:, 1]).astype(np.complex64)
