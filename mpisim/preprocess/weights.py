"""Weights of rows, which multiply matrix and data alike: whitening, 1 over the norm of rows, weights of channels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import xarray as xr

from mpisim.data.noise import norm
from mpisim.data.views import as_matrix
from mpisim.errors import numbers_of, require
from mpisim.preprocess.rows import RowNumbers, one_of_each_row, restored, scaled
from mpisim.preprocess.step import Step
from mpisim.preprocess.whitening import whiten

__all__ = ["WeightChannels", "WeightRows", "Whiten"]


@dataclass(frozen=True)
class Whiten(Step):
    """Divide rows by the noise of the file on which the step is decided: the measurement, where there is one.

    Parameters
    ----------
    noise_std
        The noise of every row; None before it is decided.
    """

    noise_std: RowNumbers | None = None
    noise: ClassVar[str] = "divided by the noise on which the step was decided; 1 for that file"
    decided_on: ClassVar[str] = "measurement"

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise_std", restored(self.noise_std))

    def decided(self, data: xr.Dataset) -> Self:
        """Return the step with the noise of a dataset; raise `InputError` where it is unknown or zero."""
        if self.noise_std is not None:
            return self
        require("noise_std" in data, "data", "of known noise where rows are whitened", "a dataset without noise_std")
        like = one_of_each_row(data)
        sigma = data["noise_std"].broadcast_like(like).transpose(*like.dims).values
        require(bool(np.all(sigma > 0)), "noise_std", "positive in every row", float(sigma.min()))
        return replace(self, noise_std=RowNumbers.of(data, sigma))

    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return the dataset with white rows."""
        sigma = self.decided(data).noise_std
        assert sigma is not None
        return whiten(data, xr.DataArray(sigma.at(data, "the noise")))


@dataclass(frozen=True)
class WeightRows(Step):
    """Divide rows by the norm of the rows of a system matrix; rows of zeros stay.

    Parameters
    ----------
    norms
        Norm of every row; None before it is decided.
    """

    norms: RowNumbers | None = None
    noise: ClassVar[str] = "divided by the norm of the matrix's row"
    decided_on: ClassVar[str] = "system_matrix"

    def __post_init__(self) -> None:
        object.__setattr__(self, "norms", restored(self.norms))

    def decided(self, data: xr.Dataset) -> Self:
        """Return the step with the norms of a matrix; raise `InputError` for another dataset."""
        if self.norms is not None:
            return self
        require(
            data.attrs["kind"] == "system_matrix", "data", "a system matrix for the norm of rows", data.attrs["kind"]
        )
        sizes = norm(as_matrix(data), axis=1).reshape(one_of_each_row(data).shape)
        return replace(self, norms=RowNumbers.of(data, np.where(sizes > 0, sizes, 1.0)))

    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return the dataset with weighted rows."""
        norms = self.decided(data).norms
        assert norms is not None
        return scaled(data, norms.at(data, "the norm"), units="1", divide=True)


@dataclass(frozen=True)
class WeightChannels(Step):
    """Multiply the rows of every receive channel by a weight.

    Parameters
    ----------
    weights
        One positive number for each receive channel.
    """

    weights: tuple[float, ...] = (1.0,)
    noise: ClassVar[str] = "multiplied by the weight of the channel"

    def __post_init__(self) -> None:
        good = min(numbers_of("weights", self.weights), default=0.0) > 0
        require(good, "weights", "positive numbers, one for each receive channel", self.weights)

    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return the dataset with weighted channels; raise `InputError` where there are more or fewer of them."""
        channels = data.sizes.get("receive", 1)
        given = f"{len(self.weights)} for {channels}"
        require(len(self.weights) == channels, "weights", "one number for each receive channel", given)
        if "receive" not in one_of_each_row(data).dims:
            return scaled(data, xr.Variable((), self.weights[0]))
        return scaled(data, xr.Variable("receive", np.array(self.weights)))
