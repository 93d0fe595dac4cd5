"""SPLIT: to be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.schema import VOXEL_DIMS, build
from mpisim.errors import require

__all__ = [
    "as_images",
    "as_matrix",
    "axis_coordinate",
    "noise_like",
    "noise_per_row",
    "replace_rows",
    "require_same_rows",
    "row_dims",
]


def row_dims(data: xr.Dataset) -> tuple[str, ...]:
    """Names of the dimensions that number the rows (for a volume also z: every slice is an image)."""
    return tuple(str(d) for d in data["system_matrix"].dims if d not in ("y", "x"))


def require_same_rows(data: xr.Dataset, reference: xr.Dataset, name: str) -> None:
    """Raise `InputError` where two datasets both know a coordinate of their rows, scanner or tracer, and it differs."""
    for key in ("angle", "frequency", "harmonic", "sf_gradient", "particle_diameter"):
        if key in data.coords and key in reference.coords:
            a, b = data[key].values, reference[key].values
            same = a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=1e-9 if key == "angle" else 0)
            require(same, f"{key} of {name}", "the same as the other file's", "another: they are not of the same rows")


def as_images(data: xr.Dataset) -> np.ndarray:
    """System matrix as images, shape (row, y, x), complex; a view where that is possible."""
    values = data["system_matrix"].values
    return values.reshape(-1, *values.shape[-2:])


def as_matrix(data: xr.Dataset) -> np.ndarray:
    """System matrix as a matrix, shape (row, voxel), x fastest, complex; a view where that is possible."""
    variable = data["system_matrix"]
    voxels = int(np.prod([variable.sizes[d] for d in VOXEL_DIMS if d in variable.dims]))
    return variable.values.reshape(-1, voxels)


def noise_per_row(data: xr.Dataset) -> np.ndarray:
    """Complex noise standard deviation of every row of `as_images`, shape (row,), in the unit of the matrix.

    Zero where the dataset does not know its noise: its values are then taken as exact.
    """
    return noise_like(data, data["system_matrix"].isel(x=0, y=0)).reshape(-1)


def noise_like(data: xr.Dataset, like: xr.DataArray) -> np.ndarray:
    """Complex noise standard deviation of a dataset for every value of an array of its dimensions, zero if unknown."""
    if "noise_std" not in data:
        return np.zeros(like.shape)
    return data["noise_std"].broadcast_like(like).transpose(*like.dims).values


def axis_coordinate(data: xr.Dataset, axis: str) -> tuple[float, float]:
    """First centre and spacing of a voxel axis in m; a single voxel spans the field of view of `grid`, or 1 mm."""
    values = data[axis].values
    if values.size > 1:
        return float(values[0]), float((values[-1] - values[0]) / (values.size - 1))
    fov = (data.attrs.get("grid") or {}).get("fov", ())
    index = "xyz".index(axis)
    return float(values[0]), float(fov[index]) if len(fov) > index else 1e-3


def replace_rows(
    data: xr.Dataset,
    values: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    noise_std: Any = None,
    extra: Mapping[str, Any] | None = None,
    **attributes: Any,
) -> xr.Dataset:
    """Return a dataset with the same rows on other voxels: `values` (row, y, x) over centres `x`, `y` in m.

    Provenance is kept; `attributes` are added, and taken out where None. `extra` are further variables.
    """
    variable = data["system_matrix"]
    lead = row_dims(data)
    shape = tuple(variable.sizes[d] for d in lead) + values.shape[-2:]
    coords: dict[str, Any] = {str(k): v for k, v in data.coords.items() if not {"x", "y"} & set(v.dims)}
    kept = {k: v for k, v in data.attrs.items() if k not in ("format_version", "kind", "software")}
    found = build(
        "system_matrix",
        values.reshape(shape).astype(variable.dtype, copy=False),
        (*lead, "y", "x"),
        {**coords, "y": y, "x": x},
        noise_std=noise_std,
        units=variable.attrs.get("units", "1"),
        **{**kept, **attributes},
    )
    return found.assign(extra) if extra else found
