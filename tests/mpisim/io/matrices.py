"""Random matrices for the tests of files."""

import numpy as np
import xarray as xr

from mpisim.data.schema import build

RNG = np.random.default_rng(4)


def complex_values(*shape, dtype=complex):
    return (RNG.normal(size=(*shape, 2)) @ [1, 1j]).astype(dtype)


def sample_matrix(dtype=complex, shape=(2, 3, 4, 5), **options):
    dims = ("angle", "frequency", "y", "x")
    coords = {d: 1e-3 * np.arange(n) for d, n in zip(dims, shape, strict=True)}
    coords["harmonic"] = ("frequency", np.arange(2, 2 + shape[1]))
    options = {"stage": "fine", "origin": "simulated"} | options
    return build("system_matrix", complex_values(*shape, dtype=dtype), dims, coords, **options)


def assert_same(found, expected):
    xr.testing.assert_identical(found, expected)
    for name in expected.variables:
        assert found[name].dtype == expected[name].dtype, name
