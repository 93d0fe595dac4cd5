"""Packages that extend the toolkit: found by their entry points, checked, and reported where they fail."""

import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import calib
import mpisim
import recon
from mpisim.cli.main import main
from mpisim.data.grid import Grid
from mpisim.data.schema import build
from mpisim.data.views import replace_rows
from mpisim.errors import InputError
from mpisim.plugins import Registry

EXAMPLE = Path(__file__).parent.parent / "examples" / "plugin"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment in which the example is installed: its folder and the metadata that an installer would write."""
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    info = site / "mpi_extras-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mpi-extras\nVersion: 0.1.0\n")
    groups = {
        **project["entry-points"],
        "mpisim.recovery_methods": {**project["entry-points"]["mpisim.recovery_methods"], "broken": "no_such_module:X"},
    }
    sections = (f"[{g}]\n" + "\n".join(f"{k} = {v}" for k, v in points.items()) for g, points in groups.items())
    (info / "entry_points.txt").write_text("\n\n".join(sections))
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(EXAMPLE)])}


@pytest.fixture
def coarse():
    """A coarse matrix of two rows and 2 x 2 voxels."""
    grid = Grid((4, 4), (0.004, 0.004))
    dims = ("frequency", "y", "x")
    values = np.ones((2, 4, 4), complex)
    known = {"stage": "fine", "origin": "measured", "noise_std": 0.0}
    return calib.downsample(build("system_matrix", values, dims, grid.coords(), **known), 2, snr=None)


def run(environment, *words):
    return subprocess.run([sys.executable, *map(str, words)], env=environment, capture_output=True, text=True)


def test_the_example_passes_its_own_tests(environment):
    result = run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLE / "tests")
    assert result.returncode == 0 and result.stdout.startswith("...."), result.stdout + result.stderr


def test_the_parts_of_the_example_work_at_the_command_line(environment, tmp_path):
    """A file names the classes of scanner and particle; the format carries the matrix to the solver."""
    made = run(
        environment,
        "-c",
        f"""
