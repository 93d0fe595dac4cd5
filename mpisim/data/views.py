"""Views of a dataset as plain arrays: rows as images, the matrix, noise of every row; and rows replaced by others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.schema import POSITION, VOXEL_DIMS, build
from mpisim.errors import require, warn

__all__ = [
    "as_images",
    "as_matrix",
    "noise_known",
    "noise_like",
    "noise_per_row",
    "replace_rows",
    "require_same_rows",
    "row_dims",
]

_OF_ROWS = ("transfer_function",)  # variables of the rows, which do not depend on the voxels


def row_dims(data: xr.Dataset) -> tuple[str, ...]:
    """Names of the dimensions that number the rows (for a volume also z: every slice is an image)."""
    return tuple(str(d) for d in data["system_matrix"].dims if d not in ("y", "x", POSITION))


def require_same_rows(data: xr.Dataset, reference: xr.Dataset, name: str) -> None:
    """Raise `InputError` where two datasets both know a coordinate of their rows, scanner or tracer, and it differs."""
    for key in ("angle", "frequency", "harmonic", "sf_gradient", "particle_diameter"):
        if key in data.coords and key in reference.coords:
            a, b = data[key].values, reference[key].values
            same = a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=1e-9 if key == "angle" else 0)
            require(same, f"{key} of {name}", "the same as the other file's", "another: they are not of the same rows")


def as_images(data: xr.Dataset) -> np.ndarray:
    """System matrix as images, shape (row, y, x), complex; a view where that is possible.

    Values at positions are images one value high, (row, 1, position).
    """
    values = data["system_matrix"].values
    return values.reshape(-1, *((1, values.shape[-1]) if POSITION in data.dims else values.shape[-2:]))


def as_matrix(data: xr.Dataset) -> np.ndarray:
    """System matrix as a matrix, shape (row, voxel or position), x fastest, complex; a view where that is possible."""
    variable = data["system_matrix"]
    voxels = int(np.prod([variable.sizes[d] for d in (*VOXEL_DIMS, POSITION) if d in variable.dims]))
    return variable.values.reshape(-1, voxels)


def noise_known(data: xr.Dataset) -> bool:
    """Whether a dataset knows the noise of its values; exact ones have a `noise_std` of 0.

    A simulated fine matrix is exact in any case: versions up to 0.1 wrote it without `noise_std`.
    """
    return "noise_std" in data or (data.attrs.get("origin") == "simulated" and data.attrs.get("stage") == "fine")


def noise_per_row(data: xr.Dataset) -> np.ndarray:
    """Complex noise standard deviation of every row of `as_images`, shape (row,), in the unit of the matrix.

    Raises `InputError` if the dataset does not know its noise (`mpisim.data.noise_level` estimates it).
    """
    values = data["system_matrix"]
    return noise_like(data, values.isel({d: 0 for d in ("y", "x", POSITION) if d in values.dims})).reshape(-1)


def noise_like(data: xr.Dataset, like: xr.DataArray) -> np.ndarray:
    """Complex noise standard deviation of a dataset for every value of an array of its dimensions.

    Raises `InputError` if the noise of the dataset is unknown.
    """
    require(noise_known(data), "dataset", "one that states its noise (noise_std; 0 for exact values)", "one without it")
    if "noise_std" not in data:
        return np.zeros(like.shape)
    return data["noise_std"].broadcast_like(like).transpose(*like.dims).values


def replace_rows(
    data: xr.Dataset,
    values: np.ndarray,
    grid: Grid,
    *,
    noise_std: Any = None,
    std: np.ndarray | None = None,
    circularity: np.ndarray | None = None,
    extra: Mapping[str, object] | None = None,
    positions: Mapping[str, tuple[str, np.ndarray]] | None = None,
    **attributes: Any,
) -> xr.Dataset:
    """Return a dataset with the same rows on other voxels.

    Parameters
    ----------
    data
        A system matrix.
    values
        Rows (row, y, x) in its unit.
    grid
        Their voxels along x and y.
    noise_std
        Complex noise standard deviation of the values, a number or one per row, 0 for exact values; None where it is
        not known.
    std
        Standard deviation of the values, the root of the mean of the variances of both parts, (row, y, x); None where
        it is not known, also where `data` states one for its own voxels.
    circularity
        How the variances of both parts differ (`mpisim.data.deviation`), complex (row, y, x); None where that is not
        known.
    extra
        Further variables, as xarray takes them.
    positions
        Coordinates of the dimension `position` where the values are those of positions, (row, 1, position), and not
        of voxels.
    **attributes
        Attributes to add to those of `data`; None removes one.

    A `DataWarning` says where background frames are dropped that were not subtracted.
    """
    variable = data["system_matrix"]
    lead = row_dims(data)
    rows = tuple(variable.sizes[d] for d in lead)
    shape = rows + (values.shape[-2:] if positions is None else values.shape[-1:])
    coords: dict[str, object] = {str(k): v for k, v in data.coords.items() if set(map(str, v.dims)) <= set(lead)}
    _say_that_background_is_dropped(data)
    own = {"y": grid.axis(1), "x": grid.axis(0)} if positions is None else positions
    known = {str(k): v for k, v in data.attrs.items() if k not in ("format_version", "kind", "software")}
    replaced = build(
        "system_matrix",
        values.reshape(shape).astype(variable.dtype, copy=False),
        (*lead, *(("y", "x") if positions is None else (POSITION,))),
        {**coords, **own},
        noise_std=noise_std,
        std=None if std is None else std.reshape(shape).astype(variable.real.dtype, copy=False),
        circularity=None if circularity is None else circularity.reshape(shape).astype(variable.dtype, copy=False),
        units=variable.attrs.get("units", "1"),
        **{**known, **attributes},
    )
    kept = {name: data[name] for name in _OF_ROWS if name in data}
    return replaced.assign({**kept, **(extra or {})}) if kept or extra else replaced


def _say_that_background_is_dropped(data: xr.Dataset) -> None:
    """Warn of background frames that were not subtracted: afterwards they cannot be any more."""
    done = data.attrs.get("preprocessing")
    state = done.get("background") if isinstance(done, Mapping) else None
    if "background" in data and state not in ("subtracted", "corrected before"):
        warn(
            "The matrix still contains the background, and its frames are not kept: subtract it before "
            "(`mpisim preprocess`), or its feedthrough stays in the result."
        )
