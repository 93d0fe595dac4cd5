"""Laws of the parts of fields: Maxwell's equations, normalisation, turning, scaling, and bad input."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mpisim import (
    Dipole,
    InputError,
    Particle,
    Polynomial,
    QuadraticRecipe,
    Setup,
    SolidHarmonics,
    Uniform,
    check_scanner,
    open_sided_ffl,
)
from mpisim.scanner.imperfect import ImperfectFFL
from mpisim.scanner.parts import turns
from tests.mpisim.bad_input import SENTENCE, assert_refused, each
from tests.mpisim.scanner.laws import assert_maxwellian, rotation, turned_part

RNG = np.random.default_rng(5)
POINTS = RNG.uniform(-0.015, 0.015, (20, 3))
TERMS = [(degree, order) for degree in range(1, 7) for order in range(-degree, degree + 1)]
SPHERE = RNG.standard_normal((20_000, 3))
SPHERE /= np.linalg.norm(SPHERE, axis=-1, keepdims=True)
MIXED = SolidHarmonics(((1, 1, 0.02), (2, -2, 0.1), (3, 1, -0.05), (4, -3, 0.03)), radius=0.012)
DIPOLE = Dipole((0.03, 0.02, 0.01), (0.1, -0.2, 0.3), radius=0.02)
UNIFORM = Uniform((0.1, 0.02, -0.03))


@pytest.mark.parametrize(("degree", "order"), TERMS)
def test_a_term_is_maxwellian_and_one_on_the_sphere(degree, order):
    """Its largest magnitude at 20,000 points of the sphere of the radius is 1, to what so few points reach."""
    part = SolidHarmonics(((degree, order, 1.0),), radius=0.01)
    size = np.linalg.norm(part.relative_field(0.01 * SPHERE, 0.0), axis=-1)
    assert 1 - 2e-3 < size.max() < 1 + 1e-12
    assert np.allclose(
        part.relative_field(0.02 * SPHERE[:9], 0), 2 ** (degree - 1) * part.relative_field(0.01 * SPHERE[:9], 0)
    )
    if degree > 1:
        assert_maxwellian(lambda p: part.relative_field(p, 0.0), POINTS, 1e-7)


def test_the_simplest_terms_have_their_closed_forms():
    """x along x, the ideal selection field, the saddle, and the axial field of degree 3."""
    x, y, z = (POINTS / 0.016).T
    zero = 0 * x
    forms = {
        (1, 1): (zero + 1, zero, zero),
        (1, -1): (zero, zero + 1, zero),
        (1, 0): (zero, zero, zero + 1),
        (2, 1): (z, zero, x),
        (2, -1): (zero, z, y),
        (2, 2): (x, -y, zero),
        (2, -2): (y, x, zero),
        (2, 0): (-x / 2, -y / 2, z),
        (3, 0): (-x * z, -y * z, z**2 - (x**2 + y**2) / 2),
        (3, 3): (x**2 - y**2, -2 * x * y, zero),
    }
    for (degree, order), expected in forms.items():
        field = SolidHarmonics(((degree, order, 0.3),)).relative_field(POINTS, 0.0)
        assert np.abs(field - 0.3 * np.stack(expected, axis=-1)).max() < 1e-14


def test_terms_add_up_and_are_linear():
    both = SolidHarmonics(((3, 1, 0.3), (4, 0, -0.1))).relative_field(POINTS, 0)
    single = SolidHarmonics(((3, 1, 0.3),)).relative_field(POINTS, 0)
    assert np.allclose(both, single - SolidHarmonics(((4, 0, 0.1),)).relative_field(POINTS, 0), rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SolidHarmonics(((3, 1, 0.1), (2, 0, 0.1), (3, 1, 0.2))), r"one for each \(l, m\).* two for \(3, 1\)"),
        (lambda: Polynomial(((0, 1, 0, 0.1), (0, 1, 0, 0.1))), r"one for each \(i, j, k\).* two for \(0, 1, 0\)"),
    ],
)
def test_a_term_that_is_given_twice_is_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize("part", [MIXED, DIPOLE])
@pytest.mark.parametrize("turning", [False, True])
def test_parts_are_maxwellian_turning_or_not(part, turning):
    assert_maxwellian(lambda p: replace(part, turning=turning).relative_field(p, 0.7), POINTS, 1e-7)


@pytest.mark.parametrize("part", [MIXED, DIPOLE, UNIFORM])
def test_a_turning_part_is_the_part_turned(part):
    """Turning by the angle equals a part at rest with coefficients, place or direction turned by it."""
    at_rest = turned_part(part, 0.7).relative_field(POINTS, 0.0)
    assert np.allclose(replace(part, turning=True).relative_field(POINTS, 0.7), at_rest, rtol=0, atol=1e-14)
    assert np.array_equal(part.relative_field(POINTS, 0.7), part.relative_field(POINTS, 0.0))
    assert turns(replace(part, turning=True)) and not turns(part)


def test_a_polynomial_is_its_terms_and_turns():
    part = Polynomial(((0, 0, 0, 0.5), (1, 0, 0, -0.2), (0, 2, 1, 0.3)), axis=(0.0, 0.6, 0.8), radius=0.01)
    x, y, z = (POINTS / 0.01).T
    expected = (0.5 - 0.2 * x + 0.3 * y**2 * z)[:, None] * [0, 0.6, 0.8]
    assert np.allclose(part.relative_field(POINTS, 1.0), expected, rtol=1e-14, atol=1e-16)
    matrix, turning = rotation(0.4), replace(part, turning=True)
    assert np.allclose(turning.relative_field(POINTS @ matrix.T, 0.4), expected @ matrix.T, rtol=0, atol=1e-14)


def test_the_largest_field_of_a_dipole_at_the_radius_is_its_moment():
    """On its axis; half of it and the other way round on the equator; falling with the third power."""
    dipole = Dipole((0.1, 0.0, 0.0), (0.0, 0.0, 0.3), radius=0.05)
    away = np.array([[0, 0, 0.05], [0.05, 0, 0], [0, 0, 0.1]])
    field = dipole.relative_field(away + [0.1, 0, 0], 0.0)
    assert np.allclose(field, [[0, 0, 0.3], [0, 0, -0.15], [0, 0, 0.3 / 8]], rtol=0, atol=1e-15)
    around = np.linalg.norm(dipole.relative_field(0.05 * SPHERE + [0.1, 0, 0], 0.0), axis=-1)
    assert 0.299 < around.max() < 0.3 + 1e-12


@pytest.mark.parametrize("position", [(0.0, 0.0, 0.0), (0.0101, 0.0, 0.0), (0.0, 0.0, 1e-4)])
def test_a_dipole_in_the_field_of_view_is_refused(position):
    corners = 0.01 * np.array([[-1, -1, 0], [1, 1, 0]])
    with pytest.raises(InputError, match=SENTENCE):
        Dipole(position, (0, 0, 0.1)).check_region(corners)
    Dipole((0.02, 0, 0), (0, 0, 0.1)).check_region(corners)


def test_a_dipole_that_turns_into_the_field_of_view_is_refused():
    wide = 1e-3 * np.array([[-20, -5, 0], [20, 5, 0]])
    with pytest.raises(InputError, match=SENTENCE):
        Dipole((0, 0.012, 0), (0, 0, 0.1), turning=True).check_region(wide)
    Dipole((0, 0.012, 0), (0, 0, 0.1)).check_region(wide)


@pytest.mark.parametrize("value", ["yes", "no", None, 2, 0.5, (True,)])
def test_whether_a_part_turns_is_true_or_false(value):
    """Words such as "no" would count as True otherwise; NumPy's truth values and 1 and 0 are taken."""
    assert_refused(lambda v: replace(MIXED, turning=v), value)
    assert_refused(lambda v: replace(DIPOLE, turning=v), value)
    assert_refused(lambda v: ImperfectFFL(0.5, 0.008, selection=(MIXED,), selection_replaced=v), value)
    assert replace(MIXED, turning=np.bool_(True)).turning is True and replace(MIXED, turning=0).turning is False


