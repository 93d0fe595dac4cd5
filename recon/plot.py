"""Pictures of images and phantoms side by side, on one colour scale (drawn by `mpisim.plot`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import xarray as xr

from mpisim.errors import InputError, require
from mpisim.plot import Panel, edges, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_images"]


def draw_images(images: Mapping[str, xr.Dataset], top: float | None = None) -> Figure:
    """Draw images side by side; `mpisim.plot.save_figure` writes the figure.

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
    return panels([line], list(images), [""], "concentration / sample's", limits, "inferno")


def _plane(title: str, data: xr.Dataset) -> xr.DataArray:
    name = next((n for n in ("image", "phantom") if n in data), None)
    if name is None:
        raise InputError(f"Input {title} must hold an image or phantom; instead received {sorted(map(str, data))}.")
    plane = data[name].squeeze()
    require(set(plane.dims) == {"y", "x"}, title, "an image over y and x", plane.dims)
    return plane.transpose("y", "x")
