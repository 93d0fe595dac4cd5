"""MDF files as they were received: nothing subtracted and nothing divided out, for `mpisim.preprocess`.

The file is read in portions. Of a matrix whose periods are repetitions the mean over the periods of a frame is taken.

The dataset holds the frames or voxels of the foreground, with the coordinate `acquisition_index` (frame, or the
voxels), and where the file has them

- `background` (background_frame, row dimensions), and `background_index`, the acquisition indices of these frames;
- `transfer_function` (receive, frequency), where it was not yet corrected;
- the coordinate `induction_factor` (receive).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.schema import build
from mpisim.errors import warn
from mpisim.io.mdf.acquisition import Positions, angles_of, positions_of
from mpisim.io.mdf.frames import Frames
from mpisim.io.mdf.shots import Shots, positive_noise
from mpisim.io.mdf.source import MdfFile
from mpisim.memory import memory_limit, require_memory
from mpisim.preprocess.background import Background, Runs

__all__ = ["raw_dataset"]

_COPIES = 3  # of the data in memory
_WORKING = 256e6  # bytes of memory for one portion
_OF_PORTION = 64  # bytes for each of its values: as read, as complex numbers, transformed


def raw_dataset(source: MdfFile, kind: str, attributes: Any) -> xr.Dataset:
    """Return a system matrix or a measurement as it was received.

    Parameters
    ----------
    source
        The open file.
    kind
        `system_matrix` or `measurement`.
    attributes
        Function from the file, its frames and whether background was subtracted to the attributes of a dataset.

    Raises
    ------
    InputError
        If the file contradicts itself or needs more memory than is allowed.
    """
    sizes = source.real("/calibration/size") if kind == "system_matrix" else None
    frames = Frames(source, None if sizes is None else tuple(int(n) for n in sizes.ravel()[::-1]))
    factors, frames.transfer = frames.transfer, None
    angles = angles_of(source, frames.periods)
    mask = frames.is_background
    kept = 1 if angles is None and kind == "system_matrix" else frames.periods
    size = frames.dtype.itemsize * mask.size * kept * frames.channels * frames.bins.size
    require_memory(source.path, _COPIES * size + min(_WORKING, memory_limit() / 4))
    order = frames.order.astype(float)
    if kind == "measurement":
        shots = Shots(frames, by_angle=angles is not None, average=1)
        order, mask = shots.place.astype(float), np.repeat(mask, shots.repeats)
        values = _shots(shots, mask.size)
    else:
        values = _voxels(frames, angles is not None)
    values = values.reshape(mask.size, *_sizes(angles, frames))
    rows = tuple(n for n, out in (("angle", angles is None), ("receive", frames.channels == 1)) if not out)
    rows = (*rows, "frequency")
    coords: dict[str, Any] = {"frequency": frames.frequencies, **({} if angles is None else {"angle": angles})}
    known = attributes(source, frames, False)
    if frames.transfer_state == "divided out":
        known["preprocessing"]["transfer_function"] = "not corrected"
    positions = positions_of(source, "/calibration", int((~mask).sum())) if kind == "system_matrix" else None
    foreground = np.flatnonzero(~mask)
    if positions is None:
        foreground = foreground[np.argsort(order[foreground], kind="stable")]
    background, values = values[mask], values[foreground]
    noise = _noise(order[mask], background)
    data = _foreground(values, order[foreground], rows, coords, positions, noise, known)
    if mask.any():
        data = data.assign(background=(("background_frame", *rows), background))
        data = data.assign_coords(background_index=("background_frame", order[mask]))
    return _with_receiver(source, data, factors, frames.channels)


def _shots(shots: Shots, count: int) -> np.ndarray:
    """Return the shots of a measurement (shot, angle, channel, frequency)."""
    out = np.empty((count, *shots.shape), dtype=shots.frames.dtype)
    for place, values in shots.portions():
        out[place] = values
    return out


def _voxels(frames: Frames, by_angle: bool) -> np.ndarray:
    """Return the frames of a matrix (frame, angle, channel, frequency), means over periods where these are no angles.

    The portions are frequencies or frames, as the numbers lie in the file.
    """
    count, bins = frames.is_background.size, frames.bins.size
    out = np.empty((count, frames.periods if by_angle else 1, frames.channels, bins), dtype=frames.dtype)
    by_frequency = frames.is_fast or frames.sparse is not None
    length, other = (bins, count) if by_frequency else (count, bins)
    per_index = _OF_PORTION * other * frames.periods * frames.channels
    step = max(1, int(min(_WORKING, memory_limit() / 4) // per_index))
    for start in range(0, length, step):
        part = slice(start, min(start + step, length))
        k, n = (part, slice(None)) if by_frequency else (slice(None), part)
        found = frames.values(slice(None), k, n)  # period, channel, frequency, frame
        found = found if by_angle else found.mean(axis=0, keepdims=True)
        out[n, :, :, k] = found.transpose(3, 0, 1, 2)
    return out


def _sizes(angles: np.ndarray | None, frames: Frames) -> tuple[int, ...]:
    lead = () if angles is None else (angles.size,)
    return (*lead, *(() if frames.channels == 1 else (frames.channels,)), frames.bins.size)


def _noise(indices: np.ndarray, values: np.ndarray) -> np.ndarray | None:
    if not indices.size:
        return None
    background = Background(Runs(indices), values.shape[1:])
    background.add(values, np.arange(indices.size))
    return positive_noise(background.noise_std())


def _foreground(
    values: np.ndarray,
    order: np.ndarray,
    rows: tuple[str, ...],
    coords: dict[str, Any],
    positions: Positions | None,
    noise: np.ndarray | None,
    attributes: dict[str, Any],
) -> xr.Dataset:
    if positions is None:
        data = build("measurement", values, ("frame", *rows), coords, noise_std=noise, **attributes)
        return data.assign_coords(acquisition_index=("frame", order))
    grid = positions.grid
    arranged = positions.arranged(np.moveaxis(values, 0, -1))
    coords = {**coords, **grid.coords()}
    stated = {"stage": "fine", "grid": positions.described(), **attributes}
    data = build("system_matrix", arranged, (*rows, *grid.dims), coords, noise_std=noise, **stated)
    return data.assign_coords(acquisition_index=(grid.dims, positions.arranged(order)))


def _with_receiver(source: MdfFile, data: xr.Dataset, factors: np.ndarray | None, channels: int) -> xr.Dataset:
    """Return a dataset with the transfer function and the induction factors of the file."""
    lead = ("receive",) if channels > 1 else ()
    if factors is not None:
        data = data.assign(transfer_function=((*lead, "frequency"), factors if lead else factors[0]))
    field = "/acquisition/receiver/inductionFactor"
    found = source.real(field)
    if found is None:
        return data
    if found.size != channels or not np.all(np.isfinite(found) & (found != 0)):
        warn(f"{source.name(field)} is not one number other than zero for each receive channel; it is left aside.")
        return data
    return data.assign_coords(induction_factor=(lead, found.ravel() if lead else found.ravel()[0]))
