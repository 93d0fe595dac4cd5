"""Laws of the mean moment of particles in thermal equilibrium."""

import math

import numpy as np
import pytest

from mpisim import Particle
from mpisim.constants import BOLTZMANN
from tests.mpisim.bad_input import NOT_POSITIVE, assert_refused, each

PARTICLE = Particle(25e-9)
FIELDS = np.random.default_rng(3).normal(size=(4, 5, 3)) * np.geomspace(1e-9, 1, 20).reshape(4, 5, 1)


def test_mean_moment_has_the_slope_of_curie_and_saturates_at_the_moment():
    m = PARTICLE.moment
    assert m == pytest.approx(PARTICLE.saturation_magnetisation * math.pi * 25e-9**3 / 6, rel=1e-15)
    small = 1e-6  # xi < 1e-3, where the next term is xi^2/15 < 1e-7 of it
    assert PARTICLE.mean_moment(small) / small == pytest.approx(m**2 / (3 * BOLTZMANN * 300), rel=1e-7)
    assert PARTICLE.mean_moment(1e12) == pytest.approx(m, rel=1e-12)
    assert PARTICLE.mean_moment(-1e12) == pytest.approx(-m, rel=1e-12)


def test_moment_vector_points_along_the_field_with_the_mean_moment():
    """To 1e-14, for fields from a nanotesla to a tesla."""
    result, size = PARTICLE.moment_vector(FIELDS), np.linalg.norm(FIELDS, axis=-1, keepdims=True)
    assert np.allclose(result, PARTICLE.mean_moment(size) * FIELDS / size, rtol=1e-14, atol=0)


def test_moment_vector_is_zero_without_field_and_linear_beside_it():
    assert not PARTICLE.moment_vector(np.zeros((2, 3))).any()
    tiny = 1e-12 * np.eye(3)
    assert np.allclose(PARTICLE.moment_vector(tiny), PARTICLE.moment * PARTICLE.beta / 3 * tiny, rtol=1e-14, atol=0)


def test_moment_vector_turns_with_the_field():
    rotation, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))
    turned = PARTICLE.moment_vector(FIELDS @ rotation.T)
    assert np.allclose(turned, PARTICLE.moment_vector(FIELDS) @ rotation.T, rtol=1e-12, atol=1e-12 * PARTICLE.moment)


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: Particle(v), NOT_POSITIVE),
        *each(lambda v: Particle(25e-9, saturation_magnetisation=v), NOT_POSITIVE),
        *each(lambda v: Particle(25e-9, temperature=v), NOT_POSITIVE),
    ],
)
def test_bad_input_gets_one_sentence(make, value):
    assert_refused(make, value)


def test_the_sentence_names_the_argument():
    with pytest.raises(ValueError, match="diameter"):
        Particle(-1)


def test_numpy_scalars_are_numbers():
    assert Particle(np.float32(0.5e-7)).diameter == float(np.float32(0.5e-7))
