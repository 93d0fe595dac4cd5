r"""Subtraction of the background that frames without tracer show.

At the acquisition index t of a frame or of a voxel the background is :math:`b(t) = (1 - w) b_r + w b_{s}` of two runs
with means :math:`b_r, b_s` over :math:`n_r, n_s` frames (`mpisim.preprocess.background`). Its noise adds to that of
the frame,

.. math:: \sigma^2 \to \sigma^2 + \sigma_f^2\,\overline{\left|\frac{(1 - w)^2}{n_r} + \frac{w^2}{n_s}\right|} ,

where :math:`\sigma_f` is the noise of one background frame, and the bar is the mean over frames or voxels. A background
that wanders between the runs leaves :math:`\hat\kappa\,\overline{G}` beside that, which is estimated from the runs
(`mpisim.preprocess.wander`). From fewer than six runs it is not known; the attribute `preprocessing` then says so under
`background_wander`, and `noise_std` is a lower limit.

Frames share both parts: a mean over frames that is taken later is stated to keep all of it. That is an upper limit,
since frames between two runs share it in part. A mean that is taken before the subtraction is stated exactly.

Rules: `runs` takes r and s as the runs before and after t, each at the mean index of its frames. `equidistant` is what
MPIFiles does: the background frames, each replaced by the mean of its run, are taken as equidistant over the whole
acquisition. Both agree for runs of one frame at equal distances that start and end the acquisition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import xarray as xr

from mpisim.data.schema import VOXEL_DIMS
from mpisim.errors import one_of, require
from mpisim.preprocess.averaging import variance_of_mean
from mpisim.preprocess.background import Background, Runs, variance_between
from mpisim.preprocess.rows import BACKGROUND, COMMON_NOISE, kind_of, one_of_each_row
from mpisim.preprocess.step import Step, stated, with_state
from mpisim.preprocess.wander import walk_left, wander, wander_state

__all__ = ["RULES", "SubtractBackground", "background_frames", "background_runs"]

RULES = ("runs", "equidistant")
"""Names of the rules of interpolation."""


@dataclass(frozen=True)
class SubtractBackground(Step):
    """Subtract the background; a dataset from which it was subtracted before stays as it is.

    Parameters
    ----------
    rule
        `runs` or `equidistant`, see the module.
    """

    rule: str = "runs"
    noise: ClassVar[str] = "grows by the noise and the wander of the background, stated in background_noise_std"

    def __post_init__(self) -> None:
        one_of("rule", self.rule, RULES)

    def concerns(self, data: xr.Dataset) -> bool:
        """Whether the background is still in the data."""
        return stated(data).get("background") not in ("subtracted", "corrected before")

    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return the dataset without background; raise `InputError` where it holds no background frames."""
        if not self.concerns(data):
            return data
        kind, frames = kind_of(data), background_frames(data)
        runs = background_runs(data)
        at, last = _indices(data)
        first, second, weight = _between(self.rule, runs, at, max(last, float(runs.indices.max())))
        background = Background(runs, frames.shape[1:])
        background.add(frames, np.arange(len(frames)))
        values = _subtracted(data[kind].variable, background.means, first, second, weight, len(at))
        found = data.assign({kind: (data[kind].dims, values, data[kind].attrs)})
        noise = _noise(data, background, at, (first, second, weight))
        if noise is not None:
            dims, attributes = one_of_each_row(data).dims, {"units": data[kind].attrs.get("units", "1")}
            both = {"noise_std": noise.total, COMMON_NOISE: noise.brought}
            found = found.assign({name: (dims, values, attributes) for name, values in both.items()})
        wandering = wander_state(None if noise is None else runs)
        return with_state(found, background="subtracted", background_rule=self.rule, background_wander=wandering)


def background_frames(data: xr.Dataset) -> np.ndarray:
    """Return the background frames (background_frame, row dimensions); raise `InputError` where there are none."""
    must = "with background frames (an MDF file that has some, read with raw=True)"
    require(BACKGROUND in data, "data", must, "a dataset without the variable background")
    wanted = ("background_frame", *one_of_each_row(data).dims)
    require(set(data[BACKGROUND].dims) == set(wanted), "background", f"over {wanted}", data[BACKGROUND].dims)
    return data[BACKGROUND].transpose(*wanted).values.astype(np.complex128)


def background_runs(data: xr.Dataset) -> Runs:
    """Return the runs of the background frames; raise `InputError` where their acquisition indices are not known."""
    must = "with the acquisition index of every background frame (the coordinate background_index)"
    require("background_index" in data.coords, "data", must, "a dataset without it")
    return Runs(data["background_index"].values)


def _indices(data: xr.Dataset) -> tuple[np.ndarray, float]:
    """Return the acquisition index of every frame or voxel, and the last one."""
    must = "with the acquisition index of its frames or voxels (the coordinate acquisition_index)"
    require("acquisition_index" in data.coords, "data", must, "a dataset without it")
    at = np.ravel(data["acquisition_index"].values).astype(float)
    return at, float(at.max())


def _between(rule: str, runs: Runs, at: np.ndarray, last: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, for every acquisition index, two runs and the weight of the second."""
    if rule == "runs" or runs.indices.size == 1:
        first, weight = runs.weights(at)
        return first, np.minimum(first + 1, runs.count - 1), weight
    ordered = np.sort(runs.run)
    place = at / last * (ordered.size - 1)
    before = np.clip(np.floor(place).astype(np.intp), 0, ordered.size - 2)
    return ordered[before], ordered[before + 1], place - before


def _subtracted(
    variable: xr.Variable, means: np.ndarray, first: np.ndarray, second: np.ndarray, weight: np.ndarray, count: int
) -> np.ndarray:
    """Return the values minus the background, one row after the other."""
    inner = [d for d in variable.dims if d in ("frame", *VOXEL_DIMS)]
    rows = [d for d in variable.dims if d not in inner]
    moved = variable.transpose(*rows, *inner).values
    out = np.array(moved).reshape(-1, count)
    for row, mean in zip(out, means.reshape(len(means), -1).T, strict=True):
        row -= (mean[first] * (1 - weight) + mean[second] * weight).astype(out.dtype)
    return xr.Variable([*rows, *inner], out.reshape(moved.shape)).transpose(*variable.dims).values


class _Noise(NamedTuple):
    """Noise of the result and the part of it that the background brings, for every row."""

    total: np.ndarray
    brought: np.ndarray


def _noise(
    data: xr.Dataset, background: Background, at: np.ndarray, between: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> _Noise | None:
    """Return the noise after the subtraction; None if neither the data nor the background frames tell it."""
    like, state = one_of_each_row(data), stated(data)
    known = "noise_std" in data and bool(np.any(data["noise_std"].values > 0))
    averaged = int(state.get("frames_averaged", 1))
    correlation = tuple(state.get("frame_correlation", ()))
    reduction = np.sqrt(variance_of_mean(averaged, correlation))
    own = data["noise_std"].broadcast_like(like).transpose(*like.dims).values if known else None
    single = background.noise_std() if background.spreads or own is None else own / reduction
    if single is None:
        return None
    own = single * reduction if own is None else own
    runs = background.runs
    parts = np.array([variance_of_mean(int(n), correlation) for n in runs.lengths])
    rate = wander(background, single, parts)
    left = 0.0 if rate is None else rate * walk_left(runs, at, between, averaged)
    brought = np.sqrt(single**2 * variance_between(parts, *between) + left)
    return _Noise(np.sqrt(own**2 + brought**2), brought)
