"""Weights and training state on disk: safetensors with their configuration as JSON, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from calib.learned.model import ModelConfig, RecoveryModel
from mpisim.errors import InputError, require
from mpisim.io.atomic import replacing
from mpisim.io.digest import digest
from mpisim.version import __version__

__all__ = ["load_model", "load_tensors", "mismatch", "save_model", "save_tensors", "some"]


def save_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, Tensor], kind: str, about: Mapping[str, Any]
) -> None:
    """Write named tensors with a description (anything JSON holds) and a digest of all, atomically."""
    held = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    told = json.dumps({"software": f"mpisim {__version__}", **about})
    with replacing(path) as temporary:
        save_file(held, temporary, {"kind": kind, "about": told, "digest": _digest(held, told)})


def _digest(tensors: Mapping[str, Tensor], about: str) -> str:
    names = sorted(tensors)
    return digest(about, names, *(tensors[name].reshape(-1).view(torch.uint8).numpy() for name in names))


def load_tensors(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind, or no longer holds what was written (which files from before
        the digest cannot tell).
    """
    require(Path(path).is_file(), kind, "an existing file", str(path))
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        about = json.loads(metadata.get("about", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"Input {path} must be a readable safetensors file; instead received one that fails with: {error}."
        ) from None
    require(
        metadata.get("kind") == kind, str(path), f"{kind} of this program", f"a file of kind {metadata.get('kind')!r}"
    )
    whole = metadata.get("digest") in (None, _digest(tensors, metadata.get("about", "{}")))
    require(whole, str(path), f"{kind} as they were written", "a file with other numbers")
    return tensors, about


def save_model(path: str | os.PathLike[str], model: RecoveryModel, about: Mapping[str, Any]) -> None:
    """Write a model's weights with its configuration and `about`."""
    save_tensors(path, model.net.state_dict(), "weights", {"model": asdict(model.config), **about})


def load_model(path: str | os.PathLike[str]) -> tuple[RecoveryModel, dict[str, Any]]:
    """Return the model of a weights file, in evaluation mode, and what the file says about it.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind, or does not fit its own description.
    """
    tensors, about = load_tensors(path, "weights")
    try:
        config = ModelConfig(**about["model"])
    except (KeyError, TypeError) as error:
        raise InputError(
            f"Input {path} must be weights that describe their model; instead received ones that fail with: {error}."
        ) from None
    model = RecoveryModel(config)
    expected = model.net.state_dict()
    differing = mismatch(expected, tensors)
    require(not differing, str(path), f"the weights of {config.method} at {config.factor}x", f"a file {differing}")
    finite = all(bool(v.isfinite().all()) for v in tensors.values())
    require(finite, str(path), "weights of finite numbers", "others")
    model.net.load_state_dict({k: v.to(expected[k].dtype) for k, v in tensors.items()})
    return model.eval(), about


def mismatch(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """Say which tensors are missing, unknown or of another shape, "" if none is: "without A and with the unknown B"."""
    missing, unknown = sorted(set(expected) - set(given)), sorted(set(given) - set(expected))
    shapes = [
        f"{name} of shape {tuple(given[name].shape)}, not {tuple(expected[name].shape)}"
        for name in sorted(set(expected) & set(given))
        if given[name].shape != expected[name].shape
    ]
    lists = (("without", missing), ("with the unknown", unknown), ("with", shapes))
    return " and ".join(f"{word} {some(names)}" for word, names in lists if names)


def some(names: Iterable[str], most: int = 4) -> str:
    """Return the first few names as a list in words."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return (", ".join(listed[:most]) or "none") + more
