"""The loop over relaxation, jitted and as plain Python, against a dense solution in NumPy by Fourier's derivative."""

import numpy as np
import pytest

from mpisim.kernels import relaxation as kernels
from tests.mpisim.kernels.twins import both, langevin

PERIOD = 4e-5


def waves(times):
    """A field in T (time, point, 3): along z through zero, beside it, in a circle, and with two tones."""
    phase = 2 * np.pi * np.arange(times)[:, None] / times
    z, x = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
    line = np.sin(phase)
    return 2e-3 * np.stack([line * z, line * z + x, line * z + np.cos(phase) * x, line * z + np.sin(2 * phase) * x], 1)


def dense_twin(field, beta, slope, time, strength, exponent):
    """The periodic solution of tau M' + M = E at uniform times, by a matrix for the derivative."""
    count = len(field)
    k = np.fft.fftfreq(count, 1 / count) * (np.arange(count) != count // 2)
    derivative = np.fft.ifft(2j * np.pi / PERIOD * k[:, None] * np.fft.fft(np.eye(count), axis=0), axis=0).real
    xi = beta * np.linalg.norm(field, axis=-1)
    tau = time / np.sqrt(1 + strength * xi**exponent)
    ratio = np.divide(langevin(xi), xi, out=np.full_like(xi, 1 / 3), where=xi > 0)
    out = np.empty_like(field)
    for p in range(field.shape[1]):
        system = np.eye(count) + tau[:, p, None] * derivative
        out[:, p] = np.linalg.solve(system, slope * ratio[:, p, None] * field[:, p])
    return out, ratio


def relaxed(kernel, times, time, strength=0.126, exponent=2.0, beta=1e3):
    """What a kernel and the twin compute on the same times."""
    field = waves(times)
    expected, ratio = dense_twin(field, beta, 1.5, time, strength, exponent)
    out = np.zeros_like(field)
    kernel(field, ratio, PERIOD, beta, 1.5, time, strength, exponent, out)
    return out, expected


@pytest.mark.parametrize("time", [1e-9, 2e-6, 1e-4, 1e-2])
@pytest.mark.parametrize("kernel", both(kernels.add_relaxed_moment))
def test_the_relaxed_moment(kernel, time):
    """To 2e-5 of the largest at 128 times, from times far below a step to times far above a period."""
    out, expected = relaxed(kernel, 128, time)
    assert np.abs(out - expected).max() < 2e-5 * np.abs(expected).max()


@pytest.mark.parametrize("time", [1e-7, 3e-6])
def test_the_error_falls_with_the_fourth_power_of_the_step(time):
    """Twice as many times: a twelfth to a twentieth of the error, with a smooth law (exponent 2)."""
    coarse, fine = (relaxed(kernels.add_relaxed_moment, n, time) for n in (128, 256))
    errors = [np.linalg.norm(out - expected) / np.linalg.norm(expected) for out, expected in (coarse, fine)]
    assert 12 < errors[0] / errors[1] < 20


def test_the_moments_of_several_sizes_add_up():
    field = waves(32)
    ratio, once, twice = np.full((32, 4), 1 / 3), np.zeros_like(field), np.zeros_like(field)
    kernels.add_relaxed_moment(field, ratio, PERIOD, 1e3, 1.0, 2e-6, 0.126, 1.72, once)
    for _ in range(2):
        kernels.add_relaxed_moment(field, ratio, PERIOD, 1e3, 1.0, 2e-6, 0.126, 1.72, twice)
    assert np.allclose(twice, 2 * once, rtol=1e-14, atol=0)


@pytest.mark.parametrize("x", [1e-9, 1e-3, 0.3, 0.999999, 1.000001, 7.0, 800.0])
def test_weights_integrate_cubics_exactly(x):
    """The integral of exp(s - x) E(s) for E = 1, s, s^2, s^3, by Gauss-Legendre quadrature; to 1e-12."""
    weights = np.empty(4)
    kernels._step_weights(x, weights)
    nodes, rule = np.polynomial.legendre.leggauss(40)
    panels = np.concatenate([[0.0], x - np.geomspace(min(x, 40.0), 1e-3 * x, 30)[1:], [x]])
    s = (panels[:-1, None] + np.diff(panels)[:, None] * (nodes + 1) / 2).ravel()
    rule = (np.diff(panels)[:, None] * rule / 2).ravel()
    for power in range(4):
        ends = np.array([0.0**power, x**power, 1.0 if power == 1 else 0.0, power * x ** max(power - 1, 0)])
        expected = (rule * np.exp(s - x) * s**power).sum()
        assert weights @ ends == pytest.approx(expected, rel=1e-11, abs=0)
