"""Terminals that know ASCII only, matplotlib backends that fail, and numbers that JSON does not have."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import mpisim
from mpisim.cli.command import GROUPS, Command, table
from tests.commands import run, write_matrices


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("terminals")
    write_matrices(out)
    return out


def command(folder, *words, **environment):
    """Run a command in a process of its own; return what it gave."""
    return subprocess.run(
        [sys.executable, "-m", "mpisim", *words],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
    )


def test_an_ascii_terminal_loses_no_finished_work(folder):
    words = ("downsample", "sm.nc", "--factor", "2", "--out", "\u00b5.nc")
    done = command(folder, *words, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and "\\xb5.nc" in done.stdout and done.stderr == ""
    assert mpisim.read(folder / "\u00b5.nc").attrs["stage"] == "coarse"


def test_a_name_that_the_locale_cannot_encode_is_refused_before_work(folder, capsys):
    code, out, err = run(capsys, "downsample", folder / "sm.nc", "--factor", 2, "--out", folder / "\udcb5.nc")
    assert (code, out) == (2, "") and err.startswith("mpisim: Input name must be in the encoding of the locale")


def test_a_bad_backend_loses_no_picture(folder):
    done = command(folder, "plot", "sm.nc", "--out", "p.png", "--json", MPLBACKEND="nonsense", DISPLAY="")
    assert done.returncode == 0 and json.loads(done.stdout), done.stderr
    assert (folder / "p.png").read_bytes().startswith(b"\x89PNG")


def test_the_environment_of_a_caller_in_python_stays(folder, capsys, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "svg")
    assert run(capsys, "info", folder / "sm.nc")[0] == 0
    assert os.environ["MPLBACKEND"] == "svg"


def test_json_has_null_for_what_it_lacks(capsys, monkeypatch):
    class Module:
        @staticmethod
        def add_arguments(parser):
            """It has none."""

        @staticmethod
        def run(options):
            return {
                "a": float("nan"),
                "b": [np.inf, 1.0, np.float32(2)],
                "c": {"d": -np.inf, 3: "x"},
                "e": None,
                "f": True,
            }

    monkeypatch.setattr(Command, "load", lambda self: Module)
    code, out, _ = run(capsys, "methods", "--json")
    assert code == 0
    assert json.loads(out) == {"a": None, "b": [None, 1.0, 2.0], "c": {"d": None, "3": "x"}, "e": None, "f": True}


def test_values_for_people_are_set_apart(capsys, monkeypatch):
    class Module:
        @staticmethod
        def add_arguments(parser):
            """It has none."""

        @staticmethod
        def run(options):
            return {"a": [1, 2], "b": {"c": [0.5, 2.0], "d": None, "e": False}, "f": True, "g": None, "h": [[0] * 13]}

    monkeypatch.setattr(Command, "load", lambda self: Module)
    code, out, _ = run(capsys, "methods")
    assert code == 0
    assert out.splitlines() == [
        "a  1, 2",
        "b  {c: [0.5, 2], d: -, e: no}",
        "f  yes",
        "h  [0 .. 0 (13 values)]",
    ]


def test_commands_are_listed_in_the_order_of_work(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    order = ["simulate", "dataset", "downsample", "recover", "methods", "evaluate", "measure", "reconstruct", "demo"]
    order += ["convert", "info", "train", "study"]
    lines = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    assert [name for name in lines if name in order] == order
    assert lines == list(table())
    assert all(f"{heading}:" in out for group, heading in GROUPS.items() if group)


def test_a_group_is_one_of_the_headings():
    with pytest.raises(mpisim.InputError, match="Input group of the command x must be one of simulate"):
        Command("x", "y", "z", "m", "cooking")
