r"""The radius of the noise ball from the data, by the discrepancy principle.

The best non-negative fit to M complex rows has the residual r and spends p degrees of freedom
(`recon.solvers.residual`), so the expected residual of noise n alone is
:math:`E r^2 \approx \frac{2M - p}{2M}\,E\lVert n\rVert^2`, and

.. math:: \epsilon = r\,\sqrt{\frac{2M}{2M - p}} .

This is Morozov's discrepancy principle with the noise estimated from the residual. It needs no knowledge of the noise.
Where the matrix is in error, as a recovered one is, the estimate counts that error with the noise, so that the ball is
never empty. The estimate presumes that the errors look like noise to the fit; structured errors violate this.

Where the noise is known and the matrix is right, chance alone takes the norm of the noise to at most `CHANCE` above
:math:`\sqrt M`.
"""

from __future__ import annotations

import numpy as np

from mpisim.errors import InputError, require

__all__ = ["CHANCE", "discrepancy", "radius_from_data"]

CHANCE = 1.5
"""Three standard deviations of the norm of white complex noise with E|n|^2 = 1."""


def discrepancy(fit: tuple[float, int], y: np.ndarray) -> float:
    """Return the radius of the noise ball for data y, shape (M,), in their unit.

    `fit` is what `recon.solvers.residual.best_fit` returns for them. Raises `InputError` if the fit spends every degree
    of freedom, so that none is left for the noise, or does not converge.
    """
    least, spent = fit
    require(not np.isnan(least), "eps", "a number for these data, whose best fit does not converge", "auto")
    rows = 2 * len(y)
    require(
        spent < rows and least > 1e-9 * float(np.linalg.norm(y)),
        "eps",
        "a number where the matrix can fit any data (rank as large as the number of rows)",
        "auto",
    )
    return least * float(np.sqrt(rows / (rows - spent)))


def radius_from_data(fit: tuple[float, int], y: np.ndarray, least: float, limit: float | None) -> float:
    """Return the radius of `discrepancy`, but no less than `least` and no more than `limit`.

    Where there is a limit and the data give no radius, it is `least`; without a limit `InputError` is raised.
    """
    if limit is None:
        return max(least, discrepancy(fit, y))
    try:
        return float(np.clip(discrepancy(fit, y), least, limit))
    except InputError:  # the data tell nothing of the noise
        return least
