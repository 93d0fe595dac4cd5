"""Pictures of rows and images: panels with millimetre axes and one colour scale, on matplotlib's object interface."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mpisim.io.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Panel", "panels", "row_panels", "save_figure"]

Panel = tuple[np.ndarray, tuple[float, float, float, float]]
"""An image (y, x) and its edges left, right, bottom, top in mm."""


def edges(data: xr.Dataset) -> tuple[float, float, float, float]:
    """Outer edges of the voxels: left, right, bottom, top in mm."""
    found: list[float] = []
    for axis in ("x", "y"):
        centers = data[axis].values * 1e3
        half = (centers[-1] - centers[0]) / (2 * max(1, centers.size - 1)) or 0.5
        found += [float(centers[0] - half), float(centers[-1] + half)]
    return found[0], found[1], found[2], found[3]


def panels(
    table: Sequence[Sequence[Panel | None]],
    columns: Sequence[str],
    lines: Sequence[str],
    label: str,
    limits: tuple[float, float],
    cmap: str = "viridis",
    notes: Sequence[Sequence[str]] | None = None,
) -> Figure:
    """Draw a table of images on one colour scale.

    Parameters
    ----------
    table
        Lines of images with their edges; None leaves a place empty.
    columns, lines
        Titles of the columns and of the lines.
    label
        What the colours mean, with its unit.
    limits, cmap
        Colour scale.
    notes
        A short text under each image.
    """
    from matplotlib.figure import Figure

    height, width = len(table), len(columns)
    figure = Figure(figsize=(1.75 * width + 1.5, 1.6 * height + 0.9), dpi=110, layout="constrained")
    axes = figure.subplots(height, width, squeeze=False)
    shown = None
    for i, line in enumerate(table):
        for j, panel in enumerate(line):
            ax = axes[i, j]
            if panel is None:
                ax.set_axis_off()
                continue
            values, extent = panel
            shown = ax.imshow(values, extent=extent, origin="lower", vmin=limits[0], vmax=limits[1], cmap=cmap)
            ax.tick_params(labelsize=7, labelbottom=i == height - 1, labelleft=j == 0)
            if notes is not None and notes[i][j]:
                ax.set_xlabel(notes[i][j], fontsize=8)
        axes[i, 0].set_ylabel(f"{lines[i]}\ny in mm" if lines[i] else "y in mm", fontsize=8)
    for j, title in enumerate(columns):
        axes[0, j].set_title(title, fontsize=9)
        if axes[-1, j].axison:
            below = axes[-1, j].get_xlabel()
            axes[-1, j].set_xlabel("x in mm" + (f"\n{below}" if below else ""), fontsize=8)
    if shown is not None:
        figure.colorbar(shown, ax=axes, label=label, shrink=min(0.9, 3 / height), aspect=30, pad=0.01)
    return figure


def row_panels(
    matrices: Sequence[tuple[str, xr.Dataset]],
    reference: xr.Dataset,
    chosen: Sequence[tuple[str, int]],
    errors: bool = False,
) -> Figure:
    """Draw rows of several system matrices, real and imaginary part, each divided by the reference row's peak.

    Parameters
    ----------
    matrices
        Titles and matrices, on any grids; with `errors`, on the reference's.
    reference
        The matrix whose rows set the scale.
    chosen
        Titles and row numbers.
    errors
        Draw the differences from the reference instead, on a scale of their own.
    """
    from mpisim.system_matrix import rows

    table: list[list[Panel | None]] = []
    lines = []
    for title, index in chosen:
        wanted = rows(reference)[index]
        peak = float(np.abs(wanted).max()) or 1.0
        for part, name in ((np.real, "real"), (np.imag, "imag")):
            images = [(m, rows(m)[index]) for _, m in matrices]
            table.append([(part(r - wanted if errors else r) / peak, edges(m)) for m, r in images])
            lines.append(f"{title}, {name}")
    largest = max(float(np.abs(p[0]).max()) for line in table for p in line if p is not None)
    limit = largest if errors else 1.0
    label = "error / peak of the reference row" if errors else "row / peak of the reference row"
    return panels(table, [t for t, _ in matrices], lines, label, (-limit, limit), "RdBu_r")


def save_figure(figure: Figure, path: str | os.PathLike[str], **options: Any) -> None:
    """Write a figure as PNG, whole or not at all, without a date."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None}, bbox_inches="tight", **options)
