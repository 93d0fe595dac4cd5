r"""Phantoms: tracer in rectangles and discs, sampled exactly on any grid.

A voxel's value is the concentration relative to the calibration sample's, times the fraction of the voxel that is
filled. The fraction is analytic, so amounts do not depend on the grid: the overlap of intervals for a rectangle, and
for a disc of radius R four values of the area of its part below and left of a corner,

.. math:: Q(x, y) = \int_{-R}^{\min(x, R)} \left[\min(y, s(t)) + s(t)\right]_+ dt,\qquad s(t) = \sqrt{R^2 - t^2} .

On a grid with z a phantom is a prism through all slices. Lengths in m, positions relative to the scanner's centre.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from mpisim import Grid
from mpisim.errors import non_negative, positive, require, whole

__all__ = ["PHANTOMS", "Disc", "Phantom", "Rectangle", "resolution", "shape", "tubes"]


@dataclass(frozen=True)
class Rectangle:
    """A rectangle with centre (x, y) and edge lengths (x, y) in m, and a relative concentration."""

    center: tuple[float, float]
    edges: tuple[float, float]
    concentration: float = 1.0

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

    def fractions(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the filled fraction of the voxels between edges x (nx + 1,) and y (ny + 1,) in m; shape (ny, nx)."""
        corners = _corner_area((x - self.center[0]) / self.radius, (y - self.center[1])[:, None] / self.radius)
        area = np.diff(np.diff(corners, axis=0), axis=1) * self.radius**2
        return area / np.outer(np.diff(y), np.diff(x))


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
        Rectangles and discs; where they overlap their concentrations add.
    parameters
        Pairs (name, value) of the numbers that describe the phantom, for files.
    """

    name: str
    parts: tuple[Rectangle | Disc, ...]
    parameters: tuple[tuple[str, object], ...] = ()

    def sample(self, grid: Grid) -> np.ndarray:
        """Return the relative concentration of every voxel, shape (y, x) or (z, y, x), float64."""
        x, y = grid.edges(0), grid.edges(1)
        plane = np.zeros((y.size - 1, x.size - 1))
        for part in self.parts:
            plane += part.concentration * part.fractions(x, y)
        return plane if len(grid.shape) == 2 else np.repeat(plane[None], grid.shape[2], axis=0)

    __call__ = sample

    def describe(self) -> dict[str, object]:
        """Return name, parameters and parts as numbers, strings and lists, for a file."""
        return {
            "name": self.name,
            **dict(self.parameters),
            "parts": [{"kind": type(p).__name__, **asdict(p)} for p in self.parts],
        }


def tubes(
    width_left: float = 4e-3,
    width_right: float = 6e-3,
    length: float = 22e-3,
    gap: float = 10e-3,
    concentration: float = 1.0,
) -> Phantom:
    """Return two upright tubes side by side, centred together (TranSMS Fig. 7: left 2..6 mm wide, gap 8..12 mm).

    Parameters
    ----------
    width_left, width_right
        Widths in m.
    length
        Length along y in m.
    gap
        Distance between their facing walls in m.
    concentration
        Concentration relative to the calibration sample's.

    Raises
    ------
    InputError
        If a number is not positive (a gap may be zero).
    """
    values = {
        "width_left": positive("width_left", width_left),
        "width_right": positive("width_right", width_right),
        "length": positive("length", length),
        "gap": non_negative("gap", gap),
        "concentration": positive("concentration", concentration),
    }
    left = -(width_left + gap + width_right) / 2
    right = left + width_left + gap
    parts = (
        Rectangle((left + width_left / 2, 0.0), (width_left, length), concentration),
        Rectangle((right + width_right / 2, 0.0), (width_right, length), concentration),
    )
    return Phantom("tubes", parts, tuple(values.items()))


def resolution(
    widths: tuple[float, ...] = (1e-3, 1.5e-3, 2e-3, 3e-3),
    length: float = 5e-3,
    gap: float = 2e-3,
    bars: int = 3,
    concentration: float = 1.0,
) -> Phantom:
    """Return rows of upright bars, with spaces as wide as the bars; one row for each width, the finest at the top.

    Parameters
    ----------
    widths
        Widths of the bars, and of the spaces between them, in m.
    length
        Length of the bars along y in m.
    gap
        Distance between rows in m.
    bars
        Bars in a row.
    concentration
        Concentration relative to the calibration sample's.

    Raises
    ------
    InputError
        If a length is not positive (a gap may be zero), or `bars` is not a whole number above zero.
    """
    widths = tuple(positive("widths", w) for w in widths)
    require(len(widths) > 0, "widths", "at least one length", widths)
    bars = whole("bars", bars)
    length, gap = positive("length", length), non_negative("gap", gap)
    concentration = positive("concentration", concentration)
    top = (len(widths) * length + (len(widths) - 1) * gap) / 2 - length / 2
    parts = tuple(
        Rectangle(((2 * i - (bars - 1)) * width, top - row * (length + gap)), (width, length), concentration)
        for row, width in enumerate(widths)
        for i in range(bars)
    )
    values = {"widths": list(widths), "length": length, "gap": gap, "bars": bars, "concentration": concentration}
    return Phantom("resolution", parts, tuple(values.items()))


def shape(radius: float = 4e-3, concentration: float = 1.0) -> Phantom:
    """Return a disc, a ring, a square and a bar of different concentrations, which show curved edges and amplitudes.

    Parameters
    ----------
    radius
        Radius of the disc in m; all other lengths are multiples of it.
    concentration
        Concentration of the disc relative to the calibration sample's; the ring has 3/4, the square 1/2 and the bar 1/4
        of it.

    Raises
    ------
    InputError
        If a number is not positive.
    """
    r, c = positive("radius", radius), positive("concentration", concentration)
    parts = (
        Disc((-1.75 * r, 1.75 * r), r, c),
        Disc((1.75 * r, 1.75 * r), 1.25 * r, 0.75 * c),
        Disc((1.75 * r, 1.75 * r), 0.6 * r, -0.75 * c),
        Rectangle((-1.75 * r, -1.75 * r), (1.5 * r, 1.5 * r), c / 2),
        Rectangle((1.75 * r, -1.75 * r), (0.6 * r, 2.4 * r), c / 4),
    )
    return Phantom("shape", parts, (("radius", r), ("concentration", c)))


PHANTOMS: dict[str, Callable[..., Phantom]] = {"tubes": tubes, "resolution": resolution, "shape": shape}
"""Function by name of the phantom."""
