r"""One of the four places of a row that mirrors bring together on a square grid.

The flips of the square and the exchange of its axes map a row of an ideal scanner to one at another angle. Instead of
teaching a network all of them by augmentation, every row is brought to one place before it and back after it: x is
flipped where the row falls along the main diagonal, then the axes are exchanged where it varies more along y (both by
the structure tensor), so that ridges vary along angles from 0 to 45 degrees. In this order a profile f(u) keeps its
sign, as a turn by 180 degrees would not. The phase of a row stays too: on an ideal scanner it tells harmonics apart,
and where a coarse row is but a few values it is needed for that. Nothing is lost: the map is undone exactly, for any
row, whether or not its scanner is symmetric.

At 8x a fine ridge is aliased on the coarse grid, and what the structure tensor says of it may change with particle and
gradient: 148 of the 480 rows of the protocol change their place somewhere between one matrix and the next. A network
that saw such a row in one place only fails on it in the other, by more than the row itself. In training the decision
is therefore blurred by `BLUR`, so that rows near it are seen on both sides.

A row along the grid's axes lies on the border between falling and rising. Where little but its sign tells one harmonic
from another, as at 8x, it must not be flipped at random, so that the border can be moved: x is then flipped only where
a row falls clearly.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["BLUR", "Place", "canonical_orientation", "leave", "take"]

BLUR = 0.15
"""Half width of what is added to the off-diagonal and to half the difference of the diagonal of the structure tensor,
relative to its mean diagonal, in training."""


class Place(NamedTuple):
    """Masks (B, 1, 1, 1): whether x is flipped, and whether axes are exchanged after that."""

    flip: Tensor
    exchange: Tensor


def canonical_orientation(x: Tensor, blur: Tensor | None = None, border: float = 0.0) -> Place:
    """Find what brings rows to their place; axes are exchanged on square grids only.

    Parameters
    ----------
    x
        Rows (B, 2, h, w).
    blur
        Numbers (B, 2) within `BLUR` of 0, by which the two decisions are blurred; None for none.
    border
        How clearly a row must fall to be flipped, 0 to 1: minus the off-diagonal of the structure tensor, relative to
        its mean diagonal.
    """
    diagonal = x[..., 1:, 1:] - x[..., :-1, :-1]
    other = x[..., 1:, :-1] - x[..., :-1, 1:]
    along_y, along_x = diagonal + other, diagonal - other
    yy, xx, xy = ((a * b).sum((1, 2, 3)) for a, b in ((along_y, along_y), (along_x, along_x), (along_x, along_y)))
    mean = (yy + xx) / 2
    falls, steep = (0.0, 0.0) if blur is None else (blur * mean[:, None]).unbind(1)
    flip, exchange = (xy < falls - border * mean)[:, None, None, None], ((yy - xx) / 2 > steep)[:, None, None, None]
    return Place(flip, exchange & (x.shape[-2] == x.shape[-1]))


def take(x: Tensor, place: Place) -> Tensor:
    """Bring rows to their place."""
    return _exchanged(_flipped(x, place.flip), place.exchange)


def leave(x: Tensor, place: Place) -> Tensor:
    """Bring rows back from their place."""
    return _flipped(_exchanged(x, place.exchange), place.flip)


def _exchanged(x: Tensor, exchange: Tensor) -> Tensor:
    return torch.where(exchange, x.transpose(-1, -2), x) if x.shape[-1] == x.shape[-2] else x


def _flipped(x: Tensor, flip: Tensor) -> Tensor:
    return torch.where(flip, x.flip(-1), x)
