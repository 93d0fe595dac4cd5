"""The noise level of a dataset: known, exact or unknown, and how it is given, estimated and reported.

The variable `noise_std` of a dataset states its noise, and 0 means that its values are exact. Without it the noise is
unknown (`mpisim.data.schema`). A function that needs the level then takes the one that a user gives, or estimates it
(`mpisim.data.noise_estimate`).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import xarray as xr

from mpisim.data.noise import rms, sigma_from_snr
from mpisim.data.noise_estimate import estimate_noise, row_levels, sampled_rows
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images, noise_known, noise_per_row, row_dims
from mpisim.errors import decibels, non_negative, require, warn

__all__ = [
    "GivenNoise",
    "NoiseLevel",
    "Values",
    "chosen_level",
    "level_of",
    "measured_values",
    "values_of_equal_noise",
    "with_noise",
]

_SHARES = (1e-9, 10.0)  # of the RMS, which holds the noise: another standard deviation is a slip of the unit


@dataclass(frozen=True)
class GivenNoise:
    """A noise level as users give it, in one of three ways or not at all.

    Parameters
    ----------
    snr
        RMS of the measured values over the noise, in dB.
    noise_std
        Complex noise standard deviation, in the unit of the values.
    noiseless
        Whether the values are exact.

    Raises
    ------
    InputError
        If more than one is given, or a value is out of range.
    """

    snr: float | None = None
    noise_std: float | None = None
    noiseless: bool = False

    def __post_init__(self) -> None:
        given = [name for name, value in asdict(self).items() if value is not None and value is not False]
        require(len(given) <= 1, "noise level", "given once, as snr, noise_std or noiseless", " and ".join(given))
        if self.snr is not None:
            decibels("snr", self.snr)
        if self.noise_std is not None:
            non_negative("noise_std", self.noise_std)

    def sigma(self, level: float) -> float | None:
        """Return the noise standard deviation where the measured values have the RMS `level`; None if not given.

        Raises `InputError` where it can only be in another unit than the values.
        """
        if self.noiseless:
            return 0.0
        if self.snr is not None:
            return sigma_from_snr(np.array([level]), self.snr)
        if self.noise_std is None:
            return None
        low, high = (share * level for share in _SHARES)
        possible = self.noise_std == 0 or level == 0 or low <= self.noise_std <= high
        must = f"0, or from {low:.2g} to {high:.2g} for values of an RMS of {level:.2g}, in their unit"
        require(possible, "noise_std", must, self.noise_std)
        return float(self.noise_std)


@dataclass(frozen=True)
class NoiseLevel:
    """A noise level that does not come from the file.

    Parameters
    ----------
    noise_std
        Complex noise standard deviation, in the unit of the values; 0 for exact values, the RMS of the rows' where they
        differ.
    snr
        RMS of the measured values over it, in dB; None for exact values.
    estimated
        Whether it was estimated from the values; otherwise it was given.
    bound
        Whether it is an upper bound, since the values do not determine the level for certain.
    by_row
        The standard deviation of every row (row,), where they differ.
    """

    noise_std: float
    snr: float | None
    estimated: bool
    bound: bool = field(default=False, kw_only=True)
    by_row: np.ndarray | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, noise_std: float, level: float, *, estimated: bool) -> NoiseLevel:
        """Return the noise level of a standard deviation where the measured values have the RMS `level`."""
        snr = 20 * math.log10(level / noise_std) if noise_std > 0 and level > 0 else None
        return cls(noise_std, snr, estimated)

    def described(self) -> dict[str, object]:
        """Return `noise_std`, `snr` (dB), `estimated`, `bound`, and whether it is `by_row`, for files and commands."""
        single = {"noise_std": self.noise_std, "snr": self.snr, "estimated": self.estimated, "bound": self.bound}
        return {**single, "by_row": self.by_row is not None}

    def part(self, start: int, rows: int) -> NoiseLevel:
        """Return the level of a block of rows from the row `start` on."""
        return self if self.by_row is None else replace(self, by_row=self.by_row[start : start + rows])

    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return a dataset of the schema, complete or a block, with the level of its rows."""
        units = {"units": data[str(data.attrs["kind"])].attrs.get("units", "1")}
        if self.by_row is None:
            return data.assign(noise_std=((), self.noise_std, units))
        dims = row_dims(data)
        shape = tuple(data.sizes[d] for d in dims)
        return data.assign(noise_std=(dims, self.by_row.reshape(shape), units))


