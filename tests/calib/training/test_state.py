"""Checkpoints: a resumed run equals an uninterrupted one, and what does not fit is refused."""

import pytest
import torch

from calib.learned.checkpoint import load_model, load_tensors, save_tensors
from calib.training.recipe import recipe
from calib.training.train import Run, train
from mpisim.errors import InputError

SMALL = dict(batch=8, validate_every=10, checkpoint_every=10)


def weights(path):
    return load_tensors(path / "weights.safetensors", "weights")[0]


class StopError(Exception):
    """Interrupts a training."""


def stop(line):
    raise StopError


def test_resumed_equals_uninterrupted(data, tmp_path):
    """Also with another interval of checkpoints; a finished run restores the files that it has lost."""
    train(recipe(steps=20, **SMALL), data["train"], data["validation"], tmp_path / "whole")
    config, halves = recipe(steps=20, **SMALL | dict(checkpoint_every=5)), tmp_path / "halves"
    with pytest.raises(StopError):
        train(config, data["train"], data["validation"], halves, report=stop)
    assert load_tensors(halves / "checkpoint.safetensors", "checkpoint")[1]["step"] == 5
    train(config, data["train"], data["validation"], halves, resume=True)
    whole = weights(tmp_path / "whole")
    assert all(torch.equal(whole[k], v) for k, v in weights(halves).items())
    (halves / "weights.safetensors").unlink()
    train(config, data["train"], data["validation"], halves, resume=True)
    assert all(torch.equal(whole[k], v) for k, v in weights(halves).items())
    log = (halves / "log.csv").read_text().splitlines()
    assert log[0] == "step,minutes,learning_rate,validation_nrmse"
    assert [line.split(",")[0] for line in log[1:]] == ["10", "20"]


def test_recorded_errors_are_resumed(data, tmp_path):
    """Where rows are drawn by their last error, a resumed run knows the errors of the first half."""
    config = recipe(steps=6, draw="error", loss="norm", **SMALL)
    whole = Run(config, data["train"], data["validation"], tmp_path / "whole")
    half = Run(config, data["train"], data["validation"], tmp_path / "half")
    for run, steps in ((whole, 6), (half, 3)):
        for _ in range(steps):
            run.advance()
    half.save()
    resumed = Run(config, data["train"], data["validation"], tmp_path / "half", resume=True)
    rows = resumed.state.rows
    assert torch.equal(rows.drawing_weights, half.state.rows.drawing_weights)
    assert not torch.equal(rows.drawing_weights, rows.interpolation_error)
    for _ in range(3):
        resumed.advance()
    assert torch.equal(rows.drawing_weights, whole.state.rows.drawing_weights)


def test_a_failure_while_saving_loses_no_step(data, tmp_path):
    """The checkpoint is written last, so that the weights and the log are at least as new."""
    config = recipe(steps=4, **SMALL | dict(validate_every=2, checkpoint_every=2))
    train(config, data["train"], data["validation"], tmp_path / "whole")
    log = tmp_path / "broken" / "log.csv"

    def block_the_second_log(line):
        if line.startswith("step 4"):
            log.unlink()
            log.mkdir()

    with pytest.raises(InputError, match="must be a file name"):
        train(config, data["train"], data["validation"], log.parent, report=block_the_second_log)
    assert load_tensors(log.parent / "checkpoint.safetensors", "checkpoint")[1]["step"] == 2
    assert load_model(log.parent / "weights.safetensors")[1]["step"] == 4
    log.rmdir()
    assert train(config, data["train"], data["validation"], log.parent, resume=True)["step"] == 4
    a, b = weights(tmp_path / "whole"), weights(log.parent)
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_a_folder_with_a_run_is_refused_unless_it_is_resumed(data, tmp_path):
    config = recipe(steps=1, **SMALL)
    train(config, data["train"], data["validation"], tmp_path)
    with pytest.raises(InputError, match="Input output folder must be without a run unless resume is set"):
        train(config, data["train"], data["validation"], tmp_path)


def test_resuming_with_another_configuration_names_the_keys(data, tmp_path):
    train(recipe(steps=1, **SMALL), data["train"], data["validation"], tmp_path)
    with pytest.raises(InputError, match=r"of the configuration of .*; instead received another learning_rate\."):
        other = recipe(steps=1, learning_rate=1e-3, **SMALL)
        train(other, data["train"], data["validation"], tmp_path, resume=True)


def test_resuming_on_other_data_is_refused(data, tmp_path):
    config = recipe(steps=2, **SMALL)
    train(config, data["train"], data["validation"], tmp_path)
    for training, validation in ((data["train"][:1], data["validation"]), (data["train"], data["train"][:1])):
        with pytest.raises(InputError, match=r"Input data must be the matrices that .* was trained on"):
            train(config, training, validation, tmp_path, resume=True)


def test_foreign_checkpoints_name_what_differs(data, tmp_path):
    """Checkpoints of another version: an unknown key of the configuration, or a missing tensor."""
    config = recipe(steps=1, **SMALL)
    train(config, data["train"], data["validation"], tmp_path)
    file = tmp_path / "checkpoint.safetensors"
    tensors, metadata = load_tensors(file, "checkpoint")
    metadata.pop("software")
    save_tensors(file, tensors, "checkpoint", {**metadata, "train": {**metadata["train"], "momentum": 0.5}})
    with pytest.raises(InputError, match="instead received another momentum"):
        train(config, data["train"], data["validation"], tmp_path, resume=True)
    del tensors["model.net.last.bias"]
    save_tensors(file, tensors, "checkpoint", metadata)
    with pytest.raises(InputError, match=r"a checkpoint of transms; instead received one without net\.last\.bias"):
        train(config, data["train"], data["validation"], tmp_path, resume=True)


def test_initial_weights(data, tmp_path):
    """Tiny steps stay close to the initial weights, and every file states the trainings that led to it."""
    first, second, chain = (tmp_path / name for name in ("first", "second", "chain"))
    train(recipe(steps=10, **SMALL), data["train"], data["validation"], first)
    config = recipe(steps=2, learning_rate=1e-9, average=0.0, **SMALL)
    for folder, before in ((second, first), (chain, second)):
        file = before / "weights.safetensors"
        train(config, data["train"], data["validation"], folder, initial_weights=file)
    before, after = weights(first), weights(second)
    compared = [k for k in before if "running" not in k and "num_batches" not in k]
    assert all(torch.allclose(before[k], after[k], atol=1e-6) for k in compared)
    stated = [load_model(folder / "weights.safetensors")[1] for folder in (first, second, chain)]
    assert [s["start"] and s["start"]["steps"] for s in stated] == [None, 10, 12]
    assert stated[2]["start"]["minutes"] == pytest.approx(stated[0]["minutes"] + stated[1]["minutes"])
    with pytest.raises(InputError, match=r"Input initial_weights must be those that .* started from; .* other weights"):
        train(config, data["train"], data["validation"], second, resume=True)


def test_initial_weights_of_another_network_are_refused(data, tmp_path):
    train(recipe(steps=1, **SMALL), data["train"], data["validation"], tmp_path / "first")
    file = tmp_path / "first" / "weights.safetensors"
    with pytest.raises(InputError, match=r"Input initial_weights must be weights of ctsr at 4x; .* of transms at 4x"):
        other = recipe("ctsr", steps=1, **SMALL)
        train(other, data["train"], data["validation"], tmp_path / "other", initial_weights=file)
