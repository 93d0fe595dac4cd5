r"""Particles with an easy axis in thermal equilibrium: Boltzmann's mean over all directions of the moment.

A moment of the direction :math:`u` has the energy :math:`-m\,u\cdot B - K V (u\cdot n)^2` with the anisotropy constant
:math:`K`, the volume :math:`V` and the easy axis :math:`n`. With :math:`\alpha = K V/(k_B T)` and
:math:`\xi = m B/(k_B T)`, split along and across the axis, the partition function is

.. math:: Z = \int_{-1}^1 e^{\alpha x^2 + \xi_\parallel x}\,I_0(\xi_\perp \sqrt{1 - x^2})\,dx ,

and the mean direction :math:`\partial \ln Z/\partial\xi_\parallel` along and :math:`\partial \ln
Z/\partial\xi_\perp` across it (:math:`I_1` in place of :math:`I_0`, with :math:`\sqrt{1 - x^2}`). Without anisotropy
this is Langevin's function; Maass et al. (IEEE Trans. Comput. Imaging 10, 1588 (2024), doi:10.1109/TCI.2024.3490381)
use it for the reconstruction of images. At zero field the susceptibilities are :math:`\langle x^2\rangle` along and
:math:`(1 - \langle x^2\rangle)/2` across the axis, with :math:`\langle x^2\rangle = (e^\alpha/\int_0^1 e^{\alpha
x^2}dx - 1)/(2\alpha)`; their mean over axes of all directions is 1/3 for any :math:`\alpha`.

The integrands are entire functions of x, and Gauss-Legendre nodes, :math:`40 + 8\sqrt{\alpha + |\xi|}` of them, take
them to 1e-13. A table holds both means at nodes that are equidistant in :math:`\operatorname{asinh}(\xi/w)`; it is
refined until what it misses is some 1e-8, and read by interpolation through six nodes along each axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mpisim.errors import InputError, require
from mpisim.kernels.anisotropy import MARGIN, add_isotropic_moments, add_table_moments
from mpisim.particles.cores import CoresWithAxis, alphas_of, checked_share
from mpisim.particles.protocol import Instantaneous

__all__ = ["AnisotropicEquilibrium", "boltzmann_means"]

_LARGEST = 2000.0  # of alpha and of xi
_WIDTH = 2.0  # w of the tables
_FIRST_STEP, _STEPS = 0.16, 6  # of s; how often it may be halved
_BEYOND = 4  # nodes of a table beyond its end
_ERROR = 3e-7  # of a table of twice the step; that of the table is some sixtieth of it
_AT_ONCE = 1000  # fields whose integrands stay in the cache of a processor
_FEW = 50_000  # points for which no table is made


@dataclass(frozen=True)
class AnisotropicEquilibrium(CoresWithAxis, Instantaneous):
    """Particles with an easy axis in thermal equilibrium; the moment follows the field at once.

    Parameters
    ----------
    particle
        The cores: `mpisim.Particle` or `mpisim.LogNormal`.
    anisotropy_constant
        K in J/m^3, from 0, which is Langevin's equilibrium, to 2e5; 0 to 1e4 are in use for magnetite cores of 15 to
        25 nm.
    easy_axis
        Direction (x, y, z) of the easy axis; its length does not count.
    aligned
        Share of the particles with this easy axis, from 0 to 1; the axes of the others have all directions. It is the
        order parameter, the mean of (3 cos^2 - 1) / 2 of the angle to the axis.

    Raises
    ------
    InputError
        If the particle is another model, or a value is not in its range.

    Notes
    -----
    It holds where a field changes slowly against the time in which moments cross the barrier K V between both
    directions of the axis. `mpisim.NeelRotation` has no such limit.
    """

    aligned: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "aligned", checked_share(self.aligned))

    def moment_vector(self, field: np.ndarray) -> np.ndarray:
        """Mean moment of one particle in A m^2 at `field` (..., 3) in T; shape (..., 3).

        Raises `InputError` where no table of a sensible size resolves the field and the anisotropy.
        """
        if self.anisotropy_constant == 0:
            return self.particle.moment_vector(field)
        points = np.ascontiguousarray(field, dtype=float).reshape(-1, 3)
        axis = np.array(self.easy_axis) / np.linalg.norm(self.easy_axis)
        largest = float(np.sqrt(np.einsum("pi,pi->p", points, points).max(initial=0.0)))
        out, sizes = np.zeros_like(points), self.particle.sizes()
        moments = (sizes.fractions * sizes.moments).tolist()
        alphas = alphas_of(self.particle, self.anisotropy_constant).tolist()
        for moment, beta, alpha in zip(moments, sizes.betas.tolist(), alphas, strict=True):
            _check_size(beta * largest, alpha)
            end = 2.0 ** math.ceil(math.log2(max(beta * largest, 1.0)))
            if self.aligned > 0 and len(points) <= _FEW:
                out += self.aligned * moment * _axis_means(beta * points, axis, alpha)
            elif self.aligned > 0:
                table, step = _axis_table(alpha, end)
                add_table_moments(points, axis, beta, table, _WIDTH, step, self.aligned * moment, out)
            if self.aligned < 1:
                table, step = _isotropic_table(alpha, end)
                add_isotropic_moments(points, beta, table, _WIDTH, step, (1 - self.aligned) * moment, out)
        return out.reshape(np.shape(field))


def boltzmann_means(along: np.ndarray, across: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean direction along and across an easy axis by quadrature, each of the shape of the fields.

    Parameters
    ----------
    along, across
        m B / (k_B T) along and across the axis, of one shape; any sign along, zero or more across.
    alpha
        K V / (k_B T).

    Raises
    ------
    InputError
        If alpha or a field is above 2000.
    """
    par, perp = (np.atleast_1d(np.asarray(values, dtype=float)).ravel() for values in (along, across))
    largest = float(np.hypot(par, perp).max(initial=0.0))
    _check_size(largest, alpha)
    return _means(par, perp, alpha, np.shape(along))


