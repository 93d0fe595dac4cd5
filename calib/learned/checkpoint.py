"""Weights and training state on disk: safetensors with metadata as JSON, written completely or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from calib.learned.config import ModelConfig
from calib.learned.model import RecoveryModel
from mpisim.errors import InputError, require
from mpisim.io.atomic import replacing
from mpisim.io.digest import digest
from mpisim.version import __version__

__all__ = ["Metadata", "listed", "load_model", "load_tensors", "mismatch", "save_model", "save_tensors"]

Metadata: TypeAlias = dict[str, Any]
"""The description in a file: values that JSON holds, by name."""


def save_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, Tensor], kind: str, metadata: Mapping[str, object]
) -> None:
    """Write named tensors with their metadata and a digest of both, completely or not at all.

    `kind` is `weights` or `checkpoint`. The metadata are values that JSON holds; the version of this program is added
    as `software`.
    """
    held = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    text = json.dumps({"software": f"mpisim {__version__}", **metadata})
    with replacing(path) as temporary:
        save_file(held, temporary, {"kind": kind, "about": text, "digest": _digest(held, text)})


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    names = sorted(tensors)
    return digest(text, names, *(tensors[name].reshape(-1).view(torch.uint8).numpy() for name in names))


def load_tensors(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Tensor], Metadata]:
    """Read what `save_tensors` wrote: the tensors and their metadata.

    Raises `InputError` if the file is missing, damaged, of another kind, or no longer holds what was written.
    """
    require(os.path.isfile(path), kind, "an existing file", str(path))
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        metadata = json.loads(header.get("about", "{}"))
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"Input {path} must be a readable safetensors file; instead received one that fails with: {error}."
        ) from None
    require(header.get("kind") == kind, str(path), f"{kind} of this program", f"a file of kind {header.get('kind')!r}")
    unchanged = header.get("digest") == _digest(tensors, header.get("about", "{}"))
    require(unchanged, str(path), f"{kind} as they were written", "a file with other numbers")
    return tensors, metadata


def save_model(path: str | os.PathLike[str], model: RecoveryModel, metadata: Mapping[str, object]) -> None:
    """Write a model's weights with its configuration and `metadata`."""
    save_tensors(path, model.net.state_dict(), "weights", {"model": asdict(model.config), **metadata})


def load_model(path: str | os.PathLike[str]) -> tuple[RecoveryModel, Metadata]:
    """Return the model of a weights file, in evaluation mode, and the file's metadata.

    Raises `InputError` if the file is missing, damaged, of another kind, or does not fit its own description.
    """
    tensors, metadata = load_tensors(path, "weights")
    config = _config(path, metadata)
    model = RecoveryModel(config)
    expected = model.net.state_dict()
    differing = mismatch(expected, tensors)
    require(not differing, str(path), f"the weights of {config.method} at {config.factor}x", f"a file {differing}")
    finite = all(bool(v.isfinite().all()) for v in tensors.values())
    require(finite, str(path), "weights of finite numbers", "others")
    model.net.load_state_dict({k: v.to(expected[k].dtype) for k, v in tensors.items()})
    return model.eval(), metadata


def _config(path: str | os.PathLike[str], metadata: Metadata) -> ModelConfig:
    require("model" in metadata, str(path), "weights that describe their model", "a file without a description")
    try:
        return ModelConfig.from_mapping(metadata["model"])
    except InputError as error:
        raise InputError(
            f"Input {path} must be weights of a known model; instead received some that fail with: {error}"
        ) from None


def mismatch(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """Return in words which tensors are missing, unknown or of another shape; empty if there are none.

    An example is "without A and with the unknown B".
    """
    missing, unknown = sorted(set(expected) - set(given)), sorted(set(given) - set(expected))
    shapes = [
        f"{name} of shape {tuple(given[name].shape)}, not {tuple(expected[name].shape)}"
        for name in sorted(set(expected) & set(given))
        if given[name].shape != expected[name].shape
    ]
    groups = (("without", missing), ("with the unknown", unknown), ("with", shapes))
    return " and ".join(f"{word} {listed(names)}" for word, names in groups if names)


def listed(names: Iterable[str]) -> str:
    """Return names as a list in words, at most the first four of them."""
    everything = list(names)
    more = f" and {len(everything) - 4} more" if len(everything) > 4 else ""
    return (", ".join(everything[:4]) or "none") + more
