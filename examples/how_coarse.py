"""How coarse may I calibrate for 2 %?

For every scanner and tracer of a range the fine system matrix is simulated and calibrated coarsely: with a sample of
2 x 2, 4 x 4 or 8 x 8 voxels, with noise that is ``--snr`` dB below the RMS of the coarse matrix. Each method recovers
the fine matrix. The error is the nRMSE, the Frobenius norm of the difference over that of the fine matrix. The answer
is the largest sample whose error is below ``--target`` for every scanner and tracer of the range, and with it the
number of positions at which the sample must be measured.

The scanners are ideal by default: methods that presume one (``profile``, ``ridge``, networks trained on such) are at
their best. ``--scanner mild`` shows what imperfections change, and ``--scanner FILE.toml`` the answer for your own.

Run::

    python examples/how_coarse.py [--target 2] [--scanner NAME] [--gradients 0.5:0.9:2] [--diameters 24]
"""  # noqa: D400 - a question

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

import calib
import mpisim
from mpisim.cli.command import argument_type
from mpisim.cli.options import diameters_nm, gradients, integer, integers, number
from mpisim.io.scanner_file import open_scanner
from mpisim.plot import save_figure
from mpisim.progress import progress

METHODS = "bicubic-dc,ridge,profile,transms"


def study(cases: Sequence[mpisim.Setup], options: argparse.Namespace) -> np.ndarray:
    """Return the nRMSE in % of every case, method and factor, in this order."""
    errors = np.empty((len(cases), len(options.methods), len(options.factors)))
    for i, case in enumerate(progress(cases, unit="scanner")):
        fine = case.simulate()
        for k, factor in enumerate(options.factors):
            coarse = calib.downsample(fine, factor=factor, snr=options.snr, seed=options.seed)
            for j, method in enumerate(options.methods):
                errors[i, j, k] = 100 * calib.nrmse(calib.recover(coarse, method), fine)
    return errors


def report(errors: np.ndarray, options: argparse.Namespace) -> list[str]:
    """Return a table of mean and worst errors, and the answer for every method."""
    width = max(map(len, options.methods))
    heading = "".join(f"{f'{factor} x {factor}':>16}" for factor in options.factors)
    lines = [f"mean (worst) nRMSE in %, {len(errors)} scanners, {options.snr:g} dB", f"{'':{width}}{heading}"]
    for j, method in enumerate(options.methods):
        cells = (
            f"{mean:.2f} ({worst:.2f})" for mean, worst in zip(errors[:, j].mean(0), errors[:, j].max(0), strict=True)
        )
        lines.append(f"{method:{width}}" + "".join(f"{cell:>16}" for cell in cells))
    lines += [f"for {options.target:g} %:"]
    for j, method in enumerate(options.methods):
        good = [f for k, f in enumerate(options.factors) if errors[:, j, k].max() <= options.target]
        answer = "no sample of these"
        if good:
            positions = (options.grid // max(good)) ** 2
            answer = f"{max(good)} x {max(good)} voxels: {positions} positions in place of {options.grid**2}"
        lines.append(f"  {method:{width}}  {answer}")
    return lines


def draw(errors: np.ndarray, options: argparse.Namespace) -> Figure:
    """Draw the mean errors against the edge of the sample, with a shade from the least to the largest."""
    figure = Figure(figsize=(6.5, 4.2), dpi=110, layout="constrained")
    ax = figure.subplots()
    for j, method in enumerate(options.methods):
        (line,) = ax.plot(options.factors, errors[:, j].mean(0), "o-", label=method)
        ax.fill_between(options.factors, errors[:, j].min(0), errors[:, j].max(0), color=line.get_color(), alpha=0.2)
    ax.axhline(options.target, color="black", linestyle="--", linewidth=1, label=f"{options.target:g} %")
    ax.set(xscale="log", yscale="log", xlabel="edge of the sample in voxels", ylabel="nRMSE of the matrix in %")
    ax.set_xticks(options.factors, [f"{f}\n{(options.grid // f) ** 2} positions" for f in options.factors])
    ax.minorticks_off()
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    return figure


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)

    def add(flag: str, parse: Callable[[str, str], object], default: str, text: str) -> None:
        parser.add_argument(flag, type=argument_type(flag, parse), default=default, help=f"{text} (default {default})")

    add("--target", number, "2", "largest nRMSE in %%")
    add("--scanner", lambda flag, text: open_scanner(text), "ideal", "name or TOML file; `mpisim scanners` lists names")
    stated = "list or first:last:count in {}, where the scanner does not state its own (default {})"
    gradient, diameter = argument_type("--gradients", gradients), argument_type("--diameters", diameters_nm)
    parser.add_argument("--gradients", type=gradient, help=stated.format("T/m", "0.5,0.9"))
    parser.add_argument("--diameters", type=diameter, help=stated.format("nm", "24"))
    add("--factors", integers, "2,4,8", "edges of the sample in voxels")
    add("--methods", lambda flag, text: tuple(text.split(",")), METHODS, "what recovers the fine matrix")
    add("--snr", number, "33.7", "RMS of the coarse matrix over the noise in dB")
    add("--grid", integer, "32", "voxels along each edge of 32 mm")
    add("--angle-step", number, "6", "in degrees")
    add("--seed", integer, "0", "of the noise")
    parser.add_argument("--out", default="how_coarse.png", help="PNG file to write (default how_coarse.png)")
    return parser


def scanners(options: argparse.Namespace) -> list[mpisim.Setup]:
    """Return the scanner with every gradient and diameter of the range, or with its own."""
    file = options.scanner.given({"angles": round(180 / options.angle_step)}, {"grid": (options.grid, options.grid)})
    gradients = options.gradients or ([None] if file.gradient else [0.5, 0.9])
    diameters = options.diameters or ([None] if file.has_diameter else [24e-9])
    return [file.setup(gradient, diameter) for gradient in gradients for diameter in diameters]


def main(words: Sequence[str] | None = None) -> np.ndarray:
    """Answer for the options of a command line: print the table, write the figure, return the errors in %."""
    options = arguments().parse_args(words)
    try:
        cases = scanners(options)
    except mpisim.InputError as error:
        arguments().error(str(error))
    errors = study(cases, options)
    print("\n".join(report(errors, options)))
    save_figure(draw(errors, options), options.out)
    print(f"figure: {options.out}")
    return errors


if __name__ == "__main__":
    main()
