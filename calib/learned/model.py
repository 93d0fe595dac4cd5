r"""From coarse rows to fine ones: scaling, ridge fit, canonical orientation, network, interpolant, data consistency.

.. math:: \hat a = s\,\mathrm{DC}\bigl(g^{-1} f_\theta(g\,c) + I(c)\bigr), \qquad c = R(\bar b / s)

For `scaling="rms"`, :math:`s` is the RMS of the coarse row's real and imaginary parts (one where that is zero). For
`"minmax"`, the row is mapped to [0.15, 0.85] by its extremes, as in the released code. For `"amplitude"`,
:math:`s = \mathrm{rms}^{3/4} u^{1/4}` with u the RMS of all block means of the matrix, so that the network sees how
strong a row is among the others: at 8x a row along an axis of the grid is but two numbers and a sign, and their ratio
alone fits several harmonics and particles.

:math:`R` moves block means towards a ridge, within their noise (`denoise="ridge"`, `calib.methods.ridge`). g brings a
row to its canonical orientation (`calib.learned.canonical`). :math:`I` is bicubic interpolation from where the samples
lie (`skip="bicubic"`). None of the three has parameters, and each can be left out, as in the paper. A complex row is
two channels, real and imaginary part.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from calib.learned.canonical import canonical_orientation, from_canonical, to_canonical
from calib.learned.config import ModelConfig
from calib.learned.padding import padded
from calib.methods.consistency import nearest_consistent
from calib.methods.geometry import CENTERED, Geometry
from calib.methods.misfit import PRECISION
from calib.methods.ridge import SIGMA_THRESHOLD, ridge_means
from calib.nets.layers import bicubic_upsample
from calib.nets.table import NETS
from mpisim.data.blocks import as_rows, block_mean
from mpisim.data.sampling import Sampling

__all__ = ["RecoveryModel"]

_SIGMA_THRESHOLD = 3.0
"""That of the ridge fit in training, where time counts: few rows are so far from all directions tried."""


class RecoveryModel(nn.Module):
    """A network with everything that surrounds it; `net` is the bare one, a module of `calib.nets.table.NETS`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        design = NETS[config.method]
        self.net = design.build(config.factor)
        self.even = design.even
        self.offset = Sampling.named(design.sampling, config.factor, (config.factor, config.factor)).offset

    def forward(
        self,
        block_means: Tensor,
        sigma: Tensor,
        geometry: Geometry = CENTERED,
        misfits: list[Tensor] | None = None,
    ) -> Tensor:
        """Recover fine rows.

        Parameters
        ----------
        block_means
            Coarse rows (B, 2, h, w), for `scaling="amplitude"` in units of the RMS of all block means of the matrix,
            otherwise in any unit.
        sigma
            Complex noise deviation of each row, (B,), in the same unit.
        geometry
            Where the voxels lie about the scanner's axis, for the ridge fit.
        misfits
            Receives how well the rows explain the block means before data consistency, (B,): the mean square of the
            residual over that of the noise. For it, rows must be in units of the RMS of all block means.

        Returns
        -------
        torch.Tensor
            Fine rows (B, 2, S h, S w) in the same unit.
        """
        shift, scale = self.scale(block_means)
        scaled, noise = (block_means - shift) / scale, sigma / scale[:, 0, 0, 0]
        out = self.unconstrained(scaled, noise, geometry=geometry)
        if misfits is not None:
            share = geometry.share(self.config.factor, *scaled.shape[-2:])
            residual = (scaled - block_mean(out, self.config.factor)) * scale
            residual = residual if share is None else residual * as_rows(share, residual)
            tolerated = sigma**2 + PRECISION**2
            misfits.append(residual.square().sum(1).mean((1, 2)) / tolerated)
        return self.consistent(out, scaled, noise) * scale + shift

    def scale(self, block_means: Tensor, unit: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the shift and scale of every row, in shapes that broadcast with (B, 2, h, w).

        `unit` is the RMS of all block means of a row's matrix, (B,); None stands for ones.
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

    def recover_scaled(
        self, x: Tensor, sigma: Tensor, decision_jitter: Tensor | None = None, geometry: Geometry = CENTERED
    ) -> Tensor:
        """Recover scaled rows; `decision_jitter` is that of `calib.learned.canonical.canonical_orientation`."""
        return self.consistent(self.unconstrained(x, sigma, decision_jitter, geometry), x, sigma)

    def consistent(self, out: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
        """Return rows made consistent with the block means x, where the model does that."""
        return nearest_consistent(out, x, sigma, self.config.factor) if self.config.consistency else out

    def unconstrained(
        self, x: Tensor, sigma: Tensor, decision_jitter: Tensor | None = None, geometry: Geometry = CENTERED
    ) -> Tensor:
        """Recover scaled rows without data consistency; the arguments are those of `recover_scaled`."""
        seen = self.denoised(x, sigma, geometry)
        height, width = geometry.fine_shape(self.config.factor, *seen.shape[-2:])
        seen = padded(seen, self.config.factor, geometry, self.even)
        interpolant = self.interpolant(seen)
        if self.config.canonical:
            orientation = canonical_orientation(seen, decision_jitter, self.config.flip_threshold)
            found = from_canonical(self.net(to_canonical(seen, orientation)).float(), orientation) + interpolant
        else:
            found = self.net(seen).float() + interpolant
        return found[..., :height, :width]

    def denoised(self, x: Tensor, sigma: Tensor, geometry: Geometry = CENTERED) -> Tensor:
        """Return coarse rows as the network sees them, (B, 2, h, w)."""
        if self.config.denoise == "none":
            return x
        threshold = _SIGMA_THRESHOLD if self.training else SIGMA_THRESHOLD
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            return ridge_means(x, sigma, self.config.factor, threshold, geometry)

    def interpolant(self, x: Tensor) -> Tensor | float:
        """Return what is added to the network's output: the skip, (B, 2, S h, S w), or 0."""
        return 0.0 if self.config.skip == "none" else bicubic_upsample(x, self.config.factor, self.offset)
