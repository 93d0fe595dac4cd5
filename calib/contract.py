"""What a method of recovery must return, and a check of it on a small matrix, for the tests of a plug-in."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from calib.methods.record import Method, Recovered
from mpisim.data.downsampling import downsample
from mpisim.data.noise import complex_gaussian
from mpisim.data.schema import build
from mpisim.errors import require

__all__ = ["applied", "check_method", "check_result"]


def applied(method: Method, coarse: xr.Dataset, **given: object) -> Recovered:
    """Apply a method with those of the given arguments that it takes."""
    return method.apply(coarse, **{name: value for name, value in given.items() if name in method.takes})


def check_result(recovered: object, shape: Sequence[int], method: str) -> None:
    """Raise `InputError` unless a method returned what it must: fine rows (row, H, W), complex and finite."""
    name = f"result of the method {method}"
    require(isinstance(recovered, Recovered), name, "a calib.Recovered", type(recovered).__name__)
    assert isinstance(recovered, Recovered)
    rows, std = recovered.rows, recovered.std
    good = isinstance(rows, np.ndarray) and rows.shape == tuple(shape) and np.iscomplexobj(rows)
    must = f"made of complex rows of shape {tuple(shape)}"
    require(good, name, must, f"{getattr(rows, 'dtype', type(rows).__name__)} of shape {np.shape(rows)}")
    require(bool(np.isfinite(rows).all()), name, "finite everywhere", "NaN or infinite values")
    real = isinstance(std, np.ndarray) and std.shape == rows.shape and std.dtype.kind == "f"
    good = std is None or (real and bool(np.all(np.isfinite(std) & (std >= 0))))
    require(good, f"std of the {name}", f"real, finite, zero or more, of shape {tuple(shape)}", "something else")
    _check_circularity(recovered, name)
    kind = type(recovered.metadata).__name__
    require(isinstance(recovered.metadata, Mapping), f"metadata of the {name}", "a mapping", kind)


def _check_circularity(recovered: Recovered, name: str) -> None:
    found = recovered.circularity
    if found is None:
        return
    must = f"complex, of a magnitude of at most 1, of shape {recovered.rows.shape}, beside a std"
    good = isinstance(found, np.ndarray) and found.shape == recovered.rows.shape and found.dtype.kind == "c"
    good = good and recovered.std is not None and bool(np.all(np.abs(found) <= 1 + 1e-5))
    require(good, f"circularity of the {name}", must, "something else")


def check_method(method: Method, name: str = "under test", weights: str | os.PathLike[str] | None = None) -> None:
    """Check that a method of recovery does what `recover` relies on; call it in the tests of a plug-in.

    It recovers a small matrix at 2x for every sampling that the method takes, once without and once with noise.

    Parameters
    ----------
    method
        The record.
    name
        Its name, for messages.
    weights
        A weights file, where the method takes weights.

    Raises
    ------
    InputError
        If the method returns another type, another shape, or values that are not finite.
    """
    require(isinstance(method, Method), f"method {name}", "a calib.Method", type(method).__name__)
    values = complex_gaussian((3, 2, 8, 12), 1.0, 0)
    axis = {"y": 1e-3 * np.arange(8), "x": 1e-3 * np.arange(12)}
    coords = {**axis, "angle": np.arange(3.0), "frequency": np.arange(1.0, 3.0)}
    fine = build("system_matrix", values, ("angle", "frequency", "y", "x"), coords, stage="fine", origin="simulated")
    for scheme in method.samplings:
        for snr in (None, 20.0):
            coarse = downsample(fine, 2, scheme, snr)
            check_result(applied(method, coarse, weights=weights), (6, 8, 12), name)
