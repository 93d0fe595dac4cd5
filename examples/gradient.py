"""How do resolution and signal-to-noise ratio vary with the gradient?

A stronger gradient narrows the response of the particles across the field-free line, whose full width at half maximum
is 4.16 k_B T / (m G) (Goodwill and Conolly, IEEE Trans. Med. Imaging 29, 1851, 2010). The drive field that covers the
same field of view grows with it, and with both the received voltage. What resolution an image has then depends on the
noise, too.

*Noise.* A one-sided density s of the voltage (``--noise-density``, in V per root Hz) gives the complex amplitude of a
harmonic, measured for the time t at every angle, the variance ``sigma^2 = s^2 / (2 t)``, real and imaginary part
together. The signal-to-noise ratio in dB is ``20 log10(RMS / sigma)`` with the RMS of the system matrix of a sample of
1 mm^3 with the concentration of ``--concentration``.

*Resolution* is the full width at half maximum of the point spread of the image, in the centre of the field of view, the
mean along x and y. The image is the best linear one: for the system matrix A, real and imaginary parts of its rows
below each other, it is ``(A^T A + lambda)^-1 A^T y``. Here ``lambda = (sigma^2 / 2) / c^2`` for objects whose
mean over 1 mm x 1 mm varies by c = 1, that is, by the concentration of the sample. A point then becomes its column of
``(A^T A + lambda)^-1 A^T A``. Less noise gives a sharper image, down to the voxel of 0.5 mm. (Resolution from the
transfer function of the imaging process: Knopp et al., IEEE Trans. Med. Imaging 30, 1284, 2011.)

A harmonic k has about k stripes over the field of view. Where the resolution no longer falls with the gradient, the
highest recorded harmonic limits it (``--harmonics``): with 2 to 9 it stays at 6 mm here, with 2 to 25 at 2.4 mm.

Scanner, coil and particles are ideal by default: no relaxation, one core diameter, a homogeneous coil of 1 mT/A;
``--scanner FILE.toml`` takes others, whose file leaves the gradient and the diameter to this study. The volume of cores
is the same for all diameters.

Run::

    python examples/gradient.py [--gradients 0.3:1.5:5] [--diameters 20,25,30] [--noise-density 1e-9] [--out FILE.png]
"""  # noqa: D400 - a question

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import brentq

import mpisim
import recon
from mpisim.cli.command import argument_type
from mpisim.cli.options import diameters_nm, gradients, integers, number
from mpisim.data.noise import rms
from mpisim.errors import positive
from mpisim.io.scanner_file import open_scanner
from mpisim.plot import save_figure
from mpisim.progress import progress

FOV = 0.032
VOXELS = 65  # odd, so that a voxel lies in the centre
SAMPLE = 1e-3  # edge of the calibration sample in m
DIAMETER = 25e-9  # whose number of particles is `--concentration`


def noise_level(density: float, seconds: float) -> float:
    """Return the complex standard deviation in V of a harmonic's amplitude for a noise density in V per root Hz."""
    return density / math.sqrt(2 * seconds)


def width_of_response(gradient: float, particle: mpisim.Particle) -> float:
    """Return the full width at half maximum of L'(beta G u) across the line in m."""
    half = brentq(lambda x: mpisim.langevin_prime(x) - 1 / 6, 0.1, 10)
    return 2 * half / (particle.beta * gradient)


def study(options: argparse.Namespace) -> np.ndarray:
    """Return resolution in m, width of the response in m and SNR in dB, of shape (3, diameter, gradient)."""
    grid, sigma = mpisim.Grid((VOXELS, VOXELS), (FOV, FOV)), noise_level(options.noise_density, options.seconds)
    file = options.scanner.given({"harmonics": options.harmonics}, {"grid": grid.shape, "fov": grid.fov})
    results = np.empty((3, len(options.diameters), len(options.gradients)))
    filling = (SAMPLE / grid.voxel[0]) ** 2  # volume of the sample over that of a voxel's tracer
    for i, diameter in enumerate(progress(options.diameters, unit="diameter")):
        particle = mpisim.Particle(diameter)
        concentration = options.concentration * (DIAMETER / diameter) ** 3
        for j, gradient in enumerate(options.gradients):
            sample = {"concentration": concentration, "height": SAMPLE}  # fills a voxel
            matrix = file.given(calibration=sample).setup(gradient, diameter).simulate()
            signal = filling * rms(matrix["system_matrix"].values)
            level = 20 * math.log10(signal / sigma)
            widths = recon.resolution(matrix, sigma, length=SAMPLE)
            results[:, i, j] = np.mean(widths), width_of_response(gradient, particle), level
    return results


