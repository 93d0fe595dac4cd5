r"""Steps that work on periods in time: grouping of successive ones, and correction of spectral leakage.

Frames with all bins :math:`0 \ldots \lfloor V/2\rfloor` are transformed to V samples of time and back.

**Grouping** takes G successive periods as one of G V samples: bins G times as dense, so that what does not repeat with
the period (mains, a drive that is slower) gets frequencies of its own. White noise of one bin is divided by
:math:`\sqrt G`.

**Spectral leakage**: a signal that does not repeat with the period leaks into all bins. Three successive frames are
multiplied by a Hann window over 3 V samples, :math:`w(m) = 1 - \cos(2\pi m / 3V)`, added and divided by 3. What repeats
with the period stays as it is, since :math:`w(n) + w(n + V) + w(n + 2V) = 3`. The first and the last frame of every
run of successive frames are left out. The noise is divided by :math:`\sqrt 2`; frames at the distances 1 and 2 then
correlate, which later means take into account. MPIFiles has a window
that ends with zero, and takes two frames at the ends of an acquisition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr
from scipy.fft import irfft, rfft

from mpisim.errors import require, whole
from mpisim.preprocess.rows import BACKGROUND, COMMON_NOISE, frequencies_of
from mpisim.preprocess.step import Step, stated, with_state

__all__ = ["CorrectLeakage", "GroupPeriods"]

_SAMPLES = "/acquisition/receiver/numSamplingPoints"


def _samples(data: xr.Dataset) -> int:
    """Return V; raise `InputError` unless the dataset states it and holds all bins of V samples."""
    known = np.ravel(data.attrs.get("mdf", {}).get(_SAMPLES, []))
    require(known.size == 1, "data", f"with {_SAMPLES} in its attribute mdf", "a dataset without it")
    samples, f = int(known[0]), frequencies_of(data)
    full = f.size == samples // 2 + 1 and np.allclose(f, np.arange(f.size) * f[-1] / max(f.size - 1, 1), rtol=1e-6)
    require(full, "data", f"of all {samples // 2 + 1} frequencies where periods are taken to time", f"{f.size} of them")
    return samples


def _runs(index: np.ndarray) -> list[np.ndarray]:
    """Return the places of frames that follow each other, run by run."""
    order = np.argsort(index, kind="stable")
    return np.split(order, np.flatnonzero(np.abs(np.diff(index[order]) - 1) > 1e-6) + 1)


def _parts(data: xr.Dataset) -> list[tuple[str, str, str]]:
    """Return variable, dimension and coordinate of the frames of a measurement and of its background."""
    require(data.attrs["kind"] == "measurement", "data", "a measurement for steps in time", data.attrs["kind"])
    require("frame" in data["measurement"].dims, "data", "of several frames for steps in time", "one frame")
    parts = [("measurement", "frame", "acquisition_index")]
    return parts + ([(BACKGROUND, "background_frame", "background_index")] if BACKGROUND in data else [])


@dataclass(frozen=True)
class CorrectLeakage(Step):
    """Suppress signals that do not repeat with the period, by a Hann window over three frames of a measurement."""

    noise: ClassVar[str] = "divided by the square root of 2; successive frames correlate"

    def concerns(self, data: xr.Dataset) -> bool:
        """Whether the dataset is a measurement; a matrix has one frame at every voxel."""
        return data.attrs["kind"] == "measurement"

    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return the corrected frames; raise `InputError` for runs of fewer than three frames or missing bins."""
        samples, parts, found = _samples(data), _parts(data), data
        require(not stated(data).get("frame_correlation"), "data", "not corrected for leakage before", "it twice")
        window = (1 - np.cos(2 * np.pi * np.arange(3 * samples) / (3 * samples))).reshape(3, samples)
        for name, dim, index in parts:
            variable = data[name].variable
            place = data[index].values if index in data.coords else np.arange(variable.sizes[dim])
            runs = _runs(place)
            shortest = min(map(len, runs))
            require(shortest >= 3, name, "of runs of at least three successive frames", f"a run of {shortest}")
            time = irfft(variable.transpose(dim, ...).values * samples, n=samples, axis=-1)
            kept = [run[1:-1] for run in runs]
            sums = [sum(time[run[j : len(run) - 2 + j]] * window[j] for j in range(3)) / 3 for run in runs]
            values = rfft(np.concatenate(sums), axis=-1) / samples
            picked = found.isel({dim: np.concatenate(kept)})
            found = picked.assign({name: ((dim, *variable.dims[1:]), values.astype(variable.dtype), variable.attrs)})
        for name in ("noise_std", COMMON_NOISE):
            if name in data:
                found[name] = (data[name].dims, data[name].values / np.sqrt(2), data[name].attrs)
        overlap = [float(np.sum(window[: 3 - d] * window[d:])) for d in range(3)]
        return with_state(found, frame_correlation=[overlap[1] / overlap[0], overlap[2] / overlap[0]])


@dataclass(frozen=True)
class GroupPeriods(Step):
    """Take so many successive frames (periods) of a measurement as one longer period; a rest is left out.

    Parameters
    ----------
    count
        Frames of a group, at least 2.
    """

    count: int = 2
    noise: ClassVar[str] = "divided by the square root of the count; between old bins interpolated"

    def __post_init__(self) -> None:
        whole("count", self.count, least=2)

    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return longer periods; raise `InputError` where frames do not follow each other or bins are missing."""
        samples, parts = _samples(data), _parts(data)
        g, old = self.count, frequencies_of(data)
        new = np.arange(g * samples // 2 + 1) * (old[1] / g)
        coords = {k: c for k, c in data.coords.items() if not {"frame", "background_frame", "frequency"} & set(c.dims)}
        found = xr.Dataset(coords=coords | {"frequency": ("frequency", new, data["frequency"].attrs)}, attrs=data.attrs)
        for name, dim, index in parts:
            variable = data[name].variable
            place = data[index].values if index in data.coords else np.arange(variable.sizes[dim])
            groups = [run[i : i + g] for run in _runs(place) for i in range(0, len(run) - g + 1, g)]
            require(bool(groups), name, f"of at least {g} frames that follow each other", "fewer")
            time = irfft(variable.transpose(dim, ...).values * samples, n=samples, axis=-1)
            longer = np.moveaxis(time[np.array(groups)], 1, -2)
            values = rfft(longer.reshape(*longer.shape[:-2], g * samples), axis=-1) / (g * samples)
            found[name] = (variable.dims, values.astype(variable.dtype), variable.attrs)
            where = np.array([place[group].mean() for group in groups])
            found = found.assign_coords({index: (dim, where / g)})
        for name in ("noise_std", COMMON_NOISE):
            if name in data:
                level = data[name].broadcast_like(data["measurement"].isel(frame=0, drop=True))
                level = level.transpose(*data["measurement"].dims[1:])
                grouped = np.apply_along_axis(lambda v: np.sqrt(np.interp(new, old, v**2) / g), -1, level.values)
                found[name] = (level.dims, grouped, data[name].attrs)
        found.attrs["mdf"] = {**data.attrs["mdf"], _SAMPLES: g * samples}
        return found
