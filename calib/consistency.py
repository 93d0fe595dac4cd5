r"""Data consistency: the nearest rows whose block means agree with the measured ones to within the noise.

TranSMS Eq. 20-22: with :math:`b = S\bar b`, :math:`D D^T = I`, :math:`r = b - D a` and
:math:`\epsilon = \sqrt m\,S\sigma` (m complex coarse voxels, :math:`\sigma` the complex noise deviation of the stored
block means, norms per row over both channels),

.. math:: \hat a = a + \max(0, 1 - \epsilon / \lVert r \rVert)\, D^T r .

Dividing by S, as written here: :math:`r' = \bar b - M a`, :math:`\epsilon' = \sqrt m\,\sigma`, and :math:`D^T r` is
:math:`r'` replicated over the blocks. :math:`\epsilon = 0` makes block means exact. Gradients flow through it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from calib.sampling import block_mean, replicate

__all__ = ["DataConsistency"]


class DataConsistency(nn.Module):
    """Projection of rows on what was measured.

    Parameters
    ----------
    factor
        Block edge S.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, fine: Tensor, block_means: Tensor, sigma: Tensor) -> Tensor:
        """Project.

        Parameters
        ----------
        fine
            Rows, shape (B, 2, H, W).
        block_means
            Their measured block means, shape (B, 2, h, w).
        sigma
            Complex noise deviation of those, shape (B,); 0 for exact data.
        """
        residual = block_means - block_mean(fine, self.factor)
        norm = residual.square().sum(dim=(1, 2, 3)).clamp_min(torch.finfo(residual.dtype).tiny).sqrt()
        coarse_voxels = block_means.shape[-2] * block_means.shape[-1]
        share = (1 - sigma * coarse_voxels**0.5 / norm).clamp_min(0)
        return fine + replicate(residual * share[:, None, None, None], self.factor)
