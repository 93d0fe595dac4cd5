"""TranSMS Table IV: pSNR of images from noisily recovered matrices, mean over the 34 test matrices, at 2x to 8x.

The protocol is that of `recon.studies.imaging`. The published figures are against the image from the reference matrix;
against the phantom there are none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from calib.studies.harness.figures import plot_table
from calib.studies.harness.protocol import FACTORS, TESTS
from calib.studies.harness.results import deviation, text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.progress import progress
from recon.studies.imaging import FIGURES, Imaging, Recipe, recipes

__all__ = ["PUBLISHED", "table4"]

PUBLISHED = {  # pSNR in dB at 2x, 4x, 8x
    "bicubic": (24.85, 14.05, 9.70),
    "bicubic-strided": (15.00, 9.86, 8.36),
    "cs": (19.92, -4.15, -14.20),
    "srcnn": (16.56, 12.39, -8.25),
    "vdsr": (23.07, 17.32, -9.62),
    "smrnet": (24.77, 20.38, -11.60),
    "transms": (26.35, 25.72, 20.89),
}
REFERENCE = "reference"
"""Name of the images from the fine matrix itself."""
_TRAINING = ("status", "weights", "steps", "minutes", "parameters", "converged")


def table4(options: StudyOptions) -> Mapping[str, Any]:
    """Run the study and write `table4.nc`, `table4.csv` and `table4.png`."""
    chosen, told = recipes(options)
    matrices = options.matrices("test")
    complete = not options.quick and len(matrices) == TESTS
    with Imaging(options, matrices) as imaging:
        reference = imaging.reference_figures()
        found = [None if r.missing else imaging.figures(r) for r in progress(chosen, unit="row")]
    table = [_line(r, f, complete) for r, f in zip(chosen, found, strict=True)]
    own = {**_means(reference), "psnr": None, "ssim": None}  # the images that the others are compared with
    kept = [*table, _row(REFERENCE, None, own)]
    title = f"pSNR in dB of images, mean over {len(matrices)} test matrices, noisy" + (
        "" if complete else ", a short form, not to be set beside published figures"
    )
    figure = plot_table(table, "psnr_db", "published_db", "pSNR in dB", title, log=False)
    data = _dataset(chosen, found, matrices, reference)
    files = write_results(options, "table4", data, kept, figure, imaging.cache.earlier)
    text = "\n".join([title, _text(table, own, told)])
    return {"matrices": len(matrices), "table": table, "reference": own, "files": files, "text": text}


def _means(figures: Mapping[str, Sequence[Any]]) -> dict[str, float | None]:
    known = {key: [v for v in figures.get(key, ()) if v is not None] for key in FIGURES}
    return {key: float(np.mean(values)) if values else None for key, values in known.items()}


def _line(recipe: Recipe, figures: Mapping[str, Sequence[Any]] | None, complete: bool) -> dict[str, Any]:
    means = dict.fromkeys(FIGURES) if figures is None else _means(figures)
    published = PUBLISHED[recipe.method][FACTORS.index(recipe.factor)] if recipe.method in PUBLISHED else None
    published = published if complete else None
    training = {key: recipe.training.get(key) for key in _TRAINING}
    return _row(recipe.method, recipe.factor, means, published) | training


def _row(
    method: str, factor: int | None, means: Mapping[str, float | None], published: float | None = None
) -> dict[str, Any]:
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
    chosen: Sequence[Recipe],
    found: Sequence[Mapping[str, Sequence[Any]] | None],
    matrices: Sequence[xr.Dataset],
    reference: Mapping[str, Sequence[Any]],
) -> xr.Dataset:
    values = {
        key: [[np.nan] * len(matrices) if f is None else [np.nan if v is None else v for v in f[key]] for f in found]
        for key in FIGURES
        if all(f is None or key in f for f in found)
    }
    units = {key: "dB" if key.startswith("psnr") else "1" for key in values}
    coords = {
        "method": ("row", [r.method for r in chosen]),
        "factor": ("row", [r.factor for r in chosen]),
        "sf_gradient": ("matrix", [float(m["sf_gradient"]) for m in matrices], {"units": "T/m"}),
        "particle_diameter": ("matrix", [float(m["particle_diameter"]) for m in matrices], {"units": "m"}),
    }
    arrays = {key: (("row", "matrix"), np.array(v, dtype=float), {"units": units[key]}) for key, v in values.items()}
    own = {
        f"{REFERENCE}_{key}": ("matrix", np.array(reference[key], dtype=float), {"units": units[key]})
        for key in ("psnr_phantom", "ssim_phantom")
        if key in values and key in reference
    }
    return xr.Dataset({**arrays, **own}, coords=coords)


def _text(table: Sequence[Mapping[str, Any]], reference: Mapping[str, float | None], told: Sequence[str]) -> str:
    cells: list[list[Any]] = []
    for row in table:
        numbers = (row["psnr_db"], row["published_db"], row["difference_db"], row["psnr_phantom_db"])
        shown = [None if v is None else f"{v:+.1f}" if i == 2 else f"{v:.2f}" for i, v in enumerate(numbers)]
        shown[0] = "missing" if row["status"] == "missing" else shown[0]
        similar = [None if row[k] is None else f"{row[k]:.3f}" for k in ("ssim", "ssim_phantom")]
        cells.append([row["method"], f"{row['factor']}x", *shown, *similar])
    of = {k: None if v is None else f"{v:.3g}" for k, v in reference.items()}
    cells.append([REFERENCE, None, None, None, None, of["psnr_phantom"], None, of["ssim_phantom"]])
    titles = ("method", "factor", "ours", "paper", "ours - paper", "to phantom", "SSIM", "SSIM to phantom")
    return text_table(titles, cells, told)
