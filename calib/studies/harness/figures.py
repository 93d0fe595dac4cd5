"""Figures of studies: tables of figures as marks, and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from calib.studies.harness.results import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DEFAULT_METHODS", "Curve", "curves", "grouped", "plot_table", "small_multiples", "style"]

DEFAULT_METHODS = (
    "bicubic",
    "bicubic-dc",
    "bicubic-strided",
    "cs",
    "ridge",
    "profile",
    "srcnn",
    "vdsr",
    "smrnet",
    "transms",
)
"""Methods that figures of images show unless the user chooses others: those of Table III, and ours without training."""
Curve: TypeAlias = tuple[Sequence[float], Sequence[float]]
"""x and y of the points of a curve."""

_COLOURS = (
    *("#1f5fa8", "#d1651b", "#3b8a3e", "#8a4f9e", "#b3373f"),
    *("#6b6b6b", "#b8a100", "#17a2b8", "#e377c2", "#5c3a21"),
)


def plot_table(table: Sequence[Row], ours: str, published: str, label: str, title: str, log: bool = True) -> Figure:
    """Draw a table: a panel per factor, a line per method, filled marks for our figures, hollow ones for published.

    Rows have `method`, `factor`, perhaps `noise`, and our and the published figure in the columns `ours` and
    `published`; None is not drawn. `label` says what the figures are, with their unit; `log` makes their axis
    logarithmic.
    """
    from matplotlib.figure import Figure

    frame = pd.DataFrame(table)
    frame["noise"] = frame["noise"] if "noise" in frame else ""
    frame["place"] = [list(frame["method"].unique()).index(method) for method in frame["method"]]
    factors, methods = list(frame["factor"].unique()), list(frame["method"].unique())
    size = (max(7.0, 2.0 + 2.8 * len(factors)), 1.7 + 0.32 * len(methods))
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    axes = figure.subplots(1, len(factors), sharey=True, squeeze=False)[0]
    for ax, factor in zip(axes, factors, strict=True):
        rows = frame[frame["factor"] == factor]
        _plot_marks(ax, rows, list(frame["noise"].unique()), ours, published)
        ax.set_title(f"{factor}x", fontsize=10)
        ax.set_xlabel(label, fontsize=9)
        ax.set_yticks(range(len(methods)), methods, fontsize=9)
        ax.set_ylim(len(methods) - 0.5, -0.5)
        ax.grid(alpha=0.3)
        if log and rows[ours].notna().any():
            _logarithmic(ax, "x")
            ax.tick_params(axis="x", labelsize=8, rotation=45)
    _legend(figure, axes[0], title)
    return figure


def _plot_marks(ax: Axes, rows: pd.DataFrame, noises: Sequence[str], ours: str, published: str) -> None:
    """Draw the figures of one factor, a colour per noise, at the column `place` of the vertical axis."""
    for n, noise in enumerate(noises):
        shift = 0.3 * (n / (len(noises) - 1) - 0.5) if len(noises) > 1 else 0.0
        for column, hollow, name in ((ours, False, "ours"), (published, True, "published")):
            drawn = rows[(rows["noise"] == noise) & rows[column].notna()]
            ax.plot(
                drawn[column].astype(float).to_numpy(),
                drawn["place"].to_numpy() + shift,
                "os"[n % 2],
                color=_COLOURS[n],
                markerfacecolor="none" if hollow else _COLOURS[n],
                markersize=8 if hollow else 5,
                label=f"{name}, {noise}" if noise else name,
            )


def _logarithmic(ax: Axes, side: str) -> None:
    """Give the axis `x` or `y` a logarithmic scale with plain numbers."""
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    ax.set(**{f"{side}scale": "log"})
    axis = ax.xaxis if side == "x" else ax.yaxis
    low, high = axis.get_view_interval()
    between = (1.0, 2.0, 5.0) if high > 10 * low else tuple(map(float, range(1, 10)))
    between = (1.0,) if high > 1e5 * low else between
    axis.set_major_locator(LogLocator(10, between, numticks=12))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter("")


def _legend(figure: Figure, ax: Axes, title: str) -> None:
    handles = {str(line.get_label()): line for line in ax.get_lines() if np.size(line.get_xdata())}
    if handles:
        names, lines = list(handles), list(handles.values())
        figure.legend(lines, names, loc="outside lower center", ncols=4, fontsize=8)
    figure.suptitle(title, fontsize=9)


def grouped(table: Sequence[Row], panel: str, line: str, x: str, y: str) -> dict[str, dict[str, Curve]]:
    """Return columns `x` and `y` of a table as curves by the values of `line`, by the values of `panel`."""
    frame = pd.DataFrame(table)
    return {
        str(title): {str(name): (list(rows[x]), list(rows[y])) for name, rows in lines.groupby(line, sort=False)}
        for title, lines in frame.groupby(panel, sort=False)
    }


def curves(
    panels: Mapping[str, Mapping[str, Curve]],
    labels: tuple[str, str],
    title: str,
    points: Mapping[str, tuple[float, float]] | None = None,
    log: str = "y",
) -> Figure:
    """Draw curves by name, in a panel for each title.

    `labels` say what x and y are, with their units. `points` are single points by name, drawn in every panel. `log`
    names the axes that are logarithmic: `y` or `xy`.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    styles = {name: style(i) for i, name in enumerate(names)}
    figure = Figure(figsize=(2.0 + 4.0 * len(panels), 4.0), dpi=110, layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for ax, (heading, lines) in zip(axes, panels.items(), strict=True):
        _plot_curves(ax, lines, styles, points or {}, log)
        ax.set_xlabel(labels[0])
        ax.set_title(heading, fontsize=9)
    axes[0].set_ylabel(labels[1])
    figure.suptitle(title, fontsize=9)
    return figure


def style(i: int) -> tuple[str, str]:
    """Return colour and line of the i-th curve."""
    return _COLOURS[i % len(_COLOURS)], ("-", "--", ":")[i // len(_COLOURS) % 3]


def _plot_curves(
    ax: Axes,
    lines: Mapping[str, Curve],
    styles: Mapping[str, tuple[str, str]],
    points: Mapping[str, tuple[float, float]],
    log: str,
) -> None:
    for name, (x, y) in lines.items():
        colour, line = styles[name]
        ax.plot(x, y, "o", markersize=4, label=name, color=colour, linestyle=line)
    for i, (name, (px, py)) in enumerate(points.items()):
        ax.plot([px], [py], "sD^v<>"[i % 6], markersize=7, color="black", markerfacecolor="none", label=name)
    ax.grid(alpha=0.3)
    if lines or points:
        for side in log:
            _logarithmic(ax, side)
        ax.legend(fontsize=8)


def small_multiples(
    panels: Mapping[str, Mapping[str, Curve]], labels: tuple[str, str], title: str, columns: int, dashed: str = ""
) -> Figure:
    """Draw curves by name in many small panels with axes and one legend in common.

    `labels` say what x and y are, with their units; y is logarithmic, and values of zero are not drawn. `columns` is
    the number of panels in a line; `dashed` names a curve that is drawn black and dashed, where it lies in the range of
    the others.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for lines in panels.values() for name in lines if name != dashed))
    styles = {name: style(i) for i, name in enumerate(names)} | {dashed: ("black", "--")}
    across = min(columns, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(1.2 + 2.1 * across, 1.6 + 2.1 * down), dpi=110, layout="constrained")
    axes = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for ax, (heading, lines) in zip(axes.flat, panels.items(), strict=False):  # the last line may be incomplete
        for name, (x, y) in lines.items():
            drawn = np.where(np.asarray(y, dtype=float) > 0, y, np.nan)
            colour, line = styles[name]
            marker = "x" if name == dashed else "."
            ax.plot(x, drawn, marker=marker, markersize=4, color=colour, linestyle=line, linewidth=1, label=name)
        ax.set_title(heading, fontsize=8)
        ax.tick_params(labelsize=7)
        ax.grid(alpha=0.3)
    shown = [v for lines in panels.values() for name, (_, y) in lines.items() if name != dashed for v in y if v > 0]
    if shown:
        axes[0, 0].set_ylim(min(shown) / 2, 2 * max(shown))
    _logarithmic(axes[0, 0], "y")
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for place in range(across):  # the lowest panel of each column
        lowest = axes[(len(panels) - 1 - place) // across, place]
        lowest.tick_params(labelbottom=True)
        lowest.set_xlabel(labels[0], fontsize=8)
    for ax in axes[:, 0]:
        ax.set_ylabel(labels[1], fontsize=8)
    handles, texts = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=6, fontsize=8)
    figure.suptitle(title, fontsize=9)
    return figure
