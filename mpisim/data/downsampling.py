r"""A coarse measurement of a fine system matrix: the samples of `mpisim.data.sampling` with noise.

The noise is complex Gaussian on the block means, :math:`E|n|^2 = \sigma^2`, with :math:`\sigma` a given number of
decibels below the RMS of **the block means of that matrix**. A small sample gives :math:`S^2` times less signal, so
that strided and random values carry :math:`S^2\sigma`.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.noise import PROTOCOL_SNR, complex_gaussian, sigma_from_snr
from mpisim.data.sampling import RandomSampling, Sampling, block_mean
from mpisim.data.schema import VOXEL_DIMS, expect
from mpisim.data.views import as_images, noise_known, noise_like, replace_rows
from mpisim.errors import decibels, seed_number

__all__ = ["downsample"]


def downsample(
    fine: xr.Dataset, factor: int, sampling: str = "box", snr: float | None = PROTOCOL_SNR, seed: int = 0
) -> xr.Dataset:
    """Measure a fine system matrix coarsely.

    Parameters
    ----------
    fine
        A fine system matrix of the schema.
    factor
        Voxels per block edge S; it divides both edges of the grid.
    sampling
        `box`, `strided` or `random`.
    snr
        RMS of the block means over the noise in dB (33.7 is that of the paper's figures), or None for no noise.
        Strided and random values carry S^2 times that noise.
    seed
        Seed of the noise and of the random choice.

    Returns
    -------
    xarray.Dataset
        A coarse system matrix with `noise_std` and, for `random`, the mask `sampled`. The deviation combines the noise
        that was added with that of the fine matrix, of which the mean over a block of S^2 voxels keeps 1 / S. If the
        noise of the fine matrix is unknown, so is that of the coarse one, which then has no `noise_std`; the attribute
        `sampling` states what was added.

    Raises
    ------
    InputError
        If the matrix is not fine, the factor does not divide its grid, or an argument is out of range.
    """
    expect(fine, "system_matrix", "fine", stage="fine")
    seed = seed_number(seed)
    snr = None if snr is None else decibels("snr", snr)
    values = as_images(fine)
    operator = Sampling.named(sampling, factor, (values.shape[-2], values.shape[-1]), seed)
    coarse = operator.apply(values)
    sigma = 0.0
    if snr is not None:
        sigma = operator.noise_gain * sigma_from_snr(block_mean(values, operator.factor), snr)
        noise = complex_gaussian(coarse.shape, sigma, np.random.default_rng([seed, 1]))
        coarse = coarse + (operator.apply(noise) if isinstance(operator, RandomSampling) else noise)
    mask = {"sampled": (("y", "x"), operator.mask.astype(np.int8))} if isinstance(operator, RandomSampling) else None
    return replace_rows(
        fine,
        coarse,
        operator.coarse_grid(Grid.of(fine)),
        noise_std=np.hypot(sigma, _own_noise(fine) * operator.carried_noise) if noise_known(fine) else None,
        extra=mask,
        stage="coarse",
        sampling={"scheme": operator.scheme, "factor": operator.factor, "snr": snr, "seed": seed},
    )


def _own_noise(fine: xr.Dataset) -> np.ndarray:
    """Noise deviation of a fine matrix that states it, a number or one per row."""
    if "noise_std" not in fine or fine["noise_std"].ndim == 0:
        return np.asarray(fine["noise_std"].values if "noise_std" in fine else 0.0)
    return noise_like(fine, fine["system_matrix"].isel({d: 0 for d in VOXEL_DIMS if d in fine["system_matrix"].dims}))