@dataclass(frozen=True)
class Values:
    """What a noise level is estimated from.

    Parameters
    ----------
    level
        RMS of all measured values.
    rows
        Some rows of `values_of_equal_noise`, those of `mpisim.data.noise_estimate.sampled_rows`, complex (row, voxel).
    noise_std
        RMS of the noise standard deviations of the rows that the dataset states; None where it does not state them.
    units
        Unit of the values.
    row_levels
        `mpisim.data.noise_estimate.row_levels` of all rows of `values_of_equal_noise`, (row,).
    """

    level: float
    rows: np.ndarray
    noise_std: float | None
    units: str
    row_levels: np.ndarray

    @classmethod
    def of(cls, data: xr.Dataset) -> Values:
        """Return those of a system matrix."""
        values = values_of_equal_noise(data)
        return cls(
            rms(measured_values(data).astype(complex)),
            values[sampled_rows(*values.shape)],
            float(rms(noise_per_row(data))) if noise_known(data) else None,
            str(data["system_matrix"].attrs.get("units", "1")),
            row_levels(values),
        )


def measured_values(data: xr.Dataset) -> np.ndarray:
    """Values of a system matrix that were measured, complex (row, voxel): random sampling leaves voxels out."""
    images = as_images(data)
    if "sampled" in data:
        return images[:, data["sampled"].transpose("y", "x").values.astype(bool)]
    return images.reshape(len(images), -1)


def values_of_equal_noise(data: xr.Dataset) -> np.ndarray:
    """Return the values that were measured, complex (row, voxel), in a unit of each voxel in which its noise is equal.

    Those of a coarse block over the edge of the grid are multiplied by the share of its voxels
    (`mpisim.data.sampling`): their noise is then that of whole blocks, to which `noise_std` refers.
    """
    share = Sampling.of(data).filling if data.attrs.get("stage") == "coarse" else None
    values = measured_values(data)
    return values if share is None else values * share.reshape(-1).astype(values.real.dtype)


def level_of(data: xr.Dataset, given: GivenNoise, name: str = "coarse") -> NoiseLevel | None:
    """Return the noise level of a system matrix where it is not the one that the dataset states, as `chosen_level`."""
    if noise_known(data) and given == GivenNoise():
        return None
    return chosen_level(Values.of(data), given, name)


def chosen_level(values: Values, given: GivenNoise, name: str = "coarse") -> NoiseLevel | None:
    """Return the noise level to take in place of the dataset's, or None where the dataset's holds.

    A given level replaces that of the dataset. If there is neither, the level or an upper bound of it is estimated from
    the values. A warning reports a level that is replaced or estimated.

    Raises `InputError` if the level is missing and cannot be estimated.
    """
    unit = "" if values.units == "1" else f" {values.units}"
    sigma = given.sigma(values.level)
    if sigma is not None:
        if values.noise_std is not None and not math.isclose(sigma, values.noise_std, rel_tol=1e-6):
            warn(f"The noise level that was given, {sigma:.3g}{unit}, replaces {values.noise_std:.3g}{unit} of {name}.")
        return NoiseLevel.of(sigma, values.level, estimated=False)
    if values.noise_std is not None:
        return None
    estimate = estimate_noise(values.rows, name)
    if estimate.noise_std == 0:
        none = f"The noise of {name} is not stated; none was found beyond rounding, and its values count as exact."
        warn(none if values.level > 0 else f"All values of {name} are zero: no signal was read.")
        return NoiseLevel.of(0.0, values.level, estimated=True)
    by_row = None if estimate.factor is None else estimate.factor * values.row_levels
    noise_std = estimate.noise_std if by_row is None else float(rms(by_row))
    single = NoiseLevel.of(noise_std, values.level, estimated=True)
    found = replace(single, bound=estimate.bound, by_row=by_row)
    said = f"{noise_std:.3g}{unit} ({found.snr:.1f} dB below the RMS)"
    rows = "" if by_row is None else ", row by row since it differs"
    if found.bound:
        warn(
            f"The noise of {name} is not stated; its rows only tell that it is at most {said}, which is used{rows}; "
            "give snr, noise_std or noiseless for a better recovery."
        )
    else:
        warn(f"The noise of {name} is not stated; {said} was estimated from its rows and is used{rows}.")
    return found


def with_noise(
    data: xr.Dataset, snr: float | None = None, noise_std: float | None = None, noiseless: bool = False
) -> xr.Dataset:
    """Return a system matrix or measurement with the noise level that is given.

    Parameters
    ----------
    data
        A dataset of the schema.
    snr
        RMS of the measured values over the noise, in dB.
    noise_std
        Complex noise standard deviation, in the unit of the values.
    noiseless
        Whether the values are exact.

    Returns
    -------
    xarray.Dataset
        The dataset with `noise_std`; as it is where no level is given.

    Raises
    ------
    InputError
        If more than one is given, a value is out of range, or the dataset is an image.
    """
    given = GivenNoise(snr, noise_std, noiseless)
    if given == GivenNoise():
        return data
    kind = data.attrs.get("kind")
    require(kind in ("system_matrix", "measurement"), "data", "a system matrix or a measurement", f"kind {kind}")
    values = measured_values(data) if kind == "system_matrix" else data["measurement"].values
    level = rms(values.astype(complex))
    return NoiseLevel.of(given.sigma(level) or 0.0, level, estimated=False).applied(data)
