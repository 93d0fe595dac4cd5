"""`check_magnetisation` takes what keeps the protocol, and refuses all else with one sentence."""

import numpy as np
import pytest

from mpisim import InputError, Instantaneous, Particle, check_magnetisation, open_sided_ffl
from tests.mpisim.bad_input import SENTENCE
from tests.mpisim.particles.models import Debye


class Linear(Instantaneous):
    """A moment that grows with the field."""

    def moment_vector(self, field):
        return 1e-18 * field


class Made:
    """A model of any function of the field."""

    def __init__(self, function):
        self.function = function

    def moments(self, field, period):
        return self.function(field)


@pytest.mark.parametrize("model", [Particle(25e-9), Linear(), Debye(25e-9), Made(np.zeros_like)])
def test_models_that_keep_the_protocol_are_returned(model):
    assert check_magnetisation(model) is model


def test_a_model_that_follows_the_field_ignores_the_period():
    field = np.random.default_rng(0).normal(size=(4, 5, 3))
    assert np.array_equal(Linear().moments(field, 1e-5), Linear().moment_vector(field))


def rising(field):
    return field * np.arange(len(field)).reshape(-1, *[1] * (field.ndim - 1))


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (25e-9, "particle"),
        (Particle, "particle"),
        (object(), "particle"),
        (Made(lambda field: field[..., 0]), "shape"),
        (Made(lambda field: field.tolist()), "shape"),
        (Made(lambda field: field.astype(complex)), "real numbers"),
        (Made(lambda field: field * np.nan), "finite"),
        (Made(lambda field: field["x"]), "a period"),
        (Made(rising), "shift in time"),
        (Debye(25e-9, tau=1e-4, turns=1), "shift in time"),
        (Made(lambda field: field / np.abs(field).max()), "no other point"),
    ],
)
def test_a_model_that_breaks_the_protocol_gets_one_sentence(model, named):
    with pytest.raises(InputError, match=SENTENCE) as caught:
        check_magnetisation(model)
    assert named in str(caught.value) and "\n" not in str(caught.value)


def test_a_subclass_without_moment_vector_cannot_be_made():
    class Empty(Instantaneous): ...

    with pytest.raises(TypeError, match="moment_vector"):
        Empty()


def test_a_scanner_in_place_of_a_model_is_named_by_its_class():
    with pytest.raises(InputError, match=r"received an object of the class OpenSidedFFL\.$"):
        check_magnetisation(open_sided_ffl(0.5))
