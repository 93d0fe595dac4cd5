"""The main job on a measured matrix, of a scanner without a field-free line: recover 8 x 8 voxels from 4 x 4.

FOLDER holds MATLAB files as https://github.com/BUAALGH/ISBI-2026-MPI-Encoding-Array publishes them (MIT licence):
`S.mat` with the array `S` (40 rows x 64 voxels, an 8 x 8 grid) and the measurements `b1.mat` .. `b3.mat`.

1. The 8 x 8 matrix is averaged to 4 x 4 (a retrospective large sample), recovered by each method, and compared with
   the measured matrix. `auto` looks for a scanner with a field-free line. This one has none, as it says, and it names
   the method that it took instead. A method that cannot take the matrix is left out with its sentence.
2. The 8 x 8 matrix is taken as the coarse one and brought to 16 x 16. There is no reference; look at the images.
3. The measurements are reconstructed with the measured 8 x 8 and the recovered 16 x 16 matrices. Their noise is
   unknown: `eps="auto"` estimates it from the residual of the best non-negative fit. On 16 x 16 voxels that fit has
   more unknowns than the 40 complex rows determine, so the radius from 8 x 8 voxels serves there too. A matrix that
   explains the data with no image to within this radius is marked, and does not set the colour scale.

The files say nothing of positions: a measured voxel is drawn as 1 mm.

Run::

    python examples/measured_matrix.py FOLDER [--methods bicubic-dc,ridge,transms,physical,auto] [--out measured.png]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

import calib
import mpisim
import recon
from mpisim.plot.panels import Group, edges, panels, save_figure

PHANTOMS = (1, 2, 3)
GRID = mpisim.Grid((8, 8), (8e-3, 8e-3))


def recovered(coarse: xr.Dataset, methods: Sequence[str]) -> dict[str, xr.Dataset]:
    """Return the fine matrix of every method that takes the coarse one, and print what `auto` says."""
    found = {}
    for method in methods:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", mpisim.errors.DataWarning)  # what `auto` chose is printed below
                found[method] = calib.recover(coarse, method)
        except mpisim.InputError as error:
            print(f"{method} is left out: {error}")
            continue
        record = found[method].attrs["recovery"]
        if "tried" in record:
            print(f"{method} took {record['method']}: {record['reason']}.")
    return found


def images_of(y: xr.Dataset, matrices: Mapping[str, xr.Dataset]) -> list[xr.Dataset]:
    """Return an image from every matrix, with the radius of the noise ball from the first."""
    eps, images = "auto", []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mpisim.errors.DataWarning)  # images that fit no data are marked
        for matrix in matrices.values():
            images.append(recon.reconstruct(matrix, y, eps=eps))
            eps = images[-1].attrs["eps"]
    return images


def draw(table: Sequence[Sequence[xr.Dataset]], columns: Sequence[str]) -> Figure:
    """Draw all images, one line for each phantom; marked where a matrix fits no image."""
    top = max(float(i["image"].max()) for line in table for i in line if i.attrs["feasible"])
    values = [[(i["image"].values, edges(i)) for i in line] for line in table]
    notes = [["" if i.attrs["feasible"] else "fits no image" for i in line] for line in table]
    lines = [f"phantom b{i}" for i in PHANTOMS]
    group = Group(values, lines, "concentration / that of the sample", (0.0, top), "inferno", notes)
    return panels([group], columns)


def main(words: Sequence[str] | None = None) -> dict[str, float]:
    """Print and draw what a command line asks for; return the nRMSE of every method at 4 x 4 -> 8 x 8."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of S.mat and b1.mat .. b3.mat")
    parser.add_argument("--methods", default="bicubic-dc,ridge,transms,physical,auto", help="methods of recovery")
    parser.add_argument("--out", default="measured.png", help="PNG file to write (default measured.png)")
    options = parser.parse_args(words)
    matrix, methods = options.folder / "S.mat", options.methods.split(",")
    fine = mpisim.read(matrix, "S", GRID)
    halved = recovered(calib.downsample(fine, factor=2, snr=None), methods)
    errors = {method: calib.nrmse(found, fine) for method, found in halved.items()}
    for method, error in errors.items():
        print(f"{method:<12} 4 x 4 -> 8 x 8: nRMSE {100 * error:.2f} % of what was measured")
    finer = recovered(mpisim.read(matrix, "S", GRID, coarse=2), list(halved))
    matrices = {"measured 8 x 8": fine, **{f"{method}\n16 x 16": found for method, found in finer.items()}}
    table = [images_of(mpisim.read(options.folder / f"b{i}.mat"), matrices) for i in PHANTOMS]
    save_figure(draw(table, list(matrices)), options.out)
    return errors


if __name__ == "__main__":
    main()
