"""What `mpisim info` says of a simulation: each imperfection by name, nothing of an ideal one, and no crash."""

import pytest

import mpisim
from mpisim import Sample
from mpisim.simulation.imperfections import imperfections

IDEAL = mpisim.open_sided_ffl(0.6, angles=2, harmonics=(2, 3))
GRID = mpisim.Grid((2, 2))
CORES = mpisim.LogNormal(25e-9, 0.1)


def found(tmp_path, scanner=IDEAL, particle=None, sample=None):
    """Imperfections of a matrix, through a file."""
    particle, sample = particle or mpisim.Particle(25e-9), sample or Sample()
    mpisim.write(mpisim.simulate(scanner, particle, GRID, sample), tmp_path / "sm.nc")
    return imperfections(mpisim.read(tmp_path / "sm.nc").attrs)


def test_an_ideal_simulation_has_none(tmp_path):
    assert found(tmp_path) == found(tmp_path, mpisim.ImperfectFFL.of(IDEAL)) == []
    assert found(tmp_path, sample=Sample((0.001, 0.002), thick=True, points=2)) == []


def test_each_switch_is_named_with_what_it_switches(tmp_path):
    scanner = mpisim.ImperfectFFL.of(
        IDEAL,
        selection=(mpisim.SolidHarmonics(((3, 0, 0.02),)), mpisim.Uniform((0, 0, 0.01))),
        coils=(mpisim.Coil(), mpisim.Coil((300.0, 0, 0))),
        drive=(mpisim.Uniform((0.02, 0, 1)),),
        drive_replaced=True,
        line=mpisim.AngleErrors(offset_spread=1e-4, gain=(0.1, 0.2), seed=3),
        recipe=mpisim.QuadraticRecipe(gradient=0.1),
    )
    assert found(tmp_path, scanner) == [
        "selection field SolidHarmonics + Uniform",
        "drive field Uniform instead of the ideal one",
        "receive coils Coil + Coil",
        "quadratic recipe (gradient)",
        "errors of each angle (gain, offset_spread)",
    ]


@pytest.mark.parametrize(
    ("particle", "words"),
    [
        (CORES, "tracer LogNormal (spread 0.1)"),
        (mpisim.Debye(CORES, 2e-6), "tracer Debye (LogNormal (spread 0.1))"),
        (
            mpisim.Mixture((CORES, mpisim.Particle(15e-9)), (0.3, 0.7)),
            "tracer Mixture (LogNormal (spread 0.1), Particle)",
        ),
    ],
)
def test_the_tracer_is_named(particle, words, tmp_path):
    assert found(tmp_path, particle=particle) == [words]


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        (Sample(shape="cylinder"), ["cylinder as the sample"]),
        (Sample(offset=(3e-4, 0, -1e-4)), ["calibration off by (0.3, 0, -0.1) mm"]),
        (Sample(rotation=0.02), ["calibration turned by 1.15 degrees"]),
        (Sample(jitter=5e-5, seed=4), ["positions with a jitter of 0.05 mm (seed 4)"]),
    ],
)
def test_the_calibration_scan_is_described(sample, words, tmp_path):
    assert found(tmp_path, sample=sample) == words


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"scanner": "MPI 25/20 FF", "particle": "perimag"},
        {
            "scanner": {"class": 3, "selection": [7], "line": {"gain": None}},
            "particle": {"class": ["x"], "spread": "a"},
        },
        {"scanner": {}, "particle": {}, "sample": {"size": "wide", "depth": 3}},
        {"scanner": {}, "particle": {}, "sample": {"jitter": "some"}},
    ],
)
def test_descriptions_of_other_programs_are_taken_as_they_are(attributes):
    result = imperfections(attributes)
    assert result is None or all(isinstance(words, str) for words in result)
