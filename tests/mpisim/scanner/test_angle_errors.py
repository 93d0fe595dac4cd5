"""Errors of each angle: fixed, drawn and drifting parts, and the gains of the receive chain."""

import math

import numpy as np
import pytest

from mpisim import AngleErrors, DriveTones, LinePlane, QuadraticRecipe, ReceiveGain
from tests.mpisim.bad_input import assert_refused, each

NAMES = ("offset", "angle", "gain", "phase")


def test_no_error_is_zero_everywhere():
    assert all(not values.any() for values in AngleErrors(seed=5).values(4))
    assert not (AngleErrors().moves_the_line or AngleErrors().changes_the_gain or AngleErrors().vary)


@pytest.mark.parametrize("name", NAMES)
def test_fixed_drawn_and_drifting_parts_add_up(name):
    fixed, spread, drift = {name: 0.01}, {f"{name}_spread": 0.02}, {f"{name}_drift": 0.03}
    one, two, three, every = (
        getattr(AngleErrors(**parts, seed=4).values(7), name)
        for parts in (fixed, spread, drift, {**fixed, **spread, **drift})
    )
    assert np.allclose(every, one + two + three, rtol=0, atol=1e-17)
    assert np.array_equal(one, np.full(7, 0.01)) and np.allclose(three, 0.03 * np.arange(7) / 6)


def test_drift_adds_up_over_the_scan():
    """Linear, zero at the first angle and the stated total at the last; none for a single angle."""
    drift = AngleErrors(gain_drift=0.1).values(5).gain
    assert np.allclose(drift, [0, 0.025, 0.05, 0.075, 0.1]) and AngleErrors(gain_drift=0.1).values(1).gain == [0.0]


def test_drawn_values_follow_from_seed_and_place_alone():
    """Neither the number of angles nor the other quantities, nor what was asked before, change them."""
    errors = AngleErrors(offset_spread=1e-4, angle_spread=1e-2, gain_spread=0.1, seed=9)
    first = errors.values(12)
    AngleErrors(offset_spread=1e-4, seed=1).values(12)
    assert np.array_equal(errors.values(60).offset[:12], first.offset)
    assert np.array_equal(AngleErrors(gain_spread=0.1, seed=9).values(12).gain, first.gain)
    assert not np.array_equal(AngleErrors(offset_spread=1e-4, seed=8).values(12).offset, first.offset)
    assert np.array_equal(AngleErrors(offset_spread=2e-4, seed=9).values(12).offset, 2 * first.offset)


def test_drawn_values_have_the_stated_spread_and_quantities_are_independent():
    """By 4000 draws, to four standard errors."""
    values = AngleErrors(offset_spread=1e-3, angle_spread=1e-3, gain_spread=1e-3, phase_spread=1e-3).values(4000)
    assert np.allclose(np.std(values, axis=1), 1e-3, rtol=4 / math.sqrt(2 * 4000))
    assert np.abs(np.corrcoef(values) - np.eye(4)).max() < 4 / math.sqrt(4000)


def test_a_value_for_each_angle():
    errors = AngleErrors(offset=[1e-4, -1e-4, 0], angle=np.array([0.0, 0.1, 0.2]))
    assert errors.values(3).offset.tolist() == [1e-4, -1e-4, 0] and errors.vary
    assert errors.offset == (1e-4, -1e-4, 0.0)
    assert_refused(lambda _: errors.values(4))


def test_gains_of_harmonics_and_coils_multiply():
    gain = ReceiveGain(((3, 0.5, 0.5), (7, 2.0, 0.0)), ((1.0, 0.0), (0.0, -1.0)))
    expected = [[1, 0.5 + 0.5j, 1], [-1j, -1j * (0.5 + 0.5j), -1j]]
    assert np.array_equal(gain.gains((2, 3, 4), 2), expected)
    assert np.array_equal(ReceiveGain().gains((2, 3), 3), np.ones((3, 2)))


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: AngleErrors(offset=v), (0.4, math.nan, "far", None, (0.0, 5.0), ())),
        *each(lambda v: AngleErrors(angle=v), (0.7, -3, (0.1, 40.0))),  # degrees
        *each(lambda v: AngleErrors(gain=v), (-1, 50, (0.1, -1.5))),
        *each(lambda v: AngleErrors(phase=v), (90, -7)),
        *each(lambda v: AngleErrors(offset_spread=v), (-1e-4, 0.35, math.inf, None)),
        *each(lambda v: AngleErrors(angle_spread=v), (-0.01, 0.7)),
        *each(lambda v: AngleErrors(gain_spread=v), (-0.1,)),
        *each(lambda v: AngleErrors(phase_spread=v), (-0.1,)),
        *each(lambda v: AngleErrors(offset_drift=v), (0.4, math.nan)),
        *each(lambda v: AngleErrors(seed=v), (-1, 0.5, None, 2**63)),
        *each(lambda v: AngleErrors(gain_drift=v).values(3), (-1.0, -5)),
        *each(lambda v: AngleErrors(gain_spread=v).values(100), (1.0,)),
        *each(lambda v: QuadraticRecipe(v).check_region(np.full((1, 3), 0.016)), (-0.5, -0.9)),
        *each(lambda v: QuadraticRecipe(sensitivity=v).check_region(np.full((1, 3), 0.016)), (-0.5,)),
        *each(lambda v: LinePlane(offset=v), (0.4, None, math.nan)),
        *each(lambda v: LinePlane(tilt=v), ((1.0, 0.0), (0.1,), 0.1, None)),
        *each(lambda v: LinePlane(in_plane_field=v), ((1.0, 0.0), (0.1,), (0, 0, 0))),
        *each(lambda v: QuadraticRecipe(gradient=v), (-1, 10, math.nan, None)),
        *each(lambda v: QuadraticRecipe(drive=v), (-1.5, 30)),
        *each(lambda v: QuadraticRecipe(sensitivity=v), (-1.5, 30)),
        *each(lambda v: QuadraticRecipe(0.1, radius=v), (0, -0.01, 15)),
        *each(ReceiveGain, (None, ((2, 1.0),), ((2, 0.0, 0.0),), ((2, 1, 0), (2, 1, 1)), ((2.5, 1, 0),), ((0, 1, 0),))),
        *each(ReceiveGain, (((2, math.nan, 0),), ((2, 1e9, 0),), "all")),
        *each(lambda v: ReceiveGain((), v), ((1.0,), ((0, 0),), ((1, 0, 0),))),
        *each(lambda v: ReceiveGain((), ((1, 0), (2, 0))).gains((2,), v), (1, 3)),
        *each(lambda v: DriveTones(multiple=v), (0, -1, 1.5, None)),
        *each(lambda v: DriveTones(phase=v), (90.0, math.nan)),
        *each(lambda v: DriveTones(2, 0.0, v), (None, ((1, 0.01),), ((1, 10, 0),), ((1, -0.01, 0),), ((0, 0.01, 0),))),
    ],
)
def test_bad_values_get_one_sentence(make, value):
    assert_refused(make, value)
