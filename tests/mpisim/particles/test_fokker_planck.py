"""Laws of rotation by the Fokker-Planck equation: equilibrium, Debye, SciPy's integration, symmetry, conservation."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from mpisim import (
    AnisotropicEquilibrium,
    BrownRotation,
    Debye,
    LogNormal,
    Mixture,
    NeelRotation,
    Particle,
    check_magnetisation,
)
from mpisim.constants import BOLTZMANN
from mpisim.errors import DataWarning
from mpisim.kernels.fokker_planck import STAGE_TIMES, advance_axis
from mpisim.kernels.fokker_planck_vector import advance_vector, couplings
from mpisim.particles import periodic
from mpisim.particles.expansion import axis_bands
from mpisim.particles.periodic import extrapolated
from tests.mpisim.bad_input import assert_refused, each

PERIOD, TIMES = 4e-5, 64
CORES, SMALL = Particle(25e-9), Particle(12e-9)
SINE = np.sin(2 * np.pi * np.arange(TIMES) / TIMES)


def field(amplitude, beside=0.0, direction=(0.0, 0.0, 1.0)):
    """A drive and a static field along one direction, shape (time, 1, 3)."""
    return ((beside + amplitude * SINE)[:, None] * np.array(direction) / np.linalg.norm(direction))[:, None]


def first_line(moments):
    """Fourier coefficient of the base frequency along z."""
    return np.fft.rfft(moments[:, 0, 2], norm="forward")[1]


def dense(degree, alpha):
    """The matrices D and U of one axis from the products with x and x^2 as matrices of orthonormal polynomials."""
    n = np.arange(1.0, degree + 3)
    x = np.diag(n / np.sqrt(4 * n * n - 1), 1)
    x += x.T
    square, rank = (x @ x)[: degree + 1, : degree + 1], np.arange(degree + 1.0)
    change = rank[:, None] * (rank[:, None] + 1) - rank * (rank + 1)  # of l (l + 1), from the column to the row
    still = np.diag(-rank * (rank + 1)) + alpha * ((change / 2 + 3) * square - np.eye(degree + 1))
    return still, (change / 2 + 1) * x[: degree + 1, : degree + 1]


@pytest.mark.parametrize("alpha", [0.0, 4.0])
def test_the_bands_are_the_products_of_polynomials(alpha):
    """From the identity for the divergence, and with Boltzmann's density as the equilibrium; to 1e-12."""
    still, drift = dense(24, alpha)
    bands = axis_bands(24, alpha)
    assert np.allclose(np.diag(bands[0]) + np.diag(bands[3][2:], -2) + np.diag(bands[4][:-2], 2), still, atol=1e-12)
    assert np.allclose(np.diag(bands[1][1:], -1) + np.diag(bands[2][:-1], 1), drift, atol=1e-12)
    nodes, weights = np.polynomial.legendre.leggauss(80)
    height = weights * np.exp(alpha * nodes**2 + 1.5 * nodes)
    boltzmann = np.polynomial.legendre.legvander(nodes, 24).T @ height * np.sqrt(2 * np.arange(25) + 1)
    assert np.abs(((still + 1.5 * drift) @ boltzmann)[:-4]).max() < 1e-9 * boltzmann[0]


@pytest.mark.parametrize(("alpha", "tau"), [(0.0, 2e-8), (6.0, 2e-8), (0.0, 3e-6)])
def test_the_loop_is_an_integration_by_scipy(alpha, tau):
    """Coefficients after a period from all directions alike; to 2e-5, with probability conserved exactly."""
    degree, steps = 24, 400
    still, drift = dense(degree, alpha)

    def xi(t):
        return 3 + 6 * np.sin(2 * np.pi * t / PERIOD)

    start = np.eye(1, degree + 1)
    times = (np.arange(steps) + np.array(STAGE_TIMES)[:, None]) / steps * PERIOD
    end, cosine = np.empty_like(start), np.empty((steps, 1))
    advance_axis(xi(times)[..., None], PERIOD / steps / (2 * tau), axis_bands(degree, alpha), start, end, cosine)

    def matrix(t, c=None):
        return (still + xi(t) * drift) / (2 * tau)

    solved = solve_ivp(lambda t, c: matrix(t) @ c, (0, PERIOD), start[0], "BDF", jac=matrix, rtol=1e-8, atol=1e-10)
    assert np.abs(end[0] - solved.y[:, -1]).max() < 2e-5
    assert end[0, 0] == 1


