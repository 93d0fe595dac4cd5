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
All parameters are constant.

**Scaling.** :math:`\mu = 5` presumes images and matrices of order one. Inside, the matrix has the norm 1
(`recon.solvers.factor`) and every image the scale 1 (`recon.solvers.state`), so that units do not change the iteration.

**Stopping**, checked every ten iterations, each image by itself: primal residual
:math:`\lVert (x - z_1, D x - z_2, \sqrt\rho (B x - z_3))\rVert` over the larger norm of its two parts, dual residual
:math:`\lVert \Delta z_1 + D^T \Delta z_2 + \rho B^T \Delta z_3\rVert` over
:math:`\max(\lVert u_1\rVert, \lVert D^T u_2\rVert, (a_1 + a_{TV})/\mu)`, both below the tolerance,
and :math:`\lVert A z_1 - y\rVert \le \epsilon` + slack, where the slack is the tolerance (at least 1e-5) times
:math:`\max(\epsilon, \lVert y\rVert/100)`. The answer is :math:`z_1`.

**Empty noise ball.** For an image that ends outside the ball its least residual is computed, by non-negative least
squares, or in closed form without the constraint. Above :math:`\epsilon` + slack the ball is empty and the result says
so. Such an image iterates to the end, with :math:`\epsilon' = 0` if the part of y outside the range of A alone exceeds
the radius.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mpisim import errors
from mpisim.errors import finite, one_of, positive, require, whole
from recon.solvers.factor import Factorisation, factorise
from recon.solvers.iteration import AdmmStatus, Callback, Stopping, iterate
from recon.solvers.operators import total_variation
from recon.solvers.residual import best_fit
from recon.solvers.splitting import Splitting
from recon.solvers.state import Multipliers, first_state, scale_of

__all__ = ["AdmmResult", "AdmmStatus", "admm"]

_LEAST_SLACK = 1e-5


@dataclass(frozen=True)
class AdmmResult:
    """Result of `admm`. For one image (y of shape (M,)) all but `x` and `multipliers` are plain numbers.

    Parameters
    ----------
    x
        Images, shape (N,) or (N, images).
    iterations
        Number of iterations.
    primal, dual
        Relative primal and dual residuals at the last check (see the module).
    converged
        Whether the stopping rule was met.
    residual
        ||A x - y||_2 in the unit of y.
    feasible
        Whether the noise ball holds an admissible image.
    least_residual
        Least ||A x - y||_2 of any admissible x in the unit of y; NaN where it was not computed.
    objective
        a1 ||x||_1 + aTV TV(x).
    multipliers
        Lagrange multipliers of the three splittings, images first, for a warm start.
    """

    x: np.ndarray
    iterations: int | np.ndarray
    primal: float | np.ndarray
    dual: float | np.ndarray
    converged: bool | np.ndarray
    residual: float | np.ndarray
    feasible: bool | np.ndarray
    least_residual: float | np.ndarray
    objective: float | np.ndarray
    multipliers: Multipliers


