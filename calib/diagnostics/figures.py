"""Figures of the page: chi2 of the rows, some rows with their standard deviation, the scanner that was fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from calib.diagnostics.agreement import Agreement
from mpisim.data.schema import STD
from mpisim.data.views import as_images
from mpisim.plot.panels import DPI, Group, Panel, edges, panels
from mpisim.plot.rows import chosen_rows, part_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_agreement", "draw_angle_errors", "draw_rows"]

_CLOSE = 0.05  # least over largest distance of frequencies, below which they are numbered
_LIMITS = (0.5, 1.5)


def draw_agreement(agrees: Agreement) -> Figure:
    """Draw chi2 of every row over angle and harmonic, and its mean along each of them with the spread of noise."""
    from matplotlib.figure import Figure

    chi2 = agrees.chi2
    dims: list[str] = [d for d in ("angle", "frequency") if d in chi2.dims and chi2.sizes[d] > 1]
    whole = len(dims) == 2
    figure = Figure(figsize=(9.0 if whole else 4.5, 2.8), dpi=DPI, layout="constrained")
    axes = figure.subplots(1, max(1, len(dims) + whole), squeeze=False)[0]
    if whole:
        image = chi2.mean([d for d in chi2.dims if d not in dims]).transpose("frequency", "angle").values
        low, high = _LIMITS
        places = [_places(chi2, dim) for dim in ("angle", "frequency")]
        drawn = axes[0].pcolormesh(*places, image, cmap="RdBu_r", vmin=low, vmax=high, shading="nearest")
        bar = figure.colorbar(drawn, ax=axes[0], extend="both")
        bar.set_label("chi2 of a row", fontsize=7)
        bar.ax.tick_params(labelsize=6)
        _label(axes[0], *("".join(_name(chi2, dim)[:2]) for dim in ("angle", "frequency")))
    for ax, dim in zip(axes[whole:], dims or [str(chi2.dims[-1])], strict=False):
        _draw_along(ax, agrees, dim)
    return figure


def _draw_along(ax: Axes, agrees: Agreement, dim: str) -> None:
    along = agrees.along(dim)
    name, unit, _ = _name(agrees.chi2, dim)
    spread = 2 * agrees.spread * np.sqrt(along.size)
    ax.axhspan(1 - spread, 1 + spread, color="0.88", label="noise alone, 95 %")
    ax.plot(_places(along, dim), along.values, "o-", markersize=3, linewidth=0.8)
    ax.legend(fontsize=6, frameon=False)
    _label(ax, f"{name}{unit}", "chi2, mean of the rows")


def _name(chi2: xr.DataArray, dim: str) -> tuple[str, str, float]:
    """Return by what rows are named along a dimension, the unit in words, and the factor to it."""
    if dim == "angle":
        return "angle", " in degrees", 180 / np.pi
    if "harmonic" in chi2.coords:
        return "harmonic", "", 1.0
    return ("number of the line", "", 1.0) if _in_bands(chi2) else ("frequency", " in kHz", 1e-3)


def _in_bands(chi2: xr.DataArray) -> bool:
    """Whether some frequencies lie so close to each other, beside the rest, that they cannot be told apart."""
    if "frequency" not in chi2.coords or chi2["frequency"].size < 3:
        return False
    apart = np.diff(np.sort(chi2["frequency"].values))
    return bool(apart.min() < _CLOSE * apart.max())


def _places(chi2: xr.DataArray, dim: str) -> np.ndarray:
    """Return the angles, harmonics or frequencies, or their numbers where the matrix does not state them."""
    name, _, scale = _name(chi2, dim)
    return scale * chi2[name].values if name in chi2.coords else np.arange(chi2.sizes[dim])


def _label(ax: Axes, x: str, y: str) -> None:
    ax.set_xlabel(x, fontsize=7)
    ax.set_ylabel(y, fontsize=7)
    ax.tick_params(labelsize=6)


def draw_rows(recovered: xr.Dataset, coarse: xr.Dataset) -> Figure:
    """Draw some rows: as they were measured, as they were recovered, and their standard deviation.

    Each row is divided by its peak; the standard deviation, of the real part of the error, is that of the matrix
    `system_matrix_std`, on a logarithmic scale.
    """
    chosen = chosen_rows(recovered)
    fine, means = as_images(recovered), as_images(coarse)
    lines, table, spreads = [], [], []
    deviation = recovered[STD].values.reshape(fine.shape) if STD in recovered else None
    for title, index in chosen:
        peak = float(np.abs(fine[index]).max()) or 1.0
        shown, part = part_of(fine[index])
        measured = part_of(means[index], part)[0]
        line: list[Panel | None] = [(measured / peak, edges(coarse)), (shown / peak, edges(recovered))]
        table.append(line)
        lines.append(title.replace(", ", "\n", 1))
        if deviation is not None:
            spreads.append([(deviation[index] / peak, edges(recovered))])
    groups = [Group(table, lines, "row / its peak", (-1.0, 1.0), "RdBu_r")]
    if not spreads:
        return panels(groups, ["measured", "recovered"])
    return _beside(groups[0], spreads, lines)


def _beside(rows: Group, spreads: list[Any], lines: list[str]) -> Figure:
    """Draw rows and, beside them, their standard deviations on a scale of their own."""
    from matplotlib.figure import Figure

    from mpisim.plot.panels import draw_groups, size_of

    width, height = size_of([rows], ["", ""])
    largest = max(float(line[0][0].max()) for line in spreads) or 1.0
    other = Group(
        spreads, [""] * len(lines), "standard deviation / peak", (1e-2 * largest, largest), "viridis", log=True
    )
    figure = Figure(figsize=(1.75 * width + 0.5, height), dpi=DPI, layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(width + 0.5, 0.75 * width))[0]
    draw_groups(left, [rows], ["measured", "recovered"])
    draw_groups(right, [other], ["standard deviation"])
    return figure


def draw_angle_errors(recovered: xr.Dataset) -> Figure | None:
    """Draw the errors of each angle that a fit found, with two standard errors; None if the method reports none."""
    from matplotlib.figure import Figure

    errors = recovered.attrs["recovery"].get("angle_errors", {})
    if not errors or "angle" not in recovered.coords:
        return None
    figure = Figure(figsize=(2.6 * len(errors), 2.4), dpi=DPI, layout="constrained")
    axes = figure.subplots(1, len(errors), squeeze=False)[0]
    stated = recovered.attrs["recovery"].get("angles_measured", recovered["angle"].values)
    angles, length = np.degrees(np.asarray(stated)), float(recovered.attrs["recovery"].get("length_unit", 1e-3))
    for ax, (name, error) in zip(axes, errors.items(), strict=True):
        unit, scale = {"R": ("mm", 1e3 * length), "rad": ("degrees", 180 / np.pi)}.get(error["unit"], ("%", 100.0))
        spread = 2 * scale * np.asarray(error["std"])
        ax.axhline(0, color="0.8", linewidth=0.8)
        ax.errorbar(angles, scale * np.asarray(error["value"]), spread, fmt=".", markersize=3, linewidth=0.8)
        _label(ax, "angle in degrees", f"{name} in {unit}")
    return figure
