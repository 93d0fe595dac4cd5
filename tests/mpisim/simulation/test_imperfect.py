"""Rows of imperfect scanners: against a NumPy twin, and laws of each imperfection on the engines."""

import math
from dataclasses import replace

import numba
import numpy as np
import pytest

from mpisim import (
    AngleErrors,
    Dipole,
    FieldMap,
    Grid,
    ImperfectFFL,
    InputError,
    LinePlane,
    Loop,
    Particle,
    QuadraticRecipe,
    ReceiveGain,
    Sample,
    SolidHarmonics,
    Uniform,
    WoundField,
    open_sided_ffl,
    read,
    simulate,
    write,
)
from mpisim.simulation.equilibrium import point_rows
from mpisim.simulation.provenance import scanner_from_mapping
from mpisim.simulation.time_domain import time_domain_rows
from tests.mpisim.bad_input import SENTENCE
from tests.mpisim.scanner.laws import rotation, turned_scanner
from tests.mpisim.simulation import imperfect_twin
from tests.mpisim.simulation.twins import difference

PARTICLE, SAMPLE = Particle(25e-9), Sample()
GRID = Grid((6, 6), (0.024, 0.024))
IDEAL = open_sided_ffl(0.6, fov=0.024, angles=3)
STATIC = SolidHarmonics(((2, -2, 0.05), (3, 1, 0.04)))
TURNING = SolidHarmonics(((3, 0, 0.05),), turning=True)
FULL = ImperfectFFL.of(
    IDEAL,
    selection=(STATIC, TURNING),
    drive=(Uniform((0.02, 0.0, 0.0)),),
    plane=LinePlane(4e-4, (0.02, -0.03), (1e-4, -2e-4)),
    line=AngleErrors(offset_spread=3e-4, angle_spread=0.01, gain_spread=0.02, phase_spread=0.03, seed=3),
    gain=ReceiveGain(((2, 0.9, 0.2), (3, 1.1, -0.1))),
)


def rows(scanner, grid=GRID, **options):
    return simulate(scanner, PARTICLE, grid, **options).system_matrix.values


# -- the twin ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "tolerance"), [("equilibrium", 1e-6), ("time_domain", 1e-6)])
def test_every_switch_at_once_agrees_with_numpy(path, tolerance):
    """The whole matrix to single precision, in which it is stored; each row is within 1e-6 of itself."""
    scanner, grid = imperfect_twin.SCANNER, imperfect_twin.GRID
    matrix = simulate(scanner, PARTICLE, grid, SAMPLE, path)
    assert matrix.engine == path and matrix.sizes["receive"] == 2
    expected = imperfect_twin.rows(PARTICLE, SAMPLE.particles(grid))
    assert difference(matrix.system_matrix.values, expected, axis=(-2, -1)).max() < tolerance


def test_the_engines_agree_in_double_precision():
    scanner, grid = imperfect_twin.SCANNER, imperfect_twin.GRID
    gains = scanner.receive_gains()[..., None]
    expected = imperfect_twin.rows(PARTICLE, SAMPLE.particles(grid)).reshape(3, 2, 5, -1)
    assert difference(time_domain_rows(scanner, PARTICLE, grid, SAMPLE) * gains, expected) < 1e-11


# -- off is ideal -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["line_profile", "equilibrium", "time_domain"])
def test_what_is_off_changes_no_digit(path):
    """On every engine, with all switches at their defaults and with parts that hold nothing."""
    expected = rows(IDEAL, path=path)
    for switches in ({}, {"line": AngleErrors(), "gain": ReceiveGain()}):
        matrix = simulate(ImperfectFFL.of(IDEAL, **switches), PARTICLE, GRID, path=path)
        assert np.array_equal(matrix.system_matrix.values, expected) and matrix.engine == path
    assert simulate(ImperfectFFL.of(IDEAL), PARTICLE, GRID).engine == "line_profile"


@pytest.mark.parametrize(
    "switches",
    [
        {"selection": (STATIC,)},
        {"drive": (TURNING,)},
        {"plane": LinePlane(offset=1e-3)},
        {"recipe": QuadraticRecipe(0.2)},
        {"line": AngleErrors(offset=3e-4)},
        {"gain": ReceiveGain(((3, 1.1, 0.0),))},
    ],
)
def test_every_switch_changes_the_rows(switches):
    """By a part in a thousand at least, and the file says so: nothing is set without effect."""
    assert difference(rows(ImperfectFFL.of(IDEAL, **switches)), rows(IDEAL)) > 1e-3


