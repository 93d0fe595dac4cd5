"""Easy axes of all directions: equilibrium, no anisotropy, turned fields, both rules, shares; and progress."""

from dataclasses import replace

import numpy as np
import pytest

from mpisim import AnisotropicEquilibrium, NeelRotation, Particle
from mpisim import progress as reports
from tests.mpisim.bad_input import assert_refused, each

CORE = Particle(12e-9)
MODEL = NeelRotation(CORE, 1e4, aligned=0.0, axis_angles=3)  # alpha = 2.2
SINE = np.sin(2 * np.pi * np.arange(16) / 16)
DRIVE = (0.008 + 0.012 * SINE)[:, None, None]


def test_slow_fields_are_followed_in_the_equilibrium_of_such_axes():
    """Along z by the rule of one direction, to 3e-5; in a turning field by that of the sphere, with more angles."""
    turning = np.stack([0.012 * SINE, 0 * SINE, 0.012 * np.roll(SINE, 4)], axis=-1)[:, None]
    field = np.concatenate([DRIVE * [0, 0, 1], turning], axis=1)
    expected = AnisotropicEquilibrium(CORE, 1e4, aligned=0.0).moments(field, 1e-3)
    few, more = (replace(MODEL, axis_angles=angles).moments(field, 1e-3) for angles in (2, 3))
    errors = [np.abs(found - expected).max(axis=(0, 2)) / CORE.moment for found in (few, more)]
    assert errors[1][0] < 3e-5
    assert errors[1][1] < 2e-4 and errors[0][1] > 10 * errors[1][1]


def test_axes_do_not_count_without_anisotropy():
    field = DRIVE * [0, 0, 1]
    without = NeelRotation(CORE, 0.0, aligned=0.0).moments(field, 1e-6)
    assert np.array_equal(without, NeelRotation(CORE, 0.0).moments(field, 1e-6))


def test_a_turned_field_turns_the_moment():
    """Axes of all directions prefer none: exactly in fields of one direction, and the rule of the sphere agrees."""
    found = MODEL.moments(DRIVE * [0, 0, 1], 1e-7)
    assert np.abs(found[..., :2]).max() == 0
    direction = np.array([1.0, 2.0, -1.0]) / np.sqrt(6)
    along = MODEL.moments(DRIVE * direction, 1e-7)
    assert np.abs(along - found[..., 2:] * direction).max() < 1e-9 * CORE.moment
    nearly = MODEL.moments(DRIVE * direction + [0, 0, 1e-9], 1e-7)
    assert np.abs(nearly - along).max() < 1.5e-3 * CORE.moment
    fixed = NeelRotation(CORE, 1e4).moments(DRIVE * [0, 0, 1], 1e-7)
    assert np.abs(fixed - found).max() > 0.05 * CORE.moment


def test_shares_of_the_particles_add():
    field = DRIVE * [0, 0, 1]
    half, none = (replace(MODEL, aligned=share).moments(field, 1e-6) for share in (0.5, 0.0))
    assert half == pytest.approx((none + NeelRotation(CORE, 1e4).moments(field, 1e-6)) / 2, rel=1e-12, abs=1e-30)


def test_points_in_space_are_counted_while_they_are_computed(monkeypatch, capsys):
    monkeypatch.setattr(reports, "EVERY", 0.0)
    NeelRotation(CORE, 1e4).moments(DRIVE * np.array([[1.0, 0, 0], [1, 0, 1]]), 1e-5)
    assert "Fokker-Planck point 2 of 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: NeelRotation(CORE, 1e3, aligned=v), (-0.1, 1.1, np.nan, "all")),
        *each(lambda v: NeelRotation(CORE, 1e3, axis_angles=v), (0, 33, 2.5, "many")),
    ],
)
def test_bad_input_gets_one_sentence(make, value):
    assert_refused(make, value)
