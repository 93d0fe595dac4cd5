r"""The regularised least-squares problem that `kaczmarz` and `tikhonov` solve.

.. math:: \min_x\ \lVert S x - u\rVert^2 + l\,\lVert x\rVert^2,\qquad l = \lambda\,\lVert S\rVert_F^2 / N ,

with :math:`N` voxels and the weighted matrix :math:`S`. In this convention, that of MPIReco, :math:`\lambda` has no
unit.
"""

from __future__ import annotations

import numpy as np

from mpisim.errors import finite, non_negative, require

__all__ = ["check_problem", "penalty"]


def penalty(matrix: np.ndarray, regularisation: float) -> float:
    """Return the weight l of ||x||^2 for a matrix (M, N) and lambda, in the unit of the matrix squared.

    Raises `InputError` if the regularisation is negative.
    """
    return non_negative("regularisation", regularisation) * float(np.sum(np.abs(matrix) ** 2)) / matrix.shape[1]


def check_problem(matrix: np.ndarray, y: np.ndarray) -> None:
    """Raise `InputError` unless a matrix (M, N) and data (M,) are finite and fit together."""
    finite("matrix", matrix)
    finite("y", y)
    require(np.ndim(matrix) == 2 and np.size(matrix) > 0, "matrix", "rows x voxels", f"the shape {np.shape(matrix)}")
    require(np.shape(y) == (len(matrix),), "y", f"one column of {len(matrix)} values like the rows", np.shape(y))
