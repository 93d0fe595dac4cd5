"""TranSMS Table III: nRMSE of recovered system matrices over the 34 test matrices, noiseless and noisy, at 2x to 8x.

For every method the coarse matrix is measured as that method needs it (box or strided), with the same noise draw per
matrix, and the figure is the mean over matrices of the nRMSE of each. Learned methods take the weights that ship.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from calib.nets import FACTORS
from calib.recover import METHODS, recover
from calib.sampling import downsample
from calib.shipped import shipped_weights
from mpisim.cells import transms_cells
from mpisim.dataset import Family
from mpisim.errors import InputError
from mpisim.io import read
from mpisim.io.atomic import output_folder, replacing, write_text
from mpisim.metrics import nrmse
from mpisim.particles import Particle
from mpisim.progress import progress
from mpisim.simulate import simulate
from mpisim.version import __version__

__all__ = ["PUBLISHED", "table3"]

SNR = 33.7
PUBLISHED = {  # nRMSE in %, noiseless and noisy, at 2x, 4x, 8x
    "bicubic": ((3.53, 14.82, 46.88), (4.02, 14.95, 46.92)),
    "bicubic-strided": ((14.9, 42.61, 80.20), (16.6, 50.20, 93.34)),
    "transms": ((0.09, 0.13, 0.40), (0.41, 0.58, 3.71)),
}


def table3(out: Path, quick: bool = False, data: Path | None = None) -> Mapping[str, Any]:
    """Run the study and write `table3.nc` and `table3.csv`.

    Parameters
    ----------
    out
        Folder to write.
    quick
        Three test matrices only.
    data
        A folder of `mpisim dataset --preset transms`; without it the test matrices are simulated.

    Returns
    -------
    dict
        The table as rows, and as `text`.
    """
    folder = output_folder(out)
    results = evaluate_methods(list(test_matrices(data, 3 if quick else None)))
    results.attrs = {"software": f"mpisim {__version__}", "snr": SNR, "quick": int(quick)}
    with replacing(folder / "table3.nc") as temporary:
        results.to_netcdf(temporary, engine="netcdf4")
    table = summarise(results)
    lines = ["method,factor,noise,nrmse_percent,published_percent"]
    lines += [
        ",".join("" if v is None else f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values())
        for row in table
    ]
    write_text(folder / "table3.csv", "\n".join(lines) + "\n")
    return {"matrices": results.sizes["matrix"], "table": table, "text": as_text(table, results.sizes["matrix"])}


def test_matrices(data: Path | None, count: int | None) -> Iterator[xr.Dataset]:
    """Yield the test matrices of the preset, read or simulated, or `count` of them, spread over the split."""
    cells = [c for c in transms_cells() if c.split == "test"]
    cells = cells if count is None else cells[:: len(cells) // count][:count]
    if data is not None and not (data / "test").is_dir():
        raise InputError(
            f"Input --data must be a folder of `mpisim dataset --preset transms`; instead received {data}."
        )
    for cell in cells:
        if data is not None:
            yield read(data / "test" / f"{cell.name}.nc")
        else:
            yield simulate(Family().scanner_of(cell), Particle(cell.particle_diameter))


def evaluate_methods(matrices: list[xr.Dataset], methods: Sequence[str] = tuple(METHODS)) -> xr.Dataset:
    """Return `nrmse` (method, factor, noise, matrix) of some methods, NaN where no weights ship."""
    names = list(methods)
    values = np.full((len(names), len(FACTORS), 2, len(matrices)), np.nan)
    cells = [
        (i, j)
        for i, name in enumerate(names)
        for j, factor in enumerate(FACTORS)
        if not METHODS[name].learned or shipped_weights(name, factor).is_file()
    ]
    for i, j in progress(cells, unit="method and factor"):
        for k, snr in enumerate((None, SNR)):
            for m, fine in enumerate(matrices):
                coarse = downsample(fine, FACTORS[j], METHODS[names[i]].schemes[0], snr=snr, seed=m)
                values[i, j, k, m] = nrmse(recover(coarse, names[i]), fine)
    coords = {
        "method": names,
        "factor": list(FACTORS),
        "noise": ["noiseless", "noisy"],
        "sf_gradient": ("matrix", [float(m["sf_gradient"]) for m in matrices], {"units": "T/m"}),
        "particle_diameter": ("matrix", [float(m["particle_diameter"]) for m in matrices], {"units": "m"}),
    }
    return xr.Dataset({"nrmse": (("method", "factor", "noise", "matrix"), values, {"units": "1"})}, coords=coords)


def summarise(results: xr.Dataset) -> list[dict[str, Any]]:
    """Return one row per method, factor and noise: ours and the published figure in %."""
    table = []
    for method in results["method"].values.tolist():
        for j, factor in enumerate(results["factor"].values.tolist()):
            for k, noise in enumerate(results["noise"].values.tolist()):
                mean = float(results["nrmse"].sel({"method": method, "factor": factor, "noise": noise}).mean("matrix"))
                if np.isfinite(mean):
                    published = PUBLISHED[method][k][j] if method in PUBLISHED else None
                    table.append(
                        {
                            "method": method,
                            "factor": factor,
                            "noise": noise,
                            "nrmse_percent": 100 * mean,
                            "published_percent": published,
                        }
                    )
    return table


def as_text(table: list[dict[str, Any]], matrices: int) -> str:
    """Return the table for the terminal: ours, the published figure and the difference between them, relative."""
    lines = [
        f"nRMSE in %, mean over {matrices} test matrices",
        f"{'method':<24}{'factor':>7} {'noise':<10}{'ours':>8}{'paper':>8}{'off by':>9}",
    ]
    for row in table:
        published = row["published_percent"] if matrices == 34 else None  # fewer cannot be set beside it
        beside = (
            f"{published:>8.2f}{100 * (row['nrmse_percent'] / published - 1):>+8.0f}%"
            if published
            else f"{'-':>8}{'-':>9}"
        )
        lines.append(f"{row['method']:<24}{row['factor']:>6}x {row['noise']:<10}{row['nrmse_percent']:>8.2f}{beside}")
    return "\n".join(lines)
