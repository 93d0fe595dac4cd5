"""SPLIT: to be written."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mpisim.data.grid import Grid
from mpisim.errors import numbers_of, positive, require, whole

__all__ = ["Sample"]


@dataclass(frozen=True)
class Sample:
    """The tracer sample whose signal is one column of a system matrix.

    The signal is that of the whole sample: the mean over its points times its volume times the concentration.

    Parameters
    ----------
    size
        Edge lengths along x and y in m; None, the default, fills one voxel of the grid.
    height
        Edge length along z in m. It scales the volume; the field is averaged over it only where `thick` is set.
    concentration
        Particles per m^3. 1e20 is some 3 mg iron per ml for 25 nm magnetite cores.
    thick
        Average over the height too (the selection field leaves the z direction out of the plane); the default
        averages over the square in the plane of the grid.
    points
        Gauss-Legendre points along each edge of a voxel.

    Raises
    ------
    InputError
        If a length or the concentration is not positive, or `points` is below 1.
    """

    size: tuple[float, float] | None = None
    height: float = 1e-3
    concentration: float = 1e20
    thick: bool = False
    points: int = 4

    def __post_init__(self) -> None:
        if self.size is not None:
            require(len(numbers_of("sample size", self.size)) == 2, "sample size", "two lengths (x, y)", self.size)
            object.__setattr__(self, "size", tuple(positive("sample size", s) for s in self.size))
        object.__setattr__(self, "height", positive("sample height", self.height))
        object.__setattr__(self, "concentration", positive("sample concentration", self.concentration))
        object.__setattr__(self, "points", whole("sample points", self.points))
        object.__setattr__(self, "thick", bool(self.thick))

    def edges(self, grid: Grid) -> tuple[float, float, float]:
        """Edge lengths (x, y, z) in m on this grid."""
        along_x, along_y = self.size or grid.voxel[:2]
        height = grid.voxel[2] if len(grid.shape) == 3 and self.size is None else self.height
        return along_x, along_y, height

    def particles(self, grid: Grid) -> float:
        """Number of particles in the sample."""
        return self.concentration * math.prod(self.edges(grid))

    def axis_rule(self, index: int, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """Quadrature offsets (m) and weights (summing to 1) of the mean along x (0), y (1) or z (2).

        The rule is composite, `points` Gauss-Legendre points on each voxel's length, so that a sample of several
        voxels is the mean of those voxels exactly.
        """
        if index == 2 and not self.thick:
            return np.zeros(1), np.ones(1)
        edge = self.edges(grid)[index]
        voxel = grid.voxel[index] if index < len(grid.shape) else edge
        panels = max(1, round(edge / voxel))
        nodes, weights = np.polynomial.legendre.leggauss(self.points)
        starts = np.arange(panels)[:, None]
        offsets = edge * ((starts + (nodes + 1) / 2) / panels - 0.5)
        return offsets.ravel(), np.tile(weights / (2 * panels), panels)
