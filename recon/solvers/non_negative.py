r"""Non-negative least squares from the normal equations, for a strictly convex problem.

.. math:: \min_{x \ge 0}\ \tfrac12 x^T G x - b^T x,\qquad w = G x - b,\qquad
          x \ge 0,\ w \ge 0,\ x_i w_i = 0\ \text{at the minimum}

by block principal pivoting (Portugal, Judice and Vicente, Math. Comput. 63, 625, 1994; Kim and Park, SIAM J. Sci.
Comput. 33, 3261, 2011): every voxel is either free, with :math:`w_i = 0`, or zero, and all voxels whose sign is wrong
change sides at once. Each step factorises the block of the free voxels; some ten steps are enough, where an
active-set method takes one for every positive voxel. Where the number of wrong signs does not fall for five steps, as
may happen for an ill-conditioned G, the active-set method of Lawson and Hanson takes over with a Cholesky factor of G.
"""

from __future__ import annotations

import numpy as np

__all__ = ["minimise_non_negative"]

_ROUNDING = 1e-12
"""Part of the largest entry of b below which a negative w is rounding."""
_PATIENCE = 5


def minimise_non_negative(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the x >= 0 that minimises x^T G x / 2 - b^T x.

    Parameters
    ----------
    gram, right
        G, shape (N, N), symmetric and positive definite, and b, shape (N,), real.

    Returns
    -------
    numpy.ndarray
        x, shape (N,), float64.

    Raises
    ------
    numpy.linalg.LinAlgError
        If G is not positive definite to rounding.
    """
    floor = -_ROUNDING * float(np.abs(right).max())
    free = np.zeros(len(right), dtype=bool)
    fewest, patience = len(right) + 1, _PATIENCE
    while patience > 0:
        x, w = _of_free(gram, right, free)
        wrong = np.where(free, x < 0, w < floor)
        count = int(np.count_nonzero(wrong))
        if count == 0:
            return x
        patience = _PATIENCE if count < fewest else patience - 1
        fewest = min(fewest, count)
        free ^= wrong
    return _by_active_set(gram, right)


def _by_active_set(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    from scipy.optimize import nnls

    root = np.linalg.cholesky(gram)
    return nnls(root.T, np.linalg.solve(root, right), maxiter=30 * len(gram))[0]


def _of_free(gram: np.ndarray, right: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x with the voxels that are not free at zero, and w = G x - b, zero at the free ones."""
    from scipy.linalg import cho_factor, cho_solve

    x, voxels = np.zeros(len(right)), np.flatnonzero(free)
    if not voxels.size:
        return x, -right
    x[voxels] = cho_solve(cho_factor(gram[np.ix_(voxels, voxels)], lower=True, overwrite_a=True), right[voxels])
    w = gram[:, voxels] @ x[voxels] - right
    w[voxels] = 0
    return x, w
