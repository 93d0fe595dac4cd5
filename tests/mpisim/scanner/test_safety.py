"""Laws of the limits of the drive field: Faraday's law by quadrature, asymptotes, scaling, and their inverses."""

import numpy as np
import pytest

from mpisim.constants import MU_0
from mpisim.scanner.safety import (
    CHRONAXIE,
    RHEOBASE,
    WHOLE_BODY_SAR,
    absorption_rate,
    heating_limit,
    induced_field,
    stimulation_limit,
)
from tests.mpisim.bad_input import assert_refused

F, R, B = 25e3, 0.15, 6e-3


def test_faradays_law():
    """The field around a circle is the largest rate of its flux, by differences in time."""
    t = np.linspace(0, 1 / F, 20_001)
    flux = np.pi * R**2 * B * np.sin(2 * np.pi * F * t)
    around = np.abs(np.gradient(flux, t)).max()
    assert induced_field(B, F, R) == pytest.approx(around / (2 * np.pi * R), rel=1e-6)


def test_absorption_by_quadrature_over_the_cylinder_and_time():
    conductivity, density = 0.3, 1.05e3
    radii = (np.arange(2000) + 0.5) / 2000 * R
    field = np.array([induced_field(B, F, r) for r in radii[radii >= 1e-3]])
    power = conductivity * field**2 * np.mean(np.cos(2 * np.pi * np.arange(64) / 64) ** 2) / density
    mean = np.sum(power * radii[radii >= 1e-3]) / np.sum(radii)
    rest = {"conductivity": conductivity, "density": density}
    assert absorption_rate(B, F, R, **rest) == pytest.approx(mean, rel=1e-3)
    assert absorption_rate(B, F, R, over="maximum", **rest) == pytest.approx(power[-1], rel=2e-3)
    closed = conductivity * (2 * np.pi * F * B * R) ** 2 / (8 * density)
    assert absorption_rate(B, F, R, over="maximum", **rest) == pytest.approx(closed)


def test_the_skin_is_thicker_than_a_body():
    assert np.sqrt(2 / (MU_0 * 0.35 * 2 * np.pi * F)) == pytest.approx(5.4, abs=0.05)


def test_the_limit_of_stimulation_falls_to_a_field_and_with_the_radius():
    assert induced_field(stimulation_limit(F, R), F, R) == pytest.approx(RHEOBASE * (1 + np.pi * F * CHRONAXIE))
    assert stimulation_limit(1e6, R) == pytest.approx(RHEOBASE * CHRONAXIE / R, rel=1e-3)
    assert stimulation_limit(F, 2 * R) == pytest.approx(stimulation_limit(F, R) / 2)
    slow = stimulation_limit(10.0, R)
    assert slow == pytest.approx(RHEOBASE / (np.pi * 10.0 * R), rel=0.02)  # a limit of the rate
    corner = 1 / (np.pi * CHRONAXIE)
    assert stimulation_limit(corner, R) == pytest.approx(2 * RHEOBASE * CHRONAXIE / R)
    limits = [stimulation_limit(f, R) for f in np.geomspace(100, 1e6, 30)]
    assert np.all(np.diff(limits) < 0)


def test_heating_is_the_inverse_of_absorption_and_takes_over_at_high_frequency():
    for over in ("mean", "maximum"):
        limit = heating_limit(F, R, 3.0, 0.2, 0.4, over=over)
        assert absorption_rate(limit, F, R, 0.2, 0.4, over=over) == pytest.approx(3.0)
    assert heating_limit(2 * F, R) == pytest.approx(heating_limit(F, R) / 2)
    assert heating_limit(F, 2 * R) == pytest.approx(heating_limit(F, R) / 2)
    assert heating_limit(F, R, duty_cycle=0.25) == pytest.approx(2 * heating_limit(F, R))
    assert heating_limit(F, R, WHOLE_BODY_SAR["first level"]) == pytest.approx(np.sqrt(2) * heating_limit(F, R))
    assert heating_limit(1e3, R) > stimulation_limit(1e3, R) and heating_limit(1e6, R) < stimulation_limit(1e6, R)


def test_bad_input_is_one_sentence():
    for wrong in ((2.0, F, R), (B, 0.0, R), (B, F, 150.0)):
        assert_refused(lambda _, wrong=wrong: induced_field(*wrong))
    assert_refused(lambda _: stimulation_limit(F, R, rheobase=0.0))
    assert_refused(lambda _: stimulation_limit(F, R, chronaxie=0.36))
    assert_refused(lambda _: absorption_rate(B, F, R, over="sum"))
    assert_refused(lambda _: absorption_rate(B, F, R, duty_cycle=10))
    assert_refused(lambda _: heating_limit(F, R, 0.0))
    assert_refused(lambda _: heating_limit(F, R, duty_cycle=0.0))
