r"""Canonical orientation: mirror images of a row look alike to the network.

The flips of the square and the exchange of its axes map a row of an ideal scanner to one at another angle. Augmentation
would teach a network all of these images; here every row is instead brought to one orientation before the network and
back after it. First x is flipped where the row falls along the main diagonal, then the axes are exchanged where the row
varies more along y (both decisions use the structure tensor), so that ridges vary along angles from 0 to 45 degrees. In
this order a profile f(u) keeps its sign, which a turn by 180 degrees would change. The phase of a row is unchanged,
too: on an ideal scanner it distinguishes harmonics, and a coarse row of few values cannot be identified without it. The
map has an exact inverse for any row, whether or not its scanner is symmetric.

At 8x a fine ridge is aliased on the coarse grid, and its structure tensor may change with particle and gradient: 148 of
the 480 rows of the protocol change their orientation somewhere between one matrix and the next. A network that saw such
a row in one orientation only fails on it in the other, by more than the row itself. In training, random numbers of up
to `DECISION_JITTER` are therefore added to both decisions, so that rows close to one are seen in both orientations.

A row along an axis of the grid lies where the decision to flip changes. Where little but its sign distinguishes one
harmonic from another, as at 8x, such a row must not be flipped at random. A threshold moves the decision: x is then
flipped only where a row falls clearly.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["DECISION_JITTER", "Orientation", "canonical_orientation", "from_canonical", "to_canonical"]

DECISION_JITTER = 0.15
"""Half width, in training, of the random numbers that are added to the off-diagonal of the structure tensor and to half
the difference of its diagonal, relative to its mean diagonal."""


class Orientation(NamedTuple):
    """Masks (B, 1, 1, 1): whether x is flipped, and whether axes are exchanged after that."""

    flip: Tensor
    exchange: Tensor


def canonical_orientation(x: Tensor, decision_jitter: Tensor | None = None, flip_threshold: float = 0.0) -> Orientation:
    """Return what brings rows to their canonical orientation; axes are exchanged on square grids only.

    Parameters
    ----------
    x
        Rows (B, 2, h, w).
    decision_jitter
        Numbers (B, 2) between -`DECISION_JITTER` and `DECISION_JITTER` that move the decisions to flip and to exchange;
        None for zeros.
    flip_threshold
        How clearly a row must fall to be flipped, 0 to 1: minus the off-diagonal of the structure tensor, relative to
        its mean diagonal.
    """
    diagonal = x[..., 1:, 1:] - x[..., :-1, :-1]
    other = x[..., 1:, :-1] - x[..., :-1, 1:]
    along_y, along_x = diagonal + other, diagonal - other
    yy, xx, xy = ((a * b).sum((1, 2, 3)) for a, b in ((along_y, along_y), (along_x, along_x), (along_x, along_y)))
    mean = (yy + xx) / 2
    falls, steep = (0.0, 0.0) if decision_jitter is None else (decision_jitter * mean[:, None]).unbind(1)
    flip, exchange = xy < falls - flip_threshold * mean, (yy - xx) / 2 > steep
    square = x.shape[-2] == x.shape[-1]
    return Orientation(flip[:, None, None, None], exchange[:, None, None, None] & square)


def to_canonical(x: Tensor, orientation: Orientation) -> Tensor:
    """Bring rows (B, 2, h, w) to their canonical orientation."""
    return _exchanged(_flipped(x, orientation.flip), orientation.exchange)


def from_canonical(x: Tensor, orientation: Orientation) -> Tensor:
    """Bring rows (B, 2, H, W) back from their canonical orientation: the inverse of `to_canonical`."""
    return _flipped(_exchanged(x, orientation.exchange), orientation.flip)


def _exchanged(x: Tensor, exchange: Tensor) -> Tensor:
    return torch.where(exchange, x.transpose(-1, -2), x) if x.shape[-1] == x.shape[-2] else x


def _flipped(x: Tensor, flip: Tensor) -> Tensor:
    return torch.where(flip, x.flip(-1), x)
