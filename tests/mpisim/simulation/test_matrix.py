"""Which engine `simulate` takes, what its matrices hold, and what it refuses."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mpisim import Grid, InputError, OpenSidedFFL, Particle, Sample, open_sided_ffl, read, simulate, write
from mpisim.scanner.sequences import PeriodicSequence, Tone
from mpisim.simulation.equilibrium import equilibrium_rows
from tests.mpisim.bad_input import SENTENCE
from tests.mpisim.simulation.scanners import Lissajous
from tests.mpisim.simulation.twins import difference

PARTICLE, GRID = Particle(25e-9), Grid((6, 5), (0.02, 0.03))
FFL = open_sided_ffl(0.6, angles=3)


@dataclass(frozen=True)
class Bent(OpenSidedFFL):
    """A line whose gradient falls with the distance from the centre (for the test, not Maxwellian)."""

    def selection_field(self, points, angle):
        radius = np.linalg.norm(points, axis=-1, keepdims=True)
        return super().selection_field(points, angle) * (1 - (radius / 0.05) ** 2)


BENT = Bent(0.6, FFL.drive_amplitude, angles=FFL.angles)


# -- engines ----------------------------------------------------------------------------------------------------------


def test_the_engines_agree_and_are_named():
    """The line profile within 1e-6 of the others, which agree within the rounding of complex64."""
    result = {path: simulate(FFL, PARTICLE, GRID, path=path) for path in ("line_profile", "equilibrium", "time_domain")}
    for name, matrix in result.items():
        assert matrix.attrs["engine"] == name
        assert matrix["system_matrix"].dims == ("angle", "frequency", "y", "x")
        assert difference(matrix["system_matrix"].values, result["equilibrium"]["system_matrix"].values) < 1e-6
    expected = equilibrium_rows(FFL, PARTICLE, GRID, Sample()).reshape(3, 8, 5, 6)
    assert difference(result["equilibrium"]["system_matrix"].values, expected) < 1e-6


@pytest.mark.parametrize(
    ("arguments", "engine"),
    [
        ((FFL, PARTICLE, GRID), "line_profile"),
        ((FFL, PARTICLE, GRID, Sample(thick=True)), "equilibrium"),
        ((FFL, PARTICLE, Grid((4, 4), center=(0, 0, 0.001))), "equilibrium"),
        ((BENT, PARTICLE, GRID), "equilibrium"),
        ((Lissajous(), PARTICLE, Grid((2, 2))), "several_tones"),
    ],
)
def test_auto_takes_the_first_engine_that_applies(arguments, engine):
    assert simulate(*arguments).attrs["engine"] == engine


@pytest.mark.parametrize(("alias", "engine"), [("ridge", "line_profile"), ("general", "equilibrium")])
def test_values_of_version_0_1_name_the_same_engines(alias, engine):
    former, today = (simulate(FFL, PARTICLE, GRID, path=path) for path in (alias, engine))
    assert former.identical(today)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ((BENT, PARTICLE, GRID), "ridge"),
        ((BENT, PARTICLE, GRID), "line_profile"),
        ((FFL, PARTICLE, GRID, Sample(thick=True)), "line_profile"),
        ((Lissajous(), PARTICLE, GRID), "equilibrium"),
        ((Lissajous(), PARTICLE, GRID), "general"),
        ((FFL, PARTICLE, GRID), "fast"),
        ((FFL, PARTICLE, GRID), None),
    ],
)
def test_an_engine_that_does_not_apply_is_refused(arguments, path):
    with pytest.raises(InputError, match=rf"^Input path must be .*; instead received {path!r}\.$"):
        simulate(*arguments, path=path)


def test_other_fields_change_the_matrix():
    bent, ideal = (simulate(s, PARTICLE, GRID)["system_matrix"].values for s in (BENT, FFL))
    assert 0.01 < difference(bent, ideal) < 1


@dataclass(frozen=True)
class Unsteady(OpenSidedFFL):
    """A coil whose gain differs from angle to angle, and a drive that tilts with the line."""

    gains: tuple[float, ...] = (1.0, 0.8, 1.3)

    def drive_fields(self, points, angle):
        tilt = 0.002 * np.array([np.cos(angle), np.sin(angle), 0])
        return super().drive_fields(points, angle) + tilt

    def receive_sensitivities(self, points, angle):
        return super().receive_sensitivities(points, angle) * self.gains[self.angles.index(angle)]


def test_gains_of_the_angles_scale_their_rows_and_both_engines_agree():
    steady = Unsteady(0.6, 0.01, angles=FFL.angles, gains=(1.0, 1.0, 1.0))
    scanner = Unsteady(0.6, 0.01, angles=FFL.angles)
    expected = simulate(steady, PARTICLE, GRID)["system_matrix"].values * np.reshape([1.0, 0.8, 1.3], (3, 1, 1, 1))
    for path in ("auto", "time_domain"):
        result = simulate(scanner, PARTICLE, GRID, path=path)
        assert result.attrs["engine"] == {"auto": "equilibrium"}.get(path, path)
        assert difference(result["system_matrix"].values, expected) < 1e-6
    level = simulate(OpenSidedFFL(0.6, 0.01, angles=FFL.angles), PARTICLE, GRID, path="equilibrium")
    assert difference(expected[0], level["system_matrix"].values[0]) > 1e-3


def test_a_drive_that_tilts_with_the_line_gives_rows_that_turn_with_it():
    """At a quarter turn the row of a square is the first one turned, to 1e-6 (complex64)."""
    scanner = Unsteady(0.6, 0.01, angles=(0.0, np.pi / 2), gains=(1.0, 1.0), sensitivity=(0.0, 0.0, 800.0))
    first, second = simulate(scanner, PARTICLE, Grid((5, 5), (0.02, 0.02)))["system_matrix"].values
    assert difference(second, np.rot90(first, 1, (-1, -2))) < 1e-6
    assert difference(second, first) > 0.1


# -- what a matrix holds ----------------------------------------------------------------------------------------------


def test_a_volume_holds_the_plane_that_it_is_made_of():
    """The middle slice of three is the plane z = 0, to 1e-6 (complex64); the outer ones are alike, and differ."""
    machine = open_sided_ffl(0.6, angles=2)
    volume = simulate(machine, PARTICLE, Grid((5, 5, 3), (0.02, 0.02, 0.006)))
    assert volume.system_matrix.dims == ("angle", "frequency", "z", "y", "x")
    plane = simulate(machine, PARTICLE, Grid((5, 5), (0.02, 0.02)), Sample(height=0.002))
    slices = volume.system_matrix.values
    assert difference(slices[:, :, 1], plane.system_matrix.values) < 1e-6
    assert difference(slices[:, :, 0], slices[:, :, 2]) < 1e-6
    assert difference(slices[:, :, 0], slices[:, :, 1]) > 0.01


def test_rows_of_one_tone_are_numbered_by_harmonics():
    result = simulate(FFL, PARTICLE, GRID)
    assert result["harmonic"].values.tolist() == list(FFL.harmonics)
    assert np.array_equal(result["frequency"].values, result["harmonic"].values * FFL.drive_frequency)
    assert result["angle"].values.tolist() == list(FFL.angles)
    assert (result["sf_gradient"], result["particle_diameter"]) == (0.6, 25e-9)


def test_several_tones_and_coils_give_frequencies_and_receive_channels(tmp_path):
    """Rows at frequencies in Hz without a harmonic, one matrix for each coil, through a file and back."""
    scanner = Lissajous()
    result = simulate(scanner, PARTICLE, Grid((3, 2), (0.02, 0.02)))
    assert result["system_matrix"].dims == ("angle", "receive", "frequency", "y", "x")
    assert result["system_matrix"].shape == (1, 2, len(scanner.harmonics), 2, 3)
    assert result["frequency"].values.tolist() == [1e3 * k for k in scanner.harmonics]
    assert not {"harmonic", "sf_gradient"} & set(result.coords)
    write(result, tmp_path / "sm.nc")
    assert np.array_equal(read(tmp_path / "sm.nc")["system_matrix"].values, result["system_matrix"].values)


@dataclass(frozen=True)
class Delayed(OpenSidedFFL):
    """A drive whose phase differs from angle to angle, as a sine and a cosine of one frequency."""

    phases: tuple[float, ...] = (0.0, 0.5, -0.3)

    @property
    def sequence(self):
        return replace(super().sequence, tones=((1, 0.0), (1, np.pi / 2)))

    def drive_fields(self, points, angle):
        phase, drive = self.phases[self.angles.index(angle)], self.drive_field(points)
        return np.stack([np.cos(phase) * drive, np.sin(phase) * drive])


def test_a_phase_of_each_angle_turns_the_harmonics_of_its_rows():
    result = simulate(Delayed(0.6, FFL.drive_amplitude, angles=FFL.angles), PARTICLE, GRID)
    k = result["harmonic"].values
    turn = np.exp(1j * k[:, None, None] * np.reshape(Delayed.phases, (3, 1, 1, 1)))
    assert (
        difference(result["system_matrix"].values, simulate(FFL, PARTICLE, GRID)["system_matrix"].values * turn) < 1e-6
    )


def test_a_longer_period_than_that_of_the_tone_gives_the_same_rows():
    """Harmonics k of a tone are multiples 2 k of half its frequency, which are no harmonics of the period."""

    @dataclass(frozen=True)
    class Halved(OpenSidedFFL):
        @property
        def sequence(self):
            multiples = tuple(2 * k for k in self.harmonics)
            return PeriodicSequence(self.drive_frequency / 2, (Tone(2),), multiples, self.angles, 432)

    halved = simulate(Halved(0.6, FFL.drive_amplitude, angles=FFL.angles), PARTICLE, GRID)
    single = simulate(FFL, PARTICLE, GRID)
    assert halved.attrs["engine"] == "several_tones" and "harmonic" not in halved.coords
    assert np.array_equal(halved["frequency"].values, single["frequency"].values)
    assert difference(halved["system_matrix"].values, single["system_matrix"].values) < 1e-6


def test_a_matrix_of_several_coils_holds_that_of_each():
    grid, coils = Grid((3, 2), (0.02, 0.02)), Lissajous().coils
    both = simulate(Lissajous(), PARTICLE, grid)["system_matrix"]
    for i, coil in enumerate(coils):
        alone = simulate(Lissajous(coils=(coil,)), PARTICLE, grid)["system_matrix"]
        assert alone.dims == ("angle", "frequency", "y", "x")
        assert difference(alone.values, both.isel(receive=i).values) < 1e-6


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((None, PARTICLE), "scanner"),
        ((OpenSidedFFL, PARTICLE), "scanner"),
        ((FFL, 25e-9), "particle"),
        ((FFL, Particle), "particle"),
        ((FFL, PARTICLE, (32, 32)), "grid"),
        ((FFL, PARTICLE, GRID, 1e-3), "sample"),
    ],
)
def test_other_types_are_refused(arguments, name):
    with pytest.raises(InputError, match=SENTENCE) as caught:
        simulate(*arguments)
    assert f"Input {name} must be" in str(caught.value)


@dataclass(frozen=True)
class Mapped(OpenSidedFFL):
    """A selection field from a map that does not cover the grid."""

    def selection_field(self, points, angle):
        if np.abs(points).max() > 0.005:
            raise KeyError("outside the map")
        return super().selection_field(points, angle)


@dataclass(frozen=True)
class Limited(Particle):
    """A model that does not converge in strong fields."""

    def moments(self, field, period):
        if np.abs(field).max() > 0.05:
            raise ArithmeticError("no convergence")
        return super().moments(field, period)


@pytest.mark.parametrize(
    ("scanner", "particle", "sentence"),
    [
        (Mapped(0.6, 0.01), PARTICLE, "Input scanner Mapped must be one that works here; instead received KeyError"),
        (
            Bent(6.0, 0.01),
            Limited(25e-9),
            "Input magnetisation model Limited must be one that works here; instead received ArithmeticError",
        ),
    ],
)
def test_code_of_another_package_that_fails_on_the_grid_gets_one_sentence(scanner, particle, sentence):
    with pytest.raises(InputError, match=SENTENCE) as caught:
        simulate(scanner, particle, GRID)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("scanner", [FFL, Lissajous(samples_per_period=48, harmonics=(7, 8))])
def test_too_few_samples_for_a_steep_response_are_reported(scanner):
    """The recommendation in the warning is enough: a simulation with it warns no more."""
    steep = Particle(80e-9)
    with pytest.warns(UserWarning, match="samples a period are too few for cores of 80.0 nm") as caught:
        simulate(scanner, steep, Grid((2, 2)), Sample(points=1))
    wanted = int(str(caught[0].message).rstrip(".").rsplit("=", 1)[1])
    simulate(_with_samples(scanner, wanted), steep, Grid((2, 2)), Sample(points=1))


def _with_samples(scanner, samples):
    values = {name: getattr(scanner, name) for name in scanner.__dataclass_fields__}
    return type(scanner)(**values | {"samples_per_period": samples})
