"""A patient-sized scanner beside one for small animals: what changes, and what nerves and heating allow.

Two field-free-line scanners are driven at 25 kHz and recorded at 36 angles of 10 ms, harmonics 2 to 20, with an
amplifier of 1 nV/sqrt(Hz), a gain of 100 and 16 bits for +-5 V at 5 MS/s:

- small animal: 2.5 T/m, 16 mT, a field of view of 30 mm, and a coil of 60 turns of a radius of 30 mm (1000 1/m);
- patient: 0.3 T/m, 5 mT, 200 mm, and 100 turns of 200 mm (250 1/m).

A coil of N turns of the radius R has the sensitivity N / (2 R) in its middle, and the resistance of that length of
copper wire of 1 mm. The drive covers 2 A / G at a time. The line is shifted by slow fields to as many stations as the
field of view holds. The tracer has cores of 25 nm at 0.1 mg of iron per ml, and follows the field at once.

*Upper left*: the drive that a body bears by nerves (solid) and by heating of 2 W/kg in its mean (dashed), as a cylinder
(`mpisim.scanner.safety`, which states the sources), and the drives of both scanners. *Upper right*: the image of a
point in the middle, by the best linear image at this noise (`recon.resolution`). *Lower left*: the mass of iron that is
detected in the middle by three standard deviations after the empty scanner was measured for as long
(`mpisim.scanner.stability`). The feedthrough of harmonic k, 10/k^2 microvolts at the coil, wanders by ``--wander`` in
an hour; dashed is no drift. *Lower right*: time of the calibration of a plane, with voxels of half the resolution, 1 s
for each move, and samples of 1 to 8 voxels' edge.

Simplified: ideal fields and coils, no noise of the body, the same amplifier and feedthrough for both, no limits of
current or cooling, and a tracer without relaxation, which a weak drive would not turn at once.

Run::

    python examples/patient_sized.py [--wander 0.01] [--averages 1] [--out FILE.png]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import mpisim
from mpisim.cli.command import argument_type
from mpisim.cli.options import at_least, number
from mpisim.data.grid import Grid
from mpisim.errors import non_negative
from mpisim.particles.iron import iron_mass
from mpisim.plot.panels import save_figure
from mpisim.scanner.safety import WHOLE_BODY_SAR, absorption_rate, heating_limit, stimulation_limit
from mpisim.scanner.stability import difference_std
from mpisim.simulation.detection import sample_iron_mass
from recon.point_spread import full_width, point_spread

FREQUENCY = 25e3
HARMONICS = tuple(range(2, 21))
ANGLES, VOXELS = 36, 61  # an odd number of voxels, so that one lies in the middle
CONCENTRATION, HEIGHT = 0.1, 1e-3  # kg of iron per m^3, m
MOVE, RECORDING = 1.0, 10e-3  # s
COPPER, WIRE = 1.7e-8, math.pi * 0.5e-3**2  # ohm m, m^2
BODIES = {"mouse": 0.015, "head": 0.09, "trunk": 0.15}  # radius in m
FACTORS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Machine:
    """A scanner by its sizes and fields, in SI units."""

    gradient: float
    amplitude: float
    fov: float
    body: float
    coil_radius: float
    turns: int

    @property
    def covered(self) -> float:
        """Width in m that the drive covers."""
        return 2 * self.amplitude / self.gradient

    @property
    def stations(self) -> int:
        """Places to which slow fields shift the line."""
        return math.ceil(round(self.fov / self.covered, 6))

    @property
    def scan_time(self) -> float:
        """Time in s of all angles at all stations."""
        return ANGLES * self.stations * RECORDING

    def scanner(self, wander: float) -> mpisim.ImperfectFFL:
        """Return the scanner with its coil and receive chain, at its middle station."""
        line = mpisim.open_sided_ffl(
            self.gradient,
            angles=ANGLES,
            harmonics=HARMONICS,
            drive_amplitude=self.amplitude,
            drive_frequency=FREQUENCY,
        )
        coil = mpisim.Coil(vector=(0.0, 0.0, self.turns / (2 * self.coil_radius)))
        resistance = COPPER * self.turns * 2 * math.pi * self.coil_radius / WIRE
        chain = mpisim.ReceiveChain(
            gain=100.0,
            noise=mpisim.ReceiveNoise(resistance=resistance, voltage_noise=1e-9),
            digitiser=mpisim.Digitiser(bits=16, range=5.0, sampling_rate=5e6),
            feedthrough=mpisim.Feedthrough(tuple((k, 1e-5 / k**2, 0.0) for k in HARMONICS), wander=wander),
            recording=mpisim.Recording(time=RECORDING),
        )
        return mpisim.ImperfectFFL.of(line, coils=(coil,), receive=chain)


MACHINES = {
    "small animal": Machine(2.5, 16e-3, 30e-3, BODIES["mouse"], 30e-3, 60),
    "patient": Machine(0.3, 5e-3, 200e-3, BODIES["trunk"], 200e-3, 100),
}


def simulated(machine: Machine, wander: float) -> xr.Dataset:
    """Return the exact matrix of the middle station, over a little more than the drive covers."""
    particle, width = mpisim.Particle(25e-9), 1.2 * machine.covered
    sample = mpisim.Sample(concentration=CONCENTRATION / iron_mass(particle), height=HEIGHT)
    return mpisim.simulate(machine.scanner(wander), particle, Grid((VOXELS, VOXELS), (width, width)), sample)


def limits_over_time(machine: Machine, matrix: xr.Dataset, times: np.ndarray, wander: float) -> np.ndarray:
    """Return the detection limit in kg in the middle, shape (time,), where the background wanders.

    There the signal is the same at all angles, and so is the background, whose drift the mean over angles keeps. One
    station of all sees the place.
    """
    chain, frequencies = machine.scanner(wander).receive, matrix["frequency"].values
    assert chain is not None
    walk = np.abs(chain.background(frequencies, FREQUENCY)) * wander / math.sqrt(3600)
    middle = matrix["system_matrix"].isel(x=VOXELS // 2, y=VOXELS // 2)
    signal = np.abs(middle.mean("angle").values) / sample_iron_mass(matrix)
    noise = chain.noise_std(frequencies)
    deviation = difference_std(times[:, None], noise, RECORDING * machine.stations, wander=walk)
    return 3 / np.sqrt(2 * np.sum((signal / deviation) ** 2, axis=1))


def calibration_time(machine: Machine, voxel: float, factor: int, averages: int) -> float:
    """Return the time in s of the calibration of a plane with a sample of `factor` x `factor` voxels."""
    positions = math.ceil(machine.fov / voxel / factor) ** 2
    return positions * (MOVE + averages * machine.scan_time)


def study(wander: float, averages: int) -> dict[str, dict[str, np.ndarray | float]]:
    """Return for each scanner what is printed and drawn, in SI units."""
    found: dict[str, dict[str, np.ndarray | float]] = {}
    for name, machine in MACHINES.items():
        matrix = simulated(machine, wander)
        image, step = point_spread(matrix), Grid.of(matrix).voxel[0]
        profile = image[VOXELS // 2]
        width = full_width(profile, step)
        times = np.geomspace(machine.scan_time, 7200, 60)
        mass, still = (limits_over_time(machine, matrix, times, drift) for drift in (wander, 0.0))
        found[name] = {
            "place": matrix["x"].values,
            "profile": profile / profile.max(),
            "resolution": width,
            "voxels": math.ceil(2 * machine.fov / width) ** 2,
            "snr": 20 * math.log10(CONCENTRATION * (width / 2) ** 3 / (still[0] / 3)),
            "times": times,
            "mass": mass,
            "still": still,
            "calibration": np.array([calibration_time(machine, width / 2, s, averages) for s in FACTORS]),
        }
    return found


def report(found: dict[str, dict[str, np.ndarray | float]]) -> list[str]:
    """Return a table with a column for each scanner."""
    rows: dict[str, list[str]] = {}
    for name, machine in MACHINES.items():
        values = found[name]
        best = int(np.argmin(values["mass"]))
        hours = np.asarray(values["calibration"]) / 3600
        column = {
            "": name,
            "drive / limit of nerves / of heating": f"{1e3 * machine.amplitude:.3g} / "
            f"{1e3 * stimulation_limit(FREQUENCY, machine.body):.3g} / "
            f"{1e3 * heating_limit(FREQUENCY, machine.body):.3g} mT",
            "mean absorption rate": f"{absorption_rate(machine.amplitude, FREQUENCY, machine.body):.2g} W/kg",
            "covered by the drive, stations": f"{1e3 * machine.covered:.3g} mm, {machine.stations}",
            "resolution": f"{1e3 * float(values['resolution']):.2f} mm",
            "voxels of half that in a plane": f"{values['voxels']:,}",
            "time of a scan": f"{machine.scan_time:.2g} s",
            "signal-to-noise of such a cube": f"{float(values['snr']):.1f} dB",
            "detection limit in one scan": f"{1e12 * np.asarray(values['mass'])[0]:.3g} ng",
            "least one, and after": f"{1e12 * np.asarray(values['mass'])[best]:.3g} ng, "
            f"{np.asarray(values['times'])[best]:.0f} s",
            "calibration of a plane, voxel's sample": f"{hours[0]:.3g} h",
            "the same, samples of 4 x 4 voxels": f"{hours[FACTORS.index(4)]:.2g} h",
        }
        for key, text in column.items():
            rows.setdefault(key, []).append(text)
    return [f"{key:<40}" + "".join(f"{text:>24}" for text in texts) for key, texts in rows.items()]


def draw_limits(ax: Axes) -> None:
    """Draw what bodies bear over the frequency, and the drives of both scanners."""
    frequencies = np.geomspace(1e3, 200e3, 100)
    for i, (name, radius) in enumerate(BODIES.items()):
        nerves = [1e3 * stimulation_limit(f, radius) for f in frequencies.tolist()]
        heat = [1e3 * heating_limit(f, radius, WHOLE_BODY_SAR["normal"]) for f in frequencies.tolist()]
        ax.loglog(1e-3 * frequencies, nerves, f"C{i + 2}-", label=f"{name}, radius {1e3 * radius:g} mm")
        ax.loglog(1e-3 * frequencies, heat, f"C{i + 2}--")
    for i, (name, machine) in enumerate(MACHINES.items()):
        ax.loglog(1e-3 * FREQUENCY, 1e3 * machine.amplitude, f"C{i}o", ms=9, label=f"drive, {name}")
    ax.set(title="Nerves (solid), heating (dashed)", xlabel="drive frequency in kHz", ylabel="drive amplitude in mT")
    ax.set_ylim(1, 300)


def draw(found: dict[str, dict[str, np.ndarray | float]]) -> Figure:
    """Draw limits of the drive, points, detection limits, and times of the calibration."""
    figure = Figure(figsize=(11.5, 8.5), dpi=110, layout="constrained")
    limits, points, masses, calibration = figure.subplots(2, 2).ravel()
    draw_limits(limits)
    for i, (name, values) in enumerate(found.items()):
        width = float(values["resolution"])
        points.plot(
            1e3 * np.asarray(values["place"]), values["profile"], f"C{i}", label=f"{name}: {1e3 * width:.2g} mm"
        )
        mass, times = 1e12 * np.asarray(values["mass"]), np.asarray(values["times"])
        masses.loglog(times, mass, f"C{i}", label=name)
        masses.loglog(times, 1e12 * np.asarray(values["still"]), f"C{i}--", lw=1)
        best = int(np.argmin(mass))
        masses.loglog(times[best], mass[best], f"C{i}o", ms=9, mfc="none", label=f"least after {times[best]:.0f} s")
        calibration.loglog(FACTORS, np.asarray(values["calibration"]) / 3600, f"C{i}o-", label=name)
    points.set(title="Image of a point", xlabel="place in mm", ylabel="value over its peak")
    masses.set(title="Detection limit", xlabel="time of the measurement in s", ylabel="iron in ng")
    calibration.set(title="Calibration of a plane", xlabel="edge of the sample in voxels", ylabel="time in h")
    calibration.set_xticks(FACTORS, [str(s) for s in FACTORS])
    calibration.set_xticks([], minor=True)
    for ax in (limits, points, masses, calibration):
        ax.grid(alpha=0.3, which="both")
        ax.legend(fontsize=8)
    return figure


def not_negative(flag: str, text: str) -> float:
    """Return a number of zero or more that was typed."""
    return non_negative(flag, number(flag, text))


def main(words: Sequence[str] | None = None) -> dict[str, dict[str, np.ndarray | float]]:
    """Print and draw what a command line asks for; return the numbers in SI units."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wander = argument_type("--wander", not_negative)
    parser.add_argument("--wander", type=wander, default=0.01, help="of the feedthrough in an hour (default 0.01)")
    averages = argument_type("--averages", at_least(1))
    parser.add_argument("--averages", type=averages, default=1, help="scans at each position (default 1)")
    parser.add_argument("--out", default="patient_sized.png", help="PNG file to write (default patient_sized.png)")
    options = parser.parse_args(words)
    try:
        found = study(options.wander, options.averages)
    except mpisim.InputError as error:
        parser.error(str(error))
    print("\n".join(report(found)))
    save_figure(draw(found), options.out)
    return found


if __name__ == "__main__":
    main()
