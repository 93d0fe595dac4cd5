"""Attributes of a dataset: numbers, truth values, words, lists and mappings, which files give back as they were.

NumPy's numbers and arrays become numbers and lists, dates and times the words of ISO 8601. Anything else is refused by
its name.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np

from mpisim.errors import InputError

__all__ = ["plain_attributes"]


def plain_attributes(attributes: Mapping[Any, Any], owner: str = "") -> dict[str, Any]:
    """Return attributes as a file holds them.

    Parameters
    ----------
    attributes
        Values by name.
    owner
        What they belong to, for the message: empty for the dataset, or the name of a variable.

    Raises
    ------
    InputError
        If one is neither a number, a truth value, a word or a date, nor made of them; the message names it.
    """
    of = f" of {owner}" if owner else ""
    return {str(name): _plain(value, f"attribute {name}{of}") for name, value in attributes.items()}


def _plain(value: Any, name: str, depth: int = 0) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = _of_numpy(value, name)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime.date | datetime.time):  # a datetime is a date
        return value.isoformat()
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {str(k): _plain(v, name, depth + 1) for k, v in value.items()}
    if depth < _DEEPEST and isinstance(value, list | tuple):
        return [_plain(v, name, depth + 1) for v in value]
    raise _refused(name, value)


_DEEPEST = 100  # levels of lists and mappings; a list that holds itself has no end


def _of_numpy(value: np.ndarray | np.generic, name: str) -> Any:
    if value.dtype.kind in "mM":
        return value.astype(str).tolist()  # the words of ISO 8601, or a number and its unit
    if value.dtype.kind not in "biufUO":
        raise _refused(name, value)
    return value.tolist()


def _refused(name: str, value: object) -> InputError:
    kind = type(value).__name__
    kind = f"{kind} of {value.dtype}" if isinstance(value, np.ndarray | np.generic) else kind
    return InputError(
        f"Input {name} must be made of numbers, words, dates, lists and mappings, which files hold; "
        f"instead received {kind}."
    )
