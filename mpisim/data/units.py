"""Units of values and coordinates: compared where two files meet, and converted where one is a multiple of the other.

A unit is an SI prefix and a base unit (`uV`, `mT`), also written out (`microvolt`), with anything after a space or a
slash in common (`mV s` and `V s`). The micro sign and the Greek letter both mean u. "1", an empty text or none at all
leave the unit unknown, as files of measured data often do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np
import xarray as xr

from mpisim.errors import require, warn

__all__ = ["conversion", "coordinates_in", "in_unit", "in_unit_of", "numerator", "stated_unit", "unit_of"]

_PREFIXES = {"": 0, "f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "c": -2, "k": 3, "M": 6, "G": 9}
_BASES = ("V", "A", "T", "Wb", "Hz", "m", "rad")
_OF_VALUES = ("V", "A", "T", "Wb")
_PREFIX_WORDS = {"": "", "femto": "f", "pico": "p", "nano": "n", "micro": "u", "milli": "m", "centi": "c", "kilo": "k"}
_BASE_WORDS = {"volt": "V", "ampere": "A", "amp": "A", "tesla": "T", "weber": "Wb", "hertz": "Hz"}
_BASE_WORDS |= {"meter": "m", "metre": "m", "radian": "rad"}
_DEGREES = ("deg", "degree", "degrees", "\u00b0")
_SYMBOL = re.compile(rf"({'|'.join(p for p in _PREFIXES if p)})?({'|'.join(_BASES)})([ /*].*)?")
_WORD = re.compile(rf"({'|'.join(p for p in _PREFIX_WORDS if p)})?({'|'.join(_BASE_WORDS)})s?([ /*].*)?")
_UNKNOWN = ("", "1", "unknown", "none")
_VARIABLES = ("system_matrix", "measurement", "image")
_DEVIATIONS = ("noise_std", "system_matrix_std")


def unit_of(data: xr.Dataset) -> str:
    """Return the unit of the system matrix, measurement or image in a dataset; "1" where it is not known."""
    name = next((n for n in _VARIABLES if n in data), None)
    text = "" if name is None else str(data[name].attrs.get("units", ""))
    return "1" if text.strip().lower() in _UNKNOWN else text


def stated_unit(name: str, unit: object) -> str:
    """Return a unit that a user states for values; raise `InputError` unless it is one of voltage, current or field."""
    text = unit.strip() if isinstance(unit, str) else ""
    base = re.split(r"[ /*]", _parsed(text)[1])[0]
    known = base in _OF_VALUES and bool(_SYMBOL.fullmatch(_plain(text)) or _WORD.fullmatch(_plain(text).lower()))
    require(known, name, "a unit of voltage, current or field, such as V, uV or mA", repr(unit))
    return text


def conversion(unit: str, other: str) -> float | None:
    """Return how many `other` are one `unit` (1e-6 for uV and V), or None if they are not multiples of one unit."""
    if unit.strip().lower() in _DEGREES and _parsed(other) == (0, "rad"):
        return math.pi / 180
    one, two = _parsed(unit), _parsed(other)
    if one[1] != two[1]:
        return None
    return 10.0 ** (one[0] - two[0])


def numerator(unit: str) -> tuple[str, str]:
    """Split a unit at its slash: ("uV", "mmol/l") for "uV/(mmol/l)"; without a slash the second part is "1"."""
    above, slash, below = unit.partition("/")
    below = below.strip()
    if below.startswith("(") and below.endswith(")"):
        below = below[1:-1].strip()
    return (above.strip(), below) if slash and below else (unit, "1")


def _parsed(unit: str) -> tuple[int, str]:
    """Power of ten and base unit; power zero and the text itself for a unit that is in no table."""
    text = _plain(unit)
    symbol = _SYMBOL.fullmatch(text)
    if symbol is not None:
        return _PREFIXES[symbol[1] or ""], symbol[2] + (symbol[3] or "")
    word = _WORD.fullmatch(text.lower())
    if word is not None:
        return _PREFIXES[_PREFIX_WORDS[word[1] or ""]], _BASE_WORDS[word[2]] + (word[3] or "")
    return 0, text


def _plain(unit: str) -> str:
    """Return a unit without brackets, and with u for micro."""
    return unit.strip().strip("[]").strip().replace("\u00b5", "u").replace("\u03bc", "u")


def in_unit(data: xr.Dataset, unit: str, name: str, reference: str = "the other data") -> xr.Dataset:
    """Return a dataset with its values, their noise and their standard deviation in another unit.

    Parameters
    ----------
    data
        A system matrix, measurement or image.
    unit
        The unit wanted.
    name, reference
        What messages call the data, and the data whose unit is wanted.

    Returns
    -------
    xarray.Dataset
        The dataset itself where the units are equal, or where one is unknown: then a `DataWarning` says which unit is
        presumed.

    Raises
    ------
    InputError
        If both units are known and are not multiples of one unit.
    """
    own = unit_of(data)
    wanted = "1" if unit.strip().lower() in _UNKNOWN else unit
    if own == wanted:
        return data
    if "1" in (own, wanted):
        unknown, known, stated = (name, reference, wanted) if own == "1" else (reference, name, own)
        warn(f"The unit of {unknown} is not known; its values are taken to be in {stated}, the unit of {known}.")
        return data
    factor = conversion(own, wanted)
    require(factor is not None, f"unit of {name}", f"{wanted}, the unit of {reference}, or a multiple of it", own)
    return _scaled(data, own, wanted)


def coordinates_in(data: xr.Dataset, units: Mapping[str, str], name: str) -> xr.Dataset:
    """Return a dataset whose coordinates are in the units wanted (by name of the coordinate).

    A coordinate that states no unit is in the wanted one. Raises `InputError` for a unit that is no multiple of it.
    """
    converted = {}
    for coordinate, wanted in units.items():
        stated = str(data[coordinate].attrs.get("units", "")).strip() if coordinate in data.coords else ""
        if stated.lower() in _UNKNOWN or stated == wanted or wanted == "1":
            continue
        factor = conversion(stated, wanted)
        must = f"{wanted} or a multiple of it"
        require(factor is not None, f"unit of the coordinate {coordinate} of {name}", must, stated)
        values = data[coordinate].values * np.float64(1.0 if factor is None else factor)
        converted[coordinate] = (data[coordinate].dims, values, {**data[coordinate].attrs, "units": wanted})
    return data.assign_coords(converted) if converted else data


def in_unit_of(data: xr.Dataset, reference: xr.Dataset, name: str, reference_name: str = "reference") -> xr.Dataset:
    """Return a dataset in the unit of another; see `in_unit`."""
    return in_unit(data, unit_of(reference), name, reference_name)


def _scaled(data: xr.Dataset, own: str, wanted: str) -> xr.Dataset:
    """Return the dataset with values and deviations converted; one without a unit of its own has that of the values."""
    kind = next(n for n in _VARIABLES if n in data)
    converted = {}
    for name in (n for n in (kind, *_DEVIATIONS) if n in data):
        unit = str(data[name].attrs.get("units", own))
        factor = conversion(own if unit.strip().lower() in _UNKNOWN else unit, wanted)
        require(factor is not None, f"unit of {name}", f"{wanted} or a multiple of it", unit)
        converted[name] = data[name].copy(data=data[name].values * np.float64(1.0 if factor is None else factor))
        converted[name].attrs["units"] = wanted
    return data.assign(converted)
