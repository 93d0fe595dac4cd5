r"""Weights of rows whose matrix is uncertain.

A recovered matrix :math:`\hat A` may state the standard deviation :math:`s_{ij}` of the real part of its values, and
equally of the imaginary part (`system_matrix_std`). With its error :math:`E = A - \hat A` the data are

.. math:: y = A x + n = \hat A x + (n + E x) ,

so that to the image the error of the matrix is noise that depends on the image. A deviation by voxel does not say how
errors of different voxels of a row depend on each other. Between independent ones and those that all have one sign over
the object lies a share c, the coherence. Where rows are whitened, the variance of noise and errors in row i is

.. math:: v_i = 1 + 2 (1 - c) \sum_j s_{ij}^2 x_j^2 + 2 c\, \Bigl(\sum_j s_{ij} \lvert x_j\rvert\Bigr)^2 .

Rows and data are divided by :math:`\sqrt{v_i}`. An unreliable row then counts less, and the noise has the expectation
:math:`E\lVert n + E x\rVert^2 = M` again, in units of which the radius of the noise ball is stated. (Without weights
the ball would have to grow to :math:`\sum_i v_i`, and the image would fit reliable rows worse than it could.)

x is not known. An image by a few sweeps of Kaczmarz starts it, and twice the weights are computed of the image that
the last weights gave. They hardly depend on details, since every row sums over all voxels. Several frames share the
weights of their mean.

A rule that chooses lambda from the data sees what is left of noise and errors after a fit, and a fit takes up most of a
smooth error. The expected misfit with the true matrix tells what the fit hides (stochastic robust least squares: Boyd
and Vandenberghe, Convex Optimization, 2004, section 6.4.1):

.. math:: E\lVert (\hat A + E) x - y\rVert^2 = \lVert \hat A x - y\rVert^2 + E\lVert E x\rVert^2,\qquad
          E\lVert E x\rVert^2 = \sum_i (1 - 1 / v_i)

in rows over :math:`\sqrt{v_i}`. The last term is a penalty. The weight :math:`l` at which :math:`l \lVert x\rVert^2`
is as large for this image is :math:`\sum_i (1 - 1 / v_i) / \lVert x\rVert^2`. The rule `auto` takes no less.

What this presumes, and where it does not hold:

- **The coherence.** Errors of recovery are smooth. Over the three phantoms, c was .04 to .35 (geometric mean .13) for
  the methods `physical` and `linear-bayes` at 4x and 8x on imperfect scanners (medium, strong, outside), by which
  errors count 8 to 49 times as much as independent ones would, and .002 to .07 for `bicubic-dc` at 2x and 4x. The
  default of .05 gave the best images (`docs/theory/reconstruction.md`): too small a value costs much more than too
  large a one. Independent errors have 0.
- It cannot be found from the residual of a fit: the fit takes up most of a smooth error, which is what makes the radius
  from the data (`recon.selection.discrepancy`) too small. So the radius is at least :math:`\sqrt M`.
- Errors of different rows are taken to be independent.
- Independent errors of the matrix also draw the least-squares image towards zero: the mean of
  :math:`\lVert\hat A x - y\rVert^2` has the extra term :math:`\sum_{ij} 2 s_{ij}^2 x_j^2 / v_i`, a weak Tikhonov term.
  It is not subtracted, since the problem would not be convex any more.
"""

from __future__ import annotations

import numpy as np

from mpisim.errors import require, within
from recon.solvers.kaczmarz import kaczmarz

__all__ = ["COHERENCE", "error_regularisation", "row_deviation"]

COHERENCE = 0.05
"""Share of errors of recovery that have one sign over an object, by the quality of images."""
_TIMES = 2  # that the weights are computed again, of the image that the last ones gave


def row_deviation(
    matrix: np.ndarray, std: np.ndarray, y: np.ndarray, non_negative: bool = True, coherence: float = COHERENCE
) -> np.ndarray:
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
    coherence
        The share c of the module: 0 for errors of voxels that are independent, 1 where all have one sign.

    Raises
    ------
    InputError
        If shapes do not fit, or the coherence is not from 0 to 1.
    """
    require(std.shape == matrix.shape, "std", f"of the matrix' shape {matrix.shape}", std.shape)
    require(y.ndim == 2 and len(y) == len(matrix), "y", f"of the shape ({len(matrix)}, images)", y.shape)
    coherence = within("coherence", coherence, 0, 1, "(independent to fully coherent)")
    data, std = y.mean(axis=1), std.astype(float)
    squared = 2 * (1 - coherence) * std**2
    deviation = np.ones(len(matrix))
    for _ in range(1 + _TIMES):
        image = kaczmarz(matrix / deviation[:, None], data / deviation, non_negative=non_negative)
        deviation = np.sqrt(1 + squared @ image**2 + 2 * coherence * (std @ np.abs(image)) ** 2)
    return deviation


def error_regularisation(matrix: np.ndarray, y: np.ndarray, deviation: np.ndarray, non_negative: bool = True) -> float:
    """Return the lambda whose penalty equals the expected squared contribution of the matrix errors to the data.

    Parameters
    ----------
    matrix, y
        Rows (M, N) and data (M, images), white and divided by the deviation. Several images share that of their mean.
    deviation
        What `row_deviation` returned for them, shape (M,).
    non_negative
        Whether images must be non-negative.

    Returns
    -------
    float
        Lambda without unit (the penalty is lambda ||A||_F^2 / N); zero for a matrix without errors or an empty image.
    """
    image = kaczmarz(matrix, y.mean(axis=1), non_negative=non_negative)
    energy = float(np.vdot(matrix, matrix).real) * float(image @ image)
    return float(np.sum(1 - deviation**-2.0)) * matrix.shape[1] / energy if energy > 0 else 0.0
