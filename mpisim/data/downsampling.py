r"""A coarse measurement of a fine system matrix: the samples of `mpisim.data.sampling` with noise.

The noise is complex Gaussian on the block means, :math:`E|n|^2 = \sigma^2`, with :math:`\sigma` a given number of
decibels below the RMS of **the block means of that matrix**. A small sample gives :math:`S^2` times less signal, so
that strided and random values carry :math:`S^2\sigma`. A sample that reaches over the edge of the grid and fills only n
of its voxels gives :math:`n / S^2` times the signal, so that its mean carries :math:`(S^2 / n)\,\sigma`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.attributes import plain_attributes
from mpisim.data.blocks import block_mean
from mpisim.data.grid import Grid
from mpisim.data.noise import PROTOCOL_SNR, complex_gaussian, sigma_from_snr
from mpisim.data.sampling import PositionSampling, RandomSampling, Sampling
from mpisim.data.schema import VOXEL_DIMS, expect
from mpisim.data.views import as_images, noise_known, noise_like, replace_rows
from mpisim.errors import decibels, one_of, require, seed_number, warn, whole

__all__ = ["EDGES", "crop", "downsample", "measured"]

EDGES = ("fill", "crop")
"""What is done at the edge of a grid that the factor does not divide."""
_BLOCKS = 0xB0  # names the random numbers of blocks that are kept, so that no other use of the seed shares them


def downsample(
    fine: xr.Dataset,
    factor: int,
    sampling: str = "box",
    snr: float | None = PROTOCOL_SNR,
    seed: int = 0,
    edge: str | None = None,
    *,
    positions: Any = None,
    keep: int | None = None,
) -> xr.Dataset:
    """Measure a fine system matrix coarsely.

    Parameters
    ----------
    fine
        A fine system matrix of the schema.
    factor
        Voxels per block edge S; it divides both sides of the grid unless `edge` is given, and is no larger than they.
    sampling
        `box`, `strided` or `random`; or `positions`: the blocks of `box` as samples at positions, those at the edge
        with `fill` being smaller.
    snr
        RMS of the block means over the noise in dB (33.7 is that of the paper's figures), or None for no noise.
        Strided and random values carry S^2 times that noise.
    seed
        Seed of the noise and of the random choice.
    edge
        For grids that the factor does not divide. `fill`: the last samples reach over the edge and fill only n of S^2
        voxels; their means are those over n voxels, with S^2 / n times the noise (strided and random samples are always
        complete). `crop`: the last voxels that are no complete block are left out of the fine matrix first, as by
        `crop`. None refuses such grids. Where the factor divides the grid, all three are the same.
    positions
        Where large samples were, in place of blocks: rows of x, y in m, the centre, and, where it is not `factor`
        voxels, the edge of the sample in m, or its two edges along x and y, (position, 2 to 4). The samples lie inside
        the grid and may overlap. The noise is still that of a sample of `factor` voxels, see
        `mpisim.data.sampling_positions`.
    keep
        Number of whole blocks that are measured, drawn at random by `seed` without repetition; the result has
        positions, too.

    Returns
    -------
    xarray.Dataset
        A coarse system matrix with `noise_std` and, for `random`, the mask `sampled`. The deviation is that of whole
        blocks. It combines the noise that was added with that of the fine matrix, of which the mean over a block of S^2
        voxels keeps 1 / S. (A sample over the edge is taken to have S^2 / n times both; of the noise of the fine matrix
        it has only S / sqrt(n) times as much.) If the noise of the fine matrix is unknown, so is that of the coarse
        one, which then has no `noise_std`; the attribute `sampling` states what was added. A `system_matrix_std` of the
        fine matrix is dropped: it does not tell how much means over blocks err. A `DataWarning` says where
        the fine matrix was simulated with positions that err each by itself (`jitter` of `mpisim.Sample`), so that its
        block means are not those of one large sample.

    Raises
    ------
    InputError
        If the matrix is not fine, the factor does not divide its grid and `edge` is not given, a sample is not inside
        the grid, or an argument is out of range.
    """
    expect(fine, "system_matrix", "fine", stage="fine")
    if positions is not None or keep is not None or sampling == PositionSampling.scheme:
        return _at_positions(fine, factor, sampling, snr, seed_number(seed), edge, positions, keep)
    seed = seed_number(seed)
    snr = None if snr is None else decibels("snr", snr)
    if edge is not None and one_of("edge", edge, EDGES) == "crop":
        fine = crop(fine, factor)
    values = as_images(fine)
    operator = Sampling.named(sampling, factor, (values.shape[-2], values.shape[-1]), seed, partial=edge == "fill")
    return measured(fine, operator, snr, seed)


def measured(fine: xr.Dataset, operator: Sampling, snr: float | None = PROTOCOL_SNR, seed: int = 0) -> xr.Dataset:
    """Measure a fine system matrix by a sampling; `snr`, `seed` and the result are those of `downsample`."""
    values = as_images(fine)
    if not operator.small_sample and operator.factor > 1:
        _say_that_positions_average(fine)
    coarse = operator.apply(values)
    sigma = 0.0
    if snr is not None:
        sigma = operator.noise_gain * sigma_from_snr(block_mean(values, operator.factor), snr)
        noise = complex_gaussian(coarse.shape, sigma, np.random.default_rng([seed, 1]))
        noise = noise if operator.filling is None else noise / operator.filling
        coarse = coarse + (operator.apply(noise) if isinstance(operator, RandomSampling) else noise)
    mask = {"sampled": (("y", "x"), operator.mask.astype(np.int8))} if isinstance(operator, RandomSampling) else None
    return replace_rows(
        fine,
        coarse,
        operator.coarse_grid(Grid.of(fine)),
        noise_std=np.hypot(sigma, _own_noise(fine) * operator.carried_noise) if noise_known(fine) else None,
        extra=mask,
        positions=operator.coords if isinstance(operator, PositionSampling) else None,
        stage="coarse",
        sampling={**operator.described(), "snr": snr, "seed": seed},
    )


def _at_positions(
    fine: xr.Dataset,
    factor: int,
    sampling: str,
    snr: float | None,
    seed: int,
    edge: str | None,
    positions: object,
    keep: int | None,
) -> xr.Dataset:
    """Measure a fine matrix at positions; the arguments are those of `downsample`."""
    schemes = "box or positions where positions or keep are given"
    require(sampling in ("box", PositionSampling.scheme), "sampling", schemes, sampling)
    chosen = positions is not None or keep is not None
    require(edge is None or not chosen, "edge", "left out where positions or keep are given", edge)
    require(positions is None or keep is None, "keep", "left out where positions are given", keep)
    snr = None if snr is None else decibels("snr", snr)
    if not chosen:
        if edge is not None and one_of("edge", edge, EDGES) == "crop":
            fine = crop(fine, factor)
        shape = Grid.of(fine).array_shape
        Sampling.named("box", factor, (shape[-2], shape[-1]), partial=edge == "fill")  # refuses what blocks refuse
        return measured(fine, PositionSampling.blocks(whole("factor", factor), Grid.of(fine)), snr, seed)
    grid, factor = Grid.of(fine), whole("factor", factor)
    if keep is None:
        return measured(fine, PositionSampling.stated(factor, grid, positions), snr, seed)
    nx, ny = (n // factor for n in grid.shape[:2])
    keep = whole("keep", keep)
    require(keep <= nx * ny, "keep", f"at most the {nx * ny} whole blocks of {factor} x {factor} voxels", keep)
    drawn = np.sort(np.random.default_rng([seed, _BLOCKS]).choice(nx * ny, keep, replace=False))
    across = grid.coarsened(factor, partial=True).shape[0]
    which = drawn // nx * across + drawn % nx
    return measured(fine, PositionSampling.blocks(factor, grid, which), snr, seed)


def _say_that_positions_average(fine: xr.Dataset) -> None:
    """Warn where the voxels of a block have errors of position of their own, unlike those of one large sample."""
    sample = fine.attrs.get("sample")
    jitter = sample.get("jitter") if isinstance(sample, dict) else None
    if isinstance(jitter, int | float) and jitter > 0:
        warn(
            f"The positions of the fine matrix' samples err by {1e3 * jitter:g} mm, each by itself: block means "
            "average these errors, while one large sample is misplaced as a whole. For that, simulate it on the coarse "
            "grid."
        )


def crop(fine: xr.Dataset, factor: int) -> xr.Dataset:
    """Leave out the last voxels along x and y that are no complete block of factor x factor voxels.

    The matrix that remains is the one that is recovered after `downsample(fine, factor, edge="crop")`, and its
    reference.

    Raises `InputError` if the matrix is not fine, or the factor is larger than a side of the grid.
    """
    expect(fine, "system_matrix", "fine", stage="fine")
    factor, (nx, ny) = whole("factor", factor), Grid.of(fine).shape[:2]
    require(factor <= min(nx, ny), "factor", f"no larger than the sides of the grid {nx} x {ny}", factor)
    if nx % factor == 0 and ny % factor == 0:
        return fine
    part = fine.isel(x=slice(0, nx - nx % factor), y=slice(0, ny - ny % factor))
    return part.assign_attrs(grid=plain_attributes({"grid": asdict(Grid.of(part))})["grid"])


def _own_noise(fine: xr.Dataset) -> np.ndarray:
    """Noise deviation of a fine matrix that states it, a number or one per row."""
    if "noise_std" not in fine or fine["noise_std"].ndim == 0:
        return np.asarray(fine["noise_std"].values if "noise_std" in fine else 0.0)
    return noise_like(fine, fine["system_matrix"].isel({d: 0 for d in VOXEL_DIMS if d in fine["system_matrix"].dims}))
