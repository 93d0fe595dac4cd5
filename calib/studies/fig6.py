"""TranSMS Fig. 6: rows of an unseen system matrix recovered from noisy data by several methods, and their errors.

The matrix is the one with the largest gradient of the test split (1 T/m, which no training matrix has) and a core of
about 25 nm. Its rows are those at the angle nearest to 45 degrees; of every complex row the figure shows the part, real
or imaginary, with more energy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from calib.recovery import METHODS
from calib.studies.harness.figures import DEFAULT_METHODS
from calib.studies.harness.missing import missing_note, shown
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import Row, text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.cli.command import Result
from mpisim.data.downsampling import downsample
from mpisim.data.metrics import nrmse
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.views import as_images
from mpisim.plot.panels import Group, Panel, edges, panels
from mpisim.plot.rows import chosen_rows, part_of
from mpisim.progress import progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["errors_group", "fig6", "panels_of", "parts"]

_INPUTS = {"box": "input,\nblock means", "strided": "input,\nstrided"}


def fig6(options: StudyOptions) -> Result:
    """Run the study and write `fig6.nc`, `fig6.csv` and `fig6.png`, at 2x or 8x `fig6_2x.nc` and so on."""
    recovery = Recovery(options)
    case = options.protocol.figure_case()
    fine = options.protocol.matrices([case], options.data)[0]
    table: list[Row] = []
    files: list[str] = []
    status: list[Row] = []
    for factor in options.factors or ():
        recovered, of_methods = _recovered(recovery, fine, factor)
        status += of_methods
        shown(options, of_methods)
        rows = _rows(recovered, fine, factor)
        table += rows
        name = "fig6" if factor == 4 else f"fig6_{factor}x"
        figure = _figure(fine, recovered, factor, options.quick)
        files += write_results(options, name, _dataset(recovered, fine), rows, figure)
    titles = ("method", "factor", "whole matrix", *(title for title, _ in chosen_rows(fine)))
    lines = [[row["method"], f"{row['factor']}x", *(f"{row[t]:.2f}" for t in titles[2:])] for row in table]
    heading = f"nRMSE in %, {_described(fine)}, noisy, one matrix"
    text = "\n".join([heading, text_table(titles, lines, missing_note(options, status))])
    return {"matrix": case.name, "table": table, "files": files, "text": text}


def _recovered(recovery: Recovery, fine: xr.Dataset, factor: int) -> tuple[dict[str, xr.Dataset], list[Row]]:
    """Return the matrices recovered by every method with weights, and for every method whether it has weights."""
    recovered: dict[str, xr.Dataset] = {}
    status: list[Row] = []
    for method in progress(recovery.options.chosen(tuple(METHODS), DEFAULT_METHODS), unit="method"):
        missing = recovery.missing(method, factor)
        status.append({"method": method, "factor": factor, "status": "missing" if missing else "made"})
        if not missing:
            coarse = downsample(fine, factor, METHODS[method].samplings[0], snr=PROTOCOL_SNR, seed=0)
            recovered[method] = recovery.recovered(coarse, method, factor)
    return recovered, status


def panels_of(
    columns: Mapping[str, xr.Dataset], reference: xr.Dataset, index: int, blank: int
) -> tuple[list[Panel | None], list[Panel | None]]:
    """Return panels of one row of several matrices, by title, and of the magnitudes of its errors.

    The row is drawn by its real or its imaginary part, whichever has more energy. All values are relative to the peak
    of the row `index` of the reference. The errors of the first `blank` matrices are left out.
    """
    wanted = as_images(reference)[index]
    peak = float(np.abs(wanted).max()) or 1.0
    part = part_of(wanted)[1]
    values: list[Panel | None] = [(part_of(as_images(d)[index], part)[0] / peak, edges(d)) for d in columns.values()]
    errors: list[Panel | None] = [None] * blank
    errors += [(np.abs(as_images(d)[index] - wanted) / peak, edges(d)) for d in list(columns.values())[blank:]]
    return values, errors


def errors_group(
    table: Sequence[Sequence[Panel | None]], titles: Sequence[str], notes: Sequence[Sequence[str]], top: float = 1.0
) -> Group:
    """Return magnitudes of errors as a group on a logarithmic scale, on which good methods are seen beside bad ones."""
    label = "|error| / peak of the reference row"
    return Group(table, titles, label, (1e-4, top), "viridis", notes, log=True)


def parts(rows: np.ndarray) -> np.ndarray:
    """Return complex rows (row, y, x) as real and imaginary part along a last axis: (row, y, x, part)."""
    return np.stack([rows.real, rows.imag], axis=-1)


def _described(fine: xr.Dataset) -> str:
    return f"{float(fine['sf_gradient']):.3g} T/m, {1e9 * float(fine['particle_diameter']):.3g} nm"


def _dataset(recovered: Mapping[str, xr.Dataset], fine: xr.Dataset) -> xr.Dataset:
    titles, indices = zip(*chosen_rows(fine), strict=True)
    matrices = {**recovered, "reference": fine}
    values = {name: (("shown", "y", "x", "part"), parts(as_images(m)[list(indices)])) for name, m in matrices.items()}
    coords = {"x": fine["x"].values, "y": fine["y"].values, "part": ["real", "imag"], "shown": list(titles)}
    return xr.Dataset(values, coords=coords).assign_attrs(snr=PROTOCOL_SNR, matrix=_described(fine))


def _rows(recovered: Mapping[str, xr.Dataset], fine: xr.Dataset, factor: int) -> list[Row]:
    """Return the errors of the whole matrix and of the rows of the figure, in %, for every method."""
    return [
        {
            "method": method,
            "factor": factor,
            "whole matrix": 100 * nrmse(matrix, fine),
            **{title: _percent(matrix, fine, index) for title, index in chosen_rows(fine)},
        }
        for method, matrix in recovered.items()
    ]


def _percent(matrix: xr.Dataset, fine: xr.Dataset, index: int) -> float:
    """Return the nRMSE in % of one row."""
    return 100 * nrmse(as_images(matrix)[index], as_images(fine)[index])


def _figure(fine: xr.Dataset, recovered: Mapping[str, xr.Dataset], factor: int, quick: bool) -> Figure:
    inputs = {title: downsample(fine, factor, scheme, snr=PROTOCOL_SNR, seed=0) for scheme, title in _INPUTS.items()}
    columns = {**inputs, "reference": fine, **recovered}
    blank = len(inputs) + 1
    lines = [(title.replace(", ", "\n"), index) for title, index in chosen_rows(fine)]
    panels_of_rows = [panels_of(columns, fine, index, blank) for _, index in lines]
    notes = [[""] * blank + [f"{_percent(m, fine, index):.3g} %" for m in recovered.values()] for _, index in lines]
    groups = _groups(panels_of_rows, [title for title, _ in lines], notes)
    short = ", a short form" if quick else ""
    part = "real or imaginary part, whichever is stronger"
    heading = f"Rows at {_described(fine)}, {factor}x, noisy{short}: {part}; below: errors, and nRMSE of the row"
    return panels(groups, list(columns), heading)


def _groups(
    rows: Sequence[tuple[list[Panel | None], list[Panel | None]]], titles: Sequence[str], notes: Sequence[Sequence[str]]
) -> list[Group]:
    values, errors = [row[0] for row in rows], [row[1] for row in rows]
    return [
        Group(values, titles, "row / peak of the reference row", (-1.0, 1.0), "RdBu_r"),
        errors_group(errors, titles, notes),
    ]
