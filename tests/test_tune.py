"""The search: finds a minimum, goes on where it was interrupted, refuses another search, and runs from the command."""

import json
import math
import sys

import numpy as np
import pytest

from calib.training.search import Tunable, tunables, tune
from mpisim.cli.main import main
from mpisim.data.grid import Grid
from mpisim.dataset.cases import grid_cases
from mpisim.dataset.generation import generate
from mpisim.dataset.spec import DatasetSpec
from mpisim.errors import DivergenceError, InputError


def bowl(values, folder, data, options):
    """Least, 1, at a = 0.3 and b = 20."""
    return 1 + np.log10(values["a"] / 0.3) ** 2 + 0.1 * np.log10(values["b"] / 20) ** 2


BOWL = Tunable("a bowl", {"a": (1e-3, 1e1), "b": (1.0, 1e3)}, bowl)


def test_it_finds_a_minimum_and_writes_it(tmp_path):
    found = tune(BOWL, tmp_path, tmp_path / "search", trials=40)
    lines = (tmp_path / "search" / "trials.csv").read_text().splitlines()
    first = float(lines[1].split(",")[-1])
    assert lines[0] == "trial,a,b,score" and len(lines) == 41
    assert found["score"] == pytest.approx(min(float(line.split(",")[-1]) for line in lines[1:]), rel=1e-6)
    assert found["score"] < 1.05 < first
    best = dict(line.split(" = ") for line in (tmp_path / "search" / "best.toml").read_text().splitlines())
    assert {k: float(v) for k, v in best.items()} == found["values"]


def test_an_interrupted_search_goes_on_as_it_would_have(tmp_path):
    whole = tune(BOWL, tmp_path, tmp_path / "whole", trials=8, seed=3)
    calls = []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return bowl(*arguments)

    with pytest.raises(KeyboardInterrupt):
        tune(Tunable("a bowl", BOWL.space, interrupted), tmp_path, tmp_path / "parts", trials=8, seed=3)
    assert tune(BOWL, tmp_path, tmp_path / "parts", trials=8, seed=3) == {**whole, "out": str(tmp_path / "parts")}
    texts = [(tmp_path / name / "trials.csv").read_text() for name in ("whole", "parts")]
    assert texts[0] == texts[1]
    with pytest.raises(InputError, match="output folder must be that of the same search"):
        tune(BOWL, tmp_path, tmp_path / "parts", trials=8, seed=4)
    with pytest.raises(InputError, match="output folder must be that of the same search"):
        tune(Tunable("another bowl", BOWL.space, bowl), tmp_path, tmp_path / "parts", trials=9, seed=3)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "new.nc").touch()
    with pytest.raises(InputError, match="output folder must be that of the same search"):
        tune(BOWL, tmp_path, tmp_path / "parts", trials=9, seed=3)


def test_points_that_diverge_count_as_infinitely_bad(tmp_path):
    """A divergence, then a score that is no number, then the bowl: the search ends, also when it begins with them."""
    calls = []

    def score(*arguments):
        calls.append(1)
        if len(calls) == 1:
            raise DivergenceError("Input a must be small; instead received a large one.")
        return math.nan if len(calls) == 2 else bowl(*arguments)

    found = tune(Tunable("a bowl", BOWL.space, score), tmp_path, tmp_path / "search", trials=6)
    scores = [line.split(",")[-1] for line in (tmp_path / "search" / "trials.csv").read_text().splitlines()[1:]]
    assert scores[:2] == ["inf", "inf"] and found["trials"] == 6 and math.isfinite(found["score"])


def test_without_optuna(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"must be run with Optuna \(`pip install 'mpisim\[hpo\]'`\)"):
        tune(BOWL, tmp_path, tmp_path / "search")


def test_the_command(tmp_path, capsys):
    cells = grid_cases((0.5,), (24e-9,), "train") + grid_cases((0.7,), (24e-9,), "validation")
    generate(cells, DatasetSpec(grid=Grid((16, 16)), scanner={"angles": 12}), tmp_path / "data")
    assert {"admm", "transms", "vdsr"} <= set(tunables())
    common = ["--data", str(tmp_path / "data"), "--trials", "2", "--json", "--out"]
    assert main(["tune", "srcnn", "--steps", "2", *common, str(tmp_path / "net")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["trials"] == 2 and 1e-3 <= found["values"]["learning_rate"] <= 1e-1
    assert main(["tune", "admm", *common, str(tmp_path / "admm")]) == 0
    assert json.loads(capsys.readouterr().out)["score"] < -5  # dB
    assert main(["tune", "srcnn", "--steps", "2", "--factor", "3", *common, str(tmp_path / "three")]) == 2
    assert "Input factor must be" in capsys.readouterr().err and not any((tmp_path / "three").iterdir())
    assert main(["tune", "admm", "--steps", "3", *common, str(tmp_path / "bad")]) == 2
    assert "Input --steps must be left out for admm" in capsys.readouterr().err
    assert main(["tune", "magic", *common, str(tmp_path / "bad")]) == 2
    assert "Input what to tune must be one of" in capsys.readouterr().err
    assert not (tmp_path / "bad").exists()
