r"""Images from a system matrix and a measurement, by any method of `recon.METHODS`.

The rows of both are whitened first (`mpisim.preprocess.whitening`), with the `noise_std` of the measurement, or with
RMS(y) / 10^(D/20) for `noise_db` D. White complex noise has :math:`E|n_i|^2 = 1`, so that
:math:`E\lVert n\rVert^2 = M` **complex rows**: the noise ball of ADMM has the radius :math:`\epsilon = \sqrt M`.
A given `eps` is in whitened units where the noise is known, and in units of the data elsewhere. `eps="auto"` estimates
the radius from the data (`recon.selection.discrepancy`). It serves data of unknown noise, and recovered matrices, whose
errors add to the noise of the measurement, so that the ball of radius sqrt(M) can be empty.
Images are concentrations relative to the calibration sample's.
"""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from typing import Any, TypeAlias

import numpy as np
import xarray as xr

from mpisim.data.noise import sigma_from_snr
from mpisim.data.schema import DIMS, VOXEL_DIMS, build, expect
from mpisim.data.views import as_matrix, require_same_rows
from mpisim.deprecation import renamed_arguments
from mpisim.errors import InputError, decibels, one_of, require
from mpisim.errors import non_negative as zero_or_more
from mpisim.preprocess.whitening import whiten
from recon.methods import METHODS
from recon.solvers.solver import Problem, Solver, checked

__all__ = ["reconstruct"]

_Ball: TypeAlias = tuple[float | None, bool]
"""`radius` and `radius_from_data` of a `Problem`."""


@renamed_arguments(strength="regularisation")
def reconstruct(
    matrix: xr.Dataset,
    y: xr.Dataset,
    method: str = "admm",
    eps: float | str | None = None,
    noise_db: float | None = None,
    non_negative: bool = True,
    preset: str | None = None,
    **options: object,
) -> xr.Dataset:
    """Reconstruct the image, or the image of every frame, of a measurement.

    Parameters
    ----------
    matrix
        A fine system matrix, simulated, measured or recovered.
    y
        A measurement of the same rows.
    method
        A name of `recon.METHODS`: `admm`, `kaczmarz`, `tikhonov`, or one of another package.
    eps
        Radius of the noise ball of ADMM, or "auto"; see the module. By default "auto" for a recovered matrix and
        sqrt(M) for any other. "auto" is at least sqrt(M) where the noise is known.
    noise_db
        RMS of the data over their complex noise standard deviation in dB, in place of the measurement's `noise_std`.
    non_negative
        Demand x >= 0.
    preset
        Name of a set of options of the method, in place of its defaults: "transms" takes the weights that TranSMS
        publishes for `admm`. Options that are given as well win over it.
    **options
        Options of the method, such as the fields of `recon.methods.AdmmOptions`.

    Returns
    -------
    xarray.Dataset
        `image` ([frame,] [z,] y, x), relative concentration. The attributes carry the method, its options, eps, the
        iterations, whether the noise ball is feasible, its least residual (both in the unit of eps), and the
        provenance of the matrix and of the measurement.

    Raises
    ------
    InputError
        For an unknown method, preset or option, rows that do not match, an unknown noise, a number out of range, or a
        method whose result breaks the rules of `recon.Solution`.
    """
    solver = METHODS[one_of("method", method, METHODS)]
    with METHODS.guarded(method):
        chosen = _options(solver, method, _preset(solver, method, preset) | options)
    _check_pair(matrix, y)
    sigma = _noise(y, noise_db)
    ball = _ball(matrix, method, eps, sigma is not None)
    problem = _problem(matrix, y, sigma, ball, bool(non_negative))
    with METHODS.guarded(method):
        solution = checked(solver.solve(problem, chosen), problem, f"method {method}")
    single = "frame" not in y["measurement"].dims
    voxels = [str(d) for d in matrix["system_matrix"].dims if d in VOXEL_DIMS]
    values = solution.images.T.reshape(-1, *problem.shape)
    coords = {d: matrix[d] for d in voxels} | ({"frame": y["frame"]} if "frame" in y.coords else {})
    return build(
        "image",
        values[0] if single else values,
        tuple(voxels if single else ["frame", *voxels]),
        coords,
        units="1",
        method=method,
        options={**asdict(chosen), "non_negative": bool(non_negative)},
        preset=preset,
        noise_db=noise_db,
        whitened=sigma is not None,
        **{k: _plain(v, single) for k, v in solution.figures.items()},
        matrix=dict(matrix.attrs),
        measurement=dict(y.attrs),
    )


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


def _check_pair(matrix: xr.Dataset, y: xr.Dataset) -> None:
    expect(matrix, "system_matrix", "matrix", stage="fine")
    expect(y, "measurement", "y")
    rows, data = matrix["system_matrix"], y["measurement"]
    wanted = {str(d): rows.sizes[d] for d in DIMS["measurement"] if d in rows.dims}
    received = {str(d): n for d, n in data.sizes.items() if d != "frame"}
    require(received == wanted, "y", f"measured over the matrix's rows {wanted}", received)
    require_same_rows(y, matrix, "y")


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


def _ball(matrix: xr.Dataset, method: str, eps: float | str | None, noise_known: bool) -> _Ball:
    if not METHODS[method].noise_ball:
        require(eps is None, "eps", f"left out for the method {method}, which has no noise ball", eps)
        return None, False
    if eps is None and matrix.attrs["origin"] == "recovered":
        eps = "auto"
    if eps not in (None, "auto"):
        return zero_or_more("eps", eps), False
    if not noise_known and eps is None:
        raise InputError(
            f"Input y must know its noise_std, or eps or noise_db be given, for the method {method}; "
            "instead received none of them."
        )
    return math.sqrt(len(as_matrix(matrix))) if noise_known else 0.0, eps == "auto"


def _problem(matrix: xr.Dataset, y: xr.Dataset, sigma: xr.DataArray | None, ball: _Ball, non_negative: bool) -> Problem:
    if sigma is not None:
        matrix, y = whiten(matrix, sigma), whiten(y, sigma)
    rows = as_matrix(matrix).astype(complex, copy=False)
    columns = y["measurement"].values.reshape(-1, len(rows)).T.astype(complex)
    shape = tuple(n for d, n in matrix["system_matrix"].sizes.items() if d in VOXEL_DIMS)
    return Problem(rows, columns, shape, non_negative, *ball)
