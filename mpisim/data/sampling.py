r"""Coarse sampling of a system matrix: the one definition of the operator, its adjoint, its noise and its voxels.

A row :math:`a` on a fine grid is measured by

- `box`: a large sample over blocks of :math:`S \times S` voxels. The file holds block means
  :math:`\bar b = M a`, the large sample's signal over :math:`S^2`. The paper's orthonormal operator is
  :math:`D = S M`, with :math:`b = S\,\bar b` and :math:`D D^T = I`; nothing here needs it;
- `strided`: a small sample at the first voxel of every block (as published; its centre lies :math:`(S-1)/2` voxels
  off the block's, which the coordinates of the coarse file say);
- `random`: a small sample at :math:`N / S^2` voxels drawn at random; the coarse file keeps the fine grid, zero where
  nothing was measured, with the mask `sampled`.

A small sample gives :math:`S^2` times less signal than a block, so that its values carry :math:`S^2` times the noise.
`mpisim.data.downsampling` measures a matrix so.

The functions on arrays take NumPy arrays and torch tensors alike, real or complex, over trailing axes (y, x).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.errors import InputError, one_of, require, whole

__all__ = [
    "SCHEMES",
    "BoxSampling",
    "RandomSampling",
    "Rows",
    "Sampling",
    "StridedSampling",
    "block_mean",
    "replicate",
]

SCHEMES = ("box", "strided", "random")
Rows: TypeAlias = Any
"""A NumPy array or a torch tensor over trailing axes (y, x)."""


def block_mean(fine: Rows, factor: int) -> Rows:
    """Mean over blocks of factor x factor voxels: (..., H, W) -> (..., H / factor, W / factor)."""
    *lead, height, width = fine.shape
    return fine.reshape(*lead, height // factor, factor, width // factor, factor).mean((-3, -1))


def replicate(coarse: Rows, factor: int) -> Rows:
    """Give every voxel of a block its coarse value; factor^2 times the adjoint of `block_mean`."""
    *lead, height, width = coarse.shape
    shape = (*lead, height, factor, width, factor)
    spread = coarse[..., :, None, :, None]
    spread = spread.expand(shape) if hasattr(spread, "expand") else np.broadcast_to(spread, shape)
    return spread.reshape(*lead, height * factor, width * factor)


@dataclass(frozen=True, eq=False)
class Sampling(ABC):
    """A linear map from fine to coarse rows: base of `BoxSampling`, `StridedSampling` and `RandomSampling`.

    Parameters
    ----------
    factor
        Block edge S in fine voxels.

    Attributes
    ----------
    scheme
        `box`, `strided` or `random`.
    small_sample
        Whether the sample fills one fine voxel, not a block.
    """

    factor: int
    scheme: ClassVar[str]
    small_sample: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "factor", whole("factor", self.factor))

    @staticmethod
    def named(scheme: str, factor: int, shape: tuple[int, int] | None = None, seed: int = 0) -> Sampling:
        """Return the sampling of a scheme.

        Parameters
        ----------
        scheme, factor
            `box`, `strided` or `random`, and the block edge S.
        shape
            Shape (y, x) of the fine rows, if it is known; `random` needs it.
        seed
            Draws the voxels of `random`.

        Raises
        ------
        InputError
            If the scheme is unknown or the factor does not divide the grid.
        """
        one_of("sampling", scheme, SCHEMES)
        factor = whole("factor", factor)
        if shape is not None:
            divides = shape[0] % factor == 0 and shape[1] % factor == 0
            require(divides, "factor", f"a divisor of the grid {shape[1]} x {shape[0]}", factor)
        if scheme == "random":
            require(shape is not None, "shape", "given for random sampling", "none")
            assert shape is not None
            return RandomSampling.drawn(factor, shape, seed)
        return BoxSampling(factor) if scheme == "box" else StridedSampling(factor)

    @staticmethod
    def of(coarse: xr.Dataset, allowed: Sequence[str] = SCHEMES, method: str = "") -> Sampling:
        """Return how a coarse system matrix was measured; only its attributes are checked.

        Parameters
        ----------
        coarse
            A coarse system matrix of the schema.
        allowed, method
            Schemes that a method can take, and its name, for the message.

        Raises
        ------
        InputError
            If the stage of the dataset is not coarse, its scheme is unknown or not among the allowed, or random voxels
            lack their mask.
        """
        stage = coarse.attrs.get("stage", coarse.attrs.get("kind"))
        require(stage == "coarse", "coarse", "a coarse system matrix", f"a {stage} one")
        scheme, factor = coarse.attrs["sampling"]["scheme"], coarse.attrs["sampling"]["factor"]
        one_of("sampling of coarse", scheme, SCHEMES)
        if scheme not in allowed:
            raise InputError(
                f"Input coarse must be sampled by {' or '.join(allowed)} for the method {method}; "
                f"instead received {scheme} sampling."
            )
        if scheme == "random":
            variables = sorted(map(str, coarse.data_vars))
            require("sampled" in coarse, "coarse", "a dataset with the variable sampled", variables)
            return RandomSampling(factor, coarse["sampled"].transpose("y", "x").values.astype(bool))
        return BoxSampling(factor) if scheme == "box" else StridedSampling(factor)

    @property
    def offset(self) -> float:
        """Position of a coarse value against the centre of its block, in fine voxels along x and y."""
        return 0.0

    @property
    def noise_gain(self) -> int:
        """Noise of a coarse value over that of a block mean of the same scanner."""
        return self.factor**2

    @property
    def carried_noise(self) -> float:
        """Noise of a coarse value over the noise that fine values have themselves."""
        return 1.0

    @abstractmethod
    def apply(self, fine: Rows) -> Rows:
        """Coarse rows of fine ones, (..., H, W) -> (..., h, w)."""

    @abstractmethod
    def adjoint(self, coarse: Rows) -> Rows:
        """Fine rows of coarse ones, <apply(a), b> = <a, adjoint(b)>."""

    def coarse_grid(self, fine: Grid) -> Grid:
        """Voxels of the coarse rows of fine ones; their centres are where the samples lie."""
        dx, dy = (self.offset * edge for edge in fine.voxel[:2])
        return fine.coarsened(self.factor).shifted(dx, dy)

    def fine_grid(self, coarse: Grid) -> Grid:
        """Voxels of the fine rows that coarse ones were measured on; undoes `coarse_grid`."""
        fine = coarse.refined(self.factor)
        dx, dy = (self.offset * edge for edge in fine.voxel[:2])
        return fine.shifted(-dx, -dy)


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

    def apply(self, fine: Rows) -> Rows:
        """Block means, (..., H, W) -> (..., H / factor, W / factor)."""
        return block_mean(fine, self.factor)

    def adjoint(self, coarse: Rows) -> Rows:
        """Coarse values spread evenly over their blocks."""
        return replicate(coarse, self.factor) / self.factor**2


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
        shape = (*lead, height * self.factor, width * self.factor)
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
