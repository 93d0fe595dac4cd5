r"""The data contract: one `xarray.Dataset` schema for everything that is passed between the packages.

A dataset has the attributes `format_version` and `kind`, and by kind one complex or real variable:

=================  ====================  ==========================================================================
kind               variable              dimensions, in this order, any of the leading ones absent
=================  ====================  ==========================================================================
`system_matrix`    `system_matrix`       angle, receive, frequency, z, y, x (complex)
`measurement`      `measurement`         frame, angle, receive, frequency (complex)
`image`            `image`               frame, z, y, x (real)
=================  ====================  ==========================================================================

x, y, z are voxel centres in m, ascending and equidistant; `harmonic` (number) and `frequency` (Hz) are coordinates of
frequency, angle is in rad. A system matrix further has the attributes

- `stage`: `fine`, or `coarse` with the attribute `sampling` (a mapping with `scheme`, `factor`, `seed`, `snr`, and
  `shape`, the numbers of fine voxels along x and y, where the factor does not divide them);
- `origin`: `simulated`, `measured` or `recovered`;

A matrix or measurement whose noise is known has the variable `noise_std`: the complex noise standard deviation of its
values, a scalar or one per row, and 0 where they are exact, as those of a simulation are. Without it the noise is
**unknown**, which is not the same as none. (Only a fine matrix of origin `simulated` is exact without it, too: versions
up to 0.1 wrote it so.)

A matrix whose errors are known beyond that noise, as those of a recovered one can be, has the variable
`system_matrix_std`: real, zero or more, with the dimensions and the unit of `system_matrix`. It is the root of the mean
of the variances of the real and of the imaginary part of the error of each value, so that
:math:`E|\delta A|^2 = 2 s^2`. It does not say how errors of different values depend on each other. Without it these
errors are unknown, which is not the same as none. Where both parts err differently, the variable
`system_matrix_circularity` says how: complex, of a magnitude of at most 1, with the same dimensions and without a unit,
:math:`E\,\delta A^2 / E|\delta A|^2` (`mpisim.data.deviation`). Without it both parts are taken to err alike.

A coarse file holds **block means** (the large sample's signal over factor^2). Where the last blocks reach over the edge
of the fine grid and hold n voxels, their values are means over these, with factor^2 / n times the noise that
`noise_std` states, and coordinates are still those of whole blocks (`mpisim.data.sampling`). A random sampling keeps
the fine grid and marks its voxels in `sampled` (y, x). Samples at any positions (the scheme `positions`) have the
dimension `position` in place of z, y and x, with the coordinates `x`, `y`, `size_x` and `size_y` in m, centres and
edges of the samples; `sampling` then states the fine `grid` (`mpisim.data.sampling_positions`).

Attributes are numbers, strings, lists or mappings; they carry every parameter (`scanner`, `particle`, `grid`, `sample`:
of the fine matrix, in a coarse file too), the seed and the software version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.attributes import plain_attributes
from mpisim.data.finite import require_finite
from mpisim.data.sampling import PositionSampling, Sampling, fine_shape
from mpisim.data.units import conversion, coordinates_in
from mpisim.errors import finite, one_of, require, whole, with_article
from mpisim.version import __version__

__all__ = [
    "CIRCULARITY",
    "DIMS",
    "FORMAT_VERSION",
    "POSITION",
    "STD",
    "UNITS",
    "VOXEL_DIMS",
    "ascending",
    "build",
    "expect",
    "validate",
]

FORMAT_VERSION = 1
VOXEL_DIMS = ("z", "y", "x")
DIMS = {
    "system_matrix": ("angle", "receive", "frequency", *VOXEL_DIMS),
    "measurement": ("frame", "angle", "receive", "frequency"),
    "image": ("frame", *VOXEL_DIMS),
}
POSITION = "position"
"""Dimension of a coarse matrix of samples at any positions, in place of those of voxels."""
STD = "system_matrix_std"
"""Variable of the standard deviation of a system matrix' values."""
CIRCULARITY = "system_matrix_circularity"
"""Variable that says how the errors of real and imaginary parts differ."""
_OVER_ONE = 1e-5  # what rounding may add to the magnitude of a circularity
UNITS = {
    **dict.fromkeys(("x", "y", "z", "size_x", "size_y"), "m"),
    **{"angle": "rad", "frequency": "Hz", "harmonic": "1"},
}


