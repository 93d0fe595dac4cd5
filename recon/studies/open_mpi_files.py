r"""Rows of measured calibrations as TranSMS takes them from Open MPI data: selected, cropped and whitened.

Every frequency, receive channel and slice along z is one row in two dimensions. A frequency of a channel is kept where
its stored signal-to-noise ratio is above 5. It is divided by its noise: the deviation of the background frames of the
file where there are any, and otherwise the RMS over the voxels over the stored ratio, which is what the paper did.

Along x and y the leading 32 voxels are kept (37 -> 32, 33 -> 32): the paper does not say which it took. Its sample of
2 x 2 x 1 mm is larger than the voxels of some of these files (1 x 1 x 0.5 mm), whose neighbouring values overlap by
half. Means over blocks of them are then no values of one large sample, so that the published comparison is not strict
there (the paper says so, too); a note names such files. Files are read by slabs of frequencies.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.schema import build
from mpisim.data.units import unit_of
from mpisim.errors import require
from mpisim.io.mdf.reading import matrix_slabs
from mpisim.preprocess.pairing import places

__all__ = ["EDGE", "LEAST_SNR", "Calibration", "calibration_file", "measured_rows", "read_calibration"]

EDGE = 32
"""Leading voxels along x and y that are kept."""
LEAST_SNR = 5.0
"""Stored ratio above which a frequency of a channel is kept."""
_SAMPLE = (2e-3, 2e-3, 1e-3)  # m, of Open MPI data where the file does not state it (TranSMS, section IV.A.2)
_OVERLAP = 1.05  # sample over voxel from which neighbouring values overlap


@dataclass(frozen=True, eq=False)
class Calibration:
    """Whitened rows of a calibration.

    Parameters
    ----------
    name
        Of the file.
    rows
        A fine system matrix (frequency, z, y, x) without unit, of noise 1: one entry of `frequency` for each frequency
        of a receive channel, named by the coordinates `frequency` (Hz) and `channel`.
    sigma
        Noise that each was divided by, in `unit`, shape (frequency,).
    unit
        Unit of the file.
    noise
        `background frames`, or `stored signal-to-noise ratios`.
    notes
        What is to be said of the file.
    """

    name: str
    rows: xr.Dataset
    sigma: np.ndarray
    unit: str
    noise: str
    notes: tuple[str, ...] = ()

    @property
    def floor(self) -> float:
        """RMS of the noise over that of the rows, a fraction: the error of a perfect recovery."""
        return float(1 / np.sqrt(np.mean(np.abs(self.rows["system_matrix"].values) ** 2)))


def calibration_file(folder: str | os.PathLike[str], number: int) -> Path:
    """Return the file NUMBER.mdf in a folder, or in its folder `calibrations`.

    Raises `InputError` if there is none.
    """
    places_of_it = [Path(folder) / f"{number}.mdf", Path(folder) / "calibrations" / f"{number}.mdf"]
    found = next((file for file in places_of_it if file.is_file()), None)
    must = f"a folder with {number}.mdf of Open MPI data (calibrations 7, 8, 9 and 10)"
    require(found is not None, "calibrations", must, str(folder))
    assert found is not None
    return found


def read_calibration(path: str | os.PathLike[str], edge: int = EDGE, most: int | None = None) -> Calibration:
    """Read the rows of a calibration.

    Parameters
    ----------
    path
        An MDF file with a system matrix and its signal-to-noise ratios.
    edge
        Leading voxels along x and y that are kept.
    most
        Keep so many frequencies of channels at most, those of the highest ratios.

    Raises
    ------
    InputError
        If the file holds no system matrix in a volume with ratios, is smaller than the edge, or no row is kept.
    """
    kept = [found for slab in matrix_slabs(path) if (found := _of_slab(slab, path, edge)) is not None]
    require(len(kept) > 0, os.fspath(path), f"with rows of a signal-to-noise ratio above {LEAST_SNR:g}", "none")
    parts = {name: np.concatenate([part[name] for part in kept]) for name in ("values", "sigma", "f", "c", "snr")}
    order = np.arange(parts["snr"].size)
    if most is not None and order.size > most:
        order = np.sort(np.argsort(-parts["snr"], kind="stable")[:most])
    first = kept[0]
    grid: Grid = first["grid"]
    rows = build(
        "system_matrix",
        parts["values"][order],
        ("frequency", "z", "y", "x"),
        {
            **grid.coords(),
            "frequency": parts["f"][order],
            "channel": ("frequency", parts["c"][order]),
            "snr_ratio": ("frequency", parts["snr"][order]),
        },
        noise_std=1.0,
        units="1",
        stage="fine",
        origin="measured",
        source=Path(path).name,
        mdf=first["mdf"],
    )
    notes = _notes(Path(path).name, first, grid, edge)
    return Calibration(Path(path).stem, rows, parts["sigma"][order], first["unit"], first["noise"], notes)


def _of_slab(slab: xr.Dataset, path: str | os.PathLike[str], edge: int) -> dict[str, Any] | None:
    """Return the kept rows of a slab of frequencies: values (row, z, y, x), noise, frequency, channel and ratio."""
    name = os.fspath(path)
    require("snr_ratio" in slab.coords, name, "a file with /calibration/snr", "one without it")
    require("z" in slab.dims, name, "a calibration of a volume", "one of a plane")
    full = slab["system_matrix"]
    require(min(full.sizes["x"], full.sizes["y"]) >= edge, name, f"of {edge} x {edge} voxels or more", full.shape)
    lead = [d for d in ("angle", "receive") if d not in full.dims]
    values = full.expand_dims(lead).transpose("angle", "receive", "frequency", "z", "y", "x")[0]
    snr = np.reshape(slab["snr_ratio"].values, values.shape[:2])
    channels, frequencies = np.nonzero(snr > LEAST_SNR)
    if not channels.size:
        return None
    chosen = values.values[channels, frequencies]
    if "noise_std" in slab:
        noise = np.broadcast_to(slab["noise_std"].values, full.shape[:-3]).reshape(values.shape[:2])
        sigma, by = noise[channels, frequencies], "background frames"
    else:
        size = np.sqrt(np.mean(np.abs(chosen) ** 2, axis=(1, 2, 3)))
        sigma, by = size / snr[channels, frequencies], "stored signal-to-noise ratios"
    require(bool(np.all(sigma > 0)), name, "with noise above zero in all rows that are kept", float(sigma.min()))
    white = (chosen[..., :edge, :edge] / sigma[:, None, None, None]).astype(np.complex64)
    return {
        "values": white,
        "sigma": sigma,
        "f": slab["frequency"].values[frequencies],
        "c": channels,
        "snr": snr[channels, frequencies],
        "grid": Grid.of(slab).first(edge, edge),
        "whole": Grid.of(slab),
        "mdf": slab.attrs.get("mdf"),
        "unit": unit_of(slab),
        "noise": by,
    }


def _notes(name: str, found: Mapping[str, Any], grid: Grid, edge: int) -> tuple[str, ...]:
    """Return what is to be said of a file: its crop, and a sample that is larger than a voxel."""
    whole, mdf = found["whole"], found["mdf"]
    notes = []
    if whole.shape[:2] != (edge, edge):
        notes.append(f"{name}: the leading {edge} x {edge} of {whole.shape[0]} x {whole.shape[1]} voxels")
    stated = mdf.get("/calibration/deltaSampleSize") if isinstance(mdf, Mapping) else None
    sample = _SAMPLE if stated is None or np.size(stated) != 3 else tuple(np.ravel(np.asarray(stated, dtype=float)))
    if any(s > _OVERLAP * v for s, v in zip(sample[:2], grid.voxel[:2], strict=True)):
        sizes = (" x ".join(f"{1e3 * length:.3g}" for length in lengths[:2]) for lengths in (sample, grid.voxel))
        notes.append(
            "{}: samples of {} mm on voxels of {} mm overlap; means over blocks are not those of one large "
            "sample".format(name, *sizes)
        )
    return tuple(notes)


def measured_rows(y: xr.Dataset, test: Calibration) -> tuple[Calibration, xr.Dataset, int]:
    """Return a calibration and a measurement of the rows that both have, and how many of the calibration's are lost.

    The measurement (frequency,) is the mean over frames and is divided by the noise of the calibration's rows. Raises
    `InputError` if no row is left.
    """
    values = y["measurement"]
    values = values.mean("frame") if "frame" in values.dims else values
    lead = [d for d in ("angle", "receive") if d not in values.dims]
    flat = values.expand_dims(lead).transpose("angle", "receive", "frequency").values[0]
    place = places(test.rows["frequency"].values, np.atleast_1d(y["frequency"].values))
    channel = test.rows["channel"].values
    good = np.flatnonzero((place >= 0) & (channel < len(flat)))
    require(good.size > 0, "measurement", "of frequencies of the calibration", "none of them")
    both = replace(test, rows=test.rows.isel(frequency=good), sigma=test.sigma[good])
    data = build(
        "measurement",
        flat[channel[good], place[good]] / both.sigma,
        ("frequency",),
        {"frequency": both.rows["frequency"].values, "channel": ("frequency", channel[good])},
        units="1",
        origin="measured",
    )
    return both, data, int(place.size - good.size)
