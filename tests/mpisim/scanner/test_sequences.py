"""Laws of periodic sequences, and what bad ones get."""

import math

import pytest

from mpisim.scanner.sequences import PeriodicSequence, Tone
from tests.mpisim.bad_input import NOT_POSITIVE, assert_refused, each


def test_tones_may_be_given_as_lists_such_as_a_file_holds():
    given = PeriodicSequence(1e3, [[16, 0.5], [17]], harmonics=[33], angles=[0], samples_per_period=100.0)
    assert given == PeriodicSequence(1e3, (Tone(16, 0.5), Tone(17)), (33,), (0.0,), 100)
    assert isinstance(given.tones[0], Tone) and isinstance(given.tones[0].multiple, int)


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: PeriodicSequence(v), NOT_POSITIVE),
        *each(lambda v: PeriodicSequence(1e3, v), ((), 7, (1, 2), ((),), ((0,),), ((1, 0.0, 2.0),), ((1, math.nan),))),
        *each(lambda v: PeriodicSequence(1e3, harmonics=v), ((), (0,), (2, 2), (2.5,), "all")),
        *each(lambda v: PeriodicSequence(1e3, angles=v), ((), (math.inf,), None)),
        *each(lambda v: PeriodicSequence(1e3, samples_per_period=v), (215, 18, 0, math.nan)),
        *each(lambda v: PeriodicSequence(1e3, (Tone(50),), (3,), samples_per_period=v), (100, 50)),
    ],
)
def test_bad_input_gets_one_sentence(make, value):
    assert_refused(make, value)