def build(
    kind: str,
    values: np.ndarray,
    dims: tuple[str, ...],
    coords: Mapping[str, object],
    *,
    noise_std: Any = None,
    std: Any = None,
    circularity: Any = None,
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
        Complex noise standard deviation in `units`, a scalar or an array over the row dimensions; 0 for exact values,
        None where it is not known.
    std
        Of a system matrix: root of the mean of the variances of both parts of each value, in `units`, an array of the
        shape of `values`; None where it is not known.
    circularity
        Of a system matrix: how the variances of both parts differ, complex, of the shape of `values`
        (`mpisim.data.deviation`); None where that is not known.
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
    if std is not None:
        data[STD] = (dims, np.asarray(std), {"units": units})
    if circularity is not None:
        data[CIRCULARITY] = (dims, np.asarray(circularity), {"units": "1"})
    data = coordinates_in(data, UNITS, "the dataset")
    for name in set(UNITS) & set(data.coords):
        data[name].attrs["units"] = UNITS[name]
    attributes = {"format_version": FORMAT_VERSION, "kind": kind, "software": f"mpisim {__version__}", **attributes}
    data.attrs = plain_attributes({k: v for k, v in attributes.items() if v is not None})  # as a file returns them
    return validate(data, str(data.attrs.get("source", "dataset")))


def validate(data: xr.Dataset, name: str = "dataset") -> xr.Dataset:
    """Return the dataset if it keeps the schema; raise `InputError` with what is wrong with `name` if not."""
    require(isinstance(data, xr.Dataset), name, "an xarray.Dataset", type(data).__name__)
    kind = _check_kind(data, name)
    _check_variable(data, kind, name)
    if POSITION in data[kind].dims:
        _check_positions(data, kind, name)
    elif kind != "measurement":
        require({"y", "x"} <= set(data[kind].dims), name, "over y and x", data[kind].dims)
        for axis in set(VOXEL_DIMS) & set(data[kind].dims):
            _check_axis(data, str(axis), name)
    for coordinate, unit in UNITS.items():
        _check_unit(data, coordinate, unit, name)
    for coordinate in data.coords.values():
        if coordinate.dtype.kind == "f":
            finite(f"coordinate {coordinate.name} of {name}", coordinate.values)
    if "noise_std" in data:
        dtype = data["noise_std"].dtype
        require(dtype.kind in "fiu", f"noise_std of {name}", "real numbers", str(dtype))
        noise = finite(f"noise_std of {name}", data["noise_std"].values)
        require(bool(np.all(noise >= 0)), f"noise_std of {name}", "zero or more", float(np.min(noise)))
    if STD in data:
        _check_std(data, kind, name)
    if CIRCULARITY in data:
        _check_circularity(data, kind, name)
    if kind == "system_matrix":
        _check_stage(data, name)
    return data


def _check_kind(data: xr.Dataset, name: str) -> str:
    kind = str(data.attrs.get("kind"))
    variables = sorted(map(str, data.data_vars))
    must = "an mpisim dataset of kind " + ", ".join(DIMS)
    require(kind in DIMS, name, must, f"kind {kind!r} with the variables {variables}")
    version = data.attrs.get("format_version")
    require(version == FORMAT_VERSION, name, f"of format_version {FORMAT_VERSION}", repr(version))
    require(kind in data, name, f"a dataset with the variable {kind}", variables)
    return kind


def _check_variable(data: xr.Dataset, kind: str, name: str) -> None:
    variable = data[kind]
    every = (*DIMS[kind][: -len(VOXEL_DIMS)], POSITION) if POSITION in variable.dims else DIMS[kind]
    order = [d for d in every if d in variable.dims]
    require(list(variable.dims) == order, name, f"of dimensions from {every} in this order", variable.dims)
    require(variable.size > 0, name, "non-empty", f"the sizes {dict(variable.sizes)}")
    numbers = "real" if kind == "image" else "complex"
    good = variable.dtype.kind in ("c" if numbers == "complex" else "fiub")
    require(good, name, f"{numbers} in {kind}", str(variable.dtype))
    require_finite(variable, f"{kind} of {name}", (*VOXEL_DIMS, POSITION))


def _check_std(data: xr.Dataset, kind: str, name: str) -> None:
    require(kind == "system_matrix", name, f"a system matrix where it has the variable {STD}", f"of kind {kind}")
    std, what = data[STD], f"{STD} of {name}"
    require(std.dims == data[kind].dims, what, f"of the dimensions of {kind} {data[kind].dims}", std.dims)
    require(std.dtype.kind == "f", what, "real floating-point numbers", str(std.dtype))
    require_finite(std, what, VOXEL_DIMS)
    require(bool(np.all(std.values >= 0)), what, "zero or more", float(std.min()))


def _check_circularity(data: xr.Dataset, kind: str, name: str) -> None:
    must = f"a system matrix where it has the variable {CIRCULARITY}"
    require(kind == "system_matrix", name, must, f"of kind {kind}")
    found, what = data[CIRCULARITY], f"{CIRCULARITY} of {name}"
    require(found.dims == data[kind].dims, what, f"of the dimensions of {kind} {data[kind].dims}", found.dims)
    require(found.dtype.kind == "c", what, "complex numbers", str(found.dtype))
    require_finite(found, what, VOXEL_DIMS)
    largest = float(abs(found).max())
    require(largest <= 1 + _OVER_ONE, what, "of a magnitude of at most 1", largest)


def _check_positions(data: xr.Dataset, kind: str, name: str) -> None:
    """Refuse values at positions that are no coarse system matrix, or do not say where they are."""
    sampling = data.attrs.get("sampling")
    scheme = sampling.get("scheme") if isinstance(sampling, Mapping) else None
    good = kind == "system_matrix" and data.attrs.get("stage") == "coarse" and scheme == PositionSampling.scheme
    must = f"a coarse system matrix of the scheme {PositionSampling.scheme} where it has the dimension {POSITION}"
    received = f"a {data.attrs.get('stage')} {kind} of the scheme {scheme}"
    require(good, name, must, received)
    for key in ("x", "y", "size_x", "size_y"):
        placed = key in data.coords and data[key].dims == (POSITION,)
        require(placed, name, f"a dataset with the coordinate {key} (position) in m", sorted(map(str, data.coords)))


def ascending(data: xr.Dataset) -> xr.Dataset:
    """Return the dataset with every descending axis of voxels reversed, with its values (in files of others)."""
    for axis in set(VOXEL_DIMS) & set(data.dims) & set(data.coords):
        centres = data[axis].values
        if centres.ndim == 1 and centres.size > 1 and centres.dtype.kind in "fiu" and np.all(np.diff(centres) < 0):
            data = data.isel({axis: slice(None, None, -1)})
    return data


def _check_axis(data: xr.Dataset, axis: str, name: str) -> None:
    require(axis in data.coords, name, f"a dataset with the coordinate {axis} in m", sorted(map(str, data.coords)))
    numbers = data[axis].dtype.kind in "fiu"
    steps = np.diff(data[axis].values) if numbers else np.array([-1.0])
    regular = steps.size == 0 or (np.all(steps > 0) and np.allclose(steps, steps.mean(), rtol=1e-4, atol=0))
    require(bool(regular), f"coordinate {axis} of {name}", "ascending and equidistant", "something else")


def _check_unit(data: xr.Dataset, coordinate: str, unit: str, name: str) -> None:
    """Refuse a coordinate in another unit; `mpisim.read` converts those of files."""
    stated = str(data[coordinate].attrs.get("units", unit)) if coordinate in data.coords else unit
    good = unit == "1" or stated in ("", "1", unit) or conversion(stated, unit) == 1
    require(good, f"unit of the coordinate {coordinate} of {name}", unit, stated)


def _check_stage(data: xr.Dataset, name: str) -> None:
    stage = one_of(f"stage of {name}", data.attrs.get("stage"), ("fine", "coarse"))
    one_of(f"origin of {name}", data.attrs.get("origin"), ("simulated", "measured", "recovered"))
    if stage == "coarse":
        sampling = data.attrs.get("sampling")
        good = isinstance(sampling, Mapping) and {"scheme", "factor"} <= set(sampling)
        must = "a mapping with scheme and factor where the stage is coarse"
        require(good, f"sampling of {name}", must, repr(sampling))
        whole(f"factor of {name}", data.attrs["sampling"]["factor"])
        if POSITION in data["system_matrix"].dims:
            Sampling.of(data)
        else:
            fine_shape(data, name)


def expect(data: xr.Dataset, kind: str, name: str, stage: str | None = None) -> xr.Dataset:
    """Validate, and raise `InputError` unless the dataset is of this kind and stage."""
    validate(data, name)
    require(data.attrs["kind"] == kind, name, with_article(kind), with_article(data.attrs["kind"]))
    if stage is not None:
        require(data.attrs["stage"] == stage, name, f"a {stage} system matrix", f"a {data.attrs['stage']} one")
    return data
