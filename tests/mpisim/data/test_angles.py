import math

import numpy as np
import pytest

from mpisim import open_sided_ffl
from mpisim.data.angles import look_like_degrees
from mpisim.scanner.sequences import PeriodicSequence
from tests.mpisim.bad_input import assert_refused

DEGREES = {
    "3 degree steps": np.arange(0, 180, 3.0),
    "halves": [0.5, 44.5, 89.5],
    "64 of 180": np.linspace(0, 180, 64, endpoint=False),
    "7 of 360 with both ends": np.linspace(0, 360, 7),
    "one": [90.0],
}
RADIANS = {
    "none": [],
    "half a turn": [math.pi * i / 60 for i in range(60)],
    "whole numbers within a turn": [0.0, 1.0, 2.0],
    "a second turn that drifts": [0.1 + 2 * math.pi * 1.01 * i / 40 for i in range(80)],
    "twenty turns": [0.37 * i for i in range(340)],
    "one full turn": np.linspace(0, 2 * math.pi, 9),
}


@pytest.mark.parametrize("name", DEGREES)
def test_degrees_are_told(name):
    assert look_like_degrees(DEGREES[name])
    for make in (lambda a: open_sided_ffl(0.5, angles=a), lambda a: PeriodicSequence(25e3, angles=tuple(a))):
        assert_refused(make, DEGREES[name])


@pytest.mark.parametrize("name", RADIANS)
def test_radians_are_not_taken_for_degrees(name):
    assert not look_like_degrees(RADIANS[name])
    assert not look_like_degrees(np.radians(DEGREES.get(name, [0, 90, 177])))


@pytest.mark.parametrize("name", list(RADIANS)[1:])
def test_a_scanner_takes_angles_in_rad(name):
    assert open_sided_ffl(0.5, angles=RADIANS[name]).angles == tuple(RADIANS[name])
