r"""How many points of a sample a simulation needs.

A row is an analytic function of the position. Its singularities nearest to the real axis are those of the Langevin
function, :math:`d = \pi/(\beta G)` away where the field changes by :math:`G` per metre. The error of n Gauss-Legendre
points on the length :math:`e` falls as :math:`\rho^{-2n}` with :math:`\rho = s + \sqrt{s^2 + 1}` and
:math:`s = 2 d/e` (the ellipse of analyticity with the foci at the ends). On the protocol's scanners, sizes and samples
of 1 to 8 mm the error of a matrix was between .1 and 2.5 times that wherever it was above 1e-4; high harmonics have
most of it.
"""

from __future__ import annotations

import numpy as np

from mpisim.data.grid import Grid
from mpisim.errors import warn
from mpisim.particles.protocol import Magnetisation, relaxing_sizes_of
from mpisim.scanner.protocol import Scanner
from mpisim.simulation.sample import Sample

__all__ = ["warn_of_few_points"]

_LARGEST, _AIM = 0.03, 1e-3
"""Estimated error above which there is a warning, and that of the number which it names."""
_ANGLES = 8
_MOST = 200


def warn_of_few_points(scanner: Scanner, particle: Magnetisation, grid: Grid, sample: Sample) -> None:
    """Warn where a sample has too few points for the steepness of the rows, and name a number that is enough.

    One point is taken as what it is: the field at the sample's centre.
    """
    sizes = relaxing_sizes_of(particle)
    if sample.points == 1 or sizes is None:
        return
    gradients = _gradients(scanner, grid, sample)
    error = _error(sample, sample.points, grid, gradients, sizes.betas, sizes.shares)
    if error > _LARGEST:
        counts = range(sample.points + 1, _MOST)
        enough = (n for n in counts if _error(sample, n, grid, gradients, sizes.betas, sizes.shares) <= _AIM)
        wanted = next(enough, _MOST)
        warn(
            f"{sample.points} points along a voxel's edge are too few for this sample, tracer and selection field: "
            f"errors up to about {float(f'{100 * error:.1g}'):g} % are to be expected; take points={wanted} of the "
            "sample."
        )


def _gradients(scanner: Scanner, grid: Grid, sample: Sample) -> np.ndarray:
    """Largest change of the selection field along x, y and z in T/m at the centre of the grid; shape (axis,)."""
    step = 0.5 * np.diag(sample.edges(grid))
    center = sample.placed(np.array(grid.center))
    angles = scanner.sequence.angles
    fields = [
        scanner.selection_field(np.stack([center - step, center + step]), angle)
        for angle in angles[:: max(1, len(angles) // _ANGLES)]
    ]
    changes = [np.linalg.norm(high - low, axis=-1) for low, high in fields]
    return np.max(changes, axis=0) / np.array(sample.edges(grid))


def _error(
    sample: Sample, points: int, grid: Grid, gradients: np.ndarray, betas: np.ndarray, shares: np.ndarray
) -> float:
    """Estimated relative error of the mean over a sample with so many points on a voxel's edge."""
    errors = []
    for gradient, (length, count) in zip(gradients, sample.panels(grid), strict=True):
        if count and gradient > 0:
            ratio = 2 * np.pi / (betas * gradient * length)
            errors.append(float(shares @ (ratio + np.hypot(ratio, 1)) ** (-2.0 * count * points)))
    return max(errors, default=0.0)
