"""The line-profile engine against the equilibrium engine, and where it applies."""

import math

import pytest

from mpisim import Grid, InputError, Particle, Sample, open_sided_ffl
from mpisim.simulation.equilibrium import equilibrium_rows
from mpisim.simulation.line_profile import has_line_profile, line_profile_rows
from tests.mpisim.simulation.twins import CORNERS, difference

ODD_ANGLES = (-0.4, 0.0, 0.1, math.pi / 4, math.pi / 2, 1.7, 3.0, 7.5)

CASES = {
    "default": (Grid(), Sample()),
    "rectangular": (Grid((14, 9), (0.032, 0.024)), Sample()),
    "off centre": (Grid((10, 12), (0.02, 0.024), (0.006, -0.004, 0.0)), Sample()),
    "far off centre": (Grid((6, 6), (0.006, 0.006), (0.03, 0.02, 0.0)), Sample()),
    "one voxel": (Grid((1, 1), (0.001, 0.001), (0.004, 0.007, 0.0)), Sample()),
    "one line": (Grid((1, 16), (0.001, 0.032)), Sample()),
    "coarse": (Grid((4, 4)), Sample(points=16)),
    "large sample": (Grid((12, 12)), Sample(size=(0.008, 0.008))),
    "long sample": (Grid((8, 8)), Sample(size=(0.012, 0.001))),
    "a point": (Grid((12, 12)), Sample(points=1)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("gradient", "diameter"), CORNERS)
def test_line_profile_and_equilibrium_agree_to_1e_6(case, gradient, diameter):
    """Over the whole matrix, and for every harmonic by itself."""
    grid, sample = CASES[case]
    angles = ODD_ANGLES[:3] if case == "default" else ODD_ANGLES
    machine, particle = open_sided_ffl(gradient, angles=angles), Particle(diameter)
    arguments = machine, particle, grid, sample
    assert has_line_profile(*arguments)
    profile, equilibrium = line_profile_rows(*arguments), equilibrium_rows(*arguments)
    assert profile.shape == equilibrium.shape == (len(angles), 1, 8, grid.shape[0] * grid.shape[1])
    assert difference(profile, equilibrium) < 1e-6
    assert difference(profile, equilibrium, axis=(0, 1, 3)).max() < 1e-6


def test_engines_agree_on_any_harmonics_sampling_and_drive():
    """One harmonic, more than a vector holds, an odd half period, and a drive that leaves the grid."""
    for options in (
        {"harmonics": (3,)},
        {"harmonics": tuple(range(1, 20))},
        {"harmonics": (9, 2, 5), "samples_per_period": 210},
        {"drive_amplitude": 0.002},
        {"drive_amplitude": 0.04, "drive_frequency": 25e3, "sensitivity": (1.0, 2.0, -30.0)},
    ):
        machine = open_sided_ffl(0.6, angles=ODD_ANGLES, **options)
        arguments = machine, Particle(22e-9), Grid((9, 9)), Sample()
        assert difference(line_profile_rows(*arguments), equilibrium_rows(*arguments)) < 1e-6


# -- where it applies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "sample"),
    [
        (Grid((4, 4)), Sample(thick=True)),
        (Grid((4, 4), center=(0, 0, 0.001)), Sample()),
        (Grid((4, 4, 2), (0.032, 0.032, 0.002)), Sample()),
    ],
)
def test_there_is_no_line_profile_off_the_plane(grid, sample):
    assert not has_line_profile(open_sided_ffl(0.6, angles=2), Particle(25e-9), grid, sample)


class Curie(Particle):
    """A linear magnetisation (for the test)."""

    def moment_vector(self, field):
        return self.moment * self.beta / 3 * field


def test_there_is_no_line_profile_of_other_particles():
    assert not has_line_profile(open_sided_ffl(0.6, angles=2), Curie(25e-9), Grid((4, 4)), Sample())


def test_a_profile_that_needs_too_many_nodes_is_refused():
    with pytest.raises(InputError, match=r"^Input field of view, gradient and core diameter must be such that"):
        machine = open_sided_ffl(100, fov=2, drive_amplitude=0.02)
        line_profile_rows(machine, Particle(1e-6), Grid((4, 4), (2.0, 2.0)), Sample())
