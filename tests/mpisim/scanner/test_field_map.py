"""Maps of fields: interpolation, region, use as a part and as a coil."""

from dataclasses import replace

import numpy as np
import pytest

from mpisim import (
    FieldMap,
    Grid,
    ImperfectFFL,
    InputError,
    Loop,
    MapCoil,
    Particle,
    WoundCoil,
    open_sided_ffl,
    simulate,
)
from mpisim.errors import DataWarning

X, Y, Z = np.linspace(-0.02, 0.02, 9), np.linspace(-0.018, 0.018, 7), np.linspace(-0.003, 0.003, 4)
POINTS = np.random.default_rng(2).uniform(-1, 1, (200, 3)) * [0.02, 0.018, 0.003]
COIL = WoundCoil((Loop((0, 0, 0.05), (0, 0, 1), 0.05, 10), Loop((0.03, 0, 0.06), (1, 0, 1), 0.03, -4)))


def lattice(x, y, z):
    zz, yy, xx = np.meshgrid(z, y, x, indexing="ij")
    return np.stack([xx, yy, zz], axis=-1)


def map_of(field, x=X, y=Y, z=Z, **options):
    return FieldMap(tuple(x), tuple(y), tuple(z), field(lattice(x, y, z)), **options)


def cubic(points):
    x, y, z = (points / 0.02).T if points.ndim == 2 else np.moveaxis(points / 0.02, -1, 0)
    return np.stack([1 + x**3 - x * y * z, y**2 * x - 3 * z**3, 2 - x**3 * y**3 + z**2 * x], axis=-1)


def test_cubic_polynomials_are_exact_and_the_given_points_are_kept():
    field = map_of(cubic)
    assert np.allclose(field.at(POINTS), cubic(POINTS), rtol=0, atol=1e-13)
    assert np.allclose(field.at(lattice(X, Y, Z)), field.array(), rtol=0, atol=1e-14)
    assert field.at(POINTS.reshape(2, 10, 10, 3)).shape == (2, 10, 10, 3)


def test_the_error_is_of_the_fourth_order_in_the_step():
    def error(count):
        field = map_of(lambda p: COIL.sensitivity(p, 0), *(np.linspace(-0.02, 0.02, count),) * 3, unit="1/m")
        return np.abs(field.at(POINTS) - COIL.sensitivity(POINTS, 0)).max()

    assert 10 < error(9) / error(17) < 40 and error(17) < 1e-4 * np.abs(COIL.sensitivity(POINTS, 0)).max()


@pytest.mark.parametrize("count", [2, 3])
def test_short_axes_carry_polynomials_of_a_lower_degree(count):
    def field(p):
        return np.stack([p[..., 0] ** (count - 1) * p[..., 1], p[..., 2], p[..., 0]], axis=-1)

    short = map_of(field, x=np.linspace(-0.02, 0.02, count))
    assert np.allclose(short.at(POINTS), field(POINTS), atol=1e-16)


def test_nothing_is_extrapolated():
    field = map_of(cubic)
    field.check_region(np.array([[-0.02, -0.018, -0.003], [0.02 * (1 + 1e-12), 0.018, 0.003]]))
    outside = np.array([[0.0, 0.0, 0.0], [0.0, 0.02, 0.0]])
    sentence = r"must be one that covers .*, y from 0 to 20 mm; instead received one of y from -18 to 18 mm\.$"
    for look in (field.check_region, field.at, lambda p: field.relative_field(p, 0)):
        with pytest.raises(InputError, match=sentence):
            look(outside)
    corner = np.array([[0.018, 0.018, 0.0]])
    field.check_region(corner)
    with pytest.raises(InputError, match="field map must be one that covers"):  # where it has turned
        replace(field, turning=True).check_region(corner)


def test_a_plane_is_the_field_at_every_height_and_says_so():
    plane = map_of(cubic, z=[0.0])
    assert np.allclose(plane.at(POINTS), cubic(POINTS * [1, 1, 0]), atol=1e-13)
    plane.check_region(POINTS * [1, 1, 0])
    with pytest.warns(DataWarning, match="holds one plane, z = 0 mm; its field is taken as the same up to"):
        plane.check_region(POINTS)


