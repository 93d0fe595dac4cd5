r"""A picture of a field-free point: its Lissajous path over the magnitude of the selection field.

The point is where selection and drive field cancel, :math:`r_i(t) = -(A_i/G_i)\sin(2\pi f_i t + \varphi_i)`. It does
not move along axes without a drive field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mpisim.errors import require
from mpisim.plot.panels import DPI
from mpisim.plot.scanner_curves import curves_of
from mpisim.scanner.ffp import LissajousFFP
from mpisim.simulation.setup import Setup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_lissajous", "path_of"]

_SHOWN = 6000  # points of the path
_FIELD = 80  # points of the map of the field along an edge
_PLANES = ((0, 1), (0, 2), (2, 1))


def path_of(scanner: LissajousFFP, count: int = _SHOWN) -> np.ndarray:
    """Return the field-free point in m at uniform times of one period, shape (time, 3)."""
    turns = np.arange(count) / count
    places = np.zeros((count, 3))
    for i, tone in enumerate(scanner.sequence.tones):
        wave = np.sin(2 * np.pi * tone.multiple * turns + tone.phase)
        places[:, i] = -scanner.drive_amplitudes[i] / scanner.gradients[i] * wave
    return places


def draw_lissajous(setup: Setup) -> Figure:
    """Draw the path of the field-free point over the selection field, in each plane, and the sizes of the cores.

    Parameters
    ----------
    setup
        A setup whose scanner is a `mpisim.LissajousFFP`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, without pyplot.

    Raises
    ------
    InputError
        If the scanner is another one.
    """
    from matplotlib.figure import Figure

    scanner = setup.scanner
    require(isinstance(scanner, LissajousFFP), "setup", "one with a LissajousFFP", type(scanner).__name__)
    assert isinstance(scanner, LissajousFFP)
    planes = _PLANES if len(scanner.drive_amplitudes) == 3 or len(setup.grid.shape) == 3 else _PLANES[:1]
    curves = curves_of(setup)
    figure = Figure(figsize=(3.9 * (len(planes) + bool(curves)), 4.2), dpi=DPI, layout="constrained")
    figure.suptitle(_heading(setup, scanner), fontsize=10)
    axes = figure.subplots(1, len(planes) + bool(curves), squeeze=False)[0]
    for ax, plane in zip(axes, planes, strict=False):
        _draw_plane(figure, ax, setup, scanner, plane)
    for ax, curve in zip(axes[len(planes) :], curves, strict=False):
        curve.draw(ax)
        ax.set(title=curve.title, xlabel=curve.x, ylabel=curve.y)
    return figure


def _draw_plane(figure: Figure, ax: Any, setup: Setup, scanner: LissajousFFP, plane: tuple[int, int]) -> None:
    """Draw the magnitude of the selection field in a plane through the centre, the path, and the field of view."""
    a, b = plane
    path = path_of(scanner)
    reach = 1.15 * np.maximum(np.abs(path).max(axis=0), [0.5 * _length(setup, i) for i in range(3)])
    across, up = (np.linspace(-reach[i], reach[i], _FIELD) for i in plane)
    points = np.zeros((_FIELD, _FIELD, 3))
    points[..., a], points[..., b] = across, up[:, None]
    field = 1e3 * np.linalg.norm(scanner.selection_field(points, 0.0), axis=-1)
    extent = [1e3 * v for v in (-reach[a], reach[a], -reach[b], reach[b])]
    image = ax.imshow(field, origin="lower", extent=extent, cmap="viridis")
    ax.plot(1e3 * path[:, a], 1e3 * path[:, b], color="white", linewidth=0.4)
    edges = [
        (setup.grid.center[i] - _length(setup, i) / 2, setup.grid.center[i] + _length(setup, i) / 2) for i in plane
    ]
    (left, right), (bottom, top) = (tuple(1e3 * v for v in pair) for pair in edges)
    ax.plot([left, right, right, left, left], [bottom, bottom, top, top, bottom], color="tab:red", linewidth=1)
    names = "xyz"
    ax.set(xlabel=f"{names[a]} in mm", ylabel=f"{names[b]} in mm", title="path (white), field of view (red)")
    ax.title.set_fontsize(8)
    figure.colorbar(image, ax=ax, shrink=0.7, label="selection field in mT")


def _length(setup: Setup, axis: int) -> float:
    """Return the edge of the field of view along an axis in m; the height of the sample along z of a plane."""
    return setup.grid.fov[axis] if axis < len(setup.grid.fov) else setup.sample.edges(setup.grid)[2]


def _heading(setup: Setup, scanner: LissajousFFP) -> str:
    """Return gradients, drive, period and tracer in words."""
    gradients = ", ".join(f"{g:g}" for g in scanner.gradients)
    drive = ", ".join(f"{1e3 * a:g}" for a in scanner.drive_amplitudes)
    tones = ", ".join(f"{1e-3 * f:.4g}" for f in scanner.drive_frequencies)
    diameter = getattr(setup.particle, "diameter", None)
    words = [
        f"LissajousFFP, gradients {gradients} T/m",
        f"drive {drive} mT at {tones} kHz",
        f"period {1e3 / scanner.base_frequency:.4g} ms",
        f"{len(scanner.sequence.harmonics)} frequencies, {len(scanner.sensitivities)} coils",
        f"{type(setup.particle).__name__}" + (f" of {1e9 * diameter:.3g} nm" if diameter else ""),
    ]
    return "; ".join(words[:3]) + "\n" + "; ".join(words[3:])
