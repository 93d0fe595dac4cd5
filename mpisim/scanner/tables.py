"""Tables over frequency, such as a measured transfer function or a spectrum of noise: what they must cover.

A **gap** is a distance between neighbouring frequencies that is more than ten times the usual one (the median), both as
a difference and as a ratio, so that tables with equal steps and tables with equal ratios have none.
"""

from __future__ import annotations

import numpy as np

from mpisim.errors import numbers_of, require

__all__ = ["check_covered", "checked_frequencies"]

_GAP = 10.0
_EDGE = 1e-9


def checked_frequencies(name: str, values: object) -> tuple[float, ...]:
    """Return the frequencies of a table in Hz; raise `InputError` unless they are ascending and at least two."""
    found = numbers_of(f"frequencies of the {name}", values)  # type: ignore[arg-type]  # refuses what is no sequence
    require(len(found) >= 2, f"frequencies of the {name}", "at least two", len(found))
    ascending = found[0] >= 0 and bool(np.all(np.diff(found) > 0))
    require(ascending, f"frequencies of the {name}", "ascending numbers of zero or more in Hz", "others")
    return found


def check_covered(name: str, table: tuple[float, ...], wanted: np.ndarray) -> None:
    """Raise `InputError` where a table of frequencies does not cover those that are wanted, or has a gap there.

    Parameters
    ----------
    name
        What messages call the table.
    table
        Its frequencies in Hz, ascending.
    wanted
        Frequencies in Hz.
    """
    known, wanted = np.array(table), np.ravel(wanted)
    outside = (wanted < known[0] * (1 - _EDGE)) | (wanted > known[-1] * (1 + _EDGE))
    must = f"one from {known[0]:g} to {known[-1]:g} Hz, which is what the table covers"
    require(not outside.any(), f"frequency of the {name}", must, f"{wanted[outside][:1]} Hz")
    steps, ratios = np.diff(known), np.diff(np.log(np.maximum(known, 1e-3)))
    wide = (steps > _GAP * np.median(steps)) & (ratios > _GAP * np.median(ratios))
    place = np.clip(np.searchsorted(known, wanted, side="right") - 1, 0, len(steps) - 1)
    on_a_frequency = np.isclose(known[place], wanted, rtol=_EDGE) | np.isclose(known[place + 1], wanted, rtol=_EDGE)
    bad = wide[place] & ~on_a_frequency
    between = place[bad][0] if bad.any() else 0
    must = f"without a gap at {wanted[bad][0] if bad.any() else 0:g} Hz"
    require(not bad.any(), name, must, f"nothing from {known[between]:g} to {known[between + 1]:g} Hz")
