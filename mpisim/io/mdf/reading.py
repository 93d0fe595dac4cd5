r"""MDF files as datasets of the schema: system matrices, measurements and images.

Background is subtracted from data that hold background frames (`mpisim.preprocess.background`), a transfer function
that was not yet corrected is divided out, raw numbers are converted; the attribute `preprocessing` says so. The
`inductionFactor` is applied to nothing: dividing measurements alone, as MPIFiles does, makes concentrations wrong.

A file that this program did not write has the origin `measured`, simulations of others too: only our own are known to
be exact.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.schema import build
from mpisim.errors import require, warn, whole
from mpisim.io.mdf.acquisition import Positions, angles_of, positions_of
from mpisim.io.mdf.frames import Frames
from mpisim.io.mdf.images import image_of
from mpisim.io.mdf.metadata import gathered, own_parts
from mpisim.io.mdf.raw import raw_dataset
from mpisim.io.mdf.shots import Shots, positive_noise
from mpisim.io.mdf.source import MdfFile, opened
from mpisim.memory import memory_limit, require_memory
from mpisim.preprocess.background import Background, Runs
from mpisim.preprocess.wander import noise_after, wander_state

__all__ = ["is_too_large", "kind_of", "matrix_slabs", "read_mdf"]

_WORKING = 256e6  # bytes of memory for one slab
_COPIES = 8  # of a slab in memory: as read, as complex numbers, corrected, arranged
_UNKNOWN_UNITS = ("a.u.", "au", "n.a.", "n.a", "arb. unit")


def kind_of(source: MdfFile) -> str:
    """Return `system_matrix`, `measurement` or `image`, by what a file holds.

    Raises `InputError` if it holds none of them.
    """
    data, image = source.item("/measurement/data") is not None, source.item("/reconstruction/data") is not None
    require(data or image, source.path, "an MDF file with data of a measurement or an image", "one without")
    if data and image:
        warn(f"{source.path} holds measured data and an image; the image is not read.")
    if not data:
        return "image"
    return "system_matrix" if source.item("/calibration/method") is not None else "measurement"


def read_mdf(path: str | os.PathLike[str], average: int | None = None, raw: bool = False) -> xr.Dataset:
    """Read an MDF file of version 2 (drafts, 2.0 and 2.1).

    Parameters
    ----------
    path
        The file.
    average
        Mean over so many successive frames (periods, where these are repetitions) of a measurement. A rest that is
        shorter is averaged, too.
    raw
        Subtract no background and divide by no transfer function: both are kept beside the data (`mpisim.io.mdf.raw`).

    Raises
    ------
    InputError
        If the file is missing, damaged, contradicts itself, needs more memory than is allowed, or holds what is not
        read: patches, fields that move within a period, positions off a grid, images of several contrasts.
    """
    with opened(path) as source:
        kind = kind_of(source)
        must = "given for a measurement alone"
        require(average is None or kind == "measurement", "average", must, f"it for the {kind} of {path}")
        if kind == "image":
            return own_parts(source, image_of(source))
        if raw:
            require(average is None, "average", "left out where raw is given", average)
            return own_parts(source, raw_dataset(source, kind, _attributes))
        if kind == "measurement":
            return own_parts(source, _measurement(source, 1 if average is None else whole("average", average)))
        blocks = list(_slabs(source, whole_file=True))
    return blocks[0]


def matrix_slabs(path: str | os.PathLike[str]) -> Iterator[xr.Dataset]:
    """Read a system matrix by slabs of frequencies, each a dataset, with memory for one slab alone.

    Raises as `read_mdf`, and if the file holds no system matrix.
    """
    with opened(path) as source:
        kind = kind_of(source)
        require(kind == "system_matrix", str(path), "a system matrix where it is read by slabs", kind)
        yield from _slabs(source, whole_file=False)


def is_too_large(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds a system matrix that takes more than half of the memory that reading may take."""
    with opened(path) as source:
        item = source.dataset("/measurement/data")
        is_matrix = item is not None and source.item("/calibration/method") is not None
        return item is not None and is_matrix and 2 * item.size * item.dtype.itemsize > memory_limit()


