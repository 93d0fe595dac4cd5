"""Laws of the imperfect scanner's fields, what is off, and bad input."""

import math
import warnings
from dataclasses import asdict, dataclass, replace

import numpy as np
import pytest

from mpisim import (
    AngleErrors,
    Dipole,
    DriveTones,
    ImperfectFFL,
    InputError,
    LinePlane,
    OpenSidedFFL,
    QuadraticRecipe,
    ReceiveGain,
    SolidHarmonics,
    Uniform,
    check_scanner,
    open_sided_ffl,
)
from mpisim.errors import DataWarning
from mpisim.simulation.provenance import from_mapping
from tests.mpisim.bad_input import SENTENCE, assert_refused, each
from tests.mpisim.scanner.laws import assert_maxwellian, rotation, turned_scanner

RNG = np.random.default_rng(6)
POINTS = RNG.uniform(-0.015, 0.015, (20, 3))
IDEAL = open_sided_ffl(0.6, angles=(0.0, 0.7, 2.0), sensitivity=(40.0, -30.0, 800.0))
STATIC = SolidHarmonics(((2, -2, 0.05), (3, 1, 0.04), (4, 2, 0.03)))
TURNING = SolidHarmonics(((3, 0, 0.05), (3, -2, 0.02)), turning=True)
LINE = AngleErrors(
    offset_spread=3e-4, angle_spread=0.01, gain_spread=0.02, phase_spread=0.03, offset_drift=1e-4, seed=3
)
FULL = ImperfectFFL.of(
    IDEAL,
    selection=(STATIC, TURNING, Dipole((0.05, 0.02, 0.01), (0.0, 0.02, 0.02)), Uniform((0.0, 0.0, 0.01))),
    drive=(SolidHarmonics(((1, 1, 0.02), (3, 2, 0.06)), radius=0.02), replace(TURNING, radius=0.02)),
    plane=LinePlane(4e-4, (0.02, -0.03), (1e-4, -2e-4)),
    line=LINE,
    gain=ReceiveGain(((2, 0.9, 0.2), (3, 1.1, -0.1))),
)


@pytest.mark.parametrize("angle", IDEAL.angles)
def test_fields_have_neither_curl_nor_divergence_with_everything_on(angle):
    """Selection and drive field at random points, with parts at rest and turning, tilted and shifted."""
    assert_maxwellian(lambda p: FULL.selection_field(p, angle), POINTS, 1e-7)
    assert_maxwellian(lambda p: FULL.drive_fields(p, angle)[0], POINTS, 1e-7)


def test_everything_turned_together_changes_nothing():
    """All parts at rest, the plane, the coil, the angles and the points turned by one angle turn every field by it."""
    turned, matrix = turned_scanner(FULL, 0.9), rotation(0.9)
    for first, second in zip(FULL.angles, turned.angles, strict=True):
        for name in ("selection_field", "drive_fields", "receive_sensitivities"):
            before, after = getattr(FULL, name)(POINTS, first), getattr(turned, name)(POINTS @ matrix.T, second)
            assert np.abs(after - before @ matrix.T).max() < 1e-12 * np.abs(before).max()


def test_parts_are_added_in_units_of_gradient_amplitude_and_radius():
    scanner = ImperfectFFL.of(IDEAL, selection=(STATIC, TURNING), drive=(TURNING,))
    parts = [G * R * p.relative_field(POINTS, 0.7) for G, R, p in ((0.6, 0.016, STATIC), (0.6, 0.016, TURNING))]
    expected = IDEAL.selection_field(POINTS, 0.7) + parts[0] + parts[1]
    assert np.allclose(scanner.selection_field(POINTS, 0.7), expected, rtol=0, atol=1e-16)
    drive = 0.6 * 0.016 * (np.array([0, 0, 1]) + TURNING.relative_field(POINTS, 0.7))
    assert np.allclose(scanner.drive_fields(POINTS, 0.7), drive[None], rtol=0, atol=1e-16)


def test_fields_scale_with_gradient_and_amplitude():
    stronger = replace(FULL, sf_gradient=1.2, drive_amplitude=2 * FULL.drive_amplitude, plane=LinePlane(4e-4))
    weaker = replace(FULL, plane=LinePlane(4e-4))
    assert np.allclose(stronger.selection_field(POINTS, 0.7), 2 * weaker.selection_field(POINTS, 0.7), rtol=1e-14)
    assert np.allclose(stronger.drive_fields(POINTS, 0.7), 2 * weaker.drive_fields(POINTS, 0.7), rtol=1e-14)


