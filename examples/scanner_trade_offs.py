"""What a scanner gains and loses: resolution and signal-to-noise against gradient, drive and core diameter.

A field-free line of 1 T/m is driven by 12 mT at 25 kHz, which covers 24 mm, and is recorded at 20 angles for 10 ms
each, harmonics 2 to 30. Its coil has 800 1/m (1 mT/A), 10 ohm and 1 mH; the amplifier has 4 nV/sqrt(Hz), a corner of 1
kHz below which its noise rises as 1/f, and a gain of 5; the digitiser has 16 bits for +-1 V at 10 MS/s. The tracer has
cores of 25 nm at 0.1 mg of iron per ml, whatever their diameter. One of these numbers is varied at a time. The gradient
is varied with the amplitude that covers the same 24 mm.

*Resolution* is the full width at half maximum of a point in the best linear image, in the middle (`recon.resolution`).
It depends on the noise, for objects that vary by the stated concentration from millimetre to millimetre. Dashed is the
width of the particles' response, 4.16 k_B T / (m G) (Goodwill and Conolly, IEEE Trans. Med. Imaging 29, 1851, 2010). An
image can be sharper than the response where the noise permits it, and less sharp where the highest recorded harmonic
limits it: harmonic k has about k stripes over the width that the drive covers.

*Signal-to-noise* is that of 1 mm^3 in the middle by a matched filter (`mpisim.detection_limit`), in dB; 9.5 dB are the
limit of three standard deviations. Without relaxation it grows with the frequency. The dotted lines are those of cores
that turn in water (Brown's rotation, `mpisim.FieldDependentRelaxation`), whose magnetisation lags behind. Where they
are sharper, the lag tells places apart: it makes real and imaginary parts of a row different functions of the place.

Simplified: an ideal line and coil, one core diameter, noise without feedthrough of the drive, and no limits of the
drive by heating or nerves (see the examples which_particle.py, drive_frequency.py and patient_sized.py).

Run::

    python examples/scanner_trade_offs.py [--concentration 0.1] [--averages 1] [--points 7] [--out FILE.png]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import brentq

import mpisim
import recon
from mpisim.cli.command import argument_type
from mpisim.cli.options import at_least, number
from mpisim.errors import positive
from mpisim.particles.iron import iron_mass
from mpisim.plot.panels import save_figure
from mpisim.progress import progress

FOV = 24e-3
VOXELS = 65  # odd, so that a voxel lies in the middle
ANGLES = 20
HARMONICS = tuple(range(2, 31))
EDGE = 1e-3  # of the cube whose signal-to-noise ratio is stated, in m
TICKS = {
    "gradient in T/m": (0.25, 0.5, 1, 2, 4),
    "drive amplitude in mT": (2, 5, 10, 20, 30),
    "drive frequency in kHz": (1, 3, 10, 30, 100),
}
NOISE = mpisim.ReceiveNoise(resistance=10.0, inductance=1e-3, voltage_noise=4e-9, corner=1e3)


@dataclass(frozen=True)
class Design:
    """The numbers that are varied, in SI units."""

    gradient: float = 1.0
    amplitude: float = 12e-3
    frequency: float = 25e3
    diameter: float = 25e-9
    relaxes: bool = False

    def particle(self) -> Any:
        """Return the tracer; it relaxes with Brown's time of bare cores in water."""
        core = mpisim.Particle(self.diameter)
        if not self.relaxes:
            return core
        return mpisim.FieldDependentRelaxation(core, float(mpisim.BrownRotation(core).times()[0]))

    def scanner(self, averages: int) -> mpisim.ImperfectFFL:
        """Return the scanner with its receive chain."""
        line = mpisim.open_sided_ffl(
            self.gradient,
            angles=ANGLES,
            harmonics=HARMONICS,
            drive_amplitude=self.amplitude,
            drive_frequency=self.frequency,
        )
        chain = mpisim.ReceiveChain(
            gain=5.0,
            noise=NOISE,
            digitiser=mpisim.Digitiser(bits=16, range=1.0, sampling_rate=10e6),
            recording=mpisim.Recording(time=10e-3, averages=averages),
        )
        return mpisim.ImperfectFFL.of(line, receive=chain)


def width_of_response(design: Design) -> float:
    """Return the full width at half maximum of L'(beta G u) across the line in m."""
    half = brentq(lambda x: mpisim.langevin_prime(x) - 1 / 6, 0.1, 10)
    return 2 * half / (mpisim.Particle(design.diameter).beta * design.gradient)


