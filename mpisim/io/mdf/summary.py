"""What an MDF file is, from its metadata alone: nothing of the data is read, whatever their size."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from mpisim.errors import InputError, require
from mpisim.io.mdf.acquisition import gradient_of, periods_of
from mpisim.io.mdf.metadata import OWN, field_paths
from mpisim.io.mdf.source import MdfFile, opened
from mpisim.io.mdf.specification import FIELDS, FLAGS

__all__ = ["summary"]

_KINDS = (
    ("/calibration/method", "system_matrix"),
    ("/measurement/data", "measurement"),
    ("/reconstruction/data", "image"),
)


def summary(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return kind, scanner, tracer, sequence, receiver, frames, positions and processing of a file.

    What the file does not state is left out. Raises `InputError` if the file is no MDF file or damaged.
    """
    with opened(path) as source:
        found: dict[str, Any] = {
            "kind": next((kind for field, kind in _KINDS if field in source), "metadata alone"),
            "version": source.text("/version"),
            "topology": source.text("/scanner/topology"),
            "scanner_name": source.text("/scanner/name"),
            "tracer": _tracer(source),
            "drive": _drive(source),
            "gradient": _gradient(source),
            "receiver": _receiver(source),
            "frames": _frames(source),
            "positions": _positions(source),
            "processing": [name for name in FLAGS if _flag(source, name)],
            "custom": [p for p in field_paths(source) if p not in FIELDS and not p.startswith(f"{OWN}/")],
        }
    return {name: value for name, value in found.items() if value not in (None, {})}


def _listed(source: MdfFile, field: str) -> list[Any] | None:
    values = source.numbers(field)
    if values is None:
        return None
    require(values.dtype.kind != "c", source.name(field), "real", str(values.dtype))
    return np.ravel(values).tolist()


def _stated(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _tracer(source: MdfFile) -> dict[str, Any]:
    texts = {name: source.texts(f"/tracer/{name}") for name in ("name", "vendor", "batch", "solute")}
    return _stated(**texts, concentration=_listed(source, "/tracer/concentration"))


def _drive(source: MdfFile) -> dict[str, Any]:
    base, divider = (
        source.number("/acquisition/drivefield/baseFrequency"),
        source.real("/acquisition/drivefield/divider"),
    )
    usable = base is not None and divider is not None and bool(np.all(divider > 0))
    strength = source.real("/acquisition/drivefield/strength")
    return _stated(
        frequency=(base / np.ravel(divider)).tolist() if usable else None,  # type: ignore[arg-type, operator]
        amplitude=None if strength is None else np.ravel(strength[0] if strength.ndim == 3 else strength).tolist(),
        waveform=source.texts("/acquisition/drivefield/waveform"),
    )


def _gradient(source: MdfFile) -> dict[str, Any]:
    try:
        values = gradient_of(source)
    except InputError:
        return {}
    if values is None:
        return {}
    return {"matrix": values[0, 0].tolist()} | ({} if np.allclose(values, values[:1]) else {"turns": len(values)})


def _receiver(source: MdfFile) -> dict[str, Any]:
    samples = source.count("/acquisition/receiver/numSamplingPoints")
    selection = source.dataset("/measurement/frequencySelection")
    return _stated(
        channels=source.count("/acquisition/receiver/numChannels"),
        bandwidth=source.number("/acquisition/receiver/bandwidth"),
        samples=samples,
        frequencies=samples // 2 + 1 if selection is None and samples is not None else getattr(selection, "size", None),
        unit=source.text("/acquisition/receiver/unit"),
        transfer_function=True if "/acquisition/receiver/transferFunction" in source else None,
    )


def _frames(source: MdfFile) -> dict[str, Any]:
    mask = source.real("/measurement/isBackgroundFrame")
    background = None if mask is None else int(np.count_nonzero(mask))
    return _stated(
        foreground=None if mask is None or background is None else mask.size - background,
        background=background,
        periods=periods_of(source),
        averages=source.count("/acquisition/numAverages"),
    )


def _positions(source: MdfFile) -> dict[str, Any]:
    group = "/calibration" if "/calibration/method" in source else "/reconstruction"
    parts = {"size": "size", "fov": "fieldOfView", "center": "fieldOfViewCenter", "sample": "deltaSampleSize"}
    return _stated(**{name: _listed(source, f"{group}/{field}") for name, field in parts.items()})


def _flag(source: MdfFile, name: str) -> bool:
    return bool(source.flag(f"/measurement/{name}"))
