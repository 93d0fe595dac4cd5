r"""Vector fields that are polynomials of the coordinates.

.. math:: b(r) = \sum_{ijk} c_{ijk}\, x^i y^j z^k , \qquad c_{ijk} \in \mathbb R^3 .
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["Terms", "polynomial_field"]

Terms = Mapping[tuple[int, int, int], tuple[float, float, float]]
"""Vector coefficients by the powers of x, y and z."""


def polynomial_field(points: np.ndarray, terms: Terms) -> np.ndarray:
    """Return the field at `points` (..., 3) of a polynomial with vector coefficients; shape (..., 3)."""
    highest = [max((powers[axis] for powers in terms), default=0) for axis in range(3)]
    powers_of = [_powers(np.ascontiguousarray(points[..., axis], dtype=float), highest[axis]) for axis in range(3)]
    field = np.zeros((3, *points.shape[:-1]))
    for powers, vector in terms.items():
        factors = [powers_of[axis][power] for axis, power in enumerate(powers) if power]
        value = np.ones(points.shape[:-1])
        for factor in factors:
            value = value * factor
        for component, coefficient in zip(field, vector, strict=True):
            if coefficient:
                component += coefficient * value
    return np.moveaxis(field, 0, -1)


def _powers(x: np.ndarray, highest: int) -> list[np.ndarray]:
    """The powers 0 to `highest` of an array."""
    powers = [np.ones_like(x)]
    for _ in range(highest):
        powers.append(powers[-1] * x)
    return powers
