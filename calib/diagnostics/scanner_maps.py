"""Maps of the fitted scanner: coils, drive field, distortion of the line, and the field perpendicular to the drive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from calib.methods.physical.maps import fitted_maps
from mpisim.plot.panels import DPI

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_maps"]

_POINTS = 48
_LEAST = 1e-3  # of the unit of a map: smaller values are drawn as zero


def draw_maps(recovered: xr.Dataset) -> Figure | None:
    """Draw the maps of a fitted scanner, in per cent and mm; None where the method fits none.

    Coils have a common scale, and the drive field has that of the coils: both are relative changes.
    """
    from matplotlib.figure import Figure

    recovery = recovered.attrs["recovery"]
    if not {"parameters", "angle_errors", "gains"} <= set(recovery):
        return None
    x, y = (np.linspace(*_ends(recovered[name].values), _POINTS) for name in ("x", "y"))
    centre = (float(x.mean()), float(y.mean()))
    own = recovery.get("center", centre)
    # coordinates from the axis that the fit has taken
    maps = fitted_maps(recovery, x - centre[0] + own[0], y - centre[1] + own[1], (own[0], own[1]))
    coils, drive = 100 * (maps["coil_z"] - 1), 100 * (maps["drive_z"] - 1)
    largest = _largest(coils, drive)
    angle = np.degrees(recovery["angles"][0])
    shift = 1e3 * maps["line_shift"]
    names = [f"coil {i}" if len(coils) > 1 else "coil" for i in range(len(coils))]
    panels = [
        (name, coil, "change of p_z in %", (-largest, largest), "RdBu_r")
        for name, coil in zip(names, coils, strict=True)
    ]
    panels += [
        ("drive field", drive, "change of a_z in %", (-largest, largest), "RdBu_r"),
        (f"line at {angle:.3g} degrees", shift, "shift in mm", (-_largest(shift), _largest(shift)), "RdBu_r"),
        (
            "field across the drive",
            100 * maps["perpendicular"],
            "% of the drive amplitude",
            (0.0, _largest(100 * maps["perpendicular"])),
            "viridis",
        ),
    ]
    figure = Figure(figsize=(2.5 * len(panels), 2.4), dpi=DPI, layout="constrained")
    for ax, (title, values, label, limits, colours) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        _draw(ax, (1e3 * x, 1e3 * y), values, limits, colours)
        ax.set_title(title, fontsize=8)
        bar = figure.colorbar(ax.images[0], ax=ax, shrink=0.8)
        bar.set_label(label, fontsize=7)
        bar.ax.tick_params(labelsize=6)
    return figure


def _ends(axis: np.ndarray) -> tuple[float, float]:
    half = (axis[1] - axis[0]) / 2 if len(axis) > 1 else 5e-4
    return float(axis[0] - half), float(axis[-1] + half)


def _largest(*maps: np.ndarray) -> float:
    return max(_LEAST, *(float(np.abs(m).max()) for m in maps))


def _draw(
    ax: Axes, axes: tuple[np.ndarray, np.ndarray], values: np.ndarray, limits: tuple[float, float], colours: str
) -> None:
    extent = (axes[0][0], axes[0][-1], axes[1][0], axes[1][-1])
    ax.imshow(values, origin="lower", extent=extent, vmin=limits[0], vmax=limits[1], cmap=colours)
    ax.set_xlabel("x in mm", fontsize=7)
    ax.set_ylabel("y in mm", fontsize=7)
    ax.tick_params(labelsize=6)