import mpisim
from mpi_extras.magnetisation import DebyeParticle
from mpi_extras.scanner import SurfaceCoilFFL
ideal = mpisim.open_sided_ffl(0.8, angles=6)
known = {{n: getattr(ideal, n) for n in ("sf_gradient", "drive_amplitude", "angles", "harmonics")}}
matrix = mpisim.simulate(SurfaceCoilFFL(**known), DebyeParticle(25e-9), mpisim.Grid((8, 8)))
mpisim.write(matrix, {str(tmp_path / "sm.npz")!r})
""",
    )
    assert made.returncode == 0, made.stderr
    chain = [
        ("downsample", "sm.npz", "--factor", 2, "--noiseless", "--out", "coarse.npz"),
        ("recover", "coarse.npz", "--method", "nearest", "--out", "fine.npz"),
        ("evaluate", "fine.npz", "--reference", "sm.npz"),
        ("measure", "sm.npz", "--phantom", "tubes", "--out", "y.npz"),
        ("reconstruct", "fine.npz", "y.npz", "--method", "landweber", "--out", "image.npz"),
        ("methods",),
    ]
    for words in chain:
        typed = [tmp_path / w if str(w).endswith(".npz") else w for w in words]
        result = run(environment, "-m", "mpisim", *typed)
        assert result.returncode == 0, (words, result.stderr)
    assert "nearest" in result.stdout and "every voxel takes the mean of its block" in result.stdout
    assert "the method of recovery broken of no_such_module:X cannot be used" in result.stderr
    assert "Traceback" not in result.stderr


def rows_of_another_shape(coarse):
    return calib.Recovered(np.zeros((2, 3, 3), complex))


def nan(coarse):
    values = coarse["system_matrix"].values
    sides = [2 * n for n in values.shape[-2:]]
    return calib.Recovered(np.full((values[..., 0, 0].size, *sides), np.nan, complex))


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (lambda coarse: coarse, "must be a calib.Recovered; instead received Dataset"),
        (rows_of_another_shape, "must be made of complex rows of shape .*; instead received complex128 of shape"),
        (nan, "must be finite everywhere; instead received NaN or infinite values"),
    ],
)
def test_a_method_that_returns_something_else_gets_one_sentence(apply, message, coarse):
    method = calib.Method("wrong", apply)
    with pytest.raises(InputError, match=message):
        calib.check_method(method)
    calib.METHODS.register("wrong", method)
    try:
        with pytest.raises(InputError, match=f"Input result of the method wrong {message}"):
            calib.recover(coarse, "wrong")
    finally:
        calib.METHODS.unregister("wrong")
    assert "wrong" not in calib.METHODS


def test_a_solver_that_returns_something_else_gets_one_sentence():
    solver = next(iter(recon.METHODS.values()))
    broken = recon.Solver("wrong", solver.options, lambda problem, options: None)
    with pytest.raises(InputError, match="must be a Solution; instead received NoneType"):
        recon.check_solver(broken)


def test_a_format_that_loses_something_gets_one_sentence():
    kept = {}

    def write(data, path):
        kept["data"] = data.assign_attrs(more=1)
        path.touch()

    lossy = mpisim.FileFormat((".x",), lambda path: kept["data"], write)
    with pytest.raises(InputError, match="must be one that gives a system_matrix back as it was"):
        mpisim.check_format(lossy)


def test_a_table_refuses_taken_names_and_other_types():
    table = Registry("thing", "no.such.group", int, {"one": 1})
    with pytest.raises(InputError, match="Input name of the thing must be a new one; instead received 'one'"):
        table.register("one", 2)
    for name in (None, "", ["one"]):
        with pytest.raises(InputError, match="Input name of the thing must be a new one"):
            table.register(name, 2)
    with pytest.raises(InputError, match="Input thing two must be an int; instead received str"):
        table.register("two", "2")
    table.register("two", 2)
    assert dict(table) == {"one": 1, "two": 2} and len(table) == 2


def install(folder, points, source=""):
    """Environment with a package whose module `other` has a source and whose metadata have entry points."""
    (folder / "other.py").write_text(source)
    info = folder / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    lines = (f"[{group}]\n{name} = {value}" for group, (name, value) in points.items())
    (info / "entry_points.txt").write_text("\n".join(lines))
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}


@pytest.mark.parametrize("value", ["no_such_module:X", "other:NUMBER", "other:TAKEN"])
def test_groups_of_records_that_fail_are_reported_and_the_rest_works(value, tmp_path):
    """Commands, studies and subjects of `tune`: another package can neither break nor replace them."""
    source = """