def test_the_offset_of_the_line_is_a_shift_along_its_normal():
    offsets = (2e-4, -3e-4, 1e-4)
    moved = ImperfectFFL.of(IDEAL, selection=(STATIC, TURNING), line=AngleErrors(offset=offsets))
    still = replace(moved, line=None)
    for angle, offset in zip(IDEAL.angles, offsets, strict=True):
        shift = offset * np.array([math.cos(angle), math.sin(angle), 0])
        assert np.allclose(
            moved.selection_field(POINTS + shift, angle), still.selection_field(POINTS, angle), atol=1e-17
        )
        assert np.array_equal(moved.drive_fields(POINTS, angle), still.drive_fields(POINTS, angle))


def test_an_error_of_the_angle_turns_the_line_and_what_turns_with_it():
    moved = ImperfectFFL.of(IDEAL, selection=(TURNING,), line=AngleErrors(angle=0.05))
    still = replace(moved, line=None)
    assert np.allclose(moved.selection_field(POINTS, 0.7), still.selection_field(POINTS, 0.75), rtol=1e-14)


def test_the_plane_moves_the_selection_field_rigidly():
    """A shift equals an opposite field in the plane along the line's normal; a full tilt is a rotation."""
    shifted = ImperfectFFL.of(IDEAL, plane=LinePlane(1e-3)).selection_field(POINTS, 0.7)
    field = tuple(-0.6e-3 * np.array([math.cos(0.7), math.sin(0.7)]))
    assert np.allclose(
        shifted, ImperfectFFL.of(IDEAL, plane=LinePlane(in_plane_field=field)).selection_field(POINTS, 0.7), atol=1e-16
    )
    tilted = ImperfectFFL.of(IDEAL, plane=LinePlane(tilt=(0.3, 0.0)))
    about_x = np.array([[1, 0, 0], [0, math.cos(0.3), -math.sin(0.3)], [0, math.sin(0.3), math.cos(0.3)]])
    expected = IDEAL.selection_field(POINTS, 0.7) @ about_x.T
    assert np.allclose(tilted.selection_field(POINTS @ about_x.T, 0.7), expected, rtol=0, atol=1e-16)


def test_the_recipe_multiplies_by_the_square_of_the_radius():
    scanner = ImperfectFFL.of(IDEAL, recipe=QuadraticRecipe(0.3, -0.2, -0.1, radius=0.015))
    square = ((POINTS[:, 0] ** 2 + POINTS[:, 1] ** 2) / 0.015**2)[:, None]
    selection, drive = IDEAL.selection_field(POINTS, 0.7), IDEAL.drive_fields(POINTS, 0.7)
    coil = IDEAL.receive_sensitivities(POINTS, 0.7)
    assert np.allclose(scanner.selection_field(POINTS, 0.7), selection * (1 + 0.3 * square), rtol=1e-14)
    assert np.allclose(scanner.drive_fields(POINTS, 0.7), drive * (1 - 0.2 * square), rtol=1e-14)
    assert np.allclose(scanner.receive_sensitivities(POINTS, 0.7), coil * (1 - 0.1 * square), rtol=1e-14)


def test_a_replaced_field_is_the_parts_alone():
    """The ideal fields given as solid harmonics in place of the ideal ones; a map is given in the same way."""
    ideal = ImperfectFFL.of(
        IDEAL,
        selection=(SolidHarmonics(((2, 1, 1.0),), turning=True),),
        drive=(Uniform((0.0, 0.0, 1.0)),),
        selection_replaced=True,
        drive_replaced=True,
    )
    for angle in IDEAL.angles:
        assert np.allclose(ideal.selection_field(POINTS, angle), IDEAL.selection_field(POINTS, angle), atol=1e-17)
        assert np.allclose(ideal.drive_fields(POINTS, angle), IDEAL.drive_fields(POINTS, angle), rtol=1e-15)


def test_a_tilt_of_the_drive_is_a_uniform_part():
    tilted = ImperfectFFL.of(IDEAL, drive=(Uniform((math.sin(0.1), 0.0, math.cos(0.1) - 1)),))
    expected = IDEAL.drive_amplitude * np.array([math.sin(0.1), 0, math.cos(0.1)])
    assert np.allclose(tilted.drive_fields(POINTS, 0.0), expected[None, None], rtol=0, atol=1e-17)


