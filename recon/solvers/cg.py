r"""Images by conjugate gradients on the normal equations (CGNR).

The problem is that of `recon.solvers.least_squares` over real images. Conjugate gradients (Hestenes and Stiefel, J.
Res. Natl. Bur. Stand. 49, 409, 1952) solve

.. math:: (\mathrm{Re}\,S^H S + l I)\,x = \mathrm{Re}\,S^H u ,

all images at once, with one pass over the matrix an iteration. An image has converged where the norm of the residual of
these equations is at most the tolerance times that of their right-hand side. Stopping early regularises, too.

The iteration knows no constraint. Non-negative images are the projections of its result, which is what
RegularizedLeastSquares.jl does; the constrained minimiser is that of `recon.tikhonov` or of `recon.fista`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpisim.errors import non_negative as zero_or_more
from mpisim.errors import whole
from mpisim.progress import progress
from recon.solvers.matrix import Matrix, data_of
from recon.solvers.normal_equations import NormalEquations
from recon.solvers.solver import Callback, starting_images

__all__ = ["CgResult", "cg"]


@dataclass(frozen=True)
class CgResult:
    """Result of `cg`. For one image (y of shape (M,)) all but `x` are plain numbers.

    Parameters
    ----------
    x
        Images, shape (N,) or (N, images), float64.
    iterations
        Number of iterations.
    converged
        Whether the tolerance was met.
    gradient
        Norm of the residual of the normal equations over that of their right-hand side.
    """

    x: np.ndarray
    iterations: int | np.ndarray
    converged: bool | np.ndarray
    gradient: float | np.ndarray


def cg(
    matrix: Matrix,
    y: np.ndarray,
    regularisation: float | np.ndarray = 2e-2,
    iterations: int = 100,
    non_negative: bool = False,
    *,
    tolerance: float = 1e-4,
    convention: str = "trace",
    start: np.ndarray | None = None,
    callback: Callback | None = None,
) -> CgResult:
    """Reconstruct one image or several by conjugate gradients.

    Parameters
    ----------
    matrix
        Weighted system matrix (M, N), real or complex: an array or a `scipy.sparse.linalg.LinearOperator`.
    y
        Data, shape (M,) or (M, images).
    regularisation
        Lambda, zero or more, a number or one for each image.
    iterations
        Most iterations.
    non_negative
        Project the result on non-negative images; see the module.
    tolerance
        Relative residual of the normal equations at which an image has converged; with 0 all iterations are done.
    convention
        What lambda is relative to, one of `recon.solvers.least_squares.CONVENTIONS`.
    start
        Images to start from, shape (N,) or (N, images); None is zero.
    callback
        Receives the iteration, the images (N, images) and their `gradient`; a true answer ends the iteration.

    Raises
    ------
    InputError
        If shapes do not fit, or a number is NaN or out of range.
    """
    iterations, tolerance = whole("iterations", iterations), zero_or_more("tolerance", tolerance)
    x = starting_images(start, int(np.shape(matrix)[1]), data_of(matrix, y).shape[1])
    count = x.shape[1]
    equations = NormalEquations.of(matrix, y, regularisation, convention)
    away = equations.right - equations.product(x)
    size = np.linalg.norm(equations.right, axis=0)
    size[size == 0] = 1
    step, squared = away.copy(), np.sum(away**2, axis=0)
    done, active = np.zeros(count, int), np.sqrt(squared) > tolerance * size
    for i in progress(range(1, iterations + 1), desc="cg", unit="it"):
        if not active.any():
            break
        turned = equations.product(step)
        curvature = np.sum(step * turned, axis=0)
        length = np.where(active & (curvature > 0), squared / np.where(curvature > 0, curvature, 1), 0)
        x += length * step
        away -= length * turned
        done[active] = i
        now = np.sum(away**2, axis=0)
        step = away + now / np.where(squared > 0, squared, 1) * step
        squared = now
        active &= (np.sqrt(now) > tolerance * size) & (curvature > 0)
        if callback is not None and callback(i, _projected(x, non_negative), {"gradient": np.sqrt(now) / size}):
            break
    gradient = np.sqrt(squared) / size
    converged = gradient <= tolerance
    images, single = _projected(x, non_negative), np.ndim(y) == 1
    if single:
        return CgResult(images[:, 0], int(done[0]), bool(converged[0]), float(gradient[0]))
    return CgResult(images, done, converged, gradient)


def _projected(x: np.ndarray, non_negative: bool) -> np.ndarray:
    return np.maximum(x, 0) if non_negative else x.copy()
