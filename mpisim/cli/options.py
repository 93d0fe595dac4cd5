"""Reading what users type: numbers with units, ranges, sizes, configuration files.

Parsers take the name of the option and its text; `mpisim.cli.command.argument_type` makes an argparse type of one.
Millimetres and the like become SI here.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from mpisim.errors import InputError, require, whole

__all__ = [
    "CORE_DIAMETER",
    "GRADIENT",
    "at_least",
    "counts",
    "diameters_nm",
    "gradients",
    "harmonics",
    "integer",
    "integers",
    "lengths_mm",
    "number",
    "numbers",
    "ranged",
    "read_toml",
]

GRADIENT = (0.01, 50.0, "T/m")
"""Least and largest gradient of a selection field that a user can mean; others are slips of the unit."""
CORE_DIAMETER = (1.0, 200.0, "nm")
"""The same for core diameters."""


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
    good = all(map(math.isfinite, (first, last, count))) and count == int(count) and 1 <= count <= 1e6
    require(good, name, "a range first:last:count of finite numbers with a count from 1 to a million", repr(text))
    import numpy as np

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


def counts(name: str, text: str) -> tuple[int, ...]:
    """Return `32` (twice), `32x64` or `32x32x8` as whole numbers along x, y[, z]."""
    return tuple(whole(name, int(value) if value.is_integer() else value) for value in _size(name, text))


def _size(name: str, text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.lower().split("x"))
    except ValueError:
        values = ()
    require(1 <= len(values) <= 3, name, "one to three numbers such as 32 or 32x64", repr(text))
    return values * 2 if len(values) == 1 else values


def at_least(least: int) -> Callable[[str, str], int]:
    """Return a parser of whole numbers of at least `least`."""
    return lambda name, text: integer(name, text, least)


def ranged(low: float, high: float, unit: str, factor: float = 1.0) -> Callable[[str, str], float]:
    """Return a parser of numbers from `low` to `high` in a unit that is `factor` SI units: 1e-3 for mm, 1e3 for kHz.

    The range is what a user can mean; anything else is a slip of the unit.
    """
    return lambda name, text: _in_range(name, number(name, text), low, high, unit) * factor


def lengths_mm(low: float, high: float) -> Callable[[str, str], tuple[float, ...]]:
    """Return a parser of `32` (twice), `32x64` or `32x32x8`, each from `low` to `high` mm, as lengths in m."""
    return lambda name, text: tuple(_in_range(name, value, low, high, "mm") * 1e-3 for value in _size(name, text))


def gradients(name: str, text: str) -> list[float]:
    """Return `0.5`, `0.4,0.7` or `0.4:1.0:10` (first:last:count) in T/m."""
    return [_in_range(name, value, *GRADIENT) for value in numbers(name, text)]


def diameters_nm(name: str, text: str) -> list[float]:
    """Return `25`, `15,25` or `14.1:33.405:10` (first:last:count) in nm as core diameters in m."""
    return [_in_range(name, value, *CORE_DIAMETER) * 1e-9 for value in numbers(name, text)]


def _in_range(name: str, value: float, low: float, high: float, unit: str) -> float:
    require(low <= value <= high, name, f"from {low:g} to {high:g} {unit}", f"{value:g}")
    return value


def harmonics(name: str, text: str) -> tuple[int, ...]:
    """Return harmonics of the drive, `2,3,5` or `2:9` with both ends, from 1 to 1000."""
    values = integers(name, text)
    outside = [k for k in values if not 1 <= k <= 1000]
    require(not outside, name, "multiples of the drive frequency from 1 to 1000", ", ".join(map(str, outside[:3])))
    return values


def read_toml(path: str | os.PathLike[str], known: Sequence[str], name: str) -> dict[str, Any]:
    """Read a configuration file whose keys must be among `known`.

    Raises
    ------
    InputError
        If the file is missing, is not TOML or has an unknown key.
    """
    from mpisim.io.nesting import load_toml

    values = load_toml(path, name)
    unknown = sorted(set(values) - set(known))
    require(not unknown, str(path), f"made of the keys {', '.join(known)}", f"the unknown key {', '.join(unknown)}")
    return values