def test_the_published_recipe_breaks_the_law_of_fields():
    """It is labelled so: its selection field has curl and divergence of some per cent of the gradient."""
    scanner = ImperfectFFL(0.5, 0.008, recipe=QuadraticRecipe(gradient=0.1))
    with pytest.raises(AssertionError):
        assert_maxwellian(lambda p: scanner.selection_field(p, 0.7), POINTS, 1e-2)


def test_parts_may_come_as_lists():
    assert SolidHarmonics([[2, 1, 0.1]]) == SolidHarmonics(((2, 1, 0.1),))
    assert Polynomial([[0, 0, 1, 0.1]]).terms == ((0, 0, 1, 0.1),)
    assert hash(SolidHarmonics([[2.0, 1, 0.1]])) == hash(SolidHarmonics(((2, 1, 0.1),)))


def test_a_part_that_does_not_say_whether_it_turns_is_taken_as_turning():
    """The scanner is then evaluated at every angle, which is right in any case."""

    class Plain:
        radius = 0.01

        def relative_field(self, points, angle):
            return 0.1 * np.ones(points.shape) * math.cos(angle)

    scanner = ImperfectFFL(0.5, 0.008, angles=(0.0, 1.0), drive=(Plain(),))
    assert not scanner.fixed_in_angle and check_scanner(scanner) is scanner


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(SolidHarmonics, (None, "all", 3, ((7, 0, 0.1),), ((2, 3, 0.1),), ((2, -3, 0.1),), ((0, 0, 0.1),))),
        *each(
            SolidHarmonics, (((2, 1),), ((2, 1.5, 0.1),), ((2, 1, 12.0),), ((2, 1, math.nan),), ((2, 1, None),), (2, 1))
        ),
        *each(lambda v: SolidHarmonics((), radius=v), (0, -0.016, 16, math.inf, None)),
        *each(Uniform, (None, (0, 0), (0, 0, math.nan), (0, 0, 5), "xyz", 1.0)),
        *each(lambda v: Uniform((0, 0, 1), radius=v), (-1, 16)),
        *each(
            Polynomial,
            (None, ((0, 0, 1),), ((0, 0, 7, 0.1),), ((-1, 0, 1, 0.1),), ((3, 3, 3, 0.1),), ((0, 0, 1, 3.0),)),
        ),
        *each(lambda v: Polynomial((), axis=v), ((0, 0, 0), (0, 1), None)),
        *each(lambda v: Dipole(v, (0, 0, 1)), ((20, 0, 0), (0, 0), None, (0, 0, math.inf))),
        *each(lambda v: Dipole((0.1, 0, 0), v), ((0, 0, 30), (0, 0), None)),
        *each(lambda v: Dipole((0.1, 0, 0), (0, 0, 0.1), radius=v), (0, -1, 16)),
    ],
)
def test_bad_parts_get_one_sentence(make, value):
    assert_refused(make, value)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("position", [(0.0, 0.0, 0.0), (5e-3, 0.0, 0.0)])
def test_a_dipole_inside_the_field_of_view_gets_one_sentence_about_it(position):
    scanner = ImperfectFFL.of(open_sided_ffl(0.5, angles=2), selection=(Dipole(position, (0.0, 0.0, 0.1)),))
    with pytest.raises(InputError, match=r"^Input position of the dipole must be .* outside of the field of view"):
        Setup(scanner, Particle(25e-9)).simulate()
