r"""Images from a system matrix and a measurement, by any method of `recon.METHODS`.

The rows of both are whitened first (`mpisim.preprocess.whitening`), with the `noise_std` of the measurement, or with
RMS(y) / 10^(D/20) for `noise_db` D. White complex noise has :math:`E|n_i|^2 = 1`, so that
:math:`E\lVert n\rVert^2 = M` **complex rows**: the noise ball of ADMM has the radius :math:`\epsilon = \sqrt M`.
A given `eps` is in whitened units where the noise is known, and in units of the data elsewhere. `eps="auto"` estimates
the radius from the data (`recon.selection.discrepancy`). It serves data of unknown noise, and recovered matrices, whose
errors add to the noise of the measurement, so that the ball of radius sqrt(M) can be empty.

The norm of such noise is :math:`\sqrt M \pm 1/2` (mean and standard deviation). In half of all measurements the true
image therefore lies outside a ball of radius sqrt(M), and the image inside the ball fits noise. So the default radius
for a matrix that was not recovered comes from the data, too, but stays between sqrt(M) and sqrt(M) + 3/2: chance
explains no more.

Where a matrix states how much its values err (`system_matrix_std`) and the noise is known, every row is further divided
by the deviation that noise and these errors have together for this object (`recon.selection.matrix_errors`). eps, which
then is "auto" by default, and residuals are in this unit.

Images are concentrations relative to the calibration sample's; a matrix in another multiple of the measurement's unit
is converted. A matrix per concentration, such as V/(mmol/l), gives an image in that concentration. If rows are chosen
(`recon.selection.rows`), M is the number of rows that are kept.
"""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from typing import Any, TypeAlias

import numpy as np
import xarray as xr

from mpisim.data.noise import sigma_from_snr
from mpisim.data.schema import DIMS, STD, VOXEL_DIMS, build, expect
from mpisim.data.units import conversion, in_unit_of, numerator, unit_of
from mpisim.data.views import as_matrix, require_same_rows
from mpisim.deprecation import renamed_arguments
from mpisim.errors import InputError, decibels, one_of, require, warn, within
from mpisim.errors import non_negative as zero_or_more
from mpisim.preprocess.whitening import whiten
from recon.fit import warn_of_misfit
from recon.methods import METHODS
from recon.selection.discrepancy import CHANCE
from recon.selection.matrix_errors import COHERENCE, row_deviation
from recon.selection.pairs import paired
from recon.selection.rows import chosen_rows
from recon.solvers.solver import Problem, Solver, checked

__all__ = ["reconstruct"]

_Ball: TypeAlias = tuple[float | None, bool, float | None]
"""`radius`, `radius_from_data` and `radius_limit` of a `Problem`."""


