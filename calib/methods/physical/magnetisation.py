r"""The magnetisation curve of log-normal sizes as a table, with derivatives that belong to its values.

In units of the drive amplitude A the magnetisation along a field b is :math:`b\,g(|b|)` with

.. math:: g(b) = \beta\,Q(\beta b), \qquad Q(\xi) = M(\xi) / \xi, \qquad
          M(\xi) = \int \frac{e^{-z^2/2}}{\sqrt{2\pi}}\, L\bigl(\xi e^{\sqrt t\,z}\bigr)\,dz ,

where L is the Langevin function, :math:`\beta = m A / (k_B T)` belongs to the median of the volume-weighted size, and
t is the variance of :math:`\ln \xi`, nine times that of the logarithm of the diameter. The trapezoidal rule for this
integral converges exponentially. Convolution with a Gaussian solves the equation of heat, so that

.. math:: \frac{\partial M}{\partial t} = \frac12 \frac{\partial^2 M}{\partial (\ln \xi)^2}
          = \frac12\,\bigl\langle \xi L' + \xi^2 L'' \bigr\rangle ,

also at t = 0. Q is a smooth function of :math:`\xi^2`. The table is a cubic spline in

.. math:: z = \frac{y}{y + m}, \qquad y = \sqrt{c^2 + \xi^2},

which is smooth in :math:`\xi^2`, resolves small fields, where the largest particles saturate, and ends at z = 1 for an
infinite field. The kernels use the derivatives of the spline itself. The knots depend neither on :math:`\beta` nor on
t, so that the spline of :math:`\partial Q/\partial t` is the derivative of the spline of Q. For the same reason a sum
of :math:`g` over several :math:`\beta_j = s_j \beta` with weights :math:`w_j` is that of another table, of
:math:`\sum_j w_j s_j Q(s_j \xi)`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline

from calib.methods.physical.kernels import FIRST, MIDDLE, STEP
from mpisim.kernels.equilibrium import langevin, langevin_over_argument, langevin_prime

__all__ = ["curve_table", "summed_table"]

_Z = np.linspace(-6.0, 6.0, 41)
_WEIGHTS = np.exp(-(_Z**2) / 2) / np.exp(-(_Z**2) / 2).sum()


@lru_cache(maxsize=16)
def curve_table(t: float) -> np.ndarray:
    """Return the spline of Q and of its derivative by t.

    Parameters
    ----------
    t
        Variance of ln xi, 0 or above.

    Returns
    -------
    numpy.ndarray
        Coefficients of the powers 0 to 3 of z - z_n on the interval n, first of Q, then of dQ/dt; the knots z_n are
        FIRST / (FIRST + MIDDLE) + n STEP. Shape (interval, 8), read-only.
    """
    z, xi = _knots()
    ratio, by_t = np.zeros_like(z), np.zeros_like(z)
    for weight, scale in zip(_WEIGHTS, np.exp(np.sqrt(t) * _Z), strict=True):
        ratio[:-1] += weight * scale * langevin_over_argument(scale * xi)
        by_t[:-1] += weight * scale * _second_over_argument(scale * xi)
    return _splines(z, ratio, by_t / 2)


@lru_cache(maxsize=16)
def summed_table(t: float, scales: tuple[float, ...], weights: tuple[float, ...]) -> np.ndarray:
    """Return the spline of a sum of s Q(s xi) over scales s of the steepness, each with its weight.

    Parameters
    ----------
    t
        Variance of ln xi, 0 or above.
    scales, weights
        Those of the sum, as many of each.

    Returns
    -------
    numpy.ndarray
        Coefficients on the intervals of `curve_table`, shape (interval, 4), read-only.
    """
    z, xi = _knots()
    total = np.zeros_like(z)
    for weight, scale in zip(weights, scales, strict=True):
        for share, size in zip(_WEIGHTS, scale * np.exp(np.sqrt(t) * _Z), strict=True):
            total[:-1] += weight * share * size * langevin_over_argument(size * xi)
    return _splines(z, total)


def _knots() -> tuple[np.ndarray, np.ndarray]:
    """Return the knots z, the last one 1, and xi at all but the last, where it is infinite."""
    first = FIRST / (FIRST + MIDDLE)
    z = first + STEP * np.arange(int(np.ceil((1 - first) / STEP)) + 1)
    y = MIDDLE * z[:-1] / (1 - z[:-1])
    z[-1] = 1.0
    return z, np.sqrt(np.maximum(y**2 - FIRST**2, 0))


def _splines(z: np.ndarray, *values: np.ndarray) -> np.ndarray:
    """Return the coefficients of cubic splines of values at the knots, (interval, 4 for each), read-only."""
    table = np.ascontiguousarray(np.concatenate([CubicSpline(z, v).c[::-1] for v in values]).T)
    table.flags.writeable = False
    return table


def _second_over_argument(x: np.ndarray) -> np.ndarray:
    """Second derivative of L by ln x, over x: L' + x L''; 1/3 at 0."""
    slope, value = langevin_prime(x), langevin(x)
    # x L'' = 2 (L/x - L') - 2 x L L', from L' = 1 - L^2 - 2 L / x
    return slope + 2 * (langevin_over_argument(x) - slope) - 2 * x * value * slope
