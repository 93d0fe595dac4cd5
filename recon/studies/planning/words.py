"""A plan in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calib.studies.harness.results import text_table
from recon.studies.planning.law import ErrorLaw
from recon.studies.planning.pictures import IMAGE_SNR, SOLVER
from recon.studies.planning.scanners import STATED
from recon.studies.planning.search import Goal, Search

if TYPE_CHECKING:
    from recon.studies.planning.planner import Plan

__all__ = ["as_text", "impossible", "minutes"]

_HOUR = 3600.0


def minutes(seconds: float) -> str:
    """Return a time in words."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.3g} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.3g} h"


def impossible(search: Search, law: ErrorLaw, goal: Goal) -> str:
    """Return the sentence for an error that no calibration reaches: what is the best that is possible."""
    best = search.best(law, Goal(None, goal.seconds), search.candidates)
    assert best is not None and goal.error is not None
    least = search.expected(law, best)
    where = "" if goal.seconds is None else f" within {goal.seconds / _HOUR:.3g} h"
    quickest = None if goal.seconds is None else search.best(law, Goal(goal.error), search.candidates)
    later = "" if quickest is None else f"; {minutes(quickest.seconds)} would reach it"
    return (
        f"Input error must be at least {_percent(least)}, the best that is possible{where} "
        f"({best.described()}, {minutes(best.seconds)}{later}); instead received {_percent(goal.error)}."
    )


def as_text(plan: Plan) -> str:
    """Return the plan for people: what to do, what to expect, what was weighed, and what is presumed."""
    c, (x, y) = plan.chosen, (1e3 * edge for edge in plan.sample)
    low, high = plan.interval
    lines = [
        f"plan: a sample of {x:g} x {y:g} mm ({c.factor} x {c.factor} voxels) at {c.positions} positions, "
        f"{c.averages} average{'s' * (c.averages > 1)}, {c.angles} angles",
        f"scanner time: {minutes(c.seconds)} ({plan.time.move:g} s to move, {plan.time.record:.3g} s for an average)",
        f"expected nRMSE by {plan.method}: {_percent(plan.nrmse)} ({_percent(low)} to {_percent(high)} for nine of ten "
        f"scanners), at {plan.snr:.1f} dB after averages",
    ]
    if plan.coarser is not None and plan.coarser_nrmse is not None:
        lines.append(
            f"one step coarser: {plan.coarser.described()}: {_percent(plan.coarser_nrmse)}, "
            f"{minutes(plan.coarser.seconds)}"
        )
    if plan.image is not None:
        i = plan.image
        lines.append(
            f"image of tubes at {IMAGE_SNR:g} dB by {SOLVER}: pSNR {i.psnr:.1f} dB to the image from the fine matrix, "
            f"{i.psnr_phantom:.1f} dB to the phantom (fine matrix: {i.psnr_phantom_reference:.1f} dB)"
        )
    if plan.sensitivity is not None:
        s = plan.sensitivity
        lines.append(
            f"detection limit: {1e9 * s.iron:.2g} ug of iron in a voxel in one average (worst voxel "
            f"{1e9 * s.iron_worst:.2g} ug)"
        )
        told = "no drift is stated" if s.averaging == float("inf") else f"drift exceeds it after {minutes(s.averaging)}"
        lines.append(f"averaging lowers the noise of a measurement; {told}")
    lines += [f"noise of one average: {plan.noise}", _scanners(plan), "", _methods(plan)]
    return "\n".join([*lines, *(["", *(f"note: {note}" for note in plan.notes)] if plan.notes else [])])


def _methods(plan: Plan) -> str:
    """Return the table of methods: the quickest calibration of each that does what was asked, and its error."""
    lines = []
    for method, rows in plan.candidates.groupby("method", sort=False):
        known = rows if plan.asked.seconds is None else rows[60 * rows["minutes"] <= plan.asked.seconds]
        good = known if plan.asked.error is None else known[known["nrmse"] <= plan.asked.error]
        if plan.asked.error is None:
            good = good.sort_values("nrmse")
        if len(good):
            row = good.iloc[0]
            cells = [f"{int(row['factor'])}x", int(row["averages"]), int(row["angles"]), minutes(60 * row["minutes"])]
            lines.append([method, *cells, _percent(row["nrmse"]), _percent(row["low"]), _percent(row["high"])])
        else:
            least = _percent(known["nrmse"].min()) if len(known) else "none"
            lines.append([method, None, None, None, None, f"{least} at best", None, None])
    titles = ("method", "factor", "averages", "angles", "scanner time", "nRMSE", "low", "high")
    return text_table(titles, lines)


def _scanners(plan: Plan) -> str:
    """Return which scanners were simulated."""
    count = plan.trials["scanner"].nunique()
    if plan.level == STATED:
        others = f", and {count - 1} with another gradient and other errors of angles" if count > 1 else ""
        return f"simulated scanners: the one with its stated imperfections{others}"
    return f"simulated scanners: {count}, imperfections {plan.level}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"
