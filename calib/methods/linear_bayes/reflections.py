r"""Reflections of a grid, and what they make of the rows of a field-free line that turns.

Reflected scanners are as likely as scanners: a matrix stands for up to eight, one for each reflection of the square. A
reflection moves the row of angle :math:`\theta` to another angle,

.. math:: x \to -x:\ \theta \to \pi - \theta, \qquad y \to -y:\ \theta \to -\theta, \qquad
          x \leftrightarrow y:\ \theta \to \tfrac\pi2 - \theta .

The row of :math:`\theta + \pi` is that of :math:`\theta` times the parity of its harmonic, 1 or -1, for an ideal
scanner. For others this is a further symmetry of the family, not of each of its members.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["IDENTITY", "Reflection", "Turns", "closed_reflections"]

_TOLERANCE = 1e-4  # rad


class Reflection(NamedTuple):
    """x and y are exchanged (`swap`) first, then y and x reversed."""

    swap: bool = False
    flip_y: bool = False
    flip_x: bool = False

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Return reflected rows (..., y, x)."""
        rows = np.swapaxes(rows, -1, -2) if self.swap else rows
        rows = rows[..., ::-1, :] if self.flip_y else rows
        return rows[..., ::-1] if self.flip_x else rows

    def back(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows (..., y, x) whose reflections these are."""
        rows = rows[..., ::-1] if self.flip_x else rows
        rows = rows[..., ::-1, :] if self.flip_y else rows
        return np.swapaxes(rows, -1, -2) if self.swap else rows

    def angle(self, angle: float) -> float:
        """Return the angle in rad of a reflected row."""
        angle = np.pi / 2 - angle if self.swap else angle
        angle = -angle if self.flip_y else angle
        return np.pi - angle if self.flip_x else angle


IDENTITY = Reflection()


class Turns(NamedTuple):
    """Where a reflection takes its rows from: row `source[a]` becomes that of angle a; `odd[a]`: times its parity."""

    reflection: Reflection
    source: np.ndarray
    odd: np.ndarray


def closed_reflections(angles: np.ndarray, shape: tuple[int, int], square: bool) -> list[Turns]:
    """Return the reflections that take a set of angles (rad) to itself; the first one is the identity.

    Parameters
    ----------
    angles
        Angles in rad.
    shape
        Voxels along y and x.
    square
        Whether voxels are square: x and y are exchanged on square grids of these only.
    """
    angles = np.asarray(angles, dtype=float)
    swaps = (False, True) if square and shape[0] == shape[1] else (False,)
    found = [Turns(IDENTITY, np.arange(angles.size), np.zeros(angles.size, bool))]
    for swap in swaps:
        for flip_y in (False, True):
            for flip_x in (False, True):
                reflection = Reflection(swap, flip_y, flip_x)
                turns = None if reflection == IDENTITY else _turns(reflection, angles)
                if turns is not None:
                    found.append(turns)
    return found


def _turns(reflection: Reflection, angles: np.ndarray) -> Turns | None:
    source = np.full(angles.size, -1)
    odd = np.zeros(angles.size, bool)
    for b, angle in enumerate(angles):
        half_turns = (reflection.angle(float(angle)) - angles) / np.pi
        (hits,) = np.nonzero(np.abs(half_turns - np.round(half_turns)) * np.pi < _TOLERANCE)
        if hits.size != 1 or source[hits[0]] >= 0:
            return None
        source[hits[0]], odd[hits[0]] = b, bool(round(half_turns[hits[0]]) % 2)
    return Turns(reflection, source, odd)
