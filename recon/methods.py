"""The table of reconstruction methods: a `recon.Solver` by name, with the options of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TypeVar

import numpy as np

from mpisim.errors import require
from mpisim.plugins import Registry
from recon.selection.discrepancy import radius_from_data
from recon.solvers.factor import factorise
from recon.solvers.residual import best_fit
from recon.solvers.solver import Problem, Solution, Solver

__all__ = ["METHODS", "AdmmOptions", "KaczmarzOptions", "TikhonovOptions"]

T = TypeVar("T")

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


@dataclass(frozen=True)
class KaczmarzOptions:
    """Options of `recon.kaczmarz`: lambda, and the number of sweeps."""

    regularisation: float = _option(2e-2, "lambda, without unit")
    iterations: int = _option(20, "sweeps over all rows")


@dataclass(frozen=True)
class TikhonovOptions:
    """Option of `recon.tikhonov`: lambda."""

    regularisation: float = _option(2e-2, "lambda, without unit")


def _admm(problem: Problem, options: AdmmOptions) -> Solution:
    from recon.solvers.admm import admm

    factor = factorise(problem.matrix, problem.shape)
    require(problem.radius is not None, "radius of the noise ball", "a number for the method admm", "None")
    radius, least_residual = np.full(problem.y.shape[1], problem.radius), None
    if problem.radius_from_data:
        fits = [best_fit(factor, y, problem.non_negative) for y in problem.y.T]
        limits = problem.radius or 0.0, problem.radius_limit
        radius = np.array([radius_from_data(fit, y, *limits) for fit, y in zip(fits, problem.y.T, strict=True)])
        least_residual = np.array([residual for residual, _ in fits])
    result = admm(
        factor,
        problem.y,
        radius,
        non_negative=problem.non_negative,
        certify=True if problem.matrix.shape[1] <= _CERTIFIED_VOXELS else None,
        least_residual=least_residual,
        **asdict(options),
    )
    return Solution(result.x, {"eps": radius, **{name: getattr(result, name) for name in _FIGURES}})


def _kaczmarz(problem: Problem, options: KaczmarzOptions) -> Solution:
    from recon.solvers.kaczmarz import kaczmarz

    images = [
        kaczmarz(problem.matrix, y, options.regularisation, options.iterations, non_negative=problem.non_negative)
        for y in problem.y.T
    ]
    return Solution(np.stack(images, axis=1), {"iterations": np.full(len(images), options.iterations)})


def _tikhonov(problem: Problem, options: TikhonovOptions) -> Solution:
    from recon.solvers.tikhonov import tikhonov

    images = [tikhonov(problem.matrix, y, options.regularisation, problem.non_negative) for y in problem.y.T]
    return Solution(np.stack(images, axis=1))


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
        "kaczmarz": Solver("regularised Kaczmarz sweeps", KaczmarzOptions, _kaczmarz),
        "tikhonov": Solver("Tikhonov regularisation, exact", TikhonovOptions, _tikhonov),
    },
)
