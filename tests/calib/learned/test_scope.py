"""What weights were trained on: the statement in the file, and what a matrix has that it does not hold."""

import math

import pytest

import calib
import mpisim
from calib.learned.bundled import BUNDLED
from calib.learned.facts import Facts
from calib.learned.scope import Scope, stated_metadata, stated_scope
from calib.training.recipe import recipe
from calib.training.train import train
from mpisim.data.grid import Grid
from mpisim.dataset.cases import transms_cases

DIAGONAL = (0.0, math.pi / 4)
WHOLE = tuple(math.radians(3 * i) for i in range(60))


def matrix(gradient=0.7, diameter=24e-9, grid=None, angles=DIAGONAL, **scanner):
    return mpisim.simulate(
        mpisim.open_sided_ffl(gradient, angles=angles, **scanner), mpisim.Particle(diameter), grid or Grid()
    )


@pytest.fixture(scope="module")
def bundled():
    return stated_scope(stated_metadata(BUNDLED / "transms_4x.safetensors"))


def test_every_bundled_file_states_the_training_split_of_the_preset(bundled):
    """From the definition of the split, without simulating it."""
    cases = [c for c in transms_cases() if c.split == "train"]
    files = [f for f in sorted(BUNDLED.glob("*.safetensors")) if not f.stem.endswith("_realistic")]
    assert len(files) == 12 and all(stated_scope(stated_metadata(f)) == bundled for f in files)
    assert (bundled.shape, bundled.edges, bundled.center) == ((32, 32), (1e-3, 1e-3), (0.0, 0.0))
    assert bundled.angles == pytest.approx(WHOLE) and bundled.harmonics == (2, 9)
    kappa = [c.sf_gradient * c.particle_diameter**3 * 0.032 for c in cases]
    for name, values in (
        ("sf_gradient", [c.sf_gradient for c in cases]),
        ("particle_diameter", [c.particle_diameter for c in cases]),
        ("kappa", kappa),
        ("reach", [1.0]),
    ):
        assert getattr(bundled, name) == pytest.approx((min(values), max(values)), rel=1e-9), name


def test_a_training_states_its_matrices(data, tmp_path):
    config = recipe("srcnn", 2, steps=1, batch=4)
    train(config, data["train"], data["validation"], tmp_path)
    scope = stated_scope(stated_metadata(tmp_path / "weights.safetensors"))
    assert scope == Scope.of(data["train"])
    assert scope.shape == (16, 16) and scope.sf_gradient == (0.5, 0.9)
    for split in data.values():
        for fine in split:
            assert scope.differences(Facts.of(calib.downsample(fine, 2, snr=33.7)), 2) == []


INSIDE = {
    "a training case": {},
    "twice the scale in m": {"grid": Grid((32, 32), (0.064, 0.064)), "fov": 0.064, "gradient": 0.4},
    "fewer harmonics": {"harmonics": (2, 3, 5)},
    "the fundamental": {"harmonics": (1, 2, 3)},
    "half a turn further": {"angles": (math.pi, math.radians(225))},
}
OUTSIDE = {
    "16 x 16 fine voxels (not 32 x 32)": {"grid": Grid((16, 16))},
    "voxels of 0.5 x 1 mm (not square ones)": {"grid": Grid((32, 32), (0.016, 0.032))},
    "a grid centred at (8, 0) mm (not at (0, 0))": {"grid": Grid(center=(0.008, 0, 0))},
    "harmonics up to 12 (not up to 9)": {"harmonics": (10, 11, 12)},
    "a drive that carries the line 0.9 times half the field of view (not 1)": {"drive_amplitude": 0.7 * 0.016 * 0.9},
    "a gradient x diameter^3 x field of view that is 3.1 times the largest trained one": {
        "diameter": 50e-9,
        "samples_per_period": 456,
    },
    "angles up to 1.5 degrees from the trained ones": {"angles": (0.0, math.radians(1.5))},
}


@pytest.mark.parametrize("change", INSIDE.values(), ids=INSIDE)
@pytest.mark.parametrize("factor", [2, 8])
def test_what_is_harmless_is_inside(bundled, change, factor):
    assert bundled.differences(Facts.of(calib.downsample(matrix(**change), factor, snr=33.7)), factor) == []


@pytest.mark.parametrize(("words", "change"), OUTSIDE.items())
def test_what_harms_is_named(bundled, words, change):
    assert bundled.differences(Facts.of(calib.downsample(matrix(**change), 4, snr=33.7)), 4) == [words]


def test_other_angles_harm_at_4x_and_8x_only(bundled):
    facts = Facts.of(matrix(angles=(0.0, math.radians(1.5))))
    assert [len(bundled.differences(facts, factor)) for factor in (2, 4, 8)] == [0, 1, 1]


def test_several_differences(bundled):
    facts = Facts.of(matrix(grid=Grid((16, 32)), harmonics=(2, 12)))
    assert len(bundled.differences(facts, 2)) == 3


def test_what_is_unknown_is_not_compared(bundled):
    """A measured matrix knows its voxels; weights of another data set of version 0.1.0 state nothing."""
    fine = matrix(gradient=5.0, harmonics=(11, 12)).drop_vars(["harmonic", "sf_gradient", "particle_diameter", "angle"])
    fine.attrs.pop("scanner"), fine.attrs.pop("particle")
    assert bundled.differences(Facts.of(fine), 8) == []
    assert stated_scope({"data": "0" * 16}) is None and stated_scope({}) is None
    assert stated_metadata(__file__) == {} and stated_metadata("nowhere") == {}
    assert stated_scope({"scope": {**bundled.as_mapping(), "of a later version": 1}}) == bundled
    assert stated_scope({"scope": 3}) is None
