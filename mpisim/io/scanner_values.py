"""Values of a scanner file that the caller gives, too: both must be the same, within rounding."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mpisim.errors import require
from mpisim.scanner.ffl import equidistant_angles

__all__ = ["agrees", "merged", "same", "shown"]

_UNITS = {"drive_amplitude": "T", "drive_frequency": "Hz", "angles": "rad", "fov": "m", "size": "m"}


def merged(table: dict[str, Any], given: Mapping[str, Any], name: str, replacing: bool) -> dict[str, Any]:
    """Return a table completed by what is given.

    Parameters
    ----------
    table
        Keys and values of the file.
    given
        Those of the caller.
    name
        What messages call the file.
    replacing
        Whether given values replace those of the file; otherwise they must be the same.

    Raises
    ------
    InputError
        If a value differs, unless it is to be replaced.
    """
    for key, value in given.items():
        if not replacing and not agrees(table, key, value):
            stated = f"{shown(_expanded(key, table[key]))} {_UNITS.get(key, '')}".rstrip()
            require(False, key, f"{stated}, as {name} says, or left out", shown(_expanded(key, value)))
    return {**table, **given} if replacing else {**given, **table}


def agrees(table: dict[str, Any], key: str, value: Any) -> bool:
    """Whether a table holds a value of a key, or leaves it out."""
    return key not in table or same(_expanded(key, table[key]), _expanded(key, value))


def _expanded(key: str, value: Any) -> Any:
    """Return angles for a number of them; any other value as it is."""
    if key == "angles" and isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return equidistant_angles(value)
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values of a key are equal, numbers within rounding."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return math.isclose(one, other, rel_tol=1e-9) if numbers else bool(one == other)


def shown(value: Any) -> str:
    """Return a value in words; of a long list the ends."""
    if isinstance(value, list | tuple):
        items = [f"{v:g}" if isinstance(v, float) else str(v) for v in value]
        return f"[{', '.join(items if len(items) <= 8 else [*items[:2], '...', items[-1]])}]"
    return f"{value:g}" if isinstance(value, float) else repr(value)
