"""Tunable trainings, alone and from the command line."""

import json

import pytest

from calib.nets.table import NETS
from calib.training.search import tunables
from calib.training.tune import validation_nrmse
from mpisim.cli.main import main
from mpisim.data.grid import Grid
from mpisim.dataset.cases import grid_cases
from mpisim.dataset.generation import generate
from mpisim.dataset.spec import DatasetSpec
from mpisim.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set of one training and one validation matrix."""
    out = tmp_path_factory.mktemp("data")
    cases = grid_cases((0.5,), (24e-9,), "train") + grid_cases((0.7,), (24e-9,), "validation")
    generate(cases, DatasetSpec(grid=Grid((16, 16)), scanner={"angles": 12}), out)
    return out


def test_every_network_and_admm_can_be_tuned():
    assert {"admm", *NETS} <= set(tunables())


def test_a_finished_training_is_not_repeated(tmp_path, folder):
    options = {"factor": 2, "steps": 2}
    first = validation_nrmse("srcnn", {"learning_rate": 0.01}, tmp_path / "a", folder, options)
    before = (tmp_path / "a" / "log.csv").read_text()
    assert validation_nrmse("srcnn", {"learning_rate": 0.01}, tmp_path / "a", folder, options) == first
    assert (tmp_path / "a" / "log.csv").read_text() == before
    assert validation_nrmse("srcnn", {"learning_rate": 0.1}, tmp_path / "b", folder, options) != first


def test_unknown_options_are_refused(tmp_path, folder):
    with pytest.raises(InputError, match="instead received also heads"):
        validation_nrmse("srcnn", {"learning_rate": 0.01}, tmp_path / "a", folder, {"heads": 8})


def test_the_command(tmp_path, folder, capsys):
    common = ["--data", str(folder), "--trials", "2", "--json", "--out"]
    assert main(["tune", "srcnn", "--steps", "2", *common, str(tmp_path / "net")]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["trials"] == 2 and 1e-3 <= result["values"]["learning_rate"] <= 1e-1
    assert main(["tune", "admm", *common, str(tmp_path / "admm")]) == 0
    assert json.loads(capsys.readouterr().out)["score"] < -5  # dB
    assert main(["tune", "srcnn", "--steps", "2", "--factor", "3", *common, str(tmp_path / "three")]) == 2
    assert "Input --factor must be" in capsys.readouterr().err and not any((tmp_path / "three").iterdir())
    assert main(["tune", "admm", "--steps", "3", *common, str(tmp_path / "bad")]) == 2
    assert "Input --steps must be left out for admm" in capsys.readouterr().err
    assert main(["tune", "magic", *common, str(tmp_path / "bad")]) == 2
    assert "Input what to tune must be one of" in capsys.readouterr().err
    assert not (tmp_path / "bad").exists()
