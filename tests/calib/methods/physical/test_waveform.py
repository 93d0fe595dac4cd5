"""Weights of a line: against quadrature of a known flux, and in their limits."""

import numpy as np
import pytest

from calib.methods.physical.waveform import STEADY, Waveform, amplitudes, nodes_needed

STEEPNESS = 5.0


def flux(harmonic, amplitude):
    """A function of the amplitude with the parity of the harmonic, zero at zero, with poles where a tracer has them."""
    wave = np.tanh(STEEPNESS * amplitude / 2)
    return wave if harmonic % 2 else wave**2


def by_quadrature(waveform, cycles, harmonic, slope, curvature):
    """The plain twin: the integral over a frame on a fine grid of times, the first and second order in the angle."""
    x, w = np.polynomial.legendre.leggauss(3000)
    t = 0.5 * (1 + x)
    size = (1 + waveform.drift * t) / max(1.0, 1 + waveform.drift)
    size = size * (1 - np.exp(-t / waveform.rise)) if waveform.rise else size
    turned = waveform.turn * (t - 0.5)
    values = flux(harmonic, size) + turned * slope + turned**2 / 2 * curvature
    return np.sum(0.5 * w * values * np.exp(-2j * np.pi * cycles * t))


@pytest.mark.parametrize("harmonic", [2, 3])
@pytest.mark.parametrize("cycles", [0.0, 1.0, -2.0, 0.3])
@pytest.mark.parametrize(
    "waveform", [Waveform(0.1), Waveform(0.03, 0.2), Waveform(0.0, -0.3), Waveform(0.2, 0.0, 0.1), Waveform(turn=0.05)]
)
def test_weights_are_those_of_the_integral(harmonic, cycles, waveform):
    nodes = nodes_needed(STEEPNESS)
    known = np.array([*flux(harmonic, amplitudes(nodes)), 0.7, -3.0])
    expected = by_quadrature(waveform, cycles, harmonic, 0.7, -3.0)
    assert abs(waveform.weights(cycles, harmonic, nodes) @ known - expected) < 3e-4


def test_more_nodes_for_steeper_tracers():
    assert nodes_needed(1.0) <= nodes_needed(6.0) <= nodes_needed(20.0) <= 24
    assert nodes_needed(6.0) < nodes_needed(20.0)


@pytest.mark.parametrize("harmonic", [2, 3])
def test_nothing_beside_a_steady_harmonic(harmonic):
    assert not STEADY.weights(1.0, harmonic, 8).any()
    assert STEADY.weights(0.0, harmonic, 8)[0] == 1
    assert np.count_nonzero(STEADY.weights(0.0, harmonic, 8)) == 1
    assert abs(STEADY.weights(0.5, harmonic, 8)[0]) == pytest.approx(2 / np.pi)


@pytest.mark.parametrize("cycles", [0.0, 1.0])
def test_short_rise_is_a_steady_drive(cycles):
    known = np.array([*flux(2, amplitudes(12)), 0.0, 0.0])
    apart = [
        abs((Waveform(rise).weights(cycles, 2, 12) - STEADY.weights(cycles, 2, 12)) @ known) for rise in (0.02, 0.002)
    ]
    assert apart[1] < 0.12 * apart[0]


def test_opposite_lines_are_conjugates():
    waveform = Waveform(0.1, 0.05, 0.02)
    np.testing.assert_allclose(waveform.weights(-2.0, 3, 10), waveform.weights(2.0, 3, 10).conj(), atol=1e-14)
