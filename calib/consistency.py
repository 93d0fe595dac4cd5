"""Data consistency as a module: the projection of `calib.projection`, through which gradients flow."""

from __future__ import annotations

from torch import Tensor, nn

from calib.projection import nearest_consistent

__all__ = ["DataConsistency"]


class DataConsistency(nn.Module):
    """Projection of rows on what was measured (TranSMS Eq. 20-22).

    Parameters
    ----------
    factor
        Block edge S.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, fine: Tensor, block_means: Tensor, sigma: Tensor) -> Tensor:
        """Project rows (B, 2, H, W) given block means (B, 2, h, w) of complex noise deviation (B,)."""
        return nearest_consistent(fine, block_means, sigma, self.factor)
