"""Laws of relaxation: lag and amplitude, limits of short times and small fields, an integration by SciPy."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from mpisim import Debye, FieldDependentRelaxation, LogNormal, Mixture, Particle, check_magnetisation
from tests.mpisim.bad_input import assert_refused, each
from tests.mpisim.particles.test_protocol import Linear

PERIOD, TIMES = 4e-5, 256
PHASE = 2 * np.pi * np.arange(TIMES) / TIMES
TRACERS = {
    "one size": Particle(25e-9),
    "log-normal": LogNormal(22e-9, 0.2, nodes=4),
    "mixture": Mixture((Particle(15e-9), Particle(28e-9)), (0.8, 0.2)),
}


def field(amplitude=0.01, beside=0.0):
    """A drive along z beside a static field along x, shape (time, 1, 3)."""
    return np.stack([np.full(TIMES, beside), np.zeros(TIMES), amplitude * np.sin(PHASE)], axis=-1)[:, None]


def first_line(moments):
    """Fourier coefficient of the base frequency along z."""
    return np.fft.rfft(moments[:, 0, 2], norm="forward")[1]


@pytest.mark.parametrize("time", [1e-7, 2e-6, 5e-5])
def test_debye_lags_by_arctan_omega_tau_with_the_amplitude_of_its_cosine(time):
    """In the linear regime, on the base frequency; to 1e-12."""
    omega = 2 * np.pi / PERIOD
    ratio = first_line(Debye(Linear(), time).moments(field(), PERIOD)) / first_line(Linear().moments(field(), PERIOD))
    assert np.angle(ratio) == pytest.approx(-math.atan(omega * time), rel=1e-12)
    assert abs(ratio) == pytest.approx(1 / math.hypot(1, omega * time), rel=1e-12)


def test_debye_without_delay_is_the_equilibrium_and_keeps_the_mean():
    tracer = Particle(25e-9)
    moments = tracer.moments(field(beside=0.003), PERIOD)
    assert np.allclose(Debye(tracer, 0).moments(field(beside=0.003), PERIOD), moments, rtol=0, atol=1e-30)
    slow = Debye(tracer, 1e-2).moments(field(beside=0.003), PERIOD)
    assert np.allclose(slow.mean(axis=0), moments.mean(axis=0), rtol=1e-12, atol=1e-30)
    assert np.ptp(slow, axis=0).max() < 2e-3 * np.ptp(moments, axis=0).max()


@pytest.mark.parametrize("tracer", TRACERS.values(), ids=TRACERS)
def test_field_dependent_relaxation_tends_to_the_equilibrium_as_the_time_falls(tracer):
    """In proportion to tau; without a delay bit for bit."""
    drive = field(beside=0.002)
    equilibrium = tracer.moments(drive, PERIOD)
    assert np.array_equal(FieldDependentRelaxation(tracer, 0).moments(drive, PERIOD), equilibrium)
    relaxed = (FieldDependentRelaxation(tracer, t).moments(drive, PERIOD) for t in (2e-9, 1e-9))
    distance = [np.linalg.norm(moments - equilibrium) for moments in relaxed]
    assert distance[0] / distance[1] == pytest.approx(2, rel=1e-2)
    assert distance[1] < 1e-3 * np.linalg.norm(equilibrium)


@pytest.mark.parametrize("tracer", TRACERS.values(), ids=TRACERS)
def test_field_dependent_relaxation_is_debye_at_small_amplitude(tracer):
    """The difference falls with xi^1.72; at xi of 1e-3 it is below 1e-5."""
    for amplitude, tolerance in ((1e-5, 1e-2), (1e-7, 1e-5)):
        drive = field(amplitude)
        debye = Debye(tracer, 3e-6).moments(drive, PERIOD)
        found = FieldDependentRelaxation(tracer, 3e-6).moments(drive, PERIOD)
        assert np.linalg.norm(found - debye) < tolerance * np.linalg.norm(debye)


@pytest.mark.parametrize("tracer", TRACERS.values(), ids=TRACERS)
def test_field_dependent_relaxation_of_strength_zero_is_debye(tracer):
    drive = field(beside=0.001)
    debye = Debye(tracer, 3e-6).moments(drive, PERIOD)
    found = FieldDependentRelaxation(tracer, 3e-6, strength=0).moments(drive, PERIOD)
    assert np.linalg.norm(found - debye) < 1e-5 * np.linalg.norm(debye)
    other = FieldDependentRelaxation(tracer, 3e-6).moments(drive, PERIOD)
    assert np.linalg.norm(other - debye) > 0.02 * np.linalg.norm(debye)


@pytest.mark.parametrize("beside", [0.0, 0.004])
def test_field_dependent_relaxation_solves_the_differential_equation(beside):
    """SciPy's integration of tau dM/dt + M = M_eq over five periods from zero, compared in the last; to 1e-5."""
    tracer, time = Particle(25e-9), 3e-6

    def change(t, moment):
        b = np.array([beside, 0, 0.01 * np.sin(2 * np.pi * t / PERIOD)])
        rate = math.sqrt(1 + 0.126 * (tracer.beta * np.linalg.norm(b)) ** 1.72) / time
        return rate * (tracer.moment_vector(b) / tracer.moment - moment)

    times = PERIOD * (4 + np.arange(TIMES) / TIMES)
    solved = solve_ivp(change, (0, 5 * PERIOD), np.zeros(3), "DOP853", times, rtol=1e-9, atol=1e-11)
    found = FieldDependentRelaxation(tracer, time).moments(field(beside=beside), PERIOD)[:, 0] / tracer.moment
    assert np.abs(found - solved.y.T).max() < 1e-5


