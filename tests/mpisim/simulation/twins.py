"""Readable NumPy twins of the engines, and how far two matrices differ."""

import numpy as np
import pytest

from mpisim.constants import MU_0

CORNERS = [(g, d) for g in (0.4, 1.03) for d in (14.1e-9, 34.47e-9)]
"""Gradients in T/m and core diameters in m at the corners of the protocol."""


def difference(result, expected, axis=None):
    """Frobenius norm of the difference, relative."""
    return np.sqrt((np.abs(result - expected) ** 2).sum(axis) / (np.abs(expected) ** 2).sum(axis))


def transformed_voltage(machine, particle, u, particles):
    """Harmonics of v(t) over 10 ms at 5 MS/s, of samples at `u` (m), in plain NumPy; shape (harmonic, point)."""
    count, rate = 50_000, 5e6
    periods = machine.drive_frequency * count / rate
    assert periods == pytest.approx(232, abs=1e-9)
    omega = 2 * np.pi * machine.drive_frequency
    time = np.arange(count) / rate
    beta, amplitude = particle.beta, machine.drive_amplitude
    spectra = []
    for offset in u:
        xi = beta * (machine.sf_gradient * offset + amplitude * np.sin(omega * time))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slope = np.where(
                np.abs(xi) < 0.05, 1 / 3 - xi**2 / 15 + 2 * xi**4 / 189 - xi**6 / 675, xi**-2.0 - np.sinh(xi) ** -2.0
            )
        moment_rate = particles * particle.moment * slope * beta * amplitude * omega * np.cos(omega * time)
        voltage = -MU_0 * machine.sensitivity[2] * moment_rate
        spectra.append(np.fft.fft(voltage)[232 * np.array(machine.harmonics)] / count)
    return np.transpose(spectra)
