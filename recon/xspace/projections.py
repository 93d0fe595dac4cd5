r"""Projections at each angle from the harmonics of the voltage: as the line sees them, and without its response.

The x-space projection is the series :math:`s(w) = \sum_k g_k U_{k-1}(w/R)` (`recon.xspace.scan`). With
:math:`w = R\cos\psi` the coefficient of a point at u is

.. math:: d_k(u) = \frac2\pi \int_0^\pi h(u - R\cos\psi)\,\sin k\psi\,\sin\psi\,d\psi, \qquad
          g_k = \int d_k(u)\,P_\theta(u)\,du ,

computed by the midpoint rule, which converges exponentially. The projection without the response is the regularised
solution of these few equations at each angle,

.. math:: P = V D^T\,(D V D^T + l\,I)^{-1} g, \qquad V = W^{1/2} E\,W^{1/2},

the most probable one of a tracer that may be anywhere in the field of view: W is the length of the line in it, and E
the correlation :math:`e^{-|u - u'|/\ell}` over a length :math:`\ell = R/8`. Rows are white. l is lambda times the mean
diagonal element of :math:`D V D^T`. By default it is the lambda for which the data of all angles together are most
likely, as :math:`N(0, \tau^2 D V D^T + \sigma^2 I)` with unknown :math:`\tau` and :math:`\sigma` (maximum marginal
likelihood), so that errors of the model count as noise. (R/8 is no less than uncorrelated points from harmonics 2 to 9,
and gains 3 dB from 2 to 20 on average, see `docs/theory/xspace.md`; a longer :math:`\ell` loses up to 1 dB where there
are few harmonics.)

**The first harmonic** is not recorded, since the drive is received there. Two conditions restore it (`restored`): the
tracer is the same at every angle, and none of it lies where the line turns. By the first, integrals of all x-space
projections are equal, :math:`2R\,(g_1 + g_3/3 + g_5/5 + \ldots) = I`, which leaves one number I for all angles (exact
to what the response spreads beyond the reach of the line, 0.3 to 3 % of the mean for phantoms and scanners in
`docs/which_reconstruction.md`). By the second, the mean over all angles of P in the outer 13 % of the line's path is
zero. Both are linear in the data. This is the continuity of x-space at the edges (Lu et al., IEEE TMI 32, 2013), but
without the tail of the response, which falls only as :math:`1/u^2` and would take up to 60 % of the first harmonic.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mpisim.kernels.equilibrium import langevin_prime
from recon.xspace.scan import Coefficients, LineScan

__all__ = ["chords", "deconvolved", "response", "restored", "x_space"]

_EDGE = 0.87  # of the reach, beyond which there is no tracer
_EDGE_POINTS = 32  # of the mean near each end
_COHERENT = 0.125  # of the reach: length of the correlation of the tracer
_LAMBDA = 1e-4  # of the deconvolution that restores the first harmonic
_LAMBDAS = 10.0 ** np.linspace(-8, 2, 81)
_PER_ANGLE = 6  # points of the quadrature for each unit of the largest argument of the response


def x_space(scan: LineScan, known: Coefficients, nodes: np.ndarray) -> np.ndarray:
    """Return x-space projections at nodes (node,) in m from the line's resting place; shape (angle, node, image).

    Beyond the path of the line they fall as 1/w^2, as the response does, from their mean in its outer 13 %: a jump
    there would make a bright ring.
    """
    inside = np.abs(nodes) < scan.reach
    values = np.einsum("akm,kn->anm", known.values, _series(scan, nodes[inside]))
    projections = np.zeros((values.shape[0], nodes.size, values.shape[2]))
    projections[:, inside] = values
    psi = np.linspace(0, math.acos(_EDGE), _EDGE_POINTS + 2)[1:-1]
    for side in (-1, 1):
        edge = side * scan.reach * np.cos(psi)
        weights = edge**2 * np.sin(psi) / np.sin(psi).sum()
        tail = np.einsum("akm,kn,n->am", known.values, _series(scan, edge), weights)
        beyond = ~inside & (np.sign(nodes) == side)
        projections[:, beyond] = tail[:, None] / nodes[beyond, None] ** 2
    return projections


def _series(scan: LineScan, places: np.ndarray) -> np.ndarray:
    """Return the polynomials U_(k-1) at places (node,) in m within the path of the line; shape (harmonic, node)."""
    psi = np.arccos(places / scan.reach)
    return np.sin(np.outer(scan.harmonics, psi)) / np.sin(psi)


def response(scan: LineScan, nodes: np.ndarray) -> np.ndarray:
    """Return the coefficients of a point of the area 1 at each node, :math:`d_k(u)` in 1/m; shape (harmonic, node)."""
    largest = float(scan.steepness.max()) * scan.reach
    count = max(8 * scan.harmonics.size, math.ceil(_PER_ANGLE * largest), 64)
    psi = (np.arange(count) + 0.5) / count * np.pi
    distance = nodes[:, None] - scan.reach * np.cos(psi)
    seen = np.zeros_like(distance)
    for steepness, share in zip(scan.steepness, scan.shares, strict=True):
        seen += share * steepness / 2 * langevin_prime(steepness * distance)
    return (2 / count) * (np.sin(np.outer(scan.harmonics, psi)) * np.sin(psi)) @ seen.T


def chords(angles: np.ndarray, nodes: np.ndarray, center: tuple[float, float], fov: tuple[float, float]) -> np.ndarray:
    """Return the length of the line in a rectangle.

    Parameters
    ----------
    angles
        Angles of the line's normal in rad, shape (angle,).
    nodes
        Distances of the line from the origin along its normal in m, shape (angle, node).
    center, fov
        Centre and edges (x, y) of the rectangle in m.

    Returns
    -------
    numpy.ndarray
        Lengths in m, shape (angle, node).
    """
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    distance = np.abs(nodes - center[0] * cos - center[1] * sin)
    a, b = np.abs(cos) * fov[0] / 2, np.abs(sin) * fov[1] / 2
    longest = np.minimum(fov[0] / np.maximum(np.abs(sin), 1e-12), fov[1] / np.maximum(np.abs(cos), 1e-12))
    slope = np.maximum(2 * np.minimum(a, b), 1e-3 * (a + b))  # no jump, which rounding could move
    return longest * np.clip((a + b - distance) / slope, 0, 1)


def deconvolved(
    scan: LineScan, known: Coefficients, step: float, nodes: np.ndarray, prior: np.ndarray, regularisation: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return projections without the response of the particles.

    Parameters
    ----------
    scan, known
        The scan and its coefficients.
    step, nodes
        Distance of nodes, and nodes (node,) from the line's resting place, in m.
    prior
        W, the length of the line in the field of view in m, shape (angle, node).
    regularisation
        Lambda, without unit; None takes the most likely one of each image.

    Returns
    -------
    numpy.ndarray
        Projections in m, shape (angle, node, image).
    numpy.ndarray
        Lambda of each image, shape (image,).
    """
    roots, root = np.sqrt(known.weights), np.sqrt(prior)
    blurred = np.einsum("ak,kn,an->akn", roots, response(scan, nodes), root)
    smooth = _correlated(blurred, step, scan.reach * _COHERENT)
    kernel = step * np.einsum("akn,aln->akl", blurred, smooth)
    data = roots[..., None] * known.values
    mean = float(np.trace(kernel, axis1=1, axis2=2).sum() / np.count_nonzero(known.known))
    values, vectors = np.linalg.eigh(kernel / mean)
    rotated = np.einsum("akl,akm->alm", vectors, data)
    if regularisation is None:
        chosen = np.array([_most_likely(values, z, known.known.sum(axis=1)) for z in np.moveaxis(rotated, 2, 0)])
    else:
        chosen = np.full(data.shape[2], float(regularisation))
    solved = np.einsum("akl,alm->akm", vectors, rotated / (values[..., None] + chosen)) / mean
    return np.einsum("an,akn,akm->anm", root, smooth, solved), chosen


