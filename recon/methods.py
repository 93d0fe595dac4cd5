"""The table of reconstruction methods: a `recon.Solver` by name, with the options of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import numpy as np

from mpisim.errors import require, whole
from mpisim.plugins import Registry
from recon.selection.discrepancy import radius_from_data
from recon.solvers.residual import best_fit
from recon.solvers.solver import Callback, Problem, Solution, Solver
from recon.xspace.options import FbpOptions, XspaceOptions, no_equations

__all__ = ["METHODS", "AdmmOptions", "CgOptions", "FistaOptions", "KaczmarzOptions", "TikhonovOptions"]

T = TypeVar("T")

FISTA_WEIGHTS = (0.0, 1e-3, 1e-3)
"""lambda, and the weights of L1 and total variation, of FISTA."""

_CERTIFIED_VOXELS = 4096  # up to which non-negative least squares takes less time than ADMM
_FIGURES = ("iterations", "converged", "residual", "feasible", "least_residual", "objective")


def _option(default: T, text: str) -> T:
    """Return a field of options with its help for the command line."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class AdmmOptions:
    """Options of `recon.admm`; the defaults were chosen on validation scanners (`docs/results.md`)."""

    a1: float = _option(0.65, "weight of the absolute values")
    atv: float = _option(0.35, "weight of the total variation")
    mu: float = _option(5.0, "penalty weight")
    iterations: int = _option(5000, "most iterations")
    tolerance: float = _option(1e-3, "relative stopping tolerance; with 0 all iterations are done")
    precision: str = _option("auto", "float32, float64 or auto")


_CONVENTION = "what lambda is relative to: trace (the field's and ours), absolute or frobenius"


@dataclass(frozen=True)
class KaczmarzOptions:
    """Options of `recon.kaczmarz`: lambda, the number of sweeps, and the order of the rows."""

    regularisation: float = _option(2e-2, "lambda, without unit")
    iterations: int = _option(20, "sweeps over all rows")
    order: str = _option("fixed", "order of the rows: fixed, shuffled, or energy (drawn by their norms)")
    seed: int = _option(0, "seed of the order")
    tolerance: float = _option(0.0, "relative change by a sweep that ends the sweeps; with 0 all are done")
    convention: str = _option("trace", _CONVENTION)


@dataclass(frozen=True)
class CgOptions:
    """Options of `recon.cg`."""

    regularisation: float = _option(2e-2, "lambda, without unit")
    iterations: int = _option(100, "most iterations")
    tolerance: float = _option(1e-4, "relative residual of the normal equations that ends the iteration")
    convention: str = _option("trace", _CONVENTION)


@dataclass(frozen=True)
class FistaOptions:
    """Options of `recon.fista`."""

    regularisation: float = _option(FISTA_WEIGHTS[0], "lambda, without unit")
    l1: float = _option(FISTA_WEIGHTS[1], "weight of the absolute values; at 1 the image is empty")
    tv: float = _option(FISTA_WEIGHTS[2], "weight of the total variation, in the same unit")
    iterations: int = _option(1000, "most iterations")
    tolerance: float = _option(1e-5, "relative change that ends the iteration")
    convention: str = _option("trace", _CONVENTION)


@dataclass(frozen=True)
class TikhonovOptions:
    """Option of `recon.tikhonov`: lambda."""

    regularisation: float = _option(2e-2, "lambda, without unit")


def _admm(
    problem: Problem, options: AdmmOptions, start: np.ndarray | None = None, callback: Callback | None = None
) -> Solution:
    from recon.solvers.admm import AdmmStatus, admm

    factor = problem.factor
    require(problem.radius is not None, "radius of the noise ball", "a number for the method admm", "None")
    radius, least_residual = np.full(problem.y.shape[1], problem.radius), None
    if problem.radius_from_data:
        fits = [best_fit(factor, y, problem.non_negative) for y in problem.y.T]
        limits = problem.radius or 0.0, problem.radius_limit
        radius = np.array([radius_from_data(fit, y, *limits) for fit, y in zip(fits, problem.y.T, strict=True)])
        least_residual = np.array([residual for residual, _ in fits])
    last = np.zeros((problem.matrix.shape[1], problem.y.shape[1]))

    def watch(status: AdmmStatus) -> bool:
        last[:, status.images] = status.x
        figures = {"primal": np.full(len(radius), np.nan), "dual": np.full(len(radius), np.nan)}
        figures["primal"][status.images], figures["dual"][status.images] = status.primal, status.dual
        return callback is not None and bool(callback(status.iteration, last.copy(), figures))

    result = admm(
        factor,
        problem.y,
        radius,
        start=start,
        callback=None if callback is None else watch,
        non_negative=problem.non_negative,
        certify=True if problem.matrix.shape[1] <= _CERTIFIED_VOXELS else None,
        least_residual=least_residual,
        **asdict(options),
    )
    return Solution(result.x, {"eps": radius, **{name: getattr(result, name) for name in _FIGURES}})


