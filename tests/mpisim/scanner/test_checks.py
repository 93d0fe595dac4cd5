"""`check_scanner` takes what keeps the protocol, and refuses all else with one sentence that names the part."""

from types import SimpleNamespace

import numpy as np
import pytest

from mpisim import InputError, check_scanner, open_sided_ffl
from mpisim.scanner.protocol import LineProfile
from mpisim.scanner.sequences import PeriodicSequence
from tests.mpisim.bad_input import SENTENCE
from tests.mpisim.simulation.scanners import Lissajous

FFL = open_sided_ffl(0.5, angles=2)


def test_scanners_that_keep_the_protocol_are_returned():
    for scanner in (FFL, Lissajous(), altered(FFL)):
        assert check_scanner(scanner) is scanner


def altered(scanner, **parts):
    """A plain object with the parts of a scanner, some of them replaced."""
    names = ("sequence", "selection_field", "drive_fields", "receive_sensitivities", "line_profile")
    return SimpleNamespace(**{name: getattr(scanner, name) for name in names} | parts)


def shaped(*shape, dtype=float):
    return lambda points, *_: np.ones((*shape, *points.shape), dtype)


def turning(points, angle):
    """Values that depend on the angle."""
    return np.full((1, *points.shape), angle)


def failing(points, *_):
    raise KeyError("x")


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"selection_field": shaped(1)}, "selection_field"),
        ({"selection_field": lambda points, angle: points[..., 0]}, "selection_field"),
        ({"selection_field": lambda points, angle: points / 0}, "selection_field"),
        ({"selection_field": failing}, "selection_field"),
        ({"selection_field": None}, "selection_field"),
        ({"drive_fields": shaped()}, "drive_fields"),
        ({"drive_fields": shaped(2)}, "drive_fields"),
        ({"drive_fields": shaped(1, dtype=complex)}, "drive_fields"),
        ({"receive_sensitivities": shaped()}, "receive_sensitivities"),
        ({"receive_sensitivities": shaped(0)}, "receive_sensitivities"),
        ({"receive_sensitivities": lambda points: [points]}, "receive_sensitivities"),
        ({"sequence": None}, "sequence"),
        ({"sequence": SimpleNamespace(**vars(FFL.sequence) | {"harmonics": (0,)})}, "harmonics"),
        ({"sequence": SimpleNamespace(**vars(FFL.sequence) | {"tones": ()})}, "tones"),
        ({"sequence": SimpleNamespace(**vars(FFL.sequence) | {"tones": ((1, 0.0),)})}, "sequence"),
        ({"sequence": SimpleNamespace(**vars(FFL.sequence) | {"harmonics": (2.0, 3.0)})}, "sequence"),
        ({"drive_fields": lambda points: points[None]}, "drive_fields"),
        ({"drive_fields": turning, "fixed_in_angle": True}, "fixed_in_angle"),
        ({"receive_sensitivities": turning, "fixed_in_angle": True}, "fixed_in_angle"),
        ({"line_profile": LineProfile(0.6, 0.008, 800.0)}, "line_profile"),
        ({"line_profile": LineProfile(0.5, 0.007, 800.0)}, "line_profile"),
        ({"line_profile": LineProfile(0.5, 0.008, 700.0)}, "line_profile"),
        ({"line_profile": "none"}, "line_profile"),
        ({"sequence": PeriodicSequence(1e3, ((1, 0.5),))}, "line_profile"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_a_part_that_breaks_the_protocol_is_named_in_one_sentence(parts, named):
    with pytest.raises(InputError, match=SENTENCE) as caught:
        check_scanner(altered(FFL, **parts))
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_drive_and_coils_may_depend_on_the_angle_where_they_are_not_said_to_be_fixed():
    scanner = altered(FFL, drive_fields=turning, receive_sensitivities=turning, line_profile=None)
    assert check_scanner(scanner) is scanner


@pytest.mark.parametrize(("values", "named"), [((0, 0.008, 800.0), "gradient"), ((0.5, None, 800.0), "line profile")])
def test_a_line_profile_without_a_line_is_refused(values, named):
    with pytest.raises(InputError, match=SENTENCE) as caught:
        LineProfile(*values)
    assert named in str(caught.value)


@pytest.mark.parametrize("name", ["sequence", "selection_field", "drive_fields", "receive_sensitivities"])
def test_a_missing_part_is_refused(name):
    scanner = altered(FFL)
    delattr(scanner, name)
    with pytest.raises(InputError, match=SENTENCE):
        check_scanner(scanner)


def refusing(limit):
    def check_region(points):
        if np.abs(points).max() > limit:
            raise InputError("Input points must be near; instead received others.")

    return check_region


def test_fields_are_checked_where_the_scanner_has_them():
    def beside(points, angle):
        assert np.abs(points).max() <= 2e-4
        return FFL.selection_field(points, angle)

    scanner = altered(FFL, selection_field=beside, check_region=refusing(2e-4), line_profile=None)
    assert check_scanner(scanner) is scanner
    with pytest.raises(InputError, match="selection_field"):
        check_scanner(altered(FFL, selection_field=shaped(1), check_region=refusing(2e-4)))
    with pytest.raises(InputError, match="check_region must be a method"):
        check_scanner(altered(FFL, check_region=failing))
