"""TranSMS Fig. 6: rows of an unseen system matrix recovered from noisy data by several methods, and their errors.

Shown is the test matrix with the largest gradient (1 T/m, which no training matrix has) and a core of about 25 nm, at
the angle nearest to 45 degrees; of every complex row the part that holds more of its energy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from calib.recovery import METHODS
from calib.studies.harness.figures import DEFAULT_METHODS
from calib.studies.harness.recovery import Recovery, missing_note
from calib.studies.harness.results import text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.data.metrics import nrmse
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.sampling import downsample
from mpisim.data.views import as_images
from mpisim.plot.panels import Group, Panel, edges, panels
from mpisim.progress import progress

__all__ = ["fig6", "panels_of", "shown_rows"]

HARMONICS = (2, 3, 5, 8)
_INPUTS = {"box": "input,\nblock means", "strided": "input,\nstrided"}


def fig6(options: StudyOptions) -> Mapping[str, Any]:
    """Run the study and write `fig6.nc`, `fig6.csv` and `fig6.png`, at 2x or 8x `fig6_2x.nc` and so on."""
    recovery = Recovery(options)
    case = options.protocol.shown()
    fine = options.protocol.matrices([case], options.data)[0]
    table: list[dict[str, Any]] = []
    files: list[str] = []
    lines: list[dict[str, Any]] = []
    for factor in options.factors or ():
        found, told = _recovered(recovery, fine, factor)
        lines += told
        table += _table(found, fine, factor)
        name = "fig6" if factor == 4 else f"fig6_{factor}x"
        own = [row for row in table if row["factor"] == factor]
        files += write_results(options, name, _dataset(found, fine), own, _figure(options, fine, found, factor))
    titles = ("method", "factor", "whole matrix", *(title for title, _ in shown_rows(fine)))
    cells = [[row["method"], f"{row['factor']}x", *(f"{row[t]:.2f}" for t in titles[2:])] for row in table]
    heading = f"nRMSE in %, {_described(fine)}, noisy, one matrix"
    text = "\n".join([heading, text_table(titles, cells, missing_note(options, lines))])
    return {"matrix": case.name, "table": table, "files": files, "text": text}


def _recovered(recovery: Recovery, fine: xr.Dataset, factor: int) -> tuple[dict[str, xr.Dataset], list[dict[str, Any]]]:
    """Recover by every method whose weights are there; say of each whether they are."""
    found: dict[str, xr.Dataset] = {}
    lines = []
    for method in progress(recovery.options.chosen(tuple(METHODS), DEFAULT_METHODS), unit="method"):
        missing = recovery.missing(method, factor)
        lines.append({"method": method, "factor": factor, "status": "missing" if missing else "made"})
        if not missing:
            coarse = downsample(fine, factor, METHODS[method].schemes[0], snr=PROTOCOL_SNR, seed=0)
            found[method] = recovery.recovered(coarse, method, factor)
    return found, lines


def shown_rows(fine: xr.Dataset) -> list[tuple[str, int]]:
    """Return titles and numbers of the rows that are shown."""
    angles = np.degrees(fine["angle"].values)
    at = int(np.argmin(np.abs(angles - 45)))
    harmonics = [int(h) for h in fine["harmonic"].values]
    kept = [h for h in HARMONICS if h in harmonics]
    return [(f"harmonic {h}, {angles[at]:.0f}°", at * len(harmonics) + harmonics.index(h)) for h in kept]


def panels_of(
    columns: Mapping[str, xr.Dataset], reference: xr.Dataset, index: int, blank: int
) -> tuple[list[Panel | None], list[Panel | None]]:
    """Return a row of several matrices, and their errors but of the first `blank` ones, over the reference's peak."""
    wanted = as_images(reference)[index]
    part = np.real if np.linalg.norm(wanted.real) > np.linalg.norm(wanted.imag) else np.imag
    peak = float(np.abs(part(wanted)).max()) or 1.0
    line: list[Panel | None] = [(part(as_images(d)[index]) / peak, edges(d)) for d in columns.values()]
    wrong: list[Panel | None] = [None] * blank
    wrong += [(part(as_images(d)[index] - wanted) / peak, edges(d)) for d in list(columns.values())[blank:]]
    return line, wrong


def _described(fine: xr.Dataset) -> str:
    return f"{float(fine['sf_gradient']):.3g} T/m, {1e9 * float(fine['particle_diameter']):.3g} nm"


def _dataset(found: Mapping[str, xr.Dataset], fine: xr.Dataset) -> xr.Dataset:
    chosen = shown_rows(fine)
    shown = {method: as_images(d)[[i for _, i in chosen]] for method, d in {**found, "reference": fine}.items()}
    values = {m: (("shown", "y", "x", "part"), np.stack([v.real, v.imag], axis=-1)) for m, v in shown.items()}
    coords = {"x": fine["x"].values, "y": fine["y"].values, "part": ["real", "imag"], "shown": [t for t, _ in chosen]}
    return xr.Dataset(values, coords=coords).assign_attrs(snr=PROTOCOL_SNR, matrix=_described(fine))


def _table(found: Mapping[str, xr.Dataset], fine: xr.Dataset, factor: int) -> list[dict[str, Any]]:
    return [
        {
            "method": method,
            "factor": factor,
            "whole matrix": 100 * nrmse(data, fine),
            **{title: 100 * nrmse(as_images(data)[i], as_images(fine)[i]) for title, i in shown_rows(fine)},
        }
        for method, data in found.items()
    ]


def _figure(options: StudyOptions, fine: xr.Dataset, found: Mapping[str, xr.Dataset], factor: int) -> Any:
    chosen = shown_rows(fine)
    inputs = {title: downsample(fine, factor, scheme, snr=PROTOCOL_SNR, seed=0) for scheme, title in _INPUTS.items()}
    columns = {**inputs, "reference": fine, **found}
    values: list[list[Panel | None]] = []
    errors: list[list[Panel | None]] = []
    blank = len(inputs) + 1
    for _, index in chosen:
        line, wrong = panels_of(columns, fine, index, blank)
        values.append(line)
        errors.append(wrong)
    percent = [[100 * nrmse(as_images(d)[i], as_images(fine)[i]) for d in found.values()] for _, i in chosen]
    notes = [[""] * blank + [f"{p:.3g} %" for p in line] for line in percent]
    titles = [title.replace(", ", "\n") for title, _ in chosen]
    groups = [
        Group(values, titles, "row / peak of the reference row", (-1.0, 1.0), "RdBu_r"),
        Group(errors, titles, "error / peak, cut at ± 0.2", (-0.2, 0.2), "PuOr_r", notes),
    ]
    short = ", a short form" if options.quick else ""
    part = "real or imaginary part, whichever is stronger"
    heading = f"Rows at {_described(fine)}, {factor}x, noisy{short}: {part}; below: errors, and nRMSE of the row"
    return panels(groups, list(columns), heading)
