r"""The Langevin function, its slope, and the ratio that compiled loops use.

The equilibrium magnetisation along a field :math:`B` is :math:`L(\xi)\,B/|B|` with :math:`\xi = \beta |B|` and
:math:`L(x) = \coth x - 1/x`. The loops write it as :math:`\beta B\,h(\xi^2)` with :math:`h(\xi^2) = L(\xi)/\xi`, so
that neither the field-free line :math:`B = 0` nor the direction :math:`B/|B|` needs a special case. :math:`h` is a
ratio of polynomials in :math:`s = \xi^2` below :math:`\xi = 19` (relative error 1e-15) and :math:`(\xi - 1)/s` above,
where :math:`\coth \xi = 1` in double precision. It has no branch, so the compiler vectorises a loop over it.

Loops of other files inline these functions, and Numba's cache does not notice: after a change here, delete the
`__pycache__` of this folder (tests have a cache for every version of the folder).
"""

from __future__ import annotations

import numpy as np
from numba import njit, vectorize

__all__ = [
    "SATURATED",
    "denominator",
    "langevin",
    "langevin_over_argument",
    "langevin_prime",
    "langevin_ratio",
    "numerator",
]

SATURATED = 361.0
"""Value of s = xi^2 above which coth xi = 1 in double precision."""


@njit(inline="always", error_model="numpy")
def numerator(s: float) -> float:
    """Numerator of L(xi) / xi as a function of s = xi^2 below 361."""
    p = 6.3860073909068515e-21
    p = p * s + 5.677376594024157e-17
    p = p * s + 1.2579028515240213e-13
    p = p * s + 1.0794483026601696e-10
    p = p * s + 4.2426891308312755e-08
    p = p * s + 8.094742222104001e-06
    p = p * s + 0.0007355168813481102
    p = p * s + 0.02839159923881855
    return p * s + 1.0 / 3.0


@njit(inline="always", error_model="numpy")
def denominator(s: float) -> float:
    """Denominator of L(xi) / xi as a function of s = xi^2 below 361."""
    q = 2.5896984502595988e-23
    q = q * s + 7.60464135004157e-19
    q = q * s + 3.118652032192649e-15
    q = q * s + 4.220529477533358e-12
    q = q * s + 2.4585627112444842e-09
    q = q * s + 6.859506145778302e-07
    q = q * s + 9.38059776556319e-05
    q = q * s + 0.005980108587046798
    q = q * s + 0.1518414643831217
    return q * s + 1.0


@njit(inline="always", error_model="numpy")
def langevin_ratio(s: float) -> float:
    """L(xi) / xi as a function of any s = xi^2."""
    large = s > SATURATED
    top = np.sqrt(s) - 1.0 if large else numerator(s)
    return top / (s if large else denominator(s))


@vectorize(["float64(float64)"], cache=True)
def langevin(x: float) -> float:
    """Langevin function L(x) = coth x - 1/x, dimensionless, as a NumPy ufunc; relative error below 1e-12."""
    if abs(x) > 19.0:
        return np.sign(x) - 1.0 / x
    return x * langevin_ratio(x * x)


@vectorize(["float64(float64)"], cache=True)
def langevin_over_argument(x: float) -> float:
    """L(x) / x, dimensionless (1/3 at 0), as a NumPy ufunc; relative error below 1e-12."""
    if abs(x) > 19.0:
        return (1.0 - 1.0 / abs(x)) / abs(x)
    return langevin_ratio(x * x)


@vectorize(["float64(float64)"], cache=True)
def langevin_prime(x: float) -> float:
    """Slope of the Langevin function, L'(x) = 1/x^2 - 1/sinh(x)^2 (1/3 at 0), as a NumPy ufunc."""
    if abs(x) > 19.0:
        return (1.0 / x) * (1.0 / x)
    s = x * x
    ratio = langevin_ratio(s)
    return 1.0 - s * ratio * ratio - 2.0 * ratio