def figures(design: Design, concentration: float, averages: int) -> tuple[float, float]:
    """Return resolution in m and signal-to-noise ratio in dB, with a concentration in kg of iron per m^3."""
    particle, grid = design.particle(), mpisim.Grid((VOXELS, VOXELS), (FOV, FOV))
    sample = mpisim.Sample(concentration=concentration / iron_mass(particle), height=EDGE)
    matrix = mpisim.simulate(design.scanner(averages), particle, grid, sample)
    least = float(mpisim.detection_limit(matrix, factor=1.0)[VOXELS // 2, VOXELS // 2])
    level = 20 * math.log10(concentration * EDGE**3 / least)
    return float(np.mean(recon.resolution(matrix, length=EDGE))), level


def variations(points: int) -> dict[str, tuple[np.ndarray, list[Design]]]:
    """Return the values of each number, in the unit of its label, and the designs."""
    base = Design()
    gradients, amplitudes = np.geomspace(0.25, 4, points), np.geomspace(2, 30, points)
    frequencies, diameters = np.geomspace(1, 150, points), np.linspace(15, 35, points)
    return {
        "gradient in T/m": (
            gradients,
            [replace(base, gradient=g, amplitude=g * FOV / 2) for g in gradients.tolist()],
        ),
        "drive amplitude in mT": (amplitudes, [replace(base, amplitude=1e-3 * a) for a in amplitudes.tolist()]),
        "drive frequency in kHz": (frequencies, [replace(base, frequency=1e3 * f) for f in frequencies.tolist()]),
        "core diameter in nm": (diameters, [replace(base, diameter=1e-9 * d) for d in diameters.tolist()]),
    }


def study(points: int, concentration: float, averages: int) -> dict[str, np.ndarray]:
    """Return value, resolution, response and SNR, then resolution and SNR with relaxation: arrays (6, point)."""
    found = {}
    for name, (values, designs) in progress(list(variations(points).items()), unit="number"):
        rows = []
        for value, design in zip(values, designs, strict=True):
            width, level = figures(design, concentration, averages)
            slow = figures(replace(design, relaxes=True), concentration, averages)
            rows.append((value, width, width_of_response(design), level, *slow))
        found[name] = np.array(rows).T
    return found


def labelled(places: Sequence[float]) -> tuple[Sequence[float], list[str]]:
    """Return places of ticks and their labels."""
    return places, [f"{place:g}" for place in places]


def draw(found: dict[str, np.ndarray]) -> Figure:
    """Draw resolution above signal-to-noise, a column for each number."""
    figure = Figure(figsize=(13, 6), dpi=110, layout="constrained")
    axes = figure.subplots(2, len(found), sharey="row", squeeze=False)
    for column, (name, (values, width, response, level, slow_width, slow_level)) in enumerate(found.items()):
        top, bottom = axes[:, column]
        top.plot(values, 1e3 * width, "C0o-", label="image")
        top.plot(values, 1e3 * slow_width, "C0:", label="image, Brown's relaxation")
        top.plot(values, 1e3 * response, "k--", lw=1, label=r"$4.16\,k_BT/(mG)$")
        bottom.plot(values, level, "C1o-", label="follows at once")
        bottom.plot(values, slow_level, "C1:", label="Brown's relaxation")
        bottom.set_xlabel(name)
        top.set_yscale("log")
        top.set_yticks(*labelled((1, 2, 3, 5, 10, 20)))
        top.set_yticks([], minor=True)
        for ax in (top, bottom):
            ax.grid(alpha=0.3)
            if name in TICKS:
                ax.set_xscale("log")
                ax.set_xticks(*labelled(TICKS[name]))
                ax.set_xticks([], minor=True)
    axes[0, 0].set_ylabel("full width at half maximum in mm")
    axes[1, 0].set_ylabel("signal-to-noise of 1 mm³ in dB")
    axes[0, 0].legend(fontsize=8)
    axes[1, 0].legend(fontsize=8, loc="lower right")
    return figure


def positive_number(flag: str, text: str) -> float:
    """Return a positive number that was typed."""
    return positive(flag, number(flag, text))


def main(words: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Print and draw what a command line asks for; return the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    density = argument_type("--concentration", positive_number)
    parser.add_argument("--concentration", type=density, default=0.1, help="mg of iron per ml (default 0.1)")
    parser.add_argument("--averages", type=argument_type("--averages", at_least(1)), default=1, help="(default 1)")
    points = argument_type("--points", at_least(2))
    parser.add_argument("--points", type=points, default=7, help="values of each number (default 7)")
    parser.add_argument("--out", default="scanner_trade_offs.png", help="PNG file (default scanner_trade_offs.png)")
    options = parser.parse_args(words)
    try:
        found = study(options.points, options.concentration, options.averages)
    except mpisim.InputError as error:
        parser.error(str(error))
    for name, rows in found.items():
        print(f"{name:>22}  resolution  response     SNR   with relaxation")
        for value, width, response, level, slow_width, slow_level in rows.T:
            print(
                f"{value:22.3g}  {1e3 * width:7.2f} mm{1e3 * response:7.2f} mm{level:6.1f} dB{1e3 * slow_width:8.2f} mm"
                f"{slow_level:6.1f} dB"
            )
    save_figure(draw(found), options.out)
    return found


if __name__ == "__main__":
    main()
