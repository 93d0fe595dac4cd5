"""Laws of the mean moment of particles in thermal equilibrium."""

import math

import numpy as np
import pytest

from mpisim import InputError, Particle
from mpisim.constants import BOLTZMANN

PARTICLE = Particle(25e-9)


def test_mean_moment_has_the_slope_of_curie_and_saturates_at_the_moment():
    m = PARTICLE.moment
    assert m == pytest.approx(PARTICLE.saturation_magnetisation * math.pi * 25e-9**3 / 6, rel=1e-15)
    small = 1e-6  # xi < 1e-3, where the next term is xi^2/15 < 1e-7 of it
    assert PARTICLE.mean_moment(small) / small == pytest.approx(m**2 / (3 * BOLTZMANN * 300), rel=1e-7)
    assert PARTICLE.mean_moment(1e12) == pytest.approx(m, rel=1e-12)
    assert PARTICLE.mean_moment(-1e12) == pytest.approx(-m, rel=1e-12)


