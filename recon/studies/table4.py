"""TranSMS Table IV: pSNR of images from noisily recovered matrices, mean over the 34 test matrices, at 2x to 8x.

The protocol is that of `recon.studies.imaging`. The published figures are against the image from the reference matrix;
against the phantom there are none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from calib.studies.harness.figures import plot_table
from calib.studies.harness.missing import quick_note, shown
from calib.studies.harness.protocol import FACTORS
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.results import Row, deviation, formatted, text_table, write_results
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.tables import matrix_coords
from mpisim.cli.command import Result
from mpisim.progress import progress
from recon.studies.imaging import FIGURES, Imaging, RecoveryCase, Values, recovery_cases

__all__ = ["PUBLISHED", "table4"]

PUBLISHED = {
    "bicubic": (24.85, 14.05, 9.70),
    "bicubic-strided": (15.00, 9.86, 8.36),
    "cs": (19.92, -4.15, -14.20),
    "srcnn": (16.56, 12.39, -8.25),
    "vdsr": (23.07, 17.32, -9.62),
    "smrnet": (24.77, 20.38, -11.60),
    "transms": (26.35, 25.72, 20.89),
}
"""Mean pSNR in dB at 2x, 4x and 8x."""
REFERENCE = "reference"
"""Name of the images from the fine matrix itself."""
_TRAINING = ("status", "weights", "steps", "minutes", "parameters", "converged")
_TITLES = ("method", "factor", "ours", "paper", "ours - paper", "to phantom", "SSIM", "SSIM to phantom")
_FORMATS = {
    "method": "{}",
    "factor": "{}x",
    "psnr_db": "{:.2f}",
    "published_db": "{:.2f}",
    "difference_db": "{:+.1f}",
    "psnr_phantom_db": "{:.2f}",
    "ssim": "{:.3f}",
    "ssim_phantom": "{:.3f}",
}
Means = Mapping[str, float | None]


def table4(options: StudyOptions) -> Result:
    """Run the study and write `table4.nc`, `table4.csv` and `table4.png`."""
    recovery = Recovery(options)
    cases, notes = recovery_cases(recovery)
    shown(options, [{"method": case.method, "factor": case.factor, **case.training} for case in cases])
    matrices, complete = recovery.test, recovery.complete
    imaging = Imaging(recovery.cache, matrices)
    reference = imaging.reference_figures()
    values = [None if case.missing else imaging.figures(case) for case in progress(cases, unit="row")]
    table = [_case_row(case, v, complete) for case, v in zip(cases, values, strict=True)]
    own = _means(reference)  # against the phantom only: the others are compared with these images
    title = f"pSNR in dB of images, mean over {len(matrices)} test matrices, noisy" + (
        "" if complete else ", a short form, not comparable with published figures"
    )
    drawn = shown(options, table)
    figure = plot_table(drawn, "psnr_db", "published_db", "pSNR in dB", title, log=False)
    data = _dataset(cases, values, matrices, reference)
    rows = [*table, _row(REFERENCE, None, own)]
    files = write_results(options, "table4", data, rows, figure, recovery.cache.earlier)
    text = "\n".join([title, _text([*drawn, rows[-1]], [*quick_note(options), *notes])])
    return {"matrices": len(matrices), "table": table, "reference": own, "files": files, "text": text}


def _means(values: Values) -> Means:
    known = {key: [v for v in values.get(key, ()) if v is not None] for key in FIGURES}
    return {key: float(np.mean(numbers)) if numbers else None for key, numbers in known.items()}


def _case_row(case: RecoveryCase, values: Values | None, complete: bool) -> dict[str, object]:
    """Return the row of a case: its means, the published figure, and how its weights were trained."""
    means: Means = dict.fromkeys(FIGURES) if values is None else _means(values)
    known = PUBLISHED.get(case.method)
    published = known[FACTORS.index(case.factor)] if known and complete else None
    return _row(case.method, case.factor, means, published) | {key: case.training.get(key) for key in _TRAINING}


def _row(method: str, factor: int | None, means: Means, published: float | None = None) -> dict[str, object]:
    return {
        "method": method,
        "factor": factor,
        "psnr_db": means["psnr"],
        "published_db": published,
        "difference_db": deviation(means["psnr"], published, relative=False),
        "psnr_phantom_db": means["psnr_phantom"],
        "ssim": means["ssim"],
        "ssim_phantom": means["ssim_phantom"],
    }


def _dataset(
    cases: Sequence[RecoveryCase],
    values: Sequence[Values | None],
    matrices: Sequence[xr.Dataset],
    reference: Values,
) -> xr.Dataset:
    """Return the figures (row, matrix) and those of the reference images (matrix), NaN where one is missing."""
    missing = [None] * len(matrices)
    known = [key for key in FIGURES if all(v is None or key in v for v in values)]
    units = {key: {"units": "dB" if key.startswith("psnr") else "1"} for key in known}
    arrays = {
        key: (("row", "matrix"), np.array([v[key] if v else missing for v in values], dtype=float), units[key])
        for key in known
    }
    own = {
        f"{REFERENCE}_{key}": ("matrix", np.array(reference[key], dtype=float), units[key])
        for key in known
        if key in reference
    }
    coords = {
        "method": ("row", [case.method for case in cases]),
        "factor": ("row", [case.factor for case in cases]),
        **matrix_coords(matrices),
    }
    return xr.Dataset({**arrays, **own}, coords=coords)


def _text(rows: Sequence[Row], notes: Sequence[str]) -> str:
    lines = [formatted(row, _FORMATS) for row in rows]
    return text_table(_TITLES, lines, notes)
