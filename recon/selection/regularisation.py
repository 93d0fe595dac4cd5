r"""The regularisation :math:`\lambda` of Tikhonov images from the data, by rules of `recon.solvers.spectrum`.

With the squared residual :math:`\rho(\lambda)`, the squared norm :math:`\eta(\lambda)` and the effective number
:math:`p(\lambda)` of free parameters of the image without constraint, and m real rows:

- `discrepancy` (Morozov, Soviet Math. Dokl. 7, 414, 1966): :math:`\rho(\lambda) = E\lVert n\rVert^2`. It needs the
  noise, and a matrix without error. Its images are a little too smooth.
- `l-curve` (Hansen and O'Leary, SIAM J. Sci. Comput. 14, 1487, 1993): the point of largest curvature of
  :math:`(\log\sqrt\rho, \log\sqrt\eta)`, which is known in closed form, for :math:`\lambda \le 1`.
- `gcv` (Golub, Heath and Wahba, Technometrics 21, 215, 1979): the minimum of :math:`\rho / (m - p)^2`, which is the
  leave-one-out error in a rotated basis. Errors of the matrix, and noise that is correlated between rows, look like
  signal to it; lambda is then far too small.
- `auto`: the larger one of the L-curve and of the modified cross-validation :math:`\rho / (m - \gamma p)^2`
  (Kim and Gu, J. R. Stat. Soc. B 66, 337, 2004, with 1.4) for :math:`\gamma = 1.7`. Each of the two fails at times, to
  the side of too small a value, the one where errors of the matrix are smooth, the other one where they are not. Where
  the matrix states its errors, `recon.selection.settled` takes no less than these ask for
  (`recon.selection.matrix_errors`).
- `hands-free` (`recon.selection.hands_free`): the value of the sweep at which the rule of Scheffler et al. stops.

The rules see the problem without x >= 0. The constraint regularises, too, so that its best lambda is somewhat smaller;
the loss by this is counted in `docs/theory/reconstruction.md`. Iterative methods take the same values: where they
converge they solve the same problem, and few sweeps regularise a little more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mpisim.errors import finite, one_of, positive, require, warn
from recon.selection.hands_free import hands_free
from recon.solvers.spectrum import Curves, Spectrum

__all__ = ["GAMMA", "RULES", "regularisation"]

GAMMA = 1.7
"""Weight of a free parameter in the cross-validation of `auto`."""
RULES = ("auto", "discrepancy", "l-curve", "gcv", "hands-free")
"""Names of the rules."""
_LEAST, _LARGEST_CORNER = 1e-8, 1.0
_PER_DECADE = 10
_TINY = 1e-300


def regularisation(matrix: np.ndarray | Spectrum, y: np.ndarray, rule: str = "auto", noise: float | None = None) -> Any:
    """Return lambda for data by a rule.

    Parameters
    ----------
    matrix
        Weighted system matrix (M, N), real or complex, or its `recon.solvers.spectrum.Spectrum`, which serves any
        number of data.
    y
        Data, shape (M,), or (M, images).
    rule
        `auto`, `discrepancy`, `l-curve`, `gcv` or `hands-free`; see the module.
    noise
        Expected norm of the noise of all rows in the unit of y, sqrt(M) for white complex data; only for `discrepancy`.

    Returns
    -------
    float or numpy.ndarray
        Lambda without unit (the penalty is lambda ||A||_F^2 / N), for each image, shape (images,), where y has several.
        Where no lambda makes the residual as small as the noise, the matrix is in error: `discrepancy` then says so by
        a `DataWarning` and takes `auto`. For data of zeros it is the largest value.

    Raises
    ------
    InputError
        If the rule is not known, shapes do not fit, a value is not finite, or the noise is missing.
    """
    one_of("regularisation", rule, RULES)
    y = np.asarray(finite("y", y))
    spectrum = matrix if isinstance(matrix, Spectrum) else Spectrum.of(matrix)
    count = len(spectrum.matrix)
    require(y.ndim in (1, 2) and len(y) == count, "y", f"of {count} values like the rows", y.shape)
    if rule == "discrepancy":
        require(noise is not None, "regularisation", "auto, l-curve, gcv or a number for unknown noise", rule)
        noise = positive("noise", noise)
    columns = y[:, None] if y.ndim == 1 else y
    found = np.array([_of_column(spectrum, column, rule, noise) for column in columns.T])
    return float(found[0]) if y.ndim == 1 else found


def _of_column(spectrum: Spectrum, y: np.ndarray, rule: str, noise: float | None) -> float:
    if rule == "hands-free":
        return hands_free(spectrum.matrix, y).regularisation
    curves, scale = spectrum.curves(y), spectrum.scale
    top = 10 * float(spectrum.squared[-1])
    if not curves.energy.any():
        return top / scale
    low = np.log(min(max(_LEAST * scale, 1e-12 * top), top))
    grid = np.linspace(low, np.log(top), 2 + int(_PER_DECADE * (np.log10(top) - low / np.log(10))))
    if rule == "discrepancy" and noise is not None:
        found = _by_discrepancy(curves, grid, noise)
        if found is not None:
            return found / scale
        warn(
            "No lambda makes the residual as small as the noise: the matrix is in error, or the noise is larger than "
            "stated. Lambda was chosen by the rule auto instead of discrepancy."
        )
    if rule == "gcv":
        return _by_validation(curves, grid, 1.0) / scale
    corner = _by_corner(curves, grid[: max(3, np.searchsorted(grid, np.log(_LARGEST_CORNER * scale)))])
    return (corner if rule == "l-curve" else max(corner, _by_validation(curves, grid, GAMMA))) / scale


def _by_discrepancy(curves: Curves, grid: np.ndarray, noise: float) -> float | None:
    """Return the weight l at which the residual is that of the noise, the largest one of the grid where all are less.

    None where none is.
    """
    from scipy.optimize import brentq

    def excess(log_penalty: float) -> float:
        return float(np.log(curves.residual(np.exp([log_penalty]))[0])) - 2 * float(np.log(noise))

    if curves.residual(np.exp(grid[:1]))[0] >= noise**2:
        return None
    return float(np.exp(grid[-1] if excess(grid[-1]) <= 0 else brentq(excess, grid[0], grid[-1], xtol=1e-6)))


def _by_validation(curves: Curves, grid: np.ndarray, weight: float) -> float:
    """Return the weight l of the least cross-validated error in which a free parameter counts so many times."""

    def error(log_penalty: np.ndarray) -> np.ndarray:
        penalty = np.exp(log_penalty)
        left = curves.rows - weight * curves.free(penalty)
        return np.where(
            left > 0, np.log(curves.residual(penalty) + _TINY) - 2 * np.log(np.maximum(left, _TINY)), np.inf
        )

    return _minimum(error, grid)


def _by_corner(curves: Curves, grid: np.ndarray) -> float:
    """Return the weight l of the largest curvature of the L-curve."""
    return _minimum(lambda t: -np.nan_to_num(curves.curvature(np.exp(t)), nan=-np.inf, posinf=-np.inf), grid)


def _minimum(function: Callable[[np.ndarray], np.ndarray], grid: np.ndarray) -> float:
    """Return exp(t) at the least value of a function on a grid, refined between the neighbours of the point."""
    from scipy.optimize import minimize_scalar

    best = int(np.argmin(function(grid)))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(lambda t: float(function(np.array([t]))[0]), bounds=ends, method="bounded")
    return float(np.exp(found.x if found.fun <= function(grid[best : best + 1])[0] else grid[best]))
