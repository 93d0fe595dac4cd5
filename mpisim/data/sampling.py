r"""Coarse sampling of a system matrix: the one definition of the operator, its adjoint, its noise and its voxels.

A row :math:`a` on a fine grid is measured by

- `box`: a large sample over blocks of :math:`S \times S` voxels. The file holds block means
  :math:`\bar b = M a`, the large sample's signal over :math:`S^2`. The paper's orthonormal operator is
  :math:`D = S M`, with :math:`b = S\,\bar b` and :math:`D D^T = I`; nothing here needs it;
- `strided`: a small sample at the first voxel of every block (as published; its centre lies :math:`(S-1)/2` voxels
  off the block's, which the coordinates of the coarse file say);
- `random`: a small sample at :math:`N / S^2` voxels drawn at random; the coarse file keeps the fine grid, zero where
  nothing was measured, with the mask `sampled`;
- `positions`: large samples anywhere, each of its own size (`mpisim.data.sampling_positions`).

A small sample gives :math:`S^2` times less signal than a block, so that its values carry :math:`S^2` times the noise.
`mpisim.data.downsampling` measures a matrix so.

**Grids that S does not divide** (13 x 23 voxels at 4x). Blocks start at the first voxel, and the large sample of the
last ones reaches over the edge of the field of view. It is filled with tracer only where it lies in the grid, on n of
:math:`S^2` voxels. The file holds the mean over these, the signal over n, whose noise is :math:`S^2 / n` times that of
the mean over a whole block, to which `noise_std` refers; `Sampling.filling` is :math:`n / S^2`. Coarse voxels are
equally far apart, also where a block reaches over the edge: the centre of its coordinates is that of the whole block,
where the robot puts the sample. The file states the number of fine voxels in `sampling["shape"]`.

Rows are NumPy arrays or torch tensors, real or complex, over trailing axes (y, x). What blocks do to them is in
`mpisim.data.blocks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from mpisim.data.blocks import Rows, as_rows, block_mean, filling, is_partial, replicate
from mpisim.data.grid import Grid
from mpisim.data.sampling_operator import SCHEMES, Sampling, fine_shape
from mpisim.data.sampling_positions import PositionSampling
from mpisim.errors import require

__all__ = [
    "SCHEMES",
    "BoxSampling",
    "PositionSampling",
    "RandomSampling",
    "Sampling",
    "StridedSampling",
    "fine_shape",
]


@dataclass(frozen=True, eq=False)
class BoxSampling(Sampling):
    """A large sample over blocks: block means."""

    scheme: ClassVar[str] = "box"
    small_sample: ClassVar[bool] = False

    @property
    def noise_gain(self) -> int:
        """One: the noise of block means is what others are compared with."""
        return 1

    @property
    def carried_noise(self) -> float:
        """1 / S: the S^2 voxels of a block share their noise."""
        return 1 / self.factor

    @property
    def filling(self) -> np.ndarray | None:
        """Share n / S^2 of every block; None where all are whole."""
        partial = self.shape is not None and is_partial(self.shape, self.factor)
        return filling(self.shape, self.factor) if self.shape and partial else None

    def apply(self, fine: Rows) -> Rows:
        """Block means, (..., H, W) -> (..., h, w)."""
        return block_mean(fine, self.factor)

    def adjoint(self, coarse: Rows) -> Rows:
        """Coarse values spread evenly over their blocks."""
        share = self.filling
        coarse = coarse if share is None else coarse / as_rows(share, coarse)
        return replicate(coarse, self.factor, self.shape) / self.factor**2


@dataclass(frozen=True, eq=False)
class StridedSampling(Sampling):
    """A small sample at the first voxel of every block."""

    scheme: ClassVar[str] = "strided"

    @property
    def offset(self) -> float:
        """-(S - 1) / 2."""
        return -(self.factor - 1) / 2

    def apply(self, fine: Rows) -> Rows:
        """Every factor-th voxel along y and x."""
        return fine[..., :: self.factor, :: self.factor]

    def adjoint(self, coarse: Rows) -> Rows:
        """Coarse values at the first voxel of their block, zero elsewhere."""
        *lead, height, width = coarse.shape
        shape = (*lead, *self.fine_shape(height, width))
        fine = np.zeros(shape, coarse.dtype) if isinstance(coarse, np.ndarray) else coarse.new_zeros(shape)
        fine[..., :: self.factor, :: self.factor] = coarse
        return fine


@dataclass(frozen=True, eq=False)
class RandomSampling(Sampling):
    """A small sample at some voxels; values stay on the fine grid.

    Parameters
    ----------
    factor
        About one in factor^2 voxels is sampled.
    mask
        Which voxels are sampled, (y, x), true or false.
    """

    mask: np.ndarray
    scheme: ClassVar[str] = "random"

    @classmethod
    def _named(cls, factor: int, shape: tuple[int, int] | None, seed: int) -> Sampling:
        require(shape is not None, "shape", "given for random sampling", "none")
        assert shape is not None
        return cls.drawn(factor, shape, seed)

    @classmethod
    def _of(cls, coarse: xr.Dataset, factor: int) -> Sampling:
        variables = sorted(map(str, coarse.data_vars))
        require("sampled" in coarse, "coarse", "a dataset with the variable sampled", variables)
        return cls(factor, coarse["sampled"].transpose("y", "x").values.astype(bool))

    @classmethod
    def drawn(cls, factor: int, shape: tuple[int, int], seed: int = 0) -> RandomSampling:
        """Draw 1 / factor^2 of the voxels of a grid (y, x)."""
        voxels = shape[0] * shape[1]
        chosen = np.random.default_rng([seed, 0x5A]).choice(voxels, voxels // factor**2, replace=False)
        mask = np.zeros(voxels, dtype=bool)
        mask[chosen] = True
        return cls(factor, mask.reshape(shape))

    def apply(self, fine: Rows) -> Rows:
        """Fine values at the sampled voxels, zero elsewhere; the same shape."""
        return fine * (self.mask if isinstance(fine, np.ndarray) else fine.new_tensor(self.mask))

    def adjoint(self, coarse: Rows) -> Rows:
        """The mask is its own adjoint."""
        return self.apply(coarse)

    def coarse_grid(self, fine: Grid) -> Grid:
        """The fine grid."""
        return fine

    def fine_grid(self, coarse: Grid) -> Grid:
        """The same grid."""
        return coarse

    def fine_shape(self, height: int, width: int) -> tuple[int, int]:
        """The same shape."""
        return height, width
