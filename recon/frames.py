"""Images of frames that come one after the other, and of files with many frames, in bounded memory.

What depends on the matrix alone (pairing, units, whitening, a factorisation, singular values) is computed for the first
frames and serves the later ones, as long as their rows, unit and noise stay the same; where they change, it is computed
again. Lambda by a rule, and the radius of the noise ball from the data, are those of each frame. So every image is the
one that `recon.reconstruct` gives for the frame alone. Where the matrix states its errors and these are used, rows are
weighted for the image of each frame, and everything is computed for each frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.schema import VOXEL_DIMS, expect
from mpisim.errors import require, whole
from mpisim.io.formats import FilePath
from mpisim.io.netcdf import holds_netcdf, read_netcdf_blocks, write_netcdf_blocks
from mpisim.io.writing import expect_output
from mpisim.preprocess.rows import one_of_each_row
from mpisim.progress import progress
from recon.compare import image_figures
from recon.preparation import Conditions, Prepared
from recon.reconstructor import Reconstructor
from recon.streaming import StoredRows

__all__ = ["reconstruct_file", "stream"]


def stream(
    matrix: xr.Dataset,
    frames: Iterable[xr.Dataset],
    method: str = "admm",
    preset: str | None = None,
    **parameters: Any,
) -> Iterator[xr.Dataset]:
    """Reconstruct measurements as they arrive; the generator holds one of them at a time.

    Parameters
    ----------
    matrix
        A fine system matrix, simulated, measured or recovered.
    frames
        Measurements of the same rows, each of one frame or several.
    method, preset
        See `recon.reconstruct`.
    **parameters
        Its other parameters, and the options of the method. `noise_db` is left out, since the level of a single frame
        is not that of all.

    Yields
    ------
    xarray.Dataset
        The image or images of each measurement, as `recon.reconstruct` returns them.

    Raises
    ------
    InputError
        As `recon.reconstruct`, and where noise_db is given.
    """
    known = {f.name for f in fields(Conditions)}
    conditions = Conditions(**{name: value for name, value in parameters.items() if name in known})
    require(conditions.noise_db is None, "noise_db", "left out for frames that arrive one by one", conditions.noise_db)
    options = {name: value for name, value in parameters.items() if name not in known}
    maker = Reconstructor.of(method, preset, conditions, options)
    for image, _ in _images(maker, matrix, frames):
        yield image


def _images(
    maker: Reconstructor, matrix: xr.Dataset | StoredRows | None, frames: Iterable[xr.Dataset]
) -> Iterator[tuple[xr.Dataset, tuple[str, ...]]]:
    """Yield the images of every measurement, and the names of those attributes that have a number for each frame."""
    first: xr.Dataset | None = None
    prepared: Prepared | None = None
    header: xr.Dataset | None = None
    stored = matrix if isinstance(matrix, StoredRows) else None
    for y in frames:
        shared = first is not None and header is not None and prepared is not None and _alike(first, y)
        if shared and prepared is not None and header is not None:
            prepared = maker.prepared_like(prepared, header, y)
        else:
            prepared, first = maker.prepared(matrix, y), None
            if isinstance(matrix, xr.Dataset) and maker.solver.direct is None and prepared.deviation is None:
                header, first = _header(matrix), y
        if prepared.deviation is not None and y.sizes.get("frame", 1) > 1:
            single = (y.isel(frame=slice(k, k + 1)) for k in range(y.sizes["frame"]))
            made = list(_images(maker, matrix, single))
            yield _joined([image for image, _ in made], made[0][1]), made[0][1]
            continue
        solution = maker.solved(prepared)
        yield maker.image(prepared, solution, stored), tuple(solution.figures)


def _header(matrix: xr.Dataset) -> xr.Dataset:
    """Return a matrix with its first voxel only."""
    return matrix.isel({d: slice(0, 1) for d in VOXEL_DIMS if d in matrix["system_matrix"].dims})


def _alike(first: xr.Dataset, y: xr.Dataset) -> bool:
    """Whether two measurements differ in values and frames only: rows, unit, noise and acquisition are equal."""
    if "measurement" not in first or "measurement" not in y:
        return False
    one, other = (one_of_each_row(data).drop_vars("frame", errors="ignore") for data in (first, y))
    names = [name for name in ("noise_std", "background") if name in first or name in y]
    return (
        one.sizes == other.sizes
        and one.coords.to_dataset().equals(other.coords.to_dataset())
        and first["measurement"].attrs.get("units") == y["measurement"].attrs.get("units")
        and first.attrs.get("mdf") == y.attrs.get("mdf")
        and all(name in first and name in y and first[name].variable.equals(y[name].variable) for name in names)
    )


def _joined(images: list[xr.Dataset], listed: tuple[str, ...]) -> xr.Dataset:
    """Return images of one frame each as one dataset."""
    joined = xr.concat([image[["image"]] for image in images], "frame", combine_attrs="override")
    return joined.assign_attrs({name: [image.attrs[name][0] for image in images] for name in listed})


def reconstruct_file(
    matrix: xr.Dataset | StoredRows | None,
    measurement: FilePath,
    out: FilePath,
    frames_at_once: int,
    maker: Reconstructor,
    reference: xr.Dataset | None = None,
) -> dict[str, Any]:
    """Reconstruct the frames of a file into another one, some at a time; the memory does not grow with their number.

    Parameters
    ----------
    matrix
        A fine system matrix, or its rows in a file (`recon.streaming`); None for a method without one.
    measurement, out
        Files (.nc). The second is written whole or not at all.
    frames_at_once
        Number of frames in memory.
    maker
        The method with its options and conditions.
    reference
        An image to compare each of them with.

    Returns
    -------
    dict
        Attributes of the images, where those that differ between frames are lists, and the figures of
        `recon.image_figures`. In the file these are variables over `frame`, which are numbered from zero where the
        measurement has no labels for them.

    Raises
    ------
    InputError
        As `recon.reconstruct`, or if the files are not NetCDF, or the measurement has no frames.
    """
    expect_output(out, measurement)
    at_once = whole("frames_at_once", frames_at_once)
    require(str(out).endswith(".nc"), "output file", "a .nc file where frames are written some at a time", str(out))
    must = "left out where frames are read some at a time"
    require(maker.conditions.noise_db is None, "noise_db", must, maker.conditions.noise_db)
    told: dict[str, Any] = {}
    last: list[xr.Dataset] = []

    def images() -> Iterator[xr.Dataset]:
        start = 0
        for image, listed in _images(maker, matrix, _frames_of(measurement, at_once, last)):
            lists = {name: image.attrs[name] for name in listed} | image_figures(image, reference, last[0])
            _extend(told, image.attrs, lists)
            yield _over_frames(image, lists, start)
            start += image.sizes["frame"]

    write_netcdf_blocks(images(), out, along="frame")
    return told


def _frames_of(path: FilePath, at_once: int, last: list[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Yield the frames of a file, some at a time, and put each of these datasets into a list of one."""
    require(holds_netcdf(path), "measurement", "a NetCDF file where frames are read some at a time", str(path))
    data = expect(next(read_netcdf_blocks(path, 1)), "measurement", str(path))["measurement"]
    require(data.dims[0] == "frame", "measurement", "of frames, the first dimension", data.dims)
    with progress(unit="frame") as bar:
        for block in read_netcdf_blocks(path, at_once * data[0].size):
            last[:] = [block]
            yield block
            bar.update(block.sizes["frame"])


def _extend(told: dict[str, Any], attributes: Mapping[Any, Any], lists: Mapping[str, Any]) -> None:
    """Add the numbers of some frames to those of the frames before."""
    if not told:
        told.update({str(k): v for k, v in attributes.items()})
        told.update({k: [] for k in lists})
    for name, values in lists.items():
        told[name] = [*told[name], *values]


def _over_frames(image: xr.Dataset, lists: Mapping[str, Any], start: int) -> xr.Dataset:
    """Return an image whose numbers of each frame are variables, so that blocks of frames can be joined.

    Frames that have no labels are numbered, from `start` in this block.
    """
    numbers = {name: [np.nan if v is None else float(v) for v in values] for name, values in lists.items()}
    found = image.assign({name: ("frame", np.array(values)) for name, values in numbers.items()})
    if "frame" not in found.coords:
        found = found.assign_coords(frame=np.arange(start, start + image.sizes["frame"]))
    found.attrs = {name: value for name, value in image.attrs.items() if name not in lists}
    return found
