"""Packages that extend the toolkit: found by their entry points, checked, and reported where they fail."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import calib
import mpisim
import recon
from mpisim.data.schema import build
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


def run(environment, *words):
    return subprocess.run([sys.executable, *map(str, words)], env=environment, capture_output=True, text=True)


def test_the_example_passes_its_own_tests(environment):
    result = run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLE / "tests")
    assert result.returncode == 0 and result.stdout.startswith("...."), result.stdout + result.stderr


def test_the_parts_of_the_example_work_at_the_command_line(environment, tmp_path):
    """The scanner comes from a file that names its class; the format carries the matrix to the solver."""
    made = run(
        environment,
        "-c",
        f"""
import mpisim
from mpi_extras.scanner import SurfaceCoilFFL
ideal = mpisim.open_sided_ffl(0.8, angles=6)
known = {{n: getattr(ideal, n) for n in ("sf_gradient", "drive_amplitude", "angles", "harmonics")}}
matrix = mpisim.simulate(SurfaceCoilFFL(**known), mpisim.Particle(25e-9), mpisim.Grid((8, 8)))
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
def test_a_method_that_returns_something_else_gets_one_sentence(apply, message):
    method = calib.Method("wrong", apply)
    with pytest.raises(InputError, match=message):
        calib.check_method(method)
    calib.METHODS.register("wrong", method)
    try:
        grid = mpisim.Grid((4, 4), (0.004, 0.004))
        fine = build(
            "system_matrix", np.ones((2, 4, 4), complex), ("frequency", "y", "x"), grid.coords(),
            stage="fine", origin="measured",
        )  # fmt: skip
        with pytest.raises(InputError, match=f"Input result of the method wrong {message}"):
            calib.recover(calib.downsample(fine, 2), "wrong")
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
    with pytest.raises(InputError, match="Input thing two must be a int; instead received str"):
        table.register("two", "2")
    table.register("two", 2)
    assert dict(table) == {"one": 1, "two": 2} and len(table) == 2
