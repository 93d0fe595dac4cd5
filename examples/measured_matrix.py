"""The main job on a measured matrix: recover 8 x 8 from its 4 x 4, then 16 x 16 from the 8 x 8, and reconstruct.

FOLDER holds MATLAB files as https://github.com/BUAALGH/ISBI-2026-MPI-Encoding-Array publishes them: `S.mat` with the
array `S` (40 rows x 64 voxels, an 8 x 8 grid) and the measurements `b1.mat` .. `b3.mat`.

1. The 8 x 8 matrix is averaged to 4 x 4 (a retrospective large sample), recovered by every method that applies, and
   compared with what was measured.
2. The 8 x 8 matrix is taken as the coarse one and brought to 16 x 16. There is no reference; look at the images.
3. The measurements are reconstructed with the measured 8 x 8 and the recovered 16 x 16 matrix. Their noise is unknown:
   `--eps auto` estimates it from the residual of the best non-negative fit. On 16 x 16 voxels that fit has more
   unknowns than the 40 complex rows bear, so the radius found on 8 x 8 is used there too. A matrix that explains the
   data with no image to within it is marked, and does not set the colour scale.

The files say nothing of positions: a measured voxel is drawn as 1 mm.

Everything is done by the commands a user would type; they are printed.

Run:  python examples/measured_matrix.py FOLDER [--out measured]
"""

import argparse
import shlex
from pathlib import Path

import numpy as np

import mpisim
from mpisim.cli.command import call
from mpisim.plot.panels import Group, edges, panels, save_figure
from recon.studies.demo import methods_at_hand

PHANTOMS = (1, 2, 3)


def run(name, *words):
    """Run a command, printing it."""
    typed = [str(w) for w in words]
    print(shlex.join(["mpisim", name, *typed]))
    return call(name, typed)


def recover_and_evaluate(folder, out):
    """4 x 4 -> 8 x 8: nRMSE by method against the measured matrix."""
    run("convert", folder / "S.mat", out / "sm8.nc", "--variable", "S", "--grid", "8x8")
    run("downsample", out / "sm8.nc", "--factor", 2, "--noiseless", "--out", out / "coarse4.nc")
    errors = {}
    for method in (m for m in methods_at_hand(2) if m != "profile"):  # which needs angles
        run("recover", out / "coarse4.nc", "--method", method, "--out", out / f"sm8_{method}.nc")
        errors[method] = run("evaluate", out / f"sm8_{method}.nc", "--reference", out / "sm8.nc")["nrmse"]
    return errors


def reconstruct_measured(folder, out, methods):
    """8 x 8 -> 16 x 16, and images of every phantom with each matrix: columns, lines of panels, whether they fit."""
    files = {"measured 8 x 8": out / "sm8.nc"}
    run("convert", folder / "S.mat", out / "coarse8.nc", "--variable", "S", "--grid", "8x8", "--coarse", 2)
    for method in methods:
        files[f"{method}\n16 x 16"] = out / f"sm16_{method}.nc"
        run("recover", out / "coarse8.nc", "--method", method, "--out", out / f"sm16_{method}.nc")
    table, fits = [], []
    for i in PHANTOMS:
        run("convert", folder / f"b{i}.mat", out / f"b{i}.nc")
        line, fitting, eps = [], [], "auto"
        for number, file in enumerate(files.values()):
            target = out / f"image{i}_{number}.nc"
            figures = run("reconstruct", file, out / f"b{i}.nc", "--eps", eps, "--out", target)
            print(f"    eps {figures['eps']:.4g}, least residual {figures['least_residual']:.4g}")
            eps = figures["eps"]
            image = mpisim.read(target)
            line.append((image["image"].values, edges(image)))
            fitting.append(figures["feasible"])
        table.append(line)
        fits.append(fitting)
    return list(files), table, fits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("measured"))
    options = parser.parse_args()
    found = recover_and_evaluate(options.folder, options.out)
    columns, images, fits = reconstruct_measured(options.folder, options.out, list(found))
    marked = [(p[0], fit) for line, of in zip(images, fits, strict=True) for p, fit in zip(line, of, strict=True)]
    top = max(float(np.max(values)) for values, fit in marked if fit)
    notes = [["" if fit else "fits no image" for fit in of] for of in fits]
    lines = [f"phantom b{i}" for i in PHANTOMS]
    group = Group(images, lines, "concentration / that of the sample", (0.0, top), "inferno", notes)
    figure = panels([group], columns)
    save_figure(figure, options.out / "images.png")
    for method, error in found.items():
        print(f"{method:<12} 4 x 4 -> 8 x 8: nRMSE {100 * error:.2f} % of what was measured")
    print(f"images: {options.out / 'images.png'}")
