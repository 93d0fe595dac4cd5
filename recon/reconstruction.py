r"""Images from a system matrix and a measurement, by any method of one table.

The rows of both are divided by the standard deviation of the measurement's noise (`noise_std`, or RMS(y) /
10^(D/20) for `noise_db` D) before anything else. Whitened complex noise has :math:`E|n_i|^2 = 1`, so that
:math:`E\lVert n\rVert^2 = M` **complex rows**: the noise ball of ADMM has the radius :math:`\epsilon = \sqrt M`, and
stacking real and imaginary parts leaves it as it is. A given `eps` is in whitened units where the noise is known and
in those of the data where not. `eps="auto"` takes it from the data (`recon.selection.discrepancy`), for unknown noise, and for a
recovered matrix, whose errors add to the noise of the measurement and can leave the ball of sqrt(M) empty.
Images are concentrations relative to the calibration sample's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import xarray as xr

from mpisim.data.noise import sigma_from_snr
from mpisim.data.schema import DIMS, VOXEL_DIMS, build, expect
from mpisim.data.views import as_matrix, noise_like, require_same_rows
from mpisim.errors import InputError, decibels, non_negative, one_of, require
from recon.selection.discrepancy import discrepancy
from recon.solvers.factor import factorise
from recon.solvers.operators import whiten

__all__ = ["METHODS", "AdmmOptions", "KaczmarzOptions", "TikhonovOptions", "reconstruct"]

_CERTIFIED_VOXELS = 4096
_FIGURES = ("iterations", "converged", "residual", "feasible", "least_residual", "objective")


@dataclass(frozen=True)
class AdmmOptions:
    """Options of `recon.admm`; the defaults are TranSMS's."""

    a1: float = 0.95
    atv: float = 0.05
    mu: float = 10.0
    iterations: int = 5000
    tolerance: float = 1e-3
    precision: str = "auto"


@dataclass(frozen=True)
class KaczmarzOptions:
    """Options of `recon.kaczmarz`: lambda and the number of sweeps."""

    strength: float = 1e-3
    iterations: int = 20


@dataclass(frozen=True)
class TikhonovOptions:
    """Options of `recon.tikhonov`: lambda."""

    strength: float = 1e-3


@dataclass(frozen=True)
class _Problem:
    """Whitened system matrix (M, N) and data (M, images), image shape, (least) radius of the noise ball, sign."""

    matrix: np.ndarray
    y: np.ndarray
    shape: tuple[int, ...]
    eps: float | None
    auto: bool
    non_negative: bool


def _admm(problem: _Problem, options: AdmmOptions) -> tuple[np.ndarray, dict[str, Any]]:
    from recon.solvers.admm import admm

    assert problem.eps is not None
    factor = factorise(problem.matrix, problem.shape)
    radius = np.full(problem.y.shape[1], problem.eps)
    if problem.auto:
        radius = np.maximum(radius, [discrepancy(factor, y, problem.non_negative) for y in problem.y.T])
    found = admm(
        factor,
        problem.y,
        radius,
        non_negative=problem.non_negative,
        certify=True if problem.matrix.shape[1] <= _CERTIFIED_VOXELS else None,
        **asdict(options),
    )
    return found.x, {"eps": radius, **{name: getattr(found, name) for name in _FIGURES}}


def _kaczmarz(problem: _Problem, options: KaczmarzOptions) -> tuple[np.ndarray, dict[str, Any]]:
    from recon.solvers.kaczmarz import kaczmarz

    images = [
        kaczmarz(problem.matrix, y, options.strength, options.iterations, positive=problem.non_negative)
        for y in problem.y.T
    ]
    return np.stack(images, axis=1), {"iterations": np.full(len(images), options.iterations)}


def _tikhonov(problem: _Problem, options: TikhonovOptions) -> tuple[np.ndarray, dict[str, Any]]:
    from recon.solvers.tikhonov import tikhonov

    images = [tikhonov(problem.matrix, y, options.strength, problem.non_negative) for y in problem.y.T]
    return np.stack(images, axis=1), {}


METHODS: dict[str, tuple[Callable[[_Problem, Any], tuple[np.ndarray, dict[str, Any]]], type]] = {
    "admm": (_admm, AdmmOptions),
    "kaczmarz": (_kaczmarz, KaczmarzOptions),
    "tikhonov": (_tikhonov, TikhonovOptions),
}


