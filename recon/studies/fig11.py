"""TranSMS Figs. 11 and 12: rows of the in-house scanner's matrix at an unseen gradient, and images of two tubes.

The calibrations are those of Table VII. The angle is 81 degrees and the harmonics are 4, 6 and 9, or the highest that
the threshold of the signal-to-noise ratio leaves. Of every complex row the part with more energy is drawn, real or
imaginary; errors are those against the exact matrix. Images are those of Table VII, and their differences those from
the image with the measured reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from calib.recovery import METHODS
from calib.studies.fig6 import errors_group, panels_of, parts
from calib.studies.harness.missing import quick_note, shown
from calib.studies.harness.results import Row, text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.cli.command import Result
from mpisim.data.metrics import nrmse
from mpisim.data.views import as_images
from mpisim.plot.panels import Group, edges, panels, save_figure
from recon.metrics import psnr
from recon.studies.in_house import CROP, DEFAULT_METHODS, in_house_recovery, left_out
from recon.studies.in_house_bands import calibrations_of
from recon.studies.table7 import image_of, measured_tubes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["fig11", "rows_at"]

_ANGLE, _HARMONICS = 81.0, (4, 6, 9)


def fig11(options: StudyOptions) -> Result:
    """Run the study and write `fig11.nc`, `fig11.csv`, `fig11.png` and `fig12.png`, at 2x `fig11_2x.nc` and so on.

    With rows of bands these are `fig11_bands.nc` and so on.
    """
    calibrations = calibrations_of(options)
    y = measured_tubes(calibrations)
    names = options.chosen(tuple(METHODS), DEFAULT_METHODS[:-1])  # `auto` takes one of them
    factors = options.factors or ()
    recovery = in_house_recovery(options, calibrations, [(name, factor) for name in names for factor in factors])
    table: list[Row] = []
    status: list[Row] = []
    files: list[str] = []
    for factor in factors:
        recovered, of_methods = recovery.retrospective(calibrations, names, factor)
        status += of_methods
        shown(options, of_methods)
        rows = _rows(recovered, calibrations.exact, factor)
        table += rows
        name = f"fig11{'_bands' if options.rows == 'bands' else ''}{'' if factor == 4 else f'_{factor}x'}"
        columns = {"reference,\nmeasured": calibrations.reference, "exact": calibrations.exact, **recovered}
        columns = {title: matrix.isel(CROP) for title, matrix in columns.items()}
        places = rows_at(calibrations.exact, _ANGLE, _HARMONICS)
        short = ", a short form" if options.quick else ""
        heading = f"In-house scanner, 0.5 T/m, rows recovered at {factor}x, and their errors{short}"
        files += write_results(options, name, _dataset(columns, places), rows, _figure(columns, places, heading))
        file = options.out / f"{name.replace('11', '12')}{'_quick' if options.quick else ''}.png"
        save_figure(_images(columns, y, f"Images at 30 dB with matrices recovered at {factor}x{short}"), file)
        files.append(str(file))
    titles = ("method", "factor", "whole matrix", *(k for k in (table[0] if table else {}) if k.startswith("harmonic")))
    lines = [[row["method"], f"{row['factor']}x", *(f"{row[t]:.2f}" for t in titles[2:])] for row in table]
    notes = [*quick_note(recovery.options), *left_out(options, "fig11", status)]
    text = text_table(titles, lines, notes)
    return {"table": table, "files": files, "text": f"nRMSE in % against the exact matrix\n{text}"}


def rows_at(matrix: xr.Dataset, degrees: float, harmonics: tuple[int, ...]) -> dict[str, int]:
    """Return numbers of rows by their title: the nearest angle, and each harmonic or the highest below it.

    Of several lines at a harmonic, the one next to it is taken.
    """
    angles, cycles = matrix["angle"].values, matrix["frequency"].values / matrix.attrs["scanner"]["drive_frequency"]
    at = int(np.argmin(np.abs(np.rad2deg(angles) - degrees)))
    known = np.unique(np.rint(cycles).astype(int))
    chosen = dict.fromkeys(int(known[known <= harmonic][-1]) for harmonic in harmonics)
    where = f"{np.rad2deg(angles[at]):.0f} degrees"
    return {f"harmonic {k}, {where}": at * len(cycles) + int(np.argmin(np.abs(cycles - k))) for k in chosen}


def _rows(recovered: Mapping[str, xr.Dataset], exact: xr.Dataset, factor: int) -> list[Row]:
    """Return the errors of the whole matrix and of the rows that are drawn, in %, for every method."""
    truth = exact.isel(CROP)
    return [
        {
            "method": method,
            "factor": factor,
            "whole matrix": 100 * nrmse(matrix.isel(CROP), truth),
            **{
                title: 100 * nrmse(as_images(matrix.isel(CROP))[row], as_images(truth)[row])
                for title, row in rows_at(exact, _ANGLE, _HARMONICS).items()
            },
        }
        for method, matrix in recovered.items()
    ]


def _dataset(columns: Mapping[str, xr.Dataset], places: Mapping[str, int]) -> xr.Dataset:
    values = {
        name.replace(",\n", "_"): (("shown", "y", "x", "part"), parts(as_images(m)[list(places.values())]))
        for name, m in columns.items()
    }
    exact = columns["exact"]
    coords = {"x": exact["x"].values, "y": exact["y"].values, "part": ["real", "imag"], "shown": list(places)}
    return xr.Dataset(values, coords=coords)


def _figure(columns: Mapping[str, xr.Dataset], places: Mapping[str, int], heading: str) -> Figure:
    """Draw the rows of all matrices, and below them their errors."""
    exact = columns["exact"]
    drawn = [panels_of(columns, exact, row, 2) for row in places.values()]
    notes = [
        [
            "",
            "",
            *(f"{100 * nrmse(as_images(m)[row], as_images(exact)[row]):.3g} %" for m in list(columns.values())[2:]),
        ]
        for row in places.values()
    ]
    titles = [title.replace(", ", "\n") for title in places]
    groups = [
        Group([values for values, _ in drawn], titles, "row / peak of the exact row", (-1.0, 1.0), "RdBu_r"),
        errors_group([errors for _, errors in drawn], titles, notes),
    ]
    return panels(groups, list(columns), heading)


def _images(columns: Mapping[str, xr.Dataset], y: xr.Dataset, heading: str) -> Figure:
    """Draw the phantom, the images with all matrices, and their differences from that with the reference."""
    frame = edges(columns["exact"])
    images = {name: image_of(matrix, y)["image"].values for name, matrix in columns.items()}
    reference, *others = images.values()
    top = float(max(reference.max(), y["phantom"].max()))
    line = [(y["phantom"].values, frame), *((image, frame) for image in images.values())]
    differences = [None, None, *((image - reference, frame) for image in others)]
    notes = ["", "", *(f"{psnr(image, reference):.1f} dB" for image in others)]
    scale, half = f"concentration / that of\nthe sample, cut at {top:.2g}", f"difference,\ncut at ± {top / 2:.2g}"
    groups = [
        Group([line], [""], scale, (0.0, top), "inferno"),
        Group([differences], ["image - that with\nthe reference"], half, (-top / 2, top / 2), "PuOr_r", [notes]),
    ]
    return panels(groups, ["phantom", *columns], heading)
