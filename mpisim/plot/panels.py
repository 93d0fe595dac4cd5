"""Panels: images with millimetre axes, in groups of one colour scale each, by matplotlib without pyplot."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.io.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

__all__ = ["Group", "Panel", "draw_groups", "edges", "panels", "save_figure"]

Panel = tuple[np.ndarray, tuple[float, float, float, float]]
"""An image (y, x) and its edges left, right, bottom, top in mm."""

DPI = 110


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
        The colour scale. The colour bar has an arrow at an end that values exceed.
    notes
        A short text under each image.
    log
        Whether the colour scale is logarithmic; values below its lower end, zero too, have the colour of that end.
    """

    table: Sequence[Sequence[Panel | None]]
    lines: Sequence[str]
    label: str
    limits: tuple[float, float]
    cmap: str
    notes: Sequence[Sequence[str]] | None = None
    log: bool = False

    @property
    def beyond(self) -> str:
        """The ends of the colour scale that values exceed, as matplotlib names them: neither, min, max or both."""
        values = [panel[0] for line in self.table for panel in line if panel is not None]
        slack = 1e-6 * (self.limits[1] - self.limits[0])
        low = any(float(np.min(v)) < self.limits[0] - slack for v in values) and not self.log
        high = any(float(np.max(v)) > self.limits[1] + slack for v in values)
        return {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[low, high]


def panels(groups: Sequence[Group], columns: Sequence[str], title: str = "") -> Figure:
    """Return a figure with groups of images under each other, their columns in common."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_of(groups, columns), dpi=DPI, layout="constrained")
    draw_groups(figure, groups, columns, title)
    return figure


def size_of(groups: Sequence[Group], columns: Sequence[str]) -> tuple[float, float]:
    """Width and height in inches that groups of images take, for voxels of the shape of the first image."""
    lines = sum(len(g.table) for g in groups)
    noted = sum(len(g.table) for g in groups if g.notes)
    height = 1.45 * _aspect(groups) + 0.05
    return 1.45 * len(columns) + 1.6, height * lines + 0.15 * noted + 0.25 * len(groups) + 0.7


def _aspect(groups: Sequence[Group]) -> float:
    """Height over width of the field of view, between a third and three."""
    left, right, bottom, top = next((e for e in map(_extent, groups) if e is not None), (0.0, 1.0, 0.0, 1.0))
    return float(np.clip((top - bottom) / (right - left), 1 / 3, 3))


def draw_groups(figure: Figure | SubFigure, groups: Sequence[Group], columns: Sequence[str], title: str = "") -> None:
    """Draw groups of images into a figure or a part of one."""
    if title:
        figure.suptitle(title, fontsize=10)
    axes = figure.subplots(sum(len(g.table) for g in groups), len(columns), squeeze=False)
    for ax, name in zip(axes[0], columns, strict=True):
        ax.set_title(_wrapped(name), fontsize=8)
    first = 0
    for group, following in zip(groups, [*groups[1:], None], strict=True):
        last = first + len(group.table)
        labelled = following is None or _extent(following) != _extent(group)
        _draw(figure, axes[first:last], group, labelled)
        first = last


def _extent(group: Group) -> Any:
    return next((panel[1] for line in group.table for panel in reversed(line) if panel is not None), None)


def _wrapped(title: str) -> str:
    return title if "\n" in title or len(title) < 11 else title.replace("-", "-\n", 1)


def _norm(group: Group) -> Any:
    from matplotlib.colors import LogNorm, Normalize

    return (LogNorm if group.log else Normalize)(*group.limits)


def _draw(figure: Figure | SubFigure, axes: Any, group: Group, labelled: bool) -> None:
    shown = None
    for i, line in enumerate(group.table):
        left = next((j for j, panel in enumerate(line) if panel is not None), 0)
        for j, panel in enumerate(line):
            ax = axes[i, j]
            if panel is None:
                ax.set_axis_off()
                continue
            values, extent = panel
            drawn = np.maximum(values, group.limits[0]) if group.log else values
            shown = ax.imshow(drawn, extent=extent, origin="lower", cmap=group.cmap, norm=_norm(group))
            lowest = labelled and i == len(group.table) - 1
            ax.tick_params(labelsize=6, labelbottom=lowest, labelleft=j == left)
            note = group.notes[i][j] if group.notes else ""
            ax.set_xlabel("\n".join(t for t in ("x in mm" if lowest else "", note) if t), fontsize=7)
        axes[i, left].set_ylabel(f"{group.lines[i]}\ny in mm" if group.lines[i] else "y in mm", fontsize=7)
    if shown is not None:
        aspect = 8 + 10 * len(group.table)
        bar = figure.colorbar(shown, ax=axes, aspect=aspect, pad=0.01, fraction=0.03, extend=group.beyond)
        bar.set_label(group.label, fontsize=7)
        bar.ax.tick_params(labelsize=7)


def save_figure(figure: Figure, path: str | os.PathLike[str], **options: Any) -> None:
    """Write a figure as PNG, whole or not at all, without a date."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None}, bbox_inches="tight", **options)
