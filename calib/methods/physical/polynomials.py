r"""Polynomials of two coordinates: their monomials, and polynomials of turned coordinates written in those at rest.

The monomials :math:`\xi^i \eta^j` up to degree d come by degree, within it by falling i: 1, xi, eta, xi^2, xi eta,
eta^2 and so on, so that those of a lower degree are the first ones. A polynomial is its array of coefficients, indexed
by (i, j).
"""

from __future__ import annotations

import numpy as np

__all__ = ["count", "exponents", "flattened", "monomials", "times", "turned_powers"]

Powers = dict[tuple[int, int], np.ndarray]


def count(degree: int) -> int:
    """Return the number of monomials up to a degree."""
    return (degree + 1) * (degree + 2) // 2


def exponents(degree: int, lowest: int = 0) -> list[tuple[int, int]]:
    """Return the exponents (i, j) of the monomials from the degree `lowest` up to `degree`, in their order."""
    return [(d - j, j) for d in range(lowest, degree + 1) for j in range(d + 1)]


def monomials(points: np.ndarray, degree: int) -> np.ndarray:
    """Return the values of all monomials up to a degree at `points` (..., 2); shape (..., monomial)."""
    xi, eta = points[..., 0], points[..., 1]
    return np.stack([xi**i * eta**j for i, j in exponents(degree)], axis=-1)


def times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the product of polynomials (..., i, j), as far as it fits into the shape of the first one.

    The second one is linear; its other coefficients are not looked at.
    """
    product = a * b[..., :1, :1]
    product[..., 1:, :] += a[..., :-1, :] * b[..., 1:2, :1]
    product[..., :, 1:] += a[..., :, :-1] * b[..., :1, 1:2]
    return product


def turned_powers(
    angles: np.ndarray, center: tuple[float, float], degree: int, shifts: np.ndarray | float = 0.0
) -> Powers:
    r"""Return :math:`u^i v^j` as polynomials of coordinates that count from `center`.

    With :math:`x = x_0 + \xi`, :math:`y = y_0 + \eta` they are :math:`u = x\cos\theta + y\sin\theta - o` with the
    shift o of each angle, and :math:`v = -x\sin\theta + y\cos\theta`.

    Returns
    -------
    dict
        Coefficients (angle, degree + 1, degree + 1) by the exponents (i, j), i + j at most `degree`.
    """
    cos, sin = np.cos(angles), np.sin(angles)
    u, v, one = (np.zeros((len(cos), degree + 1, degree + 1)) for _ in range(3))
    one[:, 0, 0] = 1
    u[:, 0, 0] = center[0] * cos + center[1] * sin - shifts
    v[:, 0, 0] = center[1] * cos - center[0] * sin
    if degree:
        u[:, 1, 0], u[:, 0, 1] = cos, sin
        v[:, 1, 0], v[:, 0, 1] = -sin, cos
    found: Powers = {(0, 0): one}
    for i, j in exponents(degree, 1):
        found[i, j] = times(found[i - 1, j], u) if i else times(found[i, j - 1], v)
    return found


def flattened(coefficients: np.ndarray, degree: int) -> np.ndarray:
    """Return coefficients (..., i, j) in the order of the monomials, shape (..., monomial)."""
    i, j = np.array(exponents(degree)).T
    return coefficients[..., i, j]
