r"""The normal equations of `recon.solvers.least_squares` over real images, which `cg` and `fista` iterate on.

.. math:: (\mathrm{Re}\,S^H S + l I)\,x = \mathrm{Re}\,S^H u
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.solvers.least_squares import penalties
from recon.solvers.matrix import Matrix, back_projection, checked_matrix, data_of, normal_product, squared_norm

__all__ = ["NormalEquations"]


@dataclass(frozen=True)
class NormalEquations:
    """The equations of one image or several; `NormalEquations.of` checks their parts.

    Parameters
    ----------
    matrix
        Weighted system matrix S (M, N), an array or an operator.
    data
        Data u, shape (M, images), complex128.
    level
        Weight l of ||x||^2 of every image, shape (images,), in the unit of the matrix squared.
    right
        Right-hand side Re S^H u, shape (N, images), float64.
    """

    matrix: Matrix
    data: np.ndarray
    level: np.ndarray
    right: np.ndarray

    @classmethod
    def of(cls, matrix: Matrix, y: np.ndarray, regularisation: float | np.ndarray, convention: str) -> NormalEquations:
        """Return the equations of a matrix (M, N) and data (M,) or (M, images).

        Raises `InputError` if shapes do not fit, a value is not finite, or lambda is negative or of another convention.
        """
        matrix, data = checked_matrix(matrix), data_of(matrix, y)
        penalties(matrix, regularisation, data.shape[1], convention, 1.0)  # refused before a pass over the matrix
        energy = squared_norm(matrix) if convention != "absolute" else None
        level = penalties(matrix, regularisation, data.shape[1], convention, energy)
        return cls(matrix, data, level, back_projection(matrix, data))

    def product(self, x: np.ndarray) -> np.ndarray:
        """Return the left-hand side for images (N, images), with one pass over the matrix; none where all are zero."""
        return normal_product(self.matrix, x) + self.level * x if np.any(x) else np.zeros(x.shape)
