"""Realistic scanners: reproducible draws, levels, what each has, and data sets of them that grow and resume."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

import mpisim
from mpisim.data.grid import Grid
from mpisim.dataset.cases import SetupCase
from mpisim.dataset.draws import in_plane
from mpisim.dataset.estimate import estimated
from mpisim.dataset.generation import generate
from mpisim.dataset.realistic import LEVELS, SCANNERS, SIZES, draw_setup, fixed_setup, realistic_cases
from mpisim.dataset.spec import DatasetSpec, coarse_file, fine_file
from mpisim.errors import InputError
from mpisim.scanner.solid_harmonics import SolidHarmonics
from mpisim.simulation.setup import Setup

SPEC = DatasetSpec(factors=(2, 3), snr=33.7, edge="fill")


def small(case, angles=3, voxels=4):
    """A case with few angles and positions, and the sample of the preset."""
    scanner = replace(case.setup.scanner, angles=case.setup.scanner.angles[::20][:angles])
    sample = replace(case.setup.sample, size=(1e-3, 1e-3))
    return replace(case, setup=replace(case.setup, scanner=scanner, grid=Grid((voxels, voxels)), sample=sample))


def digests(folder):
    files = sorted(folder.rglob("*.nc"))
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_the_preset_has_its_splits_with_levels_in_turn():
    assert {"train": 60, "validation": 20, "test": 40, "outside": 20} == SCANNERS
    cases = realistic_cases(4)
    assert [c.split for c in cases] == [split for split in SCANNERS for _ in range(4)]
    for split in ("train", "validation", "test"):
        levels = [c.attributes["scanner_level"] for c in cases if c.split == split]
        counts = [levels.count(level) for level in LEVELS]
        assert max(counts) - min(counts) <= 1
    assert {c.attributes["scanner_level"] for c in cases if c.split == "outside"} == {"outside"}
    setups = [repr(c.setup) for c in cases]
    assert len(set(setups)) == len(cases)  # no scanner is in two splits


def test_draws_are_the_same_whatever_else_is_drawn():
    few, many = realistic_cases(2, ["test"]), realistic_cases(5, ["train", "test"])
    assert few == [c for c in many if c.split == "test"][:2]
    assert fixed_setup("mild") == fixed_setup("mild") != fixed_setup("medium")
    assert fixed_setup("mild", 0.5).scanner.sf_gradient == 0.5
    assert replace(fixed_setup("mild", 0.5).scanner, sf_gradient=0.7, drive_amplitude=0.7 * 0.016) == (
        fixed_setup("mild").scanner
    )


@pytest.mark.parametrize("name", ["coil_in_plane", "field_turning", "drive_tilt", "line_offset", "sample_shift"])
def test_imperfections_scale_with_the_level(name):
    """The same draws at two levels differ by the ratio of the levels, to the four digits that are kept."""
    mild, strong = (draw_setup(level, np.random.default_rng(3), 0.7, 25e-9) for level in ("mild", "strong"))
    of = {
        "coil_in_plane": lambda s: s.scanner.coils[0].parts[1].vector,
        "field_turning": lambda s: [c for _, _, c in s.scanner.selection[0].coefficients],
        "drive_tilt": lambda s: s.scanner.drive[1].vector,
        "line_offset": lambda s: s.scanner.line.offset_spread,
        "sample_shift": lambda s: s.sample.offset,
    }[name]
    assert of(mild) == pytest.approx(0.3 * np.array(of(strong)), rel=1e-3)
    assert np.any(of(strong))


def test_every_imperfection_of_the_table_changes_the_matrix(monkeypatch):
    """Without it the matrix is another one."""

    def matrix():
        setup = draw_setup("strong", np.random.default_rng(8), 0.7, 25e-9)
        return small(SetupCase("strong", setup), angles=2).setup.simulate()["system_matrix"].values

    wanted, unchanged = matrix(), []
    for name, size in SIZES.items():
        with monkeypatch.context() as changed:
            changed.setitem(SIZES, name, size._replace(value=0.0))
            unchanged += [name] * bool(np.array_equal(matrix(), wanted))
    other_kind_of_coil = {"coil_fall"} if "coil_fall" in unchanged else {"coil_quadratic", "coil_cubic"}
    assert set(unchanged) == other_kind_of_coil


@pytest.mark.parametrize(("degree", "order"), [(2, 1), (2, -1), (3, 0), (3, -2), (4, 1), (4, 3), (5, 0), (6, 1)])
def test_terms_have_their_size_in_the_plane(degree, order):
    """The field along z on the circle |r| = R is the size times cos or sin, by its definition."""
    turns = np.linspace(0, 2 * np.pi, 25)
    circle = 0.016 * np.stack([np.cos(turns), np.sin(turns), 0 * turns], axis=-1)
    field = SolidHarmonics((in_plane(degree, order, 0.05),)).relative_field(circle, 0.0)[:, 2]
    wave = np.cos(order * turns) if order >= 0 else np.sin(-order * turns)
    assert field == pytest.approx(0.05 * wave, rel=1e-3, abs=1e-8)


def test_outside_scanners_have_what_the_levels_lack():
    cases = realistic_cases(4, ["outside"])
    inner = {type(p).__name__ for c in realistic_cases(3, ["train"]) for p in c.setup.scanner.selection}
    for case in cases:
        parts = [*case.setup.scanner.selection, *case.setup.scanner.drive, *case.setup.scanner.coils]
        assert [type(p).__name__ for p in parts] == ["SolidHarmonics", "Dipole", "WoundField", "WoundCoil"]
        assert case.setup.scanner.line.gain_drift != 0
        assert case.setup.scanner.receive_sensitivities(np.zeros((1, 3)), 0.0)[0, 0, 2] == pytest.approx(800, rel=0.01)
        case.setup.scanner.check_region(case.setup.sample.region(case.setup.grid))
    assert inner == {"SolidHarmonics"}
    kinds = [type(c.setup.particle).__name__ for c in cases]
    assert kinds == ["Debye", "FieldDependentRelaxation"] * 2


def test_the_saddle_is_one():
    """Along u the gradient grows by what it falls by along the line, at the radius."""
    scanner = realistic_cases(1, ["outside"])[0].setup.scanner
    saddle, step = scanner.selection[0], 1e-6
    half = saddle.coefficients[0][2] * -0.71 * 2  # (4, 1) has -.71 on the x axis; the two parts add up there
    along_line = [saddle.relative_field(np.array([x, 0.016, 0.0]), 0.0)[2] for x in (-step, step)]
    slope = (along_line[1] - along_line[0]) / (2 * step) * 0.016  # change of the gradient over the ideal one
    across = saddle.relative_field(np.array([0.016, 0.0, 0.0]), 0.0)[2]
    assert across == pytest.approx(half, rel=2e-3)
    assert slope == pytest.approx(-across, rel=2e-3)


def test_files_hold_their_scanner_and_level(tmp_path):
    case = small(realistic_cases(1, ["train"])[0])
    generate([case], SPEC, tmp_path)
    fine = mpisim.read(fine_file(tmp_path, case))
    assert Setup.of(fine) == case.setup
    assert fine["system_matrix"].dtype == np.complex64
    assert fine["system_matrix"].equals(case.setup.simulate()["system_matrix"])
    coarse = mpisim.read(coarse_file(tmp_path, case, SPEC, 3))
    assert coarse["system_matrix"].shape[-2:] == (2, 2)
    assert fine.attrs["scanner_level"] == coarse.attrs["scanner_level"] == "mild"


def test_a_data_set_of_setups_grows_and_one_worker_equals_many(tmp_path):
    cases = [small(c, angles=2) for c in realistic_cases(2, ["train", "test"])]
    generate(cases, SPEC, tmp_path / "all", workers=2)
    generate([cases[0]], SPEC, tmp_path / "grown")
    generate(cases, SPEC, tmp_path / "grown")
    assert digests(tmp_path / "all") == digests(tmp_path / "grown")
    generate(cases[:1], SPEC, tmp_path / "grown")  # fewer than before
    with pytest.raises(InputError, match="must be empty or of the same data set"):
        generate([replace(cases[0], name="0007_mild")], SPEC, tmp_path / "grown")
    before = {(tmp_path / "all" / name).parent.name for name in digests(tmp_path / "all")}
    assert before == {"train", "test", "box2", "box3"}


def test_the_cost_is_said_before_the_work(tmp_path, monkeypatch):
    cases, said = [small(c, voxels=8) for c in realistic_cases(2, ["train"])], []
    spec = DatasetSpec(factors=(2, 4))
    cost = estimated(cases, spec, 2)
    size = sum(8 * 3 * 8 * n**2 for n in (8, 4, 2)) * 2  # bytes: angle, harmonic, voxels, of two matrices
    assert cost.size == size and cost.seconds > 0
    assert cost.described().startswith("2 matrices and 4 coarse ones: about ")
    monkeypatch.setattr("mpisim.dataset.generation._LONG", 0.0)
    generate(cases, spec, tmp_path, report=said.append)
    assert len(said) == 1 and said[0].endswith("with 1 process, 0 MB")
    generate(cases, spec, tmp_path, report=said.append)  # nothing left to do, nothing to say
    assert len(said) == 1


def test_bad_input():
    with pytest.raises(InputError, match="Input level must be one of mild, medium, strong; instead received 'weak'"):
        fixed_setup("weak")
    with pytest.raises(InputError, match="Input scanners must be a whole number of at least 1"):
        realistic_cases(0)
    with pytest.raises(InputError, match="Input split must be one of"):
        realistic_cases(splits=["trian"])
    setup = fixed_setup("mild")
    with pytest.raises(InputError, match="Input name of a case must be a file name"):
        SetupCase("../a", setup)
