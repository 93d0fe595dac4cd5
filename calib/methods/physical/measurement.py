r"""What a fit of the scanner takes from a coarse matrix: its values by angle, coil and harmonic, and their noise.

Where a file does not number its harmonics, they are its frequencies over that of the drive, or over their greatest
common divisor. Exact data count as if they had noise of a :math:`\sigma^2` of 2e-9 of their mean square, about what the
quadrature of the model leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from calib.methods.geometry import Geometry
from calib.methods.physical.parameters import Parameters
from calib.methods.physical.scanner_table import scanner_parameters
from mpisim.data.grid import Grid
from mpisim.data.noise import rms
from mpisim.data.sampling import RandomSampling, Sampling
from mpisim.data.schema import POSITION
from mpisim.data.views import as_images, noise_per_row
from mpisim.errors import InputError, require

__all__ = ["FLOOR", "Measurement", "values_and_noise"]

FLOOR = np.sqrt(2e-9)
"""Least noise over the RMS of the values."""
_FEWEST_VALUES = 4  # of a row
_SAME_ANGLE = 1e-6  # rad
_WHOLE = 1e-3  # of a harmonic, what rounding of frequencies leaves
_HIGHEST = 100
_INSTEAD = "; bicubic-dc, or ridge where the scanner has a field-free line, need none of this"


@dataclass(frozen=True, eq=False)
class Measurement:
    """Measured values, in units of their RMS.

    Parameters
    ----------
    values, sigma
        Complex (angle, coil, harmonic, value), x fastest, and the deviation of their complex noise, of the same shape;
        infinite for values that do not count.
    unit
        The RMS, in the unit of the matrix.
    parameters
        The table of the scanner.
    sampling, fine
        How the matrix was measured, and the voxels of the fine one, counted from the scanner's axis.
    sample
        Edges (x, y) in m of the sample of the fine matrix; None where it fills a voxel.
    exact
        Whether the values have no noise.
    shape
        Shape (y, x) of the coarse rows as images.
    """

    values: np.ndarray
    sigma: np.ndarray
    unit: float
    parameters: Parameters
    sampling: Sampling
    fine: Grid
    sample: tuple[float, float] | None
    exact: bool
    shape: tuple[int, int]

    @classmethod
    def of(cls, coarse: xr.Dataset) -> Measurement:
        """Return that of a coarse matrix.

        Raises
        ------
        InputError
            If the matrix has no angles or harmonics, its angles are equal, or it holds fewer values than an ideal
            scanner has unknowns.
        """
        dims = tuple(str(d) for d in coarse["system_matrix"].dims)
        several = "receive" in dims
        places = (POSITION,) if POSITION in dims else ("y", "x")
        wanted = ("angle", *(("receive",) if several else ()), "frequency", *places)
        must = f"of rows (angle, frequency) or (angle, receive, frequency) with the coordinate angle{_INSTEAD}"
        received = f"rows {dims[: -len(places)]}"
        require(dims == wanted and "angle" in coarse.coords, "coarse of the method physical", must, received)
        angles = coarse["angle"].values.astype(float)
        apart = len(angles) > 0 and bool(np.abs(np.sin(angles - angles[0])).max() > _SAME_ANGLE)
        received = f"{len(angles)} equal to {angles[0]:.4g}" if len(angles) else "none"
        require(apart, "angles of coarse", f"two different ones or more for the method physical{_INSTEAD}", received)
        order = np.argsort(_harmonics(coarse))
        harmonics = _harmonics(coarse)[order]
        sampling = Sampling.of(coarse)
        values, _ = values_and_noise(coarse, order)
        rows = values.shape[:3]
        parameters = scanner_parameters(angles.tolist(), harmonics.tolist(), rows[1])
        n = values.shape[-1]
        unknowns = 3 + 2 * rows[1] * rows[2]
        enough = bool(n >= _FEWEST_VALUES and 2 * values.size >= unknowns)
        must = f"{_FEWEST_VALUES} values or more in a row, and more numbers than an ideal scanner's {unknowns} unknowns"
        require(enough, "coarse of the method physical", f"of {must}{_INSTEAD}", f"{n} values in each of {rows} rows")
        unit = float(rms(values))
        require(unit > 0, "coarse of the method physical", "other than zero somewhere", "zeros only")
        values, sigma = values_and_noise(coarse, order, unit)
        images = as_images(coarse)
        return cls(
            values,
            np.maximum(sigma, FLOOR),
            unit,
            parameters,
            sampling,
            _about_axis(coarse, sampling),
            _sample(coarse),
            not sigma.any(),
            (images.shape[-2], images.shape[-1]),
        )

    def without(self, out: np.ndarray) -> Measurement:
        """Return the measurement in which values do not count, `out` of a shape that broadcasts to that of `values`."""
        return replace(self, sigma=np.where(out, np.inf, self.sigma))

    def turned(self, angles: np.ndarray) -> Measurement:
        """Return the same values as those of other angles."""
        return replace(self, parameters=replace(self.parameters, angles=tuple(angles)))

    @property
    def counts(self) -> np.ndarray:
        """Which values count."""
        return np.isfinite(self.sigma)

    def as_rows(self, values: np.ndarray, coarse: xr.Dataset) -> np.ndarray:
        """Return values (angle, coil, harmonic, ...) as the rows of the file, (row, ...), in the order of its rows."""
        place = np.argsort(np.argsort(_harmonics(coarse)))
        return np.ascontiguousarray(values[:, :, place]).reshape(-1, *values.shape[3:])


def values_and_noise(coarse: xr.Dataset, places: np.ndarray, unit: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of some frequencies and the deviation of their noise over a unit, (angle, coil, place, value).

    Values that were not measured are left out.
    """
    sampling = Sampling.of(coarse)
    images = as_images(coarse).astype(complex)
    kept = sampling.mask.reshape(-1) if isinstance(sampling, RandomSampling) else slice(None)
    rows = (coarse.sizes["angle"], coarse.sizes.get("receive", 1), coarse.sizes["frequency"])
    values = images.reshape(*rows, -1)[:, :, places][..., kept]
    noise = noise_per_row(coarse).astype(float).reshape(rows)[:, :, places, None] / unit
    share = sampling.filling
    sigma = np.broadcast_to(noise, values.shape) / (1.0 if share is None else share.reshape(-1))
    return values / unit, sigma


