r"""The regularised least-squares problem that `tikhonov`, `kaczmarz` and `cg` solve.

.. math:: \min_x\ \lVert S x - u\rVert^2 + l\,\lVert x\rVert^2

with the weighted matrix :math:`S` of :math:`N` voxels. The field states :math:`l` in three ways:

- `trace`, our default: :math:`l = \lambda\,\lVert S\rVert_F^2 / N`, which is lambda relative to the mean eigenvalue of
  :math:`S^H S`, as in MPIReco (`SystemMatrixBasedNormalization` of RegularizedLeastSquares.jl). Lambda has no unit.
- `absolute`: :math:`l = \lambda`, in the unit of the weighted matrix squared (`NoNormalization` there, its default; the
  Kaczmarz of the MDF format).
- `frobenius`: :math:`l = \lambda\,\lVert S\rVert_F`, not squared, as in one of the example scripts of the MDF format.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mpisim.errors import finite, non_negative, one_of, require

__all__ = ["CONVENTIONS", "check_problem", "penalties", "penalty"]

CONVENTIONS = ("trace", "absolute", "frobenius")
"""Names of the conventions for lambda; see the module."""


def penalty(matrix: Any, regularisation: float, convention: str = "trace", squared_norm: float | None = None) -> float:
    """Return the weight l of ||x||^2 for a matrix (M, N) and lambda, in the unit of the matrix squared.

    `convention` is one of `CONVENTIONS`; `squared_norm` is ||S||_F^2 where it is known. Raises `InputError` if the
    regularisation is negative, or for another convention.
    """
    level = non_negative("regularisation", regularisation)
    one_of("convention", convention, CONVENTIONS)
    if convention == "absolute":
        return level
    energy = float(np.sum(np.abs(matrix) ** 2)) if squared_norm is None else squared_norm
    return level * (energy / matrix.shape[1] if convention == "trace" else float(np.sqrt(energy)))


def penalties(
    matrix: Any,
    regularisation: float | np.ndarray,
    count: int,
    convention: str = "trace",
    squared_norm: float | None = None,
) -> np.ndarray:
    """Return the weight l of every image, shape (images,), for one lambda or one for each; see `penalty`."""
    values = np.atleast_1d(regularisation)
    require(
        values.shape in ((1,), (count,)),
        "regularisation",
        f"one number or one for each of {count} images",
        values.shape,
    )
    levels = [penalty(matrix, value, convention, squared_norm) for value in values.tolist()]
    return np.broadcast_to(levels, count).astype(float)


def check_problem(matrix: np.ndarray, y: np.ndarray) -> None:
    """Raise `InputError` unless a matrix (M, N) and data (M,) are finite and fit together."""
    finite("matrix", matrix)
    finite("y", y)
    require(np.ndim(matrix) == 2 and np.size(matrix) > 0, "matrix", "rows x voxels", f"the shape {np.shape(matrix)}")
    require(np.shape(y) == (len(matrix),), "y", f"one column of {len(matrix)} values like the rows", np.shape(y))