def test_a_part_counts_in_units_of_its_reference():
    drive = map_of(lambda p: 0.01 * cubic(p))
    assert np.array_equal(replace(drive, reference=0.02).relative_field(POINTS, 1), drive.at(POINTS) / 0.02)
    scaled = drive.scaled_to()
    assert scaled.reference == pytest.approx(0.02) and scaled.relative_field(np.zeros((1, 3)), 0)[
        0, 2
    ] == pytest.approx(1)
    line = map_of(lambda p: 0.5 * p[..., [2, 1, 0]] * [1, 0, 1], radius=0.01)
    selection = line.scaled_to(gradient=(1, 0, 0))
    assert selection.reference == pytest.approx(0.5 * 0.01, rel=1e-9)
    assert np.allclose(selection.relative_field(POINTS, 0), POINTS[:, [2, 1, 0]] * [1, 0, 1] / 0.01, atol=1e-9)
    with pytest.raises(InputError, match="one with a gradient at the centre"):
        map_of(lambda p: 0 * p + [0.0, 0.0, 1.0]).scaled_to(gradient=(0, 1, 0))


def test_a_map_that_turns_turns_points_and_field():
    turning = map_of(cubic, turning=True)
    quarter = np.stack([-POINTS[:, 1], POINTS[:, 0], POINTS[:, 2]], axis=-1)
    found, still = turning.relative_field(quarter, np.pi / 2), cubic(POINTS)
    assert np.allclose(found, np.stack([-still[:, 1], still[:, 0], still[:, 2]], axis=-1), atol=1e-12)
    assert MapCoil(replace(turning, unit="1/m")).turning and not MapCoil(map_of(cubic, unit="1/m")).turning


def test_maps_are_compared_and_stored_by_value():
    field = map_of(cubic)
    again = FieldMap(field.x, field.y, field.z, field.values)
    assert again == field and hash(again) == hash(field) and replace(field, unit="1") != field
    assert repr(field) == "FieldMap(9 x 7 x 4 points (x, y, z), unit='T', reference=1)"


ONE = [[[[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FieldMap((0, 0.01), (0,), (0,), [[[[1, 2]]]]), r"of the shape \(z, y, x, 3\), \(1, 1, 2, 3\) here"),
        (
            lambda: FieldMap((0, 0.01), (0,), (0,), [[[[1, 2, 3], [1, 2]]]]),
            "made of real numbers, rows of equal length",
        ),
        (lambda: FieldMap((0, 0.01), (0,), (0,), [[[["a"] * 3] * 2]]), "made of real numbers"),
        (lambda: FieldMap((0.01, 0), (0,), (0,), ONE), "x of the field map must be one or more ascending coordinates"),
        (lambda: FieldMap((0, 16), (0,), (0,), ONE), "x of the field map must be from 0 to 2 m; instead received 16.0"),
        (lambda: FieldMap((), (0,), (0,), ONE), "x of the field map must be one or more ascending"),
        (lambda: FieldMap((0, 0.01), (0,), (0,), [[[[np.nan] * 3] * 2]]), "finite everywhere; instead received 6 that"),
        (lambda: FieldMap((0, 0.01), (0,), (0,), [[[[900.0] * 3] * 2]]), "values of the field map must be up to 20 T"),
        (lambda: FieldMap((0, 0.01), (0,), (0,), ONE, unit="mT"), "unit of the field map must be one of T, 1/m, 1"),
        (lambda: FieldMap((0, 0.01), (0,), (0,), ONE, reference=0), "reference must be a number other than zero"),
        (lambda: FieldMap((0, 0.01), (0,), (0,), ONE, radius=-1), "radius of the field map must be from"),
        (
            lambda: MapCoil(FieldMap((0, 0.01), (0,), (0,), ONE)),
            r"map of the coil must be in 1/m .* received one in T\.$",
        ),
        (lambda: MapCoil(FieldMap((0, 0.01), (0,), (0,), np.zeros((1, 1, 2, 3)), unit="1/m")), "zero somewhere"),
        (lambda: MapCoil("coil.nc"), "map of the coil must be a FieldMap; instead received str"),
    ],
)
def test_malformed_maps_get_one_sentence(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("edges", "center"), [((0.004, 0.02), 0.012), ((-5e-4, 5e-4), 0.0)])
def test_a_map_need_not_cover_more_than_the_field_of_view(edges, center):
    """Neither the origin of a field of view off centre, nor points beyond a small one or beside a plane."""
    axis, values = tuple(np.linspace(*edges, 4)), np.full((1, 4, 4, 3), 800.0) * [0, 0, 1]
    ideal = open_sided_ffl(0.5, angles=2, harmonics=(2, 3))
    scanner = ImperfectFFL.of(ideal, coils=(MapCoil(FieldMap(axis, axis, (0.0,), values, unit="1/m")),))
    edge = edges[1] - edges[0]
    grid = Grid((3, 3), (edge, edge), (center, center, 0.0))
    found, expected = (simulate(s, Particle(25e-9), grid)["system_matrix"].values for s in (scanner, ideal))
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    with pytest.raises(InputError, match="field map must be one that covers the field of view"):
        simulate(scanner, Particle(25e-9), Grid((3, 3), (1.5 * edge, edge), (center, center, 0.0)))
