r"""Weights of the published TranSMS code, read into the bare network of this package.

The released network has the same layers in the same order under other names, so that its weights can be used unchanged.
A checkpoint is what `torch.save(net.state_dict())` writes there, a mapping from names such as

    transformer.stage2_transformer.0.layers.0.0.fn.to_q.depthwise.weight

to tensors. It also holds `transformer.cls_token`, 64 numbers that no layer reads; they are ignored. What surrounds the
released network (no skip, `scaling` minmax, data consistency) is that of `calib.training.recipe.published`:

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

from calib.learned.checkpoint import listed, mismatch
from calib.nets.transms import TranSMS
from mpisim.errors import InputError, require

__all__ = ["load_original_checkpoint", "released_names"]

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
"""Names of layers in the released code by regular expressions for those of `TranSMS`; there stages count from 1."""


def load_original_checkpoint(state_dict: Mapping[str, Tensor]) -> TranSMS:
    """Return the network of a checkpoint of the published TranSMS code.

    Parameters
    ----------
    state_dict
        Tensors by name, as `torch.load` returns them; every name may start with `module.` (several GPUs).

    Returns
    -------
    TranSMS
        The bare network at the checkpoint's factor, in evaluation mode and float32.

    Raises
    ------
    InputError
        If the checkpoint is of another network, a tensor is missing, unknown or of another shape, or a number is not
        finite and real.
    """
    given = _tensors(state_dict)
    doublings = len({name for name in given if re.fullmatch(r"upSampler\.\d+\.conv\.weight", name)})
    require(
        doublings in (1, 2, 3),
        "checkpoint",
        "of the published TranSMS at 2x, 4x or 8x",
        f"one with {doublings} upsamplers upSampler.*.conv and the names {listed(given)}",
    )
    net = TranSMS(2**doublings)
    own = net.state_dict()
    names = released_names(own)
    require(all(map(_is_plain, given.values())), "checkpoint", "of finite real numbers", "one with others")
    differing = mismatch({theirs: own[ours] for ours, theirs in names.items()}, given)
    require(not differing, "checkpoint", f"of the published TranSMS at {net.factor}x", f"one {differing}")
    net.load_state_dict({ours: given[theirs].to(own[ours].dtype) for ours, theirs in names.items()})
    return net.eval()


def _is_plain(tensor: Tensor) -> bool:
    dense = tensor.layout == torch.strided and tensor.device.type != "meta" and not tensor.is_complex()
    return dense and bool(tensor.isfinite().all())


def released_names(names: Iterable[str]) -> dict[str, str]:
    """Return the names of tensors of a `TranSMS` in the published code, by their names here."""
    return {name: _released_name(name) for name in names}


def _released_name(name: str) -> str:
    layer, tensor = name.rsplit(".", 1)
    counted = re.sub(r"^stages\.(\d)", lambda match: f"stages.{int(match[1]) + 1}", layer)
    matching = (match.expand(theirs) for ours, theirs in _LAYERS.items() if (match := re.fullmatch(ours, counted)))
    return f"{next(matching)}.{tensor}"


def _tensors(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint that the network uses, without the prefix of several GPUs."""
    _require_state_dict(state_dict)
    parallel = bool(state_dict) and all(name.startswith("module.") for name in state_dict)
    plain = {name.removeprefix("module.") if parallel else name: tensor for name, tensor in state_dict.items()}
    return {name: tensor for name, tensor in plain.items() if name != _UNUSED}


def _require_state_dict(given: object) -> None:
    received = type(given).__name__
    if isinstance(given, Mapping):
        others = [str(k) for k, v in given.items() if not (isinstance(k, str) and isinstance(v, Tensor))]
        if not others:
            return
        received += f" of {listed(others)}"
    raise InputError(
        f"Input checkpoint must be a state dict, a mapping from names to tensors; instead received {received}."
    )
