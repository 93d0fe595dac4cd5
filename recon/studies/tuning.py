"""Hyper-parameters of reconstruction for `mpisim tune`: how the weights of ADMM share between L1 and total variation.

Under a noise bound only their ratio matters, so the search is over one number, `atv`, with `a1` = 1 - `atv`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from calib.training.search import Tunable
from mpisim.data.grid import Grid
from mpisim.errors import require, seed_number
from mpisim.io import read
from recon.measurement import measure
from recon.metrics import psnr
from recon.phantoms import tubes
from recon.reconstruction import reconstruct

__all__ = ["minus_psnr", "tunables"]

_EVERY = 6  # of the validation matrices


def tunables() -> dict[str, Tunable]:
    """Return ADMM, whose score is minus the pSNR of images of the tubes against the truth."""
    return {"admm": Tunable("weights of ADMM: -pSNR in dB of the tubes", {"atv": (1e-3, 0.9)}, minus_psnr)}


def minus_psnr(values: Mapping[str, float], folder: Path, data: Path, options: Mapping[str, object]) -> float:
    """Return minus the mean pSNR in dB of the tubes over every sixth matrix of the split `validation` of a data set.

    `values` holds the weight `atv`, `options` the `seed` of the noise, 0 by default; `folder` is unused. Measurements
    have 30 dB and come from a finer grid; images are reconstructed with the matrix itself. Raises `InputError` if the
    data set has no validation matrices or the seed is no whole number.
    """
    files = sorted((data / "validation").glob("*.nc"))[::_EVERY]
    require(len(files) > 0, "data", "a data set with the split validation (see `mpisim dataset`)", str(data))
    truth, first = tubes(), seed_number(options.get("seed", 0))
    scores = []
    for i, file in enumerate(files):
        fine = read(file)
        y = measure(fine, truth, snr=30, seed=first + i)
        image = reconstruct(fine, y, "admm", a1=1 - values["atv"], atv=values["atv"])
        scores.append(psnr(image["image"].values, truth.sample(Grid.of(fine))))
    return -float(np.mean(scores))
