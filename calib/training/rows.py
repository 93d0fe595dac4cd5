"""Rows for training: drawn by their detail or error, perhaps turned and flipped, and made noisy.

Seed and step alone tell a batch, and where rows are drawn by their error (`draw="error"`) also the errors noted so far.

Augmentation is exact on this grid: turns and flips of the square map a row of an ideal scanner to one at another angle,
of the other sign where an odd profile turns by 180 degrees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from calib.learned.canonical import BLUR
from calib.learned.model import to_channels
from calib.methods.bicubic import apply_separable, bicubic_matrix
from calib.training.kappa import KappaInterpolation
from calib.training.recipe import TrainConfig
from mpisim.data.noise import rms, sigma_from_snr
from mpisim.data.sampling import Sampling, block_mean, noise_gain, sample_offset, sampling_of
from mpisim.data.views import as_images
from mpisim.errors import require
from mpisim.io.digest import digest

__all__ = ["Batch", "TrainingRows", "data_digest", "training_rows"]

_LEAST = 0.01


@dataclass(frozen=True)
class Batch:
    """Rows to learn from.

    Parameters
    ----------
    index
        Which rows they are, (B,).
    fine, coarse
        Fine rows (B, 2, H, W) and noisy coarse ones (B, 2, h, w).
    sigma
        Complex noise deviation of the coarse ones, (B,).
    detail
        RMS over a fine row of what bicubic interpolation of its exact coarse values misses, with the noise of strided
        ones (in root of squares; that of block means is small beside what is missed), and 2 % of the row's, (B,).
    unit
        RMS of all exact block means of a row's matrix, or of all strided samples with their noise, (B,).
    blur
        Uniform random numbers (B, 2) for `calib.learned.canonical`.
    """

    index: Tensor
    fine: Tensor
    coarse: Tensor
    sigma: Tensor
    detail: Tensor
    unit: Tensor
    blur: Tensor


class TrainingRows:
    """The rows of many matrices, and batches of them.

    Parameters
    ----------
    matrices
        Fine system matrices of one shape.
    factor
        Block edge S.
    snr
        Noise level in dB re the RMS of a matrix's block means; None for none.
    noiseless_fraction
        Share of a batch that is left without noise.
    scheme
        How coarse rows are measured: `box` or `strided` (whose noise is S^2 times that of block means).
    draw
        How likely a row is drawn, in units of its matrix' RMS: by its `detail` (see `Batch`), so that matrices of much
        detail are seen often, by the `error` it had when it was last drawn (`note`; its detail before, and at least
        1 % of that), or `uniform`.
    augment
        Whether rows are turned and flipped.
    between
        Share of the rows that are of no matrix but of one between or beyond them (`calib.training.kappa`).
    seed
        Seed of everything drawn.
    """

    def __init__(
        self,
        matrices: list[xr.Dataset],
        factor: int,
        *,
        snr: float | None,
        noiseless_fraction: float = 0.0,
        scheme: str = "box",
        draw: str = "detail",
        augment: bool = False,
        between: float = 0.0,
        seed: int = 0,
    ) -> None:
        require(len(matrices) > 0, "training", "at least one matrix", "none")
        images = [as_images(m) for m in matrices]
        height, width = images[0].shape[-2:]
        fits = height % (2 * factor) == 0 and width % (2 * factor) == 0
        wanted = f"of sides that are multiples of {2 * factor} for factor {factor}"
        require(fits, "data", wanted, f"{width} x {height}")
        self.sampling = sampling_of(scheme, factor, (height, width), seed)
        self.factor, self.augment, self.seed, self.square = factor, augment, seed, height == width
        self.noiseless_fraction, self.between, self.rows = noiseless_fraction, between, len(images[0])
        self.neighbours = KappaInterpolation(matrices) if between else None
        unit = [rms(a) for a in images]  # float32 holds rows of any unit
        self.fine = torch.cat([to_channels(a / u) for a, u in zip(images, unit, strict=True)])
        gain = noise_gain(scheme, factor)
        sigma = [
            0.0 if snr is None else gain * sigma_from_snr(block_mean(a, factor), snr) / u
            for a, u in zip(images, unit, strict=True)
        ]
        self.sigma = torch.tensor(np.repeat(sigma, [len(a) for a in images]), dtype=torch.float32)
        detail = np.concatenate([_detail(a / u, self.sampling, s) for a, u, s in zip(images, unit, sigma, strict=True)])
        self.detail = torch.tensor(detail, dtype=torch.float32)
        coarse = [rms(self.sampling.apply(a)) / u for a, u in zip(images, unit, strict=True)]
        self.unit = torch.tensor(np.repeat(coarse, [len(a) for a in images]), dtype=torch.float32)
        self.share = torch.ones_like(self.detail) if draw == "uniform" else self.detail.clone()

    def note(self, index: Tensor, error: Tensor) -> None:
        """Note the errors of rows in units of their matrix' RMS, (B,), for draws to come."""
        self.share[index] = torch.maximum(error.detach().cpu(), _LEAST * self.detail[index])

    def batch(self, step: int, size: int) -> Batch:
        """Return the batch of a step; the same for the same seed and step."""
        rng = np.random.default_rng([self.seed, step])
        cumulative = np.cumsum(self.share.double().numpy())
        index = torch.from_numpy(np.searchsorted(cumulative, rng.random(size) * cumulative[-1]))
        parts, weights = self._mixture(index.numpy(), rng)
        fine, sigma, detail, unit = (
            torch.einsum("bn,bn...->b...", weights, values[parts])
            for values in (self.fine, self.sigma, self.detail, self.unit)
        )
        if self.augment:
            fine = _turned(fine, rng, self.square)
        quiet = torch.from_numpy(rng.random(size) < self.noiseless_fraction)
        sigma = torch.where(quiet, torch.zeros(()), sigma)
        unit = torch.hypot(unit, sigma) if self.sampling.scheme == "strided" else unit
        coarse = self.sampling.apply(fine)
        noise = torch.from_numpy(rng.standard_normal(coarse.shape, dtype=np.float32))
        blur = torch.from_numpy(rng.uniform(-BLUR, BLUR, (size, 2)).astype(np.float32))
        noisy = coarse + noise * (sigma / 2**0.5)[:, None, None, None]
        return Batch(index, fine, noisy, sigma, detail, unit, blur)

    def _mixture(self, index: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Of which rows those of a batch are made, and with which weights, both (B, n)."""
        if self.neighbours is None:
            return torch.from_numpy(index)[:, None], torch.ones(len(index), 1)
        matrix, row = np.divmod(index, self.rows)
        at = rng.random(len(index)) * (rng.random(len(index)) < self.between)
        parts, weights = self.neighbours.draw(matrix, at)
        return torch.from_numpy(parts * self.rows + row[:, None]), torch.from_numpy(weights.astype(np.float32))


def training_rows(config: TrainConfig, training: list[xr.Dataset]) -> TrainingRows:
    """Return the rows that a training draws from."""
    return TrainingRows(
        training,
        config.factor,
        snr=config.snr,
        noiseless_fraction=config.noiseless_fraction,
        scheme=config.scheme,
        draw=config.draw,
        augment=config.augment,
        between=config.between,
        seed=config.seed,
    )


def data_digest(rows: TrainingRows, validation: list[xr.Dataset]) -> str:
    """Return the digest of all data of a training, which its checkpoints and weights tell."""
    return digest(rows.fine.numpy(), rows.sigma.numpy(), *(m["system_matrix"].values for m in validation))


def _detail(images: np.ndarray, sampling: Sampling, sigma: float) -> np.ndarray:
    factor, offset = sampling.factor, sample_offset(sampling.scheme, sampling.factor)
    along_y, along_x = (bicubic_matrix(n // factor, factor, offset) for n in images.shape[-2:])
    missed = images - apply_separable(along_y, along_x, sampling.apply(images))
    noise = sigma if sampling.scheme == "strided" else 0.0
    return np.hypot(rms(missed, axis=(1, 2)), noise) + 0.02 * rms(images, axis=(1, 2))


def _turned(fine: Tensor, rng: np.random.Generator, square: bool) -> Tensor:
    """Apply a random symmetry of the grid to every row."""
    kinds = rng.integers(0, 8 if square else 4, len(fine))
    out = torch.empty_like(fine)
    for kind in np.unique(kinds):
        chosen = torch.from_numpy(np.flatnonzero(kinds == kind))
        image = fine[chosen]
        image = image.flip(-1) if kind & 1 else image
        image = image.flip(-2) if kind & 2 else image
        out[chosen] = image.transpose(-1, -2) if kind & 4 else image
    return out
