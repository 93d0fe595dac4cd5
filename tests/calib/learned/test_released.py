"""Checkpoints of the published code: equal rows as there, and nothing else is accepted."""

import importlib.util
from pathlib import Path

import pytest
import torch

import calib
from calib.learned.checkpoint import load_model, save_model
from calib.learned.model import RecoveryModel
from calib.learned.released import load_original_checkpoint, released_names
from calib.training.recipe import published
from mpisim.errors import InputError

_FILE = Path(__file__).parents[3] / "benchmarks" / "released_layers.py"
_SPEC = importlib.util.spec_from_file_location("released_layers", _FILE)
released_layers = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(released_layers)


def released_network(factor, seed=0):
    """The released layout with weights and running statistics that no initialisation gives."""
    torch.manual_seed(seed)
    net = released_layers.ReleasedTranSMS(factor).eval()
    for name, tensor in net.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.2, 3.0)
        elif name.endswith(("running_mean", "norm.weight", "_embed.2.weight", "bn.weight", ".bias")):
            tensor.add_(0.3 * torch.randn(tensor.shape))
        elif name.endswith("num_batches_tracked"):
            tensor.fill_(1000)
    return net


@pytest.fixture(scope="module")
def state():
    """A checkpoint at 2x; tests copy it before they damage it."""
    return released_network(2).state_dict()


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("training", [False, True], ids=["in use", "in training"])
def test_both_implementations_agree(factor, training):
    """With running statistics, and with those of the batch, which are then updated alike."""
    original = released_network(factor, seed=factor)
    net = load_original_checkpoint(original.state_dict())
    assert not net.training and net.factor == factor
    x = torch.randn(3, 2, 4, 6)
    original.train(training)
    net.train(training)
    with torch.no_grad():
        expected, found = original(x), net(x)
    assert found.shape == (3, 2, factor * 4, factor * 6)
    assert float((found - expected).abs().max()) < 1e-5 * float(expected.abs().max())
    own, theirs = net.state_dict(), original.state_dict()
    for ours, name in released_names(own).items():
        assert torch.allclose(own[ours].float(), theirs[name].float(), atol=1e-6)


def test_running_statistics_have_an_effect(state):
    """The comparison would reveal a network that ignored them."""
    changed = {k: torch.ones_like(v) if k.endswith("running_var") else v for k, v in state.items()}
    x = torch.randn(1, 2, 4, 4)
    with torch.no_grad():
        a, b = (load_original_checkpoint(s)(x) for s in (state, changed))
    assert float((a - b).abs().max()) > 1e-3 * float(a.abs().max())


def test_names_are_one_to_one(state):
    names = released_names(load_original_checkpoint(state).state_dict())
    assert set(names.values()) == set(state) - {"transformer.cls_token"}
    assert len(set(names.values())) == len(names)


def test_a_network_trained_on_several_gpus_and_one_without_the_unused_token(state):
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    bare = {name: tensor for name, tensor in state.items() if "cls_token" not in name}
    expected = load_original_checkpoint(state).state_dict()
    for given in (parallel, bare):
        found = load_original_checkpoint(given).state_dict()
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_the_checkpoint_is_not_shared_with_the_network(state):
    net = load_original_checkpoint(state)
    with torch.no_grad():
        net.last.weight.zero_()
    assert state["lastConv.weight"].abs().max() > 0


def test_from_a_file_of_theirs_to_one_of_ours(tmp_path, state):
    torch.save(state, tmp_path / "2x.pt")
    model = RecoveryModel(published("transms", 2).model)
    model.net = calib.load_original_checkpoint(torch.load(tmp_path / "2x.pt", weights_only=True))
    save_model(tmp_path / "2x.safetensors", model.eval(), {})
    loaded, _ = load_model(tmp_path / "2x.safetensors")
    means, sigma = torch.randn(2, 2, 4, 4), torch.full((2,), 0.1)
    with torch.no_grad():
        assert torch.equal(loaded(means, sigma), model(means, sigma))


def without(name):
    return lambda state: state.pop(name)


def with_tensor(name, shape):
    return lambda state: state.update({name: torch.zeros(shape)})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (without("rdn.conv2.bias"), r"published TranSMS at 2x; instead received one without rdn\.conv2\.bias"),
        (
            without("transformer.stage1_transformer.0.layers.0.0.fn.to_k.bn.running_var"),
            r"one without transformer\.stage1_transformer\.0\.layers\.0\.0\.fn\.to_k\.bn\.running_var",
        ),
        (with_tensor("extra.weight", (3,)), r"one with the unknown extra\.weight"),
        (with_tensor("lastConv.bias", (1,)), r"one with lastConv\.bias of shape \(1,\), not \(2,\)"),
        (with_tensor("initialConv.weight", (24, 1, 3, 3)), r"initialConv\.weight of shape \(24, 1, 3, 3\)"),
        (without("upSampler.0.conv.weight"), r"TranSMS at 2x, 4x or 8x; instead received one with 0 upsamplers"),
        (with_tensor("upSampler.1.conv.weight", (192, 48, 3, 3)), r"at 4x; instead received one without .* and 2[0-9]"),
        (lambda state: state.update({"lastConv.bias": torch.full((2,), torch.nan)}), "of finite real numbers"),
        (lambda state: state.update({"lastConv.bias": torch.zeros(2) + 1j}), "of finite real numbers"),
        (lambda state: state.update({"lastConv.bias": torch.zeros(2).to_sparse()}), "of finite real numbers"),
        (lambda state: state.clear(), "0 upsamplers .* and the names none"),
        (lambda state: state.update(epoch=3), "a mapping from names to tensors; instead received dict of epoch"),
        (lambda state: state.update({3: torch.zeros(1)}), "a mapping from names to tensors"),
    ],
)
def test_refused(state, damage, reason):
    damaged = dict(state)
    damage(damaged)
    with pytest.raises(InputError, match=reason) as caught:
        load_original_checkpoint(damaged)
    assert str(caught.value).startswith("Input checkpoint must be") and "\n" not in str(caught.value)


def test_only_some_names_with_the_prefix_of_several_gpus(state):
    mixed = {f"module.{k}" if k.startswith("rdn") else k: v for k, v in state.items()}
    with pytest.raises(InputError, match=r"one without rdn\..* with the unknown module\.rdn"):
        load_original_checkpoint(mixed)


@pytest.mark.parametrize("given", [None, [1, 2], {"state_dict": {}}, torch.nn.Linear(2, 2)])
def test_no_state_dict(given):
    with pytest.raises(InputError, match="Input checkpoint must be a state dict"):
        load_original_checkpoint(given)
