r"""Points over coarse samples and over voxels, and times of the drive, as many as the scanner's steepness needs.

The flux has poles where :math:`\beta |b + a s| = i\pi`. In the plane they lie at least
:math:`\delta = \pi X_0 / \beta` beside the real coordinates, so that Gauss-Legendre quadrature with n points over an
edge e errs by :math:`\rho^{-2n}`, :math:`\rho = z + \sqrt{1 + z^2}`, :math:`z = 2\delta/e`. In time they lie at least
:math:`\operatorname{arsinh}(\pi/\beta)` beside the real phase, so that N samples of a period err in harmonic k by
:math:`e^{-(N - 2k)\operatorname{arsinh}(\pi/\beta)}` of it. Of sizes that differ, those a standard deviation larger
than the median are taken for :math:`\beta`.

A coarse value is the mean over voxels, that of a voxel the mean over the sample there. Where the sample fills the
voxel, that is one mean over the block; at the edge of a grid the block has only the voxels that lie in the grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from calib.methods.physical.kernels import MARGIN
from mpisim.data.grid import Grid
from mpisim.data.sampling import PositionSampling, RandomSampling, Sampling

__all__ = ["Rule", "edge_points", "half_period", "measured_rule", "voxel_rule"]

_FEWEST, _MOST = 2, 24
_ROUGH = 0.02  # tolerance above which one point is enough
_VECTOR = 8  # times are padded to a multiple of this
_SAME = 1e-6
Edges = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Rule:
    """Points about the centre of the grid in units of R, (value, point, 2), and their weights, (value, point)."""

    points: np.ndarray
    weights: np.ndarray


def edge_points(edge: float, steepness: float, reach: float, tolerance: float) -> int:
    """Return the Gauss-Legendre points that an edge needs.

    Parameters
    ----------
    edge
        Its length in units of R.
    steepness, reach
        beta and X_0.
    tolerance
        Error of a mean, relative to the field's largest flux.
    """
    z = 2 * np.pi * reach / (steepness * edge)
    needed = np.ceil(np.log(1 / tolerance) / (2 * np.arcsinh(z)))
    return int(np.clip(needed, 1 if tolerance > _ROUGH else _FEWEST, _MOST))


def half_period(harmonics: np.ndarray, steepness: float, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the sines of the drive's phase (time,) and the projections of the kernels (projection, time)."""
    periods = 2 * harmonics[-1] + np.log(1 / tolerance) / np.arcsinh(np.pi / steepness)
    times = max(int(np.ceil(periods / 2)), int(harmonics[-1]) + MARGIN + 1)
    times += -times % _VECTOR
    phase = ((np.arange(times) + 0.5) / times - 0.5) * np.pi
    k = np.arange(harmonics[0] - MARGIN, harmonics[-1] + MARGIN + 1)[:, None]
    return np.sin(phase), np.where(k % 2 == 0, np.cos(k * phase), np.sin(k * phase)) / times


def measured_rule(sampling: Sampling, fine: Grid, sample: Edges | None, resolution: tuple[float, float, float]) -> Rule:
    """Return the points of the values that a sampling measures on a fine grid.

    Parameters
    ----------
    sampling, fine
        How it was measured; for random voxels the values are those of the mask, row by row.
    sample
        Edges (x, y) in m of the sample whose signal a voxel of the fine matrix is; None for the voxel itself.
    resolution
        Steepness, reach and tolerance, as in `edge_points`.
    """
    if isinstance(sampling, RandomSampling):
        return _of(fine, sampling.mask, 1, sample, resolution)
    if isinstance(sampling, PositionSampling):
        x, y = (_along_samples(sampling, fine, axis, sample, resolution) for axis in (0, 1))
        every = np.arange(len(sampling.centers))
        return _paired(x, y, every, every)
    count = sampling.factor if sampling.scheme == "box" else 1
    axes = [
        _along(fine, axis, np.arange(0, fine.shape[axis], sampling.factor), count, sample, resolution)
        for axis in (0, 1)
    ]
    return _product(axes[0], axes[1], None)


def voxel_rule(fine: Grid, sample: Edges | None, resolution: tuple[float, float, float]) -> Rule:
    """Return the points of all voxels of a fine grid, x fastest; parameters as in `measured_rule`."""
    return _of(fine, None, 1, sample, resolution)


