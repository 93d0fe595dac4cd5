r"""Images by the alternating direction method of multipliers (ADMM).

.. math:: \min_x\ a_1 \lVert x\rVert_1 + a_{TV}\,\mathrm{TV}(x)\quad\text{s.t.}\quad
          \lVert A x - y\rVert_2 \le \epsilon,\quad x \ge 0\ \text{(optional)}

(TranSMS Eq. 3, after Ilbey et al. 2017), with the isotropic total variation and the splitting
:math:`z_1 = x,\ z_2 = D x,\ z_3 = B x`, where :math:`B, c` are the rotated matrix and data of `recon.solvers.factor`:

.. math::
    x &= (I + D^T D + \rho B^T B)^{-1} \left(z_1 - u_1 + D^T (z_2 - u_2) + \rho B^T (z_3 - u_3)\right) \\
    z_1 &= \mathrm{shrink}(\hat x + u_1,\ a_1/\mu)_{(+)},\quad
    z_2 = \mathrm{group\,shrink}(\widehat{D x} + u_2,\ a_{TV}/\mu),\\
    z_3 &= \mathrm{project}(\widehat{B x} + u_3,\ \lVert\cdot - c\rVert \le \epsilon'),\quad
    u_i \mathrel{+}= \hat\cdot - z_i ,

a hat being the over-relaxation :math:`\hat{x} = \alpha x + (1 - \alpha) z`, :math:`\alpha = 1.8`, :math:`\rho = 300`.
Nothing is adapted on the way.

**Scaling.** :math:`\mu = 10` presumes images and matrices of order one. Inside, the matrix has the norm 1
(`recon.solvers.factor`) and every image is divided by :math:`t = \max|x_t|`, the largest value of its Tikhonov image
:math:`x_t = R^T F^T (\Lambda + 10^{-3})^{-1} c`. So the iteration is the same whatever the units of matrix and data.

**Stopping**, checked every ten iterations, each image by itself: primal residual
:math:`\lVert (x - z_1, D x - z_2, \sqrt\rho (B x - z_3))\rVert` over the larger norm of its two parts, dual residual
:math:`\lVert \Delta z_1 + D^T \Delta z_2 + \rho B^T \Delta z_3\rVert` over
:math:`\max(\lVert u_1\rVert, \lVert D^T u_2\rVert, (a_1 + a_{TV})/\mu)`, both below the tolerance,
and :math:`\lVert A z_1 - y\rVert \le \epsilon` + slack, where the slack is the tolerance (at least 1e-5) times
:math:`\max(\epsilon, \lVert y\rVert/100)`. The answer is :math:`z_1`.

**Empty noise ball.** An image that ends outside it gets its least residual (by non-negative least squares, or in
closed form without the constraint); above :math:`\epsilon` + slack the ball is empty and the image is flagged. It
goes on to the last iteration, where :math:`\epsilon'` is taken as 0 if the data alone rule the ball out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpisim import errors
from mpisim.errors import finite, one_of, positive, require, whole
from mpisim.progress import progress
from recon.selection.discrepancy import best_fit
from recon.solvers.factor import Factorisation, factorise
from recon.solvers.operators import ScreenedPoisson, gradient, gradient_adjoint, total_variation
from recon.solvers.splitting import Solver, State

__all__ = ["AdmmResult", "AdmmStatus", "admm"]

CHECK_EVERY = 10
_LEAST_SLACK = 1e-5
_FIGURES = ("iterations", "primal", "dual", "converged", "residual", "feasible", "least_residual", "objective")


@dataclass(frozen=True)
class AdmmResult:
    """What `admm` found. For one image (y of shape (M,)) all but `x` and `multipliers` are plain numbers.

    Parameters
    ----------
    x
        Images, shape (N,) or (N, images).
    iterations
        Iterations done.
    primal, dual
        Relative primal and dual residuals at the last check (see the module).
    converged
        Whether the stopping rule was met.
    residual
        ||A x - y||_2 in the unit of y.
    feasible
        Whether the noise ball holds an admissible image.
    least_residual
        Least ||A x - y||_2 of any admissible x; NaN where it was not needed nor asked for.
    objective
        a1 ||x||_1 + aTV TV(x).
    multipliers
        Lagrange multipliers of the three splittings, images first, for a warm start.
    """

    x: np.ndarray
    iterations: Any
    primal: Any
    dual: Any
    converged: Any
    residual: Any
    feasible: Any
    least_residual: Any
    objective: Any
    multipliers: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class AdmmStatus:
    """What a callback is told at every check: the iteration, the images still at work, and their residuals.

    `x` has the shape (N, images at work); `images` are their column numbers.
    """

    iteration: int
    images: np.ndarray
    x: np.ndarray
    primal: np.ndarray
    dual: np.ndarray


def admm(
    matrix: np.ndarray | Factorisation,
    y: np.ndarray,
    eps: float | np.ndarray,
    shape: tuple[int, ...] | None = None,
    *,
    a1: float = 0.95,
    atv: float = 0.05,
    mu: float = 10.0,
    iterations: int = 5000,
    non_negative: bool = True,
    tolerance: float = 1e-3,
    start: np.ndarray | AdmmResult | None = None,
    precision: str = "auto",
    certify: bool | None = None,
    callback: Callable[[AdmmStatus], bool | None] | None = None,
) -> AdmmResult:
    """Solve for one image or many with one matrix.

    Parameters
    ----------
    matrix
        Whitened system matrix, shape (M, N), real or complex, or its `factorise`d form, which saves most of the time
        of a further call.
    y
        Whitened data, shape (M,), or (M, images): all are solved together.
    eps
        Radius of the noise ball in the unit of y, a number or one for each image; sqrt(M) for M complex rows whitened
        to unit complex standard deviation, sqrt(M) for M real rows whitened to unit real standard deviation.
    shape
        Image shape (y, x) or (z, y, x); see `factorise`. Not for a factorised matrix.
    a1, atv
        Weights of ||x||_1 and of the isotropic total variation (differences per voxel).
    mu
        Penalty weight, in the scaling of the module.
    iterations
        Most iterations.
    non_negative
        Demand x >= 0.
    tolerance
        Relative tolerance of the three stopping criteria; 0 goes on to the last iteration.
    start
        Warm start: images of the shape of the answer, or an earlier result with a matrix of the same rank and image.
    precision
        `float32`, `float64`, or `auto`, which takes float64 for a tolerance below 1e-5 or where eps < 0.003 ||y||.
    certify
        Compute `least_residual` for every image (True), for none (False; an image that ends outside the ball is then
        called infeasible untried), or for those that end outside the ball (None).
    callback
        Called with an `AdmmStatus` at every check; a true answer ends the iteration.

    Raises
    ------
    InputError
        If shapes do not fit, a number is NaN, negative or otherwise out of range.
    """
    weights = errors.non_negative("a1", a1), errors.non_negative("atv", atv)
    mu, tolerance = positive("mu", mu), errors.non_negative("tolerance", tolerance)
    iterations = whole("iterations", iterations)
    one_of("precision", precision, ("auto", "float32", "float64"))
    data, radius = _data(y, eps)
    factor = _factor(matrix, shape, data)
    if precision == "auto":
        fine = 0 < tolerance < 1e-5 or bool(np.any(radius < 3e-3 * np.linalg.norm(data, axis=1)))
        precision = "float64" if fine else "float32"
    scale, state = _prepare(factor, data, radius, start, precision, mu)
    slack = max(tolerance, _LEAST_SLACK) * np.maximum(radius, 0.01 * np.linalg.norm(data, axis=1))
    solver = Solver.of(factor, precision, *weights, mu, non_negative)
    outside = np.sqrt(factor.rotate(data)[1])
    reach = np.sqrt(np.maximum((radius + slack) ** 2 / factor.norm**2 - outside**2, 0)) / scale
    found, figures = _iterate(solver, state, scale, reach, iterations, tolerance, callback)
    x = found.z1.reshape(len(data), -1).astype(float) * scale[:, None]
    residual = _residual(factor, x, data)
    wanted = residual > radius + slack if certify is None else np.full(len(data), certify)
    least = _least(factor, data, non_negative, wanted)
    feasible = (residual <= radius + slack) | (least <= radius + slack)
    objective = weights[0] * np.abs(x).sum(axis=1) + weights[1] * total_variation(
        x.reshape(-1, *factor.shape), len(factor.shape)
    )
    each = (*figures, residual, feasible, least, objective)
    multipliers = (mu * found.u1, mu * found.u2, mu * found.u3)
    single = np.ndim(y) == 1
    named = dict(zip(_FIGURES, (v[0].item() if single else v for v in each), strict=True))
    return AdmmResult(x=x[0] if single else x.T, multipliers=multipliers, **named)


def _data(y: np.ndarray, eps: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return data (images, M) and radii (images,)."""
    y = np.asarray(finite("y", y))
    require(y.ndim in (1, 2) and y.size > 0, "y", "one column of data or a matrix of columns", f"the shape {y.shape}")
    data = y.reshape(len(y), -1).T
    radius = np.asarray(finite("eps", eps), dtype=float)
    require(
        radius.shape in ((), (len(data),)), "eps", f"one number or one for each of {len(data)} images", radius.shape
    )
    require(bool(np.all(radius >= 0)), "eps", "zero or more", float(radius.min()))
    return data, np.broadcast_to(radius, len(data)).copy()


