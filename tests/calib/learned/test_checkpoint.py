"""Weights on disk: damaged and foreign files are refused."""

import pytest
import torch

from calib.learned.checkpoint import load_model, load_tensors, save_model, save_tensors
from calib.learned.config import ModelConfig
from calib.learned.model import RecoveryModel
from mpisim.errors import InputError


@pytest.fixture
def model():
    """TranSMS with random weights."""
    torch.manual_seed(0)
    return RecoveryModel(ModelConfig())


def test_missing_and_foreign_files(tmp_path, model):
    file = tmp_path / "w.safetensors"
    with pytest.raises(InputError, match="must be an existing file"):
        load_model(file)
    file.write_bytes(b"not weights")
    with pytest.raises(InputError, match="must be a readable safetensors file"):
        load_model(file)
    save_model(file, model, {})
    with pytest.raises(InputError, match="must be checkpoint of this program; instead received a file of kind 'weigh"):
        load_tensors(file, "checkpoint")


def test_damaged_files(tmp_path, model):
    file = tmp_path / "w.safetensors"
    save_model(file, model, {})
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="must be a readable safetensors file"):
        load_model(file)
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(InputError, match="must be weights as they were written; instead received a file with other"):
        load_model(file)


def test_weights_that_do_not_fit_their_description(tmp_path, model):
    file = tmp_path / "w.safetensors"
    torch.nn.init.constant_(model.net.last.bias, torch.nan)
    save_model(file, model, {})
    with pytest.raises(InputError, match="must be weights of finite numbers"):
        load_model(file)
    model.net.last = torch.nn.Conv2d(48, 3, 3)
    save_model(file, model, {})
    with pytest.raises(InputError, match="the weights of transms at 4x; instead received a file with last"):
        load_model(file)
    save_tensors(file, model.net.state_dict(), "weights", {"model": {"heads": 8}})
    with pytest.raises(InputError, match=r"must be weights of a known model; instead received some .* also heads"):
        load_model(file)
    save_tensors(file, model.net.state_dict(), "weights", {})
    with pytest.raises(InputError, match="must be weights that describe their model"):
        load_model(file)
