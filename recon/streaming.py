"""System matrices that are larger than the memory: solvers read their rows from the file, slab by slab, for each pass.

What `recon.preparation` does to the rows (common frequencies, units, whitening, the choice of rows) multiplies each of
them by a number or leaves it out. It is done once to the rows with a single voxel of the value one, which shows the
numbers and which rows are left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from mpisim.data.schema import CIRCULARITY, STD, VOXEL_DIMS, expect
from mpisim.errors import require, warn
from mpisim.io.formats import FilePath
from mpisim.io.reading import read
from mpisim.io.slabs import exceeds_memory, row_header, row_slabs
from mpisim.memory import memory_limit
from mpisim.progress import progress
from recon.preparation import Conditions, Prepared, prepare
from recon.solvers.matrix import SlabMatrix

__all__ = ["FileMatrix", "StoredRows", "matrix_of", "prepare_stored"]

_BYTES, _READING = 64, 16  # per complex value: what reading, whitening and solving take, and reading alone
_ROW = "row_number"
"""Coordinate of the rows' numbers."""


class FileMatrix(SlabMatrix):
    """Rows of the system matrix of a file, each multiplied by a number.

    Parameters
    ----------
    path
        The file.
    numbers
        Numbers of the rows to use, ascending, shape (M,).
    factors
        What they are multiplied by, shape (M,).
    voxels
        Number of voxels N.
    dtype
        Type of the values in the file: those of complex64 stay so, multiplied in float64 and rounded.
    size
        Bytes that reading a slab may take.
    """

    def __init__(
        self, path: FilePath, numbers: np.ndarray, factors: np.ndarray, voxels: int, dtype: np.dtype, size: float
    ) -> None:
        super().__init__((len(numbers), voxels), dtype)
        self.path, self.numbers, self.factors, self.size = path, numbers, factors, size

    def slabs(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the rows as `recon.SlabMatrix` states; those of an MDF file by frequencies, of each channel in turn."""
        with progress(total=self.shape[0], desc="reading", unit="row") as bar:
            for numbers, rows, _ in row_slabs(self.path, self.size):
                for run in np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(numbers) != 1) + 1):
                    first, last = np.searchsorted(self.numbers, (numbers[run[0]], numbers[run[-1]] + 1))
                    if first == last:
                        continue
                    part = rows[run[0] + self.numbers[first:last] - numbers[run[0]]]
                    part = (part * self.factors[first:last, None]).astype(self.dtype)
                    bar.update(int(last - first))
                    yield slice(int(first), int(last)), part


@dataclass(frozen=True)
class StoredRows:
    """A system matrix in a file that is read by slabs; `matrix_of` makes it.

    Parameters
    ----------
    path
        The file.
    header
        Its rows with a single voxel of the value one.
    coords
        Coordinates of its voxels.
    dtype
        Type of its values.
    """

    path: FilePath
    header: xr.Dataset
    coords: dict[str, xr.DataArray]
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the image."""
        return tuple(c.size for c in self.coords.values())

    def levels(self) -> np.ndarray:
        """Return the RMS of every row, shape (row,), by a pass over the file."""
        level = np.ones(self.header["system_matrix"].size)
        for numbers, rows, _ in row_slabs(self.path, memory_limit() / 4):
            level[numbers] = np.sqrt(np.mean(rows.real.astype(float) ** 2 + rows.imag.astype(float) ** 2, axis=1))
        return level


def matrix_of(path: FilePath, streams: bool, method: str = "solver") -> xr.Dataset | StoredRows:
    """Return the system matrix of a file: all of it, or its rows where it is larger than the memory.

    Parameters
    ----------
    path
        The file.
    streams, method
        Whether the method that is to use it takes a matrix that is read by slabs, and how messages call it.

    Raises
    ------
    InputError
        If the file is damaged, holds no fine system matrix, or is too large for a method that needs all of it.
    """
    if not exceeds_memory(path, _BYTES if streams else _READING):
        return read(path)
    must = "one that can be read completely (a larger memory allows more; kaczmarz, cg and fista take any size)"
    require(streams, f"matrix {path} for the {method}", must, "one that is too large")
    header = expect(row_header(path), "system_matrix", str(path), stage="fine")
    _, rows, data = next(row_slabs(path, memory_limit() / 4))
    coords = {d: data[d] for d in VOXEL_DIMS if d in data["system_matrix"].dims}
    values = header["system_matrix"]
    lead = [d for d in values.dims if d not in VOXEL_DIMS]
    order = xr.DataArray(np.arange(values.size).reshape([values.sizes[d] for d in lead]), dims=lead)
    header = header.assign(system_matrix=values.copy(data=np.ones(values.shape, complex)))
    return StoredRows(path, header.assign_coords({_ROW: order}), coords, rows.dtype)


def prepare_stored(stored: StoredRows, y: xr.Dataset, conditions: Conditions, method: str) -> Prepared:
    """Return the system of equations of a matrix in a file and a measurement, as `recon.preparation.prepare` does.

    The `matrix` of the result has the rows with a single voxel, that of its `problem` reads them from the file. The
    standard deviation that a file states of its values is left aside, with a warning where it was wanted.

    Raises
    ------
    InputError
        As `prepare`, and for a background, which needs the matrix in memory.
    """
    must = "left out for a matrix that is larger than the memory"
    require(conditions.background is None, "background", must, conditions.background)
    header = stored.header
    if STD in header:
        header = header.drop_vars([STD, CIRCULARITY], errors="ignore")
        if conditions.use_std:
            warn("The matrix is read by slabs, so that the standard deviation which it states is not used.")
    level = np.ones(header["system_matrix"].size)
    if conditions.row_snr is not None:
        level = stored.levels()
        values = header["system_matrix"]
        header = header.assign(system_matrix=values.copy(data=level.reshape(values.shape).astype(complex)))
    prepared = prepare(header, y, conditions, method)
    numbers = prepared.matrix[_ROW].values.ravel()
    numbers = numbers if prepared.kept is None else numbers[prepared.kept]
    level = level[numbers]
    factors = np.where(level > 0, prepared.problem.matrix[:, 0].real / np.where(level > 0, level, 1), 0)
    matrix = FileMatrix(stored.path, numbers, factors, int(np.prod(stored.shape)), stored.dtype, memory_limit() / 4)
    return replace(prepared, problem=replace(prepared.problem, matrix=matrix, shape=stored.shape))
