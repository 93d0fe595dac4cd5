"""The data contract: one `xarray.Dataset` schema for everything that is passed between the packages.

A dataset has the attributes `format_version` and `kind`, and by kind one complex or real variable:

=================  ====================  ==========================================================================
kind               variable              dimensions, in this order, any of the leading ones absent
=================  ====================  ==========================================================================
`system_matrix`    `system_matrix`       scanner, angle, receive, frequency, z, y, x (complex)
`measurement`      `measurement`         frame, angle, receive, frequency (complex)
`image`            `image`               frame, z, y, x (real)
=================  ====================  ==========================================================================

x, y, z are voxel centres in m, ascending and equidistant; `harmonic` (number) and `frequency` (Hz) are coordinates of
frequency, angle is in rad. A system matrix further has the attributes

- `stage`: `fine`, or `coarse` with the attribute `sampling` (a mapping with `scheme`, `factor`, `seed`, `snr`);
- `origin`: `simulated`, `measured` or `recovered`;

and a coarse one, or a measurement, the variable `noise_std`: the complex noise standard deviation of its values, a
scalar or one per row. A coarse file holds **block means** (the large sample's signal over factor^2); a random sampling
keeps the fine grid and marks its voxels in `sampled` (y, x). Attributes are numbers, strings, lists or mappings; they
carry every parameter (`scanner`, `particle`, `grid`, `sample`: of the fine matrix, in a coarse file too), the seed and
the software version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from mpisim.errors import finite, one_of, require, whole
from mpisim.version import __version__

__all__ = [
    "FORMAT_VERSION",
    "axis_coordinate",
    "dataset",
    "matrix",
    "noise_like",
    "noise_per_row",
    "replace_rows",
    "require_same_rows",
    "row_dims",
    "rows",
    "validate",
]

FORMAT_VERSION = 1
VOXEL_DIMS = ("z", "y", "x")
DIMS = {
    "system_matrix": ("scanner", "angle", "receive", "frequency", *VOXEL_DIMS),
    "measurement": ("frame", "angle", "receive", "frequency"),
    "image": ("frame", *VOXEL_DIMS),
}
UNITS = {"x": "m", "y": "m", "z": "m", "angle": "rad", "frequency": "Hz", "harmonic": "1"}


def dataset(
    kind: str,
    values: np.ndarray,
    dims: tuple[str, ...],
    coords: Mapping[str, Any],
    *,
    noise_std: Any = None,
    units: str = "V",
    **attributes: Any,
) -> xr.Dataset:
    """Build a dataset of the schema and validate it.

    Parameters
    ----------
    kind
        `system_matrix`, `measurement` or `image`.
    values, dims
        The variable and the names of its dimensions.
    coords
        Coordinates, as xarray takes them; units are added by name.
    noise_std
        Complex noise standard deviation in `units`, a scalar or an array over the row dimensions.
    units
        Unit of the values.
    **attributes
        Further attributes, such as `stage` and `origin`; None is left out.

    Raises
    ------
    InputError
        If the dataset does not keep the schema.
    """
    data = xr.Dataset({kind: (dims, values, {"units": units})}, coords=dict(coords))
    if noise_std is not None:
        noise_dims = tuple(d for d in dims if d not in VOXEL_DIMS)[-np.ndim(noise_std) :] if np.ndim(noise_std) else ()
        data["noise_std"] = (noise_dims, np.asarray(noise_std, dtype=float), {"units": units})
    for name in set(UNITS) & set(data.coords):
        data[name].attrs["units"] = UNITS[name]
    attributes = {"format_version": FORMAT_VERSION, "kind": kind, "software": f"mpisim {__version__}", **attributes}
    given = {k: v for k, v in attributes.items() if v is not None}
    data.attrs = json.loads(json.dumps(given, default=_plain))  # as a file gives them
    return validate(data)


def validate(data: xr.Dataset, name: str = "dataset") -> xr.Dataset:
    """Return the dataset if it keeps the schema; raise `InputError` with what is wrong with `name` if not."""
    require(isinstance(data, xr.Dataset), name, "an xarray.Dataset", type(data).__name__)
    kind = str(data.attrs.get("kind"))
    require(
        kind in DIMS,
        name,
        "an mpisim dataset of kind " + ", ".join(DIMS),
        f"kind {kind!r} with the variables {sorted(map(str, data.data_vars))}",
    )
    version = data.attrs.get("format_version")
    require(version == FORMAT_VERSION, name, f"of format_version {FORMAT_VERSION}", repr(version))
    require(kind in data, name, f"a dataset with the variable {kind}", sorted(map(str, data.data_vars)))
    variable = data[kind]
    order = [d for d in DIMS[kind] if d in variable.dims]
    require(list(variable.dims) == order, name, f"of dimensions from {DIMS[kind]} in this order", variable.dims)
    require(variable.size > 0, name, "non-empty", f"the sizes {dict(variable.sizes)}")
    complex_kind = kind != "image"
    require(
        np.iscomplexobj(variable.values) == complex_kind,
        name,
        f"{'complex' if complex_kind else 'real'} in {kind}",
        str(variable.dtype),
    )
    finite(f"{kind} of {name}", variable.values)
    if kind != "measurement":
        require({"y", "x"} <= set(variable.dims), name, "over y and x", variable.dims)
        for axis in set(VOXEL_DIMS) & set(variable.dims):
            _check_axis(data, axis, name)
    for coordinate in data.coords.values():
        if coordinate.dtype.kind == "f":
            finite(f"coordinate {coordinate.name} of {name}", coordinate.values)
    if "noise_std" in data:
        noise = finite(f"noise_std of {name}", data["noise_std"].values)
        require(bool(np.all(noise >= 0)), f"noise_std of {name}", "zero or more", float(np.min(noise)))
    if kind == "system_matrix":
        one_of(f"stage of {name}", data.attrs.get("stage"), ("fine", "coarse"))
        one_of(f"origin of {name}", data.attrs.get("origin"), ("simulated", "measured", "recovered"))
        if data.attrs["stage"] == "coarse":
            sampling = data.attrs.get("sampling")
            good = isinstance(sampling, Mapping) and {"scheme", "factor"} <= set(sampling)
            must = "a mapping with scheme and factor where the stage is coarse"
            require(good, f"sampling of {name}", must, repr(sampling))
            whole(f"factor of {name}", data.attrs["sampling"]["factor"])
    return data


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written to a file")


def _check_axis(data: xr.Dataset, axis: str, name: str) -> None:
    require(axis in data.coords, name, f"a dataset with the coordinate {axis} in m", sorted(map(str, data.coords)))
    steps = np.diff(data[axis].values)
    regular = steps.size == 0 or (np.all(steps > 0) and np.allclose(steps, steps.mean(), rtol=1e-4, atol=0))
    require(bool(regular), f"coordinate {axis} of {name}", "ascending and equidistant", "something else")


def expect(data: xr.Dataset, kind: str, name: str, stage: str | None = None) -> xr.Dataset:
    """Validate, and raise `InputError` unless the dataset is of this kind and stage."""
    validate(data, name)
    require(data.attrs["kind"] == kind, name, f"a {kind}", f"a {data.attrs['kind']}")
    if stage is not None:
        require(data.attrs["stage"] == stage, name, f"a {stage} system matrix", f"a {data.attrs['stage']} one")
    return data


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


def rows(data: xr.Dataset) -> np.ndarray:
    """System matrix as images, shape (row, y, x), complex; a view where that is possible."""
    values = data["system_matrix"].values
    return values.reshape(-1, *values.shape[-2:])


def matrix(data: xr.Dataset) -> np.ndarray:
    """System matrix as a matrix, shape (row, voxel), x fastest, complex; a view where that is possible."""
    variable = data["system_matrix"]
    voxels = int(np.prod([variable.sizes[d] for d in VOXEL_DIMS if d in variable.dims]))
    return variable.values.reshape(-1, voxels)


def noise_per_row(data: xr.Dataset) -> np.ndarray:
    """Complex noise standard deviation of every row of `rows`, shape (row,), in the unit of the matrix.

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
    found = dataset(
        "system_matrix",
        values.reshape(shape).astype(variable.dtype, copy=False),
        (*lead, "y", "x"),
        {**coords, "y": y, "x": x},
        noise_std=noise_std,
        units=variable.attrs.get("units", "1"),
        **{**kept, **attributes},
    )
    return found.assign(extra) if extra else found
