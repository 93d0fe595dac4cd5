"""The main job on a measured matrix: recover 8 x 8 from its 4 x 4, then 16 x 16 from the 8 x 8, and reconstruct.

FOLDER holds MATLAB files as https://github.com/BUAALGH/ISBI-2026-MPI-Encoding-Array publishes them: `S.mat` with the
array `S` (40 rows x 64 voxels, an 8 x 8 grid) and the measurements `b1.mat` .. `b3.mat`.

1. The 8 x 8 matrix is averaged to 4 x 4 (a retrospective large sample), recovered by every method that applies, and
   compared with the measured matrix.
2. The 8 x 8 matrix is taken as the coarse one and brought to 16 x 16. There is no reference; look at the images.
3. The measurements are reconstructed with the measured 8 x 8 and the recovered 16 x 16 matrices. Their noise is
   unknown: `eps="auto"` estimates it from the residual of the best non-negative fit. On 16 x 16 voxels that fit has
   more unknowns than the 40 complex rows determine, so the radius from 8 x 8 voxels serves there too. A matrix that
   explains the data with no image to within this radius is marked, and does not set the colour scale.

The files say nothing of positions: a measured voxel is drawn as 1 mm.

Run:  python examples/measured_matrix.py FOLDER [--out measured]
"""

import argparse
from pathlib import Path

import calib
import mpisim
import recon
from mpisim.plot.panels import Group, edges, panels, save_figure
from recon.studies.demo import available_methods

PHANTOMS = (1, 2, 3)
GRID = mpisim.Grid((8, 8), (8e-3, 8e-3))


def recover_measured(folder):
    """4 x 4 -> 8 x 8: the nRMSE of every method against what was measured."""
    fine = mpisim.read(folder / "S.mat", "S", GRID)
    coarse = calib.downsample(fine, factor=2, snr=None)
    methods = (m for m in available_methods(2) if m != "profile")  # which needs angles
    return {method: calib.nrmse(calib.recover(coarse, method), fine) for method in methods}


def matrices_of(folder, methods):
    """The measured matrix, and that of every method: 8 x 8 -> 16 x 16."""
    coarse = mpisim.read(folder / "S.mat", "S", GRID, coarse=2)
    recovered = {f"{method}\n16 x 16": calib.recover(coarse, method) for method in methods}
    return {"measured 8 x 8": mpisim.read(folder / "S.mat", "S", GRID), **recovered}


def images_of(y, matrices):
    """An image from every matrix, with the radius of the noise ball from the first."""
    eps, images = "auto", []
    for name, matrix in matrices.items():
        images.append(recon.reconstruct(matrix, y, eps=eps))
        eps = images[-1].attrs["eps"]
        print(f"{name.split()[0]:<12} eps {eps:.4g}, least residual {images[-1].attrs['least_residual']:.4g}")
    return images


def draw(table, columns):
    """Panels of all images, one line for each phantom; marked where a matrix fits no image."""
    top = max(float(i["image"].max()) for line in table for i in line if i.attrs["feasible"])
    values = [[(i["image"].values, edges(i)) for i in line] for line in table]
    notes = [["" if i.attrs["feasible"] else "fits no image" for i in line] for line in table]
    lines = [f"phantom b{i}" for i in PHANTOMS]
    group = Group(values, lines, "concentration / that of the sample", (0.0, top), "inferno", notes)
    return panels([group], columns)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("measured"))
    options = parser.parse_args()
    errors = recover_measured(options.folder)
    matrices = matrices_of(options.folder, list(errors))
    table = [images_of(mpisim.read(options.folder / f"b{i}.mat"), matrices) for i in PHANTOMS]
    options.out.mkdir(parents=True, exist_ok=True)
    save_figure(draw(table, list(matrices)), options.out / "images.png")
    for method, error in errors.items():
        print(f"{method:<12} 4 x 4 -> 8 x 8: nRMSE {100 * error:.2f} % of what was measured")
    print(f"images: {options.out / 'images.png'}")
