"""Which drive frequency? Harmonics of relaxing particles in volts, above the noise of a receive chain.

A small sample lies in a homogeneous drive field without any selection field, as in a spectrometer or on the field-free
line. The induced voltage grows with the frequency, while particles that turn too slowly follow less and less. Beside
the noise of coil, amplifier and digitiser there is a best frequency.

*Brown*: cores of 25 nm with a coating of 5 nm turn in water (`mpisim.BrownRotation`, the Fokker-Planck equation).
*Neel*: the moments of cores of 25 nm turn in them, against an anisotropy of 8 kJ/m^3 with its axis along the drive
(`mpisim.NeelRotation`). Dashed is the equilibrium of the same particles, which follows at once. Dotted is Debye's
equation with the relaxation time without field: that of Brown's rotation, and that of the thermal jumps over the
barrier, sqrt(pi)/2 alpha^(-3/2) exp(alpha) tau_N with alpha = K V / (k_B T) (W. F. Brown, Phys. Rev. 130, 1677, 1963).
Both mislead: the drive turns particles faster than they relax without it, and where particles no longer follow, they
lose the high harmonics first, while Debye's filter keeps the ratio of all harmonics.

The voltage is that of ``--iron`` micrograms in a coil of 800 1/m (1 mT/A), driven by ``--amplitude`` mT. The noise is
that of 10 ohm, 1 mH, an amplifier of 4 nV/sqrt(Hz) with a corner of 1 kHz and 2 pA/sqrt(Hz), and 16 bits for +-1 V at
10 MS/s after a gain of 5, in 100 ms.

Simplified: either rotation alone, one core diameter, easy axes along the drive, a coil whose sensitivity and noise do
not change with frequency but for its inductance, and no feedthrough of the drive.

Run::

    python examples/drive_frequency.py [--amplitude 10] [--iron 1] [--points 13] [--out FILE.png]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

import mpisim
from mpisim.cli.command import argument_type
from mpisim.cli.options import at_least, number
from mpisim.constants import BOLTZMANN, MU_0
from mpisim.errors import positive
from mpisim.particles.iron import core_volume, iron_mass
from mpisim.plot.panels import save_figure
from mpisim.progress import progress

SENSITIVITY = 800.0  # field of the coil per unit current over mu_0, in 1/m
HARMONICS = (3, 5, 7, 9, 11)  # no even ones without a selection field
TIMES = 512  # samples of a period
PARTICLE = mpisim.Particle(25e-9)
ANISOTROPY = 8e3  # J/m^3
CHAIN = mpisim.ReceiveChain(
    gain=5.0,
    noise=mpisim.ReceiveNoise(resistance=10.0, inductance=1e-3, voltage_noise=4e-9, current_noise=2e-12, corner=1e3),
    digitiser=mpisim.Digitiser(bits=16, range=1.0, sampling_rate=10e6),
    recording=mpisim.Recording(time=0.1),
)


def tracers() -> dict[str, dict[str, object]]:
    """Return for each rotation the reference, Debye's equation with its time, and the equilibrium."""
    brown = mpisim.BrownRotation(PARTICLE, coating=5e-9)
    neel = mpisim.NeelRotation(PARTICLE, anisotropy_constant=ANISOTROPY)
    still = mpisim.AnisotropicEquilibrium(PARTICLE, ANISOTROPY, easy_axis=(0.0, 0.0, 1.0))
    return {
        "Brown's rotation": {
            "Fokker-Planck": brown,
            "Debye": mpisim.Debye(PARTICLE, float(brown.times()[0])),
            "equilibrium": PARTICLE,
        },
        "Neel's rotation": {
            "Fokker-Planck": neel,
            "Debye": mpisim.Debye(still, time_of_jumps(neel)),
            "equilibrium": still,
        },
    }


def time_of_jumps(neel: mpisim.NeelRotation) -> float:
    """Return Brown's relaxation time in s of moments behind a high barrier, without field."""
    alpha = neel.anisotropy_constant * core_volume(neel) / (BOLTZMANN * neel.particle.temperature)
    return float(neel.times()[0] * np.sqrt(np.pi) / 2 * alpha**-1.5 * np.exp(alpha))


def voltages(tracer: object, frequency: float, amplitude: float, iron: float) -> np.ndarray:
    """Return the Fourier coefficients of the voltage in V at `HARMONICS`, with the iron in kg.

    The moment m(t) of all particles along the coil induces v = -mu_0 p dm/dt, so that a_k = -2 pi i k f mu_0 p m_k.
    """
    phase = 2 * np.pi * np.arange(TIMES) / TIMES
    field = np.zeros((TIMES, 1, 3))
    field[:, 0, 2] = amplitude * np.sin(phase)
    if hasattr(tracer, "response"):  # a filter of the equilibrium
        moments = tracer.particle.moments(field, 1 / frequency)[:, 0, 2]
        gains = tracer.response(frequency * np.array(HARMONICS, dtype=float))
    else:
        moments, gains = tracer.moments(field, 1 / frequency)[:, 0, 2], np.ones(len(HARMONICS))
    spectrum = np.fft.fft(moments)[list(HARMONICS)] / TIMES * gains
    return -2j * np.pi * frequency * np.array(HARMONICS) * MU_0 * SENSITIVITY * spectrum * iron / iron_mass(tracer)


