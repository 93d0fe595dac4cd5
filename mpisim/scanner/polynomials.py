r"""Vector fields that are polynomials of the coordinates, in units of a radius.

.. math:: b(r) = \sum_{ijk} c_{ijk}\, (x/R)^i (y/R)^j (z/R)^k , \qquad c_{ijk} \in \mathbb R^3 .
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mpisim.kernels.polynomial import polynomial_vectors

__all__ = ["Powers", "VectorPolynomial"]

Powers = tuple[int, int, int]
"""Powers of x, y and z."""


class VectorPolynomial:
    """A vector field that is a polynomial of the coordinates.

    Parameters
    ----------
    terms
        Vector coefficients by the powers of x, y and z.
    radius
        The radius R in m; the coefficients are taken to the unit 1/m once.
    """

    def __init__(self, terms: Mapping[tuple[int, int, int], tuple[float, ...]], radius: float) -> None:
        self._exponents = np.array(list(terms), dtype=np.int64).reshape(-1, 3)
        vectors = np.array(list(terms.values()), dtype=float).reshape(-1, 3)
        self._coefficients = vectors / float(radius) ** self._exponents.sum(1, keepdims=True)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Return the field at `points` (..., 3) in m; shape (..., 3). Each point is computed by itself."""
        flat = np.ascontiguousarray(points, dtype=float).reshape(-1, 3)
        out = np.empty_like(flat)
        polynomial_vectors(flat, self._exponents, self._coefficients, out)
        return out.reshape(points.shape)
