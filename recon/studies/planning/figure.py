"""The figure of a plan: error of every method against the time of the scanner, with the plan marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from calib.studies.harness.figures import style
from recon.studies.planning.first_errors import METHODS
from recon.studies.planning.trials import UNRECOVERED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from recon.studies.planning.planner import Plan

__all__ = ["plan_figure"]

_MARKS = {1: "x", 2: "s", 4: "^", 8: "o", 16: "D"}
_MOST_ERROR = 1.0


def plan_figure(plan: Plan) -> Figure:
    """Draw the least nRMSE of every method in a time of the scanner, both logarithmic, and the plan.

    A mark says which factor is the best there. The shade is the interval of the method of the plan, which holds nine
    of ten scanners.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.2, 4.9), dpi=110, layout="constrained")
    ax = figure.subplots()
    for name, rows in plan.candidates.groupby("method", sort=False):
        _draw(ax, str(name), _frontier(rows), shaded=name == plan.method)
    if plan.asked.error is not None:
        ax.axhline(100 * plan.asked.error, color="black", linestyle="--", linewidth=1, label="error asked for")
    if plan.asked.seconds is not None:
        ax.axvline(plan.asked.seconds / 60, color="black", linestyle=":", linewidth=1, label="time asked for")
    x, y = plan.chosen.seconds / 60, 100 * plan.nrmse
    ax.plot([x], [y], "*", color="gold", markeredgecolor="black", markersize=16, zorder=5, label="plan")
    ax.set(xscale="log", yscale="log", xlabel="time of the scanner in minutes", ylabel="nRMSE of the matrix in %")
    _plain(ax)
    ax.grid(alpha=0.3)
    ax.set_title(f"Plan: {plan.chosen.described()}; imperfections: {plan.level}", fontsize=10)
    _legend(figure, ax)
    return figure


def _frontier(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the calibrations than which no quicker one errs less."""
    rows = rows.sort_values(["minutes", "nrmse"])
    return rows[rows["nrmse"] < rows["nrmse"].cummin().shift(fill_value=_MOST_ERROR)]


def _draw(ax: Axes, name: str, rows: pd.DataFrame, shaded: bool) -> None:
    colour, line = (
        ("black", "-.") if name == UNRECOVERED else style(list(METHODS).index(name) if name in METHODS else 5)
    )
    label = "every voxel, no recovery" if name == UNRECOVERED else name
    ax.plot(rows["minutes"], 100 * rows["nrmse"], line, color=colour, linewidth=2.2 if shaded else 1.2, label=label)
    for factor, own in rows.groupby("factor"):
        ax.plot(own["minutes"], 100 * own["nrmse"], _MARKS.get(int(str(factor)), "."), color=colour, markersize=4)
    if shaded:
        ax.fill_between(rows["minutes"], 100 * rows["low"], 100 * rows["high"], color=colour, alpha=0.15, linewidth=0)


def _plain(ax: Axes) -> None:
    """Write plain numbers along both logarithmic axes."""
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(10, (1.0, 3.0), numticks=20))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter("")


def _legend(figure: Figure, ax: Axes) -> None:
    """Write names of methods and of marks beside the axes."""
    from matplotlib.lines import Line2D

    handles, names = ax.get_legend_handles_labels()
    marks = [Line2D([], [], color="0.4", marker=m, linestyle="", markersize=5) for m in _MARKS.values()]
    figure.legend(
        [*handles, *marks], [*names, *(f"{f}x" for f in _MARKS)], loc="outside right center", fontsize=8, frameon=False
    )
