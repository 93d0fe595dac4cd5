r"""The tracer sample that a calibration moves over the voxels.

Its signal is that of the whole sample: its number of particles, concentration times volume, times the mean over its
points. The mean over an edge is a composite Gauss-Legendre rule with :math:`n` points on each voxel's length, exact for
polynomials of degree :math:`2n - 1`; over the rectangle or the cuboid it is the product of these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mpisim.data.grid import Grid
from mpisim.errors import numbers_of, positive, require, warn, whole, within

__all__ = ["Sample"]

_LENGTHS = (1e-6, 0.5)  # m


@lru_cache(maxsize=64)
def _composite_rule(edge: float, panels: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and weights of `points` Gauss-Legendre points on each of the `panels` of an edge; read-only."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    starts = np.arange(panels)[:, None]
    offsets = edge * ((starts + (nodes + 1) / 2) / panels - 0.5)
    rule = offsets.ravel(), np.tile(weights / (2 * panels), panels)
    for values in rule:
        values.flags.writeable = False
    return rule


@dataclass(frozen=True)
class Sample:
    """The tracer sample whose signal is one column of a system matrix.

    Parameters
    ----------
    size
        Edge lengths along x and y in m, from 1e-6 to 0.5; None, the default, fills one voxel of the grid.
    height
        Edge length along z in m, from 1e-6 to 0.5. It scales the volume; the field is averaged over it only where
        `thick` is set.
    concentration
        Particles per m^3. 1e20 is about 3 mg of iron per ml for magnetite cores of 25 nm.
    thick
        Whether the mean is over the height too (off the plane the selection field has other components than z); the
        default is the mean over the rectangle in the plane of the grid.
    points
        Gauss-Legendre points along each edge of a voxel.

    Raises
    ------
    InputError
        If a length is not in its range, the concentration is not positive, or `points` is below 1.
    """

    size: tuple[float, float] | None = None
    height: float = 1e-3
    concentration: float = 1e20
    thick: bool = False
    points: int = 4

    def __post_init__(self) -> None:
        if self.size is not None:
            require(len(numbers_of("sample size", self.size)) == 2, "sample size", "two lengths (x, y)", self.size)
            object.__setattr__(self, "size", tuple(within("sample size", s, *_LENGTHS, "m") for s in self.size))
        object.__setattr__(self, "height", within("sample height", self.height, *_LENGTHS, "m"))
        object.__setattr__(self, "concentration", positive("sample concentration", self.concentration))
        object.__setattr__(self, "points", whole("sample points", self.points))
        object.__setattr__(self, "thick", bool(self.thick))

    def edges(self, grid: Grid) -> tuple[float, float, float]:
        """Edge lengths (x, y, z) in m on this grid."""
        along_x, along_y = self.size or grid.voxel[:2]
        height = grid.voxel[2] if len(grid.shape) == 3 and self.size is None else self.height
        return along_x, along_y, height

    def warn_beyond(self, grid: Grid) -> None:
        """Warn of a sample that is larger than the field of view of a grid."""
        if any(edge > (1 + 1e-9) * length for edge, length in zip(self.edges(grid), grid.fov[:2], strict=False)):
            sample, fov = (" x ".join(f"{1e3 * n:.6g}" for n in sizes[:2]) for sizes in (self.edges(grid), grid.fov))
            warn(f"The sample of {sample} mm is larger than the field of view of {fov} mm.")

    def particles(self, grid: Grid) -> float:
        """Number of particles in the sample."""
        return self.concentration * math.prod(self.edges(grid))

    def axis_rule(self, index: int, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """Offsets in m and weights with the sum 1 of the mean along x (0), y (1) or z (2), shape (point,) each.

        `points` Gauss-Legendre points on each voxel's length make a sample of several voxels exactly the mean of those
        voxels.
        """
        if index == 2 and not self.thick:
            return np.zeros(1), np.ones(1)
        edge = self.edges(grid)[index]
        voxel = grid.voxel[index] if index < len(grid.shape) else edge
        panels = max(1, round(edge / voxel))
        return _composite_rule(edge, panels, self.points)

    def rule(self, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """Offsets in m, shape (point, 3), and weights with the sum 1, shape (point,), of the mean over the sample."""
        offsets, weights = zip(*(self.axis_rule(i, grid) for i in range(3)), strict=True)
        points = np.stack([o.ravel() for o in np.meshgrid(*offsets, indexing="ij")], axis=-1)
        return points, np.einsum("i,j,k->ijk", *weights).ravel()