def admm(
    matrix: np.ndarray | Factorisation,
    y: np.ndarray,
    eps: float | np.ndarray,
    shape: tuple[int, ...] | None = None,
    *,
    a1: float = 0.65,
    atv: float = 0.35,
    mu: float = 5.0,
    iterations: int = 5000,
    non_negative: bool = True,
    tolerance: float = 1e-3,
    start: np.ndarray | AdmmResult | None = None,
    precision: str = "auto",
    certify: bool | None = None,
    callback: Callback | None = None,
    least_residual: np.ndarray | None = None,
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
        Relative tolerance of the three stopping criteria; with 0 all iterations are done.
    start
        Warm start: images of the shape of the answer, or an earlier result with a matrix of the same rank and image.
    precision
        `float32`, `float64`, or `auto`, which takes float64 for a tolerance below 1e-5 or where eps < 0.003 ||y||.
    certify
        Compute `least_residual` for every image (True), for none (False; an image that ends outside the ball then
        counts as infeasible), or for those that end outside the ball (None).
    callback
        Receives an `AdmmStatus` at every check; a true answer ends the iteration.
    least_residual
        Least residuals of the images, shape (images,), if they are known (`recon.solvers.residual.best_fit`): those
        that `certify` asks for are then not computed again.

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
    dtype = _dtype(tolerance, radius, data) if precision == "auto" else precision
    scale = scale_of(factor, data)
    slack = max(tolerance, _LEAST_SLACK) * np.maximum(radius, 0.01 * np.linalg.norm(data, axis=1))
    rule = Stopping(iterations, tolerance, _distance(factor, data, radius + slack) / scale)
    splitting = Splitting.of(factor, dtype, *weights, mu, non_negative)
    state = first_state(factor, data, radius, scale, *_warm(start, mu), dtype)
    final, trace = iterate(splitting, state, scale, rule, callback)
    x = final.z1.reshape(len(data), -1).astype(float) * scale[:, None]
    residual = _residual(factor, x, data)
    asked = np.broadcast_to(residual > radius + slack if certify is None else certify, len(data))
    least = _least(factor, data, non_negative, asked, least_residual)
    volumes = x.reshape(-1, *factor.shape)
    objective = weights[0] * np.abs(x).sum(axis=1) + weights[1] * total_variation(volumes, len(factor.shape))
    feasible = (residual <= radius + slack) | (least <= radius + slack)
    single = np.ndim(y) == 1
    return AdmmResult(
        x=x[0] if single else x.T,
        iterations=_plain(trace.iterations, single),
        primal=_plain(trace.primal, single),
        dual=_plain(trace.dual, single),
        converged=_plain(trace.converged, single),
        residual=_plain(residual, single),
        feasible=_plain(feasible, single),
        least_residual=_plain(least, single),
        objective=_plain(objective, single),
        multipliers=(mu * final.u1, mu * final.u2, mu * final.u3),
    )


def _data(y: np.ndarray, eps: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return data (images, M) and radii (images,)."""
    y = np.asarray(finite("y", y))
    require(y.ndim in (1, 2) and y.size > 0, "y", "one column of data or a matrix of columns", f"the shape {y.shape}")
    data = y.reshape(len(y), -1).T
    radius = np.asarray(finite("eps", eps), dtype=float)
    fits = radius.shape in ((), (len(data),))
    require(fits, "eps", f"one number or one for each of {len(data)} images", radius.shape)
    require(bool(np.all(radius >= 0)), "eps", "zero or more", float(radius.min()))
    return data, np.broadcast_to(radius, len(data)).copy()


def _factor(matrix: np.ndarray | Factorisation, shape: tuple[int, ...] | None, data: np.ndarray) -> Factorisation:
    factor = matrix if isinstance(matrix, Factorisation) else factorise(matrix, shape)
    require(data.shape[1] == factor.rows, "y", f"of {factor.rows} rows like the matrix", data.shape[1])
    require(factor.is_complex or not np.iscomplexobj(data), "y", "real where the matrix is", "complex values")
    return factor


def _dtype(tolerance: float, radius: np.ndarray, data: np.ndarray) -> str:
    fine = 0 < tolerance < 1e-5 or bool(np.any(radius < 3e-3 * np.linalg.norm(data, axis=1)))
    return "float64" if fine else "float32"


def _warm(start: np.ndarray | AdmmResult | None, mu: float) -> tuple[np.ndarray | None, Multipliers | None]:
    """Return the images and the scaled multipliers of a warm start."""
    if not isinstance(start, AdmmResult):
        return start, None
    u1, u2, u3 = start.multipliers
    return start.x, (u1 / mu, u2 / mu, u3 / mu)


def _distance(factor: Factorisation, data: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Return the radius of the noise ball in the range of the rotated matrix, over the norm; 0 if it is empty there."""
    outside = np.sqrt(factor.rotate(data)[1])
    return np.sqrt(np.maximum(radius**2 / factor.norm**2 - outside**2, 0))


def _residual(factor: Factorisation, x: np.ndarray, data: np.ndarray) -> np.ndarray:
    """Return ||A x - y|| of images x (images, N), shape (images,)."""
    c, outside = factor.rotate(data)
    return factor.norm * np.sqrt(np.sum((factor.product(x) - c) ** 2, axis=1) + outside)


def _least(
    factor: Factorisation, data: np.ndarray, non_negative: bool, asked: np.ndarray, known: np.ndarray | None
) -> np.ndarray:
    """Return the residual of the best fit for the images asked for and NaN for the others, shape (images,)."""
    if known is not None:
        return np.where(asked, known, np.nan)
    pairs = zip(data, asked, strict=True)
    return np.array([best_fit(factor, y, non_negative)[0] if wanted else np.nan for y, wanted in pairs])


def _plain(values: np.ndarray, single: bool) -> Any:
    """Return the values of all images, or that of the only one as a plain number."""
    return values[0].item() if single else values
