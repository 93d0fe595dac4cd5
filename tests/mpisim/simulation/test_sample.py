"""Laws of the sample: means over its edges, its number of particles, and what bad descriptions get."""

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


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: Sample(size=(v, 0.001)), NOT_POSITIVE),
        *each(lambda v: Sample(size=v), ((0.001,), (0.001, 0.001, 0.001))),
        *each(lambda v: Sample(height=v), NOT_POSITIVE),
        *each(lambda v: Sample(concentration=v), NOT_POSITIVE),
        *each(lambda v: Sample(points=v), (0, -1, 1.5, np.nan, "few")),
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