def _correlated(rows: np.ndarray, step: float, length: float) -> np.ndarray:
    """Return rows (angle, harmonic, node) times E, the convolution with exp(-|u| / length) of the integral 1."""
    count = rows.shape[2]
    distance = step * np.abs(np.fft.fftfreq(2 * count, 1 / (2 * count)))
    kernel = np.exp(-distance / length)
    gain = np.fft.rfft(kernel / kernel.sum()).real
    return np.fft.irfft(np.fft.rfft(rows, 2 * count, axis=2) * gain, 2 * count, axis=2)[..., :count]


def _most_likely(values: np.ndarray, data: np.ndarray, counts: np.ndarray) -> float:
    """Return the lambda under which data are most likely.

    `values` (angle, harmonic), ascending, are the eigenvalues of the covariance of the signal over their mean, and
    `data` (angle, harmonic) those of the measurement along its eigenvectors, of which the last `counts` (angle,) were
    measured.
    """
    measured = np.arange(values.shape[1]) >= values.shape[1] - counts[:, None]
    signal, power = np.maximum(values[measured], 0), data[measured] ** 2
    if not power.any():
        return 1.0
    spread = signal + _LAMBDAS[:, None]
    cost = power.size * np.log((power / spread).sum(axis=1)) + np.log(spread).sum(axis=1)
    return float(_LAMBDAS[int(np.argmin(cost))])


def restored(scan: LineScan, known: Coefficients, step: float, nodes: np.ndarray, prior: np.ndarray) -> Coefficients:
    """Return the coefficients with the first one, where it was not measured, from the two conditions of the module.

    The arguments are those of `deconvolved`; the line reaches beyond its edges where its path is shorter than the
    nodes.
    """
    if known.known[:, 0].all():
        return known
    odd = scan.harmonics[2::2]
    rest = np.einsum("akm,k->am", known.values[:, 2::2], 1 / odd)
    beyond = (np.abs(nodes) > _EDGE * scan.reach) & (np.abs(nodes) <= scan.reach)
    count = max(1, np.count_nonzero(beyond))
    total, measured = 0.0, np.zeros(known.values.shape[2])
    points = response(scan, nodes)
    for angle, weight in enumerate(prior):
        use = known.known[angle].copy()
        use[0] = True
        blurred = points[use]
        kernel = step * (blurred * weight) @ blurred.T
        kernel += _LAMBDA * np.trace(kernel) / len(kernel) * np.eye(len(kernel))
        edge = np.linalg.solve(kernel, blurred[:, beyond] @ weight[beyond]) / count
        values = known.values[angle, use].copy()
        values[0] = -rest[angle]
        total += edge[0]
        measured += edge @ values
    first = -measured / total - rest
    values, weights = known.values.copy(), known.weights.copy()
    values[:, 0] = first
    recorded = np.where(known.known, known.weights, np.nan)
    weights[:, 0] = np.nanmedian(recorded, axis=1) if known.known.any(axis=1).all() else np.nanmedian(recorded)
    return replace(known, values=values, weights=weights)
