"""MATLAB arrays: v7.3 files (HDF5) by h5py, older ones by SciPy, always in MATLAB's own order of axes."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import h5py
import numpy as np
import scipy.io

from mpisim.errors import InputError, require

__all__ = ["read_matlab"]

_DAMAGE = (OSError, ValueError, NotImplementedError, TypeError, IndexError, zlib.error)


def read_matlab(path: str | os.PathLike[str], variable: str | None = None) -> np.ndarray:
    """Read one numeric array of a MATLAB file, complex where MATLAB's is.

    Parameters
    ----------
    path
        The `.mat` file.
    variable
        Name of the array; None takes the only one.

    Raises
    ------
    InputError
        If the file is missing or no MATLAB file, or the variable is missing or not numeric.
    """
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
    arrays = {k: v for k, v in arrays.items() if isinstance(v, np.ndarray) and v.dtype.kind in "fciu"}
    if variable is None:
        require(len(arrays) > 0, str(path), "a MATLAB file with a numeric array", "one without")
        require(len(arrays) == 1, "variable", f"named where {path} holds several arrays", f"none of {sorted(arrays)}")
        variable = next(iter(arrays))
    require(variable in arrays, "variable", f"one of {sorted(arrays)} in {path}", repr(variable))
    return arrays[variable]


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
