r"""Recovery of large grids by overlapping patches, with a method made for smaller ones.

The coarse grid is covered by patches of p x p voxels, each is recovered alone, and the results are blended,

.. math:: \hat a(r) = \sum_j w_j(r)\,\hat a_j(r), \qquad \sum_j w_j(r) = 1,

with weights that fall linearly to the edges of the patches, where a recovery that sees no further is worst. Where the
coarse values are block means, data consistency (`calib.methods.consistency`) closes the whole. TranSMS, section V.B.2
and Fig. 8.

A model that fits every row as a ridge first (`calib.methods.ridge`) presumes that a row is even or odd about the centre
of the grid, which a cut row is not. Such a model fits the whole rows before they are cut, and patches are recovered
from the block means of the fit as if these were exact. At 2x and 33.7 dB the error is then that of the whole grid at
once (0.24 %); with rows cut before the fit it is 2.1 %.
"""

from __future__ import annotations

import os
from functools import partial

import numpy as np
import xarray as xr

from calib.batches import apply_in_batches
from calib.learned.apply import load_network, weights_file
from calib.methods.consistency import nearest_consistent
from calib.methods.geometry import Geometry
from calib.recovery import METHODS, recover_at
from mpisim.data.grid import Grid
from mpisim.data.noise import rms
from mpisim.data.noise_level import GivenNoise, level_of
from mpisim.data.sampling import BoxSampling, Sampling
from mpisim.data.schema import STD, expect
from mpisim.data.views import as_images, noise_per_row, replace_rows
from mpisim.errors import one_of, require, whole

__all__ = ["patch_starts", "patch_weights", "recover_by_patches", "seam_ratio"]


def recover_by_patches(
    coarse: xr.Dataset,
    method: str = "transms",
    weights: str | os.PathLike[str] | None = None,
    patch: int = 16,
    overlap: int = 8,
    consistency: bool = True,
    snr: float | None = None,
    noise_std: float | None = None,
    noiseless: bool = False,
) -> xr.Dataset:
    """Recover the fine system matrix of a coarse one patch by patch.

    Parameters
    ----------
    coarse
        A coarse system matrix of box or strided sampling.
    method, weights
        See `calib.recover`.
    patch
        Coarse voxels along each edge of a patch.
    overlap
        Coarse voxels that neighbouring patches have in common at least; 0 sets them side by side.
    consistency
        Whether data consistency closes the whole, where the coarse values are block means.
    snr, noise_std, noiseless
        The noise level of the coarse matrix, as for `calib.recover`.

    Returns
    -------
    xarray.Dataset
        A fine system matrix with origin `recovered`. Its `system_matrix_std`, where the method computes one, is the
        weighted mean of those of the patches, as if errors of patches that overlap were the same: they come from the
        same block means. Data consistency does not change it. How those of real and imaginary parts differ is not
        stated.

    Raises
    ------
    InputError
        If a patch is larger than the grid, the overlap no smaller than the patch, or `recover` refuses a patch.
    """
    record = METHODS[one_of("method", method, METHODS)]
    expect(coarse, "system_matrix", "coarse", stage="coarse")
    sampling = Sampling.of(coarse, tuple(s for s in record.samplings if s != "random"), method)
    level = level_of(coarse, GivenNoise(snr, noise_std, noiseless))
    coarse = coarse if level is None else level.applied(coarse)
    values, factor = as_images(coarse), sampling.factor
    starts_y, starts_x = (patch_starts(n, patch, overlap) for n in values.shape[-2:])
    fine_shape = sampling.fine_shape(*values.shape[-2:])
    along_y, along_x = (patch_weights(n, patch, overlap, factor) for n in values.shape[-2:])
    size = patch * factor
    unit = float(rms(values)) or None
    source, weights = _fitted(coarse, method, weights) if record.learned else (coarse, weights)
    rows = np.zeros((len(values), *fine_shape), values.dtype)
    std: np.ndarray | None = np.zeros(rows.shape, values.real.dtype)
    for wy, y in zip(along_y, starts_y, strict=True):
        for wx, x in zip(along_x, starts_x, strict=True):
            place = tuple(slice(s * factor, min(s * factor + size, n)) for s, n in zip((y, x), fine_shape, strict=True))
            part = _part(source, y, x, patch, place)
            weight = (wy[place[0], None] * wx[place[1]]).astype(rows.real.dtype)
            recovered = recover_at(None, part, method, weights, unit)
            rows[:, *place] += weight * as_images(recovered)
            std = std if STD in recovered else None
            if std is not None:
                std[:, *place] += weight * recovered[STD].values.reshape(-1, *weight.shape)
    if consistency and isinstance(sampling, BoxSampling):
        rows = nearest_consistent(rows, values, noise_per_row(coarse), factor)
    of_patch = {"sampling": coarse.attrs["sampling"], "patch": patch, "overlap": overlap}
    of_patch |= {} if level is None else {"noise": level.described()}
    return replace_rows(
        coarse,
        rows,
        sampling.fine_grid(Grid.of(coarse)),
        std=std,
        stage="fine",
        origin="recovered",
        recovery={**recovered.attrs["recovery"], **of_patch},
        sampling=None,
    )


