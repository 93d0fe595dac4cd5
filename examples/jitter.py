"""What does positioning jitter do to a calibration?

A robot puts the sample on every voxel with a random error along x, y and z (``mpisim.Sample(jitter=...)``). The fine
matrix then differs from the exact one by an amount that grows in proportion: with .05 mm it is about 1 %. Whoever takes
a fine calibration as the reference sees no error below that.

A coarse calibration with a sample of S x S voxels has fewer positions. Its sample is misplaced as a whole by the same
error, which is a smaller part of its length; noise and recovery add their own errors. For each jitter the fine matrix,
and the matrices recovered from the coarse one, are compared with the exact one: by nRMSE, and by the pSNR of an image
of two tubes at 30 dB against that with the exact matrix. With much jitter the coarse calibration has the smaller nRMSE
and yet the worse image: its errors are smooth over the image, while those of a fine calibration differ from voxel to
voxel and average out. The jitter is drawn anew in ``--draws`` calibrations; the figure shows the means.

Run::

    python examples/jitter.py [--jitter 0,0.025,0.05,0.1,0.2] [--scanner ideal] [--factor 4] [--out jitter.png]
"""  # noqa: D400 - a question

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import calib
import mpisim
import recon
from mpisim.cli.command import argument_type
from mpisim.cli.options import at_least, ranged
from mpisim.plot import save_figure
from mpisim.progress import progress


def calibrated(setup: mpisim.Setup, exact: xr.Dataset, jitter: float, seed: int, options: argparse.Namespace) -> list:
    """Return the matrices of calibrations with jitter: the fine one, then those recovered by each method."""
    off = replace(setup, sample=mpisim.Sample(jitter=jitter, seed=seed))
    coarse = off.simulate_coarse(options.factor, snr=33.7, seed=seed, fine=exact)
    return [off.simulate(), *(calib.recover(coarse, method) for method in options.methods)]


def study(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Return nRMSE in % and pSNR in dB by jitter and matrix, means over the draws."""
    setup = mpisim.read_scanner(options.scanner, 0.7, 25e-9)
    angles = tuple(np.pi * np.arange(options.angles) / options.angles)
    setup = replace(setup, scanner=replace(setup.scanner, angles=angles), sample=mpisim.Sample())
    exact = setup.simulate()
    y = recon.measure(exact, recon.phantoms.tubes(), snr=30, seed=0)
    best = recon.reconstruct(exact, y, eps="auto")["image"].values
    results = np.empty((2, options.draws, len(options.jitter), 1 + len(options.methods)))
    for draw, i in progress(list(np.ndindex(results.shape[1:3])), unit="calibration"):
        for j, matrix in enumerate(calibrated(setup, exact, options.jitter[i], draw, options)):
            image = recon.reconstruct(matrix, y, eps="auto")["image"].values
            results[:, draw, i, j] = 100 * calib.nrmse(matrix, exact), recon.psnr(image, best)
    errors, quality = results.mean(axis=1)
    return errors, quality


def draw(errors: np.ndarray, quality: np.ndarray, options: argparse.Namespace) -> Figure:
    """Draw both figures of merit against the jitter."""
    figure = Figure(figsize=(9.5, 3.8), dpi=110, layout="constrained")
    jitter = 1e3 * np.array(options.jitter)
    names = ["fine calibration", *(f"{options.factor}x, {method}" for method in options.methods)]
    labels = ("nRMSE against the exact matrix in %", "pSNR of the image in dB")
    for ax, values, label in zip(figure.subplots(1, 2).flat, (errors, quality), labels, strict=True):
        for name, line in zip(names, values.T, strict=True):
            ax.plot(jitter, np.where(np.isfinite(line), line, np.nan), "o-", label=name)
        ax.set(xlabel="jitter along each axis in mm (standard deviation)", ylabel=label)
        ax.grid(alpha=0.3)
    figure.axes[0].set_ylim(0, 1.2 * errors[:, 0].max() + 0.5)
    figure.axes[1].legend(fontsize=8)
    return figure


def main(words: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Print and draw the answer for the options of a command line; return nRMSE in % and pSNR in dB."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = ranged(0, 5, "mm", 1e-3)
    parsers = {
        "--jitter": (lambda flag, text: [length(flag, part) for part in text.split(",")], "0,0.025,0.05,0.1,0.2", "mm"),
        "--scanner": (lambda _, text: text, "ideal", "name or file of a scanner"),
        "--factor": (at_least(1), "4", "edge of the large sample in voxels"),
        "--angles": (at_least(1), "12", "number of angles over half a turn"),
        "--draws": (at_least(1), "2", "number of calibrations"),
        "--methods": (lambda _, text: text.split(","), "profile,transms", "what recovers the fine matrix"),
    }
    for flag, (parse, default, text) in parsers.items():
        parser.add_argument(flag, type=argument_type(flag, parse), default=default, help=f"{text} (default {default})")
    parser.add_argument("--out", default="jitter.png", help="PNG file to write (default jitter.png)")
    options = parser.parse_args(words)
    errors, quality = study(options)
    print(f"{'nRMSE and pSNR':16}" + "".join(f"{name:>20}" for name in ("fine calibration", *options.methods)))
    for jitter, *line in zip(options.jitter, *np.stack([errors, quality], axis=-1).swapaxes(0, 1), strict=True):
        print(f"{1e3 * jitter:>13g} mm" + "".join(f"{f'{e:.2f} %, {q:.1f} dB':>20}" for e, q in line))
    save_figure(draw(errors, quality, options), options.out)
    return errors, quality


if __name__ == "__main__":
    main()
