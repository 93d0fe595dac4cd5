"""JSON and TOML of files that are not trusted: damage and too deep nesting give one sentence."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mpisim.errors import InputError

__all__ = ["DEEPEST", "load_toml", "parse_json", "require_flat"]

DEEPEST = 100
"""Levels of lists and mappings that a value may have; Python itself gives up at about ten times as many."""


def parse_json(text: str | bytes, name: str) -> Any:
    """Return what a JSON text holds.

    Raises `InputError`, which calls the text `name`, if it is no JSON or nested deeper than `DEEPEST` levels.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise _too_deep(name) from None
    except ValueError as error:  # also of bytes that are no UTF-8
        raise InputError(f"Input {name} must be JSON; instead received text that fails with: {error}.") from None
    return require_flat(value, name)


def load_toml(path: str | os.PathLike[str], name: str = "file") -> dict[str, Any]:
    """Return what a TOML file holds.

    Raises `InputError` if there is no such file, it is no TOML, or it is nested deeper than `DEEPEST` levels.
    """
    if not Path(path).is_file():
        raise InputError(f"Input {name} must be an existing TOML file; instead received {path}.")
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except RecursionError:
        raise _too_deep(str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"Input {path} must be a TOML file; instead received one that fails with: {error}.") from None
    return dict(require_flat(values, str(path)))


def require_flat(value: Any, name: str) -> Any:
    """Return a value of lists and mappings; raise `InputError` if it is nested deeper than `DEEPEST` levels."""
    level = _nested([value])
    for _ in range(DEEPEST):
        level = _nested(part for whole in level for part in _parts(whole))
    if level:
        raise _too_deep(name)
    return value


def _nested(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, list | dict)]


def _parts(value: list[Any] | dict[Any, Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _too_deep(name: str) -> InputError:
    return InputError(f"Input {name} must be nested in at most {DEEPEST} levels; instead received more.")
