"""Options of a method whose regularisation is the name of a rule: the numbers that the rule gives for a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mpisim.errors import require
from recon.selection.matrix_errors import error_regularisation
from recon.selection.regularisation import regularisation
from recon.solvers.solver import Problem

__all__ = ["settled_options"]


def settled_options(
    options: Any, problem: Problem, noise: float | None, deviation: np.ndarray | None = None
) -> tuple[Any, Mapping[str, np.ndarray]]:
    """Return options with a number for every image in place of the name of a rule, and the numbers as a figure.

    Parameters
    ----------
    options
        Options of a method. Where they have no `regularisation`, or it is a number, they are returned as they are.
    problem
        The system of equations.
    noise
        Expected norm of the noise of its rows; None where it is not known.
    deviation
        What its rows were divided by for the errors of the matrix (`recon.selection.matrix_errors`), shape (M,); None
        where it states none. The rule `auto` then also counts these errors.

    Raises
    ------
    InputError
        For another rule, for a rule where the matrix is read from a file slab by slab or lambda has another convention
        than `trace`, and for `discrepancy` where the noise is not known.
    """
    rule = getattr(options, "regularisation", None)
    if not isinstance(rule, str):
        return options, {}
    in_memory = isinstance(problem.matrix, np.ndarray)
    require(in_memory, "regularisation", "a number where the matrix is larger than the memory", rule)
    convention = getattr(options, "convention", "trace")
    require(convention == "trace", "convention", "trace where a rule chooses lambda", convention)
    found = np.atleast_1d(regularisation(problem.spectrum, problem.y, rule, noise))
    if rule == "auto" and deviation is not None:
        found = np.maximum(found, error_regularisation(problem.matrix, problem.y, deviation, problem.non_negative))
    return replace(options, regularisation=float(found[0]) if found.size == 1 else found), {"regularisation": found}
