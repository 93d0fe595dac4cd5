r"""Transfer functions of a receive chain: complex numbers by which a filter multiplies the voltage at a frequency.

With the Fourier coefficients of this package, :math:`a = \frac1T\int v\,e^{-2\pi i f t}\,dt`, a filter that answers
:math:`e^{2\pi i f t}` with :math:`H(f)\,e^{2\pi i f t}` multiplies :math:`a` by :math:`H(f)`. With :math:`s = 2\pi i f`

=================  ====================================================================================================
`BandPass`         :math:`H = 1/\bigl(B_n(f_l/(if))\,B_n(if/f_h)\bigr)`, of Butterworth's polynomials
`CoilResonance`    :math:`H = 1/(1 - (f/f_r)^2 + i f/(f_r Q))`: a coil, its capacitance and its damping
`PoleZeroFilter`   :math:`H \propto \prod (s - z_j) / \prod (s - p_j)`, of magnitude 1 at a frequency that is stated
`TransferTable`    a measured table, between its frequencies linear in magnitude and in phase
=================  ====================================================================================================

A filter whose poles do not all have a negative real part answers a short pulse with a voltage that grows without end,
and is refused. Source: S. Butterworth, Experimental Wireless 7, 1930; any textbook of analogue filters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mpisim.errors import numbers_of, positive, require, whole, within
from mpisim.scanner.tables import check_covered, checked_frequencies

__all__ = ["BandPass", "CoilResonance", "PoleZeroFilter", "TransferFunction", "TransferTable"]

_FREQUENCIES = (1e-3, 1e9)  # Hz
_HIGHEST_ORDER = 8
_LARGEST = 1e9


class TransferFunction(Protocol):
    """One stage of a receive chain; a frozen dataclass whose class is entered in `mpisim.SCANNER_PARTS`."""

    def response(self, frequencies: np.ndarray) -> np.ndarray:
        """Complex response at `frequencies` (frequency,) in Hz, dimensionless; shape (frequency,)."""


@dataclass(frozen=True)
class BandPass:
    """A Butterworth high-pass and low-pass, each of one order; order 1 is a resistor and a capacitor.

    Parameters
    ----------
    low, high
        Frequencies in Hz at which high-pass and low-pass have the magnitude 1/sqrt(2); None leaves one out.
    order
        Order of each, from 1 to 8: 6 dB per octave for each.

    Raises
    ------
    InputError
        If both are left out, low is not below high, or a number is out of range.
    """

    low: float | None = None
    high: float | None = None
    order: int = 1

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, within(f"{name} of the band-pass", value, *_FREQUENCIES, "Hz"))
        low, high = self.low, self.high
        require(low is not None or high is not None, "band-pass", "one with low or high, in Hz", "neither")
        ordered = low is None or high is None or low < high
        require(ordered, "low of the band-pass", f"below high, {high} Hz", f"{low} Hz")
        object.__setattr__(self, "order", whole("order of the band-pass", self.order))
        require(self.order <= _HIGHEST_ORDER, "order of the band-pass", f"at most {_HIGHEST_ORDER}", self.order)

    def response(self, frequencies: np.ndarray) -> np.ndarray:
        """Complex response at `frequencies` (frequency,) in Hz; shape (frequency,)."""
        found = np.ones(len(frequencies), dtype=complex)
        if self.high is not None:
            found /= self._polynomial(1j * frequencies / self.high)
        if self.low is not None:
            passed = frequencies > 0
            found[passed] /= self._polynomial(self.low / (1j * frequencies[passed]))
            found[~passed] = 0.0
        return found

    def _polynomial(self, s: np.ndarray) -> np.ndarray:
        """Butterworth's polynomial of this order at s (frequency,)."""
        n = self.order
        roots = np.exp(1j * np.pi * (2 * np.arange(1, n + 1) + n - 1) / (2 * n))
        return np.prod(s[:, None] - roots, axis=1)


@dataclass(frozen=True)
class CoilResonance:
    """The resonance of a receive coil with its own and the cable's capacitance.

    Parameters
    ----------
    frequency
        Resonance f_r in Hz.
    quality
        Quality factor Q, the magnitude at the resonance; from 0.01 to 1e6.

    Raises
    ------
    InputError
        If a number is out of range; a quality of zero or less is a filter that diverges.
    """

    frequency: float
    quality: float

    def __post_init__(self) -> None:
        value = within("frequency of the coil's resonance", self.frequency, *_FREQUENCIES, "Hz")
        object.__setattr__(self, "frequency", value)
        quality = within("quality of the coil's resonance", self.quality, 0.01, 1e6, "(a negative one diverges)")
        object.__setattr__(self, "quality", quality)

    def response(self, frequencies: np.ndarray) -> np.ndarray:
        """Complex response at `frequencies` (frequency,) in Hz; shape (frequency,)."""
        ratio = np.asarray(frequencies) / self.frequency
        return np.asarray(1 / (1 - ratio**2 + 1j * ratio / self.quality))


