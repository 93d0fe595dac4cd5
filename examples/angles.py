"""How many angles are enough?

A field-free-line scanner turns its line, and images from few angles are ambiguous. But the time of a measurement is
given: with n angles each is measured for 1/n of it, and its noise has sqrt(n) times the deviation. For every number of
angles, spread evenly over half a turn, a phantom is measured in the same time, and its image by Kaczmarz' method is
compared with the phantom (pSNR). ``--snr`` is the level in dB that 60 angles have.

The number of *image elements* is that of the singular values of the matrix above the noise of a uniform object. With
few angles it is the number of their harmonics, eight an angle; with many the noise limits it. Where it no longer grows,
more angles only divide the time: here from 15 angles on, for an ideal scanner and an imperfect one with a known matrix
alike. (ADMM looks for images of few edges, and shows less of a difference.)

Run::

    python examples/angles.py [--angles 1,2,4,8,15,30] [--scanners ideal,medium] [--snr 40] [--out angles.png]
"""  # noqa: D400 - a question

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

import mpisim
import recon
from mpisim.cli.command import argument_type
from mpisim.cli.options import at_least, integers, number
from mpisim.data.views import as_matrix
from mpisim.plot import save_figure
from mpisim.progress import progress

MOST = 60  # angles that `--snr` belongs to
PHANTOM = recon.phantoms.shape()


def with_angles(setup: mpisim.Setup, count: int, voxels: int) -> mpisim.Setup:
    """Return a setup with so many angles, evenly over half a turn, and so many voxels along each edge."""
    angles = tuple(np.pi * np.arange(count) / count)
    grid = mpisim.Grid((voxels, voxels), setup.grid.fov[:2])
    return replace(setup, scanner=replace(setup.scanner, angles=angles), grid=grid)


def elements_above_noise(matrix: np.ndarray, snr: float) -> int:
    """Return how many singular values of a matrix are above the noise, `snr` dB below a uniform object's signal."""
    stacked = np.concatenate([matrix.real, matrix.imag]).astype(float)
    uniform = matrix.sum(axis=1)
    sigma = np.sqrt(np.mean(np.abs(uniform) ** 2) / 2) * 10 ** (-snr / 20)
    return int(np.sum(np.linalg.svd(stacked, compute_uv=False) > sigma))


def study(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return pSNR in dB and number of elements by scanner and count, and the last scanner's images and the phantom."""
    shape = (len(options.scanners), len(options.angles))
    quality, elements, images = np.empty(shape), np.empty(shape), [np.empty(0)] * (shape[1] + 1)
    for i, j in progress(list(np.ndindex(shape)), unit="image"):
        count = options.angles[j]
        setup = mpisim.read_scanner(options.scanners[i], 0.7, 25e-9)
        fine = with_angles(setup, count, options.grid).simulate()
        snr = options.snr + 10 * np.log10(MOST / count)
        y = recon.measure(fine, PHANTOM, snr=snr, seed=0)
        images[j], images[-1] = recon.reconstruct(fine, y, "kaczmarz")["image"].values, y["phantom"].values
        quality[i, j] = recon.psnr(images[j], images[-1])
        elements[i, j] = elements_above_noise(as_matrix(fine), snr)
    return quality, elements, images


def draw(quality: np.ndarray, elements: np.ndarray, images: list[np.ndarray], options: argparse.Namespace) -> Figure:
    """Draw the images on one scale, and both figures of merit against the number of angles."""
    figure = Figure(figsize=(1.6 * len(images), 5.6), dpi=110, layout="constrained")
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.6))[:, 0]
    titles = [*(f"{count} angle{'s' * (count > 1)}" for count in options.angles), "phantom"]
    axes = upper.subplots(1, len(images), sharey=True)
    for ax, image, title in zip(axes, images, titles, strict=True):
        shown = ax.imshow(image, origin="lower", extent=(-16, 16, -16, 16), vmin=0, vmax=1.2, cmap="inferno")
        ax.set_title(title, fontsize=9)
    axes[0].set(xlabel="x in mm", ylabel="y in mm")
    upper.colorbar(shown, ax=axes, label="concentration")
    upper.suptitle(f"Scanner {options.scanners[-1]}, equal time of measurement", fontsize=9)
    labels = ("pSNR against the phantom in dB", "image elements above the noise")
    for ax, values, label in zip(lower.subplots(1, 2).flat, (quality, elements), labels, strict=True):
        for scanner, line in zip(options.scanners, values, strict=True):
            ax.plot(options.angles, line, "o-", label=scanner)
        ax.set(xscale="log", xlabel="angles over half a turn", ylabel=label)
        ax.set_xticks(options.angles, options.angles)
        ax.minorticks_off()
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8)
    return figure


def main(words: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Print and draw the answer for the options of a command line; return pSNR in dB and numbers of elements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parsers = {
        "--angles": (integers, "1,2,4,8,15,30", "numbers of angles"),
        "--scanners": (lambda _, text: text.split(","), "ideal,medium", "names or files (mpisim scanners lists names)"),
        "--snr": (number, "40", "signal over noise in dB that 60 angles have"),
        "--grid": (at_least(2), "32", "voxels along each edge"),
    }
    for flag, (parse, default, text) in parsers.items():
        parser.add_argument(flag, type=argument_type(flag, parse), default=default, help=f"{text} (default {default})")
    parser.add_argument("--out", default="angles.png", help="PNG file to write (default angles.png)")
    options = parser.parse_args(words)
    quality, elements, images = study(options)
    print("angles" + "".join(f"{name:>26}" for name in options.scanners))
    for count, *line in zip(options.angles, *np.stack([quality, elements], axis=-1), strict=True):
        print(f"{count:6}" + "".join(f"{f'{q:.1f} dB, {e:.0f} elements':>26}" for q, e in line))
    save_figure(draw(quality, elements, images, options), options.out)
    return quality, elements


if __name__ == "__main__":
    main()
