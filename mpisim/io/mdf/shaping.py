"""Stated metadata in the types and shapes of the specification, and in names that it allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mpisim.io.mdf.metadata import texts_of
from mpisim.io.mdf.specification import GROUPS, Field

__all__ = ["fitted", "prefixed"]

_TYPES = {"Int8": np.int8, "Int64": np.int64, "Float64": np.float64, "Complex128": np.complex128}


def fitted(field: Field, value: Any, sizes: Mapping[str, int]) -> Any:
    """Return a value in the type and shape of its field; None where that cannot be."""
    shape = tuple(sizes.get(str(d), -1) if isinstance(d, str) else d for d in field.dims)
    if field.type == "String":
        texts = texts_of(value)
        if not field.dims:
            return texts[0] if texts else None
        count = int(np.prod(shape))
        texts = texts * count if len(texts) == 1 else texts
        return np.array(texts, dtype=object).reshape(shape) if len(texts) == count and count > 0 else None
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "biufc" or (numbers.dtype.kind == "c" and field.type != "Complex128"):
        return None
    numbers = numbers.astype(_TYPES[field.type])
    if not field.dims:
        return numbers.ravel()[0] if numbers.size == 1 else None
    return _shaped(numbers, shape, field.dims)


def _shaped(numbers: np.ndarray, shape: tuple[int, ...], dims: tuple[str | int, ...]) -> np.ndarray | None:
    """Return numbers in a shape whose unknown sizes are -1, with axes that files leave out."""
    if dims == ("J", "Y", 3, 3):
        numbers = np.diag(numbers.ravel()) if numbers.size == 3 else numbers
        numbers = numbers.reshape(-1, 1, 3, 3) if numbers.ndim in (2, 3) and numbers.size % 9 == 0 else numbers
    elif dims == ("J", "Y", 3) and numbers.ndim in (1, 2) and numbers.size % 3 == 0:
        numbers = numbers.reshape(-1, 1, 3)
    elif numbers.ndim < len(shape) and numbers.size == np.prod(np.abs(shape)):
        numbers = numbers.reshape(np.abs(shape))
    elif numbers.ndim < len(shape) and dims[0] == "J" and numbers.size == np.prod(np.abs(shape[1:])):
        numbers = numbers.reshape(1, *np.abs(shape[1:]))
    if numbers.ndim != len(shape):
        return None
    if dims[0] == "J" and numbers.shape[0] != shape[0] and np.all(numbers == numbers[:1]):
        numbers = np.repeat(numbers[:1], shape[0], axis=0)  # periods that were equal
    return numbers if all(w in (-1, n) for w, n in zip(shape, numbers.shape, strict=True)) else None


def prefixed(path: str) -> str:
    """Return the path of a field that the specification does not know, with an underscore in front of each new part."""
    known, parts = "", list[str]()
    for part in path.strip("/").split("/"):
        known = f"{known}/{part}"
        standard = any(known == g.path for g in GROUPS) and len(parts) == known.count("/") - 1
        parts.append(part if standard or part.startswith("_") else f"_{part}")
    return "/" + "/".join(parts)
