"""The law of bad input: one sentence, "Input X must be Y; instead received Z."."""

import math

import pytest

from mpisim import InputError

SENTENCE = r"^Input [^.].* must be .+; instead received .+\.$"
NOT_POSITIVE = (0, -1.0, math.nan, math.inf, "wide", None)


def assert_refused(make, value=None):
    """`make(value)` raises `InputError` with one sentence."""
    with pytest.raises(InputError, match=SENTENCE) as caught:
        make(value)
    assert "\n" not in str(caught.value)


def each(make, values):
    """Pairs of a function and a bad value, for parametrised tests."""
    return [(make, value) for value in values]
