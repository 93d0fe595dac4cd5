"""Scanners by name and file at the command line."""

import json

import numpy as np
import pytest

import mpisim
from mpisim.errors import DataWarning
from mpisim.io.field_map import write_field_map
from tests.commands import run

TRACER = ["--sf-gradient", 0.5, "--particle-diameter", 25]
SMALL = ["--grid", 4, "--angle-step", 60]


@pytest.fixture
def stated(tmp_path):
    """A file with tables that states gradient, diameter and more."""
    text = "[scanner]\nsf_gradient = 0.5\nangles = 3\nharmonics = [2, 3]\ndrive_frequency = 25e3\n"
    text += "drive_amplitude = 8e-3\n[particle]\ndiameter = 25e-9\n[calibration]\ngrid = [4, 4]\nsize = [2e-3, 2e-3]\n"
    (tmp_path / "s.toml").write_text(text)
    return tmp_path / "s.toml"


def test_the_ideal_scanner_is_the_default_one(tmp_path, capsys):
    for name, words in (("a.nc", []), ("b.nc", ["--scanner", "ideal"])):
        assert run(capsys, "simulate", *TRACER, *SMALL, *words, "--out", tmp_path / name)[0] == 0
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


@pytest.mark.parametrize("name", ["mild", "medium", "strong"])
def test_scanners_of_a_level_need_nothing_else(name, tmp_path, capsys):
    assert run(capsys, "simulate", "--scanner", name, *SMALL, "--out", tmp_path / "sm.nc")[0] == 0
    setup = mpisim.Setup.of(mpisim.read(tmp_path / "sm.nc"))
    fixed = mpisim.read_scanner(name)
    assert setup.scanner.coils == fixed.scanner.coils and setup.particle == fixed.particle
    assert len(setup.scanner.angles) == 3 and setup.grid.shape == (4, 4)


def test_a_matrix_is_simulated_again_from_its_file(stated, tmp_path, capsys):
    assert run(capsys, "simulate", "--scanner", stated, "--out", tmp_path / "a.nc")[0] == 0
    assert run(capsys, "simulate", "--scanner", tmp_path / "a.nc", "--out", tmp_path / "b.nc")[0] == 0
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()
    code, _, err = run(capsys, "simulate", "--scanner", tmp_path / "a.nc", "--out", tmp_path / "a.nc")
    assert code == 2 and "another file than the input" in err


def test_what_the_file_says_may_be_repeated(stated, tmp_path, capsys):
    same = [*TRACER, *SMALL, "--harmonics", "2:3", "--drive-frequency", 25, "--drive-amplitude", 8, "--sample-size", 2]
    assert run(capsys, "simulate", "--scanner", stated, *same, "--out", tmp_path / "a.nc")[0] == 0
    assert run(capsys, "simulate", "--scanner", stated, "--fov", 30, "--out", tmp_path / "b.nc")[0] == 0


CONTRADICTIONS = {
    "--sf-gradient 0.6": "Input --sf-gradient must be 0.5 T/m, as {f} says, or left out; instead received 0.6.",
    "--particle-diameter 26": "Input --particle-diameter must be 25 nm, as {f} says, or left out; instead received 26.",
    "--angle-step 30": "Input --angle-step must be 60 degrees, as {f} says, or left out; instead received 30.",
    "--harmonics 2:4": "Input --harmonics must be [2, 3], as {f} says, or left out; instead received [2, 3, 4].",
    "--drive-frequency 23.2": "Input --drive-frequency must be 25 kHz, as {f} says, or left out; instead received 23.2.",
    "--drive-amplitude 9": "Input --drive-amplitude must be 8 mT, as {f} says, or left out; instead received 9.",
    "--grid 8": "Input --grid must be [4, 4], as {f} says, or left out; instead received [8, 8].",
    "--sample-size 1": "Input --sample-size must be [2, 2] mm, as {f} says, or left out; instead received [1, 1].",
    "--sf-gradient 0.5,0.6": "Input --sf-gradient must be a number; instead received 2 numbers.",
}


@pytest.mark.parametrize("words", CONTRADICTIONS)
def test_a_file_that_contradicts_the_command_line_is_refused(words, stated, tmp_path, capsys):
    code, out, err = run(capsys, "simulate", "--scanner", stated, *words.split(), "--out", tmp_path / "a.nc")
    assert code == 2 and out == "" and not (tmp_path / "a.nc").exists()
    assert CONTRADICTIONS[words].format(f=stated) in err and err.count("\n") == 1


def test_an_option_replaces_a_value_of_a_flat_file_and_says_so(tmp_path, capsys):
    (tmp_path / "s.toml").write_text("harmonics = [4]\ndrive_frequency = 25e3\n")
    words = ["simulate", *TRACER, *SMALL, "--scanner", tmp_path / "s.toml", "--harmonics", "3", "--drive-frequency", 25]
    code, _, err = run(capsys, *words, "--out", tmp_path / "a.nc")
    assert code == 0 and mpisim.read(tmp_path / "a.nc").attrs["scanner"]["harmonics"] == [3]
    assert err.startswith("mpisim: warning: --harmonics replaces harmonics of ") and err.count("\n") == 1


def test_what_nobody_states_is_asked_for(tmp_path, capsys):
    for words, flag in (([], "--sf-gradient"), (["--sf-gradient", 0.5], "--particle-diameter")):
        code, _, err = run(capsys, "simulate", *words, "--out", tmp_path / "a.nc")
        assert code == 2 and f"Input {flag} must be given here" in err


