"""Pictures of images: side by side on one colour scale, with their differences from a truth below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from mpisim.data.schema import expect
from mpisim.errors import InputError, require, whole
from mpisim.plot.panels import Group, Panel, edges, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_image", "draw_images"]

_RELATIVE = "concentration / that of\nthe sample"
_MOST, _ACROSS = 24, 8  # planes of one figure, and of one of its lines


def draw_images(
    images: Mapping[str, xr.Dataset],
    top: float | None = None,
    truth: str | None = None,
    notes: Mapping[str, str] | None = None,
) -> Figure:
    """Draw images side by side on one colour scale; `save_figure` writes the figure.

    Parameters
    ----------
    images
        Titles, and datasets of kind `image` or measurements that know their `phantom`, over (y, x).
    top
        Upper end of the colour scale, whose lower end is then 0: larger and smaller values have the colours of the
        ends. By default the scale reaches from 0, or the least value below it, to the largest value.
    truth
        Title of the image from which the others differ; a second line then shows the differences on a scale of
        plus and minus half of `top`.
    notes
        Text under an image, or under its difference where there is a truth, by title.

    Raises
    ------
    InputError
        If there is no image, one is not over (y, x), or there is no image of the title `truth`.
    """
    require(len(images) > 0, "images", "at least one image", "none")
    planes = {title: _plane(title, data).values for title, data in images.items()}
    line: list[Panel | None] = [(planes[title], edges(data)) for title, data in images.items()]
    high = max(float(v.max()) for v in planes.values()) if top is None else top
    low = min(0.0, *(float(v.min()) for v in planes.values())) if top is None else 0.0
    limits = (low, high if high > low else low + 1)
    written = [[(notes or {}).get(title, "") for title in images]]
    label = _label(next(iter(images.values()))) + ("" if top is None else f", cut at {top:.3g}")
    groups = [Group([line], [""], label, limits, "inferno", None if truth else written)]
    if truth is not None:
        groups.append(_differences(planes, line, truth, limits[1] / 2, written))
    return panels(groups, list(images))


def _differences(
    planes: Mapping[str, np.ndarray], line: list[Panel | None], truth: str, limit: float, notes: list[list[str]]
) -> Group:
    require(truth in planes, "truth", f"one of the images {', '.join(planes)}", truth)
    table: list[Panel | None] = [
        None if title == truth else (values - planes[truth], panel[1])
        for (title, values), panel in zip(planes.items(), line, strict=True)
        if panel is not None
    ]
    label = f"image - {truth},\ncut at ± {limit:.2g}"
    return Group([table], [f"image - {truth}"], label, (-limit, limit), "PuOr_r", notes)


def draw_image(data: xr.Dataset, frame: int | None = None, plane: int | None = None) -> Figure:
    """Draw an image, or the frames and slices of one, on one colour scale.

    Parameters
    ----------
    data
        A dataset of kind `image`.
    frame, plane
        Numbers of the frame and of the slice along z, from 0; by default all are drawn, at most 24.

    Raises
    ------
    InputError
        If the dataset is no image or has no such frame or slice.
    """
    values = expect(data, "image", "data")["image"]
    for name, number in (("frame", frame), ("z", plane)):
        if number is not None:
            count = values.sizes.get(name, 1)
            must = f"a number from 0 to {count - 1}"
            require(whole(_word(name), number, least=0) < count, _word(name), must, number)
            values = values.isel({name: [number]}) if name in values.dims else values
    stacked, titles = values.values.reshape(-1, *values.shape[-2:]), _titles(values)
    shown, count = stacked[:_MOST], min(len(stacked), _ACROSS)
    high, low = float(shown.max()), min(0.0, float(shown.min()))
    cells: list[Panel | None] = [(v, edges(data)) for v in shown] + [None] * (-len(shown) % count)
    table = [cells[i : i + count] for i in range(0, len(cells), count)]
    notes = [(titles + [""] * count)[i : i + count] for i in range(0, len(cells), count)]
    limits = (low, high if high > low else low + 1)
    group = Group(table, [""] * len(table), _label(data), limits, "inferno", notes)
    more = f"; the first {_MOST} of {len(stacked)}" if len(stacked) > _MOST else ""
    return panels([group], [""] * count, _heading(data) + more)


def _word(dim: str) -> str:
    return "plane" if dim == "z" else dim


def _titles(values: xr.DataArray) -> list[str]:
    """Return frame and position of every plane of an image, in words."""
    lead = [str(d) for d in values.dims if d not in ("y", "x")]
    every = np.ndindex(values.shape[:-2])
    return [", ".join(_title(values, d, i) for d, i in zip(lead, index, strict=True)) for index in every]


def _title(values: xr.DataArray, dim: str, index: int) -> str:
    if dim == "z":
        return f"z = {1e3 * float(values['z'][index]):.3g} mm"
    return f"{dim} {values[dim].values[index] if dim in values.coords else index}"


def _heading(data: xr.Dataset) -> str:
    method = data.attrs.get("method")
    return f"image by {method}" if method else "image"


def _label(data: xr.Dataset) -> str:
    """Return what the colours of an image mean, with its unit."""
    units = data["image"].attrs.get("units", "1") if "image" in data else "1"
    return _RELATIVE if units == "1" else f"concentration in {units}"


def _plane(title: str, data: xr.Dataset) -> xr.DataArray:
    name = next((n for n in ("image", "phantom") if n in data), None)
    if name is None:
        raise InputError(f"Input {title} must hold an image or phantom; instead received {sorted(map(str, data))}.")
    plane = data[name].squeeze()
    require(set(plane.dims) == {"y", "x"}, title, "an image over y and x", plane.dims)
    return plane.transpose("y", "x")
