r"""What every coarse sampling of a system matrix is: an operator with its adjoint, its noise and its voxels.

`mpisim.data.sampling` has the samplings; a sampling enters itself under the name of its scheme.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from mpisim.data.blocks import Rows, is_partial
from mpisim.data.grid import Grid
from mpisim.errors import InputError, one_of, require, whole

__all__ = ["SCHEMES", "Sampling", "fine_shape"]

SCHEMES = ("box", "strided", "random")
"""Schemes that a factor and a grid say all of; those of `positions` need the positions, too."""
_KINDS: dict[str, type[Sampling]] = {}


@dataclass(frozen=True, eq=False)
class Sampling(ABC):
    """A linear map from fine to coarse rows: base of all samplings.

    Parameters
    ----------
    factor
        Block edge S in fine voxels.
    shape
        Shape (y, x) of the fine rows; None stands for that of whole blocks.

    Attributes
    ----------
    scheme
        `box`, `strided`, `random` or `positions`.
    small_sample
        Whether the sample fills one fine voxel, not a block.
    """

    factor: int
    shape: tuple[int, int] | None = field(default=None, kw_only=True)
    scheme: ClassVar[str]
    small_sample: ClassVar[bool] = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _KINDS[cls.scheme] = cls

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
        return _KINDS[scheme]._named(factor, shape, seed)

    @staticmethod
    def of(coarse: xr.Dataset, allowed: Sequence[str] | None = None, method: str = "") -> Sampling:
        """Return how a coarse system matrix was measured; only its attributes are checked.

        Parameters
        ----------
        coarse
            A coarse system matrix of the schema.
        allowed, method
            Schemes that a method can take, and its name, for the message; None stands for all.

        Raises
        ------
        InputError
            If the stage of the dataset is not coarse, its scheme is unknown or not among the allowed, random voxels
            lack their mask, the number of fine voxels that it states is not that of its blocks, or its positions lack
            their fine grid or their sizes.
        """
        stage = coarse.attrs.get("stage", coarse.attrs.get("kind"))
        require(stage == "coarse", "coarse", "a coarse system matrix", f"a {stage} one")
        scheme = one_of("sampling of coarse", coarse.attrs["sampling"]["scheme"], tuple(_KINDS))
        if allowed is not None and scheme not in allowed:
            raise InputError(
                f"Input coarse must be sampled by {' or '.join(allowed)} for the method {method}; "
                f"instead received {scheme} sampling."
            )
        return _KINDS[scheme]._of(coarse, coarse.attrs["sampling"]["factor"])

    @classmethod
    def _named(cls, factor: int, shape: tuple[int, int] | None, seed: int) -> Sampling:
        """Return the sampling of a grid (y, x); only `random` uses the seed."""
        return cls(factor, shape=shape)

    @classmethod
    def _of(cls, coarse: xr.Dataset, factor: int) -> Sampling:
        """Return the sampling of a dataset of its scheme."""
        return cls(factor, shape=fine_shape(coarse))

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

    @property
    def reduction(self) -> float:
        """Square root of the number of fine values over that of measured ones, known once the grid is: about S."""
        return float(self.factor)

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
