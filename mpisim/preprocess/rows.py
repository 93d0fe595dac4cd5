r"""Rows of a system matrix or a measurement: numbers for each of them, and what multiplying by these does to the noise.

A row is one angle, receive channel and frequency. Where row i of matrix and data is multiplied by :math:`w_i`,

.. math:: w_i A_{ij} x_j = w_i y_i,\qquad \sigma_i \to \lvert w_i\rvert\,\sigma_i .
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.schema import CIRCULARITY, POSITION, STD, VOXEL_DIMS
from mpisim.errors import require
from mpisim.preprocess.pairing import places

__all__ = [
    "BACKGROUND",
    "COMMON_NOISE",
    "RowNumbers",
    "frequencies_of",
    "kind_of",
    "one_of_each_row",
    "restored",
    "scaled",
]

BACKGROUND = "background"
"""Variable of the background frames (background_frame, row dimensions), as received."""
COMMON_NOISE = "background_noise_std"
"""Variable of the part of `noise_std` that a subtracted background brings, and that all frames share."""
_NOT_ROWS = ("frame", *VOXEL_DIMS, POSITION)


def kind_of(data: xr.Dataset) -> str:
    """Return `system_matrix` or `measurement`; raise `InputError` for another dataset, such as an image."""
    kind = str(data.attrs.get("kind"))
    require(kind in ("system_matrix", "measurement"), "data", "a system matrix or a measurement", kind)
    return kind


def one_of_each_row(data: xr.Dataset) -> xr.DataArray:
    """Return the first value of every row, over the row dimensions alone, for their names, sizes and coordinates."""
    variable = data[kind_of(data)]
    return variable.isel({d: 0 for d in _NOT_ROWS if d in variable.dims}, drop=True)


def frequencies_of(data: xr.Dataset) -> np.ndarray:
    """Return the frequency in Hz along the dimension frequency; where it is not stated, the index."""
    if "frequency" in data.coords:
        return np.atleast_1d(data["frequency"].values).astype(float)
    return np.arange(data.sizes.get("frequency", 1), dtype=float)


def scaled(
    data: xr.Dataset,
    factor: xr.Variable,
    units: str | None = None,
    dtype: np.dtype | type | None = None,
    divide: bool = False,
) -> xr.Dataset:
    """Multiply every row by a factor, and its noise and deviations by the magnitude of it.

    Parameters
    ----------
    data
        A system matrix or a measurement.
    factor
        Real or complex, over some of the row dimensions.
    units
        Unit of the result; None leaves it.
    dtype
        Type of the result; None leaves it.
    divide
        Divide by the factor instead.
    """
    kind = kind_of(data)
    order = tuple(str(d) for d in one_of_each_row(data).dims)
    found = {}
    for name in (kind, BACKGROUND):
        if name in data:
            variable = data[name].variable
            wanted = np.dtype(dtype or variable.dtype)
            product = (variable.astype(wanted, copy=False) * (1 / factor if divide else factor)).transpose(
                *variable.dims
            )
            found[name] = product.astype(wanted, copy=False)
    size = abs(factor)
    for name in ("noise_std", COMMON_NOISE):
        if name in data:
            product = data[name].variable / size if divide else data[name].variable * size
            found[name] = product.transpose(*(d for d in order if d in product.dims))
    if STD in data:
        variable = data[STD].variable
        found[STD] = (variable.astype(float) * (1 / size if divide else size)).transpose(*variable.dims)
    if CIRCULARITY in data:
        variable = data[CIRCULARITY].variable
        turn = (factor / size.where(size > 0, 1.0)) ** (-2 if divide else 2)
        found[CIRCULARITY] = (variable * turn).transpose(*variable.dims).astype(variable.dtype, copy=False)
    for name, variable in found.items():
        keeps = units is None or name == CIRCULARITY
        variable.attrs = dict(data[name].attrs) | ({} if keeps else {"units": units})
    return data.assign(found)


@dataclass(frozen=True)
class RowNumbers:
    """A number for every row, which is found again by its frequency in another file.

    Parameters
    ----------
    dims, shape
        Names and sizes of the row dimensions.
    frequencies
        Along the dimension frequency, in Hz.
    values
        The numbers, the last dimension fastest.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    frequencies: tuple[float, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, data: xr.Dataset, values: np.ndarray) -> RowNumbers:
        """Return numbers in the shape of the rows of a dataset."""
        like = one_of_each_row(data)
        flat = np.broadcast_to(values, like.shape).ravel().tolist()
        return cls(tuple(map(str, like.dims)), like.shape, tuple(frequencies_of(data).tolist()), tuple(flat))

    def at(self, data: xr.Dataset, what: str) -> xr.Variable:
        """Return the numbers for the rows of a dataset; raise `InputError` where `what` does not know one of them."""
        like = one_of_each_row(data)
        mine = {d: n for d, n in zip(self.dims, self.shape, strict=True) if d != "frequency"}
        others = {str(d): n for d, n in like.sizes.items() if d != "frequency"}
        must = f"of the rows {mine} for which {what} was decided"
        require(mine == others and ("frequency" in self.dims) == ("frequency" in like.dims), "data", must, others)
        numbers = np.reshape(np.array(self.values), self.shape)
        if "frequency" in self.dims:
            place = self._places(frequencies_of(data))
            count = int(np.count_nonzero(place < 0))
            require(count == 0, "data", f"of frequencies for which {what} was decided", f"{count} others")
            numbers = np.take(numbers, place, axis=self.dims.index("frequency"))
        return xr.Variable(self.dims, numbers)

    def _places(self, wanted: np.ndarray) -> np.ndarray:
        mine: Sequence[float] = self.frequencies
        if len(mine) == len(wanted) and np.allclose(mine, wanted, rtol=1e-6, atol=0):
            return np.arange(len(wanted))  # rows of a list have a frequency more than once
        return places(wanted, np.array(mine))


def restored(numbers: Any) -> RowNumbers | None:
    """Return numbers of rows from their record, or as they are; raise `InputError` for another one."""
    if numbers is None or isinstance(numbers, RowNumbers):
        return numbers
    good = isinstance(numbers, dict) and set(numbers) == {"dims", "shape", "frequencies", "values"}
    require(good, "numbers of rows", "a mapping of dims, shape, frequencies and values", type(numbers).__name__)
    return RowNumbers(**{name: tuple(values) for name, values in numbers.items()})
