"""Small system matrices of random numbers for tests."""

import numpy as np

from mpisim.data.schema import build

RNG = np.random.default_rng(3)


DIMS = ("angle", "frequency", "y", "x")


SAMPLING = {"scheme": "box", "factor": 4, "seed": 0, "snr": None}


def sample_matrix(stage="fine", shape=(2, 3, 4, 5), dims=DIMS, noise_std=None, **attributes):
    values = RNG.normal(size=(*shape, 2)) @ [1, 1j]
    coords = {d: 1e-3 * np.arange(n) for d, n in zip(dims, shape, strict=True)}
    attributes = {"stage": stage, "origin": "simulated"} | attributes
    return build("system_matrix", values, dims, coords, noise_std=noise_std, **attributes)
