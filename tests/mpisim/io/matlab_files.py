"""MATLAB files of both formats for tests."""

import h5py
import numpy as np
import pytest
import scipy.io

from mpisim import Grid, InputError, read

RNG = np.random.default_rng(4)


def complex_values(*shape, dtype=complex):
    return (RNG.normal(size=(*shape, 2)) @ [1, 1j]).astype(dtype)


def refused(path, reason, **options):
    with pytest.raises(InputError, match=reason) as caught:
        read(path, **options)
    assert str(caught.value).startswith("Input ") and "\n" not in str(caught.value)


GRID = Grid((3, 2), (0.003, 0.002))


def write_v5(path, **arrays):
    scipy.io.savemat(path, arrays)


def write_v73(path, **arrays):
    """As MATLAB does: axes in reverse, complex numbers as records of real and imag, plus a group that is no array."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_group("#refs#")
        for name, array in arrays.items():
            values = np.atleast_2d(array).T
            if np.iscomplexobj(values):
                record = np.empty(values.shape, [("real", float), ("imag", float)])
                record["real"], record["imag"] = values.real, values.imag
                values = record
            file[name] = values


both_formats = pytest.mark.parametrize("save", [write_v5, write_v73])
