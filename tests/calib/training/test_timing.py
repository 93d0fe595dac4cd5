"""Trainings of a given time, longer ones, and interrupted ones."""

import pytest
import torch

from calib.learned.checkpoint import load_tensors
from calib.training.recipe import learning_rate, recipe
from calib.training.timing import Clock
from calib.training.train import Run, train
from mpisim.errors import InputError

SMALL = dict(method="srcnn", factor=2, batch=4, validate_every=100, checkpoint_every=100)


def trained(data, out, steps=4, lines=None, **options):
    report = None if lines is None else lines.append
    return train(recipe(steps=steps, **SMALL), data["train"], data["validation"], out, report=report, **options)


def metadata(folder):
    return load_tensors(folder / "checkpoint.safetensors", "checkpoint")[1]


def weights(folder):
    return load_tensors(folder / "weights.safetensors", "weights")[0]


def test_measuring_the_speed_leaves_no_trace(data, tmp_path):
    """After the plan, the training is that of as many steps given as such, also where rows are drawn by their error."""
    config = recipe(steps=7, draw="error", loss="norm", **SMALL)
    planned = Run(config, data["train"], data["validation"], tmp_path / "planned")
    line = Clock(0.02).plan(planned)
    steps = planned.config.steps
    assert f"the schedule is that of {steps} steps" in line and planned.step == 0 and planned.state.history == []
    given = Run(
        recipe(steps=steps, draw="error", loss="norm", **SMALL), data["train"], data["validation"], tmp_path / "given"
    )
    for run in (planned, given):
        for _ in range(min(3, steps)):
            run.advance()
    pairs = zip(planned.state.model.state_dict().values(), given.state.model.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert torch.equal(planned.state.rows.drawing_weights, given.state.rows.drawing_weights)


def test_a_training_of_a_given_time_ends_with_its_schedule(data, tmp_path):
    lines = []
    result = trained(data, tmp_path, lines=lines, minutes=0.02)
    stated = metadata(tmp_path)
    assert result["step"] == stated["step"] <= stated["train"]["steps"] and lines[0].startswith("0.02 min allow")
    before = stated["step"]
    trained(data, tmp_path, lines=lines, minutes=0.02, resume=True)
    after = metadata(tmp_path)
    assert after["step"] > before
    assert after["schedules"][0] == {"steps": stated["train"]["steps"], "left_at": before}
    with pytest.raises(InputError, match="Input minutes must be a positive number"):
        trained(data, tmp_path / "none", minutes=0)


def test_a_training_that_gets_slower_stops_in_time(data, tmp_path, monkeypatch):
    """With a checkpoint from which it can be resumed to the end of its schedule."""
    calls = iter([False, False, True])
    monkeypatch.setattr(Clock, "is_over", lambda clock: next(calls))
    monkeypatch.setattr("calib.training.timing._speed", lambda run, seconds: (1e-3, 1e-3))
    lines = []
    result = trained(data, tmp_path, lines=lines, minutes=1)
    stated = metadata(tmp_path)
    assert result["step"] == stated["step"] == 3 and stated["train"]["steps"] > 3
    assert lines[-1].startswith(f"the time is over after step 3 of {stated['train']['steps']}: {tmp_path}")


def test_going_on_for_longer(data, tmp_path):
    """The learning rate follows the new length from there on, which is said and stated in the file."""
    lines = []
    trained(data, tmp_path, steps=4)
    trained(data, tmp_path, steps=8, lines=lines, resume=True)
    expected = learning_rate(recipe(steps=8, **SMALL), 4)
    assert lines[0].startswith("from step 4 on, the schedule is that of 8 steps, not 4")
    assert lines[0].endswith(f"to {expected:.3g}")
    stated = metadata(tmp_path)
    assert (stated["step"], stated["schedules"]) == (8, [{"steps": 4, "left_at": 4}])
    for steps in (6, 7):
        with pytest.raises(InputError, match=rf"Input steps must be more than the 8 that .* instead received {steps}"):
            trained(data, tmp_path, steps=steps, resume=True)


def test_ctrl_c_writes_a_checkpoint_from_which_nothing_is_lost(data, tmp_path, monkeypatch):
    """An interrupt before the first checkpoint; the resumed training equals an uninterrupted one."""
    trained(data, tmp_path / "whole", steps=6)
    advance, lines = Run.advance, []

    def interrupted(run):
        advance(run)
        if run.step == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Run, "advance", interrupted)
        trained(data, tmp_path / "half", steps=6, lines=lines)
    assert metadata(tmp_path / "half")["step"] == 2
    assert lines[-1].startswith("interrupted after step 2 of 6: ")
    trained(data, tmp_path / "half", steps=6, resume=True)
    whole, half = weights(tmp_path / "whole"), weights(tmp_path / "half")
    assert all(torch.equal(whole[key], half[key]) for key in whole)
