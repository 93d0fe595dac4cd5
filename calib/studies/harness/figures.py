"""Figures of studies: dots for tables, and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DEFAULT_METHODS", "curves", "plot_table"]

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
"""Methods that figures of images show unless told otherwise: those of Table III, and ours without training."""
_COLOURS = (
    *("#1f5fa8", "#d1651b", "#3b8a3e", "#8a4f9e", "#b3373f"),
    *("#6b6b6b", "#b8a100", "#17a2b8", "#e377c2", "#5c3a21"),
)


def plot_table(
    table: Sequence[Mapping[str, Any]], ours: str, published: str, label: str, title: str, log: bool = True
) -> Figure:
    """Draw a table: a panel per factor, a line per method, filled marks for ours, hollow ones for the published.

    Parameters
    ----------
    table
        Rows with `method`, `factor` and perhaps `noise`.
    ours, published
        Keys of the figures; None is not drawn.
    label, title
        What the figures are, with their unit, and the heading.
    log
        Whether the axis is logarithmic.
    """
    from matplotlib.figure import Figure

    factors = list(dict.fromkeys(row["factor"] for row in table))
    methods = list(dict.fromkeys(row["method"] for row in table))
    noises = list(dict.fromkeys(row.get("noise") for row in table))
    figure = Figure(
        figsize=(max(7.0, 2.0 + 2.8 * len(factors)), 1.7 + 0.32 * len(methods)), dpi=110, layout="constrained"
    )
    axes = figure.subplots(1, len(factors), sharey=True, squeeze=False)[0]
    for ax, factor in zip(axes, factors, strict=True):
        for n, noise in enumerate(noises):
            shift = 0.3 * (n / max(1, len(noises) - 1) - 0.5) * (len(noises) > 1)
            rows = [row for row in table if (row["factor"], row.get("noise")) == (factor, noise)]
            for key, hollow, name in ((ours, False, "ours"), (published, True, "published")):
                kept = [row for row in rows if row[key] is not None]
                ax.plot(
                    [row[key] for row in kept],
                    [methods.index(row["method"]) + shift for row in kept],
                    "os"[n % 2],
                    color=_COLOURS[n],
                    markerfacecolor="none" if hollow else _COLOURS[n],
                    markersize=8 if hollow else 5,
                    label=f"{name}, {noise}" if noise else name,
                )
        ax.set_title(f"{factor}x", fontsize=10)
        ax.set_xlabel(label, fontsize=9)
        ax.set_yticks(range(len(methods)), methods, fontsize=9)
        ax.set_ylim(len(methods) - 0.5, -0.5)
        ax.grid(alpha=0.3)
        if log and any(row[ours] is not None and row["factor"] == factor for row in table):
            _logarithmic(ax, "x")
            ax.tick_params(axis="x", labelsize=8, rotation=45)
    _legend(figure, axes[0], title)
    return figure


def _logarithmic(ax: Any, side: str) -> None:
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    ax.set(**{f"{side}scale": "log"})
    axis = getattr(ax, f"{side}axis")
    low, high = axis.get_view_interval()
    between = (1.0, 2.0, 5.0) if high > 10 * low else tuple(range(1, 10))
    axis.set_major_locator(LogLocator(10, between, numticks=12))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter("")


def _legend(figure: Figure, ax: Any, title: str) -> None:
    handles, labels = ax.get_legend_handles_labels()
    known = dict(zip(labels, handles, strict=True))
    drawn = {k: h for k, h in known.items() if len(h.get_xdata())}
    if drawn:
        figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=4, fontsize=8)
    figure.suptitle(title, fontsize=9)


def curves(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    labels: tuple[str, str],
    title: str,
    points: Mapping[str, tuple[float, float]] | None = None,
    log: str = "y",
) -> Figure:
    """Draw curves.

    Parameters
    ----------
    panels
        x and y by name, by title of the panel.
    labels
        What x and y are, with their units.
    title
        The heading.
    points
        Single points by name, in every panel.
    log
        The axes that are logarithmic: `y` or `xy`.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    figure = Figure(figsize=(2.0 + 4.0 * len(panels), 4.0), dpi=110, layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for ax, (panel, lines) in zip(axes, panels.items(), strict=True):
        for name, (x, y) in lines.items():
            i = names.index(name)
            style = {"color": _COLOURS[i % len(_COLOURS)], "linestyle": ("-", "--", ":")[i // len(_COLOURS) % 3]}
            ax.plot(x, y, "o", markersize=4, label=name, **style)
        for i, (name, (px, py)) in enumerate((points or {}).items()):
            ax.plot([px], [py], "sD^v<>"[i % 6], markersize=7, color="black", markerfacecolor="none", label=name)
        if lines or points:
            for side in log:
                _logarithmic(ax, side)
            ax.legend(fontsize=8)
        ax.set_xlabel(labels[0])
        ax.grid(alpha=0.3)
        ax.set_title(panel, fontsize=9)
    axes[0].set_ylabel(labels[1])
    figure.suptitle(title, fontsize=9)
    return figure
