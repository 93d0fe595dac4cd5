"""Figures of the study of limits: error, coverage and scanner time against the number of positions, a panel a level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from calib.studies.harness.figures import style
from calib.studies.harness.results import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["coverage_figure", "error_figure", "time_figure"]

_BOUND = "bound"
_RIGHT = {"within_68": 0.68, "within_95": 0.95, "std_over_rmse": 1.0}
_WORDS = {"within_68": "within 68 %", "within_95": "within 95 %", "std_over_rmse": "stated / actual RMS"}
_BAND, _WIDE_BAND = 0.03, 0.08
_OUTSIDE = "outside"


def error_figure(table: Sequence[Row], title: str) -> Figure:
    """Draw mean errors against the number of positions, with the time of the scanner along the top."""
    rows = [row for row in table if row["averages"] == 1]
    figure, axes = _panels(rows, 1, 4.4)
    seconds = {row["positions"]: row["seconds"] for row in rows}
    for ax, (level, of_level) in zip(axes[0], _by(rows, "level").items(), strict=True):
        _draw(ax, of_level, "nrmse_percent", _methods(rows))
        ax.set(xscale="log", yscale="log", xlabel="positions")
        counts = {row["scanners"] for row in of_level}
        ax.set_title(f"{level}, {_range(counts)} scanners\ntime of a plane", fontsize=9)
        _at_positions(ax, sorted(seconds))
        top = ax.secondary_xaxis("top")
        top.set_xticks(sorted(seconds), [_duration(seconds[p]) for p in sorted(seconds)], fontsize=7)
        top.minorticks_off()
    _plain(axes[0][0], "y")
    axes[0][0].set_ylabel("nRMSE in %")
    return _finished(figure, axes, title)


def coverage_figure(table: Sequence[Row], short: str = "") -> Figure:
    """Draw the coverage of the stated deviations, and these over the errors, against the number of positions."""
    rows = [row for row in table if row["averages"] == 1 and row["within_68"] is not None]
    figure, axes = _panels(rows, len(_RIGHT), 2.3)
    for column, (level, of_level) in enumerate(_by(rows, "level").items()):
        for ax, (name, right) in zip(axes[:, column], _RIGHT.items(), strict=True):
            band = _WIDE_BAND if level == _OUTSIDE else _BAND
            low, high = (0.8, 1.25) if name == "std_over_rmse" else (right - band, right + band)
            ax.axhspan(low, high, color="0.88")
            ax.axhline(right, color="black", linewidth=0.8)
            _draw(ax, of_level, name, _methods(table))
            ax.set_xscale("log")
            _at_positions(ax, sorted({row["positions"] for row in rows}))
        axes[0, column].set_title(level, fontsize=9)
        axes[-1, column].set_xlabel("positions")
    for ax, name in zip(axes[:, 0], _RIGHT, strict=True):
        ax.set_ylabel(_WORDS[name])
    return _finished(figure, axes, f"Coverage of the stated standard deviations; grey: the goals{short}")


def time_figure(table: Sequence[Row], short: str = "") -> Figure:
    """Draw the error of the fit and its bound against the time of the scanner, by the number of averages."""
    rows = [row for row in table if row["method"] in ("physical", _BOUND)]
    figure, axes = _panels(rows or table, 1, 4.0)
    for ax, of_level in zip(axes[0], _by(rows or table, "level").values(), strict=True):
        for averages, colour in zip(sorted({row["averages"] for row in rows}), ("#1f5fa8", "#d1651b"), strict=False):
            for method, line, mark in (("physical", "-", "o"), (_BOUND, "--", "")):
                own = [r for r in of_level if (r["method"], r["averages"]) == (method, averages)]
                own.sort(key=lambda r: r["seconds"])
                named = f"{method}, {averages} average{'s' * (averages > 1)}"
                x, y = [r["seconds"] for r in own], [r["nrmse_percent"] for r in own]
                ax.plot(x, y, linestyle=line, marker=mark, markersize=4, color=colour, label=named)
        ax.set(xscale="log", yscale="log", xlabel="seconds of the scanner, one plane")
        ax.set_title(of_level[0]["level"], fontsize=9)
        ax.grid(alpha=0.3)
    _plain(axes[0][0], "x")
    _plain(axes[0][0], "y")
    axes[0][0].set_ylabel("nRMSE in %")
    return _finished(figure, axes, f"Error of the fit against scanner time{short}")


def _panels(rows: Sequence[Row], down: int, height: float) -> tuple[Figure, np.ndarray]:
    from matplotlib.figure import Figure

    across = len(_by(rows, "level"))
    figure = Figure(figsize=(1.5 + 2.7 * across, 1.2 + height * down), dpi=110, layout="constrained")
    return figure, figure.subplots(down, across, sharex=True, sharey="row", squeeze=False)


def _by(rows: Sequence[Row], column: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row[column]), []).append(row)
    return found


def _methods(rows: Sequence[Row]) -> list[str]:
    return [name for name in dict.fromkeys(str(row["method"]) for row in rows) if name != _BOUND]


def _draw(ax: Axes, rows: Sequence[Row], y: str, methods: Sequence[str]) -> None:
    """Draw a column against the positions, a line for each method; the bound is black and dashed."""
    for method, own in _by(rows, "method").items():
        colour, line = ("black", "--") if method == _BOUND else style(methods.index(method))
        known = sorted((row for row in own if row[y] is not None), key=lambda row: row["positions"])
        x = [row["positions"] for row in known]
        ax.plot(x, [row[y] for row in known], line, marker="." if method != _BOUND else "", color=colour, label=method)
    ax.grid(alpha=0.3)


def _at_positions(ax: Axes, positions: Sequence[int]) -> None:
    ax.set_xticks(positions, [str(p) for p in positions])
    ax.minorticks_off()


def _plain(ax: Axes, side: str) -> None:
    """Write plain numbers along a logarithmic axis."""
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    axis = ax.xaxis if side == "x" else ax.yaxis
    axis.set_major_locator(LogLocator(10, (1.0,) if side == "y" else (1.0, 3.0), numticks=12))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter("")


def _range(counts: set[int]) -> str:
    return str(min(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.2g} min" if seconds >= 60 else f"{seconds:.2g} s"


def _finished(figure: Figure, axes: np.ndarray, title: str) -> Figure:
    handles: dict[str, Line2D] = {}
    for ax in axes.flat:
        handles |= {str(line.get_label()): line for line in ax.get_lines()}
    drawn = {name: line for name, line in handles.items() if not name.startswith("_")}
    figure.legend(list(drawn.values()), list(drawn), loc="outside lower center", ncols=7, fontsize=8)
    figure.suptitle(title, fontsize=10)
    return figure
