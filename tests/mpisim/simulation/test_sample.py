"""Laws of the sample: means over its shape, its number of particles, its positions, and what bad descriptions get."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mpisim import Grid, Particle, Sample, open_sided_ffl, simulate
from mpisim.errors import DataWarning
from tests.mpisim.bad_input import NOT_POSITIVE, assert_refused, each


@pytest.mark.parametrize("size", [None, (0.004, 0.006)])
@pytest.mark.parametrize("points", [1, 2, 4])
def test_the_rule_of_an_axis_integrates_polynomials(size, points):
    """Weights sum to 1, and the mean of x^n is exact up to degree 2 points - 1; to 1e-14."""
    grid, sample = Grid((16, 16)), Sample(size=size, points=points, thick=True)
    for axis, edge in enumerate(sample.edges(grid)):
        offsets, weights = sample.axis_rule(axis, grid)
        assert np.all(np.abs(offsets) < edge / 2)
        for degree in range(2 * points):
            exact = 0 if degree % 2 else 1 / (2**degree * (degree + 1))
            assert weights @ (offsets / edge) ** degree == pytest.approx(exact, abs=1e-14)


@pytest.mark.parametrize("thick", [False, True])
def test_the_rule_of_a_sample_is_the_product_of_its_axes(thick):
    """The mean of a product of polynomials is the product of their means, to 1e-14; a flat sample has z = 0."""
    grid, sample = Grid((16, 8)), Sample(size=(0.002, 0.004), points=3, thick=thick)
    offsets, weights = sample.rule(grid)
    axes = [sample.axis_rule(i, grid) for i in range(3)]
    assert offsets.shape == (weights.size, 3) == (np.prod([o.size for o, _ in axes]), 3)
    scaled = offsets / sample.edges(grid)
    expected = np.prod([w @ (1 + (o / e) + (o / e) ** 4) for (o, w), e in zip(axes, sample.edges(grid), strict=True)])
    assert weights @ np.prod(1 + scaled + scaled**4, axis=1) == pytest.approx(expected, rel=1e-14)
    assert bool(np.any(offsets[:, 2])) == thick


def test_a_sample_holds_concentration_times_volume():
    grid = Grid((16, 16))
    assert Sample(concentration=1e20, height=2e-3).particles(grid) == pytest.approx(1e20 * 2e-3 * 2e-3 * 2e-3)
    assert Sample(size=(1e-3, 4e-3)).particles(grid) == pytest.approx(1e20 * 1e-3 * 4e-3 * 1e-3)
    assert Sample().particles(Grid((2, 2, 4), (0.002, 0.002, 0.002))) == pytest.approx(1e20 * 1e-3 * 1e-3 * 5e-4)


@pytest.mark.parametrize("points", [1, 2, 4])
def test_volume_and_second_moments_of_every_shape(points):
    """In closed form, on a sample of 2 x 3 voxels; the particles are concentration times volume."""
    grid, (a, b, h) = Grid((16, 16)), (0.004, 0.006, 0.003)
    cases = {
        "box": (Sample((a, b), h, thick=True), a * b * h, [a**2 / 12, b**2 / 12, h**2 / 12]),
        "cylinder": (Sample((a, b), h, thick=True), math.pi / 4 * a * b * h, [a**2 / 16, b**2 / 16, h**2 / 12]),
        "sphere": (Sample((a, a)), math.pi / 6 * a**3, [a**2 / 20] * 3),
    }
    for shape, (box, volume, moments) in cases.items():
        sample = replace(box, shape=shape, points=points)
        assert sample.volume(grid) == pytest.approx(volume, rel=1e-14)
        assert sample.particles(grid) == pytest.approx(1e20 * volume, rel=1e-14)
        offsets, weights = sample.rule(grid)
        assert weights.sum() == pytest.approx(1, rel=1e-14)
        assert np.abs(weights @ offsets).max() < 1e-17
        if points > 1:  # one point at each voxel's centre is exact to the first degree only
            assert weights @ offsets**2 == pytest.approx(moments, rel=1e-13)


def test_a_flat_cylinder_is_a_disc_and_a_sphere_is_always_thick():
    grid = Grid((16, 16))
    flat, high = (Sample(shape="cylinder", thick=thick).rule(grid)[0] for thick in (False, True))
    assert not flat[:, 2].any() and high[:, 2].any()
    assert Sample(shape="sphere").thick and Sample(shape="sphere") == Sample(shape="sphere", thick=True)
    assert Sample(shape="sphere").edges(grid) == (0.002, 0.002, 0.002)


def test_positions_are_exactly_the_voxels_without_imperfections():
    grid = Grid((5, 4), center=(0.001, 0.002, 0.003))
    assert np.array_equal(Sample(seed=7).positions(grid), grid.centers())
    assert Sample(seed=7).is_aligned_box
    for values in ({"offset": (1e-4, 0, 0)}, {"rotation": 0.1}, {"jitter": 1e-5}, {"shape": "cylinder"}):
        assert not Sample(**values).is_aligned_box


def test_positions_turn_about_the_origin_then_move():
    """Position and offsets of the points alike; angle counterclockwise from +z."""
    grid, angle = Grid((3, 2), (0.03, 0.02), (0.001, 0.002, 0.003)), 0.4
    sample = Sample(offset=(1e-3, -2e-3, 3e-3), rotation=angle)
    for (x, y, z), position in zip(grid.centers(), sample.positions(grid), strict=True):
        turned = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle), z
        assert position == pytest.approx(np.add(turned, (1e-3, -2e-3, 3e-3)), rel=1e-13)
    radius, direction = (f(Sample().rule(grid)[0]) for f in (lambda o: np.hypot(o[:, 0], o[:, 1]), polar))
    offsets, weights = sample.rule(grid)
    assert np.hypot(offsets[:, 0], offsets[:, 1]) == pytest.approx(radius, rel=1e-13)
    assert np.exp(1j * polar(offsets)) == pytest.approx(np.exp(1j * (direction + angle)), rel=1e-13)
    assert np.array_equal(weights, Sample().rule(grid)[1])


def polar(offsets):
    return np.arctan2(offsets[:, 1], offsets[:, 0])


def test_jitter_is_drawn_once_for_each_position_and_is_proportional_to_its_size():
    """Normal along x, y and z with the deviation `jitter`, the same numbers for every size, others for another seed."""
    grid = Grid((64, 64))
    errors = Sample(jitter=1e-4, seed=3).positions(grid) - grid.centers()
    assert errors.std(axis=0) == pytest.approx([1e-4] * 3, rel=0.05)
    assert np.abs(errors.mean(axis=0)).max() < 1e-4 * 4 / 64
    assert np.abs(np.corrcoef(errors.T) - np.eye(3)).max() < 4 / 64
    assert np.abs(np.corrcoef(errors[:-1, 0], errors[1:, 0])[0, 1]) < 4 / 64
    twice = Sample(jitter=2e-4, seed=3).positions(grid) - grid.centers()
    assert twice == pytest.approx(2 * errors, abs=1e-17)
    other = Sample(jitter=1e-4, seed=4).positions(grid) - grid.centers()
    assert abs(np.corrcoef(errors[:, 0], other[:, 0])[0, 1]) < 4 / 64


@pytest.mark.parametrize("shape", ["box", "cylinder", "sphere"])
@pytest.mark.parametrize("thick", [False, True])
def test_the_region_encloses_all_points(shape, thick):
    """No point of a sample lies farther in any direction, but for .5 % of a circle's radius; few lie 1 mm less far."""
    grid = Grid((4, 5), (0.02, 0.02))
    sample = Sample((0.006, 0.006), shape=shape, thick=thick, offset=(1e-3, 0, 2e-3), rotation=0.3, jitter=1e-4)
    points = (sample.positions(grid)[:, None] + sample.rule(grid)[0]).reshape(-1, 3)
    region = sample.region(grid)
    for direction in np.random.default_rng(0).standard_normal((20, 3)) * [1, 1, 0]:
        direction /= np.linalg.norm(direction)
        assert -1e-3 <= (points @ direction).max() - (region @ direction).max() <= 0.005 * 0.003
    assert np.ptp(region[:, 2]) >= np.ptp(points[:, 2])


