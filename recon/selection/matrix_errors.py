r"""Weights of rows whose matrix is uncertain.

A recovered matrix :math:`\hat A` may state the standard deviation :math:`s_{ij}` of the real part of its values, and
equally of the imaginary part (`system_matrix_std`). With its error :math:`E = A - \hat A` the data are

.. math:: y = A x + n = \hat A x + (n + E x) ,

so that to the image the error of the matrix is noise that depends on the image. Where errors of different voxels are
independent with mean zero, and rows are whitened, the variance of this noise in row i is

.. math:: v_i = 1 + 2 \sum_j s_{ij}^2 x_j^2 .

Rows and data are divided by :math:`\sqrt{v_i}`. An unreliable row then counts less, and the noise has the expectation
:math:`E\lVert n + E x\rVert^2 = M` again, in units of which the radius of the noise ball is stated. (Without weights
the ball would have to grow to :math:`\sum_i v_i`, and the image would fit reliable rows worse than it could.)

x is not known. An image by a few sweeps of Kaczmarz starts it, and twice the weights are computed of the image that
the last weights gave. They hardly depend on details, since every row sums over all voxels. Several frames share the
weights of their mean.

What this presumes, and where it does not hold:

- Errors of neighbouring voxels are rarely independent. Where they have one sign over the object, :math:`v_i` is larger,
  up to :math:`1 + 2 (\sum_j s_{ij} \lvert x_j\rvert)^2`. Weights then still rank the rows, but the radius
  :math:`\sqrt M` is far too small. So the radius comes from the data, with :math:`\sqrt M` as the least
  (`recon.selection.discrepancy`), as for any recovered matrix.
- Independent errors of the matrix also draw the least-squares image towards zero: the mean of
  :math:`\lVert\hat A x - y\rVert^2` has the extra term :math:`\sum_{ij} 2 s_{ij}^2 x_j^2 / v_i`, a weak Tikhonov term.
  It is not subtracted, since the problem would not be convex any more.
"""

from __future__ import annotations

import numpy as np

from mpisim.errors import require
from recon.solvers.kaczmarz import kaczmarz

__all__ = ["row_deviation"]

_TIMES = 2  # that the weights are computed again, of the image that the last ones gave


def row_deviation(matrix: np.ndarray, std: np.ndarray, y: np.ndarray, non_negative: bool = True) -> np.ndarray:
    """Return the deviation of noise and matrix errors together in every row, sqrt(v), shape (M,).

    Parameters
    ----------
    matrix
        System matrix, rows whitened so that the complex noise has the variance 1, shape (M, N).
    std
        Standard deviation of the real part of its values, and of the imaginary part, shape (M, N), in its unit.
    y
        Data, shape (M, images), white like the matrix. Several images share the deviations of their mean.
    non_negative
        Whether images must be non-negative.

    Raises
    ------
    InputError
        If shapes do not fit.
    """
    require(std.shape == matrix.shape, "std", f"of the matrix' shape {matrix.shape}", std.shape)
    require(y.ndim == 2 and len(y) == len(matrix), "y", f"of the shape ({len(matrix)}, images)", y.shape)
    data, squared = y.mean(axis=1), 2 * std.astype(float) ** 2
    deviation = np.ones(len(matrix))
    for _ in range(1 + _TIMES):
        image = kaczmarz(matrix / deviation[:, None], data / deviation, non_negative=non_negative)
        deviation = np.sqrt(1 + squared @ image**2)
    return deviation