def test_scanners_are_listed_shown_and_copied(tmp_path, capsys):
    code, out, _ = run(capsys, "scanners")
    assert code == 0 and [line.split()[0] for line in out.splitlines()] == list(mpisim.SCANNER_NAMES)
    listed = json.loads(run(capsys, "scanners", "--json")[1])["scanners"]
    assert list(listed) == list(mpisim.SCANNER_NAMES)
    code, out, _ = run(capsys, "scanners", "mild")
    assert code == 0 and out.startswith(f"# {listed['mild']}") and "[[scanner.coils]]" in out
    assert json.loads(run(capsys, "scanners", "mild", "--json")[1])["scanner"]["sf_gradient"] == 0.7
    assert run(capsys, "scanners", "mild", "--out", tmp_path / "mine.toml")[0] == 0
    assert mpisim.read_scanner(tmp_path / "mine.toml") == mpisim.read_scanner("mild")
    for words in (["milt"], ["--out", tmp_path / "a.toml"], ["mild", "--out", tmp_path / "a.txt"]):
        code, _, err = run(capsys, "scanners", *words)
        assert code == 2 and err.count("\n") == 1


def test_info_knows_the_names(capsys):
    code, out, _ = run(capsys, "info", "strong")
    assert code == 0 and out.startswith("strong.toml: TOML file") and "  scanner: {'class': 'ImperfectFFL'" in out


def test_scanners_are_drawn_by_name_and_file(stated, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "plot", "ideal", *TRACER, "--json")
    assert code == 0 and json.loads(out) == {"out": "ideal.png", "kind": "scanner"}
    assert run(capsys, "plot", stated)[0] == 0
    for file in (tmp_path / "ideal.png", tmp_path / "s.png"):
        assert file.read_bytes().startswith(b"\x89PNG")
    code, _, err = run(capsys, "plot", "nowhere", "--out", "no.png")
    assert code == 2 and "one of the scanners ideal, open-sided-ffl, mild" in err
    code, _, err = run(capsys, "plot", stated, "--angle", 45, "--out", "no.png")
    assert code == 2 and "for a file of the kind scanner; instead received --angle." in err
    code, _, err = run(capsys, "plot", stated, "--sf-gradient", 0.6, "--out", "no.png")
    assert code == 2 and "Input --sf-gradient must be 0.5 T/m" in err and not (tmp_path / "no.png").exists()


def test_angles_that_are_no_steps_are_listed_in_degrees(tmp_path, capsys):
    (tmp_path / "s.toml").write_text("[scanner]\nangles = [0.0, 0.5]\n")
    words = ["simulate", *TRACER, "--scanner", tmp_path / "s.toml", "--angle-step", 90, "--out", tmp_path / "a.nc"]
    code, _, err = run(capsys, *words)
    assert code == 2 and "Input --angle-step must be that of [0, 28.6479] degrees, as " in err


def test_a_data_set_names_the_unit_of_its_option(stated, tmp_path, capsys):
    words = ["dataset", "--scanner", stated, "--particle-diameter", "26", "--out", tmp_path / "d"]
    code, _, err = run(capsys, *words)
    assert code == 2 and "Input --particle-diameter must be 25 nm, as " in err


def test_a_field_map_alone_is_refused_with_what_to_do(tmp_path, capsys):
    axis = (-0.01, 0.0, 0.01)
    field = mpisim.FieldMap(axis, axis, (0.0,), np.ones((1, 3, 3, 3)), unit="1/m")
    write_field_map(field, tmp_path / "coil.nc")
    code, _, err = run(capsys, "plot", tmp_path / "coil.nc", "--out", tmp_path / "coil.png")
    assert code == 2 and "a TOML file with a part of the class FieldMap or MapCoil" in err and err.count("\n") == 1
    assert "instead received FieldMap(3 x 3 x 1 points" in err and not (tmp_path / "coil.png").exists()


def test_an_angle_step_that_180_degrees_are_no_multiple_of_is_said(tmp_path, capsys):
    """As a step in radians; steps that divide 180, also after rounding, are taken without a word."""
    words = ["simulate", *TRACER, "--grid", 4, "--harmonics", "2,3", "--out", tmp_path / "sm.nc", "--angle-step"]
    with pytest.warns(DataWarning, match=r"steps of 0.262 degrees: of 688 angles the last one is 0.006 degrees before"):
        assert run(capsys, *words, 0.262)[0] == 0
    for step, count in ((60, 3), (0.9, 200), (180 / 7, 7)):
        assert run(capsys, *words, step)[0] == 0
        assert mpisim.read(tmp_path / "sm.nc").sizes["angle"] == count


def test_a_file_without_a_scanner_is_named(tmp_path, capsys):
    assert run(capsys, "simulate", *TRACER, *SMALL, "--out", tmp_path / "sm.nc")[0] == 0
    assert run(capsys, "measure", tmp_path / "sm.nc", "--out", tmp_path / "y.nc")[0] == 0
    code, _, err = run(capsys, "simulate", "--scanner", tmp_path / "y.nc", "--out", tmp_path / "no.nc")
    assert code == 2 and err.startswith(f"mpisim: Input {tmp_path / 'y.nc'} must be a system_matrix; instead received")
    assert not (tmp_path / "no.nc").exists()
