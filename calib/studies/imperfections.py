"""Which imperfection of a scanner hurts which method: the error of recovery against the size of each.

One ideal setup of the protocol (.7 T/m, about 26 nm) is made imperfect in one respect after the other
(`calib.studies.harness.imperfections`), measured coarsely at 33.7 dB, and recovered. The error is the nRMSE against the
fine matrix of the same imperfect scanner. Beside it stands what the imperfection changes: the nRMSE of the ideal matrix
as a model of the imperfect one, after the best complex gain of each harmonic. One scanner, one draw of the noise and
of errors per angle: differences of some per cent of an error are chance.

Jitter of positions is another one for the large samples of the coarse calibration than it would be for the fine one.
Block means are therefore simulated with a large sample that is misplaced as a whole, and the reference has exact
positions. A sample's offset moves the fine calibration as well, so there the reference is offset, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from calib.studies.harness.figures import grouped, small_multiples
from calib.studies.harness.imperfections import FRACTIONS, IMPERFECTIONS, with_gains
from calib.studies.harness.missing import missing_note, shown
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import Row, text_table, write_results
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.variants import Variant, error_of, ready_variants
from mpisim.cli.command import Result
from mpisim.data.downsampling import downsample
from mpisim.data.metrics import nrmse
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.errors import require
from mpisim.progress import progress
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.simulation.setup import Setup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["coarse_of", "ideal_setup", "imperfections"]

QUICK = ("coil inhomogeneity", "line offset per angle", "positioning jitter")
"""Imperfections of the short form."""
_QUICK_FRACTIONS = (0.0, 1.0)
_QUICK_ANGLES = 12
_GRADIENT, _DIAMETER = 0.7, 25e-9
_POINTS = 2  # of the sample along a voxel: within 1e-4 of finer rules at 1 T/m
_COLUMNS = 5
_CHANGE = "change of the matrix"


def imperfections(options: StudyOptions) -> Result:
    """Run the study and write `imperfections.nc`, `.csv` and `.png`, at 2x `imperfections_2x.nc` and so on."""
    recovery = Recovery(options)
    ideal = ideal_setup(options)
    table: list[Row] = []
    status: list[Row] = []
    files: list[str] = []
    lines: list[str] = []
    for factor in options.factors or ():
        variants, of_methods = ready_variants(recovery, factor)
        status += of_methods
        shown(options, of_methods)
        rows, names = _rows(recovery, ideal, variants, factor), [variant.name for variant in variants]
        table += rows
        title = _title(ideal, factor, options.quick)
        stem = "imperfections" if factor == 4 else f"imperfections_{factor}x"
        files += write_results(options, stem, _dataset(rows, names), rows, _figure(rows, title), recovery.cache.earlier)
        lines += [title, _text(rows, names)]
    return {"table": table, "files": files, "text": "\n".join([*lines, *missing_note(options, status)])}


def ideal_setup(options: StudyOptions) -> Setup:
    """Return the setup that imperfections are added to; that of the short form has at most 12 angles.

    Raises `InputError` for `data`: the scanners of these studies are simulated.
    """
    require(options.data is None, "data", "left out, since this study simulates its own scanners", str(options.data))
    spec, cases = options.protocol.spec, options.protocol.of("validation")
    gradient = min((c.sf_gradient for c in cases), key=lambda g: abs(g - _GRADIENT))
    case = min((c for c in cases if c.sf_gradient == gradient), key=lambda c: abs(c.particle_diameter - _DIAMETER))
    setup = spec.setup(case)
    setup = replace(setup, sample=replace(setup.sample, points=_POINTS))
    scanner = setup.scanner
    if options.quick and isinstance(scanner, OpenSidedFFL):
        every = -(-len(scanner.angles) // _QUICK_ANGLES)
        setup = replace(setup, scanner=replace(scanner, angles=scanner.angles[::every]))
    return setup


def coarse_of(setup: Setup, fine: xr.Dataset, factor: int, sampling: str = "box", seed: int = 0) -> xr.Dataset:
    """Return the coarse measurement of a setup at 33.7 dB, with the jitter of the samples that it was measured with.

    `fine` is the matrix of the setup with exact positions; `seed` is that of the noise.
    """
    if sampling == "box":
        return setup.simulate_coarse(factor, PROTOCOL_SNR, seed, fine)
    return downsample(setup.simulate() if setup.sample.jitter else fine, factor, sampling, PROTOCOL_SNR, seed)


def _rows(recovery: Recovery, ideal: Setup, variants: Sequence[Variant], factor: int) -> list[Row]:
    """Return a row for each imperfection, size and method."""
    quick = recovery.options.quick
    wanted = [i for i in IMPERFECTIONS if not quick or i.name in QUICK]
    cases = [(i, fraction) for i in wanted for fraction in (_QUICK_FRACTIONS if quick else FRACTIONS)]
    known = exact = ideal.simulate()
    samplings = {variant.sampling for variant in variants}
    rows: list[Row] = []
    for imperfection, fraction in progress(cases, unit="scanner"):
        setup = imperfection.applied(ideal, fraction)
        exact = setup.exact().simulate() if fraction else known
        full = setup.simulate() if setup.sample.jitter else exact
        described = {
            "imperfection": imperfection.name,
            "fraction": fraction,
            "size": fraction * imperfection.strong,
            "factor": factor,
            "change_percent": 100 * nrmse(with_gains(known, full), full) if fraction else 0.0,
        }
        coarse = {sampling: coarse_of(setup, exact, factor, sampling) for sampling in samplings}
        for variant in variants:
            error = error_of(recovery, coarse[variant.sampling], exact, variant, factor)
            rows.append({**described, "method": variant.name, "nrmse_percent": 100 * error})
    return rows


def _dataset(rows: Sequence[Row], methods: Sequence[str]) -> xr.Dataset:
    """Return `nrmse` (imperfection, fraction, method), `change` and `size` (imperfection, fraction)."""
    names = list(dict.fromkeys(row["imperfection"] for row in rows))
    fractions = list(dict.fromkeys(row["fraction"] for row in rows))
    shape = (len(names), len(fractions), len(methods))
    columns = {
        n: np.array([row[n] for row in rows]).reshape(shape) for n in ("nrmse_percent", "change_percent", "size")
    }
    places = ("imperfection", "fraction")
    return xr.Dataset(
        {
            "nrmse": ((*places, "method"), columns["nrmse_percent"] / 100, {"units": "1"}),
            "change": (places, columns["change_percent"][..., 0] / 100, {"units": "1"}),
            "size": (places, columns["size"][..., 0], {"long_name": "size of the imperfection in SI units"}),
        },
        coords={"imperfection": names, "fraction": fractions, "method": list(methods)},
    ).assign_attrs(snr=PROTOCOL_SNR)


def _figure(rows: Sequence[Row], title: str) -> Figure:
    words = {i.name: f"{i.name}\n(1: {i.shown})" for i in IMPERFECTIONS}
    changes = [{**r, "method": _CHANGE, "nrmse_percent": r["change_percent"]} for r in rows]
    points = [{**row, "panel": words[row["imperfection"]]} for row in (*rows, *changes)]
    panels = grouped(points, "panel", "method", "fraction", "nrmse_percent")
    return small_multiples(panels, ("size / strong size", "nRMSE in %"), title, _COLUMNS, dashed=_CHANGE)


def _title(ideal: Setup, factor: int, quick: bool) -> str:
    scanner, particle = ideal.scanner, ideal.particle
    described = f"{getattr(scanner, 'sf_gradient', 0):.3g} T/m, {1e9 * getattr(particle, 'diameter', 0):.3g} nm"
    return f"Recovery at {factor}x, {PROTOCOL_SNR:g} dB, {described}{', a short form' if quick else ''}"


def _text(rows: Sequence[Row], methods: Sequence[str]) -> str:
    """Return the errors at the strong size in a table."""
    ideal = {row["method"]: row["nrmse_percent"] for row in rows if row["fraction"] == 0}
    lines = [["none", "", None, *(f"{ideal[name]:.3g}" for name in methods)]]
    for imperfection in IMPERFECTIONS:
        own = {r["method"]: r for r in rows if (r["imperfection"], r["fraction"]) == (imperfection.name, 1.0)}
        if own:
            change = f"{own[methods[0]]['change_percent']:.3g}"
            lines.append(
                [imperfection.name, imperfection.shown, change, *(f"{own[n]['nrmse_percent']:.3g}" for n in methods)]
            )
    return text_table(("nRMSE in %", "strong size", "change", *methods), lines)
