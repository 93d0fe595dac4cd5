"""MDF files as they were received: nothing subtracted and nothing divided out, for `mpisim.preprocess`.

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
from mpisim.errors import require, warn
from mpisim.io.mdf.acquisition import Positions, angles_of, positions_of
from mpisim.io.mdf.frames import Frames
from mpisim.io.mdf.shots import positive_noise
from mpisim.io.mdf.source import MdfFile
from mpisim.memory import require_memory
from mpisim.preprocess.background import Background, Runs

__all__ = ["raw_dataset"]

_COPIES = 4  # of the data in memory


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
        If the file contradicts itself, needs more memory than is allowed, or holds a matrix of repeated periods.
    """
    sizes = source.real("/calibration/size") if kind == "system_matrix" else None
    frames = Frames(source, None if sizes is None else tuple(int(n) for n in sizes.ravel()[::-1]))
    factors, frames.transfer = frames.transfer, None
    angles = angles_of(source, frames.periods)
    mask = frames.is_background
    require_memory(source.path, _COPIES * 16 * mask.size * frames.periods * frames.channels * frames.bins.size)
    spectra = frames.values(slice(None), slice(None), slice(None))  # period, channel, frequency, frame
    order = frames.order.astype(float)
    if angles is None and frames.periods > 1:
        must = "of one period in a frame, or of angles, where it is read with raw=True"
        require(kind == "measurement", source.path, must, f"of {frames.periods} repetitions")
        spectra = spectra.transpose(1, 2, 3, 0).reshape(1, frames.channels, frames.bins.size, -1)
        order = (order[:, None] * frames.periods + np.arange(frames.periods)).ravel()
        mask = np.repeat(mask, frames.periods)
    rows = tuple(n for n, out in (("angle", angles is None), ("receive", frames.channels == 1)) if not out)
    rows = (*rows, "frequency")
    values = np.moveaxis(spectra, -1, 0).reshape(mask.size, *_sizes(angles, frames))
    coords: dict[str, Any] = {"frequency": frames.frequencies, **({} if angles is None else {"angle": angles})}
    known = attributes(source, frames, False)
    if frames.transfer_state == "divided out":
        known["preprocessing"]["transfer_function"] = "not corrected"
    positions = positions_of(source, "/calibration", int((~mask).sum())) if kind == "system_matrix" else None
    noise = _noise(order[mask], values[mask])
    data = _foreground(values[~mask].astype(frames.dtype), order[~mask], rows, coords, positions, noise, known)
    if mask.any():
        data = data.assign(background=(("background_frame", *rows), values[mask].astype(frames.dtype)))
        data = data.assign_coords(background_index=("background_frame", order[mask]))
    return _with_receiver(source, data, factors, frames.channels)


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
        place = np.argsort(order, kind="stable")
        data = build("measurement", values[place], ("frame", *rows), coords, noise_std=noise, **attributes)
        return data.assign_coords(acquisition_index=("frame", order[place]))
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
