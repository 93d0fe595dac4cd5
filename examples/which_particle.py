"""Which particle for which scanner? Resolution and detection limit against core diameter, for four scanners.

Four field-free-line scanners, each at 12 angles of 10 ms and harmonics 2 to 20, with the same coil of 800 1/m (1 mT/A),
10 ohm and 1 mH, the same amplifier (4 nV/sqrt(Hz), a corner of 1 kHz, a gain of 5) and digitiser (16 bits for +-1 V at
5 MS/s):

- small animal: 2.5 T/m, 20 mT at 25 kHz;
- open: 0.6 T/m, 10 mT at 25 kHz;
- slow: the same at 5 kHz;
- head: 0.2 T/m, 6 mT at 25 kHz.

The tracer has 0.1 mg of iron per ml, whatever its diameter, and one of three models: sizes of a spread of ``--spread``
that follow the field at once (Langevin's equilibrium); cores of one size with a coating of 5 nm that turn in water
(Brown's rotation); and cores of one size whose moments turn in them against an anisotropy of ``--anisotropy`` kJ/m^3
with its axis along the drive (Neel's rotation). Both rotations are solutions of the Fokker-Planck equation.

*Resolution* is that of the best linear image at this noise (`recon.resolution`), *detection limit* the mass of iron in
the middle voxel that exceeds the noise by three standard deviations of a matched filter (`mpisim.detection_limit`). A
ring marks the best diameter of each scanner. Larger cores saturate in weaker fields. Moments that turn inside follow
the drive until the barrier of the anisotropy stops them, which happens first where the drive is weak and fast.

Simplified: either rotation alone, no size spread with it, an ideal line, the same coil and noise for all scanners, and
no feedthrough of the drive.

Run::

    python examples/which_particle.py [--spread 0.15] [--anisotropy 6] [--points 7] [--out FILE.png]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import mpisim
import recon
from mpisim.cli.command import argument_type
from mpisim.cli.options import at_least, number
from mpisim.particles.iron import iron_mass
from mpisim.plot.panels import save_figure
from mpisim.progress import progress

VOXELS = 41  # odd, so that a voxel lies in the middle
CONCENTRATION = 0.1  # kg of iron per m^3
EDGE = 1e-3  # of the cubes from which to which the concentration varies, in m
CHAIN = mpisim.ReceiveChain(
    gain=5.0,
    noise=mpisim.ReceiveNoise(resistance=10.0, inductance=1e-3, voltage_noise=4e-9, corner=1e3),
    digitiser=mpisim.Digitiser(bits=16, range=1.0, sampling_rate=5e6),
)


@dataclass(frozen=True)
class Choice:
    """A scanner by its fields, in SI units."""

    gradient: float
    amplitude: float
    frequency: float

    def scanner(self) -> mpisim.ImperfectFFL:
        """Return the scanner with its receive chain."""
        line = mpisim.open_sided_ffl(
            self.gradient,
            angles=12,
            harmonics=tuple(range(2, 21)),
            drive_amplitude=self.amplitude,
            drive_frequency=self.frequency,
        )
        return mpisim.ImperfectFFL.of(line, receive=CHAIN)

    def grid(self) -> mpisim.Grid:
        """Return voxels over what the drive covers."""
        fov = 2 * self.amplitude / self.gradient
        return mpisim.Grid((VOXELS, VOXELS), (fov, fov))


SCANNERS = {
    "small animal": Choice(2.5, 20e-3, 25e3),
    "open": Choice(0.6, 10e-3, 25e3),
    "slow": Choice(0.6, 10e-3, 5e3),
    "head": Choice(0.2, 6e-3, 25e3),
}


def tracers(diameter: float, spread: float, anisotropy: float) -> dict[str, Any]:
    """Return the three models of a tracer with cores of a diameter in m, with K in J/m^3."""
    core = mpisim.Particle(diameter)
    return {
        f"equilibrium, spread {spread:g}": mpisim.LogNormal(diameter, spread),
        "Brown's rotation in water": mpisim.BrownRotation(core, coating=5e-9),
        f"Neel's rotation, {1e-3 * anisotropy:g} kJ/m³": mpisim.NeelRotation(core, anisotropy_constant=anisotropy),
    }


def figures(choice: Choice, tracer: Any) -> tuple[float, float]:
    """Return resolution in m and detection limit in kg of iron."""
    sample = mpisim.Sample(concentration=CONCENTRATION / iron_mass(tracer), height=EDGE)
    matrix = mpisim.simulate(choice.scanner(), tracer, choice.grid(), sample)
    limit = float(mpisim.detection_limit(matrix)[VOXELS // 2, VOXELS // 2])
    return float(np.mean(recon.resolution(matrix, length=EDGE))), limit


def study(diameters: np.ndarray, spread: float, anisotropy: float) -> dict[str, np.ndarray]:
    """Return resolution in m and detection limit in kg by model, each of shape (2, scanner, diameter)."""
    names = list(tracers(25e-9, spread, anisotropy))
    found = {name: np.empty((2, len(SCANNERS), len(diameters))) for name in names}
    for j, diameter in enumerate(progress(diameters.tolist(), unit="diameter")):
        for name, tracer in tracers(diameter, spread, anisotropy).items():
            for i, choice in enumerate(SCANNERS.values()):
                found[name][:, i, j] = figures(choice, tracer)
    return found


def draw(diameters: np.ndarray, found: dict[str, np.ndarray]) -> Figure:
    """Draw both figures over the diameter, a column for each model and a line for each scanner."""
    figure = Figure(figsize=(12.5, 7), dpi=110, layout="constrained")
    axes = figure.subplots(2, len(found), sharex=True, sharey="row", squeeze=False)
    nanometres = 1e9 * diameters
    for column, (model, values) in enumerate(found.items()):
        for ax, numbers in zip(axes[:, column], (1e3 * values[0], 1e12 * values[1]), strict=True):
            for i, name in enumerate(SCANNERS):
                ax.semilogy(nanometres, numbers[i], f"C{i}.-", label=name)
                best = int(np.nanargmin(numbers[i]))
                ax.semilogy(nanometres[best], numbers[i, best], f"C{i}o", ms=10, mfc="none")
            ax.grid(alpha=0.3, which="both")
        axes[0, column].set_title(model)
        axes[1, column].set_xlabel("core diameter in nm")
    ticks = (1, 2, 3, 5, 10, 20, 30)
    axes[0, 0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes[0, 0].set_yticks([], minor=True)
    axes[0, 0].set_ylabel("resolution in mm")
    axes[1, 0].set_ylabel("detection limit in ng of iron")
    axes[0, 0].legend(fontsize=8)
    return figure


def main(words: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Print and draw what a command line asks for; return the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    spread = argument_type("--spread", number)
    parser.add_argument("--spread", type=spread, default=0.15, help="standard deviation of ln d (default 0.15)")
    constant = argument_type("--anisotropy", number)
    parser.add_argument("--anisotropy", type=constant, default=6.0, help="K in kJ/m^3 (default 6)")
    points = argument_type("--points", at_least(2))
    parser.add_argument("--points", type=points, default=7, help="diameters from 16 to 28 nm (default 7)")
    parser.add_argument("--out", default="which_particle.png", help="PNG file to write (default which_particle.png)")
    options = parser.parse_args(words)
    diameters = 1e-9 * np.linspace(16, 28, options.points)
    try:
        found = study(diameters, options.spread, 1e3 * options.anisotropy)
    except mpisim.InputError as error:
        parser.error(str(error))
    for model, values in found.items():
        print(f"{model}: best diameter for resolution, and for detection")
        for i, name in enumerate(SCANNERS):
            sharp, seen = int(np.nanargmin(values[0, i])), int(np.nanargmin(values[1, i]))
            print(
                f"  {name:>12}  {1e9 * diameters[sharp]:4.0f} nm: {1e3 * values[0, i, sharp]:5.2f} mm"
                f"   {1e9 * diameters[seen]:4.0f} nm: {1e12 * values[1, i, seen]:8.3g} ng"
            )
    save_figure(draw(diameters, found), options.out)
    return found


if __name__ == "__main__":
    main()
