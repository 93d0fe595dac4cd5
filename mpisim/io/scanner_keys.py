"""The keys of a scanner file: which class a table describes, and whether its keys are fields of that class."""

from __future__ import annotations

import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from mpisim.errors import did_you_mean, require
from mpisim.io.field_map import read_field_map
from mpisim.io.spectrum_file import read_noise_spectrum, read_transfer
from mpisim.particles.table import PARTICLES
from mpisim.scanner.table import SCANNER_PARTS, SCANNERS

__all__ = ["DIAMETER_KEYS", "GRID_KEYS", "checked_keys", "class_of", "refuse_unknown", "with_hint", "with_maps"]

DIAMETER_KEYS = ("diameter", "median")
"""Fields of models of particles that hold the core diameter, or the median of a distribution, in m."""

GRID_KEYS = {"grid": "shape", "fov": "fov", "center": "center"}
"""Fields of `Grid` by key of the table `calibration`; `shape` there is that of the sample."""

_DEFAULTS = {"scanner": "OpenSidedFFL", "particle": "Particle"}
_READERS: dict[str, Callable[[Path], Any]] = {
    "FieldMap": read_field_map,
    "NoiseSpectrum": read_noise_spectrum,
    "TransferTable": read_transfer,
}


def with_hint(value: object, known: Collection[str]) -> str:
    """Return a name that is unknown, and the known one that is closest to it in spelling."""
    return f"{value}{did_you_mean(value, known)}"


def refuse_unknown(keys: Iterable[str], known: Collection[str], name: str, must: str, word: str = "key") -> None:
    """Raise `InputError` for the first key that is not known, with the known one that is closest to it in spelling.

    Parameters
    ----------
    keys, known
        Keys of a table, and those that it may have.
    name, must
        The file, and what it must be, for the message.
    word
        What a key is there.
    """
    unknown = next((key for key in keys if key not in known), None)
    require(unknown is None, name, must, f"the unknown {word} {with_hint(unknown, known)}")


def class_of(table: Mapping[str, Any], kind: str, where: str, name: str, expected: str = "") -> type:
    """Return the class that a table describes.

    Parameters
    ----------
    table
        Keys and values.
    kind
        `scanner`, `particle` or `part`.
    where, name
        The table and the file, for messages.
    expected
        Name of the class where the table does not state it; by default that of the `kind`.

    Raises
    ------
    InputError
        If the class is unknown or missing.
    """
    classes = {"scanner": SCANNERS, "particle": PARTICLES}.get(kind, SCANNER_PARTS)
    stated = table.get("class", expected or _DEFAULTS.get(kind, ""))
    of = f"class of [{where}] in {name}" if where else f"class in {name}"
    known = isinstance(stated, str) and stated in classes
    require(known, of, f"one of {', '.join(classes)}", with_hint(stated, list(classes)) or "none")
    return classes[stated]


def checked_keys(table: Mapping[str, Any], kind: str, where: str, name: str, expected: str = "") -> dict[str, Any]:
    """Return a table with the classes of its parts, which need not be stated where a field takes one class only.

    Raises `InputError` if a class or a key does not exist; the sentence names the table, and a key that is close.
    """
    described = class_of(table, kind, where, name, expected)
    known = [f.name for f in fields(described)] if is_dataclass(described) else []
    must = f"made of the keys {', '.join(known)}{f' in [{where}]' if where else ''}"
    refuse_unknown([key for key in table if key != "class"], known, name, must)
    stated = {"class": expected} if expected and "class" not in table else {}

    for key, value in table.items():
        _check_brackets(_type_of(described, key), value, f"{where}.{key}".strip("."), name)

    def completed(value: Any, key: str) -> Any:
        if isinstance(value, list):
            return [completed(part, key) for part in value]
        if not isinstance(value, dict):
            return value
        inner = "particle" if kind == "particle" else "part"
        only = _DEFAULTS["particle"] if inner == "particle" else _only_class(described, key)
        return checked_keys(value, inner, f"{where}.{key}".strip("."), name, only)

    return {**stated, **{key: completed(value, key) for key, value in table.items()}}


def _only_class(described: type, key: str) -> str:
    """Return the name of the one class of parts that a field takes; empty where it takes several, or any."""
    found = _dataclasses_in(_type_of(described, key))
    names = [name for name, part in SCANNER_PARTS.items() if part in found]
    return names[0] if len(names) == 1 else ""


def _type_of(described: type, key: str) -> Any:
    """Return the type of a field; None where it cannot be known."""
    try:
        return typing.get_type_hints(described).get(key)
    except (NameError, TypeError):  # names that exist for type checkers only
        return None


def _check_brackets(annotation: Any, value: Any, where: str, name: str) -> None:
    """Refuse one table for a field that takes several, and several for a field that takes one."""
    several = typing.get_origin(annotation) is tuple and not _leaves(annotation) & {int, float}
    mistaken = isinstance(value, dict) and several
    require(not mistaken, f"{where} in {name}", f"several tables, each under [[{where}]]", "one table")
    tables = isinstance(value, list) and any(isinstance(part, dict) for part in value)
    mistaken = tables and not several and bool(_dataclasses_in(annotation))
    require(not mistaken, f"{where} in {name}", f"one table, under [{where}]", "a list of tables")


def _dataclasses_in(annotation: Any) -> set[Any]:
    """Return the dataclasses that a type names, in unions and sequences too."""
    return {leaf for leaf in _leaves(annotation) if isinstance(leaf, type) and is_dataclass(leaf)}


def _leaves(annotation: Any) -> set[Any]:
    """Return the types that unions and sequences of a type are made of."""
    within = typing.get_args(annotation)
    return set().union(*map(_leaves, within)) if within else {annotation}


def with_maps(values: Any, folder: Path, key: str = "") -> Any:
    """Return values of a file in which tables with a key `file` hold the map, spectrum or transfer function in it.

    Parameters
    ----------
    values
        What the file holds.
    folder
        Where the file lies, from which relative names of maps start.
    key
        Key of the values; a table `spectrum` is one of noise unless it states its class.

    Raises
    ------
    InputError
        If a map, a spectrum or a transfer function cannot be read.
    """
    if isinstance(values, list):
        return [with_maps(value, folder, key) for value in values]
    if not isinstance(values, dict):
        return values
    rest = {name: with_maps(value, folder, name) for name, value in values.items()}
    kind = rest.get("class", "NoiseSpectrum" if key == "spectrum" else "FieldMap")
    if not isinstance(rest.get("file"), str) or kind not in _READERS:
        return rest
    found = _READERS[kind](folder / rest.pop("file"))
    return {"class": kind, **{f.name: getattr(found, f.name) for f in fields(found)}, **rest}
