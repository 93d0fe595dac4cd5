"""What does the inhomogeneity of a receive coil cost?

A flat coil lies below the field of view of an open-sided scanner, at the distance ``--height``. Its sensitivity follows
from the law of Biot and Savart (``mpisim.WoundCoil``): a small coil receives most from the middle; a coil whose radius
is about twice the distance receives alike from the whole field of view. For each radius two costs are computed:

- the image of two tubes at 30 dB, made with the matrix of a homogeneous coil of the sensitivity in the centre, with
  that of the true coil, and with matrices recovered from a calibration at 4x. The pSNR is against the image with the
  true matrix;
- the error (nRMSE) of these recovered matrices. ``bicubic-dc`` presumes nothing of the coil; ``profile`` presumes that
  all angles share one profile, and a network rows like those that it was trained on.

The inhomogeneity is the largest deviation of the coil's z component from that in the centre.

Run::

    python examples/coil_inhomogeneity.py [--radii 20,25,30,40,50] [--height 25] [--out coil_inhomogeneity.png]
"""  # noqa: D400 - a question

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

import calib
import mpisim
import recon
from mpisim.cli.command import argument_type
from mpisim.cli.options import at_least, ranged
from mpisim.plot import save_figure
from mpisim.progress import progress

PARTICLE = mpisim.Particle(25e-9)
GRID = mpisim.Grid()


def flat_coil(radius: float, height: float) -> tuple[mpisim.WoundCoil, np.ndarray]:
    """Return a loop of 100 turns and its z sensitivity over that in the centre, shape (y, x); lengths in m."""
    coil = mpisim.WoundCoil((mpisim.Loop((0.0, 0.0, -height), (0.0, 0.0, 1.0), radius),), turns=100)
    middle = coil.sensitivity(np.zeros(3), 0.0)[2]
    return coil, coil.sensitivity(GRID.centers(), 0.0)[:, 2].reshape(GRID.array_shape) / middle


def costs(radius: float, options: argparse.Namespace) -> list[list[float]]:
    """Return nRMSE of matrices in % and pSNR of images in dB: of the homogeneous coil, then of recovered matrices."""
    scanner = mpisim.open_sided_ffl(0.7, angles=options.angles)
    coil = flat_coil(radius, options.height)[0]
    flat = mpisim.Coil(tuple(coil.sensitivity(np.zeros(3), 0.0).tolist()))
    scanners = (mpisim.ImperfectFFL.of(scanner, coils=(c,)) for c in (coil, flat))
    true, homogeneous = (mpisim.simulate(s, PARTICLE, GRID) for s in scanners)
    coarse = calib.downsample(true, factor=4, snr=33.7, seed=0)
    matrices = [homogeneous, *(calib.recover(coarse, method) for method in options.methods)]
    y = recon.measure(true, recon.phantoms.tubes(), snr=30, seed=0)
    best, *images = (recon.reconstruct(m, y, eps="auto")["image"].values for m in (true, *matrices))
    quality = [recon.psnr(image, best) for image in images]
    return [[100 * calib.nrmse(matrix, true) for matrix in matrices], quality]


def draw(maps: Sequence[np.ndarray], errors: np.ndarray, quality: np.ndarray, options: argparse.Namespace) -> Figure:
    """Draw the sensitivities on one scale, and both costs against the radius."""
    figure = Figure(figsize=(9.5, 6.4), dpi=110, layout="constrained")
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.25))[:, 0]
    half, radii = 500 * GRID.fov[0], 1e3 * np.array(options.radii)
    axes, lowest = upper.subplots(1, len(maps), squeeze=False, sharey=True)[0], min(m.min() for m in maps)
    for ax, values, radius in zip(axes, maps, radii, strict=True):
        shown = ax.imshow(values, origin="lower", extent=(-half, half, -half, half), vmin=lowest, vmax=1)
        ax.set_title(f"radius {radius:g} mm: {100 * np.abs(values - 1).max():.1f} %", fontsize=9)
    axes[0].set(xlabel="x in mm", ylabel="y in mm")
    upper.colorbar(shown, ax=axes, label="sensitivity / centre")
    names = ["homogeneous coil presumed", *(f"recovered at 4x by {method}" for method in options.methods)]
    labels = ("nRMSE of the matrix in %", "pSNR of the image in dB")
    for ax, values, label in zip(lower.subplots(1, 2).flat, (errors, quality), labels, strict=True):
        for name, line in zip(names, values.T, strict=True):
            ax.plot(radii, line, "o--" if name == names[0] else "o-", label=name)
        ax.set(xlabel="radius of the coil in mm", ylabel=label, xscale="log")
        ax.set_xticks(radii, [f"{radius:g}" for radius in radii])
        ax.minorticks_off()
        ax.grid(alpha=0.3)
    lower.axes[0].set_yscale("log")
    lower.axes[0].legend(fontsize=8)
    return figure


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = ranged(2, 500, "mm", 1e-3)
    parsers = {
        "--radii": (lambda flag, text: [length(flag, part) for part in text.split(",")], "20,25,30,40,50", "mm"),
        "--height": (length, "25", "distance of the coil from the plane of the image in mm"),
        "--angles": (at_least(1), "12", "number of angles over half a turn"),
        "--methods": (lambda _, text: text.split(","), "bicubic-dc,profile,transms", "what recovers the matrices"),
    }
    for flag, (parse, default, text) in parsers.items():
        parser.add_argument(flag, type=argument_type(flag, parse), default=default, help=f"{text} (default {default})")
    parser.add_argument("--out", default="coil_inhomogeneity.png", help="PNG file to write")
    return parser


def main(words: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Print and draw the costs for the options of a command line; return errors in % and pSNR in dB by radius."""
    options = arguments().parse_args(words)
    maps = [flat_coil(radius, options.height)[1] for radius in options.radii]
    errors, quality = np.stack([costs(r, options) for r in progress(options.radii, unit="coil")], axis=1)
    print(f"{'nRMSE and pSNR':28}" + "".join(f"{name:>18}" for name in ("homogeneous", *options.methods)))
    for radius, values, error, psnr in zip(options.radii, maps, errors, quality, strict=True):
        cells = [f"{e:.2f} %, {q:.1f} dB" for e, q in zip(error, psnr, strict=True)]
        inhomogeneity = f"{1e3 * radius:g} mm, inhomogeneity {100 * np.abs(values - 1).max():.1f} %"
        print(f"{inhomogeneity:28}" + "".join(f"{cell:>18}" for cell in cells))
    save_figure(draw(maps, errors, quality, options), options.out)
    return errors, quality


if __name__ == "__main__":
    main()
