"""Families: bases, reflections, and what is no family."""

import numpy as np
import pytest
import xarray as xr

from calib.methods.linear_bayes.family import as_array
from calib.methods.linear_bayes.making import family_of
from calib.methods.linear_bayes.reflections import Reflection, closed_reflections
from mpisim.errors import InputError

from .conftest import ANGLES


def test_reflections_of_an_ideal_matrix_are_itself(lines, line_family):
    rows = as_array(lines[0])
    turns = closed_reflections(np.array(ANGLES), (8, 8), True)
    assert len(turns) == 8
    for t in turns:
        sign = np.where(t.odd[:, None], line_family.parity, 1)
        reflected = t.reflection.rows(rows[t.source]) * sign[..., None, None]
        assert np.abs(reflected - rows).max() < 1e-5 * np.abs(rows).max()


@pytest.mark.parametrize("swap", (False, True))
@pytest.mark.parametrize("flips", ((False, False), (True, False), (False, True), (True, True)))
def test_a_reflection_and_back(swap, flips):
    reflection, rows = Reflection(swap, *flips), np.arange(12.0).reshape(1, 3, 4)
    assert np.array_equal(reflection.back(reflection.rows(rows)), rows)


def test_angles_that_a_reflection_does_not_keep():
    uneven = closed_reflections(np.array([0.0, 0.3, 1.0]), (8, 8), True)
    assert [t.reflection for t in uneven] == [
        Reflection(),
        Reflection(False, True, True),
    ]  # half a turn keeps all angles
    assert len(closed_reflections(np.array(ANGLES), (8, 6), True)) == 4  # an oblong grid keeps its axes


def test_bases_hold_the_rows(lines, line_family):
    """Gains are taken out: each harmonic is a row of RMS one times a complex number."""
    assert line_family.channels == 1 and line_family.members == len(lines) and len(line_family.turns) == 8
    assert line_family.bases.shape[0] == 2  # 0 and 30 degrees stand for all six angles
    for a in range(len(ANGLES)):
        found = np.stack([line_family.fine_rows(a, c) for c in line_family.coefficients[:, a]])[:, :, 0]
        rows = np.stack([as_array(m)[a] for m in lines])
        scale = np.sum(rows * found, axis=(2, 3)) / np.sum(found**2, axis=(2, 3))
        assert np.abs(rows - scale[..., None, None] * found).max() < 1e-3 * np.abs(rows).max()


def test_reflected_members(line_family):
    """Coefficients of reflected members are those of their reflected rows."""
    for angle in (0, 1, 4):
        samples = line_family.samples(angle).reshape(8, line_family.members, 2, -1)
        for turns, coefficients in zip(line_family.turns, samples, strict=True):
            source = int(turns.source[angle])
            start = line_family.fine_rows(source, line_family.coefficients[3, source])
            sign = line_family.sign(turns.odd[angle])[:, None, None, None]
            found = line_family.fine_rows(angle, coefficients[3])
            assert np.allclose(found, sign * turns.reflection.rows(start), atol=1e-4)


def test_a_family_that_is_not_symmetric(lines):
    tilted = [m.assign(system_matrix=m["system_matrix"] * np.linspace(0.5, 1.5, 8)) for m in lines]
    assert family_of(tilted).parity.size == 0 and len(family_of(tilted).turns) == 1


def test_complex_rows_keep_both_parts(points):
    family = family_of(points)
    assert family.channels == 2 and not family.angles.size
    assert np.sqrt(family.left.max()) < 1e-3


def _two_coils(matrix):
    return xr.concat([matrix["system_matrix"]] * 2, "receive").transpose("angle", "receive", ...)


@pytest.mark.parametrize(
    ("change", "words"),
    (
        (lambda ms: ms[:2], "at least three"),
        (lambda ms: [*ms[:3], ms[0].isel(angle=slice(4))], "shape"),
        (lambda ms: [*ms[:3], ms[0].assign_coords(angle=ms[0]["angle"] + 0.1)], "angles"),
        (lambda ms: [*ms[:3], ms[0].assign_coords(x=2 * ms[0]["x"])], "voxels"),
        (lambda ms: [*ms[:3], ms[0] * 0], "nonzero"),
        (lambda ms: [m.assign(system_matrix=_two_coils(m)) for m in ms[:3]], "one coil"),
    ),
)
def test_no_family(lines, change, words):
    with xr.set_options(keep_attrs=True):
        changed = change(lines)
    with pytest.raises(InputError, match=words):
        family_of(changed)