def _part(source: xr.Dataset, y: int, x: int, patch: int, place: tuple[slice, ...]) -> xr.Dataset:
    """Return a patch of a coarse matrix, which states the fine voxels that it covers if the matrix does."""
    part = source.isel(y=slice(y, y + patch), x=slice(x, x + patch))
    stated = source.attrs["sampling"]
    if "shape" not in stated:
        return part
    shape = [s.stop - s.start for s in reversed(place)]
    return part.assign_attrs(sampling={**stated, "shape": shape})


def _fitted(
    coarse: xr.Dataset, method: str, weights: str | os.PathLike[str] | None
) -> tuple[xr.Dataset, str | os.PathLike[str]]:
    """Return what a network's patches are cut from, and its weights file: ridges of whole rows where it fits them."""
    file = weights_file(coarse, method, weights)
    model, _ = load_network(file, method, Sampling.of(coarse).factor)
    if model.config.denoise == "none":
        return coarse, file
    means = apply_in_batches(partial(model.denoised, geometry=Geometry.of(coarse)), coarse)
    return replace_rows(coarse, means, Grid.of(coarse), noise_std=0.0), file


def patch_starts(length: int, patch: int, overlap: int) -> list[int]:
    """Return the first voxels of the patches that cover `length` voxels, spread evenly.

    Raises `InputError` if a patch is longer than that, or its overlap no smaller than itself.
    """
    patch, overlap = whole("patch", patch), whole("overlap", overlap, least=0)
    require(patch <= length, "patch", f"at most as large as the coarse grid of {length} voxels", patch)
    require(overlap < patch, "overlap", f"smaller than the patch of {patch} voxels", overlap)
    count = 1 + -(-(length - patch) // (patch - overlap))
    return [round(i * (length - patch) / max(1, count - 1)) for i in range(count)]


def patch_weights(length: int, patch: int, overlap: int, factor: int) -> np.ndarray:
    """Return the weights of the patches along one axis, (patches, factor x length); they add up to 1 everywhere."""
    starts = patch_starts(length, patch, overlap)
    size = patch * factor
    weights = np.zeros((len(starts), length * factor))
    inside = np.arange(size) + 0.5
    window = np.minimum(inside, size - inside)
    for line, start in zip(weights, starts, strict=True):
        line[start * factor : start * factor + size] = window
    if overlap == 0:  # neighbours that have voxels in common only because the grid is no multiple: the first has them
        weights = (np.cumsum(weights > 0, axis=0) == 1) * (weights > 0) * 1.0
    return weights / weights.sum(0)


def seam_ratio(found: xr.Dataset, reference: xr.Dataset, patch: int, overlap: int, factor: int) -> float:
    """Return the RMS error within one fine voxel of the patches' inner edges over that everywhere else.

    Block artefacts show as a ratio above 1. Without an inner edge it is NaN.
    """
    error = np.mean(np.abs(as_images(found) - as_images(reference)) ** 2, axis=0)
    marked = np.zeros(error.shape, dtype=bool)
    for axis, length in enumerate(error.shape):
        for start in patch_starts(length // factor, patch, overlap):
            for edge in (start * factor, (start + patch) * factor):
                if 0 < edge < length:
                    marked[(slice(None),) * axis + (slice(edge - 1, edge + 1),)] = True
    return float(np.sqrt(error[marked].mean() / error[~marked].mean())) if marked.any() else float("nan")
