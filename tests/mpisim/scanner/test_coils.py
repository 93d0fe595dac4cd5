"""Receive coils: homogeneous, of parts, and wound."""

import numpy as np
import pytest

from mpisim import (
    Coil,
    ImperfectFFL,
    InputError,
    Loop,
    Polynomial,
    SolidHarmonics,
    WoundCoil,
    WoundField,
    open_sided_ffl,
)

POINTS = np.random.default_rng(3).uniform(-0.015, 0.015, (2, 5, 3))
PAIR = (Loop((0, 0, 0.04), (0, 0, 1), 0.06), Loop((0, 0, -0.04), (0, 0, 1), 0.06))


def test_a_coil_without_parts_is_homogeneous():
    found = Coil((30.0, 0.0, -40.0)).sensitivity(POINTS, 0.4)
    assert found.shape == POINTS.shape and np.array_equal(found, np.broadcast_to([30.0, 0, -40.0], POINTS.shape))


def test_parts_count_relative_to_the_magnitude_of_the_vector():
    fall = Polynomial(((1, 0, 0, -0.2),))
    found = Coil((300.0, 0.0, 400.0), (fall, SolidHarmonics(((2, 0, 0.1),)))).sensitivity(POINTS, 0)
    rest = 500 * SolidHarmonics(((2, 0, 0.1),)).relative_field(POINTS, 0) + [300.0, 0, 400.0]
    assert np.allclose(found - rest, -0.2 * 500 * POINTS[..., :1] / 0.016 * [0, 0, 1], rtol=1e-12)


def test_a_wound_coil_has_the_field_of_its_current():
    found = WoundCoil(PAIR, turns=25).sensitivity(POINTS, 2.0)
    assert np.allclose(found, 25 * (PAIR[0].field(POINTS) + PAIR[1].field(POINTS)), rtol=1e-14)
    center = WoundCoil(PAIR[:1]).sensitivity(np.zeros((1, 3)), 0)[0, 2]
    assert center == pytest.approx(0.06**2 / (2 * (0.06**2 + 0.04**2) ** 1.5))


def test_a_coil_says_whether_it_depends_on_the_angle():
    turning = SolidHarmonics(((2, 1, 0.1),), turning=True)
    assert Coil((0, 0, 800.0), (turning,)).turning and WoundCoil(PAIR, turning=True).turning
    assert not Coil((0, 0, 800.0), (Polynomial(((1, 0, 0, 0.1),)),)).turning and not WoundCoil(PAIR).turning
    ideal = open_sided_ffl(0.5, angles=3)
    fixed = ImperfectFFL.of(ideal, coils=(Coil(), WoundCoil(PAIR)), drive=(turning,))
    assert fixed.coils_fixed_in_angle and not fixed.fixed_in_angle
    assert not ImperfectFFL.of(ideal, coils=(Coil(), WoundCoil(PAIR, turning=True))).coils_fixed_in_angle


def test_a_coil_that_turns_by_a_quarter_sees_a_turned_sample():
    coil = WoundCoil((Loop((0.05, 0.01, 0.02), (1, 0.3, 0.2), 0.02),), turning=True)
    turned = np.stack([-POINTS[..., 1], POINTS[..., 0], POINTS[..., 2]], axis=-1)
    found, still = coil.sensitivity(turned, np.pi / 2), coil.sensitivity(POINTS, 0)
    assert np.allclose(found, np.stack([-still[..., 1], still[..., 0], still[..., 2]], axis=-1), rtol=1e-12)


def test_windings_of_parts_are_looked_for_in_the_field_of_view():
    inside = WoundField((Loop((0, 0, 0), (0, 0, 1), 0.01),))
    for part in (Coil((0, 0, 800.0), (inside,)), inside, WoundCoil(inside.windings)):
        with pytest.raises(InputError, match="must be outside of the field of view, 1 mm from it at least"):
            part.check_region(POINTS)
    Coil((0, 0, 800.0), (WoundField(PAIR), Polynomial(((1, 0, 0, 0.1),)))).check_region(POINTS)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Coil((0, 0, 0)), "vector of the coil must be from 0.01 to 1e\\+07 1/m; instead received 0"),
        (lambda: Coil((0, 0, 1e-3)), "vector of the coil must be from 0.01 to 1e\\+07 1/m; instead received 0.001"),
        (lambda: Coil((0, 0)), "vector of the coil must be three components"),
        (lambda: Coil((0, 0, 800.0), ("a",)), "parts of the coil must be fields with relative_field"),
        (lambda: WoundCoil(()), "windings of the coil must be one or more of Loop and RectangularLoop"),
        (lambda: WoundCoil(PAIR, turns=0), "turns of the coil must be a number of turns"),
    ],
)
def test_bad_coils_get_one_sentence(make, message):
    with pytest.raises(InputError, match=message):
        make()
