"""Laws of the mass of iron in a tracer."""

import numpy as np
import pytest

import mpisim
from mpisim.particles.iron import IRON_FRACTION, core_volume, iron_mass
from tests.mpisim.bad_input import assert_refused


def test_one_size_is_a_sphere():
    for diameter in (15e-9, 25e-9):
        particle = mpisim.Particle(diameter, saturation_magnetisation=3e5)
        assert core_volume(particle) == pytest.approx(np.pi * diameter**3 / 6)
    assert IRON_FRACTION == pytest.approx(3 * 55.845 / (3 * 55.845 + 4 * 15.999), rel=1e-4)


def test_the_mean_volume_of_log_normal_sizes():
    """E d^3 = d0^3 exp(9 s^2 / 2), also by draws."""
    particle = mpisim.LogNormal(20e-9, 0.2)
    assert core_volume(particle) == pytest.approx(np.pi * 20e-9**3 / 6 * np.exp(4.5 * 0.2**2), rel=1e-6)
    draws = 20e-9 * np.exp(0.2 * np.random.default_rng(0).standard_normal(200_000))
    assert core_volume(particle) == pytest.approx(np.mean(np.pi * draws**3 / 6), rel=0.01)


def test_a_mixture_has_the_mean_of_its_populations_each_with_its_own_magnetisation():
    first, second = mpisim.Particle(20e-9, 3e5), mpisim.Particle(25e-9, 4e5)
    mixture = mpisim.Mixture((first, second), (0.3, 0.7))
    assert iron_mass(mixture) == pytest.approx(0.3 * iron_mass(first) + 0.7 * iron_mass(second))


def test_relaxation_and_anisotropy_change_no_iron():
    particle = mpisim.Particle(22e-9)
    others = [mpisim.BrownRotation(particle), mpisim.NeelRotation(particle), mpisim.Debye(particle, 1e-6)]
    others.append(mpisim.AnisotropicEquilibrium(particle, 3e3))
    others.append(mpisim.Debye(others[-1], 1e-6))
    for model in others:
        assert iron_mass(model) == pytest.approx(iron_mass(particle))
    mixture = mpisim.Mixture((particle, mpisim.Particle(25e-9, 4e5)), (0.5, 0.5))
    assert iron_mass(mpisim.Debye(mixture, 1e-6)) == pytest.approx(iron_mass(mixture))


def test_bad_input_is_one_sentence():
    assert_refused(lambda _: iron_mass(object()))
    assert_refused(lambda _: iron_mass(mpisim.Particle(25e-9), density=5.2))
    assert_refused(lambda _: iron_mass(mpisim.Particle(25e-9), iron_fraction=72))
