r"""TranSMS Tables V and VI and Figs. 9 and 10: recovery and images on the measured calibrations of Open MPI data.

=======  ========================  ===========  =====================================================================
table    training                  test         what differs
=======  ========================  ===========  =====================================================================
V        calibrations 8 and 9      10           time, and where the field of view lies
VI       calibration 7             10           gradient (-1, -1, 2 against -.5, -.5, 1 T/m) and tracer
=======  ========================  ===========  =====================================================================

How rows are selected, cropped and whitened is in `recon.studies.open_mpi_files`, how networks are trained and images
made in `recon.studies.open_mpi_recovery`. The error is the nRMSE over all whitened rows of the test calibration. The
paper reconstructs by ADMM and not by the Kaczmarz method; its pSNR is shown beside ours, but is not that of the same
solver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from calib.recovery import METHODS
from calib.studies.harness.convergence import training_columns
from calib.studies.harness.figures import plot_table
from calib.studies.harness.results import Row, deviation, formatted, table_dataset, text_table, write_results
from calib.studies.harness.study import QUICK_STEPS, StudyOptions
from mpisim.cli.command import Result
from mpisim.errors import require
from mpisim.progress import progress
from recon.studies.open_mpi_figures import draw_images, draw_rows
from recon.studies.open_mpi_recovery import SOLVER, TABLES, OpenMpi

__all__ = ["PUBLISHED", "PUBLISHED_PSNR", "open_mpi"]

PUBLISHED = {
    "V": {
        "bicubic": (4.55, 18.13, 52.02),
        "bicubic-strided": (16.86, 47.41, 92.08),
        "cs": (8.81, 51.48, 101.31),
        "srcnn": (53.65, 53.16, 79.29),
        "vdsr": (4.55, 12.62, 39.19),
        "smrnet": (19.69, 48.94, 75.37),
        "transms": (3.15, 6.19, 20.58),
    },
    "VI": {
        "bicubic": (4.55, 18.13, 52.02),
        "bicubic-strided": (16.86, 47.41, 92.08),
        "cs": (8.81, 51.48, 101.31),
        "srcnn": (50.88, 62.81, 106.76),
        "vdsr": (3.34, 11.83, 113.81),
        "smrnet": (6.85, 17.22, 78.88),
        "transms": (3.32, 10.66, 114.45),
    },
}
"""nRMSE in % at 2x, 4x and 8x; noise alone is 3.38 % there."""
PUBLISHED_PSNR = {
    "bicubic": (34.77, 17.15, 11.34),
    "bicubic-strided": (33.30, 18.62, 13.88),
    "cs": (33.89, 20.47, 16.12),
    "srcnn": (32.21, 19.39, None),
    "vdsr": (38.23, 30.59, 10.01),
    "smrnet": (33.79, 24.81, 12.60),
    "transms": (38.54, 31.96, 13.38),
}
"""pSNR in dB at 2x, 4x and 8x (Table VI)."""
_FACTORS = (2, 4, 8)
_TITLES = ("table", "method", "factor", "nRMSE in %", "paper", "off by", "pSNR in dB", "paper's", "steps")
_FORMATS = {
    "table": "{}",
    "method": "{}",
    "factor": "{}x",
    "nrmse_percent": "{:.2f}",
    "published_percent": "{:.2f}",
    "difference_percent": "{:+.0f}%",
    "psnr_db": "{:.2f}",
    "published_psnr_db": "{:.2f}",
    "steps": "{}",
}
_NUMBERS = ("nrmse_percent", "published_percent", "psnr_db", "published_psnr_db")


def open_mpi(options: StudyOptions) -> Result:
    """Run the study and write `open_mpi.nc`, `.csv` and `.png`, `open_mpi_rows.png` and `open_mpi_images.png`."""
    study = OpenMpi(replace(options, train=options.train or options.quick))
    chosen = options.chosen(tuple(PUBLISHED["V"]) if options.methods is None else tuple(METHODS))
    cases = [(table, m, f) for table in TABLES for m in chosen for f in options.factors or ()]
    table = [_row(study, *case) for case in progress(cases, unit="row")]
    made = [row for row in table if row["status"] != "missing"]
    require(len(made) > 0, "weights", f"in the cache (`{study.training_command()}` trains them)", "none")
    data = table_dataset(table, "row", _NUMBERS, {name: name for name in ("table", "method", "factor")})
    data = data.assign_attrs(noise_floor_percent=100 * study.test.floor, solver=SOLVER)
    title = f"nRMSE in %, {_described(study)}"
    labelled = [{**row, "method": f"{row['method']}, {row['table']}"} for row in made]
    figure = plot_table(labelled, "nrmse_percent", "published_percent", "nRMSE in %", title)
    files = write_results(options, "open_mpi", data, table, figure, study.cache.earlier)
    files += _figures(study, chosen)
    text = text_table(_TITLES, [formatted(row, _FORMATS) for row in made], _notes(study, table))
    return {
        "table": table,
        "noise_floor_percent": 100 * study.test.floor,
        "rows": {name: int(c.rows.sizes["frequency"]) for name, c in study.calibrations.items()},
        "files": files,
        "text": f"{title}\n{text}",
    }


def _row(study: OpenMpi, table: str, method: str, factor: int) -> Row:
    """Return a row of the tables, with the published figures where this is no short form."""
    weights = study.weights(table, method, factor)
    missing = METHODS[method].learned and weights is None
    values = {"nrmse": None, "psnr": None} if missing else study.figures_of(method, factor, weights)
    complete = not study.options.quick
    known = PUBLISHED[table].get(method) if complete else None
    images = PUBLISHED_PSNR.get(method) if complete and table == "VI" else None
    ours = None if values["nrmse"] is None else 100 * values["nrmse"]
    published = None if known is None else known[_FACTORS.index(factor)]
    return {
        "table": table,
        "method": method,
        "factor": factor,
        "nrmse_percent": ours,
        "published_percent": published,
        "difference_percent": deviation(ours, published),
        "psnr_db": values["psnr"],
        "published_psnr_db": None if images is None else images[_FACTORS.index(factor)],
        **training_columns(weights, missing, study.data(table), study.trainings),
    }


def _described(study: OpenMpi) -> str:
    """Return what the tables are of, in words."""
    rows = study.test.rows.sizes
    short = ", a short form" if study.options.quick else ""
    short += " on simulated files" if study.synthetic else ""
    size = f"{rows['frequency']} x {rows['z']} rows of {rows['x']} x {rows['y']} voxels"
    return f"{size}, whitened; noise alone is {100 * study.test.floor:.2f} %{short}"


def _notes(study: OpenMpi, table: Sequence[Row]) -> list[str]:
    """Return what is to be said below the table."""
    found = study.calibrations.values()
    notes = [note for calibration in found for note in calibration.notes]
    notes += [f"whitened by {' and '.join(sorted({calibration.noise for calibration in found}))}"]
    notes += [f"calibration and measurement differ: {sentence}" for sentence in study.mismatches]
    if study.lost:
        notes.append(f"{study.lost} rows of the calibration are not in the measurement and are left out of images")
    if study.options.quick:
        steps = QUICK_STEPS if study.options.steps is None else study.options.steps
        notes.append(f"networks were trained for {steps} steps only: they show the form of the study")
    missing = sorted({f"{row['method']} {row['factor']}x" for row in table if row["status"] == "missing"})
    if missing:
        notes.append(f"left out, without weights: {', '.join(missing)}; train them with:")
        notes.append(f"  {study.training_command()}")
    return notes


def _figures(study: OpenMpi, chosen: Sequence[str]) -> list[str]:
    """Write the figures of rows and of images at 4x, or the first factor that was chosen, for Table VI."""
    options = study.options
    factor = 4 if 4 in (options.factors or ()) else (options.factors or (4,))[0]
    recovered = {}
    for method in chosen:
        weights = study.weights("VI", method, factor)
        if weights is not None or not METHODS[method].learned:
            recovered[method] = study.recovered(method, factor, weights)
    heading = f"{factor}x, {_described(study)}"
    stem = "open_mpi_quick" if options.quick else "open_mpi"
    files = [draw_rows(study.test, recovered, factor, heading, options.out / f"{stem}_rows.png")]
    reference = study.reference
    if reference is not None:
        images = {name: image for name, rows in recovered.items() if (image := study.image(rows)) is not None}
        files.append(draw_images({"reference": reference, **images}, heading, options.out / f"{stem}_images.png"))
    return files
