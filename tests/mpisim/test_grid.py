"""Voxels and samples, and what bad descriptions of grids, particles, samples and scanners get."""

import math

import numpy as np
import pytest

from mpisim import Grid, InputError, OpenSidedFFL, Particle, Sample, open_sided_ffl, simulate

SENTENCE = r"^Input [^.].* must be .+; instead received .+\.$"
NOT_POSITIVE = (0, -1.0, math.nan, math.inf, "wide", None)


def test_voxel_centres_are_symmetric_and_equidistant():
    grid = Grid((4, 3), (0.008, 0.003), (0.001, 0.0, 0.002))
    assert np.allclose(grid.axis(0), [-0.002, 0.0, 0.002, 0.004], atol=1e-18)
    assert np.allclose(grid.axis(1), [-0.001, 0, 0.001], atol=1e-18)
    assert grid.axis(2).tolist() == [0.002]
    assert grid.voxel == pytest.approx((0.002, 0.001))


def test_centres_run_with_x_fastest():
    grid = Grid((2, 3, 2), (2.0, 3.0, 2.0))
    centres = grid.centers().reshape(2, 3, 2, 3)
    assert np.allclose(centres[0, 0, :, 0], grid.axis(0))
    assert np.allclose(centres[0, :, 0, 1], grid.axis(1))
    assert np.allclose(centres[:, 0, 0, 2], grid.axis(2))


def test_refined_voxels_average_to_the_coarse_ones():
    grid = Grid((3, 5), (0.03, 0.02), (0.01, 0, 0))
    fine = grid.refined(4)
    for i in (0, 1):
        assert np.allclose(fine.axis(i).reshape(-1, 4).mean(axis=1), grid.axis(i), atol=1e-17)


@pytest.mark.parametrize("size", [None, (0.004, 0.006)])
@pytest.mark.parametrize("points", [1, 2, 4])
def test_sample_rule_integrates_polynomials_over_its_edge(size, points):
    """Weights sum to 1, and the mean of x^n is exact up to degree 2 points - 1; to 1e-14."""
    grid, sample = Grid((16, 16)), Sample(size=size, points=points, thick=True)
    for axis, edge in enumerate(sample.edges(grid)):
        offsets, weights = sample.axis_rule(axis, grid)
        assert np.all(np.abs(offsets) < edge / 2)
        for degree in range(2 * points):
            exact = 0 if degree % 2 else 1 / (2**degree * (degree + 1))
            assert weights @ (offsets / edge) ** degree == pytest.approx(exact, abs=1e-14)


def test_sample_holds_concentration_times_volume():
    grid = Grid((16, 16))
    assert Sample(concentration=1e20, height=2e-3).particles(grid) == pytest.approx(1e20 * 2e-3 * 2e-3 * 2e-3)
    assert Sample(size=(1e-3, 4e-3)).particles(grid) == pytest.approx(1e20 * 1e-3 * 4e-3 * 1e-3)
    assert Sample().particles(Grid((2, 2, 4), (0.002, 0.002, 0.002))) == pytest.approx(1e20 * 1e-3 * 1e-3 * 5e-4)


def bad_values(make, values):
    return [(make, value) for value in values]


BAD = [
    *bad_values(lambda v: Particle(v), NOT_POSITIVE),
    *bad_values(lambda v: Particle(25e-9, saturation_magnetisation=v), NOT_POSITIVE),
    *bad_values(lambda v: Particle(25e-9, temperature=v), NOT_POSITIVE),
    *bad_values(lambda v: Grid(fov=(0.03, v)), NOT_POSITIVE),
    *bad_values(lambda v: Grid(shape=(4, v)), (0, -3, 2.5, math.nan, "many", None)),
    *bad_values(lambda v: Grid(shape=v), ((4,), (4, 4, 4), (1, 2, 3, 4))),
    *bad_values(lambda v: Grid(center=v), ((0, 0), (0, 0, math.nan), (0, math.inf, 0))),
    *bad_values(lambda v: Sample(size=(v, 0.001)), NOT_POSITIVE),
    *bad_values(lambda v: Sample(size=v), ((0.001,), (0.001, 0.001, 0.001))),
    *bad_values(lambda v: Sample(height=v), NOT_POSITIVE),
    *bad_values(lambda v: Sample(concentration=v), NOT_POSITIVE),
    *bad_values(lambda v: Sample(points=v), (0, -1, 1.5, math.nan, "few")),
    *bad_values(lambda v: open_sided_ffl(v), NOT_POSITIVE),
    *bad_values(lambda v: OpenSidedFFL(v, 0.01), NOT_POSITIVE),
    *bad_values(lambda v: OpenSidedFFL(0.5, v), NOT_POSITIVE),
    *bad_values(lambda v: open_sided_ffl(0.5, fov=v), NOT_POSITIVE),
    *bad_values(lambda v: open_sided_ffl(0.5, drive_amplitude=v), NOT_POSITIVE[:-1]),  # None is the default
    *bad_values(lambda v: open_sided_ffl(0.5, drive_frequency=v), NOT_POSITIVE),
    *bad_values(lambda v: open_sided_ffl(0.5, angles=v), (0, -2, 1.5, (), (0.1, math.nan))),
    *bad_values(lambda v: open_sided_ffl(0.5, harmonics=v), ((), (0,), (2, 2), (2.5,), (math.nan,))),
    *bad_values(lambda v: open_sided_ffl(0.5, samples_per_period=v), (215, 18, 0, math.nan)),
    *bad_values(lambda v: open_sided_ffl(0.5, sensitivity=v), ((0, 0, 0), (1, 2), (0, 0, math.nan))),
    *bad_values(lambda v: open_sided_ffl(0.5, **v), ({"gradient": 1}, {"tilt": 3, "angles": 4})),
    *bad_values(
        lambda v: simulate(open_sided_ffl(0.5, angles=1), Particle(25e-9), Grid((2, 2)), path=v), ("fast", None)
    ),
]


@pytest.mark.parametrize(("make", "value"), BAD)
def test_bad_input_gets_one_sentence(make, value):
    with pytest.raises(InputError, match=SENTENCE) as caught:
        make(value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Particle(-1), "diameter"),
        (lambda: Grid(fov=(0, 1)), "fov"),
        (lambda: Sample(height=0), "height"),
        (lambda: open_sided_ffl(-0.5), "sf_gradient"),
        (lambda: open_sided_ffl(0.5, tilt=1), "tilt"),
        (lambda: open_sided_ffl(0.5, harmonics=(2, 200), samples_per_period=216), "samples_per_period"),
    ],
)
def test_the_sentence_names_the_culprit(make, named):
    with pytest.raises(InputError, match=named):
        make()


def test_numbers_of_any_type_are_taken():
    """NumPy scalars and lists describe the same as Python's own."""
    assert Grid([np.int64(4), 3.0], np.array([0.01, 0.02])) == Grid((4, 3), (0.01, 0.02))
    assert Particle(np.float32(0.5)).diameter == 0.5
    assert open_sided_ffl(0.5, angles=np.array([0.0, 1.0])).angles == (0.0, 1.0)
