"""Weights that ship with the package; how they were made is in `weights/README.md`."""

from __future__ import annotations

from pathlib import Path

__all__ = ["shipped_weights"]


def shipped_weights(method: str, factor: int) -> Path:
    """Return where the package keeps weights of a method and factor; the file may not exist."""
    return Path(__file__).parent / "weights" / f"{method}_{factor}x.safetensors"
