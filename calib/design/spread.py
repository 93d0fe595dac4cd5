r"""What is not yet known of the rows of a scanner: a Gaussian spread in few directions.

Rows are :math:`a = \bar a + \sum_k \xi_k F_k` with independent :math:`\xi_k \sim N(0, 1)`. The directions F are

- of known matrices (`calib.methods.linear_bayes.family`): the strongest principal components of the members, all rows
  together, each harmonic in units of its RMS. Reflected members are left out;
- of a fit of the scanner: the root of the posterior covariance of the shared parameters and of the gains' amplitudes,
  times their derivatives, with the errors of the angles following as `calib.methods.physical.deviation` has it. The
  errors of the angles themselves and the phases, which every position tells alike, are left out.

Some of the angles are enough, since what is shared by all rows is what a position tells of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from calib.methods.linear_bayes.family import Family
from calib.methods.physical.fitting import Fitted, fit_measurement
from calib.methods.physical.measurement import Measurement
from mpisim.data.grid import Grid
from mpisim.data.noise_level import GivenNoise, level_of
from mpisim.errors import InputError

__all__ = ["Spread", "spread_of_coarse", "spread_of_family"]

_ANGLES = 8
"""Angles whose rows count."""
_DIRECTIONS = 64
"""Directions, at most."""
_OF_VOXELS = 0.03  # error of the quadrature: one point in each voxel


@dataclass(frozen=True, eq=False)
class Spread:
    """A Gaussian spread of rows.

    Parameters
    ----------
    directions
        F, real (direction, row, y, x), in units of the RMS of the rows; real and imaginary parts are rows of their own.
    grid
        The voxels.
    left
        Variance of a value that the directions leave out.
    noise
        Complex noise deviation of the mean over a sample of `factor` voxels along x and y; None where it is not known.
    factor
        That edge S.
    """

    directions: np.ndarray
    grid: Grid
    left: float
    noise: float | None = None
    factor: int = 1


def spread_of_family(family: Family) -> Spread:
    """Return the spread of the members of a family."""
    angles = _some(len(family.places))
    rows = []
    for angle in angles:
        place = family.places[angle]
        coefficients = family.coefficients[:, angle] - family.coefficients[:, angle].mean(0)
        flat = np.einsum("nhr,hrv->nhv", coefficients, family.bases[place.basis], optimize=True)
        rows.append(place.reflection.rows(family.images(flat)) * family.sign(place.odd)[:, None, None, None])
    every = np.stack(rows, axis=1).reshape(family.members, -1) / np.sqrt(family.members)
    return _strongest(every.astype(float), (family.shape[0], family.shape[1]), family.grid)


def spread_of_coarse(coarse: xr.Dataset) -> Spread:
    """Return what a fit of the scanner leaves unknown, given what was measured.

    Raises `InputError` if no scanner with a field-free line describes the matrix; `linear-bayes` needs none.
    """
    level = level_of(coarse, GivenNoise())
    measurement = Measurement.of(coarse if level is None else level.applied(coarse))
    try:
        fitted = fit_measurement(measurement)
    except np.linalg.LinAlgError:
        fitted = None
    if fitted is None:
        raise InputError(
            "Input coarse must be a matrix that a scanner with a field-free line describes; "
            "instead received one that none was found for. Known matrices (prior) need no scanner."
        )
    kept = np.isfinite(measurement.sigma)
    filling = 1.0 if measurement.sampling.filling is None else measurement.sampling.filling.reshape(-1)
    noise = float(
        np.sqrt(np.mean((fitted.measurement.sigma * filling)[kept & np.isfinite(fitted.measurement.sigma)] ** 2))
    )
    found = _of_fit(fitted)
    return Spread(found.directions, found.grid, found.left, noise, measurement.sampling.factor)


def _of_fit(fitted: Fitted) -> Spread:
    model, fit = fitted.fine_model(_OF_VOXELS), fitted.climbed.fit
    state, places = fit.state, np.flatnonzero(fit.free)
    gains, root = np.abs(model.gains(state)), np.linalg.cholesky(fit.covariance)
    chosen, parts = set(_some(len(state.local))), []
    for part in model.linear(state):
        for row, i in enumerate(range(len(state.local))[part.which]):
            if i not in chosen:
                continue
            size = gains[i][:, None]
            flux = part.flux[row] * size
            local = np.concatenate([part.by_local[row].swapaxes(0, 1) * size, (flux / (1 + state.local[i, 2]))[None]])
            columns = np.zeros((len(places) + state.gains.size, *flux.shape))
            columns[: len(places)] = part.by_shared[row].swapaxes(0, 1)[places] * size
            for number, (c, k) in enumerate(np.ndindex(*state.gains.shape)):
                columns[len(places) + number, c, :, k] = flux[c, :, k]
            flat = columns.reshape(len(columns), -1) - fit.posterior.ratio[i] @ local.reshape(3, -1)
            images = (root.T @ flat).reshape(-1, *flux.shape)
            parts.append(np.moveaxis(images, -1, 2).reshape(len(flat), -1, flux.shape[1]))
    fine = fitted.measurement.fine
    every = np.concatenate(parts, axis=1)
    return _strongest(every.reshape(len(every), -1), (fine.array_shape[0], fine.array_shape[1]), fine)


def _some(count: int) -> list[int]:
    """Numbers of the angles whose rows count, evenly over all."""
    return np.unique(np.linspace(0, count, min(count, _ANGLES), endpoint=False).astype(int)).tolist()


def _strongest(rows: np.ndarray, shape: tuple[int, int], grid: Grid) -> Spread:
    """Return the strongest directions of the spread sum_k xi_k rows_k, (k, row * y * x)."""
    power, vectors = np.linalg.eigh(rows @ rows.T)
    kept = vectors[:, ::-1][:, : min(_DIRECTIONS, len(rows))]
    left = float(power[::-1][kept.shape[1] :].clip(min=0).sum()) / rows.shape[1]
    return Spread((kept.T @ rows).reshape(kept.shape[1], -1, *shape), grid, left)
