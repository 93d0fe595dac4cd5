"""A matrix and a measurement turned into the system of equations that solvers take.

`recon.reconstruction` says what is done: rows that both have, units, whitening, the choice of rows, the noise ball, and
the weights of a matrix that states its errors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import xarray as xr

from mpisim.data.grid import Grid
from mpisim.data.noise import sigma_from_snr
from mpisim.data.schema import DIMS, STD, VOXEL_DIMS, build, expect
from mpisim.data.units import conversion, in_unit_of, numerator, unit_of
from mpisim.data.views import as_matrix, require_same_rows
from mpisim.errors import InputError, decibels, require, warn, within
from mpisim.errors import non_negative as zero_or_more
from mpisim.preprocess.whitening import whiten
from mpisim.simulation.provenance import from_mapping
from recon.selection.background import Background, Removed, as_background
from recon.selection.discrepancy import CHANCE
from recon.selection.matrix_errors import COHERENCE, row_deviation
from recon.selection.pairs import paired, require_same_transfer
from recon.selection.rows import chosen_rows
from recon.selection.white_rows import noise_of_rows, used_of, white_rows, without_background
from recon.solvers.solver import Problem

__all__ = ["Conditions", "Prepared", "prepare", "prepare_direct"]

_Ball: TypeAlias = tuple[float | None, bool, float | None]
"""`radius`, `radius_from_data` and `radius_limit` of a `Problem`."""


@dataclass(frozen=True)
class Conditions:
    """What a caller of `recon.reconstruct` demands of the system of equations; the parameters of that function."""

    eps: float | str | None = None
    noise_db: float | None = None
    non_negative: bool = True
    row_mask: np.ndarray | xr.DataArray | None = None
    min_frequency: float | None = None
    max_frequency: float | None = None
    row_snr: float | None = None
    use_std: bool = True
    std_coherence: float = COHERENCE
    background: Background | str | None = None

    def stated(self) -> dict[str, object]:
        """Return the conditions on rows that were given, for the attributes of the image."""
        numbers = {name: getattr(self, name) for name in ("min_frequency", "max_frequency", "row_snr")}
        masked: dict[str, object] = {} if self.row_mask is None else {"row_mask": True}
        return masked | {name: float(n) for name, n in numbers.items() if n is not None}


@dataclass(frozen=True)
class Prepared:
    """A system of equations, and what belongs to it.

    Parameters
    ----------
    problem
        The system, over the rows that are used.
    matrix, y
        The datasets over the rows that both have, in the unit of the data and not whitened.
    sigma
        Complex noise standard deviation of the rows in that unit; None where it is not known.
    unit
        Unit of the image.
    kept
        Which of the rows are used, shape (row,); None for all.
    deviation
        Deviation of the used rows by noise and errors of the matrix together, over that by noise alone; None where the
        matrix states no errors, or they are left aside.
    background
        The background that is estimated with the image; None where none is.
    removed
        The same, as it was removed from rows and data.
    """

    problem: Problem
    matrix: xr.Dataset
    y: xr.Dataset
    sigma: xr.DataArray | None
    unit: str
    kept: np.ndarray | None
    deviation: np.ndarray | None
    background: Background | None = None
    removed: Removed | None = None

    @property
    def rows(self) -> int:
        """Number of rows that matrix and measurement have."""
        return len(as_matrix(self.matrix))

    @property
    def noise(self) -> float | None:
        """Expected norm of the noise of the used rows, in the unit of the problem; None where it is not known."""
        lost = 0.0 if self.removed is None else self.removed.elimination.lost
        return None if self.sigma is None else math.sqrt(len(self.problem.y) - lost)

    def background_rms(self, images: np.ndarray) -> np.ndarray:
        """Return the RMS of the background over the used rows for images (N, images), in units of the noise or data."""
        assert self.removed is not None
        return np.sqrt(np.mean(np.abs(self.removed.estimate(images)) ** 2, axis=0))


def prepare(
    matrix: xr.Dataset,
    y: xr.Dataset,
    conditions: Conditions,
    method: str = "solver",
    noise_ball: bool = False,
    published: bool = False,
    single: bool = False,
) -> Prepared:
    """Return the system of equations of a matrix and a measurement.

    Parameters
    ----------
    matrix, y
        The datasets, see `recon.reconstruct`.
    conditions
        What the caller demands.
    method, noise_ball
        How messages call the method, and whether it takes a radius of the noise ball.
    published
        Whether a radius that is not given is sqrt(M), and not from the data.
    single
        Whether rows of a matrix of complex64 stay so, unless a background is removed from them.

    Raises
    ------
    InputError
        For rows, units or transfer functions that do not match, no rows that are left, an unknown noise, or a number
        out of range.
    """
    matrix, y = _checked_pair(matrix, y)
    require_same_transfer(matrix, y)
    c = conditions
    kept = chosen_rows(matrix, c.row_mask, c.min_frequency, c.max_frequency, c.row_snr)
    used = len(as_matrix(matrix)) if kept is None else int(np.count_nonzero(kept))
    background = as_background(c.background)
    single = single and background is None and matrix["system_matrix"].dtype == np.complex64
    matrix, unit = _in_unit_of_data(matrix, y)
    sigma = _noise(y, c.noise_db)
    coherence = within("std_coherence", c.std_coherence, 0, 1, "(independent to fully coherent)")
    uncertain = bool(c.use_std) and STD in matrix and _noise_for_std(sigma)
    estimated = uncertain or matrix.attrs["origin"] == "recovered"
    eps = "auto" if c.eps is None and noise_ball and estimated else c.eps
    white = white_rows(matrix, y, sigma, kept, single)
    white = white if background is None else without_background(white, background, y, sigma, kept)
    deviation = None
    if uncertain and sigma is not None:
        noise = noise_of_rows(matrix, sigma)[:, None]
        std = used_of(matrix[STD].values.reshape(len(noise), -1) / noise, kept)
        deviation = row_deviation(white.rows, std, white.columns, bool(c.non_negative), coherence)
        white = (white if background is None else white_rows(matrix, y, sigma, kept)).over(deviation)
        white = white if background is None else without_background(white, background, y, sigma, kept, deviation)
    lost = 0.0 if white.removed is None else white.removed.elimination.lost
    ball = _ball(method, noise_ball, eps, sigma is not None, used - lost, published)
    shape = tuple(n for d, n in matrix["system_matrix"].sizes.items() if d in VOXEL_DIMS)
    problem = Problem(white.rows, white.columns, shape, bool(c.non_negative), *ball)
    return Prepared(problem, matrix, y, sigma, unit, kept, deviation, background, white.removed)


def prepare_direct(matrix: xr.Dataset | None, y: xr.Dataset, conditions: Conditions, method: str) -> Prepared:
    """Return what a method needs that solves no system of equations: the rows, their noise and the voxels.

    Parameters
    ----------
    matrix
        A fine system matrix, of which voxels, rows and attributes count but no values; None takes those of `y`.
    y, conditions, method
        As `prepare` takes them.

    Returns
    -------
    Prepared
        Its `problem` has a matrix of zeros that takes no memory.

    Raises
    ------
    InputError
        As `prepare`, and if there is no matrix and the measurement does not state the voxels.
    """
    matrix, y = _checked_pair(_stand_in(y) if matrix is None else matrix, y)
    c = conditions
    kept = chosen_rows(matrix, c.row_mask, c.min_frequency, c.max_frequency, c.row_snr)
    sigma = _noise(y, c.noise_db)
    _ball(method, False, c.eps, sigma is not None, 0, False)
    require(c.background is None, "background", f"left out for the method {method}", c.background)
    voxels = [str(d) for d in matrix["system_matrix"].dims if d in VOXEL_DIMS]
    shape = tuple(matrix.sizes[d] for d in voxels)
    white = y if sigma is None else whiten(y, sigma)
    rows = matrix["system_matrix"].size // math.prod(shape)
    columns = white["measurement"].values.reshape(-1, rows).T.astype(complex)
    columns = columns if kept is None else columns[kept]
    zeros = np.broadcast_to(np.complex128(0), (len(columns), math.prod(shape)))
    return Prepared(Problem(zeros, columns, shape, bool(c.non_negative)), matrix, y, sigma, "1", kept, None)


def _stand_in(y: xr.Dataset) -> xr.Dataset:
    """Return a matrix of zeros with the rows and the attributes of a measurement, on the voxels that it states."""
    expect(y, "measurement", "y")
    stated = y.attrs.get("grid")
    must = "one that states its grid where there is no matrix"
    require(isinstance(stated, Mapping), "y", must, "a measurement without the attribute grid")
    grid = from_mapping(Grid, stated, "grid of y")
    data = y["measurement"].isel(frame=0, drop=True) if "frame" in y["measurement"].dims else y["measurement"]
    values = np.broadcast_to(np.complex64(0), (*data.shape, *grid.array_shape))
    coords = {str(k): v for k, v in data.coords.items()} | grid.coords()
    stated = {k: y.attrs.get(k) for k in ("scanner", "particle", "sample", "grid", "mdf")}
    dims = (*map(str, data.dims), *grid.dims)
    return build("system_matrix", values, dims, coords, units=unit_of(y), stage="fine", origin="measured", **stated)


def _checked_pair(matrix: xr.Dataset, y: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Return a matrix and a measurement over the rows that both have."""
    expect(matrix, "system_matrix", "matrix", stage="fine")
    expect(y, "measurement", "y")
    matrix, y = paired(matrix, y)
    rows, data = matrix["system_matrix"], y["measurement"]
    wanted = {str(d): rows.sizes[d] for d in DIMS["measurement"] if d in rows.dims}
    received = {str(d): n for d, n in data.sizes.items() if d != "frame"}
    require(received == wanted, "y", f"measured over the matrix's rows {wanted}", received)
    require_same_rows(y, matrix, "y")
    return matrix, y


