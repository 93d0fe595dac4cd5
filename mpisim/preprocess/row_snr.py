r"""Signal-to-noise ratios of the rows of a system matrix, by the definitions in use. All are ratios.

With the row S over the voxels, background frames b and their mean, and noise :math:`\sigma`:

- `rms`: RMS of S over :math:`\sigma` (`noise_std`);
- `max-dev` (MPIFiles 2018): max :math:`|S - \bar b|` over the mean of :math:`|b - \bar b|`;
- `max-diff` (MPIFiles 2019 to 2022): the same over the mean of :math:`|b_{i+1} - b_i|`, frames in order of acquisition;
- `median-mask` (MPIFiles since): median of :math:`|S - \bar b|` over a mask of voxels, over the mean of
  :math:`|b - \bar b|`. The mask of an angle and channel holds the voxels above 90 % of the maximum of any of the 20
  rows whose ratio with the median over all voxels is highest. The median over the angles is taken last.

A mean background that was subtracted already is not subtracted again.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from mpisim.data.noise import rms
from mpisim.data.views import as_matrix, noise_known, noise_like
from mpisim.errors import one_of, require
from mpisim.preprocess.rows import one_of_each_row
from mpisim.preprocess.step import stated
from mpisim.preprocess.subtraction import background_frames, background_runs

__all__ = ["DEFINITIONS", "row_snr"]

DEFINITIONS = ("rms", "max-dev", "max-diff", "median-mask")
"""Names of the definitions."""
_STRONGEST, _ABOVE = 20, 0.9


def row_snr(matrix: xr.Dataset, definition: str = "rms") -> np.ndarray:
    """Return the signal-to-noise ratio of every row, in the shape of the row dimensions.

    Raises `InputError` if the matrix does not state its noise (`rms`) or hold background frames (all others).
    """
    one_of("definition", definition, DEFINITIONS)
    require(matrix.attrs["kind"] == "system_matrix", "data", "a system matrix", matrix.attrs["kind"])
    like = one_of_each_row(matrix)
    if definition == "rms":
        require(noise_known(matrix), "matrix", "of known noise where its ratio to noise is asked for", "one without it")
        signal, noise = rms(as_matrix(matrix), axis=1).reshape(like.shape), noise_like(matrix, like)
        return _ratio(signal, noise)
    frames = background_frames(matrix)[np.argsort(background_runs(matrix).indices, kind="stable")]
    require(len(frames) > 1, "background", "of at least two frames", len(frames))
    mean = frames.mean(axis=0)
    subtracted = stated(matrix).get("background") == "subtracted"
    signal = np.abs(as_matrix(matrix) - (0 if subtracted else mean.reshape(-1, 1)))
    spread = np.abs(np.diff(frames, axis=0) if definition == "max-diff" else frames - mean).mean(axis=0)
    if definition != "median-mask":
        return _ratio(signal.max(axis=1).reshape(like.shape), spread)
    axis = like.dims.index("frequency") if "frequency" in like.dims else len(like.dims)
    cube = signal.reshape(*like.shape, -1) if axis < len(like.dims) else signal.reshape(*like.shape, 1, -1)
    noise = spread if axis < len(like.dims) else spread[..., None]
    found = np.empty(noise.shape)
    for index in np.ndindex(noise.shape[:-1]):
        first = _ratio(np.median(cube[index], axis=1), noise[index])
        chosen = cube[index][np.argsort(-first, kind="stable")[:_STRONGEST]]
        mask = (chosen > _ABOVE * chosen.max(axis=1, keepdims=True)).any(axis=0)
        found[index] = _ratio(np.median(cube[index][:, mask], axis=1), noise[index]) if mask.any() else 0.0
    if like.dims[:1] == ("angle",):
        found = np.broadcast_to(np.median(found, axis=0), found.shape)
    return found.reshape(like.shape)


def _ratio(signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(signal > 0, signal / noise, 0.0)
