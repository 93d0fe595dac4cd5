r"""Images by Tikhonov regularisation: the exact minimiser of the problem of `recon.solvers.least_squares`.

Over all real images the minimiser is :math:`x = (S^T S + l I)^{-1} S^T u` with the stacked real matrix and data. Over
:math:`x \ge 0` it is the non-negative least-squares solution with the Cholesky factor of :math:`S^T S + l I`.
"""

from __future__ import annotations

import numpy as np

from mpisim.deprecation import renamed_arguments
from mpisim.errors import require
from recon.solvers.least_squares import check_problem, penalty
from recon.solvers.operators import stack_real

__all__ = ["tikhonov"]


@renamed_arguments(strength="regularisation", positive="non_negative")
def tikhonov(matrix: np.ndarray, y: np.ndarray, regularisation: float = 1e-3, non_negative: bool = False) -> np.ndarray:
    """Return the real image that minimises ||S x - u||^2 + l ||x||^2 exactly.

    Parameters
    ----------
    matrix, y
        Weighted system matrix (M, N) and data (M,), real or complex.
    regularisation
        Lambda, without unit, above zero.
    non_negative
        Minimise over x >= 0, by non-negative least squares.

    Returns
    -------
    numpy.ndarray
        Image, shape (N,), float64.

    Raises
    ------
    InputError
        If shapes do not fit, a number is NaN, the regularisation is not positive or the matrix is zero.
    """
    check_problem(matrix, y)
    level = penalty(matrix, regularisation)
    require(level > 0, "regularisation", "positive, and the matrix not zero", repr(regularisation))
    is_complex = np.iscomplexobj(matrix) or np.iscomplexobj(y)
    rows, data = (stack_real(v.astype(complex) if is_complex else v) for v in (matrix, y))
    gram, right = rows.T @ rows + level * np.eye(rows.shape[1]), rows.T @ data
    if not non_negative:
        return np.linalg.solve(gram, right)
    from scipy.optimize import nnls

    root = np.linalg.cholesky(gram)
    return nnls(root.T, np.linalg.solve(root, right), maxiter=30 * len(gram))[0]
