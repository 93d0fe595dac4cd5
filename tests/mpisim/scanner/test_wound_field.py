"""Fields of windings as parts of drive and selection fields."""

import numpy as np
import pytest

from mpisim import ImperfectFFL, InputError, Loop, RectangularLoop, WoundField, check_scanner, open_sided_ffl
from mpisim.scanner.biot_savart import field_of_windings

POINTS = np.random.default_rng(1).uniform(-0.015, 0.015, (30, 3))
HELMHOLTZ = (Loop((0, 0, 0.04), (0, 0, 1), 0.08), Loop((0, 0, -0.04), (0, 0, 1), 0.08))
LONG = ((0, 0, 1), (0, 1, 0), (0.4, 0.06))
FOUR = tuple(RectangularLoop((0.03 * sign, 0, z), *LONG, turns=sign) for sign in (1, -1) for z in (0.05, -0.05))


def test_a_drive_is_one_along_its_axis_at_the_centre():
    drive = WoundField(HELMHOLTZ)
    assert np.allclose(drive.relative_field(np.zeros((1, 3)), 0.3), [[0, 0, 1]], atol=1e-14)
    ratio = drive.relative_field(POINTS, 0) * field_of_windings(HELMHOLTZ, np.zeros((1, 3)))[0, 2]
    assert np.allclose(ratio, field_of_windings(HELMHOLTZ, POINTS), rtol=1e-13)
    assert WoundField(HELMHOLTZ, axis=(0, 0, -2.0)).relative_field(np.zeros((1, 3)), 0)[0, 2] == pytest.approx(-1)


def test_a_helmholtz_pair_is_homogeneous_to_the_fourth_order():
    at = np.array([[0, 0, 0.004], [0, 0, 0.008]])
    error = WoundField(HELMHOLTZ).relative_field(at, 0)[:, 2] - 1
    assert error[1] / error[0] == pytest.approx(16, rel=0.02) and abs(error[1]) < 2e-4


def test_a_selection_field_grows_by_one_over_the_radius():
    field = WoundField(FOUR, gradient=(1, 0, 0), radius=0.02, turning=True)
    near = 1e-5 * np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    wanted = near[:, [2, 1, 0]] * [1, 0, 1] / 0.02  # u along z and z along u, as the ideal one
    assert np.allclose(field.relative_field(near, 0), wanted, atol=3e-5 * 5e-4)
    assert field.relative_field(np.zeros((1, 3)), 0) == pytest.approx(np.zeros((1, 3)), abs=1e-12)


def test_windings_that_turn_turn_points_and_field():
    still, turning = (WoundField(FOUR, gradient=(1, 0, 0), turning=t) for t in (False, True))
    assert np.array_equal(still.relative_field(POINTS, 0.7), still.relative_field(POINTS, 0))
    cos, sin = np.cos(0.7), np.sin(0.7)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    assert np.allclose(turning.relative_field(POINTS @ turn.T, 0.7), turning.relative_field(POINTS, 0) @ turn.T)


def test_wound_coils_replace_the_ideal_fields_and_keep_gradient_and_amplitude():
    ideal = open_sided_ffl(0.8, angles=4)
    scanner = ImperfectFFL.of(
        ideal,
        drive=(WoundField(HELMHOLTZ),),
        selection=(WoundField(FOUR, gradient=(1, 0, 0), turning=True),),
        drive_replaced=True,
        selection_replaced=True,
    )
    check_scanner(scanner)
    near = 1e-4 * np.array([[1.0, 0, 0], [0, 2.0, 0], [0, 0, 1.0]])
    for angle in ideal.angles:
        assert np.allclose(scanner.selection_field(near, angle), ideal.selection_field(near, angle), atol=1e-4 * 1e-4)
    assert np.allclose(scanner.drive_field(near), ideal.drive_field(near), rtol=1e-6, atol=1e-8)
    assert scanner.fixed_in_angle and scanner.line_profile is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WoundField(()), "windings of the wound field must be one or more of Loop and RectangularLoop"),
        (lambda: WoundField(("loop",)), "windings of the wound field must be one or more of Loop and RectangularLoop"),
        (lambda: WoundField(FOUR), "one with a component along its axis at its centre; instead received"),
        (lambda: WoundField(HELMHOLTZ, gradient=(1, 0, 0)), "one with a gradient at its centre"),
        (lambda: WoundField(HELMHOLTZ, axis=(0, 0, 0)), "axis of the wound field must be three components"),
        (lambda: WoundField(HELMHOLTZ, radius=16), "radius of the wound field must be from"),
    ],
)
def test_bad_wound_fields_get_one_sentence(make, message):
    with pytest.raises(InputError, match=message):
        make()
