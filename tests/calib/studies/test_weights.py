"""The study of weights: which ones it takes, and what it states of them."""

import shlex
import shutil
from pathlib import Path

import pytest

from calib.learned.checkpoint import load_tensors, save_tensors
from calib.studies.catalogue import STUDIES
from mpisim.cli.command import parser_of, table
from mpisim.errors import InputError
from tests.small import NET, SMALL, Report, entries, short


@pytest.fixture
def bundle(tmp_path):
    """An empty folder of bundled weights."""
    folder = tmp_path / "bundled"
    folder.mkdir()
    return folder


def test_missing_weights_are_marked_with_the_command_that_trains_them(tmp_path):
    result = STUDIES["table3"](tmp_path / "out put", protocol=SMALL, methods=("bicubic", "smrnet"), factors=(2, 8))
    assert {r["status"] for r in result["table"] if r["method"] == "smrnet"} == {"missing"}
    assert all(r["nrmse_percent"] is None for r in result["table"] if r["method"] == "smrnet")
    assert "left out, without weights: smrnet 2x, smrnet 8x" in result["text"] and "1 hours" not in result["text"]
    assert not any(line.startswith("smrnet") for line in result["text"].splitlines())
    words = shlex.split(result["text"].splitlines()[-1])
    parsed = parser_of(table()["study"]).parse_args(words[2:])
    assert (parsed.name, parsed.methods, parsed.factors, parsed.train) == ("weights", ("smrnet",), (2, 8), True)
    assert (parsed.out, parsed.cache) == (str(tmp_path / "out put"), str(tmp_path / "out put" / "cache"))


def test_weights_are_trained_once(tmp_path, bundle):
    report = Report()
    first = short("weights", tmp_path, methods=(NET,), bundled=bundle, report=report)["table"][0]
    assert len(report.trainings()) == 1
    again = short("weights", tmp_path, methods=(NET,), bundled=bundle, report=report)["table"][0]
    assert again == first and first["weights"] == "cache" and first["converged"] == "unknown"
    assert len(report.trainings()) == 1
    options = {"protocol": SMALL, "methods": (NET,), "factors": (2, 4), "bundled": bundle, "report": report}
    untrained = STUDIES["weights"](tmp_path, **options, steps=5)["table"]
    assert [(row["status"], row["steps"]) for row in untrained] == [("missing", None), ("trained", 4)]
    assert len(report.trainings()) == 1


def test_written_files_hold_for_any_machine(tmp_path):
    row = short("weights", tmp_path, methods=(NET,))["table"][0]
    text = (tmp_path / "weights_quick.csv").read_text()
    assert row["digest"] in text and str(tmp_path) not in text


def test_bundled_weights_replace_an_equal_training(tmp_path, bundle):
    made = short("weights", tmp_path / "a", methods=(NET,))["table"][0]
    file = shutil.copy(made["file"], bundle / f"{NET}_4x.safetensors")
    used = short("weights", tmp_path / "b", methods=(NET,), bundled=bundle)["table"][0]
    assert (used["weights"], used["digest"]) == ("bundled", made["digest"])
    assert not entries(tmp_path / "b" / "cache")
    tensors, about = load_tensors(file, "weights")
    older = {**about, "train": {k: v for k, v in about["train"].items() if k != "flip_threshold"}}
    save_tensors(file, tensors, "weights", older)  # of a version that did not know the key
    used = short("weights", tmp_path / "b", methods=(NET,), bundled=bundle)["table"][0]
    assert (used["weights"], used["steps"]) == ("bundled", made["steps"])


def test_bundled_weights_of_another_training_are_taken_without_training_only(tmp_path, bundle):
    made = short("weights", tmp_path / "a", methods=(NET,))["table"][0]
    shutil.copy(made["file"], bundle / f"{NET}_4x.safetensors")
    other = short("weights", tmp_path / "b", methods=(NET,), bundled=bundle, steps=3)["table"][0]
    assert (other["weights"], other["steps"]) == ("cache", 3)
    options = {"protocol": SMALL, "methods": (NET,), "factors": (4,), "bundled": bundle}
    taken = STUDIES["weights"](tmp_path / "c", **options)["table"][0]
    assert (taken["weights"], taken["steps"]) == ("bundled", 4)


def test_without_a_training_of_the_budget_the_longest_is_taken(tmp_path, bundle):
    for steps in (3, 5):
        short("weights", tmp_path, methods=(NET,), steps=steps)
    options = {"protocol": SMALL, "methods": (NET,), "factors": (4,), "bundled": bundle}
    longest = STUDIES["weights"](tmp_path, **options)["table"][0]
    assert (longest["weights"], longest["steps"], longest["converged"]) == ("cache", 5, "unknown")
    (Path(longest["file"]).parent / "entry.json").write_text("{")  # a damaged entry is skipped
    assert STUDIES["weights"](tmp_path, **options)["table"][0]["steps"] == 3


def test_the_result_states_files_and_missing_weights(tmp_path, bundle):
    short("weights", tmp_path, methods=(NET,))
    options = {"protocol": SMALL, "bundled": bundle, "factors": (2, 4)}
    result = STUDIES["weights"](tmp_path, methods=(NET,), **options)
    missing, made = result["table"]
    assert missing["file"] is None and missing["status"] == "missing"
    assert Path(made["file"]).is_file() and f"without weights: {NET} 2x" in result["missing"][0]
    with pytest.raises(InputError, match="Input methods must be one of"):
        STUDIES["weights"](tmp_path, methods=("bicubic",), **options)


def test_an_unknown_device_is_refused(tmp_path):
    with pytest.raises(InputError, match="Input device must be one that torch can use here"):
        short("weights", tmp_path, methods=(NET,), device="abacus")
