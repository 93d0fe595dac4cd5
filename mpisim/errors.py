"""Checks of input. Bad input raises one sentence: "Input X must be Y; instead received Z."."""

from __future__ import annotations

import difflib
import math
import sys
import warnings
from collections.abc import Collection, Iterable
from typing import SupportsFloat, TypeVar

__all__ = [
    "DataWarning",
    "DivergenceError",
    "InputError",
    "brief",
    "decibels",
    "did_you_mean",
    "finite",
    "non_negative",
    "numbers_of",
    "one_line",
    "one_of",
    "positive",
    "printable",
    "require",
    "seed_number",
    "warn",
    "whole",
    "with_article",
    "within",
]


_LONGEST = 1500  # characters of a sentence


class InputError(ValueError):
    """Input that a user can correct; the command line prints the sentence and exits with 2.

    The sentence is one printable line: names in files can hold control characters, and be of any length.
    """

    def __init__(self, sentence: object = "") -> None:
        super().__init__(one_line(str(sentence)))


class DivergenceError(InputError):
    """An iteration whose numbers do not stay finite under the parameters that it was given."""


class DataWarning(UserWarning):
    """Data that do not hold what a method presumes; the result is computed, and the sentence says how."""


_PACKAGES = ("mpisim", "calib", "recon")
T = TypeVar("T")


def warn(sentence: str) -> None:
    """Issue a `DataWarning` at the caller's line; the command line prints its sentence as one line on stderr."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PACKAGES:
        level, frame = level + 1, frame.f_back
    warnings.warn(one_line(sentence), DataWarning, stacklevel=level)


def printable(text: str) -> str:
    r"""Return a text whose characters all print: others, but for line breaks, as their escapes, such as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in text)


def one_line(sentence: str) -> str:
    """Return a sentence as one printable line; of a very long one, its beginning and its end."""
    line = sentence if sentence.isprintable() else printable(" ".join(sentence.split()))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 300]} ... {line[-290:]}"


def require(condition: bool, name: str, must: str, received: object) -> None:
    """Raise `InputError` "Input NAME must be MUST; instead received RECEIVED." unless the condition holds."""
    if not condition:
        raise InputError(f"Input {name} must be {must}; instead received {received}.")


def with_article(noun: object) -> str:
    """Return a noun with its article: "a measurement", "an image"."""
    word = str(noun)
    return f"{'an' if word[:1].lower() in tuple('aeio') else 'a'} {word}"


def _number(value: object) -> float:
    """Return a number, NumPy's too, as a float; NaN for anything else, truth values and strings among it."""
    if type(value) is float:
        return value
    if isinstance(value, bool) or str(getattr(value, "dtype", "")) == "bool" or not isinstance(value, SupportsFloat):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def decibels(name: str, value: object) -> float:
    """Return `value` as a float; raise `InputError` unless it lies from -100 to 300 dB (double precision has 313)."""
    good = -100 <= _number(value) <= 300
    require(good, name, "a finite number of decibels between -100 and 300", repr(value))
    return _number(value)


def seed_number(value: object, name: str = "seed") -> int:
    """Return `value` as an int; raise `InputError` unless it is a whole number from 0 to 2^63 - 1."""
    number = whole(name, value, least=0)
    require(number < 2**63, name, "a whole number below 2^63", repr(value))
    return number


def positive(name: str, value: object) -> float:
    """Return `value` as a float; raise `InputError` unless it is a finite number above zero."""
    require(math.isfinite(_number(value)) and _number(value) > 0, name, "a positive number", repr(value))
    return _number(value)


def non_negative(name: str, value: object) -> float:
    """Return `value` as a float; raise `InputError` unless it is a finite number of zero or more."""
    require(math.isfinite(_number(value)) and _number(value) >= 0, name, "a number of zero or more", repr(value))
    return _number(value)


def within(name: str, value: object, low: float, high: float, unit: str) -> float:
    """Return `value` as a float; raise `InputError` unless it lies from `low` to `high`, both in `unit`.

    The ranges are wide: what lies outside is no scanner, tracer or field of view, but a number in another unit.
    """
    good = low <= _number(value) <= high  # False for NaN
    require(good, name, f"from {low:g} to {high:g} {unit}", repr(value))
    return _number(value)


def finite(name: str, values: T) -> T:
    """Return `values`; raise `InputError` if any element is NaN or infinite."""
    import numpy as np

    good = np.isfinite(np.asarray(values))
    bad = good.size - int(np.count_nonzero(good))
    require(
        bad == 0,
        name,
        "finite everywhere",
        f"{bad} value{'s' * (bad != 1)} that {'are' if bad != 1 else 'is'} NaN or infinite",
    )
    return values


def whole(name: str, value: object, least: int = 1) -> int:
    """Return `value` as an int; raise `InputError` unless it is a whole number of at least `least`."""
    number = _number(value)
    require(
        math.isfinite(number) and number == int(number) and number >= least,
        name,
        f"a whole number of at least {least}",
        repr(value),
    )
    return value if isinstance(value, int) else int(number)


def numbers_of(name: str, values: Iterable[object]) -> tuple[float, ...]:
    """Return `values` as floats; raise `InputError` unless they are a sequence of finite numbers."""
    sequence = isinstance(values, list | tuple) or hasattr(values, "tolist")
    good = sequence and all(math.isfinite(_number(v)) for v in values)
    require(good, name, "a sequence of finite numbers", repr(values))
    return tuple(_number(v) for v in values)


def one_of(name: str, value: T, choices: Collection[T]) -> T:
    """Return `value`; raise `InputError` unless it is one of `choices`; a name that is close to one is hinted at."""
    try:
        known = value in choices
    except TypeError:  # lists and the like are no names
        known = False
    hint = "" if known else did_you_mean(value, choices)
    require(known, name, f"one of {', '.join(str(c) for c in choices)}", f"{value!r}{hint}")
    return value


def brief(value: object, longest: int = 80) -> str:
    """Return a value as a message shows it: all of it, or its beginning where it is long."""
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]} ..."


def did_you_mean(value: object, choices: Iterable[object]) -> str:
    """Return " (did you mean NAME?)" for the choice that is closest in spelling, or nothing if none is close."""
    if not isinstance(value, str):
        return ""
    names = {choice.casefold(): choice for choice in choices if isinstance(choice, str)}
    close = difflib.get_close_matches(value.casefold().replace("_", "-").strip(), names, n=1, cutoff=0.6)
    return f" (did you mean {names[close[0]]}?)" if close else ""
