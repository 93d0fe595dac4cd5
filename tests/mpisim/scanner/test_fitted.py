"""The scanner of a fit: what is off, what moves with the line and what does not, errors by angle, and bad input."""

from dataclasses import fields, replace

import numpy as np
import pytest

import mpisim
from mpisim.errors import InputError
from mpisim.scanner.fitted import FittedFFL

POINTS = np.random.default_rng(0).uniform(-0.01, 0.01, (12, 3)) * [1, 1, 0]
ANGLES = (0.1, 0.8, 2.5)
IDEAL = mpisim.open_sided_ffl(0.6, angles=ANGLES, harmonics=(2, 3))
PART = mpisim.Polynomial(((1, 0, 0, 0.02), (0, 2, 0, -0.01)), radius=0.01)
LINE = mpisim.AngleErrors((1e-4, -2e-4, 3e-4), (0.01, 0.0, -0.02), (0.02, 0.0, -0.01), (0.1, -0.2, 0.0))
ROWS = tuple(zip(ANGLES, LINE.offset, LINE.angle, LINE.gain, LINE.phase, strict=True))


def test_off_means_the_imperfect_scanner():
    """Without fields of its own it is an `ImperfectFFL` to the last digit; errors by row are those of the line."""
    imperfect = mpisim.ImperfectFFL.of(IDEAL, selection=(PART,), line=LINE)
    same = FittedFFL.of(imperfect)
    by_rows = replace(same, line=None, errors=ROWS)
    for angle in ANGLES:
        field = imperfect.selection_field(POINTS, angle)
        assert np.array_equal(same.selection_field(POINTS, angle), field)
        assert np.array_equal(by_rows.selection_field(POINTS, angle), field)
    assert np.array_equal(same.receive_gains(), imperfect.receive_gains())
    assert np.allclose(by_rows.receive_gains(), imperfect.receive_gains(), rtol=1e-15)


def test_background_does_not_move_with_the_line():
    """A part at rest of the selection field shifts with the line, one of the background does not."""
    shifted = FittedFFL.of(IDEAL, background=(PART,), errors=((0.1, 1e-3, 0.2, 0.0, 0.0),))
    without = replace(shifted, background=())
    added = shifted.selection_field(POINTS, 0.1) - without.selection_field(POINTS, 0.1)
    assert np.allclose(added, 0.6 * 0.01 * PART.relative_field(POINTS, 0.0), rtol=0, atol=1e-15)


def test_tilt_is_that_of_the_plane_to_first_order():
    errors = []
    for size in (0.02, 0.01):
        tilted = FittedFFL.of(IDEAL, tilt=(size, -0.5 * size))
        exact = mpisim.ImperfectFFL.of(IDEAL, plane=mpisim.LinePlane(tilt=(size, -0.5 * size)))
        field = exact.selection_field(POINTS, 0.8)
        errors.append(np.abs(tilted.selection_field(POINTS, 0.8) - field).max() / np.abs(field).max())
    assert errors[0] < 1e-3 and errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_errors_at_other_angles():
    """A shift of the axis by (a, b) is the same as that of everything that moves with the line."""
    moved = FittedFFL.of(IDEAL, other_angles=((0.0, 3e-4, -2e-4), *(((0.0, 0.0, 0.0),) * 3)))
    at_axis = IDEAL.selection_field(POINTS - [3e-4, -2e-4, 0.0], 0.4)
    assert np.allclose(replace(moved, angles=(0.4,)).selection_field(POINTS, 0.4), at_axis, rtol=0, atol=1e-15)
    known = replace(moved, errors=ROWS)
    assert known.errors_at(0.8) == ROWS[1][1:]
    assert known.errors_at(0.4)[0] == pytest.approx(3e-4 * np.cos(0.4) - 2e-4 * np.sin(0.4))


def test_gains_of_rows():
    coils = (mpisim.Coil(), mpisim.Coil((0.0, 0.0, 400.0)))
    scanner = FittedFFL.of(IDEAL, coils=coils, row_gains=((0, 2, 0.5, 0.5), (1, 3, -2.0, 0.0)))
    assert np.array_equal(scanner.receive_gains()[0], [[0.5 + 0.5j, 1], [1, -2]])


def test_a_file_holds_all_of_it(tmp_path):
    full = FittedFFL.of(
        IDEAL, background=(PART,), tilt=(0.01, -0.02), errors=ROWS, row_gains=((0, 2, 0.5, 0.5), (0, 3, 1.0, 0.1))
    )
    setup = mpisim.Setup(full, mpisim.Particle(25e-9), mpisim.Grid((6, 6), (0.02, 0.02)))
    mpisim.write_scanner(setup, tmp_path / "fitted.toml")
    assert mpisim.read_scanner(tmp_path / "fitted.toml") == setup
    assert mpisim.Setup.of(setup.simulate()) == setup
    assert {f.name for f in fields(full)} - {f.name for f in fields(mpisim.ImperfectFFL)} == {
        "background",
        "tilt",
        "errors",
        "other_angles",
        "row_gains",
    }


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({"tilt": (0.5, 0.0)}, "scanner tilt must be from -0.2 to 0.2 rad"),
        ({"tilt": (0.1,)}, "two numbers"),
        ({"errors": ((0.1, 0.2, 0.0, 0.0, 0.0),)}, "offset of the scanner's errors"),
        ({"errors": (ROWS[0], ROWS[0])}, "distinct"),
        ({"errors": ((0.1, 0.0),)}, "angle, offset, error, gain, phase"),
        ({"other_angles": ((0.0, 0.0, 0.0),)}, "four rows"),
        ({"row_gains": ((0, 2, 1.0, 0.0), (0, 2, 1.0, 0.0))}, "named once each"),
        ({"row_gains": ((0, 2.5, 1.0, 0.0),)}, "whole number"),
        ({"background": (3.0,)}, "relative_field"),
        ({"errors": ROWS, "line": LINE}, "left out where errors are given"),
    ],
)
def test_bad_input_is_refused(switches, words):
    with pytest.raises(InputError, match=words):
        FittedFFL.of(IDEAL, **switches)
