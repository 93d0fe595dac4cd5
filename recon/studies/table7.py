"""TranSMS Table VII: recovery and images on the in-house scanner, at a gradient that no training matrix has.

The scanner and its calibrations are simulated (`recon.studies.in_house`). Coarse matrices are made of the values of the
sample of 2 mm alone, as in the paper (retrospective sampling), and the matrix is compared with these values, within the
sensitive region of 13 x 23 voxels. Both have the same noise, so that 3.8 to 4.3 % are noise of the reference that no
method can know. What the paper could not know is the exact matrix; our second figure is the error against it. Networks
are trained on three matrices by the recipe of the other studies.

With `--rows bands` rows are lines in bands around the harmonics, selected and whitened, in coloured noise
(`recon.studies.in_house_bands`). A method that does not take such rows is refused, and its figures are missing.

Two tubes of 20 mm, 10 mm apart, are measured at 30 dB on twice as fine voxels, and imaged as in Table IV. An image is
compared with that of the reference, as published, and with the phantom.
"""

from __future__ import annotations

import xarray as xr

from calib.recovery import METHODS
from calib.studies.harness.figures import plot_table
from calib.studies.harness.missing import quick_note, shown
from calib.studies.harness.protocol import FACTORS
from calib.studies.harness.recovery import recovered_by
from calib.studies.harness.results import Row, deviation, formatted, table_dataset, text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.cli.command import Result
from mpisim.data.metrics import nrmse
from mpisim.errors import InputError
from mpisim.io.digest import digest
from mpisim.progress import progress
from recon import methods
from recon.compare import image_figures
from recon.phantoms import tubes
from recon.reconstruction import reconstruct
from recon.studies.in_house import CROP, DEFAULT_METHODS, Calibrations, InHouseRecovery, in_house_recovery, left_out
from recon.studies.in_house_bands import calibrations_of

__all__ = ["PUBLISHED", "image_of", "measured_tubes", "table7"]

PUBLISHED = {
    "bicubic": ((10.97, 36.26, 69.76), (16.25, 13.75, 4.25)),
    "bicubic-strided": ((25.99, 68.40, 101.52), (15.84, 12.88, 5.63)),
    "cs": ((15.31, 62.54, 104.00), (17.30, 7.68, 2.59)),
    "srcnn": ((43.79, 75.40, 437.66), (13.78, 6.46, 6.08)),
    "vdsr": ((7.46, 14.78, 30.46), (20.24, 18.39, 10.21)),
    "smrnet": ((6.65, 11.27, 56.06), (22.71, 19.38, 6.22)),
    "transms": ((6.03, 8.92, 21.47), (24.89, 19.68, 12.51)),
}
"""Mean nRMSE in % and pSNR in dB, at 2x, 4x and 8x."""
TUBES = tubes(4e-3, 4e-3, 20e-3, 10e-3)
_IMAGE_SNR = 30.0
_SOLVER, _PRESET = "admm", "transms"
_NUMBERS = ("nrmse_percent", "nrmse_exact_percent", "psnr_db", "psnr_phantom_db")
_TITLES = ("method", "factor", "nRMSE %", "paper", "off by", "to exact %", "pSNR dB", "paper", "to phantom", "steps")
_FORMATS = {
    "method": "{}",
    "factor": "{}x",
    "nrmse_percent": "{:.2f}",
    "published_percent": "{:.2f}",
    "difference_percent": "{:+.0f}%",
    "nrmse_exact_percent": "{:.2f}",
    "psnr_db": "{:.2f}",
    "published_db": "{:.2f}",
    "psnr_phantom_db": "{:.2f}",
    "steps": "{}",
}


