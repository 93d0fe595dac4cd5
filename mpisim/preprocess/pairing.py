r"""Whether a system matrix and a measurement belong together: one sentence for every reason why not.

An image is only meaningful where both were acquired with the same scanner and sequence. Compared are the topology, the
drive field (frequencies, amplitudes, waveforms), gradient and offset field, the receive channels, bandwidth and unit,
the frequencies, the state of the transfer function and the tracer. What one of the files does not state is not
compared. Another tracer has another response, so that the image is wrong in a way that no program can see; yet some
tracers are near enough, which is why it is a reason of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Acquisition", "Mismatch", "common", "mismatches", "places", "rows_lost"]

_SAME_FREQUENCY = 1e-6  # relative
_SAME_FIELD = 1e-3  # relative: 12 and 12.01 mT are the same
_LEAST_FIELD = 1e-5  # T, of offset fields, where relative differences mean nothing
_NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.?\d+)(?:e[-+]?\d+)?", re.IGNORECASE)  # in the text of a simulated tracer


@dataclass(frozen=True)
class Acquisition:
    """What a file says of its acquisition.

    Parameters
    ----------
    fields
        Values by name: `topology`, `drive_frequencies` (Hz), `drive_amplitudes` (T), `waveforms`, `gradient` (T/m),
        `offset_field` (T), `channels`, `bandwidth` (Hz), `unit`, `tracers`; what the file does not state is missing.
    frequencies
        Frequencies of the rows in Hz, ascending or not.
    transfer
        `none`, or `corrected` where the transfer function was divided out, in the file or when it was read.
    transfer_function
        It, shape (channel, frequency), where the file holds it.
    """

    fields: Mapping[str, Any]
    frequencies: np.ndarray | None = None
    transfer: str = "none"
    transfer_function: np.ndarray | None = None


@dataclass(frozen=True)
class Mismatch:
    """A reason why two files do not belong together.

    Parameters
    ----------
    what
        `sequence`, `receiver`, `frequencies`, `transfer function` or `tracer`.
    sentence
        The reason.
    """

    what: str
    sentence: str


def mismatches(matrix: Acquisition, measurement: Acquisition) -> list[Mismatch]:
    """Return every reason why a matrix and a measurement do not fit; an empty list where none is known."""
    found = [m for row in _COMPARED if (m := _compared(*row, matrix, measurement)) is not None]
    shared = rows_lost(matrix.frequencies, measurement.frequencies)
    if shared is not None and shared[0] == shared[1]:
        found.append(Mismatch("frequencies", "The measurement has none of the frequencies of the matrix."))
    return found + _transfer(matrix, measurement)


def rows_lost(matrix: np.ndarray | None, measurement: np.ndarray | None) -> tuple[int, int] | None:
    """Return how many frequencies of the matrix a measurement lacks, and how many there are; None if not known."""
    if matrix is None or measurement is None:
        return None
    return int(matrix.size - np.count_nonzero(common(matrix, measurement))), int(matrix.size)


def common(these: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return which of these frequencies are among the others, to within rounding."""
    return places(these, others) >= 0