def _harmonics(coarse: xr.Dataset) -> np.ndarray:
    """Number of the harmonic of every frequency, in the order of the file."""
    name = "harmonics of coarse"
    must = f"whole numbers, each once, for the method physical{_INSTEAD}"
    if "harmonic" in coarse.coords:
        found = np.atleast_1d(coarse["harmonic"].values).astype(float)
    else:
        received = "neither the coordinate harmonic nor frequency"
        require("frequency" in coarse.coords, name, must, received)
        found = _of_frequencies(np.atleast_1d(coarse["frequency"].values).astype(float), coarse.attrs.get("scanner"))
    near = np.rint(found)
    close = np.abs(found - near) < _WHOLE * np.maximum(near, 1)
    good = found.shape == (coarse.sizes["frequency"],) and bool(close.all())
    good = bool(good and np.all(near >= 1) and np.all(near <= _HIGHEST) and len(set(near)) == len(near))
    require(good, name, must, np.round(found, 3).tolist())
    return near.astype(int)


def _of_frequencies(frequencies: np.ndarray, scanner: object) -> np.ndarray:
    """Frequencies over that of the drive, or over their greatest common divisor where it is not known."""
    drive = scanner.get("drive_frequency") if isinstance(scanner, dict) else None
    if isinstance(drive, (int, float)) and drive > 0:
        return frequencies / float(drive)
    if len(frequencies) < 2 or not np.all(frequencies > 0):
        raise InputError(
            f"Input coarse must number its harmonics (coordinate harmonic) for the method physical{_INSTEAD}; instead "
            f"received frequencies {frequencies.tolist()}, whose drive frequency is unknown."
        )
    divisor, rest = float(frequencies.max()), np.sort(frequencies)
    for value in rest:
        while value > _WHOLE * frequencies.min():
            divisor, value = value, divisor % value
            if divisor - value < _WHOLE * frequencies.min():
                value = 0.0
    return frequencies / divisor


def _sample(coarse: xr.Dataset) -> tuple[float, float] | None:
    """Edges of the sample of the fine matrix that the file states."""
    stated = coarse.attrs.get("sample")
    size = stated.get("size") if isinstance(stated, dict) else None
    return None if size is None else (float(size[0]), float(size[1]))


def _about_axis(coarse: xr.Dataset, sampling: Sampling) -> Grid:
    """Voxels of the fine matrix; a grid that lies far away is taken to be centred on the axis (`Geometry`)."""
    grid, geometry = sampling.fine_grid(Grid.of(coarse)), Geometry.of(coarse)
    hx, hy = grid.voxel[:2]
    return replace(grid, center=(geometry.x * hx, geometry.y * hy, grid.center[2]))
