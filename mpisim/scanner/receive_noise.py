r"""Noise of a receive chain, as a one-sided density :math:`e(f)` in V/sqrt(Hz) at the terminals of the coil.

.. math::
    e^2(f) = 4 k_B T R + \bigl(e_a^2 + i_a^2\,|R + 2\pi i f L|^2\bigr)\Bigl(1 + \frac{f_c}{f}\Bigr) + e_s^2(f)

are the thermal noise of a coil of the resistance R at the temperature T (Johnson 1928, DOI 10.1103/PhysRev.32.97;
Nyquist 1928, DOI 10.1103/PhysRev.32.110), the voltage noise :math:`e_a` of the amplifier, its current noise
:math:`i_a` in the impedance of the coil of the inductance L, both with a corner :math:`f_c` below which they rise as
1/f, and a measured spectrum :math:`e_s`. The parts are independent.

**From a density to a row.** A Fourier coefficient :math:`a = \frac1t\int_0^t v\,e^{-2\pi i f t'}dt'` over the time t
has the complex noise

.. math:: E|n|^2 = \frac{e^2(f)}{2 t},

since the power of one side of the spectrum is shared by f and -f. N averages divide it by N.

Simplified: noise is stationary and Gaussian, so that different lines, angles, positions and coils are independent, and
the density is constant over the width 1/t of a line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpisim.constants import BOLTZMANN
from mpisim.errors import finite, non_negative, numbers_of, positive, require, whole, within
from mpisim.scanner.tables import check_covered, checked_frequencies

__all__ = ["NoiseSpectrum", "ReceiveNoise"]

_RANGES = {
    "resistance": (0.0, 1e6, "ohm"),
    "temperature": (0.0, 1e3, "K"),
    "inductance": (0.0, 10.0, "H"),
    "voltage_noise": (0.0, 1e-3, "V/sqrt(Hz)"),
    "current_noise": (0.0, 1e-6, "A/sqrt(Hz)"),
    "corner": (0.0, 1e9, "Hz"),
}


@dataclass(frozen=True)
class NoiseSpectrum:
    """A measured spectrum of noise; `mpisim.read_noise_spectrum` reads one from a file.

    Parameters
    ----------
    frequencies
        Frequencies in Hz, ascending, at least two.
    densities
        One-sided density at each in V/sqrt(Hz), zero or more, at most 1; linear in between.

    Raises
    ------
    InputError
        If the frequencies do not ascend, or a density is negative, above 1, not finite, or missing.
    """

    frequencies: tuple[float, ...]
    densities: tuple[float, ...]

    def __post_init__(self) -> None:
        name = "noise spectrum"
        object.__setattr__(self, "frequencies", checked_frequencies(name, self.frequencies))
        found = numbers_of(f"densities of the {name}", self.densities)
        count = len(self.frequencies)
        require(len(found) == count, f"densities of the {name}", f"one for each of {count} frequencies", len(found))
        good = min(found) >= 0 and max(found) <= 1
        wrong = min(found) if min(found) < 0 else max(found)
        require(good, f"densities of the {name}", "from 0 to 1 V/sqrt(Hz)", wrong)
        object.__setattr__(self, "densities", found)

    @classmethod
    def of(cls, voltages: np.ndarray, sampling_rate: float, lines: int = 512) -> NoiseSpectrum:
        """Return the spectrum of measured voltages, by the method of Welch (1967) with a Hann window.

        Parameters
        ----------
        voltages
            Uniform samples of an empty scanner in V, shape (..., time); all records are averaged. For a spectrum at the
            coil they are divided by the gain; filters are taken into account by dividing the densities.
        sampling_rate
            Samples per s.
        lines
            Frequencies above zero of the result.

        Raises
        ------
        InputError
            If a record is shorter than 2 `lines` samples, or values are not finite.
        """
        from scipy.signal import welch

        values = finite("voltages", np.asarray(voltages, dtype=float))
        length = 2 * whole("lines of the noise spectrum", lines)
        enough = values.ndim > 0 and values.shape[-1] >= length
        require(enough, "voltages", f"records of at least {length} samples", f"the shape {values.shape}")
        f, power = welch(values, positive("sampling_rate", sampling_rate), nperseg=length, detrend="constant")
        densities = np.sqrt(power.reshape(-1, f.size).mean(axis=0))
        return cls(tuple(f[1:].tolist()), tuple(densities[1:].tolist()))

    def check_frequencies(self, frequencies: np.ndarray) -> None:
        """Raise `InputError` where the spectrum does not cover `frequencies` in Hz, or has a gap there."""
        check_covered("noise spectrum", self.frequencies, frequencies)

    def density(self, frequencies: np.ndarray) -> np.ndarray:
        """Density in V/sqrt(Hz) at `frequencies` in Hz; raise `InputError` where the spectrum has none."""
        self.check_frequencies(frequencies)
        return np.asarray(np.interp(frequencies, self.frequencies, self.densities))


@dataclass(frozen=True)
class ReceiveNoise:
    """Noise of coil and amplifier at the terminals of the coil, and a measured spectrum; each is off at zero.

    Parameters
    ----------
    resistance
        Resistance of the coil in ohm, whose thermal noise is sqrt(4 k T R): 0.407 nV/sqrt(Hz) for 10 ohm at 300 K.
    temperature
        Temperature of the coil in K.
    inductance
        Inductance of the coil in H, in which the current noise of the amplifier makes a voltage.
    voltage_noise
        Voltage noise of the amplifier in V/sqrt(Hz); a good one has 1e-9, the SR560 of Stanford Research Systems 4e-9
        (its manual).
    current_noise
        Current noise of the amplifier in A/sqrt(Hz).
    corner
        Frequency in Hz at which the amplifier's 1/f noise has the power of its white one.
    spectrum
        A measured spectrum, which is added; referred to the coil.

    Raises
    ------
    InputError
        If a number is negative or out of range, or the spectrum is none.
    """

    resistance: float = 0.0
    temperature: float = 300.0
    inductance: float = 0.0
    voltage_noise: float = 0.0
    current_noise: float = 0.0
    corner: float = 0.0
    spectrum: NoiseSpectrum | None = None

    def __post_init__(self) -> None:
        for name, (low, high, unit) in _RANGES.items():
            value = within(f"{name} of the receive noise", getattr(self, name), low, high, unit)
            object.__setattr__(self, name, non_negative(name, value))
        good = self.spectrum is None or isinstance(self.spectrum, NoiseSpectrum)
        require(good, "spectrum of the receive noise", "a NoiseSpectrum or None", repr(self.spectrum))

    @property
    def thermal(self) -> float:
        """Thermal noise of the coil, sqrt(4 k T R), in V/sqrt(Hz)."""
        return float(np.sqrt(4 * BOLTZMANN * self.temperature * self.resistance))

    def density(self, frequencies: np.ndarray) -> np.ndarray:
        """Density in V/sqrt(Hz) at `frequencies` above zero in Hz, of the same shape."""
        f = np.asarray(frequencies, dtype=float)
        impedance = np.hypot(self.resistance, 2 * np.pi * f * self.inductance)
        amplifier = self.voltage_noise**2 + (self.current_noise * impedance) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            rise = 1 + (self.corner / f if self.corner else 0.0)
        square = self.thermal**2 + amplifier * rise
        return np.sqrt(square + (0.0 if self.spectrum is None else self.spectrum.density(f) ** 2))
