"""The contract every network keeps: sizes, finite gradients, save and load, precision, parameter count."""

import numpy as np
import pytest
import torch

from calib.checkpoint import load_model, save_model
from calib.model import ModelConfig, RecoveryModel, from_channels, to_channels
from calib.nets import NETS
from calib.sampling import block_mean
from mpisim.errors import InputError

PARAMETERS = {("transms", 2): 714_034, ("transms", 4): 837_850, ("transms", 8): 969_578}
CASES = [(name, factor) for name in NETS for factor in (2, 4, 8)]


@pytest.mark.parametrize(("name", "factor"), CASES)
def test_contract(name, factor):
    torch.manual_seed(0)
    net = NETS[name](factor)
    assert sum(p.numel() for p in net.parameters()) == PARAMETERS[name, factor]
    for height, width in ((4, 4), (6, 10), (2, 2)):
        out = net(torch.randn(3, 2, height, width))
        assert out.shape == (3, 2, factor * height, factor * width)
    out.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())
    x = torch.randn(2, 2, 4, 4)
    net.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        half = net(x).float()
    with torch.no_grad():
        full = net(x)
        one_by_one = torch.cat([net(x[:1]), net(x[1:])])
    assert torch.allclose(half, full, atol=0.05 * float(full.abs().max()))
    assert torch.allclose(one_by_one, full, atol=1e-6)  # rows do not see each other in evaluation


@pytest.mark.parametrize("shape", [(1, 2, 3, 4), (1, 3, 4, 4), (2, 4, 4)])
def test_transms_refuses_odd_sides_and_other_channels(shape):
    with pytest.raises(InputError, match="rows of TranSMS must be of shape"):
        NETS["transms"](4)(torch.zeros(shape))


@pytest.mark.parametrize("factor", [3, 16])
def test_unknown_factor(factor):
    with pytest.raises(InputError, match="Input factor must be one of 2, 4, 8"):
        RecoveryModel(ModelConfig(factor=factor))


@pytest.mark.parametrize("scaling", ["rms", "minmax"])
@pytest.mark.parametrize("skip", ["bicubic", "none"])
def test_model_scales_with_its_input(scaling, skip):
    """A row c times as strong, with c times the noise, gives c times the result."""
    torch.manual_seed(1)
    model = RecoveryModel(ModelConfig(skip=skip, scaling=scaling)).eval().double()
    means, sigma = torch.randn(2, 2, 4, 4, dtype=torch.float64), torch.full((2,), 0.05, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(model(1e3 * means, 1e3 * sigma), 1e3 * model(means, sigma), rtol=1e-5, atol=1e-4)


def test_model_keeps_exact_block_means_and_takes_zero_rows():
    torch.manual_seed(2)
    model = RecoveryModel(ModelConfig()).eval()
    means = torch.randn(2, 2, 4, 6)
    means[1] = 0
    with torch.no_grad():
        found = model(means, torch.zeros(2))
    assert torch.allclose(block_mean(found, 4), means, atol=1e-6)


def test_save_and_load(tmp_path):
    torch.manual_seed(3)
    model = RecoveryModel(ModelConfig(factor=2)).eval()
    save_model(tmp_path / "w.safetensors", model, {"note": "test"})
    loaded, about = load_model(tmp_path / "w.safetensors")
    means, sigma = torch.randn(2, 2, 4, 4), torch.zeros(2)
    with torch.no_grad():
        assert torch.equal(loaded(means, sigma), model(means, sigma))
    assert about["note"] == "test"
    assert about["model"]["factor"] == 2


def test_damaged_and_foreign_weights(tmp_path):
    file = tmp_path / "w.safetensors"
    with pytest.raises(InputError, match="must be an existing file"):
        load_model(file)
    file.write_bytes(b"not weights")
    with pytest.raises(InputError, match="must be a readable safetensors file"):
        load_model(file)
    model = RecoveryModel(ModelConfig(factor=4))
    save_model(file, model, {})
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="must be a readable safetensors file"):
        load_model(file)
    model.net.last = torch.nn.Conv2d(48, 3, 3)
    save_model(file, model, {})
    with pytest.raises(InputError, match="the weights of transms at 4x; instead received a file that differs in last"):
        load_model(file)


def test_channels_round_trip():
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((2, 3, 4)) + 1j * rng.standard_normal((2, 3, 4))).astype(np.complex64)
    assert np.array_equal(from_channels(to_channels(rows)), rows)
