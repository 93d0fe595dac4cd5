r"""Coarse sampling of a system matrix: the one definition of the operator, its adjoint and its noise.

A row :math:`a` on a fine grid is measured by

- `box`: a large sample over blocks of :math:`S \times S` voxels. The file holds block means
  :math:`\bar b = M a`, the large sample's signal over :math:`S^2`. The paper's orthonormal operator is
  :math:`D = S M`, with :math:`b = S\,\bar b` and :math:`D D^T = I`; nothing here needs it;
- `strided`: a small sample at the first voxel of every block (as published; its centre lies :math:`(S-1)/2` voxels
  off the block's, which the coordinates of the coarse file say);
- `random`: a small sample at :math:`N / S^2` voxels drawn at random; the coarse file keeps the fine grid, zero where
  nothing was measured, with the mask `sampled`.

Noise (`downsample`): complex Gaussian on the block means, :math:`E|n|^2 = \sigma^2`, :math:`\sigma` a given number of
decibels below the RMS of **that matrix's block means**. A small sample gives :math:`S^2` times less signal, so strided
and random values carry :math:`S^2\sigma`.

The functions on arrays take NumPy arrays and torch tensors alike, real or complex, over trailing axes (y, x).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import xarray as xr

from mpisim.data.noise import complex_gaussian, sigma_from_snr
from mpisim.data.schema import VOXEL_DIMS, expect
from mpisim.data.views import as_images, axis_coordinate, noise_like, replace_rows
from mpisim.errors import InputError, decibels, one_of, require, seed_number, whole

__all__ = [
    "SCHEMES",
    "BoxSampling",
    "RandomSampling",
    "Sampling",
    "StridedSampling",
    "block_mean",
    "downsample",
    "fine_axes",
    "noise_gain",
    "replicate",
    "sample_offset",
]

SCHEMES = ("box", "strided", "random")


def block_mean(fine: Any, factor: int) -> Any:
    """Mean over blocks of factor x factor voxels: (..., H, W) -> (..., H / factor, W / factor)."""
    *lead, height, width = fine.shape
    return fine.reshape(*lead, height // factor, factor, width // factor, factor).mean((-3, -1))


def replicate(coarse: Any, factor: int) -> Any:
    """Give every voxel of a block its coarse value; factor^2 times the adjoint of `block_mean`."""
    *lead, height, width = coarse.shape
    shape = (*lead, height, factor, width, factor)
    spread = coarse[..., :, None, :, None]
    spread = spread.expand(shape) if hasattr(spread, "expand") else np.broadcast_to(spread, shape)
    return spread.reshape(*lead, height * factor, width * factor)


class Sampling(Protocol):
    """A linear map from fine to coarse rows, with its adjoint."""

    scheme: str
    factor: int

    def apply(self, fine: Any) -> Any:
        """Coarse rows of fine ones."""

    def adjoint(self, coarse: Any) -> Any:
        """Fine rows of coarse ones, <apply(a), b> = <a, adjoint(b)>."""


class BoxSampling:
    """A large sample over blocks: block means. See `Sampling`."""

    scheme = "box"

    def __init__(self, factor: int) -> None:
        self.factor = whole("factor", factor)

    def apply(self, fine: Any) -> Any:
        """Block means, (..., H, W) -> (..., H / factor, W / factor)."""
        return block_mean(fine, self.factor)

    def adjoint(self, coarse: Any) -> Any:
        """Coarse values spread evenly over their blocks."""
        return replicate(coarse, self.factor) / self.factor**2


class StridedSampling:
    """A small sample at the first voxel of every block. See `Sampling`."""

    scheme = "strided"

    def __init__(self, factor: int) -> None:
        self.factor = whole("factor", factor)

    def apply(self, fine: Any) -> Any:
        """Every factor-th voxel along y and x."""
        return fine[..., :: self.factor, :: self.factor]

    def adjoint(self, coarse: Any) -> Any:
        """Coarse values at the first voxel of their block, zero elsewhere."""
        *lead, height, width = coarse.shape
        shape = (*lead, height * self.factor, width * self.factor)
        fine = np.zeros(shape, coarse.dtype) if isinstance(coarse, np.ndarray) else coarse.new_zeros(shape)
        fine[..., :: self.factor, :: self.factor] = coarse
        return fine


class RandomSampling:
    """A small sample at a seeded random choice of 1 / factor^2 of the voxels; values stay on the fine grid."""

    scheme = "random"

    def __init__(self, factor: int, shape: tuple[int, int], seed: int = 0) -> None:
        self.factor = whole("factor", factor)
        voxels = shape[0] * shape[1]
        chosen = np.random.default_rng([seed, 0x5A]).choice(voxels, voxels // self.factor**2, replace=False)
        self.mask = np.zeros(voxels, dtype=bool)
        self.mask[chosen] = True
        self.mask = self.mask.reshape(shape)

    def apply(self, fine: Any) -> Any:
        """Fine values at the sampled voxels, zero elsewhere; the same shape."""
        mask = self.mask if isinstance(fine, np.ndarray) else fine.new_tensor(self.mask)
        return fine * mask

    def adjoint(self, coarse: Any) -> Any:
        """The mask is its own adjoint."""
        return self.apply(coarse)


def sample_offset(scheme: str, factor: int) -> float:
    """Where a coarse value lies against the centre of its block, in fine voxels: 0, or -(S - 1) / 2 if strided."""
    return -(factor - 1) / 2 if scheme == "strided" else 0.0


def noise_gain(scheme: str, factor: int) -> int:
    """How many times the noise of block means a coarse value carries: S^2 where it is of a small sample."""
    return 1 if scheme == "box" else factor**2


def sampling_of(scheme: str, factor: int, shape: tuple[int, int], seed: int) -> Sampling:
    """Return the sampling of a name; raise `InputError` if it is unknown or does not fit the grid (y, x)."""
    one_of("sampling", scheme, SCHEMES)
    factor = whole("factor", factor)
    divides = shape[0] % factor == 0 and shape[1] % factor == 0
    require(divides, "factor", f"a divisor of the grid {shape[1]} x {shape[0]}", factor)
    if scheme == "random":
        return RandomSampling(factor, shape, seed)
    return BoxSampling(factor) if scheme == "box" else StridedSampling(factor)


def downsample(
    fine: xr.Dataset, factor: int, sampling: str = "box", snr: float | None = None, seed: int = 0
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
        RMS of the block means over the noise in dB (33.7 reproduces the paper's noisy bicubic figures), or None for no
        noise. Strided and random values carry S^2 times that noise.
    seed
        Seed of the noise and of the random choice.

    Returns
    -------
    xarray.Dataset
        A coarse system matrix with `noise_std` and, for `random`, the mask `sampled`. The deviation is that of the
        noise added and of the noise the fine matrix has (`noise_std`), which S^2 voxels of a block share: 1 / S of it.

    Raises
    ------
    InputError
        If the matrix is not fine, the factor does not divide its grid, or an argument is out of range.
    """
    expect(fine, "system_matrix", "fine", stage="fine")
    seed = seed_number(seed)
    snr = None if snr is None else decibels("snr", snr)
    values = as_images(fine)
    plan = sampling_of(sampling, factor, values.shape[-2:], seed)
    coarse = plan.apply(values)
    sigma = 0.0
    if snr is not None:
        sigma = noise_gain(sampling, plan.factor) * sigma_from_snr(block_mean(values, plan.factor), snr)
        noise = complex_gaussian(coarse.shape, sigma, np.random.default_rng([seed, 1]))
        coarse = coarse + (noise * plan.mask if isinstance(plan, RandomSampling) else noise)
    x, y = (_coarse_axis(fine, axis, plan) for axis in "xy")
    extra = {"sampled": (("y", "x"), plan.mask.astype(np.int8))} if isinstance(plan, RandomSampling) else None
    return replace_rows(
        fine,
        coarse,
        x,
        y,
        noise_std=np.hypot(sigma, _own_noise(fine) / (plan.factor if sampling == "box" else 1)),
        extra=extra,
        stage="coarse",
        sampling={"scheme": sampling, "factor": plan.factor, "snr": snr, "seed": seed},
    )


