"""What of reconstruction is searched on the validation split: how ADMM's weights share between L1 and total variation.

Only their ratio matters under a noise bound, so one number is searched, `atv` with `a1` = 1 - `atv`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calib.training.search import Tunable
from mpisim.data.grid import Grid
from mpisim.errors import require
from mpisim.io import read
from recon import phantoms
from recon.measurement import measure
from recon.metrics import psnr
from recon.reconstruction import reconstruct

__all__ = ["tunables"]

_EVERY = 6


def tunables() -> dict[str, Tunable]:
    """ADMM, by the pSNR of its images of the tubes against the truth."""
    return {"admm": Tunable("weights of ADMM: -pSNR in dB of the tubes", {"atv": (1e-3, 0.9)}, minus_psnr)}


def minus_psnr(values: Mapping[str, float], folder: Path, data: Path, options: Mapping[str, Any]) -> float:
    """Return minus the mean pSNR in dB of the tubes against the truth over every sixth validation matrix.

    Data are made at 30 dB on a finer grid, images with the reference matrix. `options` may hold the noise's `seed`.
    """
    files = sorted((data / "validation").glob("*.nc"))[::_EVERY]
    require(len(files) > 0, "data", "a data set with the split validation (see `mpisim dataset`)", str(data))
    truth, found = phantoms.tubes(), []
    for i, file in enumerate(files):
        fine = read(file)
        y = measure(fine, truth, snr=30, seed=int(options.get("seed", 0)) + i)
        image = reconstruct(fine, y, "admm", a1=1 - values["atv"], atv=values["atv"])
        found.append(psnr(image["image"].values, truth.sample(Grid.of(fine))))
    return -float(np.mean(found))
