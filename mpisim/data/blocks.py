r"""Blocks of voxels: their means, and values given to all voxels of a block.

The functions take NumPy arrays and torch tensors alike, real or complex, over trailing axes (y, x). Blocks are of
:math:`S \times S` voxels and start at the first voxel. Where S does not divide the H x W voxels of a row, the last
blocks reach over the edge and hold only n voxels of the row.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

__all__ = ["Rows", "as_rows", "block_mean", "filling", "is_partial", "replicate"]

Rows: TypeAlias = Any
"""A NumPy array or a torch tensor over trailing axes (y, x)."""


def block_mean(fine: Rows, factor: int) -> Rows:
    """Mean over blocks of factor x factor voxels, (..., H, W) -> (..., h, w); h = H / factor, rounded up.

    A block over the edge is the mean over those of its voxels that are there.
    """
    *lead, height, width = fine.shape
    if is_partial((height, width), factor):
        padded = _padded(fine, -(-height // factor) * factor, -(-width // factor) * factor)
        return block_mean(padded, factor) / as_rows(filling((height, width), factor), fine)
    return fine.reshape(*lead, height // factor, factor, width // factor, factor).mean((-3, -1))


def replicate(coarse: Rows, factor: int, shape: tuple[int, int] | None = None) -> Rows:
    """Give every voxel of a block its coarse value; for whole blocks factor^2 times the adjoint of `block_mean`.

    `shape` is that of the fine rows, (H, W), where the last blocks reach over the edge.
    """
    *lead, height, width = coarse.shape
    blocks = (*lead, height, factor, width, factor)
    spread = coarse[..., :, None, :, None]
    spread = spread.expand(blocks) if hasattr(spread, "expand") else np.broadcast_to(spread, blocks)
    fine = spread.reshape(*lead, height * factor, width * factor)
    return fine if shape is None else fine[..., : shape[0], : shape[1]]


def filling(shape: tuple[int, int], factor: int) -> np.ndarray:
    """Share of its factor^2 voxels that every block has on a grid of `shape` (H, W); (h, w), 1 for whole blocks."""
    along_y, along_x = (np.minimum(factor, n - np.arange(0, n, factor)) / factor for n in shape)
    return along_y[:, None] * along_x


def is_partial(shape: tuple[int, int], factor: int) -> bool:
    """Whether blocks reach over the edge of a grid of `shape` (H, W)."""
    return any(n % factor for n in shape)


def as_rows(values: np.ndarray, rows: Rows) -> Rows:
    """Return real values as an array or a tensor of the precision of rows."""
    return values.astype(rows.real.dtype) if isinstance(rows, np.ndarray) else rows.real.new_tensor(values)


def _padded(fine: Rows, height: int, width: int) -> Rows:
    """Return rows with zeros beyond their last voxels."""
    shape = (*fine.shape[:-2], height, width)
    padded = np.zeros(shape, fine.dtype) if isinstance(fine, np.ndarray) else fine.new_zeros(shape)
    padded[..., : fine.shape[-2], : fine.shape[-1]] = fine
    return padded
