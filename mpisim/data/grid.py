"""The voxels of a field of view, and the sample that is moved over them.

Voxel i of n along an axis of length F centred at c has its centre at c + (i + 1/2) F/n - F/2. Arrays run (y, x), or
(z, y, x), with x fastest; shapes and lengths are given in the order x, y[, z].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mpisim.errors import numbers_of, positive, require, whole

__all__ = ["Grid"]


@dataclass(frozen=True)
class Grid:
    """A regular grid of voxels.

    Parameters
    ----------
    shape
        Voxels along x, y and, optionally, z.
    fov
        Edge lengths of the field of view along the same axes, in m.
    center
        Centre of the field of view (x, y, z) in m. A grid without z lies in the plane z = center[2].

    Raises
    ------
    InputError
        If the numbers of axes differ, a count is below 1 or a length is not positive.
    """

    shape: tuple[int, ...] = (32, 32)
    fov: tuple[float, ...] = (0.032, 0.032)
    center: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        axes = len(numbers_of("grid shape", self.shape))
        require(axes in (2, 3), "grid shape", "two or three counts (x, y[, z])", self.shape)
        require(len(numbers_of("grid fov", self.fov)) == axes, "grid fov", f"{axes} lengths", self.fov)
        require(len(numbers_of("grid center", self.center)) == 3, "grid center", "three coordinates", self.center)
        object.__setattr__(self, "shape", tuple(whole("grid shape", n) for n in self.shape))
        require(math.prod(self.shape) <= 2**31, "grid shape", "of at most 2^31 voxels", self.shape)
        object.__setattr__(self, "fov", tuple(positive("grid fov", f) for f in self.fov))
        object.__setattr__(self, "center", tuple(float(c) for c in self.center))

    def axis(self, index: int) -> np.ndarray:
        """Voxel centres in m along x (0), y (1) or z (2), ascending; one at the plane for a grid without z."""
        if index >= len(self.shape):
            return np.array([self.center[index]])
        n, length = self.shape[index], self.fov[index]
        return self.center[index] + ((np.arange(n) + 0.5) / n - 0.5) * length

    @property
    def voxel(self) -> tuple[float, ...]:
        """Edge lengths of a voxel along x, y[, z] in m."""
        return tuple(f / n for f, n in zip(self.fov, self.shape, strict=True))

    def refined(self, factor: int) -> Grid:
        """Return the same field of view with `factor` times as many voxels along x and y."""
        nx, ny, *rest = self.shape
        return Grid((nx * factor, ny * factor, *rest), self.fov, self.center)

    def centers(self) -> np.ndarray:
        """Voxel centres, shape (voxel, 3), in m, x fastest."""
        z, y, x = np.meshgrid(self.axis(2), self.axis(1), self.axis(0), indexing="ij")
        return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=-1)