def test_a_file_holds_new_fields_only_where_they_say_something():
    """So that files of version 0.1 describe the same sample in the same words; a seed goes with its jitter."""
    assert set(Sample(points=3).as_mapping()) == {"size", "height", "concentration", "thick", "points"}
    assert Sample(jitter=1e-4).as_mapping()["seed"] == 0
    assert Sample(shape="cylinder", rotation=0.1).as_mapping().keys() >= {"shape", "rotation"}


@pytest.mark.parametrize("shape", ["box", "cylinder", "sphere"])
def test_phantoms_are_made_of_boxes_that_fill_voxels(shape):
    grid = Grid((16, 16))
    sample = Sample((0.004, 0.004), shape=shape, offset=(1e-3, 0, 0), rotation=0.1, jitter=1e-4, seed=3, points=2)
    height = 0.004 if shape == "sphere" else 0.001
    assert sample.filling_voxels(grid) == Sample(height=height, thick=shape == "sphere", points=2)


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: Sample(size=(v, 0.001)), NOT_POSITIVE),
        *each(lambda v: Sample(size=v), ((0.001,), (0.001, 0.001, 0.001))),
        *each(lambda v: Sample(height=v), NOT_POSITIVE),
        *each(lambda v: Sample(concentration=v), NOT_POSITIVE),
        *each(lambda v: Sample(points=v), (0, -1, 1.5, np.nan, "few")),
        *each(lambda v: Sample(thick=v), ("no", 2, None)),
        *each(lambda v: Sample(shape=v), ("cube", None, 3)),
        *each(lambda v: Sample(offset=v), ((0.3, 0, 0), (0, 0, -1), (0, 0), (0, 0, np.nan), 1e-3)),  # mm for m
        *each(lambda v: Sample(rotation=v), (90, -180.0, np.inf, "some")),  # degrees
        *each(lambda v: Sample(jitter=v), (-1e-5, 0.05, np.nan, "some")),  # mm for m
        *each(lambda v: Sample(jitter=1e-4, seed=v), (-1, 0.5, 2**63)),
        *each(lambda v: Sample(v, shape="sphere"), ((0.001, 0.002),)),
        *each(lambda v: Sample((0.002, 0.002), v, shape="sphere"), (0.003,)),
        *each(lambda v: Sample(shape="sphere").edges(Grid((4, 5), v)), ((0.02, 0.02),)),
    ],
)
def test_bad_input_gets_one_sentence(make, value):
    assert_refused(make, value)


@pytest.mark.parametrize("size", [(0.1, 0.001), (0.001, 0.033)])
def test_a_sample_beyond_the_field_of_view_is_warned_of(size):
    scanner, particle, grid = open_sided_ffl(0.5, angles=1, harmonics=(2,)), Particle(20e-9), Grid((4, 4))
    sentence = (
        rf"^The sample of {1e3 * size[0]:g} x {1e3 * size[1]:g} mm is larger than the field of view of 32 x 32 mm"
    )
    with pytest.warns(DataWarning, match=sentence):
        simulate(scanner, particle, grid, Sample(size=size))
    simulate(scanner, particle, grid, Sample(size=(0.032, 0.032)))


def test_the_sentence_names_the_argument():
    with pytest.raises(ValueError, match="height"):
        Sample(height=0)
