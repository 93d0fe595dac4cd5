"""Laws of log-normal sizes and mixtures: limits, closed forms of moments, and an integral over sizes by SciPy."""

import numpy as np
import pytest
from scipy.integrate import quad

from mpisim import LogNormal, Mixture, Particle, check_magnetisation
from mpisim.particles.distributions import default_nodes
from mpisim.particles.protocol import sizes_of
from tests.mpisim.bad_input import NOT_POSITIVE, assert_refused, each
from tests.mpisim.kernels.twins import langevin

FIELDS = np.random.default_rng(3).normal(size=(20, 3)) * np.geomspace(1e-6, 0.1, 20)[:, None]
SPREADS = (0.05, 0.1, 0.2, 0.3, 0.5)


def test_a_distribution_without_width_is_one_size_bit_for_bit():
    assert np.array_equal(LogNormal(25e-9, 0).moment_vector(FIELDS), Particle(25e-9).moment_vector(FIELDS))


def test_a_narrow_distribution_tends_to_one_size_with_the_square_of_its_spread():
    one = Particle(25e-9).moment_vector(FIELDS)
    differences = [np.linalg.norm(LogNormal(25e-9, s).moment_vector(FIELDS) - one) for s in (2e-3, 1e-3)]
    assert differences[0] / differences[1] == pytest.approx(4, rel=1e-2)


@pytest.mark.parametrize("spread", SPREADS)
def test_saturation_and_curie_slope_are_moments_of_the_distribution(spread):
    """<m> = m(d0) exp(9 s^2 / 2) and <m^2> = m(d0)^2 exp(18 s^2); the fractions of the number have the sum 1."""
    one, tracer = Particle(20e-9), LogNormal(20e-9, spread)
    sizes = tracer.sizes()
    mean = one.moment * np.exp(4.5 * spread**2)
    assert sizes.moment == pytest.approx(mean, rel=1e-5)
    assert np.linalg.norm(tracer.moment_vector(np.array([0, 1e9, 0]))) == pytest.approx(mean, rel=1e-5)
    slope = tracer.moment_vector(np.array([0, 0, 1e-12]))[2] / 1e-12
    assert slope == pytest.approx(one.moment * one.beta / 3 * np.exp(18 * spread**2), rel=1e-3)
    assert sizes.fractions.sum() == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("spread", SPREADS)
def test_the_mean_is_that_of_an_adaptive_integral_over_the_number_of_particles(spread):
    """Number-weighted in ln d, for fields where small and where large cores count; to 1e-4 of saturation."""
    tracer, one = LogNormal(25e-9, spread), Particle(25e-9)
    for field in (1e-4, 2e-3, 2e-2):

        def integrand(t, field=field):
            volume = np.exp(3 * spread * t)
            return np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi) * volume * langevin(one.beta * volume * field)

        expected = one.moment * quad(integrand, -12, 12, epsabs=1e-12, epsrel=1e-12, limit=200)[0]
        found = tracer.moment_vector(np.array([0, 0, field]))[2]
        assert abs(found - expected) < 1e-4 * tracer.sizes().moment


def test_the_moment_points_along_the_field_and_turns_with_it():
    rotation, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))
    tracer = LogNormal(25e-9, 0.2)
    moments = tracer.moment_vector(FIELDS)
    assert np.abs(np.cross(moments, FIELDS)).max() < 1e-14 * np.abs(moments).max() * np.abs(FIELDS).max()
    assert np.allclose(tracer.moment_vector(FIELDS @ rotation.T), moments @ rotation.T, rtol=1e-10, atol=1e-30)


def test_more_nodes_for_a_larger_spread():
    assert [default_nodes(s) for s in (0.05, 0.1, 0.2, 0.3, 0.5)] == [4, 5, 10, 16, 34]
    assert default_nodes(1.0) == 100
    assert LogNormal(25e-9, 0.2, nodes=5).sizes().moments.size == 5


# -- mixtures ---------------------------------------------------------------------------------------------------------


def test_a_mixture_is_the_weighted_sum_of_its_populations():
    parts = LogNormal(25e-9, 0.1), Particle(12e-9, saturation_magnetisation=3e5)
    expected = 0.25 * parts[0].moment_vector(FIELDS) + 0.75 * parts[1].moment_vector(FIELDS)
    assert np.allclose(Mixture(parts, (0.25, 0.75)).moment_vector(FIELDS), expected, rtol=1e-13, atol=0)


def test_a_mixture_of_one_population_or_with_an_empty_one_is_that_population_bit_for_bit():
    one, other = LogNormal(25e-9, 0.1), Particle(12e-9)
    expected = one.moment_vector(FIELDS)
    assert np.array_equal(Mixture((one,), (1,)).moment_vector(FIELDS), expected)
    assert np.array_equal(Mixture((other, one), (0, 1)).moment_vector(FIELDS), expected)


def test_two_equal_populations_are_one():
    one = LogNormal(25e-9, 0.1)
    moments = Mixture((one, one), (0.3, 0.7)).moment_vector(FIELDS)
    assert np.allclose(moments, one.moment_vector(FIELDS), rtol=1e-13, atol=0)


def test_the_diameter_of_a_mixture_is_that_of_the_population_with_most_of_the_moment():
    assert Mixture((Particle(10e-9), LogNormal(25e-9, 0.1)), (0.9, 0.1)).diameter == 25e-9
    assert Mixture((Particle(10e-9), LogNormal(25e-9, 0.1)), (0.99, 0.01)).diameter == 10e-9
    mixed = Mixture((Mixture((Particle(10e-9),), (1.0,)), Particle(2e-9)), (0.5, 0.5))
    assert mixed.diameter == 10e-9


@pytest.mark.parametrize("model", [LogNormal(25e-9, 0.3), Mixture((Particle(10e-9), Particle(25e-9)), (0.5, 0.5))])
def test_models_keep_the_protocol(model):
    assert check_magnetisation(model) is model
    assert sizes_of(model) is not None


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: LogNormal(v, 0.1), (25.0, *NOT_POSITIVE)),
        *each(lambda v: LogNormal(25e-9, v), (-0.1, 10, np.nan, "wide", None)),
        *each(lambda v: LogNormal(25e-9, 0.1, v), (0, -3, 2.5, 101, np.inf, "many")),
        *each(lambda v: LogNormal(25e-9, 0.1, temperature=v), (25, *NOT_POSITIVE)),
        *each(lambda v: LogNormal(25e-9, 0.1, saturation_magnetisation=v), (0.55, *NOT_POSITIVE)),
        *each(lambda v: Mixture((Particle(25e-9), Particle(12e-9)), v), ((0.5, 0.4), (1.5, -0.5), (1.0,), 1.0, None)),
        *each(lambda v: Mixture((Particle(25e-9), Particle(12e-9)), v), (("a", "b"), (np.nan, 1.0), (30, 70))),
        *each(lambda v: Mixture(v, (1.0,)), ((), None, Particle(25e-9), (25e-9,), (Particle,), "two")),
    ],
)
def test_bad_input_gets_one_sentence(make, value):
    assert_refused(make, value)
