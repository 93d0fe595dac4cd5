r"""The radius of the noise ball from the data themselves.

The best fit :math:`r = \min_{x \ge 0}\lVert A x - y\rVert` to M complex rows spends p degrees of freedom, the number of
positive voxels of the minimiser (the rank of A without the constraint), so what is left of the noise is
:math:`E r^2 \approx \frac{2M - p}{2M}\,E\lVert n\rVert^2`, and

.. math:: \epsilon = r\,\sqrt{\frac{2M}{2M - p}} .

This is Morozov's discrepancy principle with the noise estimated from the residual. It needs no knowledge of the noise,
and where the matrix is in error, as a recovered one is, it counts that error with the noise: the ball is never empty.
It presumes that the errors look like noise to the fit, which holds the less the more they are structured.
"""

from __future__ import annotations

import numpy as np

from mpisim.errors import require
from recon.solvers.factor import Factorisation

__all__ = ["best_fit", "discrepancy"]


def best_fit(factor: Factorisation, y: np.ndarray, non_negative: bool = True) -> tuple[float, int]:
    """Return the least ||A x - y||_2 over x >= 0 (or over all x) in the unit of y (M,), and p (see the module).

    NaN and 0 where the active-set solver does not end, as it may for data that have hardly any noise.
    """
    from scipy.optimize import nnls

    c, outside = factor.rotate(y[None])
    if not non_negative:
        return factor.norm * float(np.sqrt(outside[0])), len(c[0])
    matrix = factor.rotated()
    try:
        x, inside = nnls(matrix, c[0], maxiter=30 * matrix.shape[1])
    except RuntimeError:
        return float("nan"), 0
    return factor.norm * float(np.hypot(inside, np.sqrt(outside[0]))), int(np.count_nonzero(x))


def discrepancy(factor: Factorisation, y: np.ndarray, non_negative: bool = True) -> float:
    """Return the radius of the noise ball for data y (M,), in its unit.

    Raises
    ------
    InputError
        If the fit leaves no degree of freedom from which to tell the noise, or is not found.
    """
    least, spent = best_fit(factor, y, non_negative)
    require(not np.isnan(least), "eps", "a number for these data, whose best fit is not found", "auto")
    rows = 2 * len(y)
    require(
        spent < rows and least > 1e-9 * float(np.linalg.norm(y)),
        "eps",
        "a number where the matrix can fit any data (rank as large as the number of rows)",
        "auto",
    )
    return least * float(np.sqrt(rows / (rows - spent)))
