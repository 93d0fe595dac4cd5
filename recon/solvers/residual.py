r"""The best fit of an image to data: its residual, and the degrees of freedom that it spends.

.. math:: r = \min_{x}\lVert A x - y\rVert_2 \quad\text{over } x \ge 0 \text{ or over all } x

Without the constraint this is the part of y outside the range of A. With it, the active-set method of Lawson and Hanson
(Solving Least Squares Problems, 1974, chapter 23) minimises over the rotated matrix of `recon.solvers.factor`.
"""

from __future__ import annotations

import numpy as np

from recon.solvers.factor import Factorisation

__all__ = ["best_fit"]


def best_fit(
    factor: Factorisation, y: np.ndarray, non_negative: bool = True, steps: int | None = None
) -> tuple[float, int]:
    """Return the residual of the best fit, and the degrees of freedom that it spends.

    Parameters
    ----------
    factor
        The factorised matrix A.
    y
        Data, shape (M,).
    non_negative
        Fit over x >= 0.
    steps
        Most steps of the active-set method; None takes 30 for every voxel.

    Returns
    -------
    residual, spent
        r in the unit of y, and the number of positive voxels of the minimiser (the rank of A without the constraint).
        NaN and 0 where the active-set method needs more steps, as it may for data with hardly any noise.
    """
    from scipy.optimize import nnls

    c, outside = factor.rotate(y[None])
    if not non_negative:
        return factor.norm * float(np.sqrt(outside[0])), len(c[0])
    matrix = factor.rotated()
    try:
        x, inside = nnls(matrix, c[0], maxiter=30 * matrix.shape[1] if steps is None else steps)
    except RuntimeError:
        return float("nan"), 0
    return factor.norm * float(np.hypot(inside, np.sqrt(outside[0]))), int(np.count_nonzero(x))
