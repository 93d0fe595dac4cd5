r"""Writing MDF 2.1: system matrices, measurements and images, valid by the table of the specification.

Data are contiguous and not compressed, since MPIFiles opens nothing else. A matrix is stored J x C x K x N with x
fastest, a measurement N x J x C x K, both as the plain sums of a Fourier transformation, V times the coefficients of
the schema. What MDF has no field for is written below `/_mpisim`. Fields of other programs without the underscore that
the specification demands get one (`/custom/auxiliaryData` becomes `/_custom/_auxiliaryData`).

An image is written as the concentration in mol/L where that of the calibration's tracer is known, with the unit in
`/reconstruction/_unit`; otherwise relative to it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import h5py
import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.schema import POSITION, validate
from mpisim.errors import InputError, require
from mpisim.io.atomic import deferring_interrupt, replacing
from mpisim.io.digest import digest
from mpisim.io.mdf.description import description
from mpisim.io.mdf.metadata import decoded, own_fields, texts_of
from mpisim.io.mdf.shaping import fitted, prefixed
from mpisim.io.mdf.specification import FIELDS, FLAGS, VERSION

__all__ = ["write_mdf"]

_UNKNOWN = "n.a."
_HEIGHT = 1e-3  # m, of a plane whose thickness is not known
_OFF = 1e-3  # of the distance of two bins, by which a frequency may miss its own


def write_mdf(data: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write a dataset of the schema as MDF 2.1, whole or not at all.

    Raises
    ------
    InputError
        If the dataset does not keep the schema, its sequence is not known (neither simulated nor read from MDF, and
        without the attribute `mdf` that states it), or its frequencies are not those of the receiver.
    """
    data = validate(data)
    kind = str(data.attrs["kind"])
    stated = description(data.attrs, kind)
    sizes, fields, values = _image(data, stated) if kind == "image" else _rows(data, stated, kind)
    fields = {**_general(data, stated), **_metadata(stated, sizes, kind), **fields, **own_fields(data)}
    with replacing(path) as temporary, deferring_interrupt(), h5py.File(temporary, "w") as file:
        for name, value in fields.items():
            _store(file, name, value)
        _store_data(file, "/reconstruction/data" if kind == "image" else "/measurement/data", values)


def _store(file: h5py.File, name: str, value: Any) -> None:
    """Write one field; a text has a fixed length, an array of texts variable ones."""
    if isinstance(value, str):
        length = max(1, len(value.encode("utf-8")))
        file.create_dataset(name, data=value.encode("utf-8"), dtype=h5py.string_dtype("utf-8", length))
    elif np.asarray(value).dtype.kind in "UO":
        file.create_dataset(name, data=np.asarray(value, dtype=object), dtype=h5py.string_dtype())
    else:
        file.create_dataset(name, data=np.asarray(value))


def _store_data(file: h5py.File, name: str, parts: Iterable[np.ndarray]) -> None:
    """Write an array that comes in parts along its first axis, contiguous and not compressed."""
    listed = list(parts)
    shape, dtype = (len(listed), *listed[0].shape), listed[0].dtype
    item = file.create_dataset(name, shape, dtype.newbyteorder("<"))
    for i, part in enumerate(listed):
        item[i] = part