def _slabs(source: MdfFile, whole_file: bool) -> Iterator[xr.Dataset]:
    """Yield a matrix by slabs of frequencies, or all of it in one."""
    sizes = source.real("/calibration/size")
    shape = tuple(int(n) for n in sizes.ravel()[::-1]) if sizes is not None else None
    frames = Frames(source, shape)
    positions = positions_of(source, "/calibration", int((~frames.is_background).sum()))
    angles = angles_of(source, frames.periods)
    calibration = _Calibration(source, frames, positions, angles)
    per_row = frames.periods * frames.channels * frames.is_background.size
    room = min(_WORKING, memory_limit() / 2)
    step = max(1, int(room // (_COPIES * 16 * per_row)))
    require_memory(source.path, _COPIES * 16 * per_row)
    count = frames.bins.size
    if not whole_file:
        yield from _portions(source, calibration, step)
        return
    lead = (1 if angles is None else frames.periods, frames.channels)
    require_memory(source.path, frames.dtype.itemsize * lead[0] * lead[1] * count * calibration.voxels + room)
    values = np.empty((*lead, count, *positions.grid.array_shape), dtype=frames.dtype)
    noise = np.zeros((*lead, count))
    for start in range(0, count, step):
        part = slice(start, min(start + step, count))
        values[:, :, part], level = calibration.rows(part)
        noise[:, :, part] = 0 if level is None else level
    yield own_parts(source, calibration.dataset(slice(0, count), values, positive_noise(noise)))


def _portions(source: MdfFile, calibration: _Calibration, step: int) -> Iterator[xr.Dataset]:
    """Yield a matrix by slabs that all state their noise, or none does."""
    least, known = None, True
    count = calibration.frames.bins.size
    for start in range(0, count, step):
        part = slice(start, min(start + step, count))
        values, noise = calibration.rows(part)
        level = positive_noise(noise, least) if known else None
        known = level is not None
        least = None if level is None else min(float(level.min()), np.inf if least is None else least)
        yield own_parts(source, calibration.dataset(part, values, level), part)


class _Calibration:
    """A system matrix that is read by parts of its frequencies."""

    def __init__(self, source: MdfFile, frames: Frames, positions: Positions, angles: np.ndarray | None) -> None:
        self.source, self.frames, self.positions, self.angles = source, frames, positions, angles
        self.voxels = int(np.prod(positions.counts))
        background = np.flatnonzero(frames.is_background)
        self.subtracts = background.size > 0 and not frames.background_corrected
        self.runs = Runs(frames.order[background]) if background.size else None
        self.attributes = _attributes(source, frames, self.subtracts, self.runs)
        snr = source.numbers("/calibration/snr")
        expected = (frames.periods, frames.channels, frames.bins.size)
        self.snr = _snr(source, snr, expected, angles is not None)

    def rows(self, k: slice) -> tuple[np.ndarray, np.ndarray | None]:
        """Return rows (angle, channel, frequency, [z,] y, x) and their noise; one angle where there is none."""
        frames = self.frames
        spectra = frames.values(slice(None), k, slice(None))
        if self.angles is None and frames.periods > 1:
            spectra = spectra.mean(axis=0, keepdims=True)
        foreground = np.flatnonzero(~frames.is_background)
        found, noise = spectra[..., foreground], None
        if self.runs is not None:
            background = Background(self.runs, spectra.shape[:-1])
            background.add(np.moveaxis(spectra[..., frames.is_background], -1, 0), np.arange(self.runs.run.size))
            noise = background.noise_std()
            if self.subtracts:
                found -= np.moveaxis(background.at(frames.order[foreground]), 0, -1)
                noise = None if noise is None else noise_after(background, noise, frames.order[foreground])
        arranged = self.positions.arranged(found).astype(frames.dtype)
        return arranged, noise

    def dataset(self, k: slice, values: np.ndarray, noise: np.ndarray | None) -> xr.Dataset:
        """Return these rows as a dataset."""
        grid = self.positions.grid
        lead, drop = _lead(self.angles, self.frames.channels)
        coords = {**grid.coords(), "frequency": self.frames.frequencies[k]}
        coords |= {} if self.angles is None else {"angle": self.angles}
        data = build(
            "system_matrix",
            values.reshape(*_kept(values.shape[:2], drop), *values.shape[2:]),
            (*lead, "frequency", *grid.dims),
            coords,
            noise_std=None if noise is None else noise.reshape(*_kept(noise.shape[:2], drop), -1),
            stage="fine",
            grid=self.positions.described(),
            **self.attributes,
        )
        if self.snr is not None:
            part = self.snr[:, :, k]
            data = data.assign_coords(snr_ratio=((*lead, "frequency"), part.reshape(*_kept(part.shape[:2], drop), -1)))
        return data


def _lead(angles: np.ndarray | None, channels: int) -> tuple[tuple[str, ...], tuple[bool, bool]]:
    """Return the leading dimensions that a dataset has, and which of (angle, receive) it does not."""
    drop = (angles is None, channels == 1)
    return tuple(name for name, out in zip(("angle", "receive"), drop, strict=True) if not out), drop


def _kept(sizes: tuple[int, ...], drop: tuple[bool, bool]) -> tuple[int, ...]:
    return tuple(size for size, out in zip(sizes, drop, strict=True) if not out)


def _snr(source: MdfFile, snr: np.ndarray | None, expected: tuple[int, ...], by_angle: bool) -> np.ndarray | None:
    """Return the stored signal-to-noise ratios (angle, channel, frequency), or None where they do not fit."""
    if snr is None:
        return None
    good = snr.size == np.prod(expected) and snr.dtype.kind in "fiu" and bool(np.isfinite(snr).all())
    if not good:
        warn(f"{source.name('/calibration/snr')} is not J x C x K = {expected} finite numbers; it is left aside.")
        return None
    found = snr.astype(float).reshape(expected)
    return found if by_angle else found.mean(axis=0, keepdims=True)


def _attributes(source: MdfFile, frames: Frames, subtracts: bool, runs: Runs | None = None) -> dict[str, Any]:
    wandering = {"background_wander": wander_state(runs)} if subtracts else {}
    unit = (source.text("/acquisition/receiver/unit") or "").strip()
    return {
        "units": "1" if not unit or unit.lower() in _UNKNOWN_UNITS else unit,
        "origin": "measured",
        "source": Path(source.path).name,
        "preprocessing": {
            "background": "subtracted" if subtracts else "corrected before" if frames.background_corrected else "none",
            **wandering,
            "transfer_function": frames.transfer_state,
            "conversion": "none" if frames.conversion is None else "applied",
        },
        "mdf": gathered(source),
    }


def _measurement(source: MdfFile, average: int) -> xr.Dataset:
    frames = Frames(source)
    angles = angles_of(source, frames.periods)
    shots = Shots(frames, by_angle=angles is not None, average=average)
    attributes = _attributes(source, frames, shots.subtracts, shots.runs)
    values, noise = shots.read()
    lead, drop = _lead(angles, frames.channels)
    coords: dict[str, Any] = {"frequency": frames.frequencies}
    coords |= {} if angles is None else {"angle": angles}
    values = values.reshape(len(values), *_kept(values.shape[1:3], drop), values.shape[-1])
    frame: tuple[str, ...] = ("frame",) if len(values) > 1 else ()
    return build(
        "measurement",
        values if frame else values[0],
        (*frame, *lead, "frequency"),
        coords,
        noise_std=None if noise is None else noise.reshape(*_kept(noise.shape[:2], drop), -1),
        average=average if average > 1 else None,
        **attributes,
    )
