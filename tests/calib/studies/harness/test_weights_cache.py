"""The cache of trainings: interruptions and damage."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from calib.learned.checkpoint import load_tensors, save_tensors
from calib.studies.catalogue import STUDIES
from calib.studies.harness.budgets import study_config
from calib.training.recipe import names_of_0_1_0
from mpisim.io.digest import digest
from tests.small import NET, SMALL, Report, entries, short


def without_minutes(table):
    return [{k: v for k, v in row.items() if k != "minutes"} for row in table]


def interrupted(out, stop, **options):
    """Run table3 until a line of its report contains a text; return the lines."""
    report = Report(stop)
    with pytest.raises(KeyboardInterrupt):
        short("table3", out, methods=("bicubic", NET), report=report, **options)
    return report


def test_an_interrupted_study_ends_with_the_same_numbers(tmp_path):
    """Ctrl-C in the training and, later, between rows; finished parts are not computed again."""
    whole = short("table3", tmp_path / "whole", methods=("bicubic", NET))
    parts = tmp_path / "parts"
    interrupted(parts, "step 3")
    (entry,) = entries(parts / "cache")
    assert load_tensors(entry / "checkpoint.safetensors", "checkpoint")[1]["step"] == 3  # Ctrl-C writes one
    second = interrupted(parts, f"{NET} 4x noiseless")
    assert not [line for line in second if line.startswith("bicubic")]
    last = Report()
    result = short("table3", parts, methods=("bicubic", NET), report=last)
    assert len(last) == 1 and last[0].startswith(f"{NET} 4x noisy")
    assert without_minutes(result["table"]) == without_minutes(whole["table"])


def test_an_interrupted_training_of_0_1_0_continues_in_its_folder(tmp_path):
    """The names of its folders are digests of configurations whose keys had other names."""
    interrupted(tmp_path, "step 3")
    (folder,) = entries(tmp_path / "cache")
    stated = load_tensors(folder / "checkpoint.safetensors", "checkpoint")[1]["train"]
    data = short("weights", tmp_path / "other", methods=(NET,))["table"][0]["file"]
    key = {"train": names_of_0_1_0(stated), "data": json.loads((Path(data).parent / "entry.json").read_text())["data"]}
    assert folder.name != f"{NET}_4x_{digest(key)}"
    old = folder.rename(folder.with_name(f"{NET}_4x_{digest(key)}"))
    report = Report()
    short("weights", tmp_path, methods=(NET,), report=report)
    assert entries(tmp_path / "cache") == [old]
    assert [line.split()[3] for line in report if " step " in line] == ["4"]


def damaged_weights(entry):
    file = entry / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def no_json(entry):
    (entry / "entry.json").write_text("{")


def of_other_data(entry):
    file = entry / "entry.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "data": 16 * "0"}))


def no_weights(entry):
    (entry / "weights.safetensors").unlink()


@pytest.mark.parametrize("damage", [damaged_weights, no_json, of_other_data, no_weights])
def test_a_damaged_training_is_reported_renamed_and_repeated(tmp_path, damage):
    first = short("weights", tmp_path, methods=(NET,))["table"][0]
    before = {k: v.clone() for k, v in load_tensors(first["file"], "weights")[0].items()}  # the file is mapped
    (entry,) = entries(tmp_path / "cache")
    damage(entry)
    report = Report()
    again = short("weights", tmp_path, methods=(NET,), report=report)["table"][0]
    assert f"the cached training {entry} is damaged and is renamed to {entry.name}.damaged" in report[0]
    assert [p.name for p in entries(tmp_path / "cache")] == [entry.name, f"{entry.name}.damaged"]
    after = load_tensors(again["file"], "weights")[0]
    assert all(np.array_equal(before[k], after[k]) for k in before)
    report = Report()
    short("weights", tmp_path, methods=(NET,), report=report)
    assert not report


def other_steps(file, tmp_path):
    other = short("weights", tmp_path, methods=(NET,), steps=3)["table"][0]
    file.write_bytes(Path(other["file"]).read_bytes())


def other_network(file, tmp_path):
    config = study_config(NET, 4, 4)
    save_tensors(file, {"model.x": torch.zeros(1)}, "checkpoint", {"train": config.as_mapping()})


def one_bit(file, tmp_path):
    other_network(file, tmp_path)
    file.write_bytes(file.read_bytes()[:-1] + b"?")


def empty(file, tmp_path):
    file.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (empty, "must be a readable safetensors file"),
        (other_steps, "must be checkpoint of this program"),
        (other_network, "its checkpoint is of another network"),
        (one_bit, "must be checkpoint as they were written"),
    ],
)
def test_a_damaged_checkpoint_is_reported_and_the_training_starts_again(tmp_path, damage, why):
    interrupted(tmp_path, "step 1 ")
    (entry,) = entries(tmp_path / "cache")
    damage(entry / "checkpoint.safetensors", tmp_path)
    report = Report()
    row = short("weights", tmp_path, methods=(NET,), report=report)["table"][0]
    assert (row["status"], row["steps"]) == ("trained", 4)
    assert "is damaged and is renamed" in report[0] and why in report[0]


def test_an_entry_states_configuration_data_and_weights_alone(tmp_path):
    """So that comments, renames and moves of code train nothing again."""
    row = short("weights", tmp_path, methods=(NET,))["table"][0]
    entry = json.loads((Path(row["file"]).parent / "entry.json").read_text())
    config = study_config(NET, 4, 4).as_mapping()
    matrices = [SMALL.simulate(c)["system_matrix"].values for s in ("train", "validation") for c in SMALL.of(s)]
    assert entry == {"train": config, "data": digest(*matrices, 4), "weights": row["digest"]}


def test_other_data_train_again(tmp_path):
    report = Report()
    short("weights", tmp_path, methods=(NET,), report=report)
    options = {"quick": True, "train": True, "methods": (NET,), "report": report}
    protocol = type(SMALL)(SMALL.cases[1:], SMALL.spec)
    STUDIES["weights"](tmp_path, protocol=protocol, **options)
    assert len(report.trainings()) == 2