def test_faster_relaxation_in_stronger_fields():
    """Beside a strong static field the lag of a small drive is that of tau_0 / sqrt(1 + 0.126 xi^1.72); to 1e-3."""
    tracer, time, static = Particle(25e-9), 1e-5, 0.01
    drive = np.stack([np.zeros(TIMES), np.zeros(TIMES), static + 1e-6 * np.sin(PHASE)], axis=-1)[:, None]
    ratio = first_line(FieldDependentRelaxation(tracer, time).moments(drive, PERIOD)) / first_line(
        tracer.moments(drive, PERIOD)
    )
    tau = time / math.sqrt(1 + 0.126 * (tracer.beta * static) ** 1.72)
    assert -np.angle(ratio) == pytest.approx(math.atan(2 * np.pi / PERIOD * tau), rel=1e-3)
    assert tau < time / 2


@pytest.mark.parametrize("tracer", TRACERS.values(), ids=TRACERS)
@pytest.mark.parametrize("kind", [Debye, FieldDependentRelaxation])
def test_models_keep_the_protocol(kind, tracer):
    model = kind(tracer, 2e-6)
    assert check_magnetisation(model) is model
    assert model.diameter == tracer.diameter


def test_any_model_that_follows_the_field_can_relax():
    assert Debye(Linear(), 1e-6).sizes() is None
    assert Debye(Linear(), 1e-6).diameter is None


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: Debye(Particle(25e-9), v), (-1e-6, 2.0, np.nan, np.inf, "slow", None)),
        *each(lambda v: FieldDependentRelaxation(Particle(25e-9), v), (-1e-6, 2.0, np.nan, np.inf, "slow", None)),
        *each(lambda v: FieldDependentRelaxation(Particle(25e-9), 1e-6, strength=v), (-0.1, np.nan, "a", 1e9)),
        *each(lambda v: FieldDependentRelaxation(Particle(25e-9), 1e-6, exponent=v), (-1, 0, np.nan, "a", 172)),
        *each(lambda v: Debye(v, 1e-6), (25e-9, None, Particle, Debye(Particle(25e-9), 1e-6))),
        *each(lambda v: FieldDependentRelaxation(v, 1e-6), (25e-9, Linear(), Debye(Particle(25e-9), 1e-6))),
    ],
)
def test_bad_input_gets_one_sentence(make, value):
    assert_refused(make, value)


def test_too_few_times_are_refused():
    assert_refused(lambda v: FieldDependentRelaxation(Particle(25e-9), 1e-6).moments(v, PERIOD), np.zeros((3, 1, 3)))
