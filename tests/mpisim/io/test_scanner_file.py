"""Scanner files: what is written comes back, values are given once, and mistakes get one sentence."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mpisim
from mpisim.dataset.realistic import fixed_setup
from mpisim.io.field_map import write_field_map
from mpisim.io.scanner_file import open_scanner, packaged_file, summary_of
from tests.mpisim.bad_input import SENTENCE
from tests.mpisim.io.make_scanners import LEVELS

GIVEN = {"ideal": (0.5, 25e-9), "open-sided-ffl": (0.5, 25e-9)}
IDEAL = mpisim.open_sided_ffl(0.6, angles=3, harmonics=(2, 3))
PARTICLE = mpisim.Particle(24e-9)


def written(path, text):
    path.write_text(text)
    return path


# -- the scanners of the package ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", mpisim.SCANNER_NAMES)
def test_every_scanner_of_the_package_can_be_simulated(name):
    setup = mpisim.read_scanner(name, *GIVEN.get(name, ()))
    small = replace(setup, grid=mpisim.Grid((6, 6), setup.grid.fov[:2]))
    matrix = small.simulate()
    rows = (1, 3) if name.startswith("lissajous") else (60,)
    assert matrix["system_matrix"].shape == (*rows, len(setup.scanner.sequence.harmonics), 6, 6)
    assert np.all(np.isfinite(matrix["system_matrix"].values)) and mpisim.Setup.of(matrix) == small


def test_the_ideal_one_is_open_sided_ffl_to_the_last_digit():
    setup = mpisim.read_scanner("ideal", 0.5, 25e-9)
    assert setup == mpisim.Setup(mpisim.open_sided_ffl(0.5), mpisim.Particle(25e-9))
    grid = mpisim.Grid((6, 6))
    ideal = mpisim.simulate(mpisim.open_sided_ffl(0.5), mpisim.Particle(25e-9), grid)
    assert replace(setup, grid=grid).simulate().identical(ideal)


def test_the_scanner_of_the_paper_is_what_the_paper_says():
    """TranSMS, section IV.A.3 and Table I: 32 x 64 x 2 mm, 16 x 32 voxels, 2 mm sample, 9 mT, 3 degrees."""
    setup = mpisim.read_scanner("open-sided-ffl", 0.3, 20e-9)
    assert setup.grid == mpisim.Grid((16, 32), (0.032, 0.064)) and setup.sample.edges(setup.grid) == (2e-3, 2e-3, 2e-3)
    assert setup.scanner.drive_amplitude == 9e-3 and setup.scanner.drive_frequency == 23.2e3
    assert np.allclose(np.degrees(setup.scanner.angles), np.arange(0, 180, 3))
    assert setup.scanner.harmonics == tuple(range(2, 12))
    for gradient in (0.29, 0.61):
        with pytest.raises(mpisim.InputError, match=r"sf_gradient must be from 0\.3 to 0\.6 T/m for open-sided-ffl"):
            mpisim.read_scanner("open-sided-ffl", gradient, 20e-9)


@pytest.mark.parametrize("level", LEVELS)
def test_the_levels_are_those_of_the_data_set(level):
    """After a change of the draws: python -m tests.mpisim.io.make_scanners."""
    assert mpisim.read_scanner(level) == fixed_setup(level)
    assert mpisim.read_scanner(level, 0.7, 25e-9) == fixed_setup(level)


def test_the_files_are_the_examples_and_say_what_they_are():
    folder = Path(__file__).parents[3] / "examples" / "scanners"
    files = sorted(folder.glob("*.toml"))
    assert {file.stem for file in files} == set(mpisim.SCANNER_NAMES)
    for file in files:
        assert file.samefile(packaged_file(file.stem))
        lines = file.read_text(encoding="utf-8").splitlines()
        assert 20 < len(summary_of(file.stem)) < 110 and max(map(len, lines)) <= 120
        keys = [i for i, line in enumerate(lines) if re.match(r"#?(?!class)\w+ =", line)]
        assert len(keys) > 15 and all(lines[i - 1].startswith("# ") for i in keys), file


# -- writing and reading -----------------------------------------------------------------------------------------------

SWITCHES = {
    "selection": (mpisim.SolidHarmonics(((3, 0, 1 / 30),), turning=True), mpisim.Uniform((0.0, 0.01, 0.0))),
    "drive": (mpisim.WoundField((mpisim.Loop((0, 0, 0.1), (0, 0, 1), 0.1),)),),
    "coils": (
        mpisim.Coil((0, 0, 700.0), (mpisim.SolidHarmonics(((2, 1, 0.1),)),)),
        mpisim.WoundCoil((mpisim.RectangularLoop((0, 0, 0.02), (0, 0, 1), (1, 0, 0), (0.06, 0.04)),)),
    ),
    "recipe": mpisim.QuadraticRecipe(0.1, -0.1, -0.2),
    "plane": mpisim.LinePlane(1e-4, (0.01, 0.0)),
    "line": mpisim.AngleErrors(offset=(1e-4, 2e-4, 1 / 3e4), gain_spread=0.01, seed=5),
    "gain": mpisim.ReceiveGain(((2, 0.9, 1 / 7),), ((1.0, 0.0), (0.5, 0.5))),
}
SAMPLE = mpisim.Sample((2e-3, 1e-3), thick=True, shape="cylinder", offset=(1e-4, 0, 0), rotation=0.1, jitter=5e-5)
TRACERS = (
    PARTICLE,
    mpisim.LogNormal(24e-9, 0.2, nodes=3),
    mpisim.Mixture((mpisim.LogNormal(20e-9, 0.1), mpisim.Particle(30e-9)), (0.7, 0.3)),
    mpisim.Debye(mpisim.LogNormal(20e-9, 0.1), 1e-6),
)


@pytest.mark.parametrize("particle", TRACERS, ids=lambda p: type(p).__name__)
def test_what_is_written_comes_back(particle, tmp_path):
    scanner = mpisim.ImperfectFFL.of(IDEAL, **SWITCHES)
    setup = mpisim.Setup(scanner, particle, mpisim.Grid((13, 23), (0.02, 0.03), (0, 1e-3, 0)), SAMPLE)
    mpisim.write_scanner(setup, tmp_path / "s.toml", "A scanner with everything.")
    assert mpisim.read_scanner(tmp_path / "s.toml") == setup
    assert (tmp_path / "s.toml").read_text().startswith("# A scanner with everything.\n")


@pytest.mark.parametrize(
    "scanner",
    [
        IDEAL,
        mpisim.open_sided_ffl(0.7, angles=60, harmonics=(3, 40)),
        mpisim.OpenSidedFFL(0.5, 0.005),  # whose angles differ from those of open_sided_ffl in the last digit
        mpisim.open_sided_ffl(0.7, angles=[0.1 * i for i in range(50)], samples_per_period=100),
        mpisim.open_sided_ffl(1 / 3, 0.02, drive_frequency=1e5 / 3, sensitivity=(1 / 3, 0.0, -1e3)),
    ],
)
def test_numbers_come_back_to_the_last_digit(scanner, tmp_path):
    setup = mpisim.Setup(scanner, PARTICLE)
    mpisim.write_scanner(setup, tmp_path / "s.toml")
    assert mpisim.read_scanner(tmp_path / "s.toml") == setup


def test_the_file_of_a_matrix_is_a_scanner_file(tmp_path):
    setup = mpisim.Setup(
        mpisim.ImperfectFFL.of(IDEAL, **SWITCHES), TRACERS[-1], mpisim.Grid((4, 4)), mpisim.Sample(points=1)
    )
    mpisim.write(setup.simulate(), tmp_path / "sm.nc")
    found = mpisim.read_scanner(tmp_path / "sm.nc")
    assert found == setup == mpisim.Setup.of(mpisim.read(tmp_path / "sm.nc"))
    mpisim.write_scanner(found, tmp_path / "s.toml")
    assert mpisim.read_scanner(tmp_path / "s.toml") == setup
    with pytest.raises(mpisim.InputError, match=r"sf_gradient must be 0\.6 T/m, as .*sm\.nc says, or left out"):
        mpisim.read_scanner(tmp_path / "sm.nc", 0.7)


def test_maps_stand_beside_the_file_or_in_it(tmp_path):
    values = np.random.default_rng(0).standard_normal((2, 4, 4, 3))
    axis = tuple(np.linspace(-0.02, 0.02, 4))
    field = mpisim.FieldMap(axis, axis, (-0.01, 0.01), values.tolist(), unit="1/m")
    write_field_map(field, tmp_path / "coil.nc")
    text = '[scanner]\nclass = "ImperfectFFL"\nsf_gradient = 0.5\n[[scanner.coils]]\nclass = "MapCoil"\n'
    beside = mpisim.read_scanner(written(tmp_path / "s.toml", text + 'map = { file = "coil.nc" }\n'), None, 25e-9)
    assert beside.scanner.coils == (mpisim.MapCoil(field),)
    mpisim.write_scanner(beside, tmp_path / "inside.toml")
    assert mpisim.read_scanner(tmp_path / "inside.toml") == beside
    with pytest.raises(mpisim.InputError, match=r"other\.nc"):
        mpisim.read_scanner(written(tmp_path / "s.toml", text + 'map = { file = "other.nc" }\n'), None, 25e-9)


def test_classes_that_follow_from_the_field_need_no_name(tmp_path):
    text = '[scanner]\nclass = "ImperfectFFL"\nsf_gradient = 0.5\n[scanner.line]\noffset = 1e-4\n'
    text += '[particle]\nclass = "Debye"\nrelaxation_time = 1e-6\n[particle.particle]\ntemperature = 310.0\n'
    setup = mpisim.read_scanner(written(tmp_path / "s.toml", text), particle_diameter=25e-9)
    assert setup.scanner.line == mpisim.AngleErrors(1e-4)
    assert setup.particle == mpisim.Debye(mpisim.Particle(25e-9, temperature=310.0), 1e-6)
    text = text.partition("[particle.particle]")[0]
    setup = mpisim.read_scanner(written(tmp_path / "s.toml", text), particle_diameter=25e-9)
    assert setup.particle == mpisim.Debye(mpisim.Particle(25e-9), 1e-6)
    with pytest.raises(mpisim.InputError, match="particle_diameter must be given here"):
        mpisim.read_scanner(tmp_path / "s.toml")


def test_a_flat_file_is_read_as_before(tmp_path):
    file = written(tmp_path / "s.toml", "drive_frequency = 25e3\nharmonics = [2, 3]\nangles = [0.0, 0.5]\n")
    scanner = mpisim.open_sided_ffl(0.5, angles=[0.0, 0.5], harmonics=(2, 3), drive_frequency=25e3)
    assert mpisim.read_scanner(file, 0.5, 25e-9) == mpisim.Setup(scanner, mpisim.Particle(25e-9))


# -- values given twice, and mistakes ----------------------------------------------------------------------------------

STATED = "[scanner]\nsf_gradient = 0.5\nangles = 4\n[particle]\ndiameter = 25e-9\n[calibration]\ngrid = [8, 8]\n"


def test_a_value_is_given_once_or_twice_the_same(tmp_path):
    file = open_scanner(written(tmp_path / "s.toml", STATED))
    assert (file.gradient, file.diameter) == (0.5, 25e-9)
    setup = file.setup()
    assert setup == file.setup(0.5, 25e-9)
    angles = [np.pi * i / 4 for i in range(4)]
    assert file.given({"angles": angles}, {"grid": (8, 8)}).setup() == setup
    assert file.given({"harmonics": (2, 3)}, {"fov": (0.01, 0.01)}).setup().scanner.harmonics == (2, 3)
    for given in (({"angles": angles[:3]}, None), (None, {"grid": (8, 9)})):
        with pytest.raises(mpisim.InputError, match=SENTENCE):
            file.given(*given)
    for numbers in ((0.6, None), (None, 26e-9)):
        with pytest.raises(mpisim.InputError, match=r"as .*s\.toml says, or left out"):
            file.setup(*numbers)


MISTAKES = {
    "sf_gradeint = 0.5": "the unknown key sf_gradeint (did you mean sf_gradient?)",
    "[scanner]\nsf_gradeint = 0.5": "in [scanner]; instead received the unknown key sf_gradeint (did you mean sf_g",
    "[scaner]\nsf_gradient = 0.5": "the unknown table or key scaner (did you mean scanner?)",
    "sf_gradient = 0.5\n[particle]\ndiameter = 25e-9": "made of the tables scanner, particle, calibration",
    "scanner = 3\n[particle]": "a table, [scanner]; instead received 3",
    "[particle]\ndiamter = 1": "in [particle]; instead received the unknown key diamter (did you mean diameter?)",
    "[calibration]\nshape_ = 1": "in [calibration]; instead received the unknown key shape_ (did you mean shape?)",
    '[scanner]\nclass = "ImperfectFLL"': "instead received ImperfectFLL (did you mean ImperfectFFL?)",
    "[scanner]\nclass = 3": "class of [scanner] in ",
    '[scanner]\nclass = "ImperfectFFL"\n[scanner.line]\noffst = 1.0': "in [scanner.line]; instead received the unknown",
    '[scanner]\nclass = "ImperfectFFL"\n[[scanner.selection]]\nradius = 1.0': "class of [scanner.selection] in ",
    '[scanner]\nclass = "ImperfectFFL"\n[scanner.plain]\noffset = 1.0': "the unknown key plain (did you mean plane?)",
    "[scanner]\nsf_gradient = '0.5'": "s.toml must be from 0.001 to 100 T/m; instead received '0.5'",
    "[scanner]\nsf_gradient = [0.6, 0.5]": "from the least to the largest",
    "[scanner]\nsf_gradient = [0.4]": "a number or a pair [least, largest] in T/m",
    "[scanner]\nangles = [0, 45, 90, 135]": "in rad; instead received angles up to 135, which look like degrees",
    "[scanner]\nangles = true": "angles must be",
    "[scanner]\nharmonics = 3": "harmonics must be",
    '[scanner]\nclass = "ImperfectFFL"\n[scanner.plane]\ntilt = [1.0, 2.0]': "from -0.5 to 0.5 rad",
    "[calibration]\nfov = [32, 32]": "grid fov must be from 1e-06 to 2 m; instead received 32",
    "[calibration]\nsize = [2, 2]": "sample size must be from 1e-06 to 0.5 m; instead received 2",
    "[calibration]\nrotation = 10": "sample rotation must be",
    "[calibration]\ngrid = 32": "grid shape must be",
    "[particle]\ndiameter = 24": "particle diameter must be from 1e-09 to 1e-06 m; instead received 24",
    '[particle]\nclass = "LogNormal"\nmedian = 25e-9\nspread = -0.1': "spread",
    '[particle]\nclass = "Debye"\nrelaxation_time = -1e-6\n[particle.particle]\ndiameter = 25e-9': "from 0 to 0.01 s",
    "[scanner]\nsf_gradient = .5": "must be a TOML file",
    "[scanner]\nsf_gradient = true": "s.toml must be from 0.001 to 100 T/m; instead received True",
    "[[scanner]]\nsf_gradient = 0.5": "a table, [scanner]; instead received",
    "scanner = 3": "a table, [scanner]; instead received 3",
    "[scanner]\nangles = 1000000000": "angles must be at most 100000",
    "[scanner]\nsamples_per_period = 1000000000": "samples_per_period must be at most 10000000",
    "[calibration]\nconcentration = 1e300": "sample concentration must be from 0 to 1e+30 particles per m^3",
    "[calibration]\npoints = 100000": "sample points must be at most 1000",
    '[scanner]\nclass = "ImperfectFFL"\n[scanner.coils]\nclass = "Coil"': "each under [[scanner.coils]]; instead",
    '[scanner]\nclass = "ImperfectFFL"\n[[scanner.line]]\noffset = 1e-4': "one table, under [scanner.line]; instead",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_get_one_sentence(text, tmp_path):
    with pytest.raises(mpisim.InputError, match=SENTENCE) as caught:
        file = open_scanner(written(tmp_path / "s.toml", text + "\n"))
        file.setup(0.5 if file.scanner.get("sf_gradient") is None else None, None if file.diameter else 25e-9)
    assert MISTAKES[text] in str(caught.value)


def test_what_nobody_gives_is_asked_for(tmp_path):
    for numbers, name in (((None, 25e-9), "sf_gradient"), ((0.5, None), "particle_diameter")):
        with pytest.raises(mpisim.InputError, match=f"Input {name} must be given here, since ideal does not state it"):
            mpisim.read_scanner("ideal", *numbers)
    text = '[particle]\nclass = "Mixture"\nfractions = [1.0]\n[[particle.populations]]\ndiameter = 2e-8\n'
    file = written(tmp_path / "s.toml", text)
    assert mpisim.read_scanner(file, 0.5).particle == mpisim.Mixture((mpisim.Particle(2e-8),), (1.0,))
    with pytest.raises(mpisim.InputError, match="particle_diameter must be left out"):
        mpisim.read_scanner(file, 0.5, 25e-9)


def test_names_that_do_not_exist_are_refused_with_those_that_do(tmp_path):
    with pytest.raises(mpisim.InputError, match=r"one of ideal, .*lissajous-3d, or an exist.*; .*did you mean mild\?"):
        mpisim.read_scanner("milt")
    with pytest.raises(mpisim.InputError, match="an existing TOML file"):
        mpisim.read_scanner(tmp_path / "no.toml")


def test_only_what_can_be_read_again_is_written(tmp_path):
    class Own(mpisim.OpenSidedFFL):
        """A scanner that nobody has registered."""

    with pytest.raises(mpisim.InputError, match="scanner must be of a registered class"):
        mpisim.write_scanner(mpisim.Setup(Own(0.5, 0.008), PARTICLE), tmp_path / "s.toml")
    for setup, path in ((mpisim.Setup(IDEAL, PARTICLE), "s.txt"), (IDEAL, "s.toml")):
        with pytest.raises(mpisim.InputError, match=SENTENCE):
            mpisim.write_scanner(setup, tmp_path / path)
    assert not list(tmp_path.iterdir())