@renamed_arguments(strength="regularisation")
def reconstruct(
    matrix: xr.Dataset,
    y: xr.Dataset,
    method: str = "admm",
    eps: float | str | None = None,
    noise_db: float | None = None,
    non_negative: bool = True,
    preset: str | None = None,
    row_mask: np.ndarray | xr.DataArray | None = None,
    min_frequency: float | None = None,
    max_frequency: float | None = None,
    row_snr: float | None = None,
    use_std: bool = True,
    std_coherence: float = COHERENCE,
    **options: object,
) -> xr.Dataset:
    """Reconstruct the image, or the image of every frame, of a measurement.

    Parameters
    ----------
    matrix
        A fine system matrix, simulated, measured or recovered.
    y
        A measurement of the same rows. Where both come from MDF files, the sequence must be the same, and only the
        frequencies that both have are used (`recon.selection.pairs`); `row_mask` is over these.
    method
        A name of `recon.METHODS`: `admm`, `kaczmarz`, `tikhonov`, or one of another package.
    eps
        Radius of the noise ball of ADMM, or "auto"; see the module. By default "auto" for a recovered matrix, and for
        one whose `system_matrix_std` is used; for any other from the data, too, but no more than sqrt(M) + 3/2, or
        sqrt(M) itself with a preset. "auto" is at least sqrt(M) where the noise is known.
    noise_db
        RMS of the data over their complex noise standard deviation in dB, in place of the measurement's `noise_std`.
    non_negative
        Demand x >= 0.
    preset
        Name of a set of options of the method, in place of its defaults: "transms" takes the weights that TranSMS
        publishes for `admm`. Options that are given as well win over it.
    row_mask
        True for the rows to use: shape (row,), that of (angle, receive, frequency), or a DataArray over some of these.
    min_frequency, max_frequency
        Least and greatest frequency in Hz of the rows to use.
    row_snr
        Least signal-to-noise ratio of the rows to use: RMS of the matrix's row over its noise, a ratio.
    use_std
        Whether rows are weighted by the `system_matrix_std` of the matrix, if it has one; False leaves it aside.
    std_coherence
        How far errors of the matrix have one sign over an object, from 0 (errors of voxels are independent) to 1, with
        `use_std`; the default is that of recovered matrices (`recon.selection.matrix_errors`).
    **options
        Options of the method, such as the fields of `recon.methods.AdmmOptions`.

    Returns
    -------
    xarray.Dataset
        `image` ([frame,] [z,] y, x), relative concentration (see the module). The attributes carry the method, its
        options, eps, the iterations, whether the noise ball is feasible, its least residual (both in the unit of eps),
        the number of rows that were used, `matrix_errors` (RMS of the rows' deviation by noise and matrix together over
        that by noise alone, where `system_matrix_std` was used), and the provenance of the matrix and of the
        measurement. A `DataWarning` says where the noise ball holds no image, was not reached, or holds the empty
        image, and where an image explains hardly anything of the data.

    Raises
    ------
    InputError
        For an unknown method, preset or option, rows or units that do not match, no rows that are left, an unknown
        noise, a number out of range, or a method whose result breaks the rules of `recon.Solution`.
    """
    solver = METHODS[one_of("method", method, METHODS)]
    with METHODS.guarded(method):
        chosen = _options(solver, method, _preset(solver, method, preset) | options)
    matrix, y = _checked_pair(matrix, y)
    kept = chosen_rows(matrix, row_mask, min_frequency, max_frequency, row_snr)
    rows = len(as_matrix(matrix))
    used = rows if kept is None else int(np.count_nonzero(kept))
    matrix, unit = _in_unit_of_data(matrix, y)
    sigma = _noise(y, noise_db)
    coherence = within("std_coherence", std_coherence, 0, 1, "(independent to fully coherent)")
    uncertain = bool(use_std) and STD in matrix and _noise_for_std(sigma)
    estimated = uncertain or matrix.attrs["origin"] == "recovered"
    eps = "auto" if eps is None and METHODS[method].noise_ball and estimated else eps
    ball = _ball(method, eps, sigma is not None, used, preset is not None)
    problem, deviation = _problem(matrix, y, sigma, ball, bool(non_negative), kept, coherence if uncertain else None)
    with METHODS.guarded(method):
        solution = checked(solver.solve(problem, chosen), problem, f"method {method}")
    warn_of_misfit(solution, problem)
    single = "frame" not in y["measurement"].dims
    voxels = [str(d) for d in matrix["system_matrix"].dims if d in VOXEL_DIMS]
    values = solution.images.T.reshape(-1, *problem.shape)
    coords = {d: matrix[d] for d in voxels} | ({"frame": y["frame"]} if "frame" in y.coords else {})
    return build(
        "image",
        values[0] if single else values,
        tuple(voxels if single else ["frame", *voxels]),
        coords,
        units=unit,
        method=method,
        options={**asdict(chosen), "non_negative": bool(non_negative)},
        preset=preset,
        noise_db=noise_db,
        whitened=sigma is not None,
        rows={"used": used, "measured": rows, **_stated(row_mask, min_frequency, max_frequency, row_snr)},
        matrix_errors=None if deviation is None else float(np.sqrt(np.mean(deviation**2))),
        **{k: _plain(v, single) for k, v in solution.figures.items()},
        matrix=dict(matrix.attrs),
        measurement=dict(y.attrs),
    )


def _stated(row_mask: object, *numbers: float | None) -> dict[str, object]:
    """Return the conditions on rows that were given, for the attributes of the image."""
    names = ("min_frequency", "max_frequency", "row_snr")
    masked: dict[str, object] = {} if row_mask is None else {"row_mask": True}
    return masked | {name: float(n) for name, n in zip(names, numbers, strict=True) if n is not None}


def _preset(solver: Solver, method: str, preset: str | None) -> dict[str, object]:
    if preset is None:
        return {}
    require(bool(solver.presets), "preset", f"left out for the method {method}, which has none", preset)
    return dict(solver.presets[one_of("preset", preset, solver.presets)])


def _options(solver: Solver, method: str, options: dict[str, object]) -> Any:
    known = [f.name for f in fields(solver.options)]
    unknown = sorted(set(options) - set(known))
    require(not unknown, "options", f"among {', '.join(known)} for the method {method}", ", ".join(unknown))
    return solver.options(**options)


def _plain(values: np.ndarray, single: bool) -> object:
    """Return numbers as a file takes them: Python's own, one for a single image, None for NaN."""
    plain = [None if isinstance(v, float) and not math.isfinite(v) else v for v in values.tolist()]
    return plain[0] if single else plain


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


def _ball(method: str, eps: float | str | None, noise_known: bool, rows: int, published: bool) -> _Ball:
    if not METHODS[method].noise_ball:
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


def _problem(
    matrix: xr.Dataset,
    y: xr.Dataset,
    sigma: xr.DataArray | None,
    ball: _Ball,
    non_negative: bool,
    kept: np.ndarray | None,
    coherence: float | None,
) -> tuple[Problem, np.ndarray | None]:
    """Return the problem, and the deviation of its rows by noise and matrix together where a coherence is given."""
    if sigma is not None:
        matrix, y = whiten(matrix, sigma), whiten(y, sigma)
    rows = as_matrix(matrix).astype(complex, copy=False)
    columns = y["measurement"].values.reshape(-1, len(rows)).T.astype(complex)
    std = None if coherence is None else matrix[STD].values.reshape(rows.shape)
    if kept is not None:
        rows, columns, std = rows[kept], columns[kept], None if std is None else std[kept]
    deviation = None
    if std is not None and coherence is not None:
        deviation = row_deviation(rows, std, columns, non_negative, coherence)
        rows, columns = rows / deviation[:, None], columns / deviation[:, None]
    shape = tuple(n for d, n in matrix["system_matrix"].sizes.items() if d in VOXEL_DIMS)
    return Problem(rows, columns, shape, non_negative, *ball), deviation
