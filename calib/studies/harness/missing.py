"""What a study does about weights that are missing.

Rows without weights are left out of pictures and texts, and named below them with the command that trains them and the
hours that it takes. The short form of a study whose networks are not bundled trains its own, for a few steps, so that
it shows the form of the study. A study that is left with nothing to show is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from calib.studies.harness.budgets import HOURS, STEPS
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import Row
from calib.studies.harness.study import QUICK_STEPS, StudyOptions
from mpisim.errors import InputError

__all__ = ["hours", "made", "missing_note", "or_trained", "quick_note", "shown"]


def made(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of a table that have weights, or need none."""
    return [row for row in rows if row.get("status") != "missing"]


def shown(options: StudyOptions, rows: Sequence[Row]) -> list[Row]:
    """Return the rows of a table that can be shown.

    Raises `InputError` with the command to run and the hours that it takes if there is none.
    """
    kept = made(rows)
    if rows and not kept:
        named, command, long = _training(options, rows)
        raise InputError(
            f"Input weights must be bundled or in the cache for {named} (`{command}` trains them in {long}); "
            "instead received none."
        )
    return kept


def or_trained(recovery: Recovery, cases: Iterable[tuple[str, int]], known: bool | None = None) -> Recovery:
    """Return a recovery whose networks are trained for a few steps if this is a short form and weights are missing.

    `cases` are methods and factors; `known` says whether their weights are there, None looks for them.
    """
    options = recovery.options
    if not options.quick or options.train:
        return recovery
    if known is None:
        known = all(recovery.of_budget(*case) is not None for case in cases)
    if known:
        return recovery
    options.report(f"no weights of this study are bundled: its short form trains networks for {QUICK_STEPS} steps")
    return Recovery(replace(options, train=True))


def quick_note(options: StudyOptions) -> list[str]:
    """Return a line of text that says how the networks of a short form were trained, where they were."""
    if not (options.quick and options.train):
        return []
    steps = QUICK_STEPS if options.steps is None else options.steps
    return [f"networks were trained for {steps} steps only: they show the form of the study, not what they can do"]


def missing_note(options: StudyOptions, table: Iterable[Row]) -> list[str]:
    """Return the lines of text that name missing weights, the command that trains them and how long it takes.

    Rows have `method`, `factor` and `status`, which is `missing` where weights are missing.
    """
    missing = [row for row in table if row["status"] == "missing"]
    if not missing:
        return []
    named, command, long = _training(options, missing)
    return [f"left out, without weights: {named}; train them ({long}) with:", f"  {command}"]


def _training(options: StudyOptions, missing: Iterable[Row]) -> tuple[str, str, str]:
    """Return in words which weights are missing, the command that trains them, and how long it takes."""
    cases = sorted({(row["method"], row["factor"]) for row in missing})
    methods = tuple(dict.fromkeys(method for method, _ in cases))
    factors = tuple(sorted({factor for _, factor in cases}))
    wanted = replace(options, quick=False, methods=methods, factors=factors, train=True)
    named = ", ".join(f"{method} {factor}x" for method, factor in cases)
    return named, wanted.command("weights"), hours(wanted, [(m, f) for m in methods for f in factors])


def hours(options: StudyOptions, cases: Sequence[tuple[str, int]]) -> str:
    """Return in words how long trainings take on one core: their steps over those of the budgets."""
    share = sum(options.steps_of(STEPS[case]) / STEPS[case] for case in cases)
    long = HOURS * share
    return (
        f"about {long:.0f} hours of one core"
        if long >= 1.5
        else f"about {max(1, round(60 * long))} minutes of one core"
    )
