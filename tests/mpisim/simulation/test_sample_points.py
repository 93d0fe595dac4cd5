"""The warning of too few points of a sample: where it comes, and what it names is enough."""

import re
import warnings
from dataclasses import replace

import pytest

from mpisim import FieldDependentRelaxation, Grid, LogNormal, Particle, Sample, open_sided_ffl, simulate
from mpisim.errors import DataWarning
from tests.mpisim.simulation.twins import difference

STEEP = Particle(33.4e-9)
SCANNER = open_sided_ffl(1.0, angles=2, harmonics=(2, 9))
GRID = Grid((4, 4))  # voxels of 8 mm


def rows(particle=STEEP, **sample):
    return simulate(SCANNER, particle, GRID, Sample(**sample), "equilibrium")["system_matrix"].values


@pytest.mark.parametrize("particle", [STEEP, LogNormal(30e-9, 0.1)])
@pytest.mark.parametrize(
    "sample",
    [{}, {"thick": True, "height": 2e-3}, {"shape": "cylinder", "points": 3}, {"shape": "sphere", "points": 3}],
)
def test_too_few_points_are_reported_with_a_number_that_is_enough(particle, sample):
    """The matrix with the number named is within 1e-3 of one with more; the first is off by more than that."""
    with pytest.warns(DataWarning, match=r"^\d points along a voxel's edge are too few .* take points=\d+") as caught:
        few = rows(particle, **sample)
    enough = int(re.search(r"points=(\d+)", str(caught[0].message))[1])
    better, best = rows(particle, **{**sample, "points": enough}), rows(particle, **{**sample, "points": enough + 5})
    assert difference(better, best) < 1e-3 < difference(few, best)


@pytest.mark.parametrize(
    ("particle", "grid", "sample"),
    [
        (STEEP, Grid(), Sample()),
        (STEEP, Grid(), Sample((0.008, 0.008))),  # of many voxels, so of many points
        (Particle(25e-9), GRID, Sample()),
        (STEEP, GRID, Sample(points=1)),
    ],
)
def test_enough_points_and_a_single_one_are_taken_without_a_word(particle, grid, sample):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulate(SCANNER, particle, grid, sample)


def test_the_cores_of_a_tracer_that_relaxes_count():
    """With a short relaxation time the rows are those of its equilibrium, and so is the warning."""
    relaxing = FieldDependentRelaxation(STEEP, 1e-9)
    with pytest.warns(DataWarning, match=r"^\d points along a voxel's edge are too few .* take points=\d+") as caught:
        simulate(replace(SCANNER, harmonics=(2,)), relaxing, Grid((1, 1), (0.008, 0.008)), Sample())
    with pytest.warns(DataWarning) as of_equilibrium:
        simulate(SCANNER, STEEP, Grid((1, 1), (0.008, 0.008)), Sample(), "equilibrium")
    assert str(caught[0].message) == str(of_equilibrium[0].message)
