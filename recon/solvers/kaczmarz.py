r"""Images by regularised Kaczmarz sweeps.

The problem is that of `recon.solvers.least_squares`. A sweep visits every row m,

.. math:: b = \frac{u_m - s_m x - \sqrt{l}\,v_m}{\lVert s_m\rVert^2 + l},\quad x \mathrel{+}= b\,\bar s_m,\quad
          v_m \mathrel{+}= \sqrt{l}\,b ,

and skips rows of zeros. After each sweep x is projected on real or on non-negative images. Without a projection, and
with the projection on real images, the sweeps converge to the minimiser. With the projection on non-negative images
they converge to a non-negative image near the constrained minimiser, which `recon.tikhonov` computes.

**Order of the rows.** `fixed` is the order of the matrix, `shuffled` one random order for all sweeps (as in MPIReco).
`energy` draws as many rows a sweep as there are, with replacement and with probabilities in proportion to
:math:`\lVert s_m\rVert^2 + l`, their squared norm in the equations :math:`(S, \sqrt l I)` that the sweeps solve
(Strohmer and Vershynin, J. Fourier Anal. Appl. 15, 262, 2009, https://doi.org/10.1007/s00041-008-9030-4): the squared
error then falls in the mean by a factor that depends on the condition of these equations alone.

**Start.** v starts at zero. Sweeps from an image :math:`x_0` therefore converge to the minimiser of
:math:`\lVert S x - u\rVert^2 + l\,\lVert x - x_0\rVert^2`, as in RegularizedLeastSquares.jl.

**Precision.** A matrix of complex64 is swept in float32, without a copy: sums over at most 1024 voxels are float32,
sums of these, the steps b and v are float64. A row's step replaces the product with this row by its data, so that
rounding errors of x do not add up over sweeps: they stay of the order of 1e-6 of the image, far below the noise of
data. Where the squares of the matrix leave the range of float32, it is copied to complex128, slab by slab where it is
read so.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numba import get_num_threads

from mpisim.deprecation import renamed_arguments
from mpisim.errors import finite, one_of, require, seed_number, whole
from mpisim.errors import non_negative as zero_or_more
from mpisim.progress import progress
from recon.solvers.least_squares import penalties
from recon.solvers.matrix import SlabMatrix, data_of
from recon.solvers.row_order import ORDERS, Rows
from recon.solvers.solver import Callback, starting_images

__all__ = ["ORDERS", "kaczmarz"]


@renamed_arguments(strength="regularisation", positive="non_negative")
def kaczmarz(
    matrix: np.ndarray | SlabMatrix,
    y: np.ndarray,
    regularisation: float | np.ndarray = 2e-2,
    sweeps: int = 20,
    real: bool = True,
    non_negative: bool = True,
    *,
    order: str = "fixed",
    seed: int = 0,
    convention: str = "trace",
    weights: np.ndarray | None = None,
    tolerance: float = 0.0,
    start: np.ndarray | None = None,
    callback: Callback | None = None,
) -> np.ndarray:
    """Reconstruct one image or several by regularised Kaczmarz sweeps.

    Parameters
    ----------
    matrix, y
        Weighted system matrix (M, N) and data (M,) or (M, images), real or complex.
    regularisation
        Lambda, zero or more, a number or one for each image.
    sweeps
        Most passes over all rows.
    real, non_negative
        Project on real images, and on non-negative ones (which are real), after every sweep.
    order
        Order of the rows, one of `fixed`, `shuffled` and `energy`; see the module.
    seed
        Seed of the order.
    convention
        What lambda is relative to, one of `recon.solvers.least_squares.CONVENTIONS`.
    weights
        Weights w of the rows, shape (M,), zero or more: the squares of the residuals are weighted by them, as if rows
        and data were multiplied by sqrt(w). None is one for all.
    tolerance
        The sweeps end when one of them changes every image by less than this fraction of its norm; with 0 all are done.
    start
        Images to start from, shape (N,) or (N, images); see the module. None is zero.
    callback
        Receives the number of sweeps, the images (N, images) and their `change` after every sweep; a true answer ends
        the sweeps.

    Returns
    -------
    numpy.ndarray
        Image, shape (N,) or (N, images) like y, float64, or complex128 without projection.

    Raises
    ------
    InputError
        If shapes do not fit, a number is NaN or out of range, or the sweeps are not a whole number.
    """
    data = np.ascontiguousarray(data_of(matrix, y).T)
    sweeps, limit = whole("sweeps", sweeps), zero_or_more("tolerance", tolerance)
    rows = Rows(matrix, one_of("order", order, ORDERS), seed_number(seed), _scale(weights, len(data[0])))
    level = penalties(matrix, regularisation, len(data), convention, rows.energy)
    real = real or non_negative
    first = starting_images(start, rows.voxels, len(data)).T
    x, v = np.ascontiguousarray(first.astype(rows.dtype)), np.zeros_like(data)
    groups = _groups(len(data))
    with ThreadPoolExecutor(len(groups)) as pool:
        for done in progress(range(1, sweeps + 1), desc="kaczmarz", unit="sweep"):
            before = x.copy()
            for part in rows.parts(level):
                list(pool.map(lambda g, part=part: part.sweep(data[g], level[g], x[g], v[g]), groups))
            _project(x, real, non_negative)
            size = np.linalg.norm(x, axis=1)
            change = np.linalg.norm(x - before, axis=1) / np.where(size > 0, size, 1)
            stop = callback is not None and callback(done, _images(x, real), {"change": change})
            if stop or (limit > 0 and bool(np.all(change <= limit))):
                break
    images = _images(x, real)
    return images[:, 0] if np.ndim(y) == 1 else images


def _scale(weights: np.ndarray | None, count: int) -> np.ndarray:
    """Return the square roots of the weights of the rows."""
    if weights is None:
        return np.ones(count)
    weights = np.asarray(finite("weights", weights), dtype=float)
    require(weights.shape == (count,), "weights", f"one for each of {count} rows", weights.shape)
    require(bool(np.all(weights >= 0)), "weights", "zero or more", float(weights.min()))
    return np.sqrt(weights)


def _groups(count: int) -> list[slice]:
    """Return the images that each thread sweeps."""
    threads = max(1, min(count, get_num_threads()))
    edges = np.linspace(0, count, threads + 1).astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]


def _project(x: np.ndarray, real: bool, non_negative: bool) -> None:
    if real:
        x.imag = 0
    if non_negative:
        np.maximum(x.real, 0, out=x.real)


def _images(x: np.ndarray, real: bool) -> np.ndarray:
    """Return images (N, images), float64 or complex128."""
    return x.real.T.astype(float) if real else x.T.astype(np.complex128)
