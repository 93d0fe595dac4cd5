"""Weights, checkpoints and searches of version 0.1.0 still work; `tests/data/v0.1.0/make.py` made them."""

import json
import shutil
from pathlib import Path

import pytest

import calib
import mpisim
from calib.learned.checkpoint import load_model, load_tensors, save_tensors
from calib.training.identity import data_digest, is_data_digest
from calib.training.recipe import TrainConfig, recipe
from calib.training.rows import TrainingRows
from calib.training.search import tunables, tune
from calib.training.train import train
from mpisim.dataset.reader import read_split

OLD = Path(__file__).parents[2] / "data" / "v0.1.0"
NUMBERS = json.loads((OLD / "numbers.json").read_text())


@pytest.fixture(scope="module")
def matrices():
    """Training and validation matrices of the run."""
    return read_split(OLD / "data", "train"), read_split(OLD / "data", "validation")


@pytest.fixture
def run(tmp_path, matrices):
    """A copy of the run; where this processor rounds otherwise than that of the run, with the digest of today."""
    folder = tmp_path / "run"
    shutil.copytree(OLD / "run", folder)
    tensors, metadata = load_tensors(folder / "checkpoint.safetensors", "checkpoint")
    rows = TrainingRows(TrainConfig.from_mapping(metadata["train"]), matrices[0])
    if not is_data_digest(metadata["data"], *matrices, rows):
        metadata |= {"data": data_digest(*matrices)}
        save_tensors(folder / "checkpoint.safetensors", tensors, "checkpoint", metadata)
    return folder


@pytest.mark.filterwarnings("ignore:The weights weights.safetensors do not state")
def test_weights_recover_as_before():
    fine = mpisim.read(OLD / "data" / "test" / "g0.6000_d24.000.nc")
    recovered = calib.recover(mpisim.read(OLD / "box.nc"), "srcnn", OLD / "weights.safetensors")
    assert calib.nrmse(recovered, fine) == pytest.approx(NUMBERS["own weights"], rel=1e-6)


def test_weights_describe_their_model_and_training():
    model, metadata = load_model(OLD / "weights.safetensors")
    assert (model.config.method, model.config.factor, model.config.flip_threshold) == ("srcnn", 2, 0.0)
    config = TrainConfig.from_mapping(metadata["train"])
    assert config.model == model.config and config.interpolated_fraction == 0.25


def test_a_training_in_progress_is_resumed(run, matrices):
    options = {"draw": "error", "loss": "norm", "between": 0.25, "border": 0.0}
    config = recipe("srcnn", 2, steps=6, batch=8, validate_every=3, checkpoint_every=3, **options)
    result = train(config, *matrices, run, resume=True)
    assert result["step"] == 6
    assert result["validation_nrmse"] == pytest.approx(NUMBERS["training"], rel=1e-4)
    lines = [(OLD / "run" / "log.csv").read_text(), (run / "log.csv").read_text()]
    assert lines[1].startswith(lines[0]) and len(lines[1].splitlines()) == 3
    _, metadata = load_tensors(run / "checkpoint.safetensors", "checkpoint")
    assert metadata["data"] == data_digest(*matrices)  # by today's rule from now on


def test_a_search_is_continued(tmp_path):
    """Two trials are retained, and the third is added."""
    shutil.copytree(OLD / "search", tmp_path / "search")
    settings = {"seed": 0, "factor": 2, "steps": 2, "validate_every": 2, "checkpoint_every": 2}
    result = tune(tunables()["srcnn"], OLD / "data", tmp_path / "search", 3, 0, settings)
    lines = (tmp_path / "search" / "trials.csv").read_text().splitlines()
    assert lines[:3] == NUMBERS["search"].splitlines()
    assert len(lines) == 4 and result["trials"] == 3
