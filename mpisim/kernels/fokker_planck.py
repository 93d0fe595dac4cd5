r"""The loop over the Fokker-Planck equation with one axis: implicit steps in time for the Legendre coefficients.

The density of directions :math:`f(x, t)`, :math:`x` the cosine of the angle to the axis, has normalised coefficients
:math:`c_l`, :math:`f = \frac12 \sum_l \sqrt{2l + 1}\,c_l\,P_l(x)` with :math:`c_0 = 1` and the mean cosine
:math:`c_1/\sqrt3`. They obey :math:`2\tau\,\dot c = (D + \xi(t)\,U)\,c` (`mpisim.particles.expansion` derives it),
where D couples :math:`l` with :math:`l \pm 2` and U with :math:`l \pm 1`. The equations are stiff: the rates grow with
:math:`l^2`.

A step of the length h is one of the implicit Runge-Kutta method with five stages of the order 4, L-stable and stiffly
accurate, of Hairer and Wanner (Solving Ordinary Differential Equations II, Table IV.6.5). Each stage is a linear system
with five diagonals, :math:`(1 - \frac h{8 \tau} (D + \xi_i U))\,Y_i = c + \sum_{j<i} a_{ij} k_j`. It is eliminated from
the highest degree down, as a continued fraction, which needs no exchange of rows. The row of :math:`c_0` is that of the
unit matrix, so that probability is conserved to the last digit.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

__all__ = ["GAMMA", "STAGES", "STAGE_TIMES", "advance_axis"]

Array = np.ndarray
STAGE_TIMES = (1 / 4, 3 / 4, 11 / 20, 1 / 2, 1.0)
"""Times of the stages of a step in units of its length."""
GAMMA = 0.25
"""Diagonal coefficient of the method."""
STAGES = np.array(
    [
        [0.0, 0.0, 0.0, 0.0],
        [1 / 2, 0.0, 0.0, 0.0],
        [17 / 50, -1 / 25, 0.0, 0.0],
        [371 / 1360, -137 / 2720, 15 / 544, 0.0],
        [25 / 24, -49 / 48, 125 / 16, -85 / 12],
    ]
)
"""Its other coefficients, of which the last row is that of the weights."""


@njit(error_model="numpy", inline="always")
def _solve(bands: Array, xi: float, factor: float, right: Array, p: Array, q: Array, out: Array) -> None:
    """Solve (1 - factor (D + xi U)) out = right by elimination from the highest degree down."""
    top = right.size - 1
    p1, q1, z1, p2, q2, z2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for d in range(top, -1, -1):
        up1, up2 = -factor * xi * bands[2, d], -factor * bands[4, d]
        down1, down2 = -factor * xi * bands[1, d], -factor * bands[3, d]
        up1 -= up2 * p2
        pivot = 1.0 - factor * bands[0, d] - up2 * q2 - up1 * p1
        down1 -= up1 * q1
        rest = right[d] - up2 * z2 - up1 * z1
        inverse = 1.0 / pivot
        p2, q2, z2 = p1, q1, z1
        p1, q1, z1 = down1 * inverse, down2 * inverse, rest * inverse
        p[d], q[d], out[d] = p1, q1, z1
    out[1] -= p[1] * out[0]
    for d in range(2, top + 1):
        out[d] -= p[d] * out[d - 1] + q[d] * out[d - 2]


@njit(parallel=True, error_model="numpy", cache=True)
def advance_axis(xi: Array, rate: float, bands: Array, start: Array, end: Array, cosine: Array) -> None:
    """Carry the coefficients of all points through one period.

    Parameters
    ----------
    xi
        m B / (k_B T) at the stages of all steps, shape (stage, step, point).
    rate
        Length of a step over 2 tau.
    bands
        Coefficients in the row of the degree l: of l itself in D, of l - 1 and l + 1 in U, of l - 2 and l + 2 in D;
        shape (5, degree).
    start, end
        Coefficients c_l before and after the period, shape (point, degree).
    cosine
        Mean cosine at the beginning of every step, shape (step, point).
    """
    stages, steps, points = xi.shape
    degrees = start.shape[1]
    factor = GAMMA * rate
    for n in prange(points):
        c, right, found = np.empty(degrees), np.empty(degrees), np.empty(degrees)
        p, q, k = np.empty(degrees), np.empty(degrees), np.empty((stages - 1, degrees))
        c[:] = start[n]
        for j in range(steps):
            cosine[j, n] = c[1] / np.sqrt(3.0)
            for i in range(stages):
                right[:] = c
                for s in range(i):
                    for d in range(degrees):
                        right[d] += STAGES[i, s] * k[s, d]
                _solve(bands, xi[i, j, n], factor, right, p, q, found)
                if i < stages - 1:
                    for d in range(degrees):
                        k[i, d] = (found[d] - right[d]) / GAMMA
            c[:] = found
        end[n] = c
