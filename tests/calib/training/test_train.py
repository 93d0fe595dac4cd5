"""The training loop: it learns, validates what it saves, reports divergence, and refuses what does not fit."""

import numpy as np
import pytest
import torch

import calib
import mpisim
from calib.learned.apply import apply_model
from calib.learned.checkpoint import load_model, load_tensors
from calib.training.recipe import published, recipe
from calib.training.train import train
from mpisim.data.grid import Grid
from mpisim.dataset.reader import read_split
from mpisim.errors import DivergenceError, InputError

SMALL = dict(batch=8, validate_every=10, checkpoint_every=10)


def test_it_learns_and_the_file_gives_the_validated_error(data, tmp_path):
    """80 steps improve on the interpolant they start from, and the saved weights give the validated error."""
    config = recipe(factor=2, steps=80, batch=16, average=0.9, validate_every=80)
    result = train(config, data["train"], data["validation"], tmp_path)
    fine, file = data["validation"][0], tmp_path / "weights.safetensors"
    coarse = calib.downsample(fine, 2, snr=33.7, seed=0)
    before = calib.nrmse(calib.recover(coarse, "bicubic-dc"), fine)
    assert result["validation_nrmse"] < 0.9 * before and result["weights"] == str(file)
    model, metadata = load_model(file)
    assert calib.nrmse(apply_model(model, coarse), fine) == pytest.approx(result["validation_nrmse"], rel=1e-5)
    assert metadata["train"]["seed"] == 0 and metadata["step"] == 80
    recovered = calib.recover(coarse, "transms", file)
    assert calib.nrmse(recovered, fine) == pytest.approx(result["validation_nrmse"], rel=1e-5)


def test_divergence_is_reported_and_the_last_checkpoint_remains(data, tmp_path):
    """Weights beyond single precision after the first steps."""
    config = recipe(steps=20, batch=8, optimiser="adam", learning_rate=1e30, checkpoint_every=1)
    wanted = r"Input learning_rate must be small enough .* received 1e\+30, with a loss of (nan|inf) at step (\d+)"
    with pytest.raises(DivergenceError, match=wanted) as caught:
        train(config, data["train"], data["validation"], tmp_path)
    _, metadata = load_tensors(tmp_path / "checkpoint.safetensors", "checkpoint")
    assert f"at step {metadata['step'] + 1}." in str(caught.value)


def test_without_matrices(data, tmp_path):
    for given, name in ((([], data["validation"]), "training"), ((data["train"], []), "validation")):
        with pytest.raises(InputError, match=f"Input {name} must be at least one matrix; instead received none"):
            train(recipe(steps=2), *given, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_data_that_do_not_fit_are_refused_before_any_work(data, tmp_path):
    with pytest.raises(InputError, match="multiples of 16 for factor 8; instead received 12 x 12"):
        small = mpisim.simulate(mpisim.open_sided_ffl(0.5, angles=2), mpisim.Particle(24e-9), Grid((12, 12)))
        train(recipe(steps=1, factor=8), [small], [small], tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="data set with the split train"):
        read_split(tmp_path, "train")
    with pytest.raises(InputError, match="Input device must be one that torch can use here"):
        train(recipe(steps=1), data["train"], data["validation"], tmp_path / "run", device="cuda:7")


def test_published_options_and_half_precision(data, tmp_path):
    """The paper's model (no interpolant, rows scaled to [0.15, 0.85], halved rates) and bfloat16 stay finite."""
    config = published(steps=2, precision="bfloat16", **SMALL)
    result = train(config, data["train"], data["validation"], tmp_path)
    assert np.isfinite(result["validation_nrmse"])
    model, _ = load_model(tmp_path / "weights.safetensors")
    assert all(torch.isfinite(v).all() for v in model.state_dict().values())
    assert (model.config.skip, model.config.scaling) == ("none", "minmax")


def test_the_former_name_of_initial_weights_gives_a_warning(data, tmp_path):
    with pytest.warns(DeprecationWarning, match="use initial_weights instead of start"):
        train(recipe(steps=1, **SMALL), data["train"], data["validation"], tmp_path, start=None)
