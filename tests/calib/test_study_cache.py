"""What studies keep: weights and rows, found again, missing, shipped, interrupted, damaged."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

import calib.training.train
from calib.learned.checkpoint import load_tensors, save_tensors
from calib.studies.catalogue import STUDIES
from calib.studies.harness import budgets, recovery
from calib.studies.harness import trained as training
from calib.studies.harness.study import StudyOptions
from mpisim.cli.command import parser_of, table
from tests.small import NET, SMALL, entries, short

# -- weights ----------------------------------------------------------------------------------------------------------


def test_missing_weights_are_marked_and_the_command_that_makes_them_is_told(tmp_path):
    result = STUDIES["table3"](tmp_path / "out put", protocol=SMALL, methods=("bicubic", "smrnet"), factors=(2, 8))
    assert {r["status"] for r in result["table"] if r["method"] == "smrnet"} == {"missing"}
    assert all(r["nrmse_percent"] is None for r in result["table"] if r["method"] == "smrnet")
    assert "missing" in result["text"]
    words = shlex.split(result["text"].splitlines()[-1])
    parsed = parser_of(table()["study"]).parse_args(words[2:])
    assert (parsed.name, parsed.methods, parsed.factors, parsed.train) == ("weights", "smrnet", "2,8", True)
    assert (parsed.out, parsed.cache) == (str(tmp_path / "out put"), str(tmp_path / "out put" / "cache"))


def test_weights_are_trained_once(tmp_path, monkeypatch):
    first = short("weights", tmp_path, None, methods=(NET,))["table"][0]
    monkeypatch.setattr(calib.training.train, "train", None)  # cannot be called
    monkeypatch.setattr(training, "bundled_weights", lambda method, factor, noiseless=False: tmp_path / "none")
    again = short("weights", tmp_path, None, methods=(NET,))["table"][0]
    assert again == first and first["weights"] == "cache" and first["converged"] == "unknown"
    assert str(tmp_path) not in (tmp_path / "weights_quick.csv").read_text()  # which others read, too
    untrained = STUDIES["weights"](tmp_path, protocol=SMALL, methods=(NET,), factors=(2, 4), steps=5)["table"]
    assert [(row["status"], row["steps"]) for row in untrained] == [("missing", None), ("trained", 4)]


def test_shipped_weights_are_used_without_training_if_they_are_the_same(tmp_path, monkeypatch):
    made = short("weights", tmp_path / "a", None, methods=(NET,))["table"][0]
    monkeypatch.setattr(training, "bundled_weights", lambda method, factor, noiseless=False: Path(made["file"]))
    used = short("weights", tmp_path / "b", None, methods=(NET,))["table"][0]
    assert (used["weights"], used["digest"]) == ("shipped", made["digest"])
    assert not entries(tmp_path / "b" / "cache")
    tensors, about = load_tensors(made["file"], "weights")
    older = {**about, "train": {k: v for k, v in about["train"].items() if k != "border"}}
    save_tensors(made["file"], tensors, "weights", older)  # of a version that did not know the key
    used = short("weights", tmp_path / "b", None, methods=(NET,))["table"][0]
    assert (used["weights"], used["steps"]) == ("shipped", made["steps"])
    other = short("weights", tmp_path / "b", None, methods=(NET,), steps=3)["table"][0]
    assert (other["weights"], other["steps"]) == ("cache", 3)
    taken = STUDIES["weights"](tmp_path / "c", protocol=SMALL, methods=(NET,), factors=(4,))["table"][0]
    assert (taken["weights"], taken["steps"]) == ("shipped", 4)  # without --train: what there is


def test_convergence_is_told_from_a_run_of_half_the_steps(tmp_path):
    half = short("weights", tmp_path, None, methods=(NET,), steps=4)["table"][0]
    whole = short("weights", tmp_path, None, methods=(NET,), steps=8)["table"][0]
    assert half["converged"] == "unknown"
    gained = 100 * (1 - whole["validation_percent"] / half["validation_percent"])
    assert whole["gain_percent"] == pytest.approx(gained)
    assert whole["converged"] == ("yes" if gained < 2 else "no")
    longer = short("weights", tmp_path, None, methods=(NET,), steps=32)["table"][0]  # two doublings of the longest
    ratio = longer["validation_percent"] / whole["validation_percent"]
    assert longer["gain_percent"] == pytest.approx(100 * (1 - ratio**0.5))


def test_without_a_training_of_the_budget_the_longest_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "bundled_weights", lambda method, factor, noiseless=False: tmp_path / "none")
    for steps in (3, 5):
        short("weights", tmp_path, None, methods=(NET,), steps=steps)
    found = STUDIES["weights"](tmp_path, protocol=SMALL, methods=(NET,), factors=(4,))["table"][0]
    assert (found["weights"], found["steps"], found["converged"]) == ("cache", 5, "unknown")
    (Path(found["file"]).parent / "entry.json").write_text("{")  # one that is damaged is passed over
    found = STUDIES["weights"](tmp_path, protocol=SMALL, methods=(NET,), factors=(4,))["table"][0]
    assert found["steps"] == 3


def test_a_share_of_the_budget(tmp_path):
    """`--share` scales every method's own budget; it is told in the command that makes what is missing."""
    options = StudyOptions(tmp_path, share=0.25)
    assert recovery.Recovery(options).config("vdsr", 2).steps == budgets.STEPS["vdsr", 2] // 4
    assert "--share 0.25" in options.command("table3")
    assert StudyOptions(tmp_path, steps=7).steps_of(1000) == 7
    assert StudyOptions(tmp_path, share=1e-9).steps_of(1000) == 1
    equal = {budgets.STEPS[m, 4] for m in ("transms", "rdsr", "ctsr", "cnn-vit", "rd-vit", "cnn-ct", "transms-nodc")}
    assert len(equal) == 1