def study(frequencies: np.ndarray, amplitude: float, iron: float) -> dict[str, dict[str, np.ndarray]]:
    """Return amplitudes in V at the digitiser for each rotation and model, of shape (frequency, harmonic)."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for rotation, models in tracers().items():
        found[rotation] = {name: np.empty((len(frequencies), len(HARMONICS))) for name in models}
        for i, f in enumerate(progress(frequencies.tolist(), unit="frequency")):
            gain = np.abs(CHAIN.transfer(f * np.array(HARMONICS, dtype=float)))
            for name, model in models.items():
                found[rotation][name][i] = gain * np.abs(voltages(model, f, amplitude, iron))
    return found


def noise(frequencies: np.ndarray) -> np.ndarray:
    """Return the noise in V at the digitiser of each harmonic, of shape (frequency, harmonic)."""
    return CHAIN.noise_std(np.multiply.outer(frequencies, np.array(HARMONICS, dtype=float)))


def together(signal: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return the signal-to-noise ratio in dB of a matched filter over all harmonics, of shape (frequency,)."""
    return 10 * np.log10(2 * np.sum((signal / sigma) ** 2, axis=1))


def draw(frequencies: np.ndarray, found: dict[str, dict[str, np.ndarray]], sigma: np.ndarray) -> Figure:
    """Draw the harmonics of the reference over frequency, and the signal-to-noise ratio of all models."""
    figure = Figure(figsize=(12.5, 7), dpi=110, layout="constrained")
    axes = figure.subplots(2, len(found), sharey="row", sharex=True, squeeze=False)
    kilohertz = 1e-3 * frequencies
    for (rotation, models), top, bottom in zip(found.items(), *axes, strict=True):
        for k, harmonic in enumerate(HARMONICS):
            top.loglog(kilohertz, 1e6 * models["Fokker-Planck"][:, k], f"C{k}o-", ms=3, label=f"harmonic {harmonic}")
            top.loglog(kilohertz, 1e6 * models["Debye"][:, k], f"C{k}:", lw=1)
        top.fill_between(kilohertz, 1e6 * sigma.min(axis=1), 1e6 * sigma.max(axis=1), color="0.8", label="noise")
        for name, style in (("Fokker-Planck", "ko-"), ("Debye", "k:"), ("equilibrium", "k--")):
            bottom.semilogx(kilohertz, together(models[name], sigma), style, ms=3, label=name)
        best = int(np.argmax(together(models["Fokker-Planck"], sigma)))
        bottom.axvline(kilohertz[best], color="C3", lw=1, label=f"best: {kilohertz[best]:.3g} kHz")
        top.set_title(f"{rotation} (dotted: Debye)")
        bottom.set_xlabel("drive frequency in kHz")
        bottom.legend(fontsize=8)
    axes[0, 0].set_ylabel("voltage at the digitiser in µV")
    axes[1, 0].set_ylabel("signal-to-noise ratio in dB")
    axes[0, 0].legend(fontsize=8)
    largest = max(float(models["Fokker-Planck"].max()) for models in found.values())
    axes[0, 0].set_ylim(0.3e6 * sigma.min(), 3e6 * largest)
    for ax in axes.ravel():
        ax.grid(alpha=0.3, which="both")
        ax.xaxis.set_major_formatter("{x:g}")
    return figure


def positive_number(flag: str, text: str) -> float:
    """Return a positive number that was typed."""
    return positive(flag, number(flag, text))


def main(words: Sequence[str] | None = None) -> dict[str, dict[str, np.ndarray]]:
    """Print and draw what a command line asks for; return the amplitudes in V."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    amplitude = argument_type("--amplitude", positive_number)
    parser.add_argument("--amplitude", type=amplitude, default=10.0, help="of the drive in mT (default 10)")
    iron = argument_type("--iron", positive_number)
    parser.add_argument("--iron", type=iron, default=1.0, help="iron in the sample in micrograms (default 1)")
    points = argument_type("--points", at_least(2))
    parser.add_argument("--points", type=points, default=13, help="frequencies from 0.3 to 300 kHz (default 13)")
    parser.add_argument("--out", default="drive_frequency.png", help="PNG file to write (default drive_frequency.png)")
    options = parser.parse_args(words)
    frequencies = np.geomspace(300.0, 300e3, options.points)
    try:
        found = study(frequencies, 1e-3 * options.amplitude, 1e-9 * options.iron)
    except mpisim.InputError as error:
        parser.error(str(error))
    sigma = noise(frequencies)
    for rotation, models in found.items():
        print(f"{rotation}: signal-to-noise ratio in dB of all harmonics; harmonics above the noise")
        print("     kHz   " + "  ".join(f"{name:>13}" for name in models))
        for i, f in enumerate(frequencies):
            levels = "  ".join(f"{together(values, sigma)[i]:13.1f}" for values in models.values())
            above = [str(k) for k, a, s in zip(HARMONICS, models["Fokker-Planck"][i], sigma[i], strict=True) if a > s]
            print(f"{1e-3 * f:8.3g}   {levels}   {', '.join(above) or 'none'}")
    save_figure(draw(frequencies, found, sigma), options.out)
    return found


if __name__ == "__main__":
    main()
