r"""Weights of the published TranSMS code, read into the bare network of this package.

The released network has the same layers in the same order under other names, so that its weights are taken as they are:
a checkpoint is what `torch.save(net.state_dict())` writes there, a mapping from names such as

    transformer.stage2_transformer.0.layers.0.0.fn.to_q.depthwise.weight

to tensors. It also holds `transformer.cls_token`, 64 numbers that no layer reads; they are left out. What surrounds the
released network (no skip, `scaling` minmax, data consistency) is `calib.training.recipe.published`:

    state = torch.load("4x.pt", map_location="cpu", weights_only=True)
    model = RecoveryModel(published("transms", 4).model)
    model.net = load_original_checkpoint(state)

Its rows are whitened to unit standard deviation of real and imaginary part, so that the complex deviation of a block
mean is :math:`\sqrt 2 / S`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from calib.learned.checkpoint import mismatch, some
from calib.nets.transms import TranSMS
from mpisim.errors import require

__all__ = ["load_original_checkpoint", "original_names"]

_UNUSED = "transformer.cls_token"
_BLOCK = r"transformer.stage\1_transformer.0.layers.0."
_LAYERS = {
    r"initial": "initialConv",
    r"stages\.(\d)\.embed": r"transformer.stage\1_conv_embed.0",
    r"stages\.(\d)\.embed_norm": r"transformer.stage\1_conv_embed.2",
    r"stages\.(\d)\.attention_norm": _BLOCK + "0.norm",
    r"stages\.(\d)\.attention\.(q|k|v)[a-z]+\.0": _BLOCK + r"0.fn.to_\2.depthwise",
    r"stages\.(\d)\.attention\.(q|k|v)[a-z]+\.1": _BLOCK + r"0.fn.to_\2.bn",
    r"stages\.(\d)\.attention\.(q|k|v)[a-z]+\.2": _BLOCK + r"0.fn.to_\2.pointwise",
    r"stages\.(\d)\.attention\.out": _BLOCK + "0.fn.to_out.0",
    r"stages\.(\d)\.mlp_norm": _BLOCK + "1.norm",
    r"stages\.(\d)\.mlp\.0": _BLOCK + "1.fn.net.0",
    r"stages\.(\d)\.mlp\.2": _BLOCK + "1.fn.net.3",
    r"restore\.0": "transformer.lastConv",
    r"restore\.1": "transformer.upsampler.conv",
    r"dense\.first": "rdn.conv0",
    r"dense\.second": "rdn.conv1",
    r"dense\.blocks\.(\d)\.layers\.(\d)": r"rdn.rdbs.\1.local_res_block.\2.conv",
    r"dense\.blocks\.(\d)\.fuse": r"rdn.rdbs.\1.last_conv",
    r"dense\.fuse": "rdn.conv2",
    r"dense\.last": "rdn.conv3",
    r"fuse": "convAfterConcat",
    r"upsample\.(\d)\.0": r"upSampler.\1.conv",
    r"last": "lastConv",
}
"""Layers of `TranSMS` as regular expressions, and what the released code calls them; stages count from 1 there."""


def load_original_checkpoint(state_dict: Mapping[str, Tensor]) -> TranSMS:
    """Return the network of a checkpoint of the published TranSMS code.

    Parameters
    ----------
    state_dict
        Its tensors by name, as `torch.load` gives them; every name may start with `module.` (several GPUs).

    Returns
    -------
    TranSMS
        The bare network at the checkpoint's factor, in evaluation mode and float32.

    Raises
    ------
    InputError
        If the checkpoint is of another network, lacks a tensor or has one too many, a shape differs,
        or a number is not finite and real.
    """
    given = _released(state_dict)
    doublings = len({name for name in given if re.fullmatch(r"upSampler\.\d+\.conv\.weight", name)})
    require(
        doublings in (1, 2, 3),
        "checkpoint",
        "of the published TranSMS at 2x, 4x or 8x",
        f"one with {doublings} upsamplers upSampler.*.conv and the names {some(given)}",
    )
    net = TranSMS(2**doublings)
    own = net.state_dict()
    names = original_names(own)
    require(all(map(_plain, given.values())), "checkpoint", "of finite real numbers", "one with others")
    differing = mismatch({theirs: own[ours] for ours, theirs in names.items()}, given)
    require(not differing, "checkpoint", f"of the published TranSMS at {net.factor}x", f"one {differing}")
    net.load_state_dict({ours: given[theirs].to(own[ours].dtype) for ours, theirs in names.items()})
    return net.eval()


def _plain(tensor: Tensor) -> bool:
    here = tensor.layout == torch.strided and tensor.device.type != "meta" and not tensor.is_complex()
    return here and bool(tensor.isfinite().all())


def original_names(names: Iterable[str]) -> dict[str, str]:
    """Return what the published code calls the tensors of a `TranSMS`, by their names here."""
    return {name: _original_name(name) for name in names}


def _original_name(name: str) -> str:
    layer, tensor = name.rsplit(".", 1)
    counted = re.sub(r"^stages\.(\d)", lambda match: f"stages.{int(match[1]) + 1}", layer)
    found = (match.expand(theirs) for ours, theirs in _LAYERS.items() if (match := re.fullmatch(ours, counted)))
    return f"{next(found)}.{tensor}"


def _released(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    good = isinstance(state_dict, Mapping) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in state_dict.items()
    )
    about = type(state_dict).__name__
    if isinstance(state_dict, Mapping):
        about += f" of {some(str(k) for k, v in state_dict.items() if not isinstance(v, Tensor))}"
    require(good, "checkpoint", "a state dict, a mapping from names to tensors", about)
    parallel = bool(state_dict) and all(name.startswith("module.") for name in state_dict)
    plain = {name.removeprefix("module.") if parallel else name: tensor for name, tensor in state_dict.items()}
    return {name: tensor for name, tensor in plain.items() if name != _UNUSED}
