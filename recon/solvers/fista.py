r"""Images by the accelerated proximal gradient method (FISTA): least squares with L1, total variation and a constraint.

.. math:: \min_x\ \lVert S x - u\rVert^2 + l\,\lVert x\rVert^2 + w_1 \lVert x\rVert_1 + w_{TV}\,\mathrm{TV}(x)
          \quad\text{over real } x,\ x \ge 0 \text{ (optional)}

with :math:`l` as in `recon.solvers.least_squares` and the isotropic total variation of `recon.solvers.operators`. The
weights are stated relative to that of the absolute values at which the image vanishes,

.. math:: w_1 = \lambda_1 w_\infty,\quad w_{TV} = \lambda_{TV} w_\infty,\quad
          w_\infty = \max_i\,\lvert 2\,\mathrm{Re}\,S^H u\rvert_i ,

so that they have no unit. The iteration (Beck and Teboulle, SIAM J. Imaging Sci. 2, 183, 2009,
https://doi.org/10.1137/080716542) takes the step :math:`1/L`, :math:`L = 2(\lVert S\rVert_2^2 + l)`,

.. math:: x^+ = \mathrm{prox}\bigl(z - \nabla f(z)/L\bigr),\quad
          z^+ = x^+ + \frac{t - 1}{t^+}(x^+ - x),\quad t^+ = \tfrac12\bigl(1 + \sqrt{1 + 4 t^2}\bigr) ,

and restarts, :math:`t = 1`, where :math:`(z - x^+)^T (x^+ - x) > 0` (O'Donoghue and Candès, Found. Comput. Math. 15,
715, 2015, https://doi.org/10.1007/s10208-013-9150-3).

The norm of S comes from power iterations, which find it from below, and is raised by 2 %
(`recon.solvers.matrix.spectral_norm`); that is an estimate and no bound. So every step is checked: the iteration
converges where

.. math:: d^T (\mathrm{Re}\,S^H S + l I)\,d \le \tfrac{L}{2}\,\lVert d\rVert^2 ,\quad d = x^+ - z ,

and where a step fails, L of its image is raised to what it shows and the step is done again (backtracking). The product
with :math:`x^+` also gives the one with :math:`z^+`, which lies on a line through :math:`x^+` and x, so that the check
takes no further pass over the matrix.

The proximal map is shrinkage (`recon.solvers.prox.shrink`), and with total variation its dual is solved by the same
method (`recon.solvers.prox.shrink_with_variation`), which starts from the dual of the iteration before.

An image has converged where :math:`\lVert x^+ - z\rVert`, which is zero at the minimum alone, is at most the tolerance
times its norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpisim.errors import non_negative as zero_or_more
from mpisim.errors import require, whole
from mpisim.progress import progress
from recon.solvers.matrix import Matrix, data_of, product, spectral_norm
from recon.solvers.normal_equations import NormalEquations
from recon.solvers.operators import total_variation
from recon.solvers.prox import shrink, shrink_with_variation
from recon.solvers.solver import Callback, starting_images

__all__ = ["FistaResult", "fista"]

_RAISE = 1.02  # L over the least that a step allows which was too long
_ROUNDING = 32 * np.finfo(float).eps  # of a product


@dataclass(frozen=True)
class FistaResult:
    """Result of `fista`. For one image (y of shape (M,)) all but `x` are plain numbers.

    Parameters
    ----------
    x
        Images, shape (N,) or (N, images), float64.
    iterations
        Number of iterations.
    converged
        Whether the tolerance was met.
    residual
        ||S x - u||_2 in the unit of u.
    objective
        Value of what is minimised, in the unit of u squared.
    """

    x: np.ndarray
    iterations: int | np.ndarray
    converged: bool | np.ndarray
    residual: float | np.ndarray
    objective: float | np.ndarray


def fista(
    matrix: Matrix,
    y: np.ndarray,
    regularisation: float | np.ndarray = 0.0,
    shape: tuple[int, ...] | None = None,
    *,
    l1: float = 0.0,
    tv: float = 0.0,
    iterations: int = 1000,
    non_negative: bool = True,
    tolerance: float = 1e-5,
    convention: str = "trace",
    start: np.ndarray | None = None,
    callback: Callback | None = None,
) -> FistaResult:
    """Reconstruct one image or several by FISTA.

    Parameters
    ----------
    matrix
        Weighted system matrix (M, N), real or complex: an array or a `scipy.sparse.linalg.LinearOperator`.
    y
        Data, shape (M,) or (M, images).
    regularisation
        Lambda, the weight of ||x||^2, zero or more, a number or one for each image.
    shape
        Image shape (y, x) or (z, y, x), for the total variation.
    l1, tv
        Weights of ||x||_1 and of the total variation, relative to the one at which the image vanishes (see the module).
    iterations
        Most iterations.
    non_negative
        Demand x >= 0.
    tolerance
        Relative change at which an image has converged; with 0 all iterations are done.
    convention
        What lambda is relative to, one of `recon.solvers.least_squares.CONVENTIONS`.
    start
        Images to start from, shape (N,) or (N, images); None is zero.
    callback
        Receives the iteration, the images (N, images) and their `change`; a true answer ends the iteration.

    Raises
    ------
    InputError
        If shapes do not fit, or a number is NaN or out of range.
    """
    iterations, tolerance = whole("iterations", iterations), zero_or_more("tolerance", tolerance)
    count, voxels = data_of(matrix, y).shape[1], int(np.shape(matrix)[1])
    l1, tv = zero_or_more("l1", l1), zero_or_more("tv", tv)
    volume, x = _volume(shape, voxels, tv), starting_images(start, voxels, count)
    equations = NormalEquations.of(matrix, y, regularisation, convention)
    level, vanishing = equations.level, 2 * np.abs(equations.right).max(axis=0)
    weights = l1 * vanishing, tv * vanishing
    x = np.maximum(x, 0) if non_negative else x
    steepest = 2 * (spectral_norm(equations.matrix) ** 2 + level)
    steepest[steepest == 0] = 1
    terms, turned = _Terms(weights[0], weights[1], volume, non_negative), equations.product(x)
    state = _State(x, x.copy(), turned, turned, np.ones(count), steepest, None)
    done, change = np.zeros(count, int), np.full(count, np.inf)
    for i in progress(range(1, iterations + 1), desc="fista", unit="it"):
        active = change > tolerance
        change = np.where(active, state.step(equations, terms, active), change)
        done[active] = i
        if callback is not None and callback(i, state.x.copy(), {"change": change}):
            break
        if bool(np.all(change <= tolerance)):
            break
    residual = np.linalg.norm(product(equations.matrix, state.x) - equations.data, axis=0)
    objective = residual**2 + level * np.sum(state.x**2, axis=0) + terms.value(state.x)
    if np.ndim(y) == 1:
        return FistaResult(
            state.x[:, 0], int(done[0]), bool(change[0] <= tolerance), float(residual[0]), float(objective[0])
        )
    return FistaResult(state.x, done, change <= tolerance, residual, objective)


@dataclass(frozen=True)
class _Terms:
    """What is minimised besides squares: weights (images,) of L1 and total variation, the image shape, and x >= 0."""

    l1: np.ndarray
    tv: np.ndarray
    volume: tuple[int, ...]
    non_negative: bool

    def proximal(
        self, aim: np.ndarray, steepest: np.ndarray, dual: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the proximal map of images (N, images) for a step 1 / `steepest`, and the dual that gives it."""
        l1, tv = self.l1 / steepest, self.tv / steepest
        if not np.any(tv > 0):
            return shrink(aim, l1, self.non_negative), dual
        images, dual = shrink_with_variation(aim.T.reshape(-1, *self.volume), l1, tv, self.non_negative, dual)
        return images.reshape(len(l1), -1).T, dual

    def value(self, x: np.ndarray) -> np.ndarray:
        """Return the value of the weighted terms for images (N, images), shape (images,)."""
        found = self.l1 * np.abs(x).sum(axis=0)
        if np.any(self.tv > 0):
            found = found + self.tv * total_variation(x.T.reshape(-1, *self.volume), len(self.volume))
        return found