def report(results: np.ndarray, options: argparse.Namespace) -> list[str]:
    """Return a table with a line for every diameter and gradient."""
    sigma = noise_level(options.noise_density, options.seconds)
    lines = [f"noise {options.noise_density:.3g} V/sqrt(Hz), {options.seconds:g} s: sigma = {sigma:.3g} V"]
    lines += ["diameter  gradient  resolution  response     SNR", "      nm       T/m          mm        mm      dB"]
    for i, diameter in enumerate(options.diameters):
        for j, gradient in enumerate(options.gradients):
            resolution, response, level = results[:, i, j]
            numbers = f"{1e3 * resolution:10.2f}  {1e3 * response:8.2f}  {level:6.1f}"
            lines.append(f"{1e9 * diameter:8.3g}  {gradient:8.3g}  {numbers}")
    return lines


def draw(results: np.ndarray, options: argparse.Namespace) -> Figure:
    """Draw resolution and signal-to-noise ratio against the gradient, a line for every diameter."""
    figure = Figure(figsize=(9.5, 3.8), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    for i, diameter in enumerate(options.diameters):
        name = f"{1e9 * diameter:.3g} nm"
        (line,) = left.plot(options.gradients, 1e3 * results[0, i], "o-", label=name)
        left.plot(options.gradients, 1e3 * results[1, i], "--", color=line.get_color(), linewidth=1)
        right.plot(options.gradients, results[2, i], "o-", label=name)
    left.plot([], [], "--", color="black", linewidth=1, label="response of the particles")
    left.set(yscale="log", ylabel="full width at half maximum in mm")
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter("{x:g}")
    left.tick_params(axis="y", which="minor", labelsize=7)
    right.set_ylabel("RMS of the matrix over noise in dB")
    for ax in (left, right):
        ax.set_xlabel("selection-field gradient in T/m")
        ax.grid(alpha=0.3, which="both")
        ax.legend(title="core diameter", fontsize=8)
    return figure


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)

    def add(flag: str, parse: Callable[[str, str], object], default: str, text: str) -> None:
        parser.add_argument(flag, type=argument_type(flag, parse), default=default, help=f"{text} (default {default})")

    add("--gradients", gradients, "0.3:1.5:5", "list or first:last:count in T/m")
    add("--diameters", diameters_nm, "20,25,30", "of cores, list or first:last:count in nm")
    add("--noise-density", positive_number, "1e-9", "one-sided density of the noise in V/sqrt(Hz)")
    add("--seconds", positive_number, "0.01", "measuring time of an angle in s")
    add("--harmonics", integers, "2:25", "recorded ones")
    concentration = "particles of 25 nm per m^3, or the same volume of others; 1e18 is about 0.5 mmol/l of iron"
    add("--concentration", positive_number, "1e18", concentration)
    add("--scanner", lambda flag, text: open_scanner(text), "ideal", "name or TOML file of one without a gradient")
    parser.add_argument("--out", default="gradient.png", help="PNG file to write (default gradient.png)")
    return parser


def positive_number(flag: str, text: str) -> float:
    """Return a positive number that was typed."""
    return positive(flag, number(flag, text))


def main(words: Sequence[str] | None = None) -> np.ndarray:
    """Run the study for the options of a command line: print the table, write the figure, return the numbers."""
    options = arguments().parse_args(words)
    try:
        results = study(options)
    except mpisim.InputError as error:
        arguments().error(str(error))
    print("\n".join(report(results, options)))
    save_figure(draw(results, options), options.out)
    print(f"figure: {options.out}")
    return results


if __name__ == "__main__":
    main()
