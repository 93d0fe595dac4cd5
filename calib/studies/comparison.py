"""The comparison of `mpisim compare` on disk and on the terminal: a table as CSV and JSON, and two figures."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from calib.comparison import Compared, Comparison
from calib.evaluation import COVERAGE, Evaluation
from calib.studies.harness.results import Row, as_csv, text_table
from mpisim.data.grid import Grid
from mpisim.io.atomic import output_folder, write_text
from mpisim.plot import chosen_rows, row_panels, save_figure
from mpisim.version import __version__

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COMPARISON_FILES", "comparison_rows", "comparison_text", "draw_comparison", "write_comparison"]


COMPARISON_FILES = ("compare.csv", "compare.json", "compare.png", "errors.png")
"""What `write_comparison` writes."""


def write_comparison(
    comparison: Comparison, reference: xr.Dataset, out: str | os.PathLike[str], described: Row | None = None
) -> list[str]:
    """Write `compare.csv`, `compare.json`, `compare.png` and `errors.png`; return the names of the files.

    `described` is added to the JSON file: what was compared with what.
    """
    folder = output_folder(out)
    rows = comparison_rows(comparison)
    files = [folder / name for name in COMPARISON_FILES]
    write_text(files[0], as_csv([_flat(row) for row in rows]))
    content = {"software": f"mpisim {__version__}", **(described or {}), "methods": rows}
    write_text(files[1], json.dumps(content, indent=1, allow_nan=False))
    save_figure(draw_comparison(comparison), files[2])
    matrices = list(comparison.matrices.items())
    if matrices:  # of a cropped grid, which `compare` has found to be the first part of the reference's
        nx, ny = Grid.of(matrices[0][1]).shape[:2]
        reference = reference.isel(x=slice(0, nx), y=slice(0, ny))
    save_figure(row_panels(matrices, reference, chosen_rows(reference), errors=True), files[3])
    return [str(file) for file in files]


def comparison_rows(comparison: Comparison) -> list[Row]:
    """Return a row for every method: errors as fractions, seconds, or the reason why it does not apply."""
    return [_row(result) for result in comparison.results]


def _row(result: Compared) -> Row:
    errors = result.errors
    by_harmonic = {} if errors is None else dict(zip(errors.harmonics, errors.nrmse_by_harmonic, strict=True))
    return {
        "method": result.method,
        "applies": errors is not None,
        "nrmse": None if errors is None else errors.nrmse,
        "seconds": result.seconds,
        **_covered(errors),
        "nrmse_by_harmonic": {str(harmonic): error for harmonic, error in by_harmonic.items()},
        "reason": result.reason or None,
        "notes": list(result.notes),
    }


def _covered(errors: Evaluation | None) -> Row:
    """Return how well the deviation that a method states describes its errors; None where it states none."""
    coverage = None if errors is None else errors.coverage
    return {key: None if coverage is None else getattr(coverage, name) for name, key in COVERAGE.items()}


def _flat(row: Row) -> Row:
    """Return a row with a column for every harmonic."""
    nested = ("nrmse_by_harmonic", "notes")
    columns = {f"nrmse_harmonic_{h}": error for h, error in row["nrmse_by_harmonic"].items()}
    plain = {name: value for name, value in row.items() if name not in nested}
    return plain | columns | {"notes": " ".join(row["notes"]) or None}


def comparison_text(comparison: Comparison) -> str:
    """Return the table in %, the worst harmonic of every method, and which methods do not apply for which reason.

    A column gives the shares of errors in the intervals of 68 and 95 %, where a method states how much its values err.
    """
    lines = []
    for result in comparison.applied:
        errors = result.errors
        assert errors is not None
        known = [(e, h) for h, e in zip(errors.harmonics, errors.nrmse_by_harmonic, strict=True) if e is not None]
        worst = f"{100 * max(known)[0]:.2f} % ({max(known)[1]})" if known else None
        stated = errors.coverage
        shares = None if stated is None else f"{100 * stated.within_68:.0f} / {100 * stated.within_95:.0f} %"
        lines.append([result.method, f"{100 * errors.nrmse:.2f} %", worst, shares, f"{result.seconds:.2f}"])
    left: dict[str, list[str]] = {}
    for result in comparison.results:
        if result.errors is None:
            left.setdefault(result.reason, []).append(result.method)
    notes = [f"does not apply: {', '.join(names)}: {reason}" for reason, names in left.items()]
    return text_table(("method", "nRMSE", "worst harmonic", "in 68 / 95 %", "seconds"), lines, notes)


def draw_comparison(comparison: Comparison) -> Figure:
    """Draw the error of every method against the harmonic, and its error over the whole matrix with its time."""
    from matplotlib.figure import Figure

    applied = comparison.applied
    harmonics = applied[0].errors.harmonics if applied and applied[0].errors else ()
    figure = Figure(
        figsize=(10.5 if harmonics else 5.5, 1.8 + 0.3 * max(len(applied), 6)), dpi=110, layout="constrained"
    )
    axes = figure.subplots(1, 2 if harmonics else 1, squeeze=False)[0]
    _plot_totals(axes[0], applied)
    if harmonics:
        _plot_harmonics(axes[1], applied)
        figure.legend(*axes[1].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    return figure


def _plot_totals(ax: Axes, applied: Sequence[Compared]) -> None:
    errors = [100 * r.errors.nrmse for r in applied if r.errors is not None]
    places = np.arange(len(applied))
    ax.plot(errors, places, "o", color="#1f5fa8")
    for place, result, error in zip(places, applied, errors, strict=True):
        words = f"{error:.3g} %, {result.seconds:.2g} s"
        ax.annotate(words, (error, place), (7, 0), textcoords="offset points", fontsize=7, va="center")
    positive = [e for e in errors if e > 0]
    if positive:
        ax.set_xscale("log")
        ax.set_xlim(min(positive) / 2, max(positive) * 8)
    ax.set_yticks(places, [r.method for r in applied], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("nRMSE of the whole matrix in %", fontsize=8)
    ax.tick_params(axis="x", which="both", labelsize=7)
    ax.grid(alpha=0.3)


def _plot_harmonics(ax: Axes, applied: Sequence[Compared]) -> None:
    for i, result in enumerate(applied):
        if result.errors is not None:
            values = [np.nan if e is None or e <= 0 else 100 * e for e in result.errors.nrmse_by_harmonic]
            line = "-" if i < 10 else "--"
            ax.plot(result.errors.harmonics, values, "o", linestyle=line, markersize=3, label=result.method)
    ax.set_yscale("log")
    ax.set_xlabel("harmonic of the drive frequency", fontsize=8)
    ax.set_ylabel("nRMSE of its rows in %", fontsize=8)
    ax.tick_params(which="both", labelsize=7)
    ax.grid(alpha=0.3)