def test_further_tones_have_the_shape_of_the_drive_field():
    tones = DriveTones(25, math.pi / 2, ((1, 0.014, math.pi / 2),))
    scanner = ImperfectFFL.of(IDEAL, drive=(STATIC,), tones=tones, harmonics=(13, 50), samples_per_period=432)
    first, second = scanner.drive_fields(POINTS, 0.7)
    assert np.allclose(second, first * 0.014 / IDEAL.drive_amplitude, rtol=1e-14)
    assert scanner.sequence.base_frequency == IDEAL.drive_frequency / 25
    assert scanner.sequence.tones == ((25, math.pi / 2), (1, math.pi / 2))


# -- off is ideal -----------------------------------------------------------------------------------------------------

OFF = [
    {},
    {"line": AngleErrors(seed=7)},
    {"gain": ReceiveGain()},
    {"gain": ReceiveGain(((2, 0.9, 0.2),))},
    {"line": AngleErrors(gain_spread=0.1, phase_drift=0.1)},
]
ON = [
    {"selection": (STATIC,)},
    {"drive": (STATIC,)},
    {"recipe": QuadraticRecipe(gradient=0.1)},
    {"plane": LinePlane(1e-3)},
    {"line": AngleErrors(offset=1e-4)},
    {"line": AngleErrors(angle_drift=0.01)},
    {"tones": DriveTones(1, 0.5)},
    {"selection": (SolidHarmonics(((2, 1, 1.0),), turning=True),), "selection_replaced": True},
]


@pytest.mark.parametrize("switches", OFF)
def test_fields_and_profile_are_ideal_where_nothing_moves_or_bends_them(switches):
    scanner = ImperfectFFL.of(IDEAL, **switches)
    assert scanner.line_profile == IDEAL.line_profile is not None
    assert scanner.fixed_in_angle and scanner.coils_fixed_in_angle
    for name in ("selection_field", "drive_fields", "receive_sensitivities"):
        assert np.array_equal(getattr(scanner, name)(POINTS, 0.7), getattr(IDEAL, name)(POINTS, 0.7))
    assert np.array_equal(scanner.drive_field(POINTS), IDEAL.drive_field(POINTS))
    assert np.array_equal(scanner.receive_sensitivity(POINTS), IDEAL.receive_sensitivity(POINTS))


@pytest.mark.parametrize("switches", ON)
def test_a_scanner_with_other_fields_has_no_line_profile(switches):
    assert ImperfectFFL.of(IDEAL, **switches).line_profile is None


def test_fixed_in_angle_says_what_turns():
    for scanner, fixed, coils in (
        (FULL, False, True),
        (ImperfectFFL.of(IDEAL, selection=(TURNING,), drive=(STATIC,), line=LINE), True, True),
    ):
        assert (scanner.fixed_in_angle, scanner.coils_fixed_in_angle) == (fixed, coils)


def test_the_check_of_scanners_takes_every_switch():
    for switches in (*OFF, *ON):
        scanner = ImperfectFFL.of(IDEAL, **switches)
        assert check_scanner(scanner) is scanner
    assert check_scanner(FULL) is FULL


def test_gains_of_angles_and_receive_chain_multiply():
    values = LINE.values(3)
    expected = (1 + values.gain) * np.exp(1j * values.phase)
    gains = FULL.receive_gains()
    assert gains.shape == (3, 1, 8)
    assert np.allclose(gains[:, 0, 0], expected * (0.9 + 0.2j)) and np.allclose(gains[:, 0, 2], expected)
    assert np.array_equal(ImperfectFFL.of(IDEAL).receive_gains(), np.ones((3, 1, 8)))


# -- angles -----------------------------------------------------------------------------------------------------------


def test_a_second_turn_drifts_on():
    """Angles beyond 2 pi are other places of the scan."""
    turn = tuple(math.tau * i / 3 for i in range(6))
    scanner = ImperfectFFL(0.5, 0.008, angles=turn, line=AngleErrors(offset_drift=5e-4))
    fields = [scanner.selection_field(np.zeros((1, 3)), angle)[0, 2] for angle in turn]
    assert np.allclose(fields, -0.5e-4 * np.arange(6), rtol=0, atol=1e-18)


def test_an_angle_out_of_the_scan_is_refused_where_its_error_is_unknown():
    with pytest.raises(InputError, match=SENTENCE):
        FULL.selection_field(POINTS, 0.1)
    fixed = ImperfectFFL.of(IDEAL, line=AngleErrors(offset=1e-4, gain_spread=0.1))
    assert fixed.selection_field(POINTS, 0.1).shape == POINTS.shape


