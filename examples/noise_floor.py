"""The noise floor of a scanner in volts: a spectrum of noise, and the lines of the signal beside it.

A field-free line of 0.5 T/m is driven by 9 mT at 23.2 kHz. Its coil has 800 1/m (1 mT/A), 10 ohm and 1 mH. The
amplifier has 4 nV/sqrt(Hz), a gain of 5 and filters of 10 and 300 kHz, the digitiser 16 bits for +-1 V at 5 MS/s. An
angle is recorded for 10 ms, in bands of 500 Hz around harmonics 2 to 11, with a sample of 2 x 2 x 1 mm of about 3 mg of
iron per ml. Gain, filters, sampling and bands are those of the scanner in the paper of TranSMS; coil and noise are
plausible values of ours, the noise of the amplifier that in the manual of the SR560. ``--spectrum FILE`` adds measured
noise (Hz, V/sqrt(Hz), at the coil).

The left part of the figure shows what the noise density at the digitiser is made of. The right one shows the RMS of the
recorded lines over angles and positions. While the line of the scanner stands still in a frame, lines beside a harmonic
hold noise only; where it turns at ``--rotation`` they carry signal.

It prints the signal-to-noise ratio of each harmonic and of the matrix. Coil, amplifier and digitiser alone leave about
60 dB, while the paper states an intrinsic error of 4.36 % (27 dB) for its matrices. Other noise limits that scanner,
which only a measured spectrum or measured frames (``mpisim simulate --background``) tell.

Run::

    python examples/noise_floor.py [--rotation 5] [--concentration 1e20] [--averages 1] [--spectrum FILE] [--out PNG]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import mpisim
from mpisim.cli.command import argument_type
from mpisim.cli.options import at_least, number
from mpisim.plot.panels import save_figure

GRID = mpisim.Grid((16, 16), (0.032, 0.032))
ANGLES = 6
NOISE = mpisim.ReceiveNoise(resistance=10.0, inductance=1e-3, voltage_noise=4e-9)


def chain(averages: int, spectrum: str | None) -> mpisim.ReceiveChain:
    """Return the receive chain."""
    measured = None if spectrum is None else mpisim.read_noise_spectrum(spectrum)
    return mpisim.ReceiveChain(
        gain=5.0,
        filters=(mpisim.BandPass(10e3, 300e3),),
        noise=replace(NOISE, spectrum=measured),
        digitiser=mpisim.Digitiser(bits=16, range=1.0, sampling_rate=5e6),
        recording=mpisim.Recording(time=10e-3, averages=averages, duty_cycle=0.1),
    )


def recorded(receive: mpisim.ReceiveChain, rotation: float, concentration: float) -> xr.Dataset:
    """Return the matrix as it is recorded."""
    line = mpisim.open_sided_ffl(0.5, angles=ANGLES, harmonics=tuple(range(2, 12)), drive_amplitude=9e-3)
    bands = mpisim.Bands(500.0, receive.recording.time, rotation=rotation)
    scanner = mpisim.ImperfectFFL.of(line, receive=receive, bands=bands)
    sample = mpisim.Sample(concentration=concentration)
    return mpisim.record(mpisim.simulate(scanner, mpisim.Particle(25e-9), GRID, sample), seed=0)


def densities(receive: mpisim.ReceiveChain, spectrum: mpisim.NoiseSpectrum | None) -> tuple[np.ndarray, dict]:
    """Return frequencies in Hz, and what the noise density at the digitiser is made of there, in V/sqrt(Hz)."""
    low, high = (2e3, 2.4e6) if spectrum is None else (max(spectrum.frequencies[0], 1.0), spectrum.frequencies[-1])
    f = np.geomspace(low, high, 400)
    parts = {
        "coil, thermal": replace(NOISE, voltage_noise=0.0),
        "amplifier": replace(NOISE, resistance=0.0),
        **({} if spectrum is None else {"measured spectrum": mpisim.ReceiveNoise(spectrum=spectrum)}),
    }
    found = {name: np.abs(receive.transfer(f)) * part.density(f) for name, part in parts.items()}
    return f, {**found, "digitiser": receive.digitiser.density * np.ones(f.shape), "all": receive.density(f)}


def rms_of_lines(matrix: xr.Dataset) -> np.ndarray:
    """Return the RMS of each line over angles and positions in V."""
    return np.sqrt((np.abs(matrix["system_matrix"]) ** 2).mean(["angle", "y", "x"])).values


def on_harmonic(matrix: xr.Dataset) -> np.ndarray:
    """Return which lines are harmonics of the drive."""
    ratio = matrix["frequency"].values / matrix.attrs["scanner"]["drive_frequency"]
    return np.abs(ratio - np.round(ratio)) < 1e-6


def draw(receive: mpisim.ReceiveChain, still: xr.Dataset, turning: xr.Dataset, rotation: float) -> Figure:
    """Draw the densities, and the lines with their noise, of a matrix whose line stands still and of one that turns."""
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    f, parts = densities(receive, receive.noise.spectrum)
    for name, values in parts.items():
        style = {"color": "k", "lw": 2} if name == "all" else {"lw": 1.2}
        left.loglog(1e-3 * f, 1e9 * values, label=name, **style)
    left.set(title="What the noise is made of", xlabel="frequency in kHz")
    left.set_ylabel(r"noise density at the digitiser in nV/$\sqrt{\mathrm{Hz}}$")
    lines, at_harmonic = 1e-3 * still["frequency"].values, on_harmonic(still)
    shown = (
        (still, at_harmonic, "C3o", "RMS of harmonics", 6),
        (turning, ~at_harmonic, "C2^", f"RMS beside them, line turns at {rotation:g} rad/s", 4),
        (still, ~at_harmonic, "C0.", "RMS beside them, line at rest", 5),
    )
    for matrix, chosen, style, name, size in shown:
        right.semilogy(lines[chosen], rms_of_lines(matrix)[chosen], style, label=name, ms=size)
    right.semilogy(lines, still["noise_std"], "k-", lw=1, label=r"noise $\sigma$ of a line")
    right.set(title="Recorded lines", xlabel="frequency in kHz", ylabel="voltage at the digitiser in V")
    for ax in (left, right):
        ax.grid(alpha=0.3, which="both")
        ax.legend(fontsize=8)
    return figure


def main(words: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Print and draw what a command line asks for; return the RMS and the noise of the lines at rest in V."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rotation", type=argument_type("--rotation", number), default=5.0, help="rad/s (default 5)")
    density = argument_type("--concentration", number)
    parser.add_argument("--concentration", type=density, default=1e20, help="particles per m^3 (default 1e20)")
    parser.add_argument("--averages", type=argument_type("--averages", at_least(1)), default=1, help="of each angle")
    parser.add_argument("--spectrum", help="file of measured noise: Hz, V/sqrt(Hz)")
    parser.add_argument("--out", default="noise_floor.png", help="PNG file to write (default noise_floor.png)")
    options = parser.parse_args(words)
    receive = chain(options.averages, options.spectrum)
    still, turning = (recorded(receive, speed, options.concentration) for speed in (0.0, options.rotation))
    rms, noise, chosen = rms_of_lines(still), still["noise_std"].values, on_harmonic(still)
    print("harmonic   RMS in uV   noise in nV   SNR in dB")
    for k, (signal, sigma) in enumerate(zip(rms[chosen], noise[chosen], strict=True), start=2):
        print(f"{k:8}   {1e6 * signal:9.3f}   {1e9 * sigma:11.2f}   {20 * np.log10(signal / sigma):9.1f}")
    total = 10 * np.log10(np.sum(rms[chosen] ** 2) / np.sum(noise[chosen] ** 2))
    minutes = still.attrs["recorded"]["time"] / 60
    print(f"harmonics together: {total:.1f} dB; time of the calibration: {minutes:.1f} min")
    save_figure(draw(receive, still, turning, options.rotation), options.out)
    return rms, noise


if __name__ == "__main__":
    main()
