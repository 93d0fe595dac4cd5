"""SPLIT: to be written."""

from __future__ import annotations

import numpy as np

from mpisim.errors import InputError
from recon.solvers.kaczmarz import _check, effective_strength
from recon.solvers.operators import stack_real

__all__ = ["tikhonov"]


def tikhonov(matrix: np.ndarray, y: np.ndarray, strength: float = 1e-3, positive: bool = False) -> np.ndarray:
    """Return the real image that minimises ||S x - u||^2 + l ||x||^2 exactly.

    Parameters
    ----------
    matrix, y
        Weighted system matrix (M, N) and data (M,), real or complex.
    strength
        Regularisation lambda, without unit, above zero.
    positive
        Minimise over x >= 0, by non-negative least squares.

    Returns
    -------
    numpy.ndarray
        Image, shape (N,), float64.

    Raises
    ------
    InputError
        If shapes do not fit, a number is NaN, or the strength is not positive.
    """
    _check(matrix, y)
    level = effective_strength(matrix, strength)
    if level == 0:
        raise InputError(
            f"Input strength (--lambda) must be positive, and the matrix not zero; instead received {strength!r}."
        )
    complex_kind = np.iscomplexobj(matrix) or np.iscomplexobj(y)
    rows, data = (stack_real(v.astype(complex) if complex_kind else v) for v in (matrix, y))
    gram, right = rows.T @ rows + level * np.eye(rows.shape[1]), rows.T @ data
    if not positive:
        return np.linalg.solve(gram, right)
    from scipy.optimize import nnls

    root = np.linalg.cholesky(gram)
    return nnls(root.T, np.linalg.solve(root, right), maxiter=30 * len(gram))[0]
