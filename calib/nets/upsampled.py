r"""Networks on the bicubic upsample of a row, :math:`X_\uparrow`: SRCNN and VDSR.

SRCNN (Dong et al., 2016, DOI 10.1109/TPAMI.2015.2439281) maps patches in three layers of 9, 1 and 5 voxels,

.. math:: f(X) = W_3 * \rho(W_2 * \rho(W_1 * X_\uparrow + b_1) + b_2) + b_3,

and VDSR (Kim et al., 2016, DOI 10.1109/CVPR.2016.182) predicts the error of the upsample by twenty layers of 3 voxels
without bias; the model adds the upsample itself (its skip is `bicubic`). Both pad with zeros, so that sizes do not
change, in training and in use.
"""

from __future__ import annotations

from torch import Tensor, nn

from calib.nets.layers import bicubic_upsample, draw_weights, require_rows
from mpisim.errors import whole

__all__ = ["SRCNN", "VDSR"]


class SRCNN(nn.Module):
    """SRCNN 9-1-5 with 64 and 32 filters: (B, 2, h, w) -> (B, 2, S h, S w); 14,114 parameters at any factor S."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = whole("factor", factor)
        self.body = nn.Sequential(
            nn.Conv2d(2, 64, 9, padding=4), nn.ReLU(inplace=True), nn.Conv2d(64, 32, 1), nn.ReLU(inplace=True)
        )
        self.last = nn.Conv2d(32, 2, 5, padding=2)
        draw_weights(self)

    def forward(self, x: Tensor) -> Tensor:
        """Super-resolve rows."""
        require_rows(x, "SRCNN")
        return self.last(self.body(bicubic_upsample(x, self.factor)))


class VDSR(nn.Module):
    """VDSR of 20 layers with 64 filters, the correction of the bicubic upsample: (B, 2, h, w) -> (B, 2, S h, S w).

    It has 665,856 parameters at any factor S.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = whole("factor", factor)
        layers: list[nn.Module] = []
        for channels in (2, *(64,) * 18):
            layers += [nn.Conv2d(channels, 64, 3, padding=1, bias=False), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers)
        self.last = nn.Conv2d(64, 2, 3, padding=1, bias=False)
        draw_weights(self)

    def forward(self, x: Tensor) -> Tensor:
        """Predict the correction of the bicubic upsample of rows."""
        require_rows(x, "VDSR")
        return self.last(self.body(bicubic_upsample(x, self.factor)))
