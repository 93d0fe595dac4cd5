"""Compressed sensing of random voxels: the solver of `calib.methods.sparse_solver` on the rows of a coarse matrix."""

from __future__ import annotations

import numpy as np
import xarray as xr

from calib.methods.record import Recovered
from calib.methods.sparse_solver import ITERATIONS, MARGIN, TOLERANCE, sparse_rows
from mpisim.data.sampling import RandomSampling, Sampling
from mpisim.data.views import as_images, noise_per_row

__all__ = ["compressed_sensing"]


def compressed_sensing(coarse: xr.Dataset) -> Recovered:
    """Recover the rows with the least Fourier l1 norm that agree with random voxels to within the noise.

    Raises `InputError` if the dataset does not say which voxels were sampled.
    """
    sampling = Sampling.of(coarse, ("random",), "cs")
    assert isinstance(sampling, RandomSampling)
    radius = np.sqrt(sampling.mask.sum()) * noise_per_row(coarse)
    solution = sparse_rows(as_images(coarse), sampling.mask, radius)
    return Recovered(
        solution.rows,
        {
            "margin": MARGIN,
            "tolerance": TOLERANCE,
            "iteration_limit": ITERATIONS,
            "most_iterations": int(solution.iterations.max()),
            "rows_not_converged": int(np.sum(~solution.converged)),
            "largest_gap": float(solution.gap.max()),
        },
    )
