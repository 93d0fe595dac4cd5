"""Does a plan hold? Ten scanners that no table contains, calibrated as planned, and one step coarser.

The planner knows gradient, core diameter, voxels, angles, noise, and the level of imperfection of a scanner. It draws
scanners of its own from these. The true scanner is another draw with other noise, and stays unknown to the planner. It
is calibrated in full as the plan says, recovered, and compared with its fine matrix; and once more one step coarser:
with half the averages, or, where the plan has no averages, with the next larger sample.

A plan holds if the error is at most 1.25 times the one that was asked for, and it is the coarsest if one step coarser
the error is above it. Run::

    python -m benchmarks.plan [--only 1,2] [--draws 3] [--cache FOLDER] [--out plan.csv]

With `--law` it checks the law of errors instead: floor and slope follow from the errors with 1 and with 16 averages,
and the error that they give for 4 averages is compared with the one that is found.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

import mpisim
from calib.studies.harness.cache import ResultCache
from mpisim.cli.command import argument_type
from mpisim.cli.options import integer, integers
from mpisim.io.atomic import write_text
from mpisim.progress import say
from recon.studies.planning.candidates import Candidate, ScanTime, candidates_of
from recon.studies.planning.noise import StatedNoise, noise_of
from recon.studies.planning.planner import Plan, plan
from recon.studies.planning.scanners import planned_scanners
from recon.studies.planning.trials import Trial, run_trial

TOLERANCE = 1.25
TRUE_SEED = 20261127
"""Seed of the true scanners; the planner's is 0."""


@dataclass(frozen=True)
class Case:
    """A scanner and a question: gradient in T/m, diameter in nm, voxels, field of view in mm, error in %."""

    level: str
    gradient: float
    diameter: float
    grid: tuple[int, int]
    fov: tuple[float, float]
    angles: int
    error: float
    snr: float
    snr_of: int | None = None

    def setup(self) -> mpisim.Setup:
        """Return what the planner knows."""
        fov = (1e-3 * self.fov[0], 1e-3 * self.fov[1])
        scanner = mpisim.open_sided_ffl(self.gradient, fov=max(fov), angles=self.angles)
        return mpisim.Setup(scanner, mpisim.Particle(1e-9 * self.diameter), mpisim.Grid(self.grid, fov))


CASES = (
    Case("mild", 0.45, 20, (32, 32), (32, 32), 20, 0.1, 33.7),
    Case("mild", 0.70, 24, (16, 16), (24, 24), 20, 1.0, 25.0),
    Case("mild", 0.95, 18, (32, 48), (32, 48), 16, 0.15, 0.0, 1),
    Case("medium", 0.50, 27, (32, 32), (32, 32), 20, 0.25, 33.7),
    Case("medium", 0.80, 22, (24, 24), (30, 30), 24, 0.2, 30.0),
    Case("medium", 0.60, 16, (48, 32), (48, 32), 16, 0.4, -14.0, 1),
    Case("medium", 0.90, 29, (16, 32), (16, 32), 20, 1.5, 20.0),
    Case("strong", 0.55, 23, (32, 32), (32, 32), 30, 0.5, 36.0),
    Case("strong", 0.75, 19, (32, 32), (36, 36), 20, 3.0, 24.0),
    Case("strong", 0.65, 25, (40, 40), (40, 40), 20, 0.4, -8.0, 1),
)


def checked(number: int, case: Case, draws: int, cache: Path) -> dict[str, object]:
    """Return the row of a case: the plan, and the errors of the true scanner."""
    planned = plan(
        case.setup(),
        error=case.error / 100,
        snr=case.snr,
        snr_of=case.snr_of,
        imperfections=case.level,
        compared=(),
        draws=draws,
        image=False,
        cache=cache,
    )
    found, coarser, larger = (_true_error(case, planned, c, number, cache) for c in _steps(planned))
    low, high = (100 * e for e in planned.interval)
    c = planned.chosen
    return {
        **{"scanner": number, "level": case.level, "T/m": case.gradient, "nm": case.diameter},
        **{"voxels": f"{case.grid[0]} x {case.grid[1]}", "asked_percent": case.error},
        **{"factor": c.factor, "averages": c.averages, "minutes": c.seconds / 60, "trials": len(planned.trials)},
        **{"expected_percent": 100 * planned.nrmse, "low_percent": low, "high_percent": high},
        **{"found_percent": found, "coarser_percent": coarser, "larger_percent": larger},
    }