def _in_unit_of_data(matrix: xr.Dataset, y: xr.Dataset) -> tuple[xr.Dataset, str]:
    """Return the matrix in the unit of the data, and the unit of the image: "1", or what the matrix is per."""
    above, below = numerator(unit_of(matrix))
    if below == "1" or conversion(unit_of(matrix), unit_of(y)) is not None or conversion(above, unit_of(y)) is None:
        return in_unit_of(matrix, y, "the matrix", "the measurement"), "1"
    names = [name for name in ("system_matrix", "noise_std", STD) if name in matrix]
    stated = matrix.assign({name: matrix[name].assign_attrs(units=above) for name in names})
    return in_unit_of(stated, y, "the matrix", "the measurement"), below


def _noise(y: xr.Dataset, noise_db: float | None) -> xr.DataArray | None:
    """Return the complex noise standard deviation of the rows, or None where it is not known."""
    if noise_db is not None:
        level = sigma_from_snr(y["measurement"].values, decibels("noise_db", noise_db))
        require(level > 0, "y", "different from zero", "all zeros")
        return xr.DataArray(level)
    if "noise_std" not in y or not np.any(y["noise_std"].values):
        return None
    sigma = y["noise_std"]
    require("frame" not in sigma.dims, "noise_std of y", "the same for every frame", "one for each")
    require(bool(np.all(sigma.values > 0)), "noise_std of y", "positive in every row", float(sigma.min()))
    return sigma


def _noise_for_std(sigma: xr.DataArray | None) -> bool:
    """Whether the noise is known, without which the errors of the matrix cannot be weighed against it; or warn."""
    if sigma is None:
        warn(
            "The noise of the measurement is not known, so that the standard deviation which the matrix states is not "
            "used; noise_db gives the noise."
        )
    return sigma is not None


def _ball(
    method: str, noise_ball: bool, eps: float | str | None, noise_known: bool, rows: float, published: bool
) -> _Ball:
    if not noise_ball:
        require(eps is None, "eps", f"left out for the method {method}, which has no noise ball", eps)
        return None, False, None
    if eps not in (None, "auto"):
        return zero_or_more("eps", eps), False, None
    if not noise_known and eps is None:
        raise InputError(
            f"Input y must state its noise_std for the method {method}, unless eps or noise_db is given; "
            "instead received none of them."
        )
    radius = math.sqrt(rows) if noise_known else 0.0
    if eps == "auto":
        return radius, True, None
    return radius, not published, radius + CHANCE
