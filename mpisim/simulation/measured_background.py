r"""Noise and feedthrough of a real scanner: measured frames without tracer, added to simulated rows.

With the frames :math:`b_i` of an empty scanner, i = 1 to n, and their mean :math:`\bar b`, every position gets one that
is drawn at random,

.. math:: a_k' = a_k + b_{i,k}, \qquad \sigma_k^2 = \frac1{n - 1} \sum_i |b_{i,k} - \bar b_k|^2 .

All rows of a position get the same frame, so that the spectrum of the noise and the correlation of rows are those of
the scanner. What frames of an acquisition have in common with their neighbours is lost, since their order is drawn;
with fewer frames than positions, positions share frames.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from mpisim.data.attributes import plain_attributes
from mpisim.data.schema import POSITION, VOXEL_DIMS, validate
from mpisim.data.units import conversion
from mpisim.data.views import noise_known
from mpisim.errors import positive, require, seed_number, warn
from mpisim.preprocess.pairing import places
from mpisim.preprocess.rows import BACKGROUND, kind_of, one_of_each_row
from mpisim.preprocess.step import stated

__all__ = ["add_background"]

_LEAST_FRAMES = 5
_INNER = ("frame", *VOXEL_DIMS, POSITION)
_DRAWS = 0xA3  # names the random numbers, so that no other use of a seed shares them


def add_background(data: xr.Dataset, frames: xr.Dataset, seed: int = 0, signal: float = 1.0) -> xr.Dataset:
    """Add measured frames of an empty scanner to exact rows.

    Parameters
    ----------
    data
        A simulated system matrix or measurement without noise.
    frames
        Frames without tracer, at least five: a measurement with the dimension `frame`, or a dataset with background
        frames (an MDF file read with raw=True). Their rows are those of the data, or more frequencies; their unit is
        that of the data, or a multiple of it.
    seed
        Seed of the choice of frames.
    signal
        Signal of the sample over the stored values, as in `mpisim.record`.

    Returns
    -------
    xarray.Dataset
        The data with a frame at every position. `noise_std` over the rows is the spread of the frames; `background`
        holds all frames as one run before the first position, so that they can be subtracted
        (`mpisim.preprocess.subtraction`).

    Raises
    ------
    InputError
        If the data are not exact, there are fewer than five frames, their rows or unit are others, or the transfer
        function was divided out of one of the two only.
    """
    seed, signal = seed_number(seed), positive("signal", signal)
    kind, like = kind_of(validate(data, "data")), one_of_each_row(data)
    exact = noise_known(data) and not ("noise_std" in data and bool(np.any(data["noise_std"].values)))
    require(exact, "data", "exact where a background is to be added", "data with noise")
    found = _frames(frames, like, data[kind].attrs.get("units", "1")) / signal
    _require_same_transfer(data, frames)
    variable = data[kind].variable
    inner = [d for d in variable.dims if d in _INNER]
    rows = tuple(map(str, like.dims))
    count = int(np.prod([variable.sizes[d] for d in inner], dtype=int))
    drawn = np.random.default_rng([seed, _DRAWS]).integers(len(found), size=count)
    values = variable.transpose(*rows, *inner).values
    added = values.reshape(*like.shape, -1) + np.moveaxis(found[drawn], 0, -1)
    moved = xr.Variable((*rows, *inner), added.reshape(values.shape), variable.attrs).transpose(*variable.dims)
    units = {"units": variable.attrs.get("units", "1")}
    index = (len(found) + np.arange(count, dtype=float)).reshape([variable.sizes[d] for d in inner])
    result = data.assign(
        {
            kind: moved,
            "noise_std": (rows, found.std(axis=0, ddof=1), units),
            BACKGROUND: (("background_frame", *rows), found, units),
        }
    ).assign_coords(
        background_index=("background_frame", np.arange(len(found), dtype=float)), acquisition_index=(inner, index)
    )
    state = {"seed": seed, "signal": signal, "measured_frames": len(found)}
    return validate(result.assign_attrs(plain_attributes({"recorded": state})))


def _frames(frames: xr.Dataset, like: xr.DataArray, unit: str) -> np.ndarray:
    """Return measured frames (frame, rows of `like`) in a unit; raise `InputError` where they do not fit."""
    name, dim = (BACKGROUND, "background_frame") if BACKGROUND in frames else ("measurement", "frame")
    must = "a measurement with the dimension frame, or a dataset with background frames"
    good = isinstance(frames, xr.Dataset) and name in frames and dim in frames[name].dims
    require(good, "background", must, f"the variables {', '.join(map(str, frames))}")
    rows = frames[name]
    require(rows.sizes[dim] >= _LEAST_FRAMES, "background", f"at least {_LEAST_FRAMES} frames", rows.sizes[dim])
    known = {str(d): n for d, n in rows.sizes.items() if d not in (dim, "frequency")}
    wanted = {str(d): n for d, n in like.sizes.items() if d != "frequency"}
    require(known == wanted, "background", f"of the rows {wanted} of the data, besides frequencies", known)
    if "frequency" in like.dims:
        stated = "frequency" in like.coords and "frequency" in rows.coords and "frequency" in rows.dims
        require(stated, "background", "of stated frequencies, as the data", "one without them")
        place = places(like["frequency"].values, rows["frequency"].values)
        lost = int(np.count_nonzero(place < 0))
        require(lost == 0, "background", "of all frequencies of the data", f"one that lacks {lost}")
        rows = rows.isel(frequency=place)
    own = str(rows.attrs.get("units", "1"))
    factor = 1.0 if own == unit else conversion(own, unit)
    require(factor is not None, "unit of the background", f"{unit} or a multiple of it", own)
    return np.asarray(rows.transpose(dim, *like.dims).values.astype(complex) * (factor or 1.0))


def _require_same_transfer(data: xr.Dataset, frames: xr.Dataset) -> None:
    """Refuse a transfer function that was divided out of rows or frames alone; warn where frames alone contain one."""
    divided = [stated(d).get("transfer_function") in ("divided out", "corrected before") for d in (data, frames)]
    held = ["transfer_function" in d and not out for d, out in zip((data, frames), divided, strict=True)]
    must = "with the transfer function of the receive chain in its rows, as those of the data"
    require(not (held[0] and divided[1]), "background", must, "frames out of which it was divided")
    must = "without the transfer function of the receive chain in its rows, as the data"
    require(not (held[1] and divided[0]), "background", must, "frames that contain it")
    if held[1] and "transfer_function" not in data:
        warn(
            "The background contains the transfer function of a receive chain, and the simulated rows contain none: "
            "the noise is wrong by it, unless the chain is part of the scanner, too."
        )