def _steps(planned: Plan) -> Iterator[Candidate | None]:
    """Yield the plan, one step coarser, and the next larger sample with the same averages."""
    yield planned.chosen
    yield planned.coarser
    yield planned.larger


def _true_error(case: Case, planned: Plan, candidate: Candidate | None, number: int, cache: Path) -> float:
    """Return the nRMSE in % of the true scanner; NaN where there is no calibration."""
    if candidate is None:
        return float("nan")
    setup = case.setup()
    true = planned_scanners(setup, case.level, 1, TRUE_SEED + number)[0]
    trial = Trial(0, true, candidate, planned.method, noise_of(setup, case.snr, case.snr_of)[0], TRUE_SEED + number)
    row = run_trial(trial, cache)
    return float("inf") if row["nrmse"] is None else 100 * float(row["nrmse"])


def verdict(table: pd.DataFrame) -> list[str]:
    """Return how many plans hold, how many are the coarsest, and how often the interval holds the error."""
    asked, found, coarser = (table[f"{name}_percent"] for name in ("asked", "found", "coarser"))
    holds = found <= TOLERANCE * asked
    stepped = coarser.notna()
    coarsest = ~stepped | (coarser > asked)
    inside = (found >= table["low_percent"]) & (found <= table["high_percent"])
    return [
        f"error within {TOLERANCE:g} times the one asked for: {int(holds.sum())} of {len(table)}",
        f"and within it: {int((found <= asked).sum())}",
        f"one step coarser exceeds it: {int((coarsest & stepped).sum())} of {int(stepped.sum())}",
        f"both: {int((holds & coarsest).sum())} of {len(table)}",
        f"error inside the stated interval: {int(inside.sum())} of {len(table)}",
    ]


def main(words: Sequence[str] | None = None) -> pd.DataFrame:
    """Print the table and the verdict; return the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=argument_type("--only", integers), help="numbers of scanners, from 1")
    parser.add_argument("--draws", type=argument_type("--draws", integer), default=3, help="scanners of the planner")
    parser.add_argument("--cache", default="plan-cache", help="folder for finished trials (default: plan-cache)")
    parser.add_argument("--out", help="table (.csv) to write")
    parser.add_argument("--law", action="store_true", help="check the law of errors instead")
    options = parser.parse_args(words)
    cache = Path(options.cache)
    ResultCache(cache)
    if options.law:
        table = law_checked(cache)
        print(table.to_string(index=False, float_format=lambda v: f"{v:.3g}"))
        return table
    rows = []
    for number, case in enumerate(CASES, start=1):
        if options.only is None or number in options.only:
            rows.append(checked(number, case, options.draws, cache))
            say("  ".join(f"{name} {_short(value)}" for name, value in rows[-1].items()))
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format=lambda v: f"{v:.3g}"))
    print("\n".join(verdict(table)))
    if options.out:
        write_text(options.out, table.to_csv(index=False, float_format="%.4g", lineterminator="\n"))
    return table


def law_checked(cache: Path) -> pd.DataFrame:
    """Return the errors with 1, 4 and 16 averages of a scanner of each level and factor, and what the law says of 4."""
    rows = []
    for level in ("ideal", "mild", "medium", "strong"):
        case = Case(level, 0.65, 23, (32, 32), (32, 32), 20, 1.0, 33.7)
        scanner = planned_scanners(case.setup(), level, 1, TRUE_SEED)[0]
        for c in candidates_of(scanner.grid, case.angles, ScanTime(), (4, 8, 16), False):
            if c.averages == 1:
                rows.append({"level": level, "factor": c.factor, **_of_law(scanner, c, cache)})
                say("  ".join(f"{name} {_short(value)}" for name, value in rows[-1].items()))
    return pd.DataFrame(rows)


def _of_law(scanner: mpisim.Setup, single: Candidate, cache: Path) -> dict[str, float]:
    found = {}
    for averages in (1, 4, 16):
        trial = Trial(0, scanner, replace(single, averages=averages), "physical", StatedNoise(), TRUE_SEED)
        found[averages] = 100 * float(run_trial(trial, cache)["nrmse"])
    noisy = (found[1] ** 2 - found[16] ** 2) / (1 - 1 / 16)  # b^2 n^2 of one average
    law = float(np.sqrt(max(found[1] ** 2 - noisy * (1 - 1 / 4), 0.0)))
    return {**{f"percent_{n}": e for n, e in found.items()}, "law_4": law, "ratio": found[4] / law}


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)


if __name__ == "__main__":
    main()