def _check_size(xi: float, alpha: float) -> None:
    must = f"such that both K V and m B are at most {_LARGEST:g} k_B T"
    require(max(xi, alpha) <= _LARGEST, "field, core diameter and anisotropy", must, f"{max(xi, alpha):.3g}")


def _means(par: np.ndarray, perp: np.ndarray, alpha: float, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return `boltzmann_means` of flat fields, of this shape; tables have nodes beyond the largest field."""
    means, order = np.empty((2, par.size)), np.argsort(np.hypot(par, perp))
    for start in range(0, par.size, _AT_ONCE):
        part = order[start : start + _AT_ONCE]
        strongest = math.hypot(par[part[-1]], perp[part[-1]])
        means[:, part] = _means_by_rule(par[part], perp[part], alpha, *_rule(alpha + strongest))
    return means[0].reshape(shape), means[1].reshape(shape)


def _rule(exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights for integrands up to e to the `exponent`."""
    return _legendre(-(-(40 + math.ceil(8 * math.sqrt(exponent))) // 16) * 16)


@lru_cache(maxsize=64)
def _legendre(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(count)


def _means_by_rule(
    par: np.ndarray, perp: np.ndarray, alpha: float, x: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return both means (field,) of `boltzmann_means` by one rule of nodes x and weights (node,)."""
    from scipy.special import i0e, i1e  # slow to import

    sine = np.sqrt(1 - x * x)
    arguments = np.outer(perp, sine)
    exponent = alpha * x * x + np.outer(par, x) + arguments
    height = weights * np.exp(exponent - exponent.max(axis=1, keepdims=True))
    if not perp.any():
        return height @ x / height.sum(axis=1), np.zeros_like(perp)
    even = height * i0e(arguments)
    total = even.sum(axis=1)
    return even @ x / total, (height * i1e(arguments)) @ sine / total


def _axis_means(xi: np.ndarray, axis: np.ndarray, alpha: float) -> np.ndarray:
    """Return the mean directions (point, 3) at fields xi (point, 3) by quadrature, without a table."""
    along = xi @ axis
    across = xi - along[:, None] * axis
    size = np.linalg.norm(across, axis=1)
    size[size <= 1e-12 * np.abs(along)] = 0  # rounding
    parallel, perpendicular = boltzmann_means(along, size, alpha)
    ratio = np.divide(perpendicular, size, out=np.zeros_like(size), where=size > 0)
    return parallel[:, None] * axis + ratio[:, None] * across


@lru_cache(maxsize=32)
def _axis_table(alpha: float, end: float) -> tuple[np.ndarray, float]:
    """Return both means over xi along and across the axis up to `end`, and the distance of nodes."""

    def values(xi: np.ndarray) -> np.ndarray:
        along, across = np.broadcast_arrays(xi[:, None], xi)
        parallel, perpendicular = _means(along.ravel(), np.abs(across).ravel(), alpha, along.shape)
        return np.stack([parallel, perpendicular * np.sign(across)])

    return _refined(values, alpha, end)


@lru_cache(maxsize=32)
def _isotropic_table(alpha: float, end: float) -> tuple[np.ndarray, float]:
    """Return the mean direction over xi, with easy axes of all directions, over xi up to `end`."""
    nodes, weights = _rule(alpha + end)
    cosine, weights = 0.5 * (nodes + 1), 0.5 * weights
    sine = np.sqrt(1 - cosine * cosine)

    def values(xi: np.ndarray) -> np.ndarray:
        size = np.maximum(np.abs(xi), 1e-6)[:, None]  # the ratio is even, and constant to 1e-12 below that
        xi_along, xi_across = size * cosine, size * sine
        along, across = _means(xi_along.ravel(), xi_across.ravel(), alpha, xi_along.shape)
        return ((along * cosine + across * sine) @ weights) / size[:, 0]

    return _refined(values, alpha, end)


def _refined(values: Callable[[np.ndarray], np.ndarray], alpha: float, end: float) -> tuple[np.ndarray, float]:
    """Return a table of `values` at nodes of every axis, halved until it is accurate, and the distance of nodes."""
    step = _FIRST_STEP
    coarse = values(_nodes(end, step))
    for _ in range(_STEPS):
        step /= 2
        fine = values(_nodes(end, step))
        if _missed(coarse, fine) <= _ERROR:
            return fine, step
        coarse = fine
    raise InputError(
        f"Input field, core diameter and anisotropy must be such that a table of equilibrium moments resolves them; "
        f"instead received K V of {alpha:.3g} and m B of up to {end:.3g} k_B T."
    )


def _nodes(end: float, step: float) -> np.ndarray:
    """Return xi at the nodes of a table."""
    count = math.ceil(math.asinh(end / _WIDTH) / step)
    return _WIDTH * np.sinh(step * np.arange(-MARGIN, count + _BEYOND))


def _missed(coarse: np.ndarray, fine: np.ndarray) -> float:
    """Return the largest error of six-point interpolation in a table halfway between nodes, along any of its axes.

    Node i of the coarse table is node 2 i - 3 of the fine one, since both have three nodes below zero.
    """
    taps, worst = np.array([3.0, -25.0, 150.0, 150.0, -25.0, 3.0]) / 256, 0.0
    for axis in (-2, -1) if fine.ndim > 1 else (-1,):
        a, b = (np.moveaxis(table, axis, -1) for table in (coarse, fine))
        if fine.ndim > 1:
            a, b = a[..., 2:, :], b[..., 1::2, :]
            lines = min(a.shape[-2], b.shape[-2])
            a, b = a[..., :lines, :], b[..., :lines, :]
        b = b[..., 2::2]
        count = min(a.shape[-1] - 5, b.shape[-1])
        between = sum(t * a[..., i : i + count] for i, t in enumerate(taps.tolist()))
        worst = max(worst, float(np.abs(between - b[..., :count]).max()))
    return worst
