"""A measured receive array: images as its authors make them, beside ours, and from matrices recovered from 4 x 4.

FOLDER holds the files that https://github.com/BUAALGH/ISBI-2026-MPI-Encoding-Array publishes (MIT licence): ``S.mat``
(40 rows x 64 voxels, an 8 x 8 grid) and the measurements ``b1.mat`` .. ``b3.mat``.

- **As its authors**: the matrix is interpolated to 15 x 15 voxels (here by cubic splines at half steps), and the
  image is made by regularised Kaczmarz, 1000 sweeps, lambda 5e-4, real and not negative. They do not say what lambda is
  relative to; here it is the convention of MPIReco. An image on finer voxels is multiplied by 15^2 / 8^2, so that it
  has the unit of the others.
- **Ours**: the measured matrix as it is, Kaczmarz with the lambda that each measurement gives by itself (the rule
  ``auto``), and ADMM with a noise ball whose radius comes from the data.
- **From 4 x 4**: the matrix is averaged to 4 x 4 (as a large sample would measure it) and recovered by each method,
  then used by ADMM.

There is no truth to compare with. What can be checked is prediction: a fifth of the 40 rows is left out in turn, and
the image of the others must predict their data. The number below an image is the error of that prediction over all
rows.

Run::

    python examples/encoding_array.py FOLDER [--methods bicubic-dc,ridge,transms,auto] [--out encoding_array.png]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy.ndimage import zoom

import calib
import mpisim
import recon
from mpisim.data.schema import build
from mpisim.plot.panels import Group, edges, panels, save_figure

PHANTOMS = (1, 2, 3)
GRID = mpisim.Grid((8, 8), (8e-3, 8e-3))
FINER = 15
FOLDS = 5
Solve = Callable[..., xr.Dataset]


def interpolated(fine: xr.Dataset) -> xr.Dataset:
    """Return the matrix on 15 x 15 voxels at half steps between those of 8 x 8."""
    values = fine["system_matrix"].values
    scale = (1, FINER / 8, FINER / 8)
    parts = zoom(values.real, scale, order=3) + 1j * zoom(values.imag, scale, order=3)
    grid = mpisim.Grid((FINER, FINER), (FINER * 0.5e-3, FINER * 0.5e-3))
    units = fine["system_matrix"].attrs.get("units", "1")
    dims, coords = ("frequency", "y", "x"), {**grid.coords(), "frequency": np.arange(len(parts), dtype=float)}
    return build("system_matrix", parts, dims, coords, units=units, stage="fine", origin="measured")


def predicted(matrix: xr.Dataset, y: xr.Dataset, solve: Solve) -> float:
    """Return the error of rows that are left out in turn, as the image of the others predicts them; over all data."""
    rows, data = matrix["system_matrix"].values.reshape(y["measurement"].size, -1), y["measurement"].values
    missed = np.zeros(data.size, complex)
    for fold in range(FOLDS):
        out = np.arange(data.size) % FOLDS == fold
        image = solve(matrix, y, row_mask=~out)["image"].values.ravel()
        missed[out] = rows[out] @ image - data[out]
    return float(np.linalg.norm(missed) / np.linalg.norm(data))


def solvers() -> dict[str, Solve]:
    """Return how images are made, by title."""
    sweeps = partial(recon.reconstruct, method="kaczmarz")
    return {
        "authors": partial(sweeps, regularisation=5e-4, iterations=1000),
        "auto": partial(sweeps, regularisation="auto"),
        "admm": partial(recon.reconstruct, method="admm", eps="auto"),
    }


def columns(fine: xr.Dataset, methods: Sequence[str]) -> dict[str, tuple[xr.Dataset, Solve]]:
    """Return matrices and how their images are made, by title; print the errors of those recovered from 4 x 4."""
    by = solvers()
    found = {
        "as its authors:\n15 x 15,\n1000 sweeps": (interpolated(fine), by["authors"]),
        "8 x 8,\n1000 sweeps": (fine, by["authors"]),
        "ours: 8 x 8,\nKaczmarz": (fine, by["auto"]),
        "ours: 8 x 8,\nADMM": (fine, by["admm"]),
    }
    coarse = calib.downsample(fine, factor=2, snr=None)
    for method in methods:
        try:
            matrix = calib.recover(coarse, method)
        except mpisim.InputError as error:
            print(f"{method} is left out: {error}")
            continue
        taken = matrix.attrs["recovery"]["method"]
        name = method if taken == method else f"{method} ({taken})"
        print(f"{name:<20} 4 x 4 -> 8 x 8: nRMSE {100 * calib.nrmse(matrix, fine):.2f} %")
        found[f"from 4 x 4:\n{name}"] = (matrix, by["admm"])
    return found


def draw(images: Sequence[Sequence[xr.Dataset]], errors: np.ndarray, titles: Sequence[str]) -> Figure:
    """Draw the images of each phantom on one scale, with the error of prediction below."""
    groups = []
    for i, line in enumerate(images):
        values = [image["image"].values * (image["image"].size / 64) for image in line]
        top = max(float(v.max()) for v in values)
        notes = [f"predicts to {100 * e:.2g} %" for e in errors[i]]
        panel = [(v, edges(image)) for v, image in zip(values, line, strict=True)]
        label = "concentration /\nthat of the sample"
        groups.append(Group([panel], [f"b{PHANTOMS[i]}"], label, (0.0, top), "inferno", [notes]))
    return panels(groups, titles, "Images of a measured receive array; one scale for each phantom")


def main(words: Sequence[str] | None = None) -> dict[str, list[float]]:
    """Print and draw what a command line asks for; return the error of prediction of every phantom by title."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of S.mat and b1.mat .. b3.mat")
    parser.add_argument("--methods", default="bicubic-dc,ridge,profile,transms,physical,auto", help="of recovery")
    parser.add_argument("--out", default="encoding_array.png", help="PNG file to write")
    options = parser.parse_args(words)
    warnings.simplefilter("ignore", mpisim.errors.DataWarning)  # of fits without a noise level, and what auto chose
    fine = mpisim.read(options.folder / "S.mat", "S", GRID)
    chosen = columns(fine, options.methods.split(","))
    measured = [mpisim.read(options.folder / f"b{i}.mat") for i in PHANTOMS]
    errors = np.array([[predicted(matrix, y, solve) for matrix, solve in chosen.values()] for y in measured])
    for title, of_phantoms in zip(chosen, errors.T, strict=True):
        figures = ", ".join(f"{100 * e:.1f}" for e in of_phantoms)
        print(f"{' '.join(title.split()):<40} predicts rows that were left out to {figures} %")
    images = [[solve(matrix, y) for matrix, solve in chosen.values()] for y in measured]
    save_figure(draw(images, errors, list(chosen)), options.out)
    return {title: errors[:, i].tolist() for i, title in enumerate(chosen)}


if __name__ == "__main__":
    main()