def test_parts_of_strength_zero_are_within_rounding_of_the_ideal():
    """On the vector engine: a switch that is on at zero tends to the ideal."""
    nothing = ImperfectFFL.of(IDEAL, selection=(SolidHarmonics(((3, 1, 0.0),)),), recipe=QuadraticRecipe())
    assert difference(rows(nothing), rows(IDEAL, path="equilibrium")) < 1e-7


# -- laws -------------------------------------------------------------------------------------------------------------


def test_everything_turned_together_changes_no_row():
    """Scanner, plane, coil and the sample's points turned by an angle."""
    points = GRID.centers()[:, None] + np.array([[0, 0, 0], [5e-4, 2e-4, 1e-4]])
    before = point_rows(FULL, PARTICLE, points, np.full(2, 0.5), 1e10)
    after = point_rows(turned_scanner(FULL, 0.9), PARTICLE, points @ rotation(0.9).T, np.full(2, 0.5), 1e10)
    assert difference(after, before) < 1e-12


def test_an_offset_of_the_line_shifts_the_row_of_its_angle():
    """Against the ideal scanner with the voxels moved the other way, for each angle."""
    offsets = (4e-4, -2e-4, 1e-4)
    moved = rows(ImperfectFFL.of(IDEAL, line=AngleErrors(offset=offsets)))
    for i, (angle, offset) in enumerate(zip(IDEAL.angles, offsets, strict=True)):
        center = (-offset * math.cos(angle), -offset * math.sin(angle), 0.0)
        expected = rows(replace(IDEAL, angles=(angle,)), replace(GRID, center=center), path="equilibrium")[0]
        assert difference(moved[i], expected) < 1e-6


def test_an_error_of_the_angle_is_the_row_of_another_angle():
    errors = (0.02, -0.01, 0.03)
    other = replace(IDEAL, angles=tuple(a + e for a, e in zip(IDEAL.angles, errors, strict=True)))
    moved = ImperfectFFL.of(IDEAL, line=AngleErrors(angle=errors))
    assert difference(rows(moved), rows(other, path="equilibrium")) < 1e-7


@pytest.mark.parametrize("path", ["auto", "equilibrium", "time_domain"])
def test_gains_multiply_rows_on_every_engine(path):
    """A gain for each angle, and one for each harmonic; the fast engine stays."""
    line, gain = (
        AngleErrors(gain=0.1, phase_spread=0.2, gain_drift=0.3, seed=2),
        ReceiveGain(((2, 0.5, 1.0), (9, 2.0, 0.0))),
    )
    scanner = ImperfectFFL.of(IDEAL, line=line, gain=gain)
    values = line.values(3)
    factor = ((1 + values.gain) * np.exp(1j * values.phase))[:, None, None, None]
    factor = factor * np.array([0.5 + 1j, 1, 1, 1, 1, 1, 1, 2])[:, None, None]
    assert difference(rows(scanner, path=path), rows(IDEAL, path=path) * factor) < 1e-7
    if path == "auto":
        assert simulate(scanner, PARTICLE, GRID).engine == "line_profile"


def test_rows_are_linear_in_sensitivity_and_concentration():
    twice = replace(FULL, sensitivity=tuple(2 * p for p in FULL.sensitivity))
    assert np.array_equal(rows(twice), 2 * rows(FULL))
    assert np.array_equal(rows(FULL, sample=Sample(concentration=2e20)), 2 * rows(FULL))


def test_only_ratios_of_fields_matter():
    """All fields twice as strong for particles of half the steepness: the same rows, to single precision."""
    strong = replace(
        FULL, sf_gradient=1.2, drive_amplitude=2 * FULL.drive_amplitude, plane=LinePlane(4e-4, (0.02, -0.03))
    )
    weak = replace(FULL, plane=LinePlane(4e-4, (0.02, -0.03)))
    hot = simulate(strong, replace(PARTICLE, temperature=600.0), GRID).system_matrix.values
    assert difference(hot, rows(weak)) < 1e-6


def test_drawn_errors_are_the_same_again_and_in_any_order():
    again = rows(replace(FULL))
    rows(replace(FULL, line=AngleErrors(offset_spread=1e-4, seed=8)))
    assert np.array_equal(rows(FULL), again)
    values = point_rows(FULL, PARTICLE, GRID.centers()[:, None], np.ones(1), 1e10)
    backwards = replace(FULL, angles=FULL.angles[::-1], line=reversed_errors(FULL.line, 3))
    assert np.array_equal(point_rows(backwards, PARTICLE, GRID.centers()[:, None], np.ones(1), 1e10)[::-1], values)


def reversed_errors(line, count):
    """The same errors given one by one, for the angles in the reversed order."""
    return AngleErrors(**{name: tuple(v[::-1]) for name, v in line.values(count)._asdict().items()})


