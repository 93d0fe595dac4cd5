r"""Rules of quadrature for the mean over an edge, a disc and a ball.

A rule is points and weights with the sum 1; every rule here is exact for polynomials of the total degree
:math:`2n - 1`.

*Edge.* Gauss-Legendre nodes, in one piece or in several of equal length.

*Disc.* In polar coordinates the mean over the unit disc is
:math:`\frac1\pi\int_0^{2\pi}\!\int_0^1 f\,\rho\,d\rho\,d\varphi = \int_0^1 \bar f\,ds` with :math:`s = \rho^2` and the
mean :math:`\bar f` over the angle. For a polynomial of degree :math:`2n - 1`, :math:`2n` equidistant angles give
:math:`\bar f` exactly, which is a polynomial of degree :math:`n - 1` in :math:`s`: Gauss-Legendre nodes in :math:`s` do
the rest.

*Ball.* It is a pile of discs, :math:`\frac34\int_{-1}^1 (1 - z^2)\,D(z)\,dz` with the mean :math:`D(z)` over the disc
of the radius :math:`\sqrt{1 - z^2}`, a polynomial in :math:`z` of the degree of :math:`f`. With the factor its degree
is :math:`2n + 1`, and :math:`n + 1` Gauss-Legendre nodes in :math:`z` are exact.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

__all__ = ["ball_rule", "disc_rule", "edge_rule"]

Rule = tuple[np.ndarray, np.ndarray]


def _read_only(*arrays: np.ndarray) -> Rule:
    for values in arrays:
        values.flags.writeable = False
    return arrays[0], arrays[1]


@lru_cache(maxsize=64)
def edge_rule(edge: float, panels: int, points: int) -> Rule:
    """Return the mean over an edge that is centred at 0.

    Parameters
    ----------
    edge
        Its length, in any unit.
    panels
        Pieces of equal length.
    points
        Gauss-Legendre points on each piece.

    Returns
    -------
    offsets, weights
        Shape (panels points,) each, read-only; offsets in the unit of the edge.
    """
    nodes, weights = np.polynomial.legendre.leggauss(points)
    starts = np.arange(panels)[:, None]
    offsets = edge * ((starts + (nodes + 1) / 2) / panels - 0.5)
    return _read_only(offsets.ravel(), np.tile(weights / (2 * panels), panels))


@lru_cache(maxsize=64)
def disc_rule(points: int) -> Rule:
    """Return the mean over the unit disc, exact to the degree 2 `points` - 1.

    Returns
    -------
    offsets, weights
        Shapes (point, 2) and (point,), read-only: 2 n angles on each of the n / 2 circles (rounded up), n = `points`.
    """
    nodes, weights = np.polynomial.legendre.leggauss((points + 1) // 2)
    radii = np.sqrt((nodes + 1) / 2)
    angles = np.pi * (np.arange(2 * points) + 0.5) / points
    offsets = radii[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return _read_only(offsets.reshape(-1, 2), np.repeat(weights / 2, angles.size) / angles.size)


@lru_cache(maxsize=64)
def ball_rule(points: int) -> Rule:
    """Return the mean over the unit ball, exact to the degree 2 `points` - 1.

    Returns
    -------
    offsets, weights
        Shapes (point, 3) and (point,), read-only: a disc at each of `points` + 1 heights.
    """
    heights, weights = np.polynomial.legendre.leggauss(points + 1)
    flat, flat_weights = disc_rule(points)
    radii = np.sqrt(1 - heights**2)
    offsets = np.concatenate(
        [np.column_stack([r * flat, np.full(len(flat), z)]) for r, z in zip(radii, heights, strict=True)]
    )
    return _read_only(offsets, np.outer(0.75 * (1 - heights**2) * weights, flat_weights).ravel())
