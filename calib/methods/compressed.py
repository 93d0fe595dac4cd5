"""SPLIT: to be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from calib.methods.sparse_solver import ITERATIONS, MARGIN, TOLERANCE, sparse_rows
from mpisim.data.views import as_images, noise_per_row
from mpisim.errors import require

__all__ = ["compressed_sensing"]


def compressed_sensing(coarse: xr.Dataset, weights: None) -> tuple[np.ndarray, Mapping[str, Any]]:
    """Rows of least Fourier l1 norm that agree with random voxels to within the noise.

    Raises
    ------
    InputError
        If the dataset does not say which voxels were sampled.
    """
    require("sampled" in coarse, "coarse", "a dataset with the variable sampled", sorted(map(str, coarse.data_vars)))
    sampled = coarse["sampled"].transpose("y", "x").values.astype(bool)
    found = sparse_rows(as_images(coarse), sampled, np.sqrt(sampled.sum()) * noise_per_row(coarse))
    return found.rows, {
        "margin": MARGIN,
        "tolerance": TOLERANCE,
        "iteration_limit": ITERATIONS,
        "most_iterations": int(found.iterations.max()),
        "rows_not_converged": int(np.sum(~found.converged)),
        "largest_gap": float(found.gap.max()),
    }