@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 2, -1)])
def test_harmonics_in_space_are_the_series_of_one_axis(direction):
    """With precession, whatever the direction, as there is no anisotropy; along the axis with one, too. To 1e-12."""
    degree, steps = 10, 40
    along = np.array(direction) / np.linalg.norm(direction)
    xi = 2 * np.sin(2 * np.pi * (np.arange(steps) + np.array(STAGE_TIMES)[:, None]) / steps)[..., None]
    for alpha in (0.0, 1.5) if direction == (0, 0, 1) else (0.0,):
        start, cosine = np.eye(1, degree + 1), np.empty((steps, 1))
        advance_axis(xi, 0.7, axis_bands(degree, alpha), start, np.empty_like(start), cosine)
        first, own, across = couplings(degree, alpha, 10.0)
        state = np.eye(1, int(first[-1]), dtype=complex)
        end, mean = np.empty_like(state), np.empty((steps, 1, 3))
        advance_vector(xi[..., None] * along, 0.7, first, own, across, state, end, mean)
        assert np.abs(mean[:, 0] - cosine * along).max() < 1e-12
        assert end[0, 0] == 1


def test_a_static_field_across_the_axis_gives_the_anisotropic_equilibrium():
    """In space, after some relaxation times: Boltzmann's mean, in which precession has no part. To 1e-6."""
    model = AnisotropicEquilibrium(SMALL, 4e4, (0.3, 0.2, 1.0))
    static = np.broadcast_to([0.01, -0.02, 0.015], (TIMES, 1, 3))
    found = NeelRotation(SMALL, 4e4, (0.3, 0.2, 1.0)).moments(static[::8], PERIOD)
    assert np.abs(found - model.moment_vector(static[::8])).max() < 1e-6 * SMALL.moment


@pytest.mark.parametrize("constant", [0.0, 3e3])
def test_slow_fields_are_followed_in_equilibrium(constant):
    """The distance falls in proportion to the frequency."""
    drive = field(0.012, 0.002)
    equilibrium = AnisotropicEquilibrium(CORES, constant).moments(drive, 1.0)
    periods = (0.01, 0.1)
    distance = [np.abs(NeelRotation(CORES, constant).moments(drive, p) - equilibrium).max() for p in periods]
    assert distance[1] < 1e-3 * CORES.moment
    assert distance[0] / distance[1] == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize("viscosity", [2e-4, 1e-3, 1e-2])
def test_brown_in_a_weak_field_is_debye(viscosity):
    """The lag arctan(omega tau_B) and the amplitude of its cosine, to 3e-5 at xi = 1e-3."""
    model = BrownRotation(CORES, viscosity, 5e-9)
    time = float(model.times()[0])
    assert time == pytest.approx(3 * viscosity * math.pi / 6 * 35e-9**3 / (BOLTZMANN * 300))
    drive = field(1e-3 / CORES.beta)
    found = first_line(model.moments(drive, PERIOD))
    assert found == pytest.approx(first_line(Debye(CORES, time).moments(drive, PERIOD)), rel=3e-5)
    assert np.angle(found / first_line(CORES.moments(drive, PERIOD))) == pytest.approx(
        -math.atan(2 * math.pi / PERIOD * time), rel=3e-5
    )


def test_a_moment_without_anisotropy_relaxes_in_its_own_time():
    model = NeelRotation(CORES, damping=0.5)
    time = CORES.moment * 1.25 / (2 * 0.5 * model.gyromagnetic_ratio * BOLTZMANN * 300)
    assert model.times() == pytest.approx([time])
    drive, fast = field(1e-3 / CORES.beta), 40 * time
    expected = first_line(Debye(CORES, time).moments(drive, fast))
    assert first_line(model.moments(drive, fast)) == pytest.approx(expected, rel=1e-5)


def test_a_barrier_delays_by_its_slowest_rate():
    """In a weak field along the axis, one time of the order of Brown's for high barriers: within 15 % at 10 k_B T."""
    constant = 10 * CORES.saturation_magnetisation / CORES.beta
    model = NeelRotation(CORES, constant)
    drive = field(1e-3 / CORES.beta)
    ratio = first_line(model.moments(drive, 1e-3)) / first_line(
        AnisotropicEquilibrium(CORES, constant).moments(drive, 1e-3)
    )
    time = math.tan(-np.angle(ratio)) * 1e-3 / (2 * math.pi)
    assert time == pytest.approx(model.times()[0] * math.sqrt(math.pi) * math.exp(10) / (2 * 10**1.5), rel=0.15)