from calib.studies.harness.study import Study
from mpisim.cli.command import Command
NUMBER = 3
TAKEN = [Command("info", "another", "", "other")]
"""
    groups = ("mpisim.commands", "mpisim.studies", "mpisim.tunables")
    environment = install(tmp_path, {group: ("other", value) for group in groups}, source)
    for words, kind in (("--help", "command"), ("study --help", "study"), ("tune --help", None)):
        result = run(environment, "-m", "mpisim", *words.split())
        assert result.returncode == 0 and "Traceback" not in result.stderr, result.stderr
        assert kind is None or f"the {kind} other of {value} cannot be used: " in result.stderr
    assert "another" not in run(environment, "-m", "mpisim", "--help").stdout


def test_a_name_that_is_taken_is_reported_and_left_out(tmp_path):
    source = "import calib\nX = calib.Method('another', print)\n"
    environment = install(tmp_path, {"mpisim.recovery_methods": ("bicubic", "other:X")}, source)
    result = run(environment, "-m", "mpisim", "methods")
    assert "another" not in result.stdout and "bicubic interpolation" in result.stdout
    assert "the method of recovery bicubic of other:X cannot be used: Input name of the method of re" in result.stderr


def fails(*_, **__):
    raise KeyError("no such key")


def test_what_a_method_raises_gets_one_sentence(coarse):
    calib.METHODS.register("failing", calib.Method("fails", fails))
    try:
        with pytest.raises(InputError, match="Input method of recovery failing must be one that works here; instead"):
            calib.recover(coarse, "failing")
    finally:
        calib.METHODS.unregister("failing")


@dataclass(frozen=True)
class Flags:
    flag: bool = False
    several: tuple = (1, 2)
    weight: float = 1.0


def test_what_a_solver_raises_gets_one_sentence(coarse, capsys):
    """And only numbers and words among its options become flags."""
    y = build("measurement", np.ones(2, complex), ("frequency",), {}, origin="measured")
    recon.METHODS.register("failing", recon.Solver("100 % failing", Flags, fails))
    try:
        fine = replace_rows(coarse, np.ones((2, 2, 2), complex), Grid.of(coarse), stage="fine")
        with pytest.raises(InputError, match="Input solver failing must be one that works here; instead received KeyE"):
            recon.reconstruct(fine, y, "failing")
        with pytest.raises(SystemExit):
            main(["reconstruct", "--help"])
        shown = capsys.readouterr().out
        assert "--weight" in shown and "--flag" not in shown and "--several" not in shown
    finally:
        recon.METHODS.unregister("failing")


def test_the_first_format_of_a_suffix_reads_and_writes(coarse, tmp_path):
    mpisim.FORMATS.register("second", mpisim.FileFormat((".nc", ".second"), fails, fails))
    try:
        mpisim.write(coarse, tmp_path / "a.nc")
        assert mpisim.read(tmp_path / "a.nc").equals(coarse)
        with pytest.raises(InputError, match="Input file format second must be one that works here"):
            mpisim.write(coarse, tmp_path / "a.second")
        with pytest.raises(InputError, match="Input file format second must be one that works here"):
            mpisim.read(tmp_path / "a.second")
    finally:
        mpisim.FORMATS.unregister("second")


@dataclass(frozen=True)
class Bare:
    needed: int


@pytest.mark.parametrize(
    "make",
    [
        lambda: calib.Method("no function", 3),
        lambda: calib.Method("a word", print, "box"),
        lambda: calib.Method("unknown", print, takes=("noise",)),
        lambda: recon.Solver("no function", Flags, 3),
        lambda: recon.Solver("no dataclass", dict, print),
        lambda: recon.Solver("no default", Bare, print),
        lambda: mpisim.FileFormat(".x", print),
        lambda: mpisim.FileFormat((), print),
    ],
)
def test_records_that_cannot_work_are_refused_when_they_are_made(make):
    with pytest.raises(InputError):
        make()


def test_metadata_that_no_file_holds_get_one_sentence(coarse):
    def apply(coarse):
        return calib.Recovered(np.ones((2, 4, 4), complex), {"model": object()})

    calib.METHODS.register("wrong", calib.Method("wrong", apply))
    try:
        with pytest.raises(InputError, match="attribute recovery must be made of numbers, words"):
            calib.recover(coarse, "wrong")
    finally:
        calib.METHODS.unregister("wrong")


@pytest.mark.parametrize(
    ("table", "record", "wanted"),
    [
        (mpisim.SCANNERS, "a word", "class"),
        (mpisim.SCANNER_PARTS, 3, "class"),
        (mpisim.PARTICLES, mpisim.Particle(25e-9), "class"),
        (mpisim.FORMATS, print, "FileFormat"),
    ],
)
def test_a_record_of_another_type_gets_one_sentence(table, record, wanted):
    received = type(record).__name__
    with pytest.raises(
        InputError, match=rf"^Input {table.kind} odd must be a {wanted}; instead received {received}\.$"
    ):
        table.register("odd", record)
    assert "odd" not in table
