"""Pictures of images and phantoms: millimetre axes, one colour scale, a labelled colour bar.

Figures are matplotlib `Figure` objects; nothing touches pyplot's state. matplotlib is loaded when something is drawn.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from mpisim.errors import InputError, require
from mpisim.io.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_images", "save"]

_LABEL = "relative concentration"


def draw_images(images: Mapping[str, xr.Dataset | xr.DataArray], top: float | None = None) -> Figure:
    """Draw images side by side.

    Parameters
    ----------
    images
        Titles, and datasets of kind `image`, measurements that know their `phantom`, or arrays over (y, x) in m.
    top
        Upper end of the colour scale; the largest value by default. The lower end is 0, or the least value below it.

    Raises
    ------
    InputError
        If there is no image, or one is not over (y, x).
    """
    from matplotlib.figure import Figure

    require(len(images) > 0, "images", "at least one image", "none")
    planes = {title: _plane(title, data) for title, data in images.items()}
    high = max(float(p.max()) for p in planes.values()) if top is None else top
    low = min(0.0, *(float(p.min()) for p in planes.values()))
    high = high if high > low else low + 1
    figure = Figure(figsize=(3.1 * len(planes) + 0.9, 3.2), layout="constrained")
    axes = figure.subplots(1, len(planes), squeeze=False)[0]
    for i, (ax, (title, plane)) in enumerate(zip(axes, planes.items(), strict=True)):
        drawn = ax.imshow(plane.values, extent=_extent(plane), origin="lower", vmin=low, vmax=high,
                          cmap="inferno", interpolation="nearest")
        ax.set(title=title, xlabel="x (mm)", ylabel="y (mm)" if i == 0 else "")
    figure.colorbar(drawn, ax=list(axes), label=_LABEL)
    return figure


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as PNG, SVG or PDF by its suffix, whole or not at all.

    Raises `InputError` for another suffix or a folder that cannot be written.
    """
    suffix = Path(path).suffix.lower()
    require(suffix in (".png", ".svg", ".pdf"), "figure file", "a .png, .svg or .pdf file", str(path))
    with replacing(path) as temporary:
        figure.savefig(temporary, format=suffix[1:], dpi=150)


def _plane(title: str, data: xr.Dataset | xr.DataArray) -> xr.DataArray:
    if isinstance(data, xr.Dataset):
        name = next((n for n in ("image", "phantom") if n in data), None)
        if name is None:
            raise InputError(f"Input {title} must hold an image or phantom; instead received {sorted(map(str, data))}.")
        data = data[name]
    data = data.squeeze()
    require(set(data.dims) == {"y", "x"}, title, "an image over y and x", data.dims)
    return data.transpose("y", "x")


def _extent(plane: xr.DataArray) -> tuple[float, float, float, float]:
    """Outer edges (left, right, bottom, top) in mm."""
    ends: list[float] = []
    for axis in ("x", "y"):
        centers = plane[axis].values * 1e3
        half = (centers[-1] - centers[0]) / (centers.size - 1) / 2 if centers.size > 1 else 0.5
        ends += [float(centers[0] - half), float(centers[-1] + half)]
    return ends[0], ends[1], ends[2], ends[3]
