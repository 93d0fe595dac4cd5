"""Rows for training: drawn at random, augmented where wanted, and measured with noise.

Seed and step alone determine a batch; where rows are drawn by their error (`draw="error"`), the errors recorded so far
determine it, too.

Augmentation is exact on this grid: turns and flips of the square map a row of an ideal scanner to one at another angle,
of opposite sign where an odd profile is turned by 180 degrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from calib.batches import to_channels
from calib.learned.canonical import DECISION_JITTER
from calib.learned.phase import row_phases, turned
from calib.methods.bicubic import interpolate_bicubic
from calib.training.kappa import KappaInterpolation
from calib.training.recipe import TrainConfig
from mpisim.data.blocks import block_mean
from mpisim.data.noise import rms, sigma_from_snr
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images
from mpisim.errors import require

__all__ = ["Batch", "TrainingRows"]

_LEAST = 0.01
"""Smallest recorded error of a row, relative to its interpolation error, so that no row is lost."""


@dataclass(frozen=True)
class Batch:
    """Rows to learn from, all in units of the RMS of their matrix.

    Parameters
    ----------
    index
        Numbers of the rows among all training rows, (B,).
    fine, coarse
        Fine rows (B, 2, H, W) and noisy coarse ones (B, 2, h, w).
    sigma
        Complex noise deviation of the coarse rows, (B,).
    interpolation_error
        RMS over a fine row of the error of bicubic interpolation of its exact coarse values, plus 2 % of the row's RMS,
        (B,). For strided samples, whose noise is not small beside that error, the noise is added in root of squares.
    unit
        RMS of all exact block means of a row's matrix, or of all strided samples with their noise, (B,).
    decision_jitter
        Uniform random numbers (B, 2) for `calib.learned.canonical.canonical_orientation`.
    """

    index: Tensor
    fine: Tensor
    coarse: Tensor
    sigma: Tensor
    interpolation_error: Tensor
    unit: Tensor
    decision_jitter: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(*(getattr(self, f.name).to(device) for f in fields(self)))


class _Rows(NamedTuple):
    """Training rows with their noise, interpolation error and unit, as in `Batch`."""

    fine: Tensor
    sigma: Tensor
    interpolation_error: Tensor
    unit: Tensor


class TrainingRows:
    """The rows of many matrices, and random batches of them.

    Parameters
    ----------
    config
        The training. Of strided samples (its `sampling`), the noise is S^2 times that of block means. Its `draw` is the
        probability of a row, in units of its matrix' RMS: for `detail` proportional to the interpolation error (see
        `Batch`), so that rows of much detail are seen often; for `error` to the last error given to `record_errors`,
        but at least to 1 % of the interpolation error, which counts before the first; for `uniform` it is the same for
        all.
    matrices
        Fine system matrices of one shape.

    Raises
    ------
    InputError
        If there is no matrix, or the sides of the grid are not multiples of 2 S.
    """

    def __init__(self, config: TrainConfig, matrices: Sequence[xr.Dataset]) -> None:
        require(len(matrices) > 0, "training", "at least one matrix", "none")
        self.config, factor = config, config.model.factor
        self.rows_per_matrix, height, width = as_images(matrices[0]).shape
        fits = height % (2 * factor) == 0 and width % (2 * factor) == 0
        wanted = f"of sides that are multiples of {2 * factor} for factor {factor}"
        require(fits, "data", wanted, f"{width} x {height}")
        self.sampling = Sampling.named(config.sampling, factor, (height, width))
        self.neighbours = KappaInterpolation(matrices) if config.interpolated_fraction else None
        aligned = [m if config.model.phase == "none" else turned(m, row_phases(m).conj()) for m in matrices]
        rows = [_rows_of(as_images(m), self.sampling, config.snr) for m in aligned]
        self.fine, self.sigma, self.interpolation_error, self.unit = map(torch.cat, zip(*rows, strict=True))
        uniform = torch.ones_like(self.interpolation_error)
        self.drawing_weights = uniform if config.draw == "uniform" else self.interpolation_error.clone()

    def record_errors(self, index: Tensor, error: Tensor) -> None:
        """Record the errors of rows, (B,), in units of their matrix' RMS, as weights of later draws."""
        least = _LEAST * self.interpolation_error[index]
        self.drawing_weights[index] = torch.maximum(error.detach().cpu(), least)

    def batch(self, step: int, size: int) -> Batch:
        """Return the batch of a step, which seed, step, and recorded errors determine."""
        rng = np.random.default_rng([self.config.seed, step])
        cumulative = np.cumsum(self.drawing_weights.double().numpy())
        index = torch.from_numpy(np.searchsorted(cumulative, rng.random(size) * cumulative[-1]))
        fine, sigma, error, unit = self._mixed(index.numpy(), rng)
        if self.config.augment:
            fine = _augmented(fine, rng)
        quiet = torch.from_numpy(rng.random(size) < self.config.noiseless_fraction)
        sigma = torch.where(quiet, torch.zeros(()), sigma)
        unit = torch.hypot(unit, sigma) if self.sampling.scheme == "strided" else unit
        coarse = self.sampling.apply(fine)
        noise = torch.from_numpy(rng.standard_normal(coarse.shape, dtype=np.float32))
        jitter = torch.from_numpy(rng.uniform(-DECISION_JITTER, DECISION_JITTER, (size, 2)).astype(np.float32))
        noisy = coarse + noise * (sigma / 2**0.5)[:, None, None, None]
        return Batch(index, fine, noisy, sigma, error, unit, jitter)

    def _mixed(self, index: np.ndarray, rng: np.random.Generator) -> _Rows:
        """Return rows, some of which are weighted sums of the same row of several matrices."""
        parts, weights = self._mixture(index, rng)
        known = (self.fine, self.sigma, self.interpolation_error, self.unit)
        return _Rows(*(torch.einsum("bn,bn...->b...", weights, values[parts]) for values in known))

    def _mixture(self, index: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return numbers and weights of the rows of which those of a batch are sums, both (B, n)."""
        if self.neighbours is None:
            return torch.from_numpy(index)[:, None], torch.ones(len(index), 1)
        matrix, row = np.divmod(index, self.rows_per_matrix)
        position = rng.random(len(index)) * (rng.random(len(index)) < self.config.interpolated_fraction)
        parts, weights = self.neighbours.draw(matrix, position)
        parts = parts * self.rows_per_matrix + row[:, None]
        return torch.from_numpy(parts), torch.from_numpy(weights.astype(np.float32))


def _rows_of(images: np.ndarray, sampling: Sampling, snr: float) -> _Rows:
    """Return the rows of a matrix, complex (row, H, W), in units of its RMS: float32 then holds rows of any unit."""
    unit = rms(images)
    scaled = images / unit
    sigma = sampling.noise_gain * sigma_from_snr(block_mean(images, sampling.factor), snr) / unit
    error = torch.tensor(_interpolation_error(scaled, sampling, sigma), dtype=torch.float32)
    coarse = rms(sampling.apply(images)) / unit
    sigmas, units = (torch.full_like(error, float(value)) for value in (sigma, coarse))
    return _Rows(to_channels(scaled), sigmas, error, units)


def _interpolation_error(images: np.ndarray, sampling: Sampling, sigma: float) -> np.ndarray:
    missed = images - interpolate_bicubic(sampling.apply(images), sampling.factor, sampling.offset)
    noise = sigma if sampling.scheme == "strided" else 0.0
    return np.hypot(rms(missed, axis=(1, 2)), noise) + 0.02 * rms(images, axis=(1, 2))


def _augmented(fine: Tensor, rng: np.random.Generator) -> Tensor:
    """Apply a random symmetry of the grid to every row."""
    symmetries = rng.integers(0, 8 if fine.shape[-1] == fine.shape[-2] else 4, len(fine))
    out = torch.empty_like(fine)
    for symmetry in np.unique(symmetries):
        chosen = torch.from_numpy(np.flatnonzero(symmetries == symmetry))
        image = fine[chosen]
        image = image.flip(-1) if symmetry & 1 else image
        image = image.flip(-2) if symmetry & 2 else image
        out[chosen] = image.transpose(-1, -2) if symmetry & 4 else image
    return out
