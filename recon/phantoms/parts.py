r"""Phantoms as sums of rectangles, discs and pixels, sampled exactly on any grid.

A voxel's value is the concentration relative to the calibration sample's, times the fraction of the voxel that is
filled. The fraction is analytic, so amounts do not depend on the grid: the overlap of intervals for a rectangle and for
pixels, and for a disc of radius R four values of the area of its part below and left of a corner,

.. math:: Q(x, y) = \int_{-R}^{\min(x, R)} \left[\min(y, s(t)) + s(t)\right]_+ dt,\qquad s(t) = \sqrt{R^2 - t^2} .

On a grid with z a phantom is a prism through all slices. Lengths in m, positions relative to the scanner's centre.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mpisim import Grid
from mpisim.errors import numbers_of, require, within

__all__ = ["Disc", "Phantom", "Pixels", "Rectangle"]


def _check_lengths(name: str, center: tuple[float, float], lengths: tuple[float, ...]) -> None:
    """Refuse a part whose lengths can only be in another unit: edges from 1e-6 to 2 m, a centre within 2 m."""
    require(len(numbers_of(f"centre of the {name}", center)) == 2, f"centre of the {name}", "(x, y)", center)
    for length in lengths:
        within(f"length of the {name}", length, 1e-6, 2.0, "m")
    for position in center:
        within(f"centre of the {name}", position, -2.0, 2.0, "m")


@dataclass(frozen=True)
class Rectangle:
    """A rectangle with centre (x, y) and edge lengths (x, y) in m, and a relative concentration."""

    center: tuple[float, float]
    edges: tuple[float, float]
    concentration: float = 1.0

    def __post_init__(self) -> None:
        _check_lengths("rectangle", self.center, self.edges)

    @property
    def amount(self) -> float:
        """Concentration times area in m^2."""
        return self.concentration * math.prod(self.edges)

    def fractions(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the filled fraction of the voxels between edges x (nx + 1,) and y (ny + 1,) in m; shape (ny, nx)."""
        parts = []
        for edges, center, length in zip((x, y), self.center, self.edges, strict=True):
            inside = np.clip(edges, center - length / 2, center + length / 2)
            parts.append(np.diff(inside) / np.diff(edges))
        return np.outer(parts[1], parts[0])


