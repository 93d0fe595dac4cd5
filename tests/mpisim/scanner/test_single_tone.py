"""Objects that version 0.1 took as scanners are simulated as they were."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from mpisim import SCANNERS, Grid, InputError, Particle, check_scanner, open_sided_ffl, simulate
from mpisim.scanner.single_tone import SINGLE_TONE_PARTS, SingleTone
from mpisim.simulation.provenance import scanner_from_mapping
from tests.mpisim.bad_input import SENTENCE

FFL = open_sided_ffl(0.6, angles=3, sensitivity=(100.0, 0.0, 800.0))
PARTICLE, GRID = Particle(25e-9), Grid((5, 4), (0.02, 0.02))


def plain(**parts):
    """An object with the methods and attributes that version 0.1 asked for, and no others."""
    return SimpleNamespace(**{name: getattr(FFL, name) for name in SINGLE_TONE_PARTS} | parts)


def test_a_plain_object_is_simulated_as_the_scanner_that_it_copies():
    result, expected = simulate(plain(), PARTICLE, GRID), simulate(FFL, PARTICLE, GRID, path="general")
    assert result.attrs["engine"] == "equilibrium"
    assert np.array_equal(result["system_matrix"].values, expected["system_matrix"].values)
    assert result["harmonic"].values.tolist() == list(FFL.harmonics)
    assert result.attrs["scanner"] == {"class": "SimpleNamespace"}


def test_angles_and_harmonics_may_be_lists():
    lists = plain(angles=list(FFL.angles), harmonics=range(2, 10))
    assert simulate(lists, PARTICLE, GRID).equals(simulate(plain(), PARTICLE, GRID))


def test_the_check_returns_the_scanner_behind_the_protocol():
    scanner = plain()
    assert check_scanner(scanner) == SingleTone(scanner)
    assert check_scanner(SingleTone(scanner)) == SingleTone(scanner)


@dataclass(frozen=True)
class Weak:
    """A scanner of another package, of version 0.1."""

    share: float = 0.5
    drive_frequency: float = 20e3
    angles: tuple[float, ...] = (0.0, 1.0)
    harmonics: tuple[int, ...] = (2, 3)
    samples_per_period: int = 216

    def selection_field(self, points, angle):
        return FFL.selection_field(points, angle)

    def drive_field(self, points):
        return FFL.drive_field(points) * self.share

    def receive_sensitivity(self, points):
        return FFL.receive_sensitivity(points)


def test_a_registered_class_is_built_again_from_the_description():
    SCANNERS.register("weak", Weak)
    try:
        described = simulate(Weak(0.7), PARTICLE, GRID).attrs["scanner"]
        assert described["class"] == "weak" and described["share"] == 0.7
        assert scanner_from_mapping(described) == Weak(0.7)
    finally:
        SCANNERS.unregister("weak")


@pytest.mark.parametrize("name", SINGLE_TONE_PARTS)
def test_a_missing_part_is_refused(name):
    scanner = plain()
    delattr(scanner, name)
    with pytest.raises(InputError, match=SENTENCE):
        simulate(scanner, PARTICLE, GRID)


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"drive_field": lambda points: points[..., 0]}, "drive_fields"),
        ({"drive_frequency": 0}, "base_frequency"),
        ({"harmonics": (2.5,)}, "harmonics"),
        ({"harmonics": 3}, "harmonics"),
        ({"angles": None}, "angles"),
    ],
)
def test_a_bad_part_gets_one_sentence(parts, named):
    with pytest.raises(InputError, match=SENTENCE) as caught:
        simulate(plain(**parts), PARTICLE, GRID)
    assert named in str(caught.value)
