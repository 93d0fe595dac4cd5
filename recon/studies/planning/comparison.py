"""Errors and times of all calibrations by all methods, for the table and the figure of a plan.

Every other method is tried with the first scanner at every factor, with one average and with 16. Its law of errors
follows from these trials; the table of studies is a wide prior for it. A calibration of every voxel, which nothing
recovers, stands beside them: its error is its noise.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from recon.studies.planning.candidates import Candidate, ScanTime, candidates_of
from recon.studies.planning.first_errors import FirstError, first_errors, spread_of
from recon.studies.planning.law import ErrorLaw, Widths
from recon.studies.planning.scanners import STATED
from recon.studies.planning.search import Search
from recon.studies.planning.trials import UNRECOVERED

__all__ = ["compared_candidates", "first_of", "first_spread"]

_OF_STATED = "medium"  # level of the first guess for a scanner that states its imperfections
_NEAR_STATED = "mild"
_TRIED = (1, 16)  # averages at which other methods are tried
_WIDE = Widths(common=1.0, floor=1.5, slope=1.5)
_EVERY_VOXEL = {1: FirstError(1e-6, 1.0)}
_SURE = Widths(
    common=0.01, floor=5.0, slope=0.01, scanner=0.02
)  # the error is the noise; errors of position are a floor


def first_of(method: str, level: str, angles: int, candidates: Sequence[Candidate]) -> dict[int, FirstError]:
    """Return the first guess of a method's errors by factor, for the factors of candidates that the table has."""
    found = first_errors(method, _OF_STATED if level == STATED else level, angles)
    factors = {c.factor for c in candidates}
    return {factor: error for factor, error in found.items() if factor in factors}


def first_spread(method: str, level: str) -> float:
    """Return the first guess of how much the errors of single scanners differ.

    A scanner that states its imperfections differs by less from its neighbours than those of a level do: it is the
    spread of mild ones.
    """
    return spread_of(method, _NEAR_STATED if level == STATED else level)


def compared_candidates(
    search: Search, law: ErrorLaw, method: str, others: Sequence[str], level: str, time: ScanTime
) -> tuple[pd.DataFrame, list[str]]:
    """Return a row for every method and calibration with all angles, the plan's also with half of them, and notes.

    The notes name the methods that do not apply, and why.
    """
    rows, notes = _rows(search, method, law, search.candidates), []
    whole = [c for c in search.candidates if c.share == 1]
    every = candidates_of(search.scanners[0].grid, whole[0].angles, time, (1,), False)
    firsts = {other: first_of(other, level, whole[0].angles, whole) for other in others}
    made = search.made([c for c in every if c.averages == 1], UNRECOVERED, [0])
    for other, first in firsts.items():
        made += search.made([c for c in whole if c.factor in first and c.averages in _TRIED], other, [0])
    refused: dict[str, dict[int, str]] = {}
    for found in search.trials.run(made, "comparison"):
        if found.refused:
            refused.setdefault(found.trial.method, {})[found.trial.candidate.factor] = found.refused
    for other, first in firsts.items():
        without = refused.get(other, {})
        if without:
            at = ", ".join(f"{factor}x" for factor in without)
            notes.append(f"{other} does not apply at {at}: {next(iter(without.values()))}")
        known = {factor: error for factor, error in first.items() if factor not in without}
        if known:
            rows += _rows(
                search,
                other,
                search.law(other, known, _WIDE, first_spread(other, level)),
                [c for c in whole if c.factor in known],
            )
    rows += _rows(search, UNRECOVERED, search.law(UNRECOVERED, _EVERY_VOXEL, _SURE, _SURE.scanner), every)
    return pd.DataFrame(rows), notes


def _rows(search: Search, method: str, law: ErrorLaw, candidates: Sequence[Candidate]) -> list[dict[str, object]]:
    found = []
    for c in candidates:
        low, high = search.interval(law, c)
        found.append(
            {
                **{"method": method, "factor": c.factor, "averages": c.averages, "angles": c.angles},
                **{"positions": c.positions, "minutes": c.seconds / 60, "nrmse": search.expected(law, c)},
                **{"low": low, "high": high},
            }
        )
    return found
