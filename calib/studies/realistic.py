"""TranSMS Table III on scanners as imperfect as real ones: nRMSE of every method by level, noisy, at 2x to 8x.

The matrices are those of `mpisim dataset --preset realistic`: the split `test` by its levels mild, medium and strong,
and the split `outside`, whose physics the levels do not have. They are read from the folder `data` or simulated. Beside
them stand ideal scanners: those of the level mild without their imperfections, with cores of one size, the median.
The noise is 33.7 dB below the RMS of the block means; its seed is the number of the matrix in its split. A figure is
the mean over the scanners of a level, and the table states how many there were. Networks with bundled weights that were
trained on imperfect scanners stand there with both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import xarray as xr

from calib.studies.harness.figures import grouped, small_multiples
from calib.studies.harness.missing import missing_note, shown
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import Row, text_table, write_results
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.variants import Variant, error_of, ready_variants
from mpisim.cli.command import Result
from mpisim.data.downsampling import downsample
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.dataset.reader import split_files
from mpisim.dataset.realistic import LEVELS, SCANNERS, realistic_cases
from mpisim.errors import require
from mpisim.io import read
from mpisim.particles.particle import Particle
from mpisim.progress import progress
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.simulation.setup import Setup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["IDEAL", "OUTSIDE", "RealisticScanner", "ideal_of", "realistic", "realistic_scanners", "with_ideal"]

IDEAL, OUTSIDE = "ideal", "outside"
_SPLITS = ("test", OUTSIDE)
_QUICK_ANGLES = 12
_LEVEL = "scanner_level"
"""Attribute of a file that holds the level."""
_Source: TypeAlias = tuple[str, int, xr.Dataset | Setup]
"""Level, number in its split, and the fine matrix or what simulates it."""


@dataclass(frozen=True)
class RealisticScanner:
    """The fine matrix of a scanner, with its level and the number of its matrix in its split."""

    level: str
    number: int
    fine: xr.Dataset


def realistic(options: StudyOptions) -> Result:
    """Run the study and write `realistic.nc`, `realistic.csv` and `realistic.png`.

    The short form has one scanner of each level, with 12 angles. The option `scanners` limits their number.
    """
    recovery = Recovery(options)
    factors = options.factors or ()
    variants: dict[int, list[Variant]] = {}
    status: list[Row] = []
    for factor in factors:
        variants[factor], of_methods = ready_variants(recovery, factor)
        status += of_methods
    shown(options, status)
    rows: list[Row] = []
    for scanner in progress(with_ideal(realistic_scanners(options)), unit="scanner", total=_count(options)):
        for factor in factors:
            rows += _rows(recovery, scanner, variants[factor], factor)
    table = _means(rows)
    title = f"Mean nRMSE, {PROTOCOL_SNR:g} dB, scanners of each level{', a short form' if options.quick else ''}"
    files = write_results(options, "realistic", _dataset(rows), table, _figure(table, title), recovery.cache.earlier)
    text = "\n".join([title, _text(table), *missing_note(options, status)])
    return {
        "scanners": len({(row["level"], row["number"]) for row in rows}),
        "table": table,
        "files": files,
        "text": text,
    }


def _count(options: StudyOptions) -> int | None:
    """Return the number of scanners and their ideal ones; None where it is not known before they are read."""
    if options.quick or options.data or options.scanners:
        return None
    return sum(SCANNERS[split] for split in _SPLITS) + SCANNERS["test"] // len(LEVELS)


def realistic_scanners(options: StudyOptions) -> Iterator[RealisticScanner]:
    """Yield the matrices of the levels and those outside of them, read from the folder `data` or simulated.

    Of each level come as many as `scanners` says, in the short form one, with 12 angles where it is simulated.
    """
    most = 1 if options.quick and options.data is None else options.scanners
    found = _read(options.data) if options.data is not None else _simulated(options.quick)
    taken: Counter[str] = Counter()
    for level, number, source in found:
        taken[level] += 1
        if most is None or taken[level] <= most:
            yield RealisticScanner(level, number, source.simulate() if isinstance(source, Setup) else source)


def _read(data: Path) -> Iterator[_Source]:
    for split in _SPLITS:
        for number, file in enumerate(split_files(data, split)):
            fine = read(file)
            level = fine.attrs.get(_LEVEL)
            must = "a folder of `mpisim dataset --preset realistic`"
            require(level in (*LEVELS, OUTSIDE), "data", must, f"{file} without the attribute {_LEVEL}")
            yield str(level), number, fine


def _simulated(quick: bool) -> Iterator[_Source]:
    for split in _SPLITS:
        for number, case in enumerate(realistic_cases(splits=(split,))):
            yield str(case.attributes[_LEVEL]), number, _with_few_angles(case.setup) if quick else case.setup


def _with_few_angles(setup: Setup) -> Setup:
    scanner = setup.scanner
    assert isinstance(scanner, OpenSidedFFL)
    return replace(setup, scanner=replace(scanner, angles=scanner.angles[:: len(scanner.angles) // _QUICK_ANGLES]))


def with_ideal(scanners: Iterator[RealisticScanner]) -> Iterator[RealisticScanner]:
    """Yield, before each mild scanner, the ideal one in it."""
    for scanner in scanners:
        if scanner.level == next(iter(LEVELS)):
            yield RealisticScanner(IDEAL, scanner.number, ideal_of(scanner.fine))
        yield scanner


def ideal_of(fine: xr.Dataset) -> xr.Dataset:
    """Return the matrix of the scanner of another one without its imperfections, with cores of the median size."""
    setup = Setup.of(fine)
    scanner = OpenSidedFFL(**{f.name: getattr(setup.scanner, f.name) for f in fields(OpenSidedFFL)})
    sample = replace(setup.sample, offset=(0.0, 0.0, 0.0), rotation=0.0, jitter=0.0)
    return Setup(scanner, Particle(float(fine["particle_diameter"])), setup.grid, sample).simulate()


def _rows(recovery: Recovery, scanner: RealisticScanner, variants: Sequence[Variant], factor: int) -> list[Row]:
    coarse = {
        sampling: downsample(scanner.fine, factor, sampling, PROTOCOL_SNR, scanner.number)
        for sampling in {variant.sampling for variant in variants}
    }
    described = {"level": scanner.level, "number": scanner.number, "factor": factor}
    errors = {v.name: error_of(recovery, coarse[v.sampling], scanner.fine, v, factor) for v in variants}
    return [{**described, "method": name, "nrmse": error} for name, error in errors.items()]


def _means(rows: Sequence[Row]) -> list[Row]:
    """Return mean and largest error of every level, method and factor."""
    levels = [level for level in (IDEAL, *LEVELS, OUTSIDE) if any(row["level"] == level for row in rows)]
    table: list[Row] = []
    for level, method, factor in dict.fromkeys(
        (level, row["method"], row["factor"]) for level in levels for row in rows if row["level"] == level
    ):
        wanted = (level, method, factor)
        errors = [100 * r["nrmse"] for r in rows if (r["level"], r["method"], r["factor"]) == wanted]
        figures = {"nrmse_percent": float(np.mean(errors)), "worst_percent": max(errors), "scanners": len(errors)}
        table.append({"level": level, "method": method, "factor": factor, **figures})
    return table


def _dataset(rows: Sequence[Row]) -> xr.Dataset:
    """Return `nrmse` (method, factor, scanner), with the level and the number of each scanner."""
    scanners = list(dict.fromkeys((row["level"], row["number"]) for row in rows))
    methods, factors = (list(dict.fromkeys(row[name] for row in rows)) for name in ("method", "factor"))
    values = np.full((len(methods), len(factors), len(scanners)), np.nan)
    for row in rows:
        place = scanners.index((row["level"], row["number"]))
        values[methods.index(row["method"]), factors.index(row["factor"]), place] = row["nrmse"]
    coords = {
        "method": methods,
        "factor": factors,
        "level": ("scanner", [level for level, _ in scanners]),
        "number": ("scanner", [number for _, number in scanners]),
    }
    data = xr.Dataset({"nrmse": (("method", "factor", "scanner"), values, {"units": "1"})}, coords)
    return data.assign_attrs(snr=PROTOCOL_SNR)


def _figure(table: Sequence[Row], title: str) -> Figure:
    counts = {row["level"]: row["scanners"] for row in table}
    points = [{**row, "panel": f"{row['level']} ({counts[row['level']]})"} for row in table]
    panels = grouped(points, "panel", "method", "factor", "nrmse_percent")
    return small_multiples(panels, ("factor", "nRMSE in %"), title, len(panels))


def _text(table: Sequence[Row]) -> str:
    """Return a line for each method and level: mean errors by factor, with the largest in brackets."""
    factors = list(dict.fromkeys(row["factor"] for row in table))
    cells = {
        (row["method"], row["level"], row["factor"]): f"{row['nrmse_percent']:.3g} ({row['worst_percent']:.3g})"
        for row in table
    }
    counts = {row["level"]: row["scanners"] for row in table}
    lines = [
        [method, level, counts[level], *(cells.get((method, level, factor)) for factor in factors)]
        for method in dict.fromkeys(row["method"] for row in table)
        for level in counts
    ]
    return text_table(("method", "level", "scanners", *(f"{f}x: mean (worst)" for f in factors)), lines)