def test_one_thread_gives_what_two_give():
    threads = numba.get_num_threads()
    points, weights = GRID.centers()[:, None] + [[0, 0, 0], [1e-4, 0, 0]], np.full(2, 0.5)
    try:
        values = []
        for count in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
            numba.set_num_threads(count)
            values.append(point_rows(FULL, PARTICLE, points, weights, 1e10))
    finally:
        numba.set_num_threads(threads)
    assert np.array_equal(*values)


# -- maps and windings in place of the ideal fields -------------------------------------------------------------------

AXES = np.linspace(-0.02, 0.02, 5), np.linspace(-0.021, 0.021, 6), np.linspace(-1e-3, 1e-3, 3)
NODES = np.stack(np.meshgrid(*AXES[::-1], indexing="ij")[::-1], axis=-1)  # (z, y, x, 3)


def test_maps_of_the_ideal_fields_give_the_ideal_rows():
    """Selection field, turning with the line, and drive field as maps in T, which cubic splines hold exactly."""
    selection = FieldMap(*AXES, 2 * IDEAL.selection_field(NODES, 0.0), turning=True).scaled_to(gradient=(1.0, 0.0, 0.0))
    drive = FieldMap(*AXES, IDEAL.drive_field(NODES)).scaled_to()
    scanner = ImperfectFFL.of(
        IDEAL, selection=(selection,), drive=(drive,), selection_replaced=True, drive_replaced=True
    )
    assert difference(rows(scanner), rows(IDEAL, path="equilibrium")) < 1e-6


def test_a_map_of_an_imperfect_field_gives_its_rows():
    """Of the third degree in the coordinates, so that the splines hold it; the imperfections are in the map alone."""
    bent = ImperfectFFL.of(IDEAL, selection=(SolidHarmonics(((2, 2, 0.05), (4, 1, 0.03)), turning=True),))
    gradient, radius = IDEAL.sf_gradient, 0.016
    field = FieldMap(*AXES, bent.selection_field(NODES, 0.0), reference=gradient * radius, radius=radius, turning=True)
    scanner = ImperfectFFL.of(IDEAL, selection=(field,), selection_replaced=True)
    assert difference(rows(scanner), rows(bent)) < 1e-6
    assert difference(rows(bent), rows(IDEAL)) > 1e-2


def test_a_map_that_the_line_errors_leave_is_refused_before_work():
    narrow = tuple(np.linspace(-w, w, 4) for w in (0.012, 0.012, 1e-3))
    nodes = np.stack(np.meshgrid(*narrow[::-1], indexing="ij")[::-1], axis=-1)
    scanner = ImperfectFFL.of(IDEAL, selection=(FieldMap(*narrow, IDEAL.selection_field(nodes, 0.0)),))
    simulate(scanner, PARTICLE, GRID)
    with pytest.raises(InputError, match=r"^Input field map must .+; instead received .+\.$"):
        simulate(replace(scanner, line=AngleErrors(offset_spread=1e-4)), PARTICLE, GRID)


def test_wide_drive_loops_tend_to_the_homogeneous_drive():
    """A pair of Helmholtz coils in place of the ideal drive: the error falls with the fourth power of its radius."""
    errors = []
    for radius in (0.2, 0.4):
        pair = tuple(Loop((0.0, 0.0, side * radius / 2), (0.0, 0.0, 1.0), radius) for side in (-1, 1))
        scanner = ImperfectFFL.of(IDEAL, drive=(WoundField(pair),), drive_replaced=True)
        errors.append(difference(rows(scanner), rows(IDEAL, path="equilibrium")))
    assert 1e-7 < errors[0] < 1e-4 and errors[0] / errors[1] == pytest.approx(16, rel=0.2)


# -- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scanner", [FULL, imperfect_twin.SCANNER, ImperfectFFL.of(IDEAL)])
def test_a_file_gives_the_imperfect_scanner_back(scanner, tmp_path):
    write(simulate(scanner, PARTICLE, Grid((3, 2), (0.02, 0.02))), tmp_path / "sm.nc")
    again = scanner_from_mapping(read(tmp_path / "sm.nc").attrs["scanner"])
    assert again == scanner and type(again) is ImperfectFFL


def test_a_part_that_lies_in_the_field_of_view_is_refused_before_work():
    scanner = ImperfectFFL.of(IDEAL, selection=(Dipole((0.005, 0.0, 0.0), (0.0, 0.0, 0.1)),))
    with pytest.raises(InputError, match=SENTENCE):
        simulate(scanner, PARTICLE, GRID)
