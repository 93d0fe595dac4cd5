"""What the standard deviation of a matrix gains for images: beside the same matrix without it.

It is used with the coherence 0 (errors of voxels are independent) and with the default, that of recovered matrices.

Errors of a known deviation are added to matrices of ideal scanners. The deviation differs between rows (log-normal, by
a factor of e) and, but for the third kind, between voxels (it grows from the centre to the edge):

- `white`: independent between voxels;
- `smooth`: the same deviation, correlated over about five voxels (Gaussian kernel of 2 voxels), which a deviation by
  voxel does not tell;
- `gain`: every row is wrong by a complex factor, so that its errors are fully correlated.

Phantoms are measured with the exact matrix on twice as fine voxels. Printed is the mean pSNR against the true phantom,
and against the image of the same method from the exact matrix. With `--recovered` and `--exact`, recovered matrices
with their deviations take the place of the first.

    python -m benchmarks.uncertain_matrix [--voxels 24] [--angles 40] [--scanners 2]
    python -m benchmarks.uncertain_matrix --recovered fine.nc ... --exact sm.nc ...
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.ndimage import gaussian_filter

import mpisim
import recon
from mpisim.data.schema import STD
from mpisim.errors import DataWarning

KINDS = ("white", "smooth", "gain")
LEVELS = (0.02, 0.05)
"""RMS of the errors over that of the matrix."""
NOISE_LEVELS = (20.0, 30.0, 40.0)
METHODS = ("admm", "tikhonov", "kaczmarz")
USES: dict[str, dict[str, Any]] = {"without": {"use_std": False}, "independent": {"std_coherence": 0}, "default": {}}
_KERNEL = 2.0  # voxels


def uncertain(fine: xr.Dataset, kind: str, level: float, seed: int) -> xr.Dataset:
    """Return a matrix with errors of a kind, which states their deviation."""
    rng = np.random.default_rng([seed, KINDS.index(kind), round(1e4 * level)])
    variable = fine["system_matrix"]
    values, ny, nx = variable.values.astype(complex), *variable.shape[-2:]
    y, x = np.mgrid[:ny, :nx]
    far = np.hypot(x / (nx - 1) - 0.5, y / (ny - 1) - 0.5)
    by_row = np.exp(rng.normal(size=(*variable.shape[:-2], 1, 1)))
    std = by_row * (np.abs(values) if kind == "gain" else 0.3 + 2 * far)
    std *= level * np.sqrt(np.mean(np.abs(values) ** 2) / (2 * np.mean(std**2)))
    if kind == "gain":
        factor = rng.normal(size=by_row.shape) + 1j * rng.normal(size=by_row.shape)
        errors = factor * std * np.exp(1j * np.angle(values))
    else:
        errors = std * (_field(rng, values.shape, kind) + 1j * _field(rng, values.shape, kind))
    wrong = variable.copy(data=values + errors)
    found = fine.assign({"system_matrix": wrong, STD: (variable.dims, std, variable.attrs)})
    return found.assign_attrs(origin="recovered")


def _field(rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> np.ndarray:
    """Return normal numbers of the deviation 1, independent or smooth over the voxels."""
    values = rng.normal(size=shape)
    if kind == "smooth":
        values = gaussian_filter(values, (0,) * (len(shape) - 2) + (_KERNEL, _KERNEL), mode="wrap")
        values /= values.std()
    return values


def scanners(voxels: int, angles: int, count: int) -> Iterator[xr.Dataset]:
    """Yield matrices of ideal scanners with gradients and diameters as in the data sets."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        gradient, diameter = float(rng.uniform(0.5, 1.0)), float(rng.uniform(20e-9, 28e-9))
        scanner = mpisim.open_sided_ffl(gradient, angles=angles)
        yield mpisim.simulate(scanner, mpisim.Particle(diameter), mpisim.Grid((voxels, voxels)))


def images(exact: xr.Dataset, found: xr.Dataset, seed: int, **described: object) -> Iterator[dict[str, object]]:
    """Yield the quality of images with and without the deviation, by phantom, level of noise and method."""
    for name, phantom in recon.phantoms.PHANTOMS.items():
        for snr in NOISE_LEVELS:
            y = recon.measure(exact, phantom(), snr=snr, seed=seed)
            truth = y["phantom"].values
            for method in METHODS:
                best = recon.reconstruct(exact, y, method)["image"].values
                row = {**described, "phantom": name, "snr": snr, "method": method, "exact": recon.psnr(best, truth)}
                for label, used in USES.items():
                    image = recon.reconstruct(found, y, method, **used)["image"].values
                    row |= {label: recon.psnr(image, truth), f"{label}, image": min(recon.psnr(image, best), 99.0)}
                yield row


def main() -> None:
    """Print tables of means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, default=24)
    parser.add_argument("--angles", type=int, default=40)
    parser.add_argument("--scanners", type=int, default=2)
    parser.add_argument("--recovered", nargs="+", default=[])
    parser.add_argument("--exact", nargs="+", default=[])
    parser.add_argument("--csv", help="also write every case to this file")
    options = parser.parse_args()
    warnings.simplefilter("ignore", DataWarning)
    rows: list[dict[str, object]] = []
    for seed, (found, exact) in enumerate(zip(options.recovered, options.exact, strict=True)):
        rows += images(mpisim.read(exact), mpisim.read(found), seed, kind=found, level=np.nan)
    if not options.recovered:
        for seed, exact in enumerate(scanners(options.voxels, options.angles, options.scanners)):
            for kind in KINDS:
                for level in LEVELS:
                    rows += images(exact, uncertain(exact, kind, level, seed), seed, kind=kind, level=level)
    table = pd.DataFrame(rows)
    table["gain"] = table["default"] - table["without"]
    if options.csv:
        table.to_csv(options.csv, index=False, float_format="%.4f")
    for by in (["method", "kind", "level"], ["method", "snr"]):
        figures = table.groupby(by, dropna=False).mean(numeric_only=True)
        figures["least gain"] = table.groupby(by, dropna=False)["gain"].min()
        print(figures.drop(columns=[c for c in ("snr", "level") if c in figures]).round(2).to_string(), end="\n\n")


if __name__ == "__main__":
    main()
