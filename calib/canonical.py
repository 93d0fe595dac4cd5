r"""One of the 32 positions of a row that are equivalent on a square grid.

The turns and flips of the square map a row of an ideal scanner to one at another angle, and a factor :math:`i^p` to one
of another phase. Instead of teaching a network all of them by augmentation, every row is brought to one position before
it and back after it: first :math:`i^p` such that the real part holds most of the energy, then the axes exchanged where
the row varies more along y, then x flipped where the row falls along the main diagonal (both by the structure tensor of
the real part), last the sign such that the largest value, by a weight that prefers one end of the grid, is positive.
Nothing is lost: the map is undone exactly, for any row, whether or not its scanner is symmetric.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Position", "apply", "canonical_position", "undo"]


class Position(NamedTuple):
    """Masks (B, 1, 1, 1): whether parts are exchanged, axes are exchanged, x is flipped; and the sign, 1 or -1."""

    imaginary: Tensor
    exchange: Tensor
    flip: Tensor
    sign: Tensor


def canonical_position(x: Tensor) -> Position:
    """Find what brings rows (B, 2, h, w) to their canonical position; axes are exchanged on square grids only."""
    energy = x.square().sum((-2, -1))
    imaginary = (energy[:, 1] > energy[:, 0])[:, None, None, None]
    real = torch.where(imaginary, x[:, 1:], x[:, :1])
    diagonal = real[..., 1:, 1:] - real[..., :-1, :-1]
    other = real[..., 1:, :-1] - real[..., :-1, 1:]
    along_y, along_x = diagonal + other, diagonal - other
    total = (1, 2, 3)
    exchange = along_y.square().sum(total, keepdim=True) > along_x.square().sum(total, keepdim=True)
    exchange = exchange & (x.shape[-2] == x.shape[-1])
    flip = (along_x * along_y).sum(total, keepdim=True) < 0
    turned = _flipped(_exchanged(real, exchange), flip)
    ramp = torch.linspace(1, 1.25, turned.shape[-1], device=x.device)
    ramp = ramp + torch.linspace(0, 0.1, turned.shape[-2], device=x.device)[:, None]
    weighted = (turned * ramp).flatten(1)
    largest = weighted.gather(1, weighted.abs().argmax(1, keepdim=True))[:, :, None, None]
    return Position(imaginary, exchange, flip, torch.where(largest < 0, -1.0, 1.0))


def apply(x: Tensor, position: Position) -> Tensor:
    """Bring rows to their canonical position."""
    x = torch.where(position.imaginary, torch.stack([x[:, 1], -x[:, 0]], dim=1), x)
    return _flipped(_exchanged(x, position.exchange), position.flip) * position.sign


def undo(x: Tensor, position: Position) -> Tensor:
    """Bring rows back from their canonical position."""
    x = _exchanged(_flipped(x * position.sign, position.flip), position.exchange)
    return torch.where(position.imaginary, torch.stack([-x[:, 1], x[:, 0]], dim=1), x)


def _exchanged(x: Tensor, exchange: Tensor) -> Tensor:
    return torch.where(exchange, x.transpose(-1, -2), x) if x.shape[-1] == x.shape[-2] else x


def _flipped(x: Tensor, flip: Tensor) -> Tensor:
    return torch.where(flip, x.flip(-1), x)
