"""Loops and rectangles of wire: closed forms, many short pieces, reciprocity, and another program's numbers."""

import mpmath
import numpy as np
import pytest

from mpisim import InputError, Loop, RectangularLoop
from mpisim.constants import MU_0
from mpisim.scanner.biot_savart import field_of_windings, require_clear
from tests.mpisim.scanner.laws import assert_maxwellian

LOOP = Loop((0.01, -0.02, 0.045), (0.2, -0.1, 1.0), 0.04, turns=3)
FRAME = RectangularLoop((0.01, -0.02, 0.045), (0.2, -0.1, 1.0), (1.0, 2.0, 0.0), (0.05, 0.08), turns=2)
POINTS = np.random.default_rng(0).uniform(-0.02, 0.02, (20, 3))
WINDINGS = pytest.mark.parametrize("winding", [LOOP, FRAME], ids=["loop", "rectangle"])


def by_pieces(winding, points, step):
    """Law of Biot and Savart summed over short straight pieces of the wire: each as one element at its middle."""
    wire = winding.wire(step)
    middle, piece = (wire[1:] + wire[:-1]) / 2, np.diff(wire, axis=0)
    away = points[:, None] - middle
    cross = np.cross(piece, away) / np.linalg.norm(away, axis=-1)[..., None] ** 3
    return winding.turns * cross.sum(axis=1) / (4 * np.pi)


def flux_of_moment(winding, moment, point, step):
    """Flux in V s of a moment in A m^2 through a winding: its vector potential along the wire."""
    wire = winding.wire(step)
    middle, piece = (wire[1:] + wire[:-1]) / 2, np.diff(wire, axis=0)
    away = middle - point
    potential = MU_0 / (4 * np.pi) * np.cross(moment, away) / np.linalg.norm(away, axis=-1)[:, None] ** 3
    return winding.turns * np.sum(potential * piece)


def test_a_loop_on_its_axis_has_the_closed_form():
    a, z = 0.03, np.array([-0.2, -0.01, 0, 1e-6, 0.02, 1.5])
    points = np.stack([0 * z, 0 * z, z], axis=-1)
    field = Loop((0, 0, 0), (0, 0, 2), a).field(points)
    assert np.allclose(field[:, 2], a**2 / (2 * (a**2 + z**2) ** 1.5), rtol=1e-10, atol=0)
    assert not field[:, :2].any()


def test_a_loop_off_its_axis_has_the_field_of_elliptic_integrals_of_many_digits():
    """Smythe's form with 40 digits, from the axis to near the wire."""
    mpmath.mp.dps, a = 40, mpmath.mpf("0.03")
    for rho, z in ((1e-9, 0.01), (1e-6, -0.02), (1e-3, 1e-3), (0.0299, 1e-4), (0.03, 0.02), (0.5, 0.3)):
        r, h = mpmath.mpf(rho), mpmath.mpf(z)
        alpha, beta = (a + r) ** 2 + h**2, (a - r) ** 2 + h**2
        k, e = mpmath.ellipk(4 * a * r / alpha), mpmath.ellipe(4 * a * r / alpha)
        along = (k + (a**2 - r**2 - h**2) / beta * e) / (2 * mpmath.pi * mpmath.sqrt(alpha))
        outward = h / (2 * mpmath.pi * r * mpmath.sqrt(alpha)) * ((a**2 + r**2 + h**2) / beta * e - k)
        wanted = np.array([float(outward), 0, float(along)])
        found = Loop((0, 0, 0), (0, 0, 1), 0.03).field(np.array([[rho, 0, z]]))[0]
        assert np.abs(found - wanted).max() < 1e-13 * np.abs(wanted).max()


def test_a_rectangle_on_its_axis_has_the_closed_form():
    a, b, z = 0.02, 0.035, np.array([-0.1, 0, 0.013])
    frame = RectangularLoop((0, 0, 0), (0, 0, 1), (1, 0, 0), (2 * a, 2 * b))
    field = frame.field(np.stack([0 * z, 0 * z, z], axis=-1))
    wanted = a * b / np.pi / np.sqrt(a**2 + b**2 + z**2) * (1 / (a**2 + z**2) + 1 / (b**2 + z**2))
    assert np.allclose(field[:, 2], wanted, rtol=1e-13, atol=0) and np.abs(field[:, :2]).max() < 1e-14


@WINDINGS
def test_a_winding_has_the_field_of_many_short_pieces(winding):
    errors = [np.abs(by_pieces(winding, POINTS, step) - winding.field(POINTS)).max() for step in (1e-3, 2.5e-4)]
    assert errors[1] < 1e-5 * np.abs(winding.field(POINTS)).max()
    assert 12 < errors[0] / errors[1] < 20  # of second order in the length of the pieces: 16


@WINDINGS
def test_the_flux_of_a_moment_is_the_moment_times_the_field_of_unit_current(winding):
    """Reciprocity, with the flux from the moment's own vector potential along the wire."""
    moment = np.array([1e-18, -2e-18, 0.7e-18])
    for point in POINTS[:4]:
        direct = flux_of_moment(winding, moment, point, 2e-5)
        assert direct == pytest.approx(MU_0 * moment @ winding.field(point[None])[0], rel=1e-6)


