r"""Images by Tikhonov regularisation: the exact minimiser of the problem of `recon.solvers.least_squares`.

Over all real images the minimiser is :math:`x = (S^T S + l I)^{-1} S^T u` with the stacked real matrix and data. Over
:math:`x \ge 0` it is found by `recon.solvers.non_negative`.
"""

from __future__ import annotations

import numpy as np

from mpisim.deprecation import renamed_arguments
from mpisim.errors import InputError, require
from recon.solvers.least_squares import check_problem, penalty
from recon.solvers.non_negative import minimise_non_negative
from recon.solvers.operators import stack_real

__all__ = ["from_gram", "tikhonov"]


@renamed_arguments(strength="regularisation", positive="non_negative")
def tikhonov(matrix: np.ndarray, y: np.ndarray, regularisation: float = 2e-2, non_negative: bool = False) -> np.ndarray:
    """Return the real image that minimises ||S x - u||^2 + l ||x||^2 exactly.

    Parameters
    ----------
    matrix, y
        Weighted system matrix (M, N) and data (M,), real or complex.
    regularisation
        Lambda, without unit, above zero.
    non_negative
        Minimise over x >= 0.

    Returns
    -------
    numpy.ndarray
        Image, shape (N,), float64.

    Raises
    ------
    InputError
        If shapes do not fit, a number is NaN, the regularisation is not positive or below rounding, or the matrix is
        zero.
    """
    is_complex = np.iscomplexobj(matrix) or np.iscomplexobj(y)
    check_problem(matrix, y)
    rows = stack_real(np.asarray(matrix).astype(complex) if is_complex else np.asarray(matrix))
    return from_gram(matrix, rows.T @ rows, y, regularisation, non_negative)


def from_gram(
    matrix: np.ndarray, gram: np.ndarray, y: np.ndarray, regularisation: float, non_negative: bool
) -> np.ndarray:
    """Return the image of `tikhonov` with S^T S of the stacked real matrix, shape (N, N), which serves many data."""
    check_problem(matrix, y)
    level = penalty(matrix, regularisation, squared_norm=float(np.trace(gram)))
    require(level > 0, "regularisation", "positive, and the matrix not zero", repr(regularisation))
    right = (np.asarray(y).conj() @ matrix).real
    gram = gram + level * np.eye(len(gram))
    if not non_negative:
        return np.linalg.solve(gram, right)
    try:
        return minimise_non_negative(gram, right)
    except np.linalg.LinAlgError:
        must = "large enough for a problem that is not singular to rounding"
        raise InputError(f"Input regularisation must be {must}; instead received {regularisation}.") from None