@dataclass(frozen=True)
class PoleZeroFilter:
    """A filter of lumped parts, by its poles and zeros.

    Parameters
    ----------
    poles
        Poles (real, imaginary) in 1/s, all with a negative real part; complex ones in pairs of conjugates.
    zeros
        Zeros (real, imaginary) in 1/s, at most as many; complex ones in pairs of conjugates.
    reference
        Frequency in Hz at which the response has the magnitude 1.

    Raises
    ------
    InputError
        If the filter diverges, its answer is not real, or a number is not finite.
    """

    poles: tuple[tuple[float, float], ...]
    zeros: tuple[tuple[float, float], ...] = ()
    reference: float = 1e5

    def __post_init__(self) -> None:
        for name in ("poles", "zeros"):
            rows = getattr(self, name)
            full = f"{name} of the filter"
            good = isinstance(rows, list | tuple) and all(len(numbers_of(full, row)) == 2 for row in rows)
            require(good, full, "pairs (real, imaginary) in 1/s", repr(rows))
            object.__setattr__(self, name, tuple(numbers_of(full, row) for row in rows))
            require(_in_pairs(getattr(self, name)), full, "real, or in pairs of conjugates", repr(rows))
        require(len(self.poles) > 0, "poles of the filter", "at least one", "none")
        growing = [row for row in self.poles if row[0] >= 0]
        must = "of a negative real part, or else the filter diverges"
        require(not growing, "poles of the filter", must, f"{growing[:1]}")
        few = len(self.zeros) <= len(self.poles)
        require(few, "zeros of the filter", f"at most as many as its {len(self.poles)} poles", len(self.zeros))
        object.__setattr__(self, "reference", within("reference of the filter", self.reference, *_FREQUENCIES, "Hz"))
        at = abs(self._raw(np.array([self.reference]))[0])
        require(at > 0 and math.isfinite(at), "reference of the filter", "a frequency at which it passes", at)

    def response(self, frequencies: np.ndarray) -> np.ndarray:
        """Complex response at `frequencies` (frequency,) in Hz; shape (frequency,)."""
        return self._raw(np.asarray(frequencies)) / abs(self._raw(np.array([self.reference]))[0])

    def _raw(self, frequencies: np.ndarray) -> np.ndarray:
        """Response over that at infinite frequency, each pole and zero in units of its magnitude."""
        s = 2j * np.pi * frequencies
        found = np.ones(len(s), dtype=complex)
        for rows, power in ((self.zeros, 1), (self.poles, -1)):
            for re, im in rows:
                found *= ((s - complex(re, im)) / (abs(complex(re, im)) or 1.0)) ** power
        return found


def _in_pairs(rows: tuple[tuple[float, ...], ...]) -> bool:
    """Whether the complex numbers among rows (real, imaginary) come with their conjugates."""
    return sorted((re, im) for re, im in rows if im) == sorted((re, -im) for re, im in rows if im)


@dataclass(frozen=True)
class TransferTable:
    """A measured transfer function; `mpisim.read_transfer` reads one from a file.

    Parameters
    ----------
    frequencies
        Frequencies in Hz, ascending, at least two.
    real, imaginary
        The response at each, dimensionless, of a magnitude above zero.

    Raises
    ------
    InputError
        If the numbers are not as many as the frequencies, not finite, zero, or above 1e9.
    """

    frequencies: tuple[float, ...]
    real: tuple[float, ...]
    imaginary: tuple[float, ...]

    def __post_init__(self) -> None:
        name = "transfer function"
        object.__setattr__(self, "frequencies", checked_frequencies(name, self.frequencies))
        for part in ("real", "imaginary"):
            values = numbers_of(f"{part} part of the {name}", getattr(self, part))
            count = len(self.frequencies)
            require(len(values) == count, f"{part} part of the {name}", f"one for each of {count}", len(values))
            object.__setattr__(self, part, values)
        size = np.hypot(self.real, self.imaginary)
        require(bool(np.all(size > 0)), f"magnitude of the {name}", "above zero", float(size.min()))
        require(bool(np.all(size <= _LARGEST)), f"magnitude of the {name}", f"at most {_LARGEST:g}", float(size.max()))

    def check_frequencies(self, frequencies: np.ndarray) -> None:
        """Raise `InputError` where the table does not cover `frequencies` in Hz, or has a gap there."""
        check_covered("transfer function", self.frequencies, frequencies)

    def response(self, frequencies: np.ndarray) -> np.ndarray:
        """Complex response at `frequencies` (frequency,) in Hz; raise `InputError` where the table has none."""
        self.check_frequencies(frequencies)
        values = np.array(self.real) + 1j * np.array(self.imaginary)
        size = np.interp(frequencies, self.frequencies, np.abs(values))
        phase = np.interp(frequencies, self.frequencies, np.unwrap(np.angle(values)))
        return np.asarray(size * np.exp(1j * phase))


def checked_delay(value: object) -> float:
    """Return a delay in s; raise `InputError` unless it is from 0 to 1 s."""
    return within("delay of the receive chain", value, 0.0, 1.0, "s")


def checked_gain(value: object) -> float:
    """Return a gain; raise `InputError` unless it is a positive number of at most 1e9."""
    number = positive("gain of the receive chain", value)
    require(number <= _LARGEST, "gain of the receive chain", f"at most {_LARGEST:g}", number)
    return number
