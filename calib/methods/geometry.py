r"""Where the voxels of a grid lie about the axis of the scanner, as a fit of rows needs it.

The line of a field-free-line scanner turns about the axis x = y = 0 of the coordinates. A row of an ideal scanner is
therefore a function of :math:`u = x\cos\theta + y\sin\theta` that is even or odd about u = 0, wherever the grid lies.
With the numbers i, j of the voxels counted from that axis, :math:`x = h_x i`, :math:`y = h_y j`,

.. math:: u = h_x\,(i\cos\theta + a\,j\sin\theta) \propto i\cos\theta' + j\sin\theta', \qquad
          \tan\theta' = a\tan\theta, \quad a = h_y / h_x :

counted in voxels, a row on oblong voxels is a row on square ones at another angle, with a stretched profile.

Where the factor does not divide the grid, the last blocks reach over its edge: their means are those of fewer voxels,
whose centre is not that of a whole block (`mpisim.data.sampling`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from mpisim.data.blocks import filling
from mpisim.data.grid import Grid
from mpisim.data.sampling import PositionSampling, Sampling
from mpisim.errors import warn

__all__ = ["CENTERED", "Geometry"]

_TOLERANCE = 1e-4  # in voxels: what rounding leaves in the coordinates of files
_ALONG = 0.01  # rad, twice: what is an angle along an axis of the grid
_APART = 0.01  # distances that differ, in shorter edges of a voxel
_FARTHEST = 16.0  # half diagonals of the grid


class Geometry(NamedTuple):
    """The voxels of a fine grid about the axis of the scanner.

    Parameters
    ----------
    aspect
        Edge of a voxel along y over that along x.
    x, y
        Centre of the grid in voxels, counted from the axis.
    over
        Voxels along y and x by which the last blocks reach over the edge of the grid.
    """

    aspect: float = 1.0
    x: float = 0.0
    y: float = 0.0
    over: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, coarse: xr.Dataset, warned: bool = True) -> Geometry:
        """Return the geometry of the fine grid of a coarse matrix, from its coordinates.

        A grid that lies more than eight of its diagonals away is taken to be centred on the axis, with a warning: its
        coordinates are hardly counted from the axis. With `warned` False the warning is left
        to the method that recovers the matrix.
        """
        sampling = Sampling.of(coarse)
        grid = sampling.fine_grid(Grid.of(coarse))
        hx, hy = grid.voxel[:2]
        aspect, x, y = (_snapped(v) for v in (hy / hx - 1, grid.center[0] / hx, grid.center[1] / hy))
        if np.hypot(grid.center[0], grid.center[1]) > _FARTHEST * np.hypot(grid.fov[0], grid.fov[1]) / 2:
            x, y = 0.0, 0.0
            if warned:
                warn(
                    f"The centre of the grid is {1e3 * np.hypot(grid.center[0], grid.center[1]):.0f} mm away from the "
                    "scanner's axis x = y = 0; rows are fitted as if the axis were at the centre of the grid."
                )
        nx, ny = grid.shape[:2]
        whole = sampling.filling is None or isinstance(sampling, PositionSampling)
        over = (0, 0) if whole else (-ny % sampling.factor, -nx % sampling.factor)
        return cls(1 + aspect, x, y, over)

    def fine_shape(self, factor: int, height: int, width: int) -> tuple[int, int]:
        """Return the shape (H, W) of the fine rows of `height` x `width` blocks of factor x factor voxels."""
        return factor * height - self.over[0], factor * width - self.over[1]

    def share(self, factor: int, height: int, width: int) -> np.ndarray | None:
        """Return the share of its voxels that each of these blocks has, (height, width); None where all are whole."""
        return filling(self.fine_shape(factor, height, width), factor) if any(self.over) else None

    @property
    def edges(self) -> tuple[float, float]:
        """Edges of a voxel along x and y, in units of the shorter one."""
        return max(1.0, 1 / self.aspect), max(1.0, self.aspect)

    def places(self, height: int, width: int, block: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Return y and x of the centres of `height` x `width` blocks of voxels, in voxels from the axis.

        The centre of a block over the edge is that of its voxels in the grid.
        """
        y, x = (block * (np.arange(n) - (n - 1) / 2) for n in (height, width))
        if block > 1 and any(self.over):
            y, x = y + self.over[0] / 2, x + self.over[1] / 2
            y[-1], x[-1] = y[-1] - self.over[0] / 2, x[-1] - self.over[1] / 2
        return y + self.y, x + self.x

    def period(self, height: float, width: float, edges: tuple[float, float] = (1.0, 1.0)) -> float:
        """Return the period of Fourier features on a grid: 1.5 times what distances from the axis to both sides span.

        `height` and `width` are in voxels; `edges` along x and y put the result in other units.
        """
        reach_y, reach_x = edges[1] * (height + 2 * abs(self.y)), edges[0] * (width + 2 * abs(self.x))
        return 1.5 * float(np.hypot(reach_y, reach_x))

    def columns(self, angles: np.ndarray, height: int, width: int, block: int) -> int | None:
        """Return at how many distances from the axis block means show a profile, if all rows are along the grid's axes.

        For other angles (rad) the distances are many, and None is returned. Along an axis, all blocks of a column are
        at one distance |u|. `height` and `width` count blocks, whose edge is `block` voxels.
        """
        if np.any(np.abs(np.sin(2 * np.asarray(angles, dtype=float))) > _ALONG):
            return None
        hx, hy = self.edges
        y, x = self.places(height, width, block)
        steep = np.abs(np.sin(angles)) > 0.5
        places = [*(hx * x if not steep.all() else []), *(hy * y if steep.any() else [])]
        return 1 + int(np.sum(np.diff(np.sort(np.abs(places))) > _APART))

    def directions(self, angles: np.ndarray) -> np.ndarray:
        """Return angles, in rad from 0 to pi, as they appear where voxels are counted (theta' of the module)."""
        return angles if self.aspect == 1 else np.arctan2(self.aspect * np.sin(angles), np.cos(angles))


CENTERED = Geometry()
"""Square voxels, centred on the axis."""


def _snapped(value: float) -> float:
    return 0.0 if abs(value) < _TOLERANCE else round(float(value), 6)