def _kaczmarz(
    problem: Problem, options: KaczmarzOptions, start: np.ndarray | None = None, callback: Callback | None = None
) -> Solution:
    from recon.solvers.kaczmarz import kaczmarz

    done, change = 0, np.full(problem.y.shape[1], np.inf)

    def watch(sweeps: int, images: np.ndarray, figures: Mapping[str, np.ndarray]) -> bool:
        nonlocal done, change
        done, change = sweeps, figures["change"]
        return callback is not None and bool(callback(sweeps, images, figures))

    chosen = {**asdict(options), "non_negative": problem.non_negative, "start": start, "callback": watch}
    sweeps = whole("iterations", chosen.pop("iterations"))
    images = kaczmarz(problem.matrix, problem.y, sweeps=sweeps, **chosen)
    converged = (options.tolerance > 0) & (change <= options.tolerance)
    return _with_residual(problem, images, {"iterations": np.full(len(change), done), "converged": converged})


def _cg(
    problem: Problem, options: CgOptions, start: np.ndarray | None = None, callback: Callback | None = None
) -> Solution:
    from recon.solvers.cg import cg

    chosen = {**asdict(options), "non_negative": problem.non_negative, "start": start, "callback": callback}
    result = cg(problem.matrix, problem.y, **chosen)
    figures = {name: np.atleast_1d(getattr(result, name)) for name in ("iterations", "converged")}
    return _with_residual(problem, result.x, figures)


def _fista(
    problem: Problem, options: FistaOptions, start: np.ndarray | None = None, callback: Callback | None = None
) -> Solution:
    from recon.solvers.fista import fista

    chosen = {**asdict(options), "non_negative": problem.non_negative, "start": start, "callback": callback}
    result = fista(problem.matrix, problem.y, shape=problem.shape, **chosen)
    figures = ("iterations", "converged", "residual", "objective")
    return Solution(result.x, {name: getattr(result, name) for name in figures})


def _tikhonov(
    problem: Problem, options: TikhonovOptions, start: np.ndarray | None = None, callback: Callback | None = None
) -> Solution:
    from recon.solvers.tikhonov import from_gram

    levels = np.broadcast_to(options.regularisation, problem.y.shape[1]).tolist()
    pairs = zip(problem.y.T, levels, strict=True)
    images = [from_gram(problem.matrix, problem.gram, y, v, problem.non_negative) for y, v in pairs]
    return Solution(np.stack(images, axis=1))


def _with_residual(problem: Problem, images: np.ndarray, figures: dict[str, np.ndarray]) -> Solution:
    from recon.solvers.matrix import product

    residual = np.linalg.norm(product(problem.matrix, images) - problem.y, axis=0)
    return Solution(images, {**figures, "residual": residual})


def _xspace(*data: Any, **rows: Any) -> Solution:
    from recon.xspace.images import xspace

    return xspace(*data, **rows)


def _fbp(*data: Any, **rows: Any) -> Solution:
    from recon.xspace.images import fbp

    return fbp(*data, **rows)


_XSPACE = "x-space of a field-free line, as the line sees the tracer; needs no matrix"
_FBP = "filtered back-projection of projections along a field-free line; needs no matrix"
_PUBLISHED = {
    "transms": {"a1": 0.95, "atv": 0.05, "mu": 10.0, "iterations": 5000, "tolerance": 1e-3, "precision": "auto"}
}
"""Options as published: a1, aTV and mu of TranSMS by name of the preset."""
METHODS: Registry[Solver] = Registry(
    "solver",
    "mpisim.solvers",
    Solver,
    {
        "admm": Solver(
            "L1 and total variation under a noise bound", AdmmOptions, _admm, noise_ball=True, presets=_PUBLISHED
        ),
        "kaczmarz": Solver("regularised Kaczmarz sweeps", KaczmarzOptions, _kaczmarz, version=3, streams=True),
        "cg": Solver(
            "conjugate gradients; values below zero are cut off at the end", CgOptions, _cg, version=2, streams=True
        ),
        "fista": Solver("proximal gradient: L2, L1, total variation", FistaOptions, _fista, version=2, streams=True),
        "tikhonov": Solver("Tikhonov regularisation, exact", TikhonovOptions, _tikhonov),
        "xspace": Solver(_XSPACE, XspaceOptions, no_equations, direct=_xspace),
        "fbp": Solver(_FBP, FbpOptions, no_equations, direct=_fbp),
    },
)