def places(these: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return where these frequencies are among the others, to within rounding; -1 for one that is not."""
    if others.size == 0:
        return np.full(these.size, -1)
    order = np.argsort(others, kind="stable")
    ascending = others[order]
    above = np.minimum(np.searchsorted(ascending, these), ascending.size - 1)
    below = np.maximum(above - 1, 0)
    nearest = np.where(np.abs(these - ascending[above]) <= np.abs(these - ascending[below]), above, below)
    near = np.abs(these - ascending[nearest]) <= _SAME_FREQUENCY * np.maximum(np.abs(these), 1.0)
    return np.where(near, order[nearest], -1)


def _compared(
    name: str, what: str, words: str, shown: Callable[[Any], str], same: Callable[[Any, Any], bool], *files: Acquisition
) -> Mismatch | None:
    matrix, measurement = (file.fields.get(name) for file in files)
    if matrix is None or measurement is None or same(matrix, measurement):
        return None
    return Mismatch(
        what, f"The {words} of the matrix is {shown(matrix)}, that of the measurement {shown(measurement)}."
    )


def _close(tolerance: float, least: float = 0.0) -> Callable[[Any, Any], bool]:
    def same(one: Any, other: Any) -> bool:
        a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
        if a.ndim > 0 and b.ndim > 0 and a.shape[1:] == b.shape[1:] and 1 in (len(a), len(b)):
            a, b = np.broadcast_arrays(a, b)  # periods that are all equal
        if a.shape != b.shape:
            return False
        scale = max(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0)))
        return bool(np.all(np.abs(a - b) <= max(tolerance * scale, least)))

    return same


def _same_words(one: Any, other: Any) -> bool:
    first, second = ([str(w).strip().casefold() for w in np.ravel(v)] for v in (one, other))
    return first == second or set(first) == set(second)


def _same_tracers(one: Any, other: Any) -> bool:
    """Whether the names are the same, the numbers in them but for rounding, such as a diameter that was typed in nm."""
    return _same_words(*([_rounded(str(w)) for w in np.ravel(v)] for v in (one, other)))


def _rounded(text: str) -> str:
    return _NUMBER.sub(lambda found: f"{float(found[0]):.6g}", text)


def _tracers(value: Any) -> str:
    return _rounded(_words(value))


def _numbers(factor: float, unit: str) -> Callable[[Any], str]:
    def shown(value: Any) -> str:
        values = np.ravel(np.asarray(value, dtype=float)) * factor
        listed = ", ".join(f"{v:.6g}" for v in values[:9])
        return f"{listed}{', ...' if values.size > 9 else ''} {unit}".rstrip()

    return shown


def _words(value: Any) -> str:
    return ", ".join(dict.fromkeys(str(w) for w in np.ravel(value)))


_COMPARED = (
    ("topology", "sequence", "topology", _words, _same_words),
    ("drive_frequencies", "sequence", "drive frequency", _numbers(1e-3, "kHz"), _close(_SAME_FREQUENCY)),
    ("drive_amplitudes", "sequence", "drive amplitude", _numbers(1e3, "mT"), _close(_SAME_FIELD)),
    ("waveforms", "sequence", "waveform", _words, _same_words),
    ("gradient", "sequence", "gradient", _numbers(1.0, "T/m"), _close(_SAME_FIELD)),
    ("offset_field", "sequence", "offset field", _numbers(1e3, "mT"), _close(_SAME_FIELD, _LEAST_FIELD)),
    ("channels", "receiver", "number of receive channels", _numbers(1.0, ""), _close(0.0)),
    ("bandwidth", "receiver", "bandwidth", _numbers(1e-3, "kHz"), _close(_SAME_FREQUENCY)),
    ("unit", "receiver", "unit", _words, _same_words),
    ("tracers", "tracer", "tracer", _tracers, _same_tracers),
)


def _transfer(matrix: Acquisition, measurement: Acquisition) -> list[Mismatch]:
    if matrix.transfer != measurement.transfer:
        name, other = ("matrix", "measurement") if matrix.transfer == "corrected" else ("measurement", "matrix")
        sentence = f"The {name} is corrected for a transfer function, and the {other} is not and has none."
        return [Mismatch("transfer function", sentence)]
    one, other_one = matrix.transfer_function, measurement.transfer_function
    if one is None or other_one is None or matrix.frequencies is None or measurement.frequencies is None:
        return []
    mine = common(matrix.frequencies, measurement.frequencies)
    theirs = common(measurement.frequencies, matrix.frequencies)
    fits = one.shape[0] == other_one.shape[0] and mine.sum() == theirs.sum()
    if fits and np.allclose(one[:, mine], other_one[:, theirs], rtol=_SAME_FIELD, atol=0, equal_nan=True):
        return []
    return [Mismatch("transfer function", "The transfer functions of the matrix and of the measurement differ.")]