def _of(
    fine: Grid, mask: np.ndarray | None, count: int, sample: Edges | None, resolution: tuple[float, float, float]
) -> Rule:
    axes = [_along(fine, axis, np.arange(fine.shape[axis]), count, sample, resolution) for axis in (0, 1)]
    return _product(axes[0], axes[1], mask)


@lru_cache(maxsize=64)
def _gauss(points: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(points)


def _along(
    fine: Grid, axis: int, starts: np.ndarray, count: int, sample: Edges | None, resolution: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights (block, point) along x (0) or y (1) of blocks of `count` voxels from the voxels `starts` on."""
    scale, edge = max(fine.fov[:2]) / 2, fine.voxel[axis]
    own = edge if sample is None else sample[axis]
    counts = np.minimum(count, fine.shape[axis] - starts)
    first = (starts - fine.shape[axis] / 2) * edge / scale
    if abs(own / edge - 1) < _SAME:
        nodes, weights = _gauss(edge_points(count * edge / scale, *resolution))
        lengths = counts[:, None] * edge / scale
        return first[:, None] + lengths * (nodes + 1) / 2, np.tile(weights / 2, (len(starts), 1))
    nodes, weights = _gauss(edge_points(own / scale, *resolution))
    centers = first[:, None] + (np.arange(count) + 0.5) * edge / scale
    there = np.arange(count) < counts[:, None]
    places = np.where(there, centers, centers[:, :1])[..., None] + own / scale * nodes / 2
    shares = (there / counts[:, None])[..., None] * weights / 2
    return places.reshape(len(starts), -1), shares.reshape(len(starts), -1)


def _along_samples(
    sampling: PositionSampling, fine: Grid, axis: int, sample: Edges | None, resolution: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights (position, point) along x (0) or y (1) of samples at any positions, some of weight 0.

    Voxels that a sample covers completely are one piece, a voxel that it covers in part is a piece of its share.
    """
    scale, edge = max(fine.fov[:2]) / 2, fine.voxel[axis]
    own, voxels = (edge if sample is None else sample[axis]), fine.shape[axis]
    fills, shares, found = abs(own / edge - 1) < _SAME, sampling.shares(axis), []
    for share in shares:
        covered = np.flatnonzero(share)
        starts = [i for i in covered if not fills or i == covered[0] or share[i] != 1 or share[i - 1] != 1]
        counts = np.diff([*starts, covered[-1] + 1])
        pieces = []
        for start, count in zip(starts, counts, strict=True):
            nodes, weights = _gauss(edge_points((count * edge if fills else own) / scale, *resolution))
            middle = (start + count / 2 - voxels / 2) * edge / scale
            length = (count * edge if fills else own) / scale
            pieces.append((middle + length * nodes / 2, count * share[start] * weights / 2 / share.sum()))
        found.append(tuple(np.concatenate(part) for part in zip(*pieces, strict=True)))
    most = max(len(nodes) for nodes, _ in found)
    nodes = np.stack([np.pad(n, (0, most - len(n)), mode="edge") for n, _ in found])
    return nodes, np.stack([np.pad(w, (0, most - len(w))) for _, w in found])


def _product(x: tuple[np.ndarray, np.ndarray], y: tuple[np.ndarray, np.ndarray], mask: np.ndarray | None) -> Rule:
    """Product of the rules along x and y, of the places of a mask (y, x) or of all, x fastest."""
    rows, columns = np.nonzero(np.ones((len(y[0]), len(x[0])), bool) if mask is None else mask)
    return _paired(x, y, rows, columns)


def _paired(
    x: tuple[np.ndarray, np.ndarray], y: tuple[np.ndarray, np.ndarray], rows: np.ndarray, columns: np.ndarray
) -> Rule:
    """Product of the rules along x and y, of one place of x, `columns`, and one of y, `rows`, for each value."""
    shape = (len(rows), y[0].shape[1], x[0].shape[1])
    along_x, along_y = (np.broadcast_to(v, shape) for v in (x[0][columns][:, None, :], y[0][rows][:, :, None]))
    points = np.stack([along_x, along_y], axis=-1).reshape(len(rows), -1, 2)
    weights = (y[1][rows][:, :, None] * x[1][columns][:, None, :]).reshape(len(rows), -1)
    return Rule(points, weights)
