"""Reading what users type: ranges, sizes, configuration files. Millimetres and the like become SI here."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mpisim.errors import InputError, require, whole

__all__ = ["integer", "integers", "number", "numbers", "read_toml", "size"]


def number(name: str, text: str) -> float:
    """Return a number that was typed; raise `InputError` if it is none."""
    try:
        return float(text)
    except ValueError:
        raise InputError(f"Input {name} must be a number; instead received {text!r}.") from None


def integer(name: str, text: str, least: int = 0) -> int:
    """Return a whole number of at least `least` that was typed; raise `InputError` if it is none."""
    exact = text.strip().lstrip("+-").isdecimal()
    return whole(name, int(text) if exact else number(name, text), least)


def numbers(name: str, text: str) -> list[float]:
    """Return `a,b,c`, or `first:last:count` equidistant values."""
    if ":" not in text:
        return [number(name, part) for part in text.split(",")]
    parts = text.split(":")
    require(len(parts) == 3, name, "a list a,b,c or a range first:last:count", repr(text))
    first, last, count = (number(name, part) for part in parts)
    good = np.isfinite([first, last, count]).all() and count == int(count) and 1 <= count <= 1e6
    require(bool(good), name, "a range first:last:count of finite numbers with a count from 1 to a million", repr(text))
    return [float(v) for v in np.linspace(first, last, int(count))]


def integers(name: str, text: str) -> tuple[int, ...]:
    """Return `2,3,5`, or `2:9` with both ends."""
    try:
        if ":" in text:
            first, last = (int(part) for part in text.split(":"))
            values = tuple(range(first, min(last, first + 10**6) + 1))
        else:
            values = tuple(int(part) for part in text.split(","))
    except ValueError:
        values = ()
    require(len(values) > 0, name, "whole numbers a,b,c or first:last, ascending", repr(text))
    return values


def size(name: str, text: str) -> tuple[float, ...]:
    """Return `32` (twice), `32x64` or `32x32x8` as numbers along x, y[, z]."""
    values = tuple(number(name, part) for part in text.lower().split("x"))
    require(len(values) <= 3, name, "one to three numbers such as 32 or 32x64", repr(text))
    return values * 2 if len(values) == 1 else values


def read_toml(path: str | os.PathLike[str], known: Sequence[str], name: str) -> dict[str, Any]:
    """Read a configuration file whose keys must be among `known`.

    Raises
    ------
    InputError
        If the file is missing, is not TOML or has an unknown key.
    """
    require(Path(path).is_file(), name, "an existing TOML file", str(path))
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"Input {path} must be a TOML file; instead received one that fails with: {error}.") from None
    unknown = sorted(set(values) - set(known))
    require(not unknown, str(path), f"made of the keys {', '.join(known)}", f"the unknown key {', '.join(unknown)}")
    return values
