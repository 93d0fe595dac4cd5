r"""Images by regularised Kaczmarz sweeps.

The problem is that of `recon.solvers.least_squares`. A sweep visits every row m,

.. math:: b = \frac{u_m - s_m x - \sqrt{l}\,v_m}{\lVert s_m\rVert^2 + l},\quad x \mathrel{+}= b\,\bar s_m,\quad
          v_m \mathrel{+}= \sqrt{l}\,b ,

and skips rows of zeros. After each sweep x is projected on real or on non-negative images. Without a projection, and
with the projection on real images, the sweeps converge to the minimiser. With the projection on non-negative images
they converge to a non-negative image near the constrained minimiser, which `recon.tikhonov` computes.
"""

from __future__ import annotations

import numpy as np

from mpisim.deprecation import renamed_arguments
from mpisim.errors import whole
from mpisim.progress import progress
from recon.solvers.kernels import kaczmarz_sweep
from recon.solvers.least_squares import check_problem, penalty

__all__ = ["kaczmarz"]


@renamed_arguments(strength="regularisation", positive="non_negative")
def kaczmarz(
    matrix: np.ndarray,
    y: np.ndarray,
    regularisation: float = 2e-2,
    sweeps: int = 20,
    real: bool = True,
    non_negative: bool = True,
) -> np.ndarray:
    """Reconstruct one image by regularised Kaczmarz sweeps from zero.

    Parameters
    ----------
    matrix, y
        Weighted system matrix (M, N) and data (M,), real or complex.
    regularisation
        Lambda, without unit, zero or more.
    sweeps
        Passes over all rows.
    real, non_negative
        Project on real images, and on non-negative ones (which are real), after every sweep.

    Returns
    -------
    numpy.ndarray
        Image, shape (N,), float64, or complex128 without projection.

    Raises
    ------
    InputError
        If shapes do not fit, a number is NaN, the regularisation is negative or the sweeps are not a whole number.
    """
    check_problem(matrix, y)
    level, sweeps = penalty(matrix, regularisation), whole("sweeps", sweeps)
    rows = np.ascontiguousarray(matrix, dtype=np.complex128)
    data, squared_norms = np.ascontiguousarray(y, dtype=np.complex128), np.sum(np.abs(rows) ** 2, axis=1)
    x, v = np.zeros(rows.shape[1], dtype=np.complex128), np.zeros(len(rows), dtype=np.complex128)
    for _ in progress(range(sweeps), desc="kaczmarz", unit="sweep"):
        kaczmarz_sweep(rows, data, squared_norms, level, x, v)
        if real or non_negative:
            x.imag = 0
        if non_negative:
            x.real = np.maximum(x.real, 0)
    return x.real.copy() if real or non_negative else x
