r"""The radius of the noise ball from the data, by the discrepancy principle.

The best non-negative fit to M complex rows has the residual r and spends p degrees of freedom
(`recon.solvers.residual`), so the expected residual of noise n alone is
:math:`E r^2 \approx \frac{2M - p}{2M}\,E\lVert n\rVert^2`, and

.. math:: \epsilon = r\,\sqrt{\frac{2M}{2M - p}} .

This is Morozov's discrepancy principle with the noise estimated from the residual. It needs no knowledge of the noise.
Where the matrix is in error, as a recovered one is, the estimate counts that error with the noise, so that the ball is
never empty. The estimate presumes that the errors look like noise to the fit; structured errors violate this.
"""

from __future__ import annotations

import numpy as np

from mpisim.errors import require
from recon.solvers.factor import Factorisation
from recon.solvers.residual import best_fit

__all__ = ["discrepancy"]


def discrepancy(factor: Factorisation, y: np.ndarray, non_negative: bool = True, steps: int | None = None) -> float:
    """Return the radius of the noise ball for data y, shape (M,), in their unit.

    `non_negative` and `steps` are those of `recon.solvers.residual.best_fit`. Raises `InputError` if the fit spends
    every degree of freedom, so that none is left for the noise, or does not converge.
    """
    least, spent = best_fit(factor, y, non_negative, steps)
    require(not np.isnan(least), "eps", "a number for these data, whose best fit does not converge", "auto")
    rows = 2 * len(y)
    require(
        spent < rows and least > 1e-9 * float(np.linalg.norm(y)),
        "eps",
        "a number where the matrix can fit any data (rank as large as the number of rows)",
        "auto",
    )
    return least * float(np.sqrt(rows / (rows - spent)))