def _own_noise(fine: xr.Dataset) -> np.ndarray:
    """Noise deviation of a fine matrix, a number or one per row; zero where it does not know its noise."""
    if "noise_std" not in fine or fine["noise_std"].ndim == 0:
        return np.asarray(fine["noise_std"].values if "noise_std" in fine else 0.0)
    return noise_like(fine, fine["system_matrix"].isel({d: 0 for d in VOXEL_DIMS if d in fine["system_matrix"].dims}))


def _coarse_axis(fine: xr.Dataset, axis: str, plan: Sampling) -> np.ndarray:
    centers = fine[axis].values
    if plan.scheme == "random":
        return centers
    return centers[:: plan.factor] if plan.scheme == "strided" else centers.reshape(-1, plan.factor).mean(-1)


def fine_axes(coarse: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the voxel centres x, y (m) of the fine grid that a coarse matrix was measured on."""
    plan = coarse.attrs["sampling"]
    return _fine_axis(coarse, "x", plan), _fine_axis(coarse, "y", plan)


def _fine_axis(coarse: xr.Dataset, axis: str, plan: dict[str, Any]) -> np.ndarray:
    factor = plan["factor"]
    if plan["scheme"] == "random":
        return coarse[axis].values
    first, step = axis_coordinate(coarse, axis)
    shift = 0.0 if plan["scheme"] == "strided" else (1 / factor - 1) / 2 * step
    return first + shift + step / factor * np.arange(coarse.sizes[axis] * factor)


def expect_coarse(coarse: xr.Dataset, schemes: tuple[str, ...], method: str) -> dict[str, Any]:
    """Return the sampling of a coarse matrix; raise `InputError` unless a method can take it."""
    expect(coarse, "system_matrix", "coarse", stage="coarse")
    plan = coarse.attrs["sampling"]
    if plan["scheme"] not in schemes:
        raise InputError(
            f"Input coarse must be sampled by {' or '.join(schemes)} for the method {method}; "
            f"instead received {plan['scheme']} sampling."
        )
    whole("factor of coarse", plan["factor"])
    return plan
