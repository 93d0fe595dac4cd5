r"""TranSMS Figs. 13 and 14: a really larger sample against means of small ones, at 2x, on the in-house scanner.

Retrospective sampling takes means over blocks of S x S values of the sample of 2 mm, prospective sampling measures a
sample of S x S voxels (`mpisim.calibrate`). In :math:`1 / S^2` of the time its signal-to-noise ratio is S times better,
6 dB at 2x. Positions err by `JITTER`: each small sample by itself, and the large one as a whole, so that its error does
not average out.

Both are recovered, and compared with the exact matrix. A phantom with a narrow tube (`recon.phantoms.stenosis`) is
measured at 30 dB and imaged with both. Of the narrow part we show the *depth*: one minus the mean concentration over
the tube's width there, over that in the rest of the tube; it is 0.5 in the phantom.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from calib.recovery import METHODS
from calib.studies.fig6 import panels_of
from calib.studies.harness.missing import quick_note, shown
from calib.studies.harness.results import Row, table_dataset, text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.cli.command import Result
from mpisim.data.grid import Grid
from mpisim.data.metrics import nrmse
from mpisim.data.noise import rms
from mpisim.plot.panels import Group, edges, panels, save_figure
from mpisim.progress import progress
from recon.compare import image_figures
from recon.phantoms import Phantom, Rectangle, stenosis
from recon.studies.fig11 import rows_at
from recon.studies.in_house import CROP, Calibrations, in_house_recovery, left_out
from recon.studies.in_house_bands import calibrations_of
from recon.studies.table7 import image_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["calibrated", "depth", "fig13"]

JITTER = 0.05e-3
"""Standard deviation of the error of each position in m: robots place samples to 0.05 to 0.1 mm."""
_METHODS = ("transms", "bicubic-dc", "physical")
_SAMPLINGS = ("retrospective", "prospective")
_HARMONICS = (4, 6, 9)
_IMAGE_SNR = 30.0
_NUMBERS = ("coarse_snr_db", "nrmse_percent", "psnr_db", "psnr_phantom_db", "depth")
_TITLES = ("method", "factor", "sampling", "coarse SNR dB", "nRMSE %", "pSNR dB", "to phantom", "depth")


def calibrated(calibrations: Calibrations, factor: int, sampling: str) -> xr.Dataset:
    """Return the coarse matrix of a sampling, with noise and errors of position."""
    return calibrations.calibrated(factor, _SAMPLINGS.index(sampling), JITTER, sampling == "retrospective")


def depth(image: xr.Dataset, phantom: Phantom) -> float:
    """Return how much less tracer an image shows in the narrow part of `recon.phantoms.stenosis`, a fraction."""
    _, above, narrow, below = phantom.parts
    assert isinstance(above, Rectangle) and isinstance(narrow, Rectangle) and isinstance(below, Rectangle)
    whole = replace(narrow, edges=(above.edges[0], narrow.edges[1]))
    grid = Grid.of(image)
    inside = _mean(image, Phantom("narrow", (whole,)), grid)
    return 1 - inside / _mean(image, Phantom("rest", (above, below)), grid)


def _mean(image: xr.Dataset, region: Phantom, grid: Grid) -> float:
    weights = region.sample(grid)
    return float(np.sum(weights * image["image"].values) / np.sum(weights))


def fig13(options: StudyOptions) -> Result:
    """Run the study and write `fig13.nc`, `fig13.csv`, `fig13.png` (rows) and `fig14.png` (images).

    With rows of bands these are `fig13_bands.nc` and so on.
    """
    calibrations = calibrations_of(options)
    names = options.chosen(tuple(METHODS), _METHODS)
    cases = [(name, factor) for factor in options.factors or () for name in names]
    recovery = in_house_recovery(options, calibrations, cases)
    exact, phantom = calibrations.exact.isel(CROP), stenosis()
    y = calibrations.measurement(phantom, _IMAGE_SNR)
    benchmark = image_of(exact, y)
    table: list[Row] = []
    matrices: dict[str, xr.Dataset] = {}
    images = {"phantom": y[["phantom"]].rename(phantom="image"), "exact\nmatrix": benchmark}
    measured = cache(lambda factor, sampling: calibrated(calibrations, factor, sampling))
    for method, factor in progress(cases, unit="method"):
        missing = recovery.missing(method, factor)
        for sampling in _SAMPLINGS:
            row: dict[str, Any] = {"method": method, "factor": factor, "sampling": sampling}
            row |= {"status": "missing" if missing else "made", **dict.fromkeys(_NUMBERS)}
            if not missing:
                coarse = measured(factor, sampling)
                matrix = recovery.recovered(coarse, method, factor).isel(CROP)
                image = image_of(matrix, y)
                row |= _figures(coarse, matrix, image, exact, benchmark, y)
                row["depth"] = depth(image, phantom)
                title = f"{method}\n{sampling}"
                matrices[title], images[title] = matrix, image
            table.append(row)
    drawn = shown(options, table)
    short = ", a short form" if options.quick else ""
    data = table_dataset(table, "row", _NUMBERS, {n: n for n in ("method", "factor", "sampling")})
    rows_figure = _rows_figure(exact, matrices, f"Rows at 0 degrees, in-house scanner at 0.5 T/m{short}")
    bands = "_bands" if options.rows == "bands" else ""
    files = write_results(options, f"fig13{bands}", data, table, rows_figure, recovery.cache.earlier)
    file = options.out / f"fig14{bands}{'_quick' if options.quick else ''}.png"
    save_figure(_images_figure(images, drawn, f"Tubes of which one is narrow, 30 dB, by matrix{short}"), file)
    lines = [[row[k] if isinstance(row[k], str | int) else f"{row[k]:.3g}" for k in _columns()] for row in drawn]
    notes = [f"depth of the phantom: 0.5, with the exact matrix: {depth(benchmark, phantom):.3g}"]
    notes += [*quick_note(recovery.options), *left_out(options, "fig13", table)]
    return {"table": table, "files": [*files, str(file)], "text": text_table(_TITLES, lines, notes)}


def _columns() -> tuple[str, ...]:
    return ("method", "factor", "sampling", *_NUMBERS)


def _figures(
    coarse: xr.Dataset,
    matrix: xr.Dataset,
    image: xr.Dataset,
    exact: xr.Dataset,
    benchmark: xr.Dataset,
    y: xr.Dataset,
) -> Row:
    """Return the figures of a sampling: of the coarse matrix, of the recovered one, and of its image."""
    found = image_figures(image, benchmark, y)
    signal = rms(coarse["system_matrix"].values)
    return {
        "coarse_snr_db": float(20 * np.log10(signal / rms(coarse["noise_std"].values))),
        "nrmse_percent": 100 * nrmse(matrix, exact),
        "psnr_db": found["psnr"],
        "psnr_phantom_db": found["psnr_phantom"],
    }


def _rows_figure(exact: xr.Dataset, matrices: Mapping[str, xr.Dataset], title: str) -> Figure:
    """Draw rows of the exact matrix and of the recovered ones."""
    columns = {"exact": exact, **matrices}
    places = rows_at(exact, 0.0, _HARMONICS)
    drawn = [panels_of(columns, exact, row, 1) for row in places.values()]
    titles = [name.replace(", ", "\n") for name in places]
    groups = [
        Group([values for values, _ in drawn], titles, "row / peak of the exact row", (-1.0, 1.0), "RdBu_r"),
        Group([errors for _, errors in drawn], titles, "|error| / peak", (0.0, 0.05), "viridis"),
    ]
    return panels(groups, list(columns), title)


def _images_figure(images: Mapping[str, xr.Dataset], table: list[Row], title: str) -> Figure:
    """Draw the images with the depth of the narrow part."""
    frame = edges(images["exact\nmatrix"])
    top = float(max(image["image"].max() for image in list(images.values())[:2]))
    notes = ["", "", *(f"depth {row['depth']:.2f}, {row['psnr_phantom_db']:.1f} dB" for row in table)]
    line = [(image["image"].values, frame) for image in images.values()]
    group = Group(
        [line], [""], f"concentration / that of\nthe sample, cut at {top:.2g}", (0.0, top), "inferno", [notes]
    )
    return panels([group], list(images), title)
