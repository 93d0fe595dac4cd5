"""Checks of input: what a sentence says, and the hint at a name that was meant."""

import pytest

from mpisim.errors import InputError, one_of

METHODS = ("bicubic", "bicubic-dc", "ridge", "transms", "transms-plain")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("TranSMS", "transms"), ("Bicubic_DC", "bicubic-dc"), ("rigde", "ridge"), ("transmsplain", "transms-plain")],
)
def test_a_name_in_other_letters_or_with_a_slip_gets_a_hint(typed, meant):
    listed = "bicubic, bicubic-dc, ridge, transms, transms-plain"
    with pytest.raises(InputError) as caught:
        one_of("method", typed, METHODS)
    wanted = f"Input method must be one of {listed}; instead received {typed!r} (did you mean {meant}?)."
    assert str(caught.value) == wanted


@pytest.mark.parametrize("typed", ["magic", "", 3, None, ["ridge"]])
def test_nothing_is_guessed_where_no_name_is_close(typed):
    with pytest.raises(InputError, match=r"instead received [^(]*\.$"):
        one_of("method", typed, METHODS)


def test_numbers_have_no_hint():
    assert one_of("factor", 4, (2, 4, 8)) == 4
    with pytest.raises(InputError, match=r"Input factor must be one of 2, 4, 8; instead received '4'\.$"):
        one_of("factor", "4", (2, 4, 8))
