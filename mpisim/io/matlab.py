r"""MATLAB arrays: v7.3 files (HDF5) by h5py, older ones by SciPy, always in MATLAB's own order of axes.

Files of the published TranSMS data hold a measured system matrix `myMtx` (rows x voxels), `estNsKestirimi` and
`snrList` (one number for each frequency, its estimated noise and its signal-to-noise ratio). Rows run over frequencies
and, faster, over the slices of a volume. The published code reads a row as n1 x n2 voxels of which the **second** index
runs faster, :math:`j = n_2 i_1 + i_2`; in MATLAB, where the first index of an array runs fastest, that is
`reshape(row, [n2 n1])`. It is the order of Open MPI data, x fastest, so that i2 numbers x and i1 numbers y here (the
published code calls the lengths n1 "dimension x" and n2 "dimension y", but all of its grids are square).
"""

from __future__ import annotations

import math
import os
import zlib
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np
import scipy.io
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.noise import rms
from mpisim.data.schema import build
from mpisim.errors import InputError, require

__all__ = ["ORIGINAL", "holds_original", "read_matlab", "read_original"]

ORIGINAL = ("myMtx", "estNsKestirimi", "snrList")
"""Variables by which a file of the published TranSMS data is known; the first is the matrix."""

_DAMAGE = (OSError, ValueError, NotImplementedError, TypeError, IndexError, zlib.error)


def read_matlab(path: str | os.PathLike[str], variable: str | None = None) -> np.ndarray:
    """Read one numeric array of a MATLAB file, complex where MATLAB's is.

    Parameters
    ----------
    path
        The `.mat` file.
    variable
        Name of the array; None takes the only one, or the matrix of published TranSMS data.

    Raises
    ------
    InputError
        If the file is missing or no MATLAB file, or the variable is missing or not numeric.
    """
    arrays = _read_arrays(path)
    if variable is None and set(ORIGINAL) <= set(arrays):
        variable = ORIGINAL[0]
    if variable is None:
        require(len(arrays) > 0, str(path), "a MATLAB file with a numeric array", "one without")
        require(len(arrays) == 1, "variable", f"named where {path} holds several arrays", f"none of {sorted(arrays)}")
        variable = next(iter(arrays))
    require(variable in arrays, "variable", f"one of {sorted(arrays)} in {path}", repr(variable))
    return arrays[variable]


def holds_original(path: str | os.PathLike[str]) -> bool:
    """Whether a file has the variables of published TranSMS data; False for a file that cannot be read."""
    try:
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return set(ORIGINAL) <= set(file)
        return set(ORIGINAL) <= {name for name, *_ in scipy.io.whosmat(path)}
    except (*_DAMAGE, scipy.io.matlab.MatReadError):
        return False


def read_original(path: str | os.PathLike[str], grid: Grid) -> xr.Dataset:
    r"""Read a file of the published TranSMS data as a measured fine system matrix.

    Parameters
    ----------
    path
        The `.mat` file, with the variables `ORIGINAL`.
    grid
        The voxels of a row; a grid with z takes the slices of a volume apart, one without numbers them as rows.

    Returns
    -------
    xarray.Dataset
        Over frequency[, z], y, x, in units of the noise (unit 1). Coordinates along frequency are `noise_estimate`
        and `snr` of the file. `noise_std` is :math:`\sqrt 2`: the published code takes rows as whitened to unit
        standard deviation of real and imaginary part and does not use its estimates. It is left out where a row is
        so weak (RMS below 1/2) that the matrix cannot be whitened.

    Raises
    ------
    InputError
        If the file is none of that kind, or its sizes fit neither each other nor the grid.
    """
    arrays = _read_arrays(path)
    require(set(ORIGINAL) <= set(arrays), str(path), f"a file with {', '.join(ORIGINAL)}", str(sorted(arrays)))
    matrix, noise, snr = (arrays[name] for name in ORIGINAL)
    voxels = math.prod(grid.shape[:2])
    require(
        matrix.ndim == 2 and matrix.shape[1] == voxels,
        f"myMtx of {path}",
        f"rows x {voxels} voxels to fit the grid {grid.shape}",
        f"the shape {matrix.shape}",
    )
    numbers = f"estNsKestirimi and snrList of {path}"
    good = noise.size == snr.size and noise.size > 0 and len(matrix) % noise.size == 0
    require(good, numbers, f"as many numbers as {len(matrix)} rows have frequencies", f"{noise.size} and {snr.size}")
    lead = _leading_sizes(noise.size, len(matrix) // noise.size, grid, path)
    numbered = {"noise_estimate": noise, "snr_ratio": snr}
    return build(
        "system_matrix",
        matrix.astype(np.complex128).reshape(*lead, grid.shape[1], grid.shape[0]),
        ("frequency", *grid.dims),
        grid.coords()
        | {k: ("frequency", np.repeat(np.ravel(v).real, lead[0] // noise.size)) for k, v in numbered.items()},
        noise_std=_whitened(matrix),
        units="1",
        stage="fine",
        origin="measured",
        grid=asdict(grid),
        source=Path(path).name,
        variable=ORIGINAL[0],
    )


def _leading_sizes(frequencies: int, slices: int, grid: Grid, path: str | os.PathLike[str]) -> tuple[int, ...]:
    if len(grid.shape) == 2:
        return (frequencies * slices,)
    require(grid.shape[2] == slices, "grid", f"of {slices} slices along z for {path}", grid.shape)
    return (frequencies, slices)


def _whitened(matrix: np.ndarray) -> float | None:
    return math.sqrt(2) if np.all(rms(matrix, axis=1) >= 0.5) else None


def _read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    require(Path(path).is_file(), "file", "an existing file", str(path))
    try:
        if h5py.is_hdf5(path):
            arrays = _read_hdf5(path)
        else:
            arrays = {k: v for k, v in scipy.io.loadmat(path).items() if not k.startswith("__")}
    except (*_DAMAGE, scipy.io.matlab.MatReadError) as error:
        raise InputError(
            f"Input {path} must be a MATLAB file; instead received one that fails with: {error}."
        ) from None
    return {k: v for k, v in arrays.items() if isinstance(v, np.ndarray) and v.dtype.kind in "fciu"}


def _read_hdf5(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    arrays = {}
    with h5py.File(path, "r") as file:
        for name, item in file.items():
            if not isinstance(item, h5py.Dataset):
                continue
            values = item[()]
            if values.dtype.names == ("real", "imag"):
                values = values["real"] + 1j * values["imag"]
            arrays[name] = np.asarray(values).T  # HDF5 shows MATLAB's axes in reverse
    return arrays
