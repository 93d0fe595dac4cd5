"""Resolution and signal against selection-field gradient and particle diameter, for designers of scanners.

For every scanner and tracer the system matrix is simulated and three numbers are computed:

- signal: RMS of the voltage of harmonics 2..9 over the rows and voxels, in microvolts;
- resolution of the physics: full width at half maximum of the particles' response L'(beta G u) across the line, in mm;
- resolution of the system: singular values above the noise, which is 30 dB below the RMS signal of a uniform object.
  A value s_i carries information where s_i > sigma; their number is how many image elements the scanner can resolve.

Scanner and particles are ideal by default; ``--scanner FILE.toml`` takes others, whose file leaves the gradient and the
diameter to this study.

Run:  python examples/designer.py [--scanner FILE.toml] [--out designer.png]
"""

from __future__ import annotations

import argparse

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from scipy.optimize import brentq

import mpisim
from mpisim.data.views import as_matrix
from mpisim.io.scanner_file import open_scanner
from mpisim.plot.panels import save_figure

GRADIENTS = np.linspace(0.4, 1.0, 7)  # T/m
DIAMETERS = np.linspace(15, 35, 9)  # nm


def width_of_response(gradient: float, particle: mpisim.Particle) -> float:
    """Full width at half maximum of L'(beta G u) in m: twice the u where L' has fallen from 1/3 to 1/6."""
    half = brentq(lambda x: mpisim.langevin_prime(x) - 1 / 6, 0.1, 10)
    return 2 * half / (particle.beta * gradient)


def elements_above_noise(system_matrix: np.ndarray) -> int:
    """Number of singular values above the noise of a uniform object measured at 30 dB."""
    uniform = system_matrix.sum(axis=1)
    sigma = np.sqrt(np.mean(np.abs(uniform) ** 2)) * 10 ** (-30 / 20)
    return int(np.sum(np.linalg.svd(system_matrix, compute_uv=False) > sigma))


def study(scanner: str = "ideal") -> np.ndarray:
    """Return signal in uV, width in mm and number of elements, each of shape (gradient, diameter)."""
    file = open_scanner(scanner)
    results = np.empty((3, GRADIENTS.size, DIAMETERS.size))
    for i, gradient in enumerate(GRADIENTS):
        for j, diameter in enumerate(DIAMETERS):
            particle = mpisim.Particle(diameter * 1e-9)
            # an equal volume of tracer, not an equal number of particles: what a syringe holds
            sample = {"concentration": 1e20 * (25 / diameter) ** 3}
            rows = as_matrix(file.given(calibration=sample).setup(gradient, particle.diameter).simulate())
            signal = np.sqrt(np.mean(np.abs(rows) ** 2)) * 1e6
            results[:, i, j] = signal, width_of_response(gradient, particle) * 1e3, elements_above_noise(rows)
    return results


def draw(results: np.ndarray) -> Figure:
    """Draw three maps over diameter and gradient."""
    figure = Figure(figsize=(13, 3.8), dpi=110, layout="constrained")
    titles = (
        "signal, harmonics 2–9: RMS in µV",
        "width of the response: FWHM in mm",
        "image elements above 30 dB noise",
    )
    scales = (Normalize(), LogNorm(), Normalize())
    for ax, values, title, scale in zip(figure.subplots(1, 3), results, titles, scales, strict=True):
        image = ax.pcolormesh(DIAMETERS, GRADIENTS, values, shading="nearest", cmap="viridis", norm=scale)
        levels = np.geomspace(values.min(), values.max(), 8)[1:-1].round() if isinstance(scale, LogNorm) else None
        lines = ax.contour(DIAMETERS, GRADIENTS, values, levels=levels, colors="white", linewidths=0.8)
        ax.clabel(lines, fontsize=8)
        ax.set(title=title, xlabel="core diameter in nm", ylabel="selection-field gradient in T/m")
        figure.colorbar(image, ax=ax, ticks=levels, format="%g").minorticks_off()
    return figure


def main() -> None:
    """Write the maps, and print the scanner and tracer of the most elements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="designer.png", help="PNG file to write")
    parser.add_argument("--scanner", default="ideal", help="name or TOML file of a scanner without a gradient")
    options = parser.parse_args()
    try:
        file, results = options.out, study(options.scanner)
    except mpisim.InputError as error:
        parser.error(str(error))
    save_figure(draw(results), file)
    best = np.unravel_index(results[2].argmax(), results[2].shape)
    print(
        f"{file}: most elements ({results[2][best]:.0f}) at {GRADIENTS[best[0]]:.2f} T/m and "
        f"{DIAMETERS[best[1]]:.1f} nm"
    )


if __name__ == "__main__":
    main()
