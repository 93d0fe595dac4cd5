"""What bad input gets: one sentence, "Input X must be Y; instead received Z."."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["InputError", "finite", "non_negative", "one_of", "positive", "require", "whole"]


class InputError(ValueError):
    """Input that a user can mend; the command line prints it as one sentence and exits with 2."""


def require(condition: bool, name: str, must: str, received: Any) -> None:
    """Raise `InputError` "Input NAME must be MUST; instead received RECEIVED." unless the condition holds."""
    if not condition:
        raise InputError(f"Input {name} must be {must}; instead received {received}.")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def positive(name: str, value: Any) -> float:
    """Return `value` as a float; raise `InputError` unless it is a finite number above zero."""
    require(math.isfinite(_number(value)) and _number(value) > 0, name, "a positive number", repr(value))
    return float(value)


def non_negative(name: str, value: Any) -> float:
    """Return `value` as a float; raise `InputError` unless it is a finite number of zero or more."""
    require(math.isfinite(_number(value)) and _number(value) >= 0, name, "a number of zero or more", repr(value))
    return float(value)


def finite(name: str, values: Any) -> Any:
    """Return `values`; raise `InputError` if any element is NaN or infinite."""
    bad = int(np.count_nonzero(~np.isfinite(np.asarray(values))))
    require(
        bad == 0,
        name,
        "finite everywhere",
        f"{bad} value{'s' * (bad != 1)} that {'are' if bad != 1 else 'is'} NaN or infinite",
    )
    return values


def whole(name: str, value: Any, least: int = 1) -> int:
    """Return `value` as an int; raise `InputError` unless it is a whole number of at least `least`."""
    number = _number(value)
    require(
        math.isfinite(number) and number == int(number) and number >= least,
        name,
        f"a whole number of at least {least}",
        repr(value),
    )
    return int(number)


def one_of(name: str, value: Any, choices: Any) -> Any:
    """Return `value`; raise `InputError` unless it is one of `choices`."""
    require(value in choices, name, f"one of {', '.join(str(c) for c in choices)}", repr(value))
    return value
