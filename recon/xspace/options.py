"""Options of the methods `xspace` and `fbp`, and what they are as solvers of equations: none."""

from __future__ import annotations

from dataclasses import dataclass, field

from mpisim.errors import InputError
from recon.solvers.solver import Problem, Solution

__all__ = ["WINDOWS", "FbpOptions", "XspaceOptions", "no_equations"]

WINDOWS = ("none", "hann", "cosine")
"""Windows of the ramp by name."""


@dataclass(frozen=True)
class XspaceOptions:
    """Options of the method `xspace`."""

    window: str = field(default="hann", metadata={"help": f"window of the ramp: {', '.join(WINDOWS)}"})


@dataclass(frozen=True)
class FbpOptions:
    """Options of the method `fbp`."""

    regularisation: float | str = field(
        default="auto", metadata={"help": "lambda of the projections, without unit, or auto: the most likely one"}
    )
    window: str = field(default="none", metadata={"help": f"window of the ramp: {', '.join(WINDOWS)}"})


def no_equations(problem: Problem, options: object) -> Solution:
    """Refuse a system of equations: these methods need the scan itself.

    Raises `InputError` always.
    """
    raise InputError(
        "Input method must be one that solves a system of equations where arrays are given; instead received one that "
        "needs the datasets, as recon.reconstruct takes them."
    )
