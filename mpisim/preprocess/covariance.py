r"""Whitening by the full covariance of the noise, :math:`A \to C^{-1/2} A,\ y \to C^{-1/2} y`, all rows together.

C is estimated from the deviations of background frames from the mean of their run, or where all runs are single frames
from how far each is from the line between its neighbours (`mpisim.preprocess.background`). The Hermitian root keeps
every row as close to itself as whitening allows. E frames in R runs must be more than R by at least the number of rows;
far more are needed for a good estimate.
The noise of the deciding file may be smaller than that of one background frame, as after a mean; the factor is taken
to be the same for all rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from mpisim.data.noise import rms
from mpisim.data.schema import CIRCULARITY, STD, VOXEL_DIMS
from mpisim.errors import require
from mpisim.preprocess.background import Runs, off_neighbours
from mpisim.preprocess.rows import BACKGROUND, COMMON_NOISE, RowNumbers, kind_of, one_of_each_row, restored
from mpisim.preprocess.step import Step
from mpisim.preprocess.subtraction import background_frames, background_runs

__all__ = ["WhitenByCovariance", "covariance"]

_MOST_ROWS = 500  # whose matrix is saved with the step


def covariance(frames: np.ndarray, runs: Runs) -> np.ndarray:
    """Return the covariance E n n^H of background frames (frame, row), shape (row, row).

    Raises `InputError` where there are too few frames.
    """
    rows = frames.shape[1]
    free = len(frames) - runs.count
    single = runs.count == len(frames)
    if single:
        order = np.argsort(runs.indices, kind="stable")
        deviations = off_neighbours(frames[order], runs.indices[order])
        free = len(deviations)
    else:
        means = np.zeros((runs.count, rows), dtype=complex)
        np.add.at(means, runs.run, frames)
        deviations = frames - (means / runs.lengths[:, None])[runs.run]
    must = f"of at least {rows} frames more than runs, for the covariance of {rows} rows"
    require(free >= rows, "background", must, f"{len(frames)} frames in {runs.count} runs")
    return deviations.T @ deviations.conj() / free


@dataclass(frozen=True)
class WhitenByCovariance(Step):
    """Multiply all rows by the inverse root of the covariance of the background frames.

    Parameters
    ----------
    sigma
        Noise of one background frame in every row; None before it is decided.
    real, imaginary
        Parts of the matrix by which the rows are multiplied, by rows.
    scale
        Noise of the deciding file over that of one background frame.
    """

    sigma: RowNumbers | None = None
    real: tuple[tuple[float, ...], ...] = ()
    imaginary: tuple[tuple[float, ...], ...] = ()
    scale: float = 1.0
    noise: ClassVar[str] = "1 in the file on which the step was decided, and not correlated"
    decided_on: ClassVar[str] = "measurement"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma", restored(self.sigma))

    def decided(self, data: xr.Dataset) -> Self:
        """Return the step with the covariance of a dataset's background; raise `InputError` where it has too little."""
        if self.sigma is not None:
            return self
        like = one_of_each_row(data)
        require(like.size <= _MOST_ROWS, "data", f"of at most {_MOST_ROWS} rows for a full covariance", like.size)
        frames = background_frames(data)
        found = covariance(frames.reshape(len(frames), -1), background_runs(data))
        values, vectors = np.linalg.eigh(found)
        least = float(values.min() / values.max())
        require(least > 1e-12, "background", "of noise in every row that no other rows determine", "singular noise")
        deviation = np.sqrt(np.diag(found).real)
        ratio = _ratio(data, "noise_std", deviation)
        scale = 1.0 if not ratio else ratio
        root = (vectors / np.sqrt(values)) @ vectors.conj().T / scale
        sigma = RowNumbers.of(data, deviation.reshape(like.shape))
        real, imaginary = (tuple(map(tuple, part.tolist())) for part in (root.real, root.imag))
        return replace(self, sigma=sigma, real=real, imaginary=imaginary, scale=scale)

    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return the dataset with white rows; raise `InputError` where its rows are others."""
        step = self.decided(data)
        assert step.sigma is not None
        like, kind = one_of_each_row(data), kind_of(data)
        known = len(step.sigma.values)
        require(like.size == known, "data", f"of the {known} rows for which the covariance was decided", like.size)
        deviation = np.asarray(step.sigma.at(data, "the covariance").values).ravel()
        root = np.array(step.real) + 1j * np.array(step.imaginary)
        found: dict[str, Any] = {}
        for name in (kind, BACKGROUND):
            if name in data:
                found[name] = _multiplied(data[name].variable, root, like.dims)
        if STD in data:
            squares = _multiplied(data[STD].variable ** 2, np.abs(root) ** 2, like.dims)
            found[STD] = np.sqrt(squares.real)
            if CIRCULARITY in data:
                own = _multiplied(data[STD].variable ** 2 * data[CIRCULARITY].variable, root**2, like.dims)
                found[CIRCULARITY] = own / squares.real.where(squares.real > 0, 1.0)
        for name in ("noise_std", COMMON_NOISE):
            if name in data:
                ratio = _ratio(data, name, deviation)
                found[name] = xr.Variable(like.dims, np.full(like.shape, (ratio or 0.0) / step.scale))
        for variable in found.values():
            variable.attrs = {"units": "1"}
        return data.assign(found)


def _ratio(data: xr.Dataset, name: str, deviation: np.ndarray) -> float | None:
    """Return the noise of a dataset over that of one background frame, RMS over the rows; None where it is unknown."""
    if name not in data:
        return None
    like = one_of_each_row(data)
    values = data[name].broadcast_like(like).transpose(*like.dims).values.ravel()
    return float(rms(values / deviation))


def _multiplied(variable: xr.Variable, root: np.ndarray, rows: tuple[Any, ...]) -> xr.Variable:
    """Return a variable whose rows, all of them together, are multiplied by a matrix."""
    others = [d for d in variable.dims if d not in rows]
    moved = variable.transpose(*rows, *others)
    product = root @ moved.values.reshape(len(root), -1)
    found = xr.Variable(moved.dims, product.reshape(moved.shape))
    dims = [d for d in (*(o for o in others if o not in VOXEL_DIMS), *rows, *VOXEL_DIMS) if d in variable.dims]
    return found.transpose(*dims)
