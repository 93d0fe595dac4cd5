"""`mpisim study`: help, bad input and JSON."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from calib.studies.harness.study import StudyOptions, studies
from mpisim.cli.command import parser_of, table
from mpisim.cli.main import main


def test_help_names_every_study(capsys):
    with pytest.raises(SystemExit):
        main(["study", "--help"])
    text = re.sub(r"-\n\s*", "-", capsys.readouterr().out)  # lines may end at a hyphen
    assert all(f"{name}:" in text for name in studies())


def test_help_loads_no_torch():
    code = """
import contextlib, sys
from mpisim.cli.main import main
with contextlib.suppress(SystemExit):
    main(["study", "--help"])
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_the_command_of_options_parses_to_the_same_options(tmp_path):
    given = {"quick": True, "methods": ("bicubic", "cs"), "factors": (2, 8), "train": True, "device": "cuda"}
    options = StudyOptions(tmp_path / "a b", data=tmp_path, budget_fraction=0.25, **given)
    words = shlex.split(options.command("table3"))
    parsed = vars(parser_of(table()["study"]).parse_args(words[2:]))
    assert parsed["name"] == "table3" and {name: parsed[name] for name in given} == given
    assert (parsed["out"], parsed["cache"]) == (str(options.out), str(options.store))
    assert (parsed["share"], parsed["steps"], parsed["data"]) == (0.25, None, str(tmp_path))
    words = shlex.split(StudyOptions(tmp_path, steps=7).command("fig4"))
    assert parser_of(table()["study"]).parse_args(words[2:]).steps == 7


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["table99"], "Input study must be one of table2, table3, table4"),
        (["table3", "--methods", "foo"], "Input --methods must be one of bicubic"),
        (["table3", "--factors", "3"], "Input --factors must be one of 2, 4, 8"),
        (["table3", "--factors", "two"], "Input --factors must be whole numbers"),
        (["table3", "--steps", "1.5"], "Input --steps must be a whole number"),
        (["table3", "--share", "0"], "Input --share must be a positive number"),
        (["table3", "--share", "half"], "Input --share must be a number"),
        (["table3", "--share", "0.5", "--steps", "4"], "argument --steps: not allowed with argument --share"),
        (["table3", "--data", "{f}/none"], "Input --data must be an existing folder"),
        (["table3", "--quick", "--methods", "bicubic", "--data", "{f}"], "without a folder test"),
        (["table3", "--out", "{f}/file"], "Input output folder must be"),
    ],
)
def test_bad_command_lines_get_one_sentence(tmp_path, capsys, words, message):
    (tmp_path / "file").write_text("")
    words = [w.replace("{f}", str(tmp_path)) for w in words]
    words = words if "--out" in words else [*words, "--out", str(tmp_path / "out")]
    assert main(["study", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("mpisim: ") and captured.err.count("\n") == 1
    assert message in captured.err


def test_json_of_a_study(tmp_path, capsys):
    words = ["table3", "--quick", "--methods", "bicubic,bicubic-dc", "--out", str(tmp_path), "--json"]
    assert main(["study", *words]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["study"] == "table3" and result["quick"] and len(result["table"]) == 4 and "text" not in result
    assert {Path(f).name for f in result["files"]} == {f"table3_quick.{k}" for k in ("nc", "csv", "png")}