def _factor(matrix: np.ndarray | Factorisation, shape: tuple[int, ...] | None, data: np.ndarray) -> Factorisation:
    factor = matrix if isinstance(matrix, Factorisation) else factorise(matrix, shape)
    require(data.shape[1] == factor.rows, "y", f"of {factor.rows} rows like the matrix", data.shape[1])
    require(factor.is_complex or not np.iscomplexobj(data), "y", "real where the matrix is", "complex values")
    return factor


def _prepare(
    factor: Factorisation, data: np.ndarray, radius: np.ndarray, start: Any, dtype: str, mu: float
) -> tuple[np.ndarray, State]:
    """Return the scale of every image and the state to start from."""
    c, outside = factor.rotate(data)
    smooth = (c / (factor.energies + 1e-3)) @ factor.filtered
    scale = np.abs(ScreenedPoisson.of(factor.shape).adjoint(smooth)).max(axis=1)
    scale[scale == 0] = 1
    inside = np.sqrt(np.maximum((radius / factor.norm) ** 2 - outside, 0))
    volume = factor.shape if len(factor.shape) == 3 else (1, *factor.shape)
    ndim, count = len(factor.shape), len(data)
    multipliers: tuple[np.ndarray, ...] | None = None
    if isinstance(start, AdmmResult):
        multipliers, start = start.multipliers, start.x
    x = _start(start, factor, count) / scale.reshape(-1, *(1,) * ndim)
    z1, z2, z3 = x, gradient(x, ndim), factor.product(x)
    if multipliers is None:
        multipliers = (np.zeros_like(z1), np.zeros_like(z2), np.zeros_like(z3))
    shapes = [(count, *volume), (count, ndim, *volume), (count, factor.energies.size)]
    require(
        [u.size for u in multipliers] == [int(np.prod(n)) for n in shapes],
        "start",
        "a result for as many images with a matrix of the same rank",
        "another",
    )
    z = [v.astype(dtype).reshape(n) for v, n in zip((z1, z2, z3), shapes, strict=True)]
    u = [(v / mu).astype(dtype).reshape(n) for v, n in zip(multipliers, shapes, strict=True)]
    w = z[0] - u[0] + gradient_adjoint((z[1] - u[1]).reshape(count, ndim, *factor.shape), ndim).reshape(shapes[0])
    return scale, State(
        np.arange(count),
        (c / scale[:, None]).astype(dtype),
        (inside / scale).astype(dtype),
        z[0].copy(),
        z[0],
        u[0],
        z[1],
        u[1],
        z[2].copy(),
        z[2],
        u[2],
        w,
    )


