r"""Means over successive frames.

The mean of n frames whose noise correlates by :math:`\rho_d` at the distance of d frames (0 for raw ones) has the
variance

.. math:: \sigma^2 \to \frac{\sigma^2 - c^2}{n}\Bigl(1 + 2\sum_{d \ge 1} (1 - d/n)\,\rho_d\Bigr) + c^2 ,

where c is the noise of a background that was subtracted before, which all frames share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from mpisim.errors import require, warn, whole
from mpisim.preprocess.rows import COMMON_NOISE
from mpisim.preprocess.step import Step, stated, with_state

__all__ = ["AverageFrames", "variance_of_mean"]


def variance_of_mean(count: int, correlation: Sequence[float] = ()) -> float:
    """Return the variance of a mean over `count` frames in units of that of one; correlation at distances 1, 2, ..."""
    pairs = sum((1 - d / count) * rho for d, rho in enumerate(correlation, 1) if d < count)
    return (1 + 2 * pairs) / count


@dataclass(frozen=True)
class AverageFrames(Step):
    """Take the mean over so many successive frames of a measurement; a shorter rest is averaged, too.

    Parameters
    ----------
    count
        Frames of a mean; 0 takes all of them.
    """

    count: int = 0
    noise: ClassVar[str] = "divided by the square root of the count of frames, but for the background that they share"

    def __post_init__(self) -> None:
        whole("count", self.count, least=0)

    def concerns(self, data: xr.Dataset) -> bool:
        """Whether there are frames."""
        return data.attrs["kind"] == "measurement" and "frame" in data["measurement"].dims

    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return the means."""
        if not self.concerns(data):
            return data
        variable = data["measurement"].variable
        frames = variable.sizes["frame"]
        require(
            "noise_std" not in data or "frame" not in data["noise_std"].dims, "noise_std", "one of all frames", "each"
        )
        count = min(self.count or frames, frames)
        starts = np.arange(0, frames, count)
        lengths = np.diff([*starts, frames])
        if lengths[-1] < count:
            warn(f"The last frame is a mean over {lengths[-1]} instead of {count}; its noise is larger.")
        sums = np.add.reduceat(variable.values.astype(np.complex128), starts, axis=0)
        means = (sums / lengths.reshape(-1, *(1,) * (sums.ndim - 1))).astype(variable.dtype)
        names = [n for n, v in data.variables.items() if "frame" in v.dims]
        found = data.drop_vars(names).assign(measurement=(variable.dims, means, variable.attrs))
        if "acquisition_index" in names:
            index = np.add.reduceat(data["acquisition_index"].values.astype(float), starts) / lengths
            found = found.assign_coords(acquisition_index=("frame", index))
        found = found.isel(frame=0) if len(starts) == 1 and "acquisition_index" not in names else found
        return _with_noise(found, data, count)


def _with_noise(found: xr.Dataset, before: xr.Dataset, count: int) -> xr.Dataset:
    state = stated(before)
    correlation = tuple(state.get("frame_correlation", ()))
    part = variance_of_mean(count, correlation)
    if "noise_std" in before:
        shared = before[COMMON_NOISE].variable ** 2 if COMMON_NOISE in before else 0.0
        own = before["noise_std"].variable ** 2
        noise = np.sqrt((own - shared) * part + shared)
        found = found.assign(noise_std=noise)
        found["noise_std"].attrs = dict(before["noise_std"].attrs)
    rest = {}
    if correlation and count > 1:  # of neighbouring means
        shares = sum(d * rho for d, rho in enumerate(correlation, 1) if d <= count) / count**2
        rest = {"frame_correlation": [shares / part]}
    return with_state(found, frames_averaged=int(state.get("frames_averaged", 1)) * count, **rest)
