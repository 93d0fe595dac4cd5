"""Attributes are converted to what files hold, or refused by name."""

import datetime

import numpy as np
import pytest

from mpisim import InputError
from mpisim.data.attributes import plain_attributes


def test_what_files_hold_stays_as_it_is():
    attributes = {
        "flag": True,
        "none": None,
        "level": 33.7,
        "name": "\u03a9",
        "list": [1, [2.5, "a"], {}],
        "map": {"a": {"b": 0}},
    }
    found = plain_attributes(attributes)
    assert found == attributes and found["flag"] is True


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (np.array([1.0, 2.0]), [1.0, 2.0]),
        (np.float32(1.5), 1.5),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (np.array(4), 4),
        (np.array(["a", "b"]), ["a", "b"]),
        ((1, (2, 3)), [1, [2, 3]]),
        ({"a": np.arange(2)}, {"a": [0, 1]}),
        (datetime.date(2026, 1, 1), "2026-01-01"),
        (datetime.datetime(2026, 1, 1, 12, 30), "2026-01-01T12:30:00"),
        (np.datetime64("2026-01-01"), "2026-01-01"),
        (np.array(["2026-01-01", "2026-01-02"], "M8[D]"), ["2026-01-01", "2026-01-02"]),
    ],
)
def test_numpy_and_dates_are_converted(value, wanted):
    found = plain_attributes({"gain": value})["gain"]
    assert found == wanted and type(found) is type(wanted)


@pytest.mark.parametrize("value", [1j, b"text", {1, 2}, object(), np.array([1j]), [1, object()], {"a": print}])
def test_anything_else_is_refused_by_name(value):
    with pytest.raises(InputError, match="Input attribute gain of angle must be made of numbers, words, dates"):
        plain_attributes({"gain": value}, "angle")


def test_a_list_that_holds_itself_is_refused():
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InputError, match="attribute gain"):
        plain_attributes({"gain": endless})