def _start(start: np.ndarray | None, factor: Factorisation, count: int) -> np.ndarray:
    if start is None:
        return np.zeros((count, *factor.shape))
    images = np.asarray(finite("start", start), dtype=float)
    voxels = factor.filtered.shape[1]
    require(
        images.size == count * voxels and images.shape[0] == voxels,
        "start",
        f"{count} images of {voxels} voxels",
        f"the shape {images.shape}",
    )
    return images.reshape(voxels, count).T.reshape(count, *factor.shape)


def _iterate(
    solver: Solver,
    state: State,
    scale: np.ndarray,
    reach: np.ndarray,
    iterations: int,
    tolerance: float,
    callback: Callable[[AdmmStatus], bool | None] | None,
) -> tuple[State, tuple[np.ndarray, ...]]:
    """Iterate until every image has converged; return the final state and iterations, primal, dual, converged."""
    final = state.take(state.images)
    done, converged = np.zeros(len(scale), dtype=int), np.zeros(len(scale), dtype=bool)
    primal, dual = np.full(len(scale), np.inf), np.full(len(scale), np.inf)
    with progress(total=iterations, desc="admm", unit="it") as bar:
        for iteration in range(1, iterations + 1):
            check = iteration % CHECK_EVERY == 0 or iteration == iterations
            before = (state.z1.copy(), state.z2.copy(), state.z3) if check else ()
            solver.step(state)
            if not check:
                continue
            bar.update(iteration - bar.n)
            k = state.images
            done[k] = iteration
            primal[k], dual[k], away = solver.residuals(state, before)
            converged[k] = (primal[k] < tolerance) & (dual[k] < tolerance) & (away <= reach[k])
            stop = callback is not None and callback(_status(iteration, state, scale, primal[k], dual[k]))
            leaving = converged[k] | bool(stop) | (iteration == iterations)
            if leaving.any():
                final.put(state, leaving)
                state = state.take(~leaving)
                if not state.images.size:
                    break
    return final, (done, primal, dual, converged)


def _status(iteration: int, state: State, scale: np.ndarray, primal: np.ndarray, dual: np.ndarray) -> AdmmStatus:
    images = state.z1.reshape(len(state.z1), -1).T * scale[state.images]
    return AdmmStatus(iteration, state.images, images, primal, dual)


def _residual(factor: Factorisation, x: np.ndarray, data: np.ndarray) -> np.ndarray:
    """Return ||A x - y|| of images x (images, N), shape (images,)."""
    c, outside = factor.rotate(data)
    return factor.norm * np.sqrt(np.sum((factor.product(x) - c) ** 2, axis=1) + outside)


def _least(factor: Factorisation, data: np.ndarray, sign: bool, wanted: np.ndarray) -> np.ndarray:
    return np.array([best_fit(factor, y, sign)[0] if w else np.nan for y, w in zip(data, wanted, strict=True)])
