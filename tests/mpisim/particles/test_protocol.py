"""What a model offers to the engines: sizes and a response, and which of them hold for a subclass."""

from dataclasses import dataclass

import numpy as np
import pytest

from mpisim import InputError, Instantaneous, LangevinEquilibrium, Particle, Sizes
from mpisim.particles.protocol import response_of, sizes_of
from tests.mpisim.bad_input import assert_refused, each
from tests.mpisim.particles.models import Debye as StepwiseDebye


@dataclass(frozen=True)
class Twins(LangevinEquilibrium):
    """Particles of two moments, as another package may define them."""

    def sizes(self):
        return Sizes([1e-18, 2e-18], [250.0, 500.0], [0.5, 0.5])


class Curie(Particle):
    """A linear magnetisation with inherited sizes."""

    def moment_vector(self, field):
        return 1e-18 * field


class Doubled(Curie):
    """Moments of its own, and the sizes that belong to them."""

    def sizes(self):
        return Sizes([1e-18], [250.0], [2.0])


@dataclass(frozen=True)
class Linear(Instantaneous):
    """No sizes."""

    def moment_vector(self, field):
        return 1e-18 * field


def test_sizes_count_unless_moments_stand_further_down():
    assert sizes_of(Twins()).moment == pytest.approx(1.5e-18, rel=1e-15)
    assert sizes_of(Doubled(25e-9)).moment == 2e-18
    assert sizes_of(Particle(25e-9)).betas.tolist() == [Particle(25e-9).beta]
    for model in (Curie(25e-9), StepwiseDebye(25e-9), Linear(), None, 25e-9):
        assert sizes_of(model) is None


def test_a_sum_of_langevin_functions_follows_from_the_sizes():
    field = np.random.default_rng(0).normal(size=(7, 3)) * 1e-3
    expected = 0.5 * (Like(1e-18, 250.0).moment_vector(field) + Like(2e-18, 500.0).moment_vector(field))
    assert np.allclose(Twins().moment_vector(field), expected, rtol=1e-14, atol=0)


@dataclass(frozen=True)
class Like(LangevinEquilibrium):
    moment: float
    beta: float

    def sizes(self):
        return Sizes([self.moment], [self.beta], [1.0])


def test_shares_of_the_moment():
    sizes = Sizes([1.0, 2.0], [1.0, 1.0], [0.5, 0.25])
    assert sizes.moment == 1.0 and sizes.shares.tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="read-only"):
        sizes.moments[0] = 3


@pytest.mark.parametrize(
    ("make", "value"),
    each(
        lambda v: Sizes(v, [1.0, 1.0], [0.5, 0.5]), ([1.0], [], [[1.0, 1.0]], [-1.0, 1.0], [np.nan, 1.0], [1.0, 1, 1])
    ),
)
def test_bad_sizes_get_one_sentence(make, value):
    assert_refused(make, value)


def test_a_response_is_one_finite_gain_for_each_frequency():
    class Filtered(Particle):
        gains = 0.5

        def response(self, frequencies):
            return np.asarray(self.gains * np.ones_like(frequencies) if np.ndim(self.gains) == 0 else self.gains)

    model, frequencies = Filtered(25e-9), np.array([1e3, 2e3])
    assert response_of(model, frequencies).tolist() == [0.5, 0.5]
    assert response_of(Particle(25e-9), frequencies) is None
    for bad in (np.nan, [1.0], [["a", "b"]]):
        Filtered.gains = bad
        with pytest.raises(InputError, match=r"^Input response of the particle must be"):
            response_of(model, frequencies)
