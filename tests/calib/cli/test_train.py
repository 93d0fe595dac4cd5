"""The subcommand `train`: its configuration files."""

import json
from pathlib import Path

import pytest

from calib.learned.checkpoint import load_tensors
from mpisim.cli.main import main

OLD = Path(__file__).parents[2] / "data" / "v0.1.0"


def train(out, config, *words):
    """Run the command with a configuration file of this text; return its exit code."""
    file = out.with_suffix(".toml")
    file.write_text(config)
    common = ["--method", "srcnn", "--factor", "2", "--data", str(OLD / "data"), "--out", str(out)]
    return main(["train", *common, "--config", str(file), *words])


def test_keys_of_version_0_1_0(tmp_path, capsys):
    assert train(tmp_path / "run", "border = 0.1\nbetween = 0.5\nbatch = 4\n", "--steps", "1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["step"] == 1
    _, metadata = load_tensors(tmp_path / "run" / "weights.safetensors", "weights")
    stated = metadata["train"]
    assert (stated["flip_threshold"], stated["interpolated_fraction"], stated["batch"]) == (0.1, 0.5, 4)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("heads = 8", "the unknown key heads"),
        ("border = 0.1\nflip_threshold = 0.1", "Input flip_threshold must be given under one name"),
        ("between = 2.0", "Input interpolated_fraction must be between 0 and 1; instead received 2.0"),
        ("steps = 'many'", "Input configuration key steps must be of type int; instead received 'many'"),
        ("augment = 1", "Input configuration key augment must be of type bool; instead received 1"),
    ],
)
def test_refused_configurations(tmp_path, capsys, config, message):
    assert train(tmp_path / "run", config) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
