"""The contract of every network: sizes, gradients, number of parameters, precision, save and load."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from calib.learned.checkpoint import load_model, save_model
from calib.learned.model import RecoveryModel
from calib.nets.table import FACTORS, NETS
from calib.training.recipe import recipe
from mpisim.errors import InputError

PARAMETERS = {
    "transms": (714_034, 837_850, 969_578),  # at 2x, 4x, 8x
    "transms-plain": (714_034, 837_850, 969_578),
    "transms-nodc": (714_034, 837_850, 969_578),
    "rdsr": (703_678, 815_882, 926_730),
    "ctsr": (709_698, 865_034, 974_850),
    "cnn-vit": (699_138, 844_770, 960_698),
    "rd-vit": (701_786, 825_602, 937_010),
    "cnn-ct": (717_664, 836_008, 961_160),
    "srcnn": (14_114,) * 3,
    "vdsr": (665_856,) * 3,
    "smrnet": (6_587_970, 6_624_898, 6_661_826),
}
ABLATIONS = ("transms-nodc", "rdsr", "ctsr", "cnn-vit", "rd-vit", "cnn-ct")
CASES = [(name, factor) for name in NETS for factor in FACTORS]


@pytest.mark.parametrize(("name", "factor"), CASES)
def test_contract(name, factor):
    torch.manual_seed(0)
    net = NETS[name].build(factor)
    assert sum(p.numel() for p in net.parameters()) == PARAMETERS[name][FACTORS.index(factor)]
    for height, width in ((2, 2), (4, 6)) if NETS[name].even else ((1, 1), (5, 3)):
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
    largest = float(full.abs().max())
    assert torch.allclose(half, full, atol=0.05 * largest)
    assert torch.allclose(one_by_one, full, atol=1e-5 * largest)  # in evaluation, rows do not depend on each other
    for parameter in net.last.parameters():  # a model with a skip starts as its skip
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        assert isinstance(net.last, torch.nn.Conv2d) and not net(x).any()


@pytest.mark.parametrize(("name", "factor"), CASES)
def test_save_and_load(tmp_path, name, factor):
    """Loaded weights give equal results, and weights in half precision agree to 1 % of the largest value."""
    torch.manual_seed(3)
    model = RecoveryModel(recipe(name, factor).model).eval()
    save_model(tmp_path / "w.safetensors", model, {"note": "test"})
    loaded, metadata = load_model(tmp_path / "w.safetensors")
    means, sigma = torch.randn(2, 2, 4, 4), torch.zeros(2)
    with torch.no_grad():
        wanted = model(means, sigma)
        assert torch.equal(loaded(means, sigma), wanted)
    assert metadata["note"] == "test"
    assert (metadata["model"]["method"], metadata["model"]["factor"]) == (name, factor)
    model.net.half()
    save_model(tmp_path / "half.safetensors", model, {})
    with torch.no_grad():
        halved = load_model(tmp_path / "half.safetensors")[0](means, sigma)
    assert halved.dtype == torch.float32
    assert torch.allclose(halved, wanted, atol=0.01 * float(wanted.abs().max()))


def test_designs():
    assert set(PARAMETERS) == set(NETS)
    for name, net in NETS.items():
        assert net.sampling in ("box", "strided") and net.skip in ("none", "bicubic"), name
        assert net.sampling == "box" or not net.consistency, f"{name}: strided samples are no block means"
    for name in ABLATIONS:
        assert (NETS[name].sampling, NETS[name].skip) == (NETS["transms"].sampling, NETS["transms"].skip)
        assert NETS[name].consistency == (name != "transms-nodc")


@pytest.mark.parametrize("name", ABLATIONS)
def test_ablations_have_as_many_parameters_as_transms(name):
    assert np.allclose(PARAMETERS[name], PARAMETERS["transms"], rtol=0.05)


@pytest.mark.parametrize("name", NETS)
def test_refused_rows(name):
    net = NETS[name].build(2)
    for shape in [(1, 3, 4, 4), (2, 4, 4), (1, 2, 0, 4)] + [(1, 2, 3, 4), (1, 2, 4, 3)] * NETS[name].even:
        with pytest.raises(InputError, match=r"Input rows of .* must be of shape \(rows, 2, h, w\)"):
            net(torch.zeros(shape))


def test_table_and_configuration_need_no_torch():
    """Listing methods and reading a configuration stay fast."""
    code = "import sys, calib.nets.table, calib.training.recipe as r; r.recipe(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
