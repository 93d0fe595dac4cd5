r"""Images by regularised least squares: Kaczmarz sweeps, and the closed form they tend to.

.. math:: \min_x\ \lVert S x - u\rVert^2 + l\,\lVert x\rVert^2,\qquad l = \lambda\,\lVert S\rVert_F^2 / N ,

with :math:`N` voxels and the weighted matrix :math:`S`, the convention of MPIReco. A sweep visits every row m,

.. math:: b = \frac{u_m - s_m x - \sqrt{l}\,v_m}{\lVert s_m\rVert^2 + l},\quad x \mathrel{+}= b\,\bar s_m,\quad
          v_m \mathrel{+}= \sqrt{l}\,b ,

and rows of zeros are skipped. After each sweep x is projected on real and, if asked for, non-negative images. Without
a projection and with that on real images the sweeps converge to the minimiser; with the non-negative one they
converge to an admissible image near it, which is what the field does. `tikhonov` gives the constrained minimiser.
"""

from __future__ import annotations

import numpy as np

from mpisim.errors import finite, non_negative, require, whole
from mpisim.progress import progress
from recon.solvers.kernels import kaczmarz_sweep

__all__ = ["effective_strength", "kaczmarz"]


def effective_strength(matrix: np.ndarray, strength: float) -> float:
    """Return l = strength ||S||_F^2 / N of a weighted matrix (M, N), in its unit squared."""
    return non_negative("strength (--lambda)", strength) * float(np.sum(np.abs(matrix) ** 2)) / matrix.shape[1]


def kaczmarz(
    matrix: np.ndarray,
    y: np.ndarray,
    strength: float = 1e-3,
    sweeps: int = 20,
    real: bool = True,
    positive: bool = True,
) -> np.ndarray:
    """Reconstruct one image by regularised Kaczmarz sweeps from zero.

    Parameters
    ----------
    matrix, y
        Weighted system matrix (M, N) and data (M,), real or complex.
    strength
        Regularisation lambda, without unit.
    sweeps
        Passes over all rows.
    real, positive
        Project on real images, and on non-negative ones (which are real), after every sweep.

    Returns
    -------
    numpy.ndarray
        Image, shape (N,), float64, or complex128 without projection.

    Raises
    ------
    InputError
        If shapes do not fit, a number is NaN, the strength is negative or the sweeps are not a whole number.
    """
    _check(matrix, y)
    strength, sweeps = effective_strength(matrix, strength), whole("sweeps (--iterations)", sweeps)
    rows = np.ascontiguousarray(matrix, dtype=np.complex128)
    data, energy = np.ascontiguousarray(y, dtype=np.complex128), np.sum(np.abs(rows) ** 2, axis=1)
    x, v = np.zeros(rows.shape[1], dtype=np.complex128), np.zeros(len(rows), dtype=np.complex128)
    for _ in progress(range(sweeps), desc="kaczmarz", unit="sweep"):
        kaczmarz_sweep(rows, data, energy, strength, x, v)
        if real or positive:
            x.imag = 0
        if positive:
            x.real = np.maximum(x.real, 0)
    return x.real.copy() if real or positive else x


def _check(matrix: np.ndarray, y: np.ndarray) -> None:
    finite("matrix", matrix)
    finite("y", y)
    require(np.ndim(matrix) == 2 and np.size(matrix) > 0, "matrix", "rows x voxels", f"the shape {np.shape(matrix)}")
    require(np.shape(y) == (len(matrix),), "y", f"one column of {len(matrix)} values like the rows", np.shape(y))
