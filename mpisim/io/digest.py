"""Digests: what tells data, configurations and files apart."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np

__all__ = ["digest", "file_digest"]

_DIGITS = 16


def digest(*parts: object) -> str:
    """Return 16 hexadecimal digits that tell apart arrays (by shape, type and bytes) and anything that JSON holds."""
    hasher = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            hasher.update(repr((part.shape, part.dtype.str)).encode())
            hasher.update(np.ascontiguousarray(part).data)
        else:
            hasher.update(json.dumps(part, sort_keys=True, default=list).encode())
    return hasher.hexdigest()[:_DIGITS]


def file_digest(path: str | os.PathLike[str]) -> str:
    """Return 16 hexadecimal digits of what a file holds."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:_DIGITS]
