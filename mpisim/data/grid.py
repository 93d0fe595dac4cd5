"""The voxels of a field of view.

Voxel i of n along an axis of length F centred at c has its centre at c + (i + 1/2) F/n - F/2. Arrays run (y, x), or
(z, y, x), with x fastest; shapes and lengths are given in the order x, y[, z].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from mpisim.errors import numbers_of, require, whole, within

__all__ = ["AXES", "Grid"]

AXES = ("x", "y", "z")

_LENGTHS = (1e-6, 2.0)  # m


@dataclass(frozen=True)
class Grid:
    """A regular grid of voxels.

    Parameters
    ----------
    shape
        Voxels along x, y and, optionally, z.
    fov
        Edge lengths of the field of view along the same axes in m, from 1e-6 to 2.
    center
        Centre of the field of view (x, y, z) in m, each at most 2. A grid without z lies in the plane z = center[2].

    Raises
    ------
    InputError
        If the numbers of axes differ, a count is below 1 or a length is out of range.
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
        object.__setattr__(self, "fov", tuple(within("grid fov", f, *_LENGTHS, "m") for f in self.fov))
        far = [c for c in self.center if abs(c) > _LENGTHS[1]]
        require(not far, "grid center", f"at most {_LENGTHS[1]:g} m from the origin", self.center)
        object.__setattr__(self, "center", tuple(float(c) for c in self.center))

    @classmethod
    def of(cls, data: xr.Dataset) -> Grid:
        """Return the voxels of a system matrix or an image, from its coordinates.

        What coordinates do not say is taken from the attribute `grid` of the file: the field of view along an axis of
        one voxel (1 mm if that is missing, too), and the plane z of a grid without z (0). That of a coarse matrix of
        positions is its fine grid, which its attribute `sampling` states.
        """
        if "position" in data.dims:
            return _stated(data)
        known = data.attrs.get("grid")
        known = known if isinstance(known, dict) else {}
        center = [0.0, 0.0, float(known["center"][2]) if "center" in known else 0.0]
        shape, fov = [], []
        for index, name in enumerate(n for n in AXES if n in data.dims):
            values = data[name].values
            shape.append(values.size)
            lengths = known.get("fov", ())
            length = float(lengths[index]) if len(lengths) > index else 1e-3
            if values.size > 1:
                length = float(values[-1] - values[0]) * values.size / (values.size - 1)
            fov.append(length)
            center[index] = float(values[0] + values[-1]) / 2
        return cls(tuple(shape), tuple(fov), (center[0], center[1], center[2]))

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes of an array on the grid, slowest first: (y, x) or (z, y, x)."""
        return tuple(reversed(AXES[: len(self.shape)]))

    @property
    def array_shape(self) -> tuple[int, ...]:
        """Shape of an array on the grid, in the order of `dims`."""
        return tuple(reversed(self.shape))

    def coords(self) -> dict[str, np.ndarray]:
        """Voxel centres in m by name of the axis: x, y[, z]."""
        return {name: self.axis(i) for i, name in enumerate(AXES[: len(self.shape)])}

    def axis(self, index: int) -> np.ndarray:
        """Voxel centres in m along x (0), y (1) or z (2), ascending; one at the plane for a grid without z."""
        if index >= len(self.shape):
            return np.array([self.center[index]])
        n, length = self.shape[index], self.fov[index]
        return self.center[index] + ((np.arange(n) + 0.5) / n - 0.5) * length

    def edges(self, index: int) -> np.ndarray:
        """Faces between voxels in m along x (0), y (1) or z (2), ascending, one more than voxels."""
        n, length = self.shape[index], self.fov[index]
        return self.center[index] + (np.arange(n + 1) / n - 0.5) * length

    @property
    def voxel(self) -> tuple[float, ...]:
        """Edge lengths of a voxel along x, y[, z] in m."""
        return tuple(f / n for f, n in zip(self.fov, self.shape, strict=True))

    def refined(self, factor: int) -> Grid:
        """Return the same field of view with `factor` times as many voxels along x and y."""
        nx, ny, *rest = self.shape
        return Grid((nx * factor, ny * factor, *rest), self.fov, self.center)

    def coarsened(self, factor: int, partial: bool = False) -> Grid:
        """Return the same field of view with voxels `factor` times as large along x and y.

        The first large voxel begins with the first small one. Where the factor does not divide a count and `partial`
        allows it, the last large voxel reaches beyond the field of view, so that all are equally far apart.

        Raises `InputError` unless the factor divides both counts or `partial` is given.
        """
        nx, ny, *rest = self.shape
        divides = nx % whole("factor", factor) == 0 and ny % factor == 0
        require(divides or partial, "factor", f"a divisor of the grid {nx} x {ny}", factor)
        if divides:
            return Grid((nx // factor, ny // factor, *rest), self.fov, self.center)
        counts = (-(-nx // factor), -(-ny // factor))
        return self._resized(counts[0] * factor, counts[1] * factor).coarsened(factor)

    def first(self, nx: int, ny: int) -> Grid:
        """Return the grid of the first nx and ny voxels along x and y.

        Raises `InputError` if there are not so many.
        """
        fits = 0 < nx <= self.shape[0] and 0 < ny <= self.shape[1]
        require(fits, "first voxels", f"at most {self.shape[0]} x {self.shape[1]}", f"{nx} x {ny}")
        return self if (nx, ny) == self.shape[:2] else self._resized(nx, ny)

    def _resized(self, nx: int, ny: int) -> Grid:
        """Return voxels of the same size, as many as said along x and y, from the same first one on."""
        (dx, dy), (x, y, z) = self.voxel[:2], self.center
        center = (x + (nx - self.shape[0]) * dx / 2, y + (ny - self.shape[1]) * dy / 2, z)
        return Grid((nx, ny, *self.shape[2:]), (nx * dx, ny * dy, *self.fov[2:]), center)

    def shifted(self, x: float, y: float) -> Grid:
        """Return the grid moved by x and y in m."""
        return Grid(self.shape, self.fov, (self.center[0] + x, self.center[1] + y, self.center[2]))

    def centers(self) -> np.ndarray:
        """Voxel centres, shape (voxel, 3), in m, x fastest."""
        z, y, x = np.meshgrid(self.axis(2), self.axis(1), self.axis(0), indexing="ij")
        return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=-1)


def _stated(coarse: xr.Dataset) -> Grid:
    """Return the fine grid that a coarse dataset of positions states; raise `InputError` if it states none."""
    stated = coarse.attrs.get("sampling")
    grid = stated.get("grid") if isinstance(stated, Mapping) else None
    good = isinstance(grid, Mapping) and {"shape", "fov", "center"} <= set(grid)
    must = "a mapping with the fine grid (shape, fov, center) where a dataset has the dimension position"
    require(good, "sampling", must, repr(stated))
    assert isinstance(grid, Mapping)
    return Grid(tuple(grid["shape"]), tuple(grid["fov"]), tuple(grid["center"]))
