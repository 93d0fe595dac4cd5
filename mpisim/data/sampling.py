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

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import xarray as xr

from mpisim.data.blocks import Rows, as_rows, block_mean, filling, is_partial, replicate
from mpisim.data.grid import Grid
from mpisim.errors import InputError, one_of, require, whole

__all__ = [
    "SCHEMES",
    "BoxSampling",
    "RandomSampling",
    "Sampling",
    "StridedSampling",
    "fine_shape",
]

SCHEMES = ("box", "strided", "random")


@dataclass(frozen=True, eq=False)
class Sampling(ABC):
    """A linear map from fine to coarse rows: base of `BoxSampling`, `StridedSampling` and `RandomSampling`.

    Parameters
    ----------
    factor
        Block edge S in fine voxels.
    shape
        Shape (y, x) of the fine rows; None stands for that of whole blocks.

    Attributes
    ----------
    scheme
        `box`, `strided` or `random`.
    small_sample
        Whether the sample fills one fine voxel, not a block.
    """

    factor: int
    shape: tuple[int, int] | None = field(default=None, kw_only=True)
    scheme: ClassVar[str]
    small_sample: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "factor", whole("factor", self.factor))

    @staticmethod
    def named(
        scheme: str, factor: int, shape: tuple[int, int] | None = None, seed: int = 0, partial: bool = False
    ) -> Sampling:
        """Return the sampling of a scheme.

        Parameters
        ----------
        scheme, factor
            `box`, `strided` or `random`, and the block edge S.
        shape
            Shape (y, x) of the fine rows, if it is known; `random` needs it.
        seed
            Draws the voxels of `random`.
        partial
            Whether the last blocks may reach over the edge of the grid.

        Raises
        ------
        InputError
            If the scheme is unknown, the factor is larger than a side of the grid, or it does not divide the grid and
            blocks may not be partial.
        """
        one_of("sampling", scheme, SCHEMES)
        factor = whole("factor", factor)
        if shape is not None:
            require(factor <= min(shape), "factor", f"no larger than the sides of the grid {_words(shape)}", factor)
            divides = shape[0] % factor == 0 and shape[1] % factor == 0
            must = f"a divisor of the grid {_words(shape)} where edge is not given (fill or crop)"
            require(divides or partial, "factor", must, factor)
        if scheme == "random":
            require(shape is not None, "shape", "given for random sampling", "none")
            assert shape is not None
            return RandomSampling.drawn(factor, shape, seed)
        return BoxSampling(factor, shape=shape) if scheme == "box" else StridedSampling(factor, shape=shape)

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
            If the stage of the dataset is not coarse, its scheme is unknown or not among the allowed, random voxels
            lack their mask, or the number of fine voxels that it states is not that of its blocks.
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
        shape = fine_shape(coarse)
        return BoxSampling(factor, shape=shape) if scheme == "box" else StridedSampling(factor, shape=shape)

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

    @property
    def filling(self) -> np.ndarray | None:
        """Share of its voxels that the sample of every coarse value fills, (h, w); None where all fill them.

        The noise of a value is `noise_std` over this share.
        """
        return None

    def described(self) -> dict[str, object]:
        """Return what the attribute `sampling` of a file states: `scheme`, `factor`, and `shape` for partial blocks."""
        shape = {"shape": [self.shape[1], self.shape[0]]} if self.shape and is_partial(self.shape, self.factor) else {}
        return {"scheme": self.scheme, "factor": self.factor, **shape}

    @abstractmethod
    def apply(self, fine: Rows) -> Rows:
        """Coarse rows of fine ones, (..., H, W) -> (..., h, w)."""

    @abstractmethod
    def adjoint(self, coarse: Rows) -> Rows:
        """Fine rows of coarse ones, <apply(a), b> = <a, adjoint(b)>."""

    def coarse_grid(self, fine: Grid) -> Grid:
        """Voxels of the coarse rows of fine ones; their centres are where the samples lie."""
        dx, dy = (self.offset * edge for edge in fine.voxel[:2])
        return fine.coarsened(self.factor, partial=self.shape is not None).shifted(dx, dy)

    def fine_grid(self, coarse: Grid) -> Grid:
        """Voxels of the fine rows that coarse ones were measured on; undoes `coarse_grid`."""
        fine = coarse.refined(self.factor)
        dx, dy = (self.offset * edge for edge in fine.voxel[:2])
        fine = fine.shifted(-dx, -dy)
        return fine if self.shape is None else fine.first(self.shape[1], self.shape[0])

    def fine_shape(self, height: int, width: int) -> tuple[int, int]:
        """Shape (H, W) of the fine rows of coarse ones of the shape (h, w)."""
        return self.shape or (height * self.factor, width * self.factor)


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


def fine_shape(coarse: xr.Dataset, name: str = "coarse") -> tuple[int, int] | None:
    """Return the shape (y, x) of the fine rows that the attribute `sampling` states; None where it states none.

    Raises `InputError` with the name of the dataset unless it is that of blocks whose number is the dataset's.
    """
    stated = coarse.attrs["sampling"].get("shape")
    if stated is None:
        return None
    factor, sizes = coarse.attrs["sampling"]["factor"], (coarse.sizes["x"], coarse.sizes["y"])
    good = isinstance(stated, list | tuple) and len(stated) == 2 and all(isinstance(n, int) for n in stated)
    good = good and all(0 < n and -(-n // factor) == size for n, size in zip(stated, sizes, strict=True))
    must = f"two counts of fine voxels whose blocks of {factor} are the {sizes[0]} x {sizes[1]} of the file"
    require(good, f"shape of the sampling of {name}", must, repr(stated))
    return int(stated[1]), int(stated[0])


def _words(shape: tuple[int, int]) -> str:
    return f"{shape[1]} x {shape[0]}"
