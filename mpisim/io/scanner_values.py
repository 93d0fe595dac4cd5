"""Values of a scanner file that the caller gives, too: both must be the same, within rounding."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from mpisim.errors import InputError
from mpisim.scanner.ffl import equidistant_angles

__all__ = ["ContradictionError", "agrees", "expect_same", "merged", "same", "shown"]

_UNITS = {
    "sf_gradient": "T/m",
    "particle_diameter": "m",
    "drive_amplitude": "T",
    "drive_frequency": "Hz",
    "angles": "rad",
    "fov": "m",
    "size": "m",
}


class ContradictionError(InputError):
    """A value that the caller gives and that is another one in the scanner file.

    Parameters
    ----------
    sentence
        What is wrong, in SI units.
    key
        The key of the file.
    stated, given
        The value of the file, and that of the caller, in SI units.
    file
        What messages call the file.
    """

    def __init__(self, sentence: str, key: str = "", stated: Any = None, given: Any = None, file: str = "") -> None:
        super().__init__(sentence)
        self.key, self.stated, self.given, self.file = key, stated, given, file


def merged(
    table: dict[str, Any], given: Mapping[str, Any], name: str, replacing: bool, free: Collection[str] = ()
) -> dict[str, Any]:
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
    free
        Keys whose given values always replace those of the file.

    Raises
    ------
    ContradictionError
        If a value differs, unless it is to be replaced.
    """
    for key, value in given.items():
        if not replacing and key in table and key not in free:
            expect_same(key, _expanded(key, table[key]), _expanded(key, value), name)
    replaced = {key: value for key, value in given.items() if replacing or key in free}
    return {**given, **table, **replaced}


def expect_same(key: str, stated: Any, given: Any, name: str) -> None:
    """Raise `ContradictionError` unless the value of a file and that of the caller, both in SI units, are the same."""
    if not same(stated, given):
        must = f"{shown(stated)} {_UNITS.get(key, '')}".rstrip()
        sentence = f"Input {key} must be {must}, as {name} says, or left out; instead received {shown(given)}."
        raise ContradictionError(sentence, key, stated, given, name)


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