def _general(data: xr.Dataset, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every file has; identifiers follow from the content, so that equal data have equal ones."""
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    content = digest(data[str(data.attrs["kind"])].values, {k: str(v) for k, v in sorted(stated.items())})
    made = {n: str(uuid.uuid5(uuid.NAMESPACE_URL, f"mpisim {n} {content}")) for n in ("file", "study", "experiment")}
    texts = {
        path: _UNKNOWN
        for path, field in FIELDS.items()
        if field.type == "String" and field.needed == "yes" and field.group in ("/study", "/experiment", "/scanner")
    }
    return {
        **texts,
        "/study/number": np.int64(0),
        "/study/uuid": made["study"],
        "/experiment/number": np.int64(0),
        "/experiment/uuid": made["experiment"],
        "/experiment/isSimulation": np.int8(data.attrs.get("origin") == "simulated"),
        "/scanner/topology": _UNKNOWN,
        "/acquisition/startTime": now,
        "/acquisition/numAverages": np.int64(1),
        "/acquisition/receiver/unit": "1",
        "/version": VERSION,
        "/time": now,
        "/uuid": made["file"],
    }


_OF_FILE = ("/version", "/time", "/uuid")  # of a file, which a new one has anew


def _metadata(stated: Mapping[str, Any], sizes: dict[str, int], kind: str) -> dict[str, Any]:
    """Return the stated fields in the types and shapes of the specification; optional ones that do not fit are left."""
    divider = np.asarray(stated.get("/acquisition/drivefield/divider", np.ones((1, 1))))
    divider = divider.reshape(len(divider), -1) if divider.ndim else divider.reshape(1, 1)
    sizes = sizes | {"D": divider.shape[0], "F": divider.shape[1]}
    names = texts_of(stated.get("/tracer/name", [])) or [_UNKNOWN]
    sizes["A"] = len(names)
    found: dict[str, Any] = {}
    for path, value in _completed(stated, names).items():
        field = FIELDS.get(path)
        if path in _OF_FILE or path.split("/")[1] in _NOT_OF[kind]:
            continue
        if field is not None and field.group in ("/reconstruction", "/measurement"):  # made again
            continue
        if field is None:
            found[prefixed(path)] = value
            continue
        shaped = fitted(field, value, sizes)
        if shaped is not None:
            found[path] = shaped
        elif field.needed == "yes":
            must = " x ".join(str(d) for d in field.dims) or "one value"
            raise InputError(
                f"Input {path} of mdf must be {must} of the type {field.type}; instead received {value!r}."
            )
    missing = [p for p, f in FIELDS.items() if f.needed == "yes" and f.group.startswith("/acquisition/")]
    missing = [p for p in missing if p not in found and p not in _DERIVED]
    must = f"with {missing[0] if missing else ''} in its attribute mdf (data that are neither simulated nor from MDF)"
    require(not missing, "dataset", must, "one without it")
    found |= {"/acquisition/drivefield/numChannels": np.int64(sizes["D"])}
    return found | {
        "/acquisition/numPeriodsPerFrame": np.int64(sizes["J"]),
        "/acquisition/numFrames": np.int64(sizes["N"]),
    }


_NOT_OF = {
    "system_matrix": ("reconstruction",),
    "measurement": ("calibration", "reconstruction"),
    "image": ("calibration", "measurement"),
}
"""Groups that a file of each kind does not have."""
_CARRIED = ("isSpectralLeakageCorrected",)
_DERIVED = (
    *("/acquisition/receiver/numChannels", "/acquisition/receiver/unit"),
    "/acquisition/drivefield/numChannels",
)


def _completed(stated: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Return the stated fields with those of the tracer that are not stated; its numbers are then NaN, not known."""
    texts = {f"/tracer/{n}": [_UNKNOWN] * len(names) for n in ("batch", "solute", "vendor")}
    numbers = {f"/tracer/{n}": [np.nan] * len(names) for n in ("concentration", "volume")}
    found = {"/tracer/name": names, **texts, **numbers, **stated}
    found.pop("/acquisition/receiver/dataConversionFactor", None)  # which was applied
    return found


def _rows(
    data: xr.Dataset, stated: Mapping[str, Any], kind: str
) -> tuple[dict[str, int], dict[str, Any], list[np.ndarray]]:
    """Return sizes, fields and data, period by period (a matrix) or frame by frame, of a matrix or a measurement."""
    variable = data[kind]
    require(
        POSITION not in variable.dims,
        "dataset",
        "on a grid of voxels for MDF; NetCDF (.nc) holds any positions",
        "values at positions",
    )
    wanted = ["angle", "receive", "frequency", *((d for d in ("z", "y", "x")) if kind == "system_matrix" else ())]
    wanted = wanted if kind == "system_matrix" else ["frame", *wanted]
    full = variable.expand_dims([d for d in wanted if d not in variable.dims]).transpose(*wanted)
    values = full.values
    samples, bins = _receiver(data, stated)
    periods, channels, frequencies = (full.sizes[d] for d in ("angle", "receive", "frequency"))
    count = int(np.prod(values.shape[3:])) if kind == "system_matrix" else values.shape[0]
    sizes = {"J": periods, "C": channels, "K": frequencies, "N": count, "O": count, "V": samples}
    single = values.dtype == np.complex64
    scaled = [(part * np.float64(samples)).astype(np.complex64 if single else np.complex128) for part in values]
    if kind == "system_matrix":
        scaled = [part.reshape(channels, frequencies, count) for part in scaled]
    done = data.attrs.get("preprocessing")
    done = done if isinstance(done, Mapping) else {}
    selected = not np.array_equal(bins, np.arange(samples // 2 + 1))
    flags = {
        "isBackgroundCorrected": done.get("background") in ("subtracted", "corrected before"),
        "isFastFrameAxis": kind == "system_matrix",
        "isFourierTransformed": True,
        "isFrequencySelection": selected,
        "isTransferFunctionCorrected": done.get("transfer_function") in ("divided out", "corrected before"),
    }
    carried = {name: stated.get(f"/measurement/{name}", 0) for name in _CARRIED}
    fields: dict[str, Any] = {f"/measurement/{n}": np.int8(np.any(flags.get(n, carried.get(n, 0)))) for n in FLAGS}
    fields["/measurement/isBackgroundFrame"] = np.zeros(count, dtype=np.int8)
    fields |= {"/measurement/frequencySelection": (bins + 1).astype(np.int64)} if selected else {}
    fields["/acquisition/receiver/numChannels"] = np.int64(channels)
    fields |= {"/acquisition/_angles": data["angle"].values.astype(float)} if "angle" in data.coords else {}
    unit = str(variable.attrs.get("units", "1"))
    fields |= {} if unit == "1" and "/acquisition/receiver/unit" in stated else {"/acquisition/receiver/unit": unit}
    if kind == "system_matrix":
        fields |= _calibration(data, stated)
        if "snr_ratio" in data.coords:
            fields["/calibration/snr"] = data["snr_ratio"].values.reshape(periods, channels, frequencies)
    return sizes, fields, scaled


def _receiver(data: xr.Dataset, stated: Mapping[str, Any]) -> tuple[int, np.ndarray]:
    """Return the samples V of a period and the bins of the rows."""
    name = "/acquisition/receiver"
    known = [np.ravel(stated.get(f"{name}/{n}", [])) for n in ("numSamplingPoints", "bandwidth")]
    for field, value in zip(("numSamplingPoints", "bandwidth"), known, strict=True):
        must = f"with {name}/{field} in its attribute mdf (data that are neither simulated nor from MDF)"
        require(value.size == 1, "dataset", must, "one without it")
    samples, bandwidth = int(known[0][0]), float(known[1][0])
    require("frequency" in data.coords, "dataset", "one with the coordinate frequency", sorted(map(str, data.coords)))
    places = np.atleast_1d(data["frequency"].values) * samples / (2 * bandwidth)
    bins = np.rint(places).astype(np.int64)
    good = bool(np.all(np.abs(places - bins) < _OFF)) and np.unique(bins).size == bins.size
    must = f"different multiples of {2 * bandwidth / samples:g} Hz, up to {bandwidth:g} Hz"
    fits = good and bool(np.all((bins >= 0) & (bins <= samples // 2)))
    require(fits, "coordinate frequency", must, data["frequency"].values.tolist()[:4])
    return samples, bins


def _calibration(data: xr.Dataset, stated: Mapping[str, Any]) -> dict[str, Any]:
    simulated = data.attrs.get("origin") == "simulated" or bool(np.any(stated.get("/experiment/isSimulation", 0)))
    method = texts_of(stated.get("/calibration/method", [])) or ["simulation" if simulated else _UNKNOWN]
    return {"/calibration/method": method[0], **_positions(data, "/calibration")}


def _positions(data: xr.Dataset, group: str) -> dict[str, Any]:
    """Return the grid of a matrix or an image; a plane has the thickness that is known, or 1 mm."""
    grid, known = Grid.of(data), data.attrs.get("grid")
    thickness = known.get("thickness", _HEIGHT) if isinstance(known, Mapping) else _HEIGHT
    flat = len(grid.shape) == 2
    return {
        f"{group}/size": np.array([*grid.shape, *([1] if flat else [])], dtype=np.int64),
        f"{group}/fieldOfView": np.array([*grid.fov, *([float(thickness)] if flat else [])]),
        f"{group}/fieldOfViewCenter": np.array(grid.center),
        f"{group}/order": "xyz",
    }


def _image(data: xr.Dataset, stated: Mapping[str, Any]) -> tuple[dict[str, int], dict[str, Any], list[np.ndarray]]:
    """Return sizes, fields and data of images, frame by frame."""
    variable = data["image"]
    values = variable.values if "frame" in variable.dims else variable.values[None]
    unit = str(variable.attrs.get("units", "1"))
    concentration, named = _concentration(data, unit)
    flat = [(frame * concentration).reshape(-1, 1).astype(variable.dtype) for frame in values]
    sizes = {"J": 1, "C": 1, "K": -1, "N": len(values), "V": -1}
    for name, field in (("J", "numPeriodsPerFrame"), ("C", "receiver/numChannels")):
        found = np.ravel(stated.get(f"/acquisition/{field}", [1]))
        sizes[name] = int(found[0])
    phase = np.asarray(stated.get("/acquisition/drivefield/phase", np.zeros(1)))
    sizes["J"] = len(phase) if phase.ndim == 3 else sizes["J"]
    fields: dict[str, Any] = _positions(data, "/reconstruction")
    fields["/acquisition/receiver/numChannels"] = np.int64(sizes["C"])
    return sizes, {**fields, "/reconstruction/_unit": named}, flat


def _concentration(data: xr.Dataset, unit: str) -> tuple[float, str]:
    """Return what relative images are multiplied by, and the unit of the result."""
    matrix = data.attrs.get("matrix")
    stated = matrix.get("mdf") if isinstance(matrix, Mapping) else None
    if unit != "1" or not isinstance(stated, Mapping) or "/tracer/concentration" not in stated:
        return 1.0, unit
    numbers = np.ravel(np.asarray(decoded(stated["/tracer/concentration"], "/tracer/concentration"), dtype=float))
    if numbers.size != 1 or not np.isfinite(numbers[0]) or numbers[0] <= 0:
        return 1.0, unit
    return float(numbers[0]), "mol/L"
