"""What a file or a dataset says of its acquisition, for the comparison of a matrix with a measurement."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from mpisim.errors import DataWarning, InputError, require
from mpisim.io.mdf.description import description
from mpisim.io.mdf.frames import Frames
from mpisim.io.mdf.metadata import decoded, gathered, texts_of
from mpisim.io.mdf.source import holds_mdf, opened
from mpisim.io.reading import read
from mpisim.preprocess.pairing import Acquisition

__all__ = ["acquisition_of", "acquisition_of_file"]

_DRIVE, _RECEIVER = "/acquisition/drivefield", "/acquisition/receiver"
_NO_WORDS = ("", "n.a.", "n.a", "default", "unknown")


def acquisition_of(data: xr.Dataset) -> Acquisition:
    """Return what a matrix or a measurement says, by its attribute `mdf` or, for a simulation, its scanner."""
    kind = str(data.attrs["kind"])
    stated = description(data.attrs, kind)
    done = data.attrs.get("preprocessing")
    state = str(done.get("transfer_function", "none")) if isinstance(done, Mapping) else "none"
    unit = str(data[kind].attrs.get("units", "1"))
    fields = _fields(stated) | {"channels": data[kind].sizes.get("receive", 1)}
    fields = {k: v for k, v in fields.items() if k != "unit"} | ({} if unit == "1" else {"unit": [unit]})
    frequencies = np.atleast_1d(data["frequency"].values) if "frequency" in data.coords else None
    return Acquisition(
        fields,
        frequencies,
        "corrected" if state in ("divided out", "corrected before") else "none",
        _transfer(stated, fields["channels"], frequencies),
    )


def acquisition_of_file(path: str | os.PathLike[str], kind: str) -> Acquisition:
    """Return what the file of a matrix or a measurement says; of an MDF file only the metadata are read.

    Raises `InputError` if the file cannot be read or is of another kind.
    """
    if not (os.path.isfile(path) and holds_mdf(path)):
        data = read(path)
        require(data.attrs["kind"] == kind, str(path), f"a file of the kind {kind}", data.attrs["kind"])
        return acquisition_of(data)
    with warnings.catch_warnings(), opened(path) as source:
        warnings.simplefilter("ignore", DataWarning)
        found = "system_matrix" if source.item("/calibration/method") is not None else "measurement"
        require(found == kind, str(path), f"a file of the kind {kind}", found)
        stated = {p: decoded(v, p) for p, v in gathered(source).items()}
        size = source.real("/calibration/size") if kind == "system_matrix" else None
        frames = Frames(source, None if size is None else tuple(int(n) for n in size.ravel()[::-1]))
        state = "none" if frames.transfer_state == "none" else "corrected"
        fields = _fields(stated) | {"channels": frames.channels}
        return Acquisition(fields, frames.frequencies, state, _transfer(stated, frames.channels, frames.frequencies))


def _fields(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is compared, by name; what is not stated, or in another form than numbers, is left out."""
    found: dict[str, Any] = {}
    base, divider = stated.get(f"{_DRIVE}/baseFrequency"), stated.get(f"{_DRIVE}/divider")
    if base is not None and divider is not None and np.all(np.asarray(divider, dtype=float) > 0):
        found["drive_frequencies"] = np.ravel(base)[0] / np.ravel(np.asarray(divider, dtype=float))
    for name, path, last in (
        ("drive_amplitudes", f"{_DRIVE}/strength", 2),
        ("gradient", "/acquisition/gradient", 2),
        ("offset_field", "/acquisition/offsetField", 1),
    ):
        values = stated.get(path)
        if values is not None:
            found[name] = _by_period(np.asarray(values, dtype=float), name, last)
    for name, path in (("bandwidth", f"{_RECEIVER}/bandwidth"),):
        if stated.get(path) is not None:
            found[name] = float(np.ravel(stated[path])[0])
    for name, path in (
        ("topology", "/scanner/topology"),
        ("waveforms", f"{_DRIVE}/waveform"),
        ("unit", f"{_RECEIVER}/unit"),
        ("tracers", "/tracer/name"),
    ):
        texts = [t for t in texts_of(stated.get(path, [])) if t.strip().lower() not in _NO_WORDS]
        if texts:
            found[name] = texts
    return found


def _by_period(values: np.ndarray, name: str, last: int) -> np.ndarray:
    """Return numbers by period, one period where all are equal; a gradient of three numbers is a diagonal."""
    if name == "gradient" and values.size == 3:
        values = np.diag(values.ravel())
    if values.ndim < last:
        return values.reshape(1, -1)
    rows = values.reshape(-1, int(np.prod(values.shape[values.ndim - last :])))
    return rows[:1] if np.allclose(rows, rows[:1], rtol=1e-9, atol=0) else rows


def _transfer(stated: Mapping[str, Any], channels: int, frequencies: np.ndarray | None) -> np.ndarray | None:
    """Return the transfer function of the rows, where it is there for exactly these."""
    try:
        values = np.asarray(stated.get(f"{_RECEIVER}/transferFunction", np.zeros(0)))
    except InputError:
        return None
    count = 0 if frequencies is None else frequencies.size
    return values if values.shape == (channels, count) and count else None