def table7(options: StudyOptions) -> Result:
    """Run the study and write `table7.nc`, `table7.csv` and `table7.png`, of bands `table7_bands.nc` and so on.

    The short form has 12 angles and trains networks for a few steps. `budget_fraction` is the share of the budgets of
    Table III.
    """
    calibrations = calibrations_of(options)
    names = options.chosen(tuple(METHODS), DEFAULT_METHODS)
    cases = [(method, factor) for method in names for factor in options.factors or ()]
    recovery = in_house_recovery(options, calibrations, cases)
    y = measured_tubes(calibrations)
    table = [_row(recovery, calibrations, y, *case) for case in progress(cases, unit="row")]
    drawn = shown(options, table)
    short = ", a short form, not comparable with published figures" if options.quick else ""
    title = f"In-house scanner, 0.5 T/m, {calibrations.angles} angles, {calibrations.rows}{short}"
    figure = plot_table(
        [{**row, "noise": "noisy"} for row in drawn if row["nrmse_percent"] is not None],
        "nrmse_percent",
        "published_percent",
        "nRMSE in %",
        title,
    )
    data = table_dataset(table, "row", _NUMBERS, {"method": "method", "factor": "factor"})
    name = "table7_bands" if options.rows == "bands" else "table7"
    files = write_results(options, name, data, table, figure, recovery.cache.earlier)
    notes = [*quick_note(recovery.options), *left_out(options, "table7", table), *_refusals(table)]
    text = text_table(_TITLES, [formatted(row, _FORMATS) for row in drawn], notes)
    return {"table": table, "files": files, "text": f"{title}\n{text}"}


def _row(recovery: InHouseRecovery, calibrations: Calibrations, y: xr.Dataset, method: str, factor: int) -> Row:
    """Return the row of a method at a factor; without weights its figures are None."""
    learned = METHODS[method].learned
    weights = recovery.weights(method, factor) if learned else None
    training = recovery.training_columns(weights, learned and weights is None)
    figures: Row = dict.fromkeys(_NUMBERS)
    if training["status"] != "missing":
        key = {
            "reference": digest(calibrations.reference["system_matrix"].values),
            "measurement": digest(y["measurement"].values),
            "method": method,
            "factor": factor,
            "version": METHODS[method].version,
            "weights": None if weights is None else weights.digest,
            "solver_version": methods.METHODS[_SOLVER].version,
        }
        file = None if weights is None else weights.weights
        try:
            figures = recovery.cache.row(
                f"table7_{method}_{factor}x",
                key,
                lambda: _figures(
                    calibrations, recovered_by(calibrations.retrospective(method, factor), method, file), y
                ),
                f"{method} {factor}x: {{nrmse_percent:.3g}} %",
            )
        except InputError as error:  # rows that the method does not take
            training = {**training, "status": f"refused: {error}"}
    known = PUBLISHED.get(method) if not recovery.options.quick else None
    percent, decibels = (None, None) if known is None else (values[FACTORS.index(factor)] for values in known)
    return {
        "method": method,
        "factor": factor,
        **figures,
        "published_percent": percent,
        "difference_percent": deviation(figures["nrmse_percent"], percent),
        "published_db": decibels,
        **training,
    }


def _figures(calibrations: Calibrations, recovered: xr.Dataset, y: xr.Dataset) -> Row:
    """Return the errors of a recovered matrix and of its image."""
    matrix, reference, exact = (m.isel(CROP) for m in (recovered, calibrations.reference, calibrations.exact))
    image = image_of(matrix, y)
    found = image_figures(image, image_of(reference, y), y)
    return {
        "nrmse_percent": 100 * nrmse(matrix, reference),
        "nrmse_exact_percent": 100 * nrmse(matrix, exact),
        "psnr_db": found["psnr"],
        "psnr_phantom_db": found["psnr_phantom"],
    }


def _refusals(table: list[Row]) -> list[str]:
    """Return a line of text for each method that refused the rows."""
    said = {row["method"]: row["status"] for row in table if str(row["status"]).startswith("refused")}
    return [f"{method} {status}" for method, status in said.items()]


def measured_tubes(calibrations: Calibrations) -> xr.Dataset:
    """Return the measurement of both tubes, which all images of Table VII and Fig. 12 are made of."""
    return calibrations.measurement(TUBES, _IMAGE_SNR)


def image_of(matrix: xr.Dataset, y: xr.Dataset) -> xr.Dataset:
    """Return an image as the tables of the paper have it: ADMM with the published weights, x >= 0."""
    return reconstruct(matrix, y, _SOLVER, eps="auto", preset=_PRESET)