def test_repeated_angles_are_refused_where_errors_of_the_line_differ_between_them():
    angles = (0.0, 1.0, 0.0)
    assert_refused(lambda _: ImperfectFFL(0.5, 0.008, angles=angles, line=AngleErrors(angle_spread=0.01)))
    gains = ImperfectFFL(0.5, 0.008, angles=angles, line=AngleErrors(gain=(0.0, 0.1, 0.2), offset=1e-4))
    assert gains.receive_gains()[:, 0, 0].tolist() == [1.0, 1.1, 1.2]


# -- descriptions and bad input ---------------------------------------------------------------------------------------


def test_of_keeps_the_switches_that_are_set():
    assert ImperfectFFL.of(FULL, recipe=QuadraticRecipe(0.1)) == replace(FULL, recipe=QuadraticRecipe(0.1))
    assert ImperfectFFL.of(IDEAL) == ImperfectFFL(**asdict(IDEAL))


def test_the_region_is_seen_as_the_parts_see_it():
    """Moved by the plane and by the largest offset of the line for the selection field, at rest for the drive."""
    seen = []

    @dataclass(frozen=True)
    class Watching(Uniform):
        def check_region(self, points):
            seen.append((points.min(0), points.max(0)))

    part = Watching((0.0, 0.0, 0.1))
    scanner = ImperfectFFL.of(
        IDEAL, selection=(part,), drive=(part,), plane=LinePlane(1e-3), line=AngleErrors(offset=(0.0, -2e-4, 1e-4))
    )
    scanner.check_region(0.01 * np.array([[-1.0, -1, 0], [1, 1, 0]]))
    assert np.allclose(seen[0], [[-0.0102, -0.0102, -1e-3], [0.0102, 0.0102, -1e-3]])
    assert np.allclose(seen[1], [[-0.01, -0.01, 0], [0.01, 0.01, 0]])


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: ImperfectFFL.of(IDEAL, selection=v), (None, "all", 3, (1,), (Uniform,), (LINE,))),
        *each(lambda v: ImperfectFFL.of(IDEAL, drive=v), (None, (LinePlane(),))),
        *each(lambda v: ImperfectFFL.of(IDEAL, coils=v), (None, (STATIC,), (800.0,))),
        *each(lambda v: ImperfectFFL.of(IDEAL, recipe=v), (0.1, LINE)),
        *each(lambda v: ImperfectFFL.of(IDEAL, plane=v), (0.1, LINE)),
        *each(lambda v: ImperfectFFL.of(IDEAL, line=v), (0.1, AngleErrors(offset=(0.0, 1e-4)))),
        *each(lambda v: ImperfectFFL.of(IDEAL, gain=v), (0.1, ReceiveGain((), ((1, 0), (1, 0))))),
        *each(lambda v: ImperfectFFL.of(IDEAL, tones=v), (0.1, ((1, 0.0),), DriveTones(200))),
        *each(lambda v: ImperfectFFL.of(IDEAL, sf_gradient=v), (-1, 600.0)),
        *each(lambda v: ImperfectFFL.of(IDEAL, tilt=v), (0.1,)),
        *each(lambda v: ImperfectFFL.of(IDEAL, selection_replaced=v), (True,)),
        *each(lambda v: ImperfectFFL.of(IDEAL, drive_replaced=v), (True,)),
        *each(
            lambda v: from_mapping(ImperfectFFL, {"sf_gradient": 0.5, "drive_amplitude": 0.01, **v}, "scanner"),
            ({"line": {"offset": 1}}, {"lin": None}),
        ),
    ],
)
def test_bad_scanners_get_one_sentence(make, value):
    assert_refused(make, value)


def test_a_subclass_with_other_fields_is_no_ideal_scanner():
    class Weaker(ImperfectFFL):
        def drive_fields(self, points, angle):
            return super().drive_fields(points, angle) / 2

    assert Weaker(0.5, 0.008).line_profile is None
    assert not Weaker(0.5, 0.008).fixed_in_angle
    assert issubclass(ImperfectFFL, OpenSidedFFL)


def test_a_gain_of_a_harmonic_that_is_not_recorded_is_reported_where_a_recorded_one_has_none():
    gain = ReceiveGain(((2, 0.9, 0.1), (20, 0.5, 0.5)))
    scanner = replace(IDEAL, harmonics=(2, 3))
    with pytest.warns(DataWarning, match=r"gain of harmonic 20 has no effect, .*; harmonic 3, which is recorded"):
        ImperfectFFL.of(scanner, gain=gain)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ImperfectFFL.of(replace(scanner, harmonics=(2,)), gain=gain)
        ImperfectFFL.of(scanner, gain=ReceiveGain(((2, 0.9, 0.1),)))