def test_budgets_are_whole_trainings():
    config = budgets.study_config("transms", 4)
    assert config.steps == budgets.STEPS["transms", 4]
    assert config.steps // config.validate_every >= 10 >= config.steps / 100 / config.checkpoint_every
    assert budgets.study_config("transms", 4, 7).steps == 7
    assert not budgets.study_config("transms-nodc", 4).consistency


# -- interruptions and damage -----------------------------------------------------------------------------------------


def options_of(out, **options):
    return dict(out=out, quick=True, train=True, protocol=SMALL, methods=("bicubic", NET), **options)


def test_an_interrupted_study_ends_with_the_same_numbers(tmp_path, monkeypatch):
    """Ctrl-C in the training and, later, between rows; what was finished is not made again."""
    whole = STUDIES["table3"](**options_of(tmp_path / "whole"))
    real_step, real_recover, calls = calib.training.train.Run.advance, recovery.recover, []

    def interrupted_step(run):
        if run.step == 2:
            raise KeyboardInterrupt
        real_step(run)

    def interrupted_recover(coarse, method, weights):
        calls.append(method)
        if calls.count(NET) == 5:  # the second row of the net, three matrices each
            raise KeyboardInterrupt
        return real_recover(coarse, method, weights)

    monkeypatch.setattr(recovery, "recover", interrupted_recover)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(calib.training.train.Run, "advance", interrupted_step)
        STUDIES["table3"](**options_of(tmp_path / "halves"))
    assert calls == ["bicubic"] * 6
    entry = entries(tmp_path / "halves" / "cache")[0]
    assert load_tensors(entry / "checkpoint.safetensors", "checkpoint")[1]["step"] == 2
    with pytest.raises(KeyboardInterrupt):
        STUDIES["table3"](**options_of(tmp_path / "halves"))
    assert calls == ["bicubic"] * 6 + [NET] * 5
    found = STUDIES["table3"](**options_of(tmp_path / "halves"))
    assert len(calls) == 6 + 5 + 3
    for a, b in zip(found["table"], whole["table"], strict=True):
        assert {k: v for k, v in a.items() if k != "minutes"} == {k: v for k, v in b.items() if k != "minutes"}


def damaged_weights(entry):
    file = entry / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def no_json(entry):
    (entry / "entry.json").write_text("{")


def of_another_training(entry):
    file = entry / "entry.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "data": 16 * "0"}))


def no_weights(entry):
    (entry / "weights.safetensors").unlink()


@pytest.mark.parametrize("damage", [damaged_weights, no_json, of_another_training, no_weights])
def test_a_damaged_training_is_told_set_aside_and_made_anew(tmp_path, capsys, damage):
    first = short("weights", tmp_path, None, methods=(NET,))["table"][0]
    entry = entries(tmp_path / "cache")[0]
    damage(entry)
    capsys.readouterr()
    again = short("weights", tmp_path, None, methods=(NET,))["table"][0]
    assert f"the cached training {entry} is damaged and is set aside as {entry.name}.damaged" in capsys.readouterr().err
    assert [p.name for p in entries(tmp_path / "cache")] == [entry.name, f"{entry.name}.damaged"]
    with_same = [load_tensors(row["file"], "weights")[0] for row in (first, again)]
    assert all(np.array_equal(with_same[0][k], with_same[1][k]) for k in with_same[0])
    capsys.readouterr()
    short("weights", tmp_path, None, methods=(NET,))
    assert "damaged" not in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"no safetensors", "other steps", "other network", "a bit"])
def test_a_damaged_checkpoint_is_told_and_the_training_starts_anew(tmp_path, capsys, monkeypatch, content):
    def stop(run):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(calib.training.train.Run, "validate", stop)
        short("weights", tmp_path, None, methods=(NET,))
    entry = entries(tmp_path / "cache")[0]
    if content == "other steps":
        other = short("weights", tmp_path, None, methods=(NET,), steps=3)["table"][0]
        content = Path(other["file"]).read_bytes()
    file = entry / "checkpoint.safetensors"
    if content in ("other network", "a bit"):
        config = budgets.study_config(NET, 4, 4)
        save_tensors(file, {"model.x": torch.zeros(1)}, "checkpoint", {"train": asdict(config)})
    if content == "a bit":
        content = file.read_bytes()[:-1] + b"?"
    if content != "other network":
        file.write_bytes(content)
    row = short("weights", tmp_path, None, methods=(NET,))["table"][0]
    assert (row["status"], row["steps"]) == ("trained", 4)
    told = capsys.readouterr().err
    assert "is damaged and is set aside" in told
    assert ("as they were written" in told) == (isinstance(content, bytes) and content.endswith(b"?"))


def test_a_damaged_row_is_told_and_made_anew(tmp_path, capsys):
    whole = short("table3", tmp_path, None, methods=("bicubic",))
    file = sorted((tmp_path / "cache" / "rows").glob("recovery_bicubic_4x_noisy_*.json"))[0]
    held = json.loads(file.read_text())
    other = {**held, "row": {**held["row"], "nrmse": [10 * e for e in held["row"]["nrmse"]]}}
    for content in ("", "[]", json.dumps({"key": {}, "row": {"nrmse": [1.0]}}), json.dumps(other)):
        file.write_text(content)
        capsys.readouterr()
        again = short("table3", tmp_path, None, methods=("bicubic",))
        assert f"the cached row {file} is damaged" in capsys.readouterr().err
        assert again["table"] == whole["table"]
