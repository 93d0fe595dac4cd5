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
t, so that the spline of :math:`\partial Q/\partial t` is the derivative of the spline of Q.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline

from calib.methods.physical.kernels import FIRST, MIDDLE, STEP
from mpisim.kernels.equilibrium import langevin, langevin_over_argument, langevin_prime

__all__ = ["curve_table"]

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
    first = FIRST / (FIRST + MIDDLE)
    z = first + STEP * np.arange(int(np.ceil((1 - first) / STEP)) + 1)
    y = MIDDLE * z[:-1] / (1 - z[:-1])
    xi = np.sqrt(np.maximum(y**2 - FIRST**2, 0))
    ratio, by_t = np.zeros_like(z), np.zeros_like(z)
    for weight, scale in zip(_WEIGHTS, np.exp(np.sqrt(t) * _Z), strict=True):
        ratio[:-1] += weight * scale * langevin_over_argument(scale * xi)
        by_t[:-1] += weight * scale * _second_over_argument(scale * xi)
    z[-1] = 1.0
    table = np.concatenate([CubicSpline(z, values).c[::-1] for values in (ratio, by_t / 2)]).T
    table = np.ascontiguousarray(table)
    table.flags.writeable = False
    return table


def _second_over_argument(x: np.ndarray) -> np.ndarray:
    """Second derivative of L by ln x, over x: L' + x L''; 1/3 at 0."""
    slope, value = langevin_prime(x), langevin(x)
    # x L'' = 2 (L/x - L') - 2 x L L', from L' = 1 - L^2 - 2 L / x
    return slope + 2 * (langevin_over_argument(x) - slope) - 2 * x * value * slope