@dataclass
class _State:
    """Images x and z (N, images) and their products with the equations, t and L (images,), and the dual of TV."""

    x: np.ndarray
    z: np.ndarray
    turned_x: np.ndarray
    turned_z: np.ndarray
    t: np.ndarray
    steepest: np.ndarray
    dual: np.ndarray | None

    def step(self, equations: NormalEquations, terms: _Terms, active: np.ndarray) -> np.ndarray:
        """Do one iteration of the active images and return the relative change of each."""
        gradient = 2 * (self.turned_z - equations.right)
        while True:
            new, dual = terms.proximal(self.z - gradient / self.steepest, self.steepest, self.dual)
            new = np.where(active, new, self.x)
            turned, away = equations.product(new), new - self.z
            curvature, squared = 2 * np.sum(away * (turned - self.turned_z), axis=0), np.sum(away**2, axis=0)
            noise = _ROUNDING * np.linalg.norm(self.z, axis=0) * np.sqrt(squared)
            long = (squared > 0) & (curvature > self.steepest * (squared + noise))
            if not long.any():
                break
            self.steepest = np.where(long, _RAISE * curvature / np.where(long, squared, 1), self.steepest)
        moved, turn = new - self.x, turned - self.turned_x
        self.t = np.where(np.sum((self.z - new) * moved, axis=0) > 0, 1.0, self.t)
        longer = 0.5 * (1 + np.sqrt(1 + 4 * self.t**2))
        further = (self.t - 1) / longer
        self.x, self.z, self.dual, self.t = new, new + further * moved, dual, longer
        self.turned_x, self.turned_z = turned, turned + further * turn
        size = np.linalg.norm(new, axis=0)
        return np.sqrt(squared) / np.where(size > 0, size, 1)


def _volume(shape: tuple[int, ...] | None, voxels: int, tv: float) -> tuple[int, ...]:
    """Return the shape of the images; a line of voxels where none is given."""
    if shape is None:
        require(tv == 0, "shape", "the image shape where tv is given", "None")
        return (1, voxels)
    fits = len(shape) in (2, 3) and int(np.prod(shape)) == voxels
    require(fits, "shape", f"two or three counts with the product {voxels}", shape)
    return tuple(int(n) for n in shape)
