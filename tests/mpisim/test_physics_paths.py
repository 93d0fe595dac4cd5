"""The general path, the ridge path and a plain transform of the received voltage are one another's check."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mpisim import Grid, InputError, OpenSidedFFL, Particle, Sample, open_sided_ffl, simulate
from mpisim.constants import MU_0
from mpisim.simulation.equilibrium import general_rows, point_rows
from mpisim.simulation.line_profile import is_ridge, ridge_rows

CORNERS = [(g, d) for g in (0.4, 1.03) for d in (14.1e-9, 34.47e-9)]
ODD_ANGLES = (-0.4, 0.0, 0.1, math.pi / 4, math.pi / 2, 1.7, 3.0, 7.5)


def difference(found, expected, axis=None):
    """Frobenius norm of the difference, relative."""
    return np.sqrt((np.abs(found - expected) ** 2).sum(axis) / (np.abs(expected) ** 2).sum(axis))


# -- ridge against general --------------------------------------------------------------------------------------------

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
def test_ridge_and_general_path_agree_to_1e_6(case, gradient, diameter):
    """Over the whole matrix, and for every harmonic by itself."""
    grid, sample = CASES[case]
    angles = ODD_ANGLES[:3] if case == "default" else ODD_ANGLES
    machine, particle = open_sided_ffl(gradient, angles=angles), Particle(diameter)
    general = general_rows(machine, particle, grid, sample)
    ridge = ridge_rows(machine, particle, grid, sample)
    assert ridge.shape == general.shape == (len(angles), 8, grid.shape[0] * grid.shape[1])
    assert difference(ridge, general) < 1e-6
    assert difference(ridge, general, axis=(0, 2)).max() < 1e-6


def test_paths_agree_on_any_harmonics_sampling_and_drive():
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
        assert difference(ridge_rows(*arguments), general_rows(*arguments)) < 1e-6


def test_simulate_takes_the_ridge_path_where_it_can_and_says_so():
    machine, particle, grid = open_sided_ffl(0.6, angles=3), Particle(25e-9), Grid((6, 5), (0.02, 0.03))
    ridge = simulate(machine, particle, grid)
    general = simulate(machine, particle, grid, path="general")
    assert (ridge.attrs["path"], general.attrs["path"]) == ("ridge", "general")
    assert ridge.system_matrix.dims == ("angle", "frequency", "y", "x")
    assert difference(ridge.system_matrix.values, general.system_matrix.values) < 1e-6
    expected = general_rows(machine, particle, grid, Sample()).reshape(3, 8, 5, 6)
    assert difference(general.system_matrix.values, expected) < 1e-6


class Bent(OpenSidedFFL):
    """A line whose gradient falls with the distance from the centre (for the test, not Maxwellian)."""

    def selection_field(self, points, angle):
        radius = np.linalg.norm(points, axis=-1, keepdims=True)
        return super().selection_field(points, angle) * (1 - (radius / 0.05) ** 2)


def test_a_field_map_goes_down_the_general_path():
    ideal = open_sided_ffl(0.6, angles=3)
    bent = Bent(0.6, ideal.drive_amplitude, angles=ideal.angles)
    arguments = Particle(25e-9), Grid((6, 6))
    assert not is_ridge(bent, arguments[1], Sample())
    found = simulate(bent, *arguments)
    assert found.attrs["path"] == "general"
    change = difference(found.system_matrix.values, simulate(ideal, *arguments).system_matrix.values)
    assert 0.01 < change < 1
    with pytest.raises(InputError, match=r"^Input path must be .*; instead received 'ridge'\.$"):
        simulate(bent, *arguments, path="ridge")


@pytest.mark.parametrize(
    ("grid", "sample"),
    [
        (Grid((4, 4)), Sample(thick=True)),
        (Grid((4, 4), center=(0, 0, 0.001)), Sample()),
        (Grid((4, 4, 2), (0.032, 0.032, 0.002)), Sample()),
    ],
)
def test_the_ridge_path_is_refused_off_the_plane(grid, sample):
    machine, particle = open_sided_ffl(0.6, angles=2), Particle(25e-9)
    assert simulate(machine, particle, grid, sample).attrs["path"] == "general"
    with pytest.raises(InputError, match="path"):
        simulate(machine, particle, grid, sample, path="ridge")


def test_a_volume_holds_the_plane_it_is_made_of():
    """The middle slice of three is the plane z = 0, to 1e-6 (complex64); the outer ones are alike, and differ."""
    machine, particle = open_sided_ffl(0.6, angles=2), Particle(25e-9)
    volume = simulate(machine, particle, Grid((5, 5, 3), (0.02, 0.02, 0.006)))
    assert volume.system_matrix.dims == ("angle", "frequency", "z", "y", "x")
    plane = simulate(machine, particle, Grid((5, 5), (0.02, 0.02)), Sample(height=0.002))
    slices = volume.system_matrix.values
    assert difference(slices[:, :, 1], plane.system_matrix.values) < 1e-6
    assert difference(slices[:, :, 0], slices[:, :, 2]) < 1e-6
    assert difference(slices[:, :, 0], slices[:, :, 1]) > 0.01


# -- against the voltage itself ---------------------------------------------------------------------------------------


def transformed_voltage(machine, particle, u, particles):
    """Harmonics of v(t) over 10 ms at 5 MS/s, of samples at `u` (m), in plain NumPy; shape (harmonic, point)."""
    count, rate = 50_000, 5e6
    periods = machine.drive_frequency * count / rate
    assert periods == pytest.approx(232, abs=1e-9)
    omega = 2 * np.pi * machine.drive_frequency
    time = np.arange(count) / rate
    beta, amplitude = particle.beta, machine.drive_amplitude
    spectra = []
    for offset in u:
        xi = beta * (machine.sf_gradient * offset + amplitude * np.sin(omega * time))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slope = np.where(
                np.abs(xi) < 0.05, 1 / 3 - xi**2 / 15 + 2 * xi**4 / 189 - xi**6 / 675, xi**-2.0 - np.sinh(xi) ** -2.0
            )
        moment_rate = particles * particle.moment * slope * beta * amplitude * omega * np.cos(omega * time)
        voltage = -MU_0 * machine.sensitivity[2] * moment_rate
        spectra.append(np.fft.fft(voltage)[232 * np.array(machine.harmonics)] / count)
    return np.transpose(spectra)


@pytest.mark.parametrize("samples", [216, 4096])
@pytest.mark.parametrize(("gradient", "diameter"), [*CORNERS, (0.7, 25e-9)])
def test_one_period_of_flux_agrees_with_the_transform_of_ten_milliseconds_of_voltage(gradient, diameter, samples):
    """To 1e-12 of the largest value with many samples a period, and to 1e-8 with 216.

    The exception is the steepest corner, whose poles at i pi / (beta A) alias 1.9e-8 into 216 samples: there 3e-8.
    """
    steepest = (gradient, diameter) == CORNERS[-1]
    tolerance = 1e-12 if samples > 216 else 3e-8 if steepest else 1e-8
    machine = replace(open_sided_ffl(gradient, angles=[0.0]), samples_per_period=samples)
    particle = Particle(diameter)
    u = np.array([-0.0187, -0.012, -0.0031, 0.0, 0.0007, 0.0155])
    points = np.column_stack([u, np.linspace(-0.01, 0.01, u.size), np.zeros(u.size)])[:, None]
    found = point_rows(machine, particle, points, np.ones(1), 1e11)[0]
    expected = transformed_voltage(machine, particle, u, 1e11)
    assert np.abs(found - expected).max() < tolerance * np.abs(expected).max()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, Particle(25e-9)), "Input scanner must be a scanner"),
        ((open_sided_ffl(0.5), 25e-9), "Input particle must be a mpisim.Particle; instead received 2.5e-08"),
        ((open_sided_ffl(0.5), Particle(25e-9), (32, 32)), "Input grid must be a mpisim.Grid"),
    ],
)
def test_other_types_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        simulate(*arguments)
