"""Pictures of rows and images: panels with millimetre axes, in groups of one colour scale each, by matplotlib."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.errors import InputError, require
from mpisim.io.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Group", "Panel", "draw_images", "edges", "panels", "row_panels", "save_figure"]

Panel = tuple[np.ndarray, tuple[float, float, float, float]]
"""An image (y, x) and its edges left, right, bottom, top in mm."""


def edges(data: xr.Dataset) -> tuple[float, float, float, float]:
    """Outer edges of the voxels: left, right, bottom, top in mm."""
    grid = Grid.of(data)
    (left, *_, right), (bottom, *_, top) = (1e3 * grid.edges(i) for i in (0, 1))
    return float(left), float(right), float(bottom), float(top)


@dataclass(frozen=True)
class Group:
    """Lines of images on one colour scale.

    Parameters
    ----------
    table
        Lines of images with their edges in mm; None leaves a place empty.
    lines
        Titles of the lines.
    label
        What the colours mean, with the unit.
    limits, cmap
        The colour scale.
    notes
        A short text under each image.
    """

    table: Sequence[Sequence[Panel | None]]
    lines: Sequence[str]
    label: str
    limits: tuple[float, float]
    cmap: str
    notes: Sequence[Sequence[str]] | None = None


def panels(groups: Sequence[Group], columns: Sequence[str], title: str = "") -> Figure:
    """Draw groups of images under each other, their columns in common."""
    from matplotlib.figure import Figure

    height = sum(len(g.table) for g in groups)
    size = (1.45 * len(columns) + 1.6, 1.5 * height + 0.25 * len(groups) + 0.7)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    if title:
        figure.suptitle(title, fontsize=10)
    axes = figure.subplots(height, len(columns), squeeze=False)
    for ax, name in zip(axes[0], columns, strict=True):
        ax.set_title(_wrapped(name), fontsize=8)
    first = 0
    for group, following in zip(groups, [*groups[1:], None], strict=True):
        last = first + len(group.table)
        labelled = following is None or _extent(following) != _extent(group)
        _draw(figure, axes[first:last], group, labelled)
        first = last
    return figure


def _extent(group: Group) -> Any:
    return next((panel[1] for line in group.table for panel in reversed(line) if panel is not None), None)


def _wrapped(title: str) -> str:
    return title if "\n" in title or len(title) < 11 else title.replace("-", "-\n", 1)


def _draw(figure: Figure, axes: Any, group: Group, labelled: bool) -> None:
    shown = None
    for i, line in enumerate(group.table):
        left = next((j for j, panel in enumerate(line) if panel is not None), 0)
        for j, panel in enumerate(line):
            ax = axes[i, j]
            if panel is None:
                ax.set_axis_off()
                continue
            values, extent = panel
            shown = ax.imshow(
                values, extent=extent, origin="lower", vmin=group.limits[0], vmax=group.limits[1], cmap=group.cmap
            )
            lowest = labelled and i == len(group.table) - 1
            ax.tick_params(labelsize=6, labelbottom=lowest, labelleft=j == left)
            note = group.notes[i][j] if group.notes else ""
            ax.set_xlabel("\n".join(t for t in ("x in mm" if lowest else "", note) if t), fontsize=7)
        axes[i, left].set_ylabel(f"{group.lines[i]}\ny in mm" if group.lines[i] else "y in mm", fontsize=7)
    if shown is not None:
        bar = figure.colorbar(shown, ax=axes, aspect=8 + 10 * len(group.table), pad=0.01, fraction=0.03)
        bar.set_label(group.label, fontsize=7)
        bar.ax.tick_params(labelsize=7)


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
    from mpisim.data.views import as_images

    table: list[list[Panel | None]] = []
    lines = []
    for title, index in chosen:
        wanted = as_images(reference)[index]
        peak = float(np.abs(wanted).max()) or 1.0
        for part, name in ((np.real, "real"), (np.imag, "imag")):
            images = [(m, as_images(m)[index]) for _, m in matrices]
            table.append([(part(r - wanted if errors else r) / peak, edges(m)) for m, r in images])
            lines.append(f"{title}, {name}")
    largest = max(float(np.abs(p[0]).max()) for line in table for p in line if p is not None)
    limit = largest if errors else 1.0
    label = "error / peak of the reference row" if errors else "row / peak of the reference row"
    return panels([Group(table, lines, label, (-limit, limit), "RdBu_r")], [t for t, _ in matrices])


def draw_images(images: Mapping[str, xr.Dataset], top: float | None = None) -> Figure:
    """Draw images side by side on one colour scale; `save_figure` writes the figure.

    Parameters
    ----------
    images
        Titles, and datasets of kind `image` or measurements that know their `phantom`, over (y, x).
    top
        Upper end of the colour scale; the largest value by default. The lower end is 0, or the least value below it.

    Raises
    ------
    InputError
        If there is no image, or one is not over (y, x).
    """
    require(len(images) > 0, "images", "at least one image", "none")
    line: list[Panel | None] = [(_plane(title, data).values, edges(data)) for title, data in images.items()]
    values = [p[0] for p in line if p is not None]
    high = max(float(v.max()) for v in values) if top is None else top
    low = min(0.0, *(float(v.min()) for v in values))
    limits = (low, high if high > low else low + 1)
    return panels([Group([line], [""], "concentration / that of\nthe sample", limits, "inferno")], list(images))


def _plane(title: str, data: xr.Dataset) -> xr.DataArray:
    name = next((n for n in ("image", "phantom") if n in data), None)
    if name is None:
        raise InputError(f"Input {title} must hold an image or phantom; instead received {sorted(map(str, data))}.")
    plane = data[name].squeeze()
    require(set(plane.dims) == {"y", "x"}, title, "an image over y and x", plane.dims)
    return plane.transpose("y", "x")


def save_figure(figure: Figure, path: str | os.PathLike[str], **options: Any) -> None:
    """Write a figure as PNG, whole or not at all, without a date."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None}, bbox_inches="tight", **options)
