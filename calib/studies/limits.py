"""How few positions are enough: error and coverage of every method from 2x to 16x, and how far the bound is.

The scanners are those of `calib.studies.realistic`: ideal, mild, medium, strong and outside, taken in turn. The noise
is 33.7 dB below the RMS of the block means at every factor, as in the paper; its seed is the number of the matrix. (A
large sample of the same tracer gives S^2 times the signal of a voxel, so that a scanner whose noise does not change
with it has less noise than this at a high factor.)

*Scanner time* is that of one plane, from the paper: some 12 hours for 32 x 32 x 32 positions are 1.32 s for each. 1 s
of them is taken to move the sample, `RECORD` to record; n averages lower the noise by sqrt(n) and take n times
`RECORD`. At 8x and 16x the fit of the scanner is shown with 16 averages, too.

Beside the errors stands the bound of `calib.studies.harness.bounds`, of the ideal model for ideal scanners and of that
of `physical` for the others. Its parameters are those of the fit at the smallest factor of the study but 2x. Every
method counts on all scanners at every factor. Every fifth scanner of a level is measured with averages, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from calib.studies.harness.bounds import bound_of
from calib.studies.harness.limit_figures import coverage_figure, error_figure, time_figure
from calib.studies.harness.missing import missing_note, shown
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import Row, table_dataset, text_table, write_results
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.variants import Variant, figures_of, ready_variants
from calib.studies.realistic import IDEAL, OUTSIDE, RealisticScanner, realistic_scanners, with_ideal
from mpisim.cli.command import Result
from mpisim.data.downsampling import downsample
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.dataset.realistic import LEVELS
from mpisim.io.digest import digest
from mpisim.plot.panels import save_figure
from mpisim.progress import progress

__all__ = ["AVERAGES", "BOUND", "MOVE", "RECORD", "limits", "scanner_time"]

MOVE, RECORD = 1.0, 0.32
"""Seconds to move a sample, and to record one average: together those of a position in the paper."""
AVERAGES = 16
"""Averages of the second curve of the fit."""
BOUND = "bound"
_FIT = "physical"
_SMALLEST = 2  # factor from whose fit the bound takes its parameters only if there is no other
_AVERAGED = 5  # every fifth scanner has averages
_COARSE = (8, 16)  # factors that are measured with averages, too
_FIGURES = ("within_68", "within_95", "std_over_rmse")


def scanner_time(positions: int, averages: int = 1, move: float = MOVE, record: float = RECORD) -> float:
    """Return the seconds that a calibration takes: `move` and, for each average, `record` at every position."""
    return positions * (move + averages * record)


def limits(options: StudyOptions) -> Result:
    """Run the study and write `limits.nc`, `limits.csv` and three figures, `limits.png`, `_coverage` and `_time`.

    The short form has one scanner of each level, with 12 angles.
    """
    recovery = Recovery(options)
    variants: dict[int, list[Variant]] = {}
    status: list[Row] = []
    for factor in sorted(options.factors or (), reverse=True):
        variants[factor], of_methods = ready_variants(recovery, factor)
        variants[factor] = [v for v in variants[factor] if v.sampling == "box"]
        status += of_methods
    shown(options, status)
    rows: list[Row] = []
    for index, scanner in progress(_numbered(options), unit="scanner"):
        rows += _rows(recovery, scanner, variants, index)
    table = _means(rows)
    short = ", a short form" if options.quick else ""
    title = f"Mean nRMSE, {PROTOCOL_SNR:g} dB, scanners of each level{short}"
    files = write_results(options, "limits", _dataset(rows), table, error_figure(table, title), recovery.cache.earlier)
    for name, figure in (("coverage", coverage_figure(table, short)), ("time", time_figure(table, short))):
        file = options.out / f"limits_{name}{'_quick' if options.quick else ''}.png"
        save_figure(figure, file)
        files.append(str(file))
    text = "\n".join([title, _errors(table), "", _coverages(table), *missing_note(options, status)])
    count = len({(row["level"], row["number"]) for row in rows})
    return {"scanners": count, "table": table, "files": files, "text": text}


def _numbered(options: StudyOptions) -> Iterator[tuple[int, RealisticScanner]]:
    """Yield the scanners with their place in their level."""
    before: Counter[str] = Counter()
    for scanner in with_ideal(realistic_scanners(options)):
        yield before[scanner.level], scanner
        before[scanner.level] += 1


def _rows(
    recovery: Recovery, scanner: RealisticScanner, variants: Mapping[int, Sequence[Variant]], place: int
) -> list[Row]:
    """Return the rows of a scanner, which has this place in its level: those of the methods, then the bounds."""
    rows: list[Row] = []
    known: Mapping[str, Any] | None = None
    for factor, averages in product(variants, (1, AVERAGES)):
        counting = [variant for variant in variants[factor] if _counts(variant.method, factor, averages, place)]
        if not counting:
            continue
        coarse = _measured(scanner, factor, averages)
        for variant in counting:
            figures = figures_of(recovery, coarse, scanner.fine, variant, factor)
            rows.append(_row(scanner, coarse, factor, averages, variant.name, figures))
            if variant.method == _FIT and averages == 1 and (factor > _SMALLEST or known is None):
                known = figures["scanner"] or known
    return rows if known is None else rows + _bounds(recovery, scanner, variants, place, known)


def _counts(method: str, factor: int, averages: int, place: int) -> bool:
    """Whether a method counts on the scanner of this place in its level."""
    return averages == 1 or (method == _FIT and factor in _COARSE and place % _AVERAGED == 0)


def _bounds(
    recovery: Recovery, scanner: RealisticScanner, factors: Iterable[int], place: int, known: Mapping[str, Any]
) -> list[Row]:
    rows: list[Row] = []
    for factor, averages in product(factors, (1, AVERAGES)):
        if averages == 1 or place % _AVERAGED == 0:
            coarse = _measured(scanner, factor, averages)
            least = _bound(recovery, scanner, coarse, factor, known)
            rows.append(_row(scanner, coarse, factor, averages, BOUND, {"nrmse": least}))
    return rows


def _measured(scanner: RealisticScanner, factor: int, averages: int) -> xr.Dataset:
    return downsample(scanner.fine, factor, "box", PROTOCOL_SNR + 10 * np.log10(averages), scanner.number)


def _bound(
    recovery: Recovery, scanner: RealisticScanner, coarse: xr.Dataset, factor: int, known: Mapping[str, Any]
) -> float:
    key = {
        "coarse": digest(coarse["system_matrix"].values),
        "factor": factor,
        "ideal": scanner.level == IDEAL,
        "known": known,
    }
    found = recovery.cache.row(
        f"bound_{factor}x", key, lambda: {"nrmse": bound_of(coarse, known, scanner.level == IDEAL)}
    )
    return float(found["nrmse"])


def _row(
    scanner: RealisticScanner, coarse: xr.Dataset, factor: int, averages: int, method: str, figures: Mapping[str, Any]
) -> Row:
    return {
        "level": scanner.level,
        "number": scanner.number,
        "method": method,
        "factor": factor,
        "averages": averages,
        "positions": coarse.sizes["y"] * coarse.sizes["x"],
        "nrmse": figures["nrmse"],
        "instead": figures.get("instead"),
        **{name: figures.get(name) for name in _FIGURES},
    }


def _means(rows: Sequence[Row]) -> list[Row]:
    """Return the figures of every level, method, factor and number of averages over scanners."""
    order = {level: i for i, level in enumerate((IDEAL, *LEVELS, OUTSIDE))}
    names = ("level", "method", "factor", "averages")
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    least = {(r["level"], r["number"], r["factor"], r["averages"]): r["nrmse"] for r in rows if r["method"] == BOUND}
    methods = {method: i for i, method in enumerate(dict.fromkeys(row["method"] for row in rows if row["method"]))}
    table: list[Row] = []
    for key, group in sorted(groups.items(), key=lambda g: (order[g[0][0]], methods[g[0][1]], g[0][2:])):
        errors = [100 * r["nrmse"] for r in group]
        over = [r["nrmse"] / least[k] for r in group if (k := (r["level"], r["number"], *key[2:])) in least]
        covered = [r for r in group if r["within_68"] is not None]
        table.append(
            {
                **dict(zip(names, key, strict=True)),
                "positions": group[0]["positions"],
                "seconds": scanner_time(group[0]["positions"], key[3]),
                "scanners": len(group),
                "nrmse_percent": float(np.mean(errors)),
                "worst_percent": max(errors),
                "over_bound": float(np.mean(over)) if over else None,
                **{name: _mean_of(covered, name) for name in _FIGURES},
                "gave_up": sum(r["instead"] is not None for r in group),
            }
        )
    return table


def _mean_of(rows: Sequence[Row], name: str) -> float | None:
    known = [row[name] for row in rows if row[name] is not None]
    return float(np.mean(known)) if known else None


def _dataset(rows: Sequence[Row]) -> xr.Dataset:
    """Return the figures of every scanner along one dimension, `row`."""
    coordinates = ("level", "number", "method", "factor", "averages", "positions")
    data = table_dataset(rows, "row", ("nrmse", *_FIGURES), {name: name for name in coordinates})
    return data.assign_attrs(snr=PROTOCOL_SNR, move_s=MOVE, record_s=RECORD)


def _errors(table: Sequence[Row]) -> str:
    """Return a line for each method and level: mean errors by factor, the largest in brackets, scanners behind it."""
    return _by_factor(
        table,
        lambda row: f"{row['nrmse_percent']:.3g} ({row['worst_percent']:.3g}) {row['scanners']}",
        "mean (worst) n",
    )


def _coverages(table: Sequence[Row]) -> str:
    """Return a line for each method that states deviations: shares within 68 and 95 %, deviation over error."""
    return _by_factor(
        [row for row in table if row["within_68"] is not None],
        lambda row: f"{row['within_68']:.2f} / {row['within_95']:.2f} / {row['std_over_rmse']:.2f}",
        "68 / 95 / std",
    )


def _by_factor(table: Sequence[Row], words: Callable[[Row], str], heading: str) -> str:
    factors = sorted({row["factor"] for row in table})
    cells = {(r["method"], r["averages"], r["level"], r["factor"]): words(r) for r in table}
    lines = []
    for method, averages, level in dict.fromkeys((r["method"], r["averages"], r["level"]) for r in table):
        name = method if averages == 1 else f"{method}, {averages} averages"
        lines.append([name, level, *(cells.get((method, averages, level, factor)) for factor in factors)])
    order = {name: i for i, name in enumerate(dict.fromkeys(line[0] for line in lines))}
    lines.sort(key=lambda line: order[line[0]])
    return text_table(("method", "level", *(f"{factor}x: {heading}" for factor in factors)), lines)