def reconstruct(
    matrix: xr.Dataset,
    y: xr.Dataset,
    method: str = "admm",
    eps: float | str | None = None,
    noise_db: float | None = None,
    non_negative: bool = True,
    **options: Any,
) -> xr.Dataset:
    """Reconstruct the image, or the image of every frame, of a measurement.

    Parameters
    ----------
    matrix
        A fine system matrix, simulated, measured or recovered.
    y
        A measurement of the same rows.
    method
        `admm`, `kaczmarz` or `tikhonov`.
    eps
        Radius of ADMM's noise ball, or "auto"; see the module. By default "auto" for a recovered matrix and sqrt(M)
        for any other. "auto" is at least sqrt(M) where the noise is known.
    noise_db
        RMS of the data over their complex noise standard deviation in dB, in place of the measurement's `noise_std`.
    non_negative
        Demand x >= 0.
    **options
        Fields of `AdmmOptions`, `KaczmarzOptions` or `TikhonovOptions`.

    Returns
    -------
    xarray.Dataset
        `image` ([frame,] [z,] y, x), relative concentration. The attributes carry the method, its options, eps, the
        iterations, whether the noise ball is feasible, its least residual (both in units of eps's), and the
        provenance of the matrix and of the measurement.

    Raises
    ------
    InputError
        For an unknown method or option, rows that do not match, an unknown noise, or a number out of range.
    """
    one_of("method", method, METHODS)
    chosen = _options(method, options)
    _check_pair(matrix, y)
    if eps is None and method == "admm" and matrix.attrs["origin"] == "recovered":
        eps = "auto"
    sigma = _sigma(matrix, y, noise_db)
    radius = _radius(matrix, method, eps, sigma)
    problem = _problem(matrix, y, sigma, radius, eps == "auto", bool(non_negative))
    images, figures = METHODS[method][0](problem, chosen)
    voxels = [d for d in VOXEL_DIMS if d in matrix["system_matrix"].dims]
    dims = (*(["frame"] if "frame" in y["measurement"].dims else []), *voxels)
    values = images.T.reshape(-1, *problem.shape)
    coords = {d: matrix[d] for d in voxels} | ({"frame": y["frame"]} if "frame" in y.coords else {})
    single = "frame" not in dims
    return build(
        "image",
        values[0] if single else values,
        dims,
        coords,
        units="1",
        method=method,
        options={**asdict(chosen), "non_negative": bool(non_negative)},
        noise_db=noise_db,
        whitened=sigma is not None,
        **{k: _plain(v, single) for k, v in figures.items()},
        matrix=dict(matrix.attrs),
        measurement=dict(y.attrs),
    )


def _options(method: str, options: dict[str, Any]) -> Any:
    kind = METHODS[method][1]
    known = [f.name for f in fields(kind)]
    unknown = sorted(set(options) - set(known))
    require(not unknown, "options", f"among {', '.join(known)} for the method {method}", ", ".join(unknown))
    return kind(**options)


def _plain(values: np.ndarray, single: bool) -> Any:
    """Return numbers as a file takes them: Python's own, one for a single image, None for NaN."""
    plain = [None if isinstance(v, float) and not math.isfinite(v) else v for v in values.tolist()]
    return plain[0] if single else plain


def _check_pair(matrix: xr.Dataset, y: xr.Dataset) -> None:
    expect(matrix, "system_matrix", "matrix", stage="fine")
    expect(y, "measurement", "y")
    rows, data = matrix["system_matrix"], y["measurement"]
    require("scanner" not in rows.dims, "matrix", "one system matrix", "a dataset of several scanners")
    wanted = {str(d): rows.sizes[d] for d in DIMS["measurement"] if d in rows.dims}
    found = {str(d): n for d, n in data.sizes.items() if d != "frame"}
    require(found == wanted, "y", f"measured over the matrix's rows {wanted}", found)
    require_same_rows(y, matrix, "y")


def _sigma(matrix: xr.Dataset, y: xr.Dataset, noise_db: float | None) -> np.ndarray | None:
    """Complex noise standard deviation of every row (M,), or None where it is not known."""
    data = y["measurement"]
    count = int(np.prod([n for d, n in data.sizes.items() if d != "frame"]))
    if noise_db is not None:
        level = sigma_from_snr(data.values, decibels("noise_db", noise_db))
        require(level > 0, "y", "different from zero", "all zeros")
        return np.full(count, level)
    if "noise_std" not in y or not np.any(y["noise_std"].values):
        return None
    require("frame" not in y["noise_std"].dims, "noise_std of y", "the same for every frame", "one for each")
    row = data.isel(frame=0, drop=True) if "frame" in data.dims else data
    sigma = noise_like(y, row).reshape(-1)
    require(bool(np.all(sigma > 0)), "noise_std of y", "positive in every row", float(sigma.min()))
    return sigma


def _radius(data: xr.Dataset, method: str, eps: float | str | None, sigma: np.ndarray | None) -> float | None:
    if method != "admm":
        require(eps is None, "eps", f"left out for the method {method}, which has no noise ball", eps)
        return None
    if eps == "auto" and sigma is None:
        return 0.0
    if eps not in (None, "auto"):
        return non_negative("eps", eps)
    if sigma is None:
        raise InputError(
            "Input y must know its noise_std, or eps (--eps) or noise_db (--noise-db) be given, for the "
            "method admm; instead received none of them."
        )
    return math.sqrt(len(as_matrix(data)))


def _problem(
    data: xr.Dataset, y: xr.Dataset, sigma: np.ndarray | None, eps: float | None, auto: bool, sign: bool
) -> _Problem:
    rows = as_matrix(data).astype(complex)
    columns = y["measurement"].values.reshape(-1, len(rows)).T.astype(complex)
    if sigma is not None:
        rows, columns = whiten(rows, columns, sigma)
    shape = tuple(data.sizes[d] for d in VOXEL_DIMS if d in data["system_matrix"].dims)
    return _Problem(rows, columns, shape, eps, auto, sign)