@WINDINGS
def test_the_field_has_no_curl_and_no_divergence_and_falls_as_a_dipole(winding):
    assert_maxwellian(winding.field, POINTS)
    area = np.pi * 0.04**2 if isinstance(winding, Loop) else 0.05 * 0.08
    moment = winding.turns * area * np.array([0.2, -0.1, 1.0]) / np.linalg.norm([0.2, -0.1, 1.0])
    far = np.array([3.0, -4.0, 2.0])
    unit = far / np.linalg.norm(far)
    dipole = (3 * (moment @ unit) * unit - moment) / (4 * np.pi * np.linalg.norm(far) ** 3)
    assert np.allclose(winding.field(np.array([winding.center]) + far)[0], dipole, rtol=1e-3)


def test_another_program_gives_the_same_field():
    """Values in A/m at 1 A of magpylib 6.3.0 (`current.Circle` and `current.Polyline`, getH)."""
    points = np.array([[0.003, -0.004, 0.001], [0, 0, 0], [-0.016, 0.016, 0]])
    loop = [
        [1.594654526074769, -3.2112462237606842, 9.71129428209462],
        [1.8776725787195814, -3.5569123204044066, 8.515670883249703],
        [2.7082629228526387, -3.904013778749986, 4.117836485023561],
    ]
    frame = [
        [0.6253980810537427, -2.1637624629664307, 5.431232404062928],
        [0.7237527420090282, -2.2958491510301053, 4.715846194893998],
        [1.1916928316741604, -2.3062980706386993, 2.367759381679794],
    ]
    assert np.allclose(LOOP.field(points), loop, rtol=1e-13) and np.allclose(FRAME.field(points), frame, rtol=1e-13)


def test_windings_in_series_add_up_and_turns_have_a_sense():
    other = Loop(LOOP.center, LOOP.normal, LOOP.radius, turns=-3)
    assert np.abs(field_of_windings((LOOP, other), POINTS)).max() == 0
    reversed_normal = Loop(LOOP.center, (-0.2, 0.1, -1.0), LOOP.radius, turns=-3)
    assert np.allclose(reversed_normal.field(POINTS), LOOP.field(POINTS), rtol=1e-12)
    both = field_of_windings((LOOP, FRAME), POINTS)
    assert np.array_equal(both, LOOP.field(POINTS) + FRAME.field(POINTS))


def test_a_wire_in_the_field_of_view_is_found():
    region = np.array([[-0.016, -0.016, 0.0], [0.016, 0.016, 0.0]])
    frame = (0, 0, 1), (1, 0, 0), (0.08, 0.01)
    inside = [Loop((0, 0, 0), (0, 0, 1), 0.01), Loop((0, 0, 0), (1, 0, 0), 0.01), RectangularLoop((0, 0, 0), *frame)]
    for winding in inside:  # the last one only crosses it, with all of its corners outside
        with pytest.raises(InputError, match=r"^Input coil must be outside .* whose wire passes through \(.*\) mm\.$"):
            require_clear("coil", (LOOP, winding), region)
    outside = (
        Loop((0, 0, 0), (0, 0, 1), 0.04),
        RectangularLoop((0, 0, 0.0011), *frame),
        Loop((0, 0, 0.03), (1, 0, 0), 0.02),
    )
    require_clear("coil", outside, region)
    beside = Loop((0.03, 0, 0), (1, 0, 0), 0.01)
    require_clear("coil", (beside,), region * [1, 0.1, 1])
    with pytest.raises(InputError, match="outside of the field of view"):
        require_clear("coil", (Loop((0.02, 0, 0.0), (1, 0, 0), 0.012),), region, turning=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Loop((0, 0), (0, 0, 1), 0.1), "center of the loop must be three coordinates"),
        (lambda: Loop((0, 0, 45), (0, 0, 1), 0.1), "center of the loop must be from -5 to 5 m; instead received 45"),
        (lambda: Loop((0, 0, 0), (0, 0, 0), 0.1), "normal of the loop must be three components, not all zero"),
        (
            lambda: Loop((0, 0, 0), (0, 0, 1), -0.1),
            "radius of the loop must be from 0.0001 to 5 m; instead received -0.1",
        ),
        (lambda: Loop((0, 0, 0), (0, 0, 1), 40), "radius of the loop must be from 0.0001 to 5 m; instead received 40"),
        (lambda: Loop((0, 0, 0), (0, 0, 1), 0.1, 0), "turns of the loop must be a number of turns up to 1e6"),
        (lambda: Loop((0, 0, 0), (0, 0, float("nan")), 0.1), "normal of the loop must be a sequence of finite"),
        (
            lambda: RectangularLoop((0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1)),
            "along of the rectangular loop must be at right",
        ),
        (
            lambda: RectangularLoop((0, 0, 0), (0, 0, 1), (0, 1, 0), (1,)),
            "edges of the rectangular loop must be two lengths",
        ),
        (
            lambda: RectangularLoop((0, 0, 0), (0, 0, 1), (0, 1, 0), (50, 1)),
            "edges of the rectangular loop must be from",
        ),
    ],
)
def test_bad_windings_get_one_sentence(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert str(caught.value).count(". ") == 0 and str(caught.value).endswith(".")