@dataclass(frozen=True)
class Disc:
    """A disc with centre (x, y) and radius in m, and a relative concentration."""

    center: tuple[float, float]
    radius: float
    concentration: float = 1.0

    def __post_init__(self) -> None:
        _check_lengths("disc", self.center, (self.radius,))

    @property
    def amount(self) -> float:
        """Concentration times area in m^2."""
        return self.concentration * math.pi * self.radius**2

    def fractions(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the filled fraction of the voxels between edges x (nx + 1,) and y (ny + 1,) in m; shape (ny, nx)."""
        corners = _corner_area((x - self.center[0]) / self.radius, (y - self.center[1])[:, None] / self.radius)
        area = np.diff(np.diff(corners, axis=0), axis=1) * self.radius**2
        return area / np.outer(np.diff(y), np.diff(x))


@dataclass(frozen=True)
class Pixels:
    """An array of pixels with centre (x, y) and edge lengths (x, y) in m, and the concentration of the value 1.

    `values` (y, x) has its lowest y first; `digest` stands for them in comparisons and in files.
    """

    center: tuple[float, float]
    edges: tuple[float, float]
    values: np.ndarray = field(compare=False, repr=False)
    concentration: float = 1.0
    digest: str = field(init=False, default="")

    def __post_init__(self) -> None:
        _check_lengths("pixels", self.center, self.edges)
        values = np.array(self.values, dtype=float)
        values.flags.writeable = False
        object.__setattr__(self, "values", values)
        content = str(values.shape).encode() + np.ascontiguousarray(values).tobytes()
        object.__setattr__(self, "digest", hashlib.sha256(content).hexdigest())

    @property
    def amount(self) -> float:
        """Concentration times area in m^2."""
        return self.concentration * math.prod(self.edges) * float(self.values.mean())

    def fractions(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the mean value in the voxels between edges x (nx + 1,) and y (ny + 1,) in m; shape (ny, nx)."""
        rows, columns = self.values.shape
        along_x, along_y = (
            _overlaps(edges, center + length * (np.arange(n + 1) / n - 0.5))
            for edges, center, length, n in zip((x, y), self.center, self.edges, (columns, rows), strict=True)
        )
        return along_y @ self.values @ along_x.T


def _overlaps(voxels: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return the share of every voxel that each pixel covers, from their edges; shape (voxel, pixel)."""
    low, high = voxels[:-1, None], voxels[1:, None]
    common = np.minimum(high, pixels[1:]) - np.maximum(low, pixels[:-1])
    return np.maximum(common, 0) / (high - low)


def _corner_area(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Area of the unit disc with abscissae below x and ordinates below y."""
    x, y = np.clip(x, -1, 1), np.clip(y, -1, 1)

    def primitive(t: np.ndarray) -> np.ndarray:  # of sqrt(1 - t^2), zero at t = -1
        return (t * np.sqrt(np.maximum(1 - t**2, 0)) + np.arcsin(t) + np.pi / 2) / 2

    w = np.sqrt(1 - y**2)  # the line at y crosses the circle at -w and w
    inner = np.clip(x, -w, w)
    below = y * (inner + w) + primitive(inner) - primitive(-w)
    sides = 2 * (primitive(np.minimum(x, -w)) + primitive(np.maximum(x, w)) - primitive(w))
    return below + np.where(y > 0, sides, 0)


@dataclass(frozen=True)
class Phantom:
    """A sum of shapes, as a function of a grid: `phantom(grid)` is `phantom.sample(grid)`.

    Parameters
    ----------
    name
        Name of the phantom, for files.
    parts
        Rectangles, discs and pixels; where they overlap their concentrations add.
    parameters
        Pairs (name, value) of the numbers that describe the phantom, for files.
    """

    name: str
    parts: tuple[Rectangle | Disc | Pixels, ...]
    parameters: tuple[tuple[str, object], ...] = ()

    def sample(self, grid: Grid) -> np.ndarray:
        """Return the relative concentration of every voxel, shape (y, x) or (z, y, x), float64."""
        x, y = grid.edges(0), grid.edges(1)
        plane = np.zeros((y.size - 1, x.size - 1))
        for part in self.parts:
            plane += part.concentration * part.fractions(x, y)
        return plane if len(grid.shape) == 2 else np.repeat(plane[None], grid.shape[2], axis=0)

    __call__ = sample

    def share_outside(self, grid: Grid) -> float:
        """Return the share of the tracer that lies outside the field of view along x and y, from 0 to 1."""
        total = sum(part.amount for part in self.parts)
        plane = self.sample(Grid(grid.shape[:2], grid.fov[:2], grid.center))
        inside = float(plane.sum()) * math.prod(grid.voxel[:2])
        share = 1 - inside / total if total > 0 else 0.0
        return min(1.0, share) if share > 1e-12 else 0.0  # below: rounding

    def describe(self) -> dict[str, object]:
        """Return name, parameters and parts as numbers, strings and lists, for a file."""
        return {
            "name": self.name,
            **dict(self.parameters),
            "parts": [{"kind": type(p).__name__, **_plain(p)} for p in self.parts],
        }


def _plain(part: Rectangle | Disc | Pixels) -> dict[str, Any]:
    """Return the fields of a part for a file; of an array its shape and digest, not every value."""
    if not isinstance(part, Pixels):
        return asdict(part)
    known = {name: getattr(part, name) for name in ("center", "edges", "concentration", "digest")}
    return {**known, "shape": list(part.values.shape)}
