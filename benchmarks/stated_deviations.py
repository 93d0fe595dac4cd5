"""How the standard deviations that interpolation states compare with its errors.

Matrices of scanners that are ideal, imperfect (the presets mild, medium and strong), and of a field-free point on a
Lissajous curve are measured by block means with noise at 33.7 dB, on several grids of 1 or 1.33 mm voxels, and
recovered by `bicubic-dc`, and by `smooth-rows` from the same blocks as samples at positions. Printed are the error in
percent, the RMS of the stated deviations over that of the errors, the same ratio by rows (10 and 90 % quantile), and
the shares of errors within the intervals of 68 and 95 %.

    python -m benchmarks.stated_deviations [--factors 2 4 8 16] [--grids 24x24 33x20] [--out FILE.csv]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import calib
import mpisim
from mpisim.data.coverage import coverage
from mpisim.data.schema import STD
from mpisim.data.views import as_images

SCANNERS = ("ideal", "mild", "medium", "strong", "lissajous-2d")
GRIDS = {"24x24": 0.032, "32x32": 0.032, "33x20": 0.033, "48x48": 0.048, "64x64": 0.032}
"""Grids, and the edge of the field of view along x in m."""
ANGLES = 12
STRONGEST = 40  # frequencies of the field-free point


def matrix(name: str, shape: str) -> xr.Dataset:
    """Return the fine matrix of a scanner on a grid, with few angles, or the strongest frequencies."""
    nx, ny = map(int, shape.split("x"))
    grid = mpisim.Grid((nx, ny), (GRIDS[shape], GRIDS[shape] * ny / nx))
    if name == "ideal":
        return mpisim.simulate(mpisim.open_sided_ffl(0.7, angles=ANGLES), mpisim.Particle(25e-9), grid)
    scanner = mpisim.read_scanner(name).scanner
    if not name.startswith("lissajous"):
        fine = mpisim.simulate(scanner, mpisim.Particle(25e-9), grid)
        return fine.isel(angle=slice(None, None, fine.sizes["angle"] // ANGLES))
    fine = mpisim.simulate(scanner, mpisim.Particle(20e-9), grid)
    size = np.abs(fine["system_matrix"]).max([d for d in fine["system_matrix"].dims if d != "frequency"])
    return fine.isel(frequency=np.sort(np.argsort(-size.values)[:STRONGEST]))


def judged(fine: xr.Dataset, factor: int) -> Iterator[dict[str, Any]]:
    """Yield the figures of each method at a factor."""
    kinds = (("bicubic-dc", {"edge": "fill"}), ("smooth-rows", {"sampling": "positions", "edge": "fill"}))
    for method, how in kinds:
        found = calib.recover(calib.downsample(fine, factor, **how), method)  # type: ignore[arg-type]
        rows, true = as_images(found).astype(complex), as_images(fine)
        std = found[STD].values.reshape(true.shape).astype(float)
        covered = coverage(rows, true, std)
        by_row = np.sqrt(2 * np.mean(std**2, axis=(1, 2)) / np.mean(np.abs(rows - true) ** 2, axis=(1, 2)))
        yield {
            "method": method,
            "error": 100 * calib.nrmse(found, fine),
            "ratio": covered.std_over_rmse,
            "q10": np.quantile(by_row, 0.1),
            "q90": np.quantile(by_row, 0.9),
            "in68": covered.within_68,
            "in95": covered.within_95,
        }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scanners", nargs="+", default=SCANNERS, choices=SCANNERS)
    parser.add_argument("--grids", nargs="+", default=tuple(GRIDS), choices=tuple(GRIDS))
    parser.add_argument("--factors", nargs="+", type=int, default=(2, 4, 8))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in options.scanners:
            for shape in options.grids:
                fine = matrix(name, shape)
                for factor in options.factors:
                    found = [{"scanner": name, "grid": shape, "factor": factor, **r} for r in judged(fine, factor)]
                    print(pd.DataFrame(found).round(2).to_string(header=False, index=False), flush=True)
                    rows += found
    table = pd.DataFrame(rows)
    print(
        table.groupby(["method", "factor"])[["ratio", "in68", "in95"]].agg(["mean", "min", "max"]).round(2).to_string()
    )
    if options.out is not None:
        table.round(4).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
