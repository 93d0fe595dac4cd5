r"""Coarse rows as a network takes them: means of whole blocks, on a grid of even sides where the network needs it.

A network knows whole blocks only. Where the last block reaches over the edge of the grid, its mean is first moved to
the centre of a whole block along a line (`calib.methods.bicubic.whole_means_matrix`). Where the network takes even
sides only (its transformer halves the grid) and a side is odd, one further column or row of block means continues the
last two along a line. Fine voxels beyond the edge are cut off after the network.

Compared on 13 x 23 voxels (`transms`, 33.7 dB, 2x: 7 x 12 block means), nRMSE of all voxels, of those in partial
blocks, and of the others: along a line 1.5, 2.3 and 1.3 %; the last column repeated (mirrored edges) 1.7, 3.5 and
1.3 %; the last but one (mirrored about the last centre) 2.4, 5.5 and 1.5 %; zeros 2.9, 6.8 and 1.8 %. Means of partial
blocks taken for those of whole ones cost 2.0, 4.5 and 1.4 % (mirrored edges). On 33 x 33 voxels a line gives 0.43 and
2.3 % at 2x and 4x, mirrored edges 0.81 and 2.7 %. At 8x the weights are of no use on either grid (29 to 51 %).
"""

from __future__ import annotations

import torch
from torch import Tensor

from calib.methods.bicubic import whole_means_matrix
from calib.methods.geometry import Geometry

__all__ = ["padded"]


def padded(rows: Tensor, factor: int, geometry: Geometry, even: bool) -> Tensor:
    """Return coarse rows (B, 2, h, w) as means of whole blocks, with even sides if asked for.

    Parameters
    ----------
    rows
        Block means, those of blocks over the edge over their own voxels; or small samples.
    factor
        Block edge S.
    geometry
        Where the voxels lie, and by how many the last blocks reach over the edge.
    even
        Whether the sides must be even.
    """
    if any(geometry.over):
        shape = geometry.fine_shape(factor, rows.shape[-2], rows.shape[-1])
        along_y, along_x = (torch.tensor(whole_means_matrix(n, factor)).to(rows) for n in shape)
        rows = along_y @ rows @ along_x.T
    for dim in (-2, -1):
        if even and rows.shape[dim] % 2:
            last, before = (rows.narrow(dim, max(0, rows.shape[dim] - n), 1) for n in (1, 2))
            rows = torch.cat([rows, 2 * last - before], dim)
    return rows