@pytest.mark.parametrize("model", [NeelRotation(CORES, 6e3), BrownRotation(CORES, 1e-3)])
def test_symmetries_in_time_and_field(model):
    """A reversed field reverses the moment; a shift in time shifts it; each point stands alone. To 1e-7."""
    pair = np.concatenate([field(0.01, 0.004), field(0.01)], axis=1)
    moments = model.moments(pair, PERIOD)
    assert np.abs(model.moments(-pair, PERIOD) + moments).max() < 1e-10 * CORES.moment
    shifted = model.moments(np.roll(pair, 5, axis=0), PERIOD)
    assert np.abs(shifted - np.roll(moments, 5, axis=0)).max() < 1e-7 * CORES.moment
    assert np.array_equal(model.moments(pair[:, :1], PERIOD), moments[:, :1])
    assert np.abs(moments[:, 1] + np.roll(moments[:, 1], TIMES // 2, axis=0)).max() < 1e-7 * CORES.moment
    assert np.all(moments[..., :2] == 0)


def test_sizes_turn_in_times_of_their_own():
    sizes = LogNormal(18e-9, 0.2, nodes=2)
    found, parts = BrownRotation(sizes, 1e-3, 5e-9).moments(field(0.01), PERIOD), 0
    for moment, fraction in zip(sizes.sizes().moments, sizes.sizes().fractions, strict=True):
        core = Particle((6 * moment / np.pi / sizes.saturation_magnetisation) ** (1 / 3))
        parts = parts + fraction * BrownRotation(core, 1e-3, 5e-9).moments(field(0.01), PERIOD)
    assert found == pytest.approx(parts, rel=1e-9, abs=1e-25)
    assert BrownRotation(sizes).diameter == NeelRotation(sizes).diameter == 18e-9


def test_extrapolation_removes_slow_modes():
    """Three modes, one of which is left to 99.9 % after a period: exact from four periods; to 1e-8."""
    generator = np.random.default_rng(3)
    basis, limit = generator.normal(size=(5, 3)), generator.normal(size=5)
    states = np.stack([limit + basis @ np.array([0.999, -0.3, 0.5]) ** n for n in range(5)])
    assert np.abs(extrapolated(states[:, None]) - limit).max() < 1e-8


def test_high_barriers_are_reported_and_what_does_not_become_periodic_is_refused(monkeypatch):
    with pytest.warns(DataWarning, match=r"more than 1000 periods to become periodic"):
        NeelRotation(CORES, 1e4).moments(field(0.002), PERIOD)
    monkeypatch.setattr(periodic, "_MOST_PERIODS", 6)
    assert_refused(lambda v: BrownRotation(CORES, v, 2e-8).moments(field(0.01, 0.002), PERIOD), 2e-2)


def test_known_models_are_not_tried_out():
    """The check of a model would take a minute in space."""
    for model in (BrownRotation(CORES), NeelRotation(CORES, 5e3)):
        assert check_magnetisation(model) is model


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: BrownRotation(v), (25e-9, None, Particle, Mixture((CORES,), (1.0,)))),
        *each(lambda v: BrownRotation(CORES, v), (0, 1.0, np.nan, "thin")),
        *each(lambda v: BrownRotation(CORES, 1e-3, v), (-1e-9, 20, np.nan, "thin")),
        *each(lambda v: NeelRotation(v), (25e-9, None, BrownRotation(CORES))),
        *each(lambda v: NeelRotation(CORES, v), (-1, 1e6, np.nan, "hard")),
        *each(lambda v: NeelRotation(CORES, 1e3, v), ((0, 0, 0), (1, 0), "z")),
        *each(lambda v: NeelRotation(CORES, damping=v), (0, 100, np.nan, "weak")),
        *each(lambda v: NeelRotation(CORES, gyromagnetic_ratio=v), (0, 1.76, np.nan, "g")),
        *each(lambda v: BrownRotation(CORES).moments(v, PERIOD), (np.zeros((3, 1, 3)),)),
        *each(lambda v: BrownRotation(CORES).moments(field(0.01), v), (0.0, np.nan)),
        *each(lambda v: NeelRotation(Particle(300e-9)).moments(field(v), PERIOD), (0.5,)),
        *each(lambda v: BrownRotation(Particle(100e-9)).moments(field(v) + [1e-3, 0, 0], PERIOD), (0.05,)),
    ],
)
def test_bad_input_gets_one_sentence(make, value):
    assert_refused(make, value)
