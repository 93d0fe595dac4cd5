"""A file describes its simulation, and the objects are built from it again."""

from dataclasses import asdict, dataclass, field

import numpy as np
import pytest

from mpisim import (
    PARTICLES,
    SCANNER_PARTS,
    Grid,
    InputError,
    OpenSidedFFL,
    Particle,
    Sample,
    open_sided_ffl,
    read,
    simulate,
    write,
)
from mpisim.scanner.sequences import PeriodicSequence
from mpisim.scanner.table import SCANNERS
from mpisim.simulation.provenance import (
    from_mapping,
    particle_from_mapping,
    provenance,
    scanner_from_mapping,
)
from tests.mpisim.bad_input import SENTENCE
from tests.mpisim.particles.models import Debye
from tests.mpisim.simulation.scanners import Lissajous

FFL, PARTICLE, GRID = open_sided_ffl(0.6, angles=2), Particle(25e-9), Grid((3, 2), (0.02, 0.02))


@dataclass(frozen=True)
class SurfaceCoil(OpenSidedFFL):
    """A coil that falls off with x, of another package."""

    fall: float = 0.3

    def receive_sensitivity(self, points):
        return super().receive_sensitivity(points) * (1 - self.fall * points[..., :1] / 0.032)


@pytest.fixture
def registered():
    """Scanner classes of another package, registered for one test."""
    SCANNERS.register("SurfaceCoil", SurfaceCoil)
    SCANNERS.register("lissajous", Lissajous)
    yield
    SCANNERS.unregister("SurfaceCoil")
    SCANNERS.unregister("lissajous")


def stored(scanner, path):
    """Attributes of a simulated matrix, through a file."""
    write(simulate(scanner, PARTICLE, GRID), path / "sm.nc")
    return read(path / "sm.nc").attrs


def test_a_file_gives_the_simulation_back(tmp_path):
    attrs = stored(FFL, tmp_path)
    assert scanner_from_mapping(attrs["scanner"]) == FFL
    assert particle_from_mapping(attrs["particle"]) == PARTICLE
    assert from_mapping(Grid, attrs["grid"], "grid") == GRID
    assert from_mapping(Sample, attrs["sample"], "sample") == Sample()


def test_the_scanner_of_the_project_is_described_without_a_class():
    """As in files of version 0.1, which must stay readable there."""
    assert provenance(FFL, PARTICLE, GRID, Sample())["scanner"] == asdict(FFL)


@pytest.mark.parametrize("scanner", [SurfaceCoil(0.6, 0.01, angles=(0.0, 1.0), fall=0.1), Lissajous()])
def test_a_registered_scanner_is_simulated_again_on_a_finer_grid(scanner, tmp_path, registered):
    again = scanner_from_mapping(stored(scanner, tmp_path)["scanner"])
    assert again == scanner and type(again) is type(scanner)
    fine = GRID.refined(2)
    assert simulate(again, PARTICLE, fine).identical(simulate(scanner, PARTICLE, fine))


@dataclass(frozen=True)
class PlainCoil:
    """A homogeneous coil of another package, a part of `Composed`."""

    sensitivity: tuple[float, float, float] = (0.0, 0.0, 500.0)


@dataclass(frozen=True)
class Composed:
    """A scanner made of parts."""

    sequence: PeriodicSequence
    coils: tuple[PlainCoil, ...] = (PlainCoil(),)
    amplitude: float = 0.01
    count: int = field(init=False, default=1)

    def selection_field(self, points, angle):
        return FFL.selection_field(points, angle)

    def drive_fields(self, points, angle):
        return np.broadcast_to([0, 0, self.amplitude], points.shape)[None]

    def receive_sensitivities(self, points, angle):
        return np.stack([np.broadcast_to(c.sensitivity, points.shape) for c in self.coils])


def test_a_scanner_made_of_parts_is_built_again(tmp_path):
    scanner = Composed(PeriodicSequence(2e4, angles=(0.0, 1.0)), (PlainCoil(), PlainCoil((100.0, 0.0, 0.0))))
    SCANNERS.register("composed", Composed)
    try:
        described = stored(scanner, tmp_path)["scanner"]
        with pytest.raises(
            InputError, match=r"^Input class of the coils of the scanner must be .* received PlainCoil\.$"
        ):
            scanner_from_mapping(described)
        SCANNER_PARTS.register("PlainCoil", PlainCoil)
        assert scanner_from_mapping(described) == scanner
        assert scanner_from_mapping(stored(scanner, tmp_path)["scanner"]) == scanner
    finally:
        SCANNERS.unregister("composed")
        SCANNER_PARTS.unregister("PlainCoil")


def test_a_class_of_another_package_is_not_taken_for_one_of_the_same_name(tmp_path):
    @dataclass(frozen=True)
    class Uniform:
        sensitivity: tuple[float, float, float] = (0.0, 0.0, 0.1)

    scanner = Composed(PeriodicSequence(2e4, angles=(0.0, 1.0)), (Uniform(),))
    SCANNERS.register("composed", Composed)
    try:
        described = stored(scanner, tmp_path)["scanner"]
        with pytest.raises(InputError, match=r"^Input class of the coils of .*; instead received tests\..*Uniform\.$"):
            scanner_from_mapping(described)
    finally:
        SCANNERS.unregister("composed")


def test_a_registered_magnetisation_is_built_again(tmp_path):
    model = Debye(20e-9, tau=1e-6)
    PARTICLES.register("debye", Debye)
    try:
        write(simulate(FFL, model, GRID), tmp_path / "sm.nc")
        described = read(tmp_path / "sm.nc").attrs["particle"]
        assert described["class"] == "debye" and particle_from_mapping(described) == model
    finally:
        PARTICLES.unregister("debye")
    with pytest.raises(InputError, match=r"^Input class of the particle must be .*; instead received debye\.$"):
        particle_from_mapping(described)


def test_a_scanner_that_is_not_registered_is_named_and_refused(tmp_path):
    values = stored(SurfaceCoil(0.6, 0.01, angles=(0.0,)), tmp_path)["scanner"]
    with pytest.raises(InputError, match=r"^Input class of the scanner must be .*; instead received SurfaceCoil\.$"):
        scanner_from_mapping(values)


@pytest.mark.parametrize(
    "values",
    [
        None,
        {"sf_gradient": 0.5, "drive_amplitude": 0.01, "tilt": 3},
        {"sf_gradient": 0.5},
        {"sf_gradient": -0.5, "drive_amplitude": 0.01},
        {"class": "Particle"},
    ],
)
def test_bad_descriptions_get_one_sentence(values):
    with pytest.raises(InputError, match=SENTENCE):
        scanner_from_mapping(values)


def test_a_key_that_is_missing_is_named():
    with pytest.raises(InputError) as caught:
        scanner_from_mapping(
            {"class": "ImperfectFFL", "sf_gradient": 0.5, "drive_amplitude": 8e-3, "selection": [{"class": "Dipole"}]}
        )
    demand, _, received = str(caught.value).partition("; instead received ")
    assert demand == "Input selection of the scanner must be complete, with the keys position, moment"
    assert received == "a Dipole without them."
