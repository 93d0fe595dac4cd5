"""Options of `reconstruct`: the choice of rows, the background, and those of every method."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields

from mpisim.cli.command import argument_type
from mpisim.cli.options import integer, number, ranged
from mpisim.errors import InputError

__all__ = [
    "add_background_options",
    "add_method_options",
    "add_row_options",
    "destination_of",
    "flag_of",
    "presets",
    "radius",
]

_FLAGS = {"regularisation": "--lambda", "sweeps": "--iterations"}
"""Flags that do not follow from the name of the parameter."""
_PARSERS: dict[type, Callable[[str, str], object]] = {int: integer, float: number}


def add_row_options(parser: argparse.ArgumentParser) -> None:
    """Add the choice of rows."""
    for flag, text in (("--min-frequency", "least"), ("--max-frequency", "greatest")):
        frequency = argument_type(flag, ranged(0, 1e5, "kHz", 1e3))
        parser.add_argument(flag, type=frequency, metavar="KHZ", help=f"{text} frequency in kHz of the rows to use")
    ratio = "least signal-to-noise ratio of the rows to use: RMS of the matrix's row over its noise (5: five times)"
    parser.add_argument("--row-snr", type=argument_type("--row-snr", number), metavar="RATIO", help=ratio)
    mask = "1 for the rows to use and 0 for others: .npy, or a text file; angle, then receive channel, then frequency"
    parser.add_argument("--row-mask", metavar="FILE", help=mask)


def add_background_options(parser: argparse.ArgumentParser) -> None:
    """Add the background that is estimated with the image."""
    basis = "estimate a background with the image: smooth along the axis frequency or angle, or, with frames, made of "
    basis += "vectors of the background frames (default none)"
    parser.add_argument("--background", metavar="BASIS", help=basis)
    terms = argument_type("--background-terms", integer)
    parser.add_argument("--background-terms", type=terms, metavar="N", help="its cosines or vectors (default 1)")
    std = argument_type("--background-std", number)
    limit = "standard deviation of its amplitudes, in the unit of the data (default: no limit)"
    parser.add_argument("--background-std", type=std, metavar="S", help=limit)


def add_method_options(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every option of every method; methods share flags of one name."""
    from recon.methods import METHODS

    texts: dict[str, list[str]] = {}
    kinds: dict[str, type] = {}
    for method, solver in METHODS.items():
        for option in (f for f in fields(solver.options) if type(f.default) in (int, float, str)):
            text = f"{method}: {option.metadata.get('help', option.name)} (default {option.default})"
            texts.setdefault(option.name, []).append(text.replace("%", "%%"))
            kinds.setdefault(option.name, type(option.default))
    for name, lines in texts.items():
        flag = flag_of(name)
        kind = argument_type(flag, _PARSERS[kinds[name]]) if kinds[name] in _PARSERS else str
        if name == "regularisation":
            kind = argument_type(flag, _lambda)
            lines.append("auto, l-curve, gcv, discrepancy or hands-free choose it from the data")
        lines += [f"in Python {name}"] if name in _FLAGS else []
        with suppress(argparse.ArgumentError):  # an option with the name of a flag above
            parser.add_argument(flag, dest=destination_of(name), type=kind, metavar="V", help="; ".join(lines))


def presets() -> str:
    """Return the names of all presets with their values, for the help."""
    from recon.methods import METHODS

    return "; ".join(
        f"{method}: {name} ({', '.join(f'{flag_of(k)} {v}' for k, v in values.items())})"
        for method, solver in METHODS.items()
        for name, values in solver.presets.items()
    ).replace("%", "%%")


def flag_of(name: str) -> str:
    """Return the flag of a parameter."""
    return _FLAGS.get(name, "--" + name.replace("_", "-"))


def destination_of(name: str) -> str:
    """Return the attribute of the parsed options that holds an option of a method."""
    return f"option {name}"


def radius(name: str, text: str) -> float | str:
    """Return a radius of the noise ball, or auto."""
    return text if text == "auto" else number(name, text)


def _lambda(name: str, text: str) -> float | str:
    from recon.selection.regularisation import RULES

    if text in RULES:
        return text
    try:
        return number(name, text)
    except InputError:
        must = f"a number or one of {', '.join(RULES)}"
        raise InputError(f"Input {name} must be {must}; instead received {text!r}.") from None
