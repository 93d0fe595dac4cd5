"""Checks of input: what a sentence says, and the hint at a name that was meant."""

from pathlib import Path

import pytest

from mpisim import Grid, Particle, open_sided_ffl, simulate
from mpisim.errors import DataWarning, InputError, one_of
from recon import measure
from recon.phantoms import tubes

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


def test_a_warning_points_at_the_line_of_the_caller():
    fine = simulate(open_sided_ffl(0.5, angles=2), Particle(25e-9), Grid((4, 4), (0.032, 0.032)))
    with pytest.warns(DataWarning, match="68 % of the tracer") as caught:
        measure(fine, tubes(length=0.1), seed=0)
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)]
