"""`mpisim train`: where the values of a training come from, and bad ones."""

import pytest

from calib.learned.checkpoint import load_tensors
from mpisim.dataset.generation import generate
from tests.commands import run
from tests.small import CASES, NET, SPEC


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A small data set."""
    folder = tmp_path_factory.mktemp("data")
    generate(CASES, SPEC, folder, splits=["train", "validation"])
    return folder


def test_options_come_before_the_file_and_the_file_before_the_recipe(tmp_path, capsys, data):
    config = tmp_path / "config.toml"
    config.write_text(f'method = "{NET}"\nsteps = 9\nbatch = 8\nborder = 0.25\nsnr = 30\n')  # border: of version 0.1.0
    words = ("--data", data, "--config", config, "--steps", 1, "--factor", 2, "--out", tmp_path / "run", "--json")
    code, out, _ = run(capsys, "train", *words)
    assert code == 0 and '"step": 1' in out
    stated = load_tensors(tmp_path / "run" / "weights.safetensors", "weights")[1]["train"]
    expected = {"method": NET, "factor": 2, "steps": 1, "batch": 8, "flip_threshold": 0.25, "snr": 30, "average": 0.999}
    assert {key: stated[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps = true", "Input configuration key steps must be of type int; instead received True."),
        ("steps = 1.5", "Input configuration key steps must be of type int; instead received 1.5."),
        ("snr = 'loud'", "Input configuration key snr must be of type float; instead received 'loud'."),
        ("canonical = 1", "Input configuration key canonical must be of type bool; instead received 1."),
        ("border = 0.1\nflip_threshold = 0.1", "Input flip_threshold must be given under one name"),
    ],
)
def test_bad_configurations_are_refused(tmp_path, capsys, data, text, message):
    (tmp_path / "config.toml").write_text(text)
    words = ("--data", data, "--config", tmp_path / "config.toml", "--out", tmp_path / "run")
    code, out, err = run(capsys, "train", *words)
    assert (code, out) == (2, "") and message in err and not (tmp_path / "run").exists()


def test_an_unknown_recipe_is_refused(tmp_path, capsys, data):
    code, _, err = run(capsys, "train", "--recipe", "secret", "--data", data, "--out", tmp_path / "run")
    assert code == 2 and "Input --recipe must be one of ours, published; instead received 'secret'." in err


def test_messages_name_what_was_typed(tmp_path, capsys, data):
    words = ("train", "--data", data, "--method", NET, "--factor", 2, "--steps", 1, "--out", tmp_path / "run")
    assert run(capsys, *words, "--batch", 8)[0] == 0
    code, _, err = run(capsys, *words, "--batch", 8)
    assert code == 2 and "Input output folder must be without a run unless --resume is set; instead received" in err
    code, _, err = run(capsys, *words, "--batch", 4, "--resume")
    assert code == 2 and "Input --resume must be of the configuration of" in err
    other = (*words[:-1], tmp_path / "other", "--start", tmp_path / "run" / "weights.safetensors")
    code, _, err = run(capsys, *other[:6], 4, *other[7:])
    assert code == 2 and f"Input --start must be weights of {NET} at 4x; instead received {tmp_path}" in err


def test_resuming_goes_on_with_the_steps_of_the_run(tmp_path, capsys, data):
    """Without --steps the run keeps its length; with more it goes on for longer; a time is no number of steps."""
    words = ("train", "--data", data, "--method", NET, "--factor", 2, "--batch", 8, "--out", tmp_path / "run")
    assert run(capsys, *words, "--steps", 1)[0] == 0
    code, out, err = run(capsys, *words, "--resume", "--json")
    assert code == 0 and '"step": 1' in out and "schedule" not in err
    code, out, err = run(capsys, *words, "--resume", "--steps", 2, "--json")
    assert code == 0 and '"step": 2' in out and "from step 1 on, the schedule is that of 2 steps, not 1" in err
    code, _, err = run(capsys, *words, "--resume", "--steps", 3, "--minutes", 1)
    assert code == 2 and "not allowed with argument" in err
    code, _, err = run(capsys, *words, "--resume", "--minutes", 0)
    assert code == 2 and "Input --minutes must be a positive number" in err
    code, _, err = run(capsys, *words, "--resume", "--minutes", 0.01)
    assert code == 0 and "0.01 min allow" in err
