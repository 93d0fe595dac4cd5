r"""Bands of lines around the harmonics of the drive, as a record of finite length has them.

A frame of the length T at one angle has lines at the multiples :math:`m/T` of its reciprocal. Those within half the
width of a band from a harmonic :math:`k f_0` are recorded: a width of 500 Hz holds 5 lines for 10 ms. Where the scanner
stands still and T holds whole periods, all lines beside the harmonics are zero, and hold nothing but noise.

**What makes them carry signal.** While a frame lasts, the scanner changes: its line turns, its drive rises after it was
switched on, or drifts. The harmonics :math:`a_k(t)` of a period then depend on the time, and the line at f is

.. math::
    a(f) = \sum_{k \ge 1} \frac1T \int_0^T \Bigl(a_k(t)\,e^{-2\pi i (f - k f_0) t}
           + \overline{a_k(t)}\,e^{-2\pi i (f + k f_0) t}\Bigr)\,dt .

With :math:`a_k(t) = \sum_n c_{kn} P_n(2t/T - 1)` in Legendre polynomials, found from Gauss-Legendre nodes in the frame,
the integrals are exact,

.. math:: \frac1T \int_0^T P_n(2t/T - 1)\,e^{-2\pi i \nu t/T}\,dt = (-i)^n\,j_n(\pi\nu)\,e^{-i\pi\nu},

with spherical Bessel functions :math:`j_n` (DLMF 18.17.19) and the cycles :math:`\nu = (f \mp k f_0)\,T`, whole or not:
a broken number of periods in T leaks by :math:`j_0`, all harmonics from the first on included.

Simplified: the tracer is taken as periodic at every moment. That presumes that the change in a period is small; memory
of the tracer over several periods is not simulated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpisim.errors import require, whole, within

__all__ = ["Bands", "check_recorded"]

_WHOLE = 1e-9  # of the number of cycles: a frame of whole periods
_MOST_LINES = 100_000
_LEAST_RISE = 3.0  # periods


@dataclass(frozen=True)
class Bands:
    """Lines around the harmonics that a scanner records, and what changes while a frame is recorded.

    Parameters
    ----------
    width
        Width of each band in Hz: lines within half of it on either side.
    time
        Length T of a frame in s, whose reciprocal is the distance of the lines.
    rotation
        Speed of the rotating line during a frame in rad/s, from -1000 to 1000; a frame is centred at its angle.
    rise_time
        Time constant in s with which the drive rises after it was switched on at the beginning of each frame,
        1 - exp(-t / rise_time); 0 for a drive that is on already.
    drift
        Relative change of the drive amplitude in a second.
    nodes
        Gauss-Legendre nodes in a frame at which the scanner is simulated where it changes.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    width: float = 500.0
    time: float = 10e-3
    rotation: float = 0.0
    rise_time: float = 0.0
    drift: float = 0.0
    nodes: int = 8

    def __post_init__(self) -> None:
        ranges = {
            "width": (0.0, 1e7, "Hz"),
            "time": (1e-6, 1e4, "s"),
            "rotation": (-1e3, 1e3, "rad/s"),
            "rise_time": (0.0, 1e4, "s"),
            "drift": (-1e3, 1e3, "in a second"),
        }
        for name, (low, high, unit) in ranges.items():
            object.__setattr__(self, name, within(f"{name} of the bands", getattr(self, name), low, high, unit))
        object.__setattr__(self, "nodes", whole("nodes of the bands", self.nodes))
        require(self.nodes <= 64, "nodes of the bands", "at most 64", self.nodes)
        ends = 1 + self.drift * self.time
        require(ends > 0, "drift of the bands", "such that the drive stays above zero in a frame", self.drift)

    @property
    def changes(self) -> bool:
        """Whether the scanner changes while a frame is recorded."""
        return bool(self.rotation or self.rise_time or self.drift)

    def lines(self, drive_frequency: float, harmonics: Sequence[int]) -> np.ndarray:
        """Return the recorded lines in Hz, ascending: those within the bands around the harmonics; shape (line,).

        Raises `InputError` where a band holds no line, reaches to zero, or all together hold too many.
        """
        centres = np.array(sorted(harmonics)) * drive_frequency
        half = self.width / 2
        must = f"less than twice the lowest recorded harmonic, {centres[0]:g} Hz"
        require(half < centres[0], "width of the bands", must, f"{self.width:g} Hz")
        count = len(centres) * (self.width * self.time + 1)
        require(count <= _MOST_LINES, "width of the bands", f"such that there are at most {_MOST_LINES} lines", count)
        found: set[int] = set()
        for centre in centres:
            first = np.ceil((centre - half) * self.time * (1 - _WHOLE))
            last = np.floor((centre + half) * self.time * (1 + _WHOLE))
            must = f"above {1 / self.time:g} Hz, the distance of lines, or with a line at every harmonic"
            require(first <= last, "width of the bands", must, f"{self.width:g} Hz, without a line at {centre:g} Hz")
            found |= set(range(int(first), int(last) + 1))
        return np.array(sorted(found - {0})) / self.time

    def whole_periods(self, drive_frequency: float) -> bool:
        """Whether a frame holds a whole number of periods."""
        periods = self.time * drive_frequency
        return bool(abs(periods - np.round(periods)) <= _WHOLE * max(periods, 1.0))

    def check_drive(self, drive_frequency: float) -> None:
        """Raise `InputError` where a frame is shorter than a period, or the drive rises within less than some."""
        must = f"at least a period, {1 / drive_frequency:.3g} s"
        require(self.time * drive_frequency >= 1, "time of the bands", must, f"{self.time:g} s")
        least = _LEAST_RISE / drive_frequency
        must = f"0 or at least {_LEAST_RISE:g} periods, {least:.3g} s"
        require(self.rise_time == 0 or self.rise_time >= least, "rise_time of the bands", must, self.rise_time)

    def times(self) -> np.ndarray:
        """Return the times of the nodes in a frame in s, shape (node,); one where nothing changes."""
        if not self.changes:
            return np.array([self.time / 2])
        return np.asarray(0.5 * self.time * (1 + np.polynomial.legendre.leggauss(self.nodes)[0]))

    def amplitudes(self) -> np.ndarray:
        """Return the drive amplitude at the nodes over the nominal one, shape (node,)."""
        t = self.times()
        rise = -np.expm1(-t / self.rise_time) if self.rise_time else 1.0
        return np.asarray((1 + self.drift * t) * rise * np.ones(t.shape))

    def turns(self) -> np.ndarray:
        """Return by how much the line is turned at the nodes in rad, shape (node,)."""
        return np.asarray(self.rotation * (self.times() - self.time / 2))

    def weights(self, lines: np.ndarray, harmonics: Sequence[int], drive_frequency: float) -> np.ndarray:
        """Return the weights of the harmonics at the nodes, and of their conjugates, in each line.

        Parameters
        ----------
        lines
            Frequencies f in Hz, shape (line,).
        harmonics
            Harmonics k whose values at the nodes are known.
        drive_frequency
            f_0 in Hz.

        Returns
        -------
        numpy.ndarray
            Complex, shape (2, node, line, harmonic): the line is the sum of the first times the values, and of the
            second times their conjugates, over nodes and harmonics.
        """
        carriers = np.array(harmonics) * drive_frequency
        cycles = np.stack([lines[:, None] - carriers, lines[:, None] + carriers]) * self.time
        near = np.abs(cycles - np.round(cycles)) <= _WHOLE * np.maximum(np.abs(cycles), lines.max() * self.time)
        cycles = np.where(near, np.round(cycles), cycles)
        if not self.changes:
            return np.asarray(_transform(0, cycles)[:, None])
        x, w = np.polynomial.legendre.leggauss(self.nodes)
        basis = np.polynomial.legendre.legvander(x, self.nodes - 1) * w[:, None]  # (node, degree)
        degrees = np.arange(self.nodes)
        moments = np.stack([(n + 0.5) * _transform(int(n), cycles) for n in degrees])  # (degree, 2, line, harmonic)
        return np.asarray(np.tensordot(basis, moments, axes=1).swapaxes(0, 1))

    def feedthrough(self, lines: np.ndarray, coefficients: Mapping[int, complex], drive_frequency: float) -> np.ndarray:
        """Return what the lines (line,) in Hz hold of a voltage in proportion to the drive, in V; shape (line,).

        `coefficients` are the Fourier coefficients of the voltage in V by harmonic, where the drive has its amplitude.
        """
        weights = self.weights(lines, list(coefficients), drive_frequency)
        values = np.array(list(coefficients.values()))
        of_nodes = weights[0] @ values + weights[1] @ values.conj()
        return np.asarray(self.amplitudes() @ of_nodes)


def check_recorded(scanner: Any) -> None:
    """Raise `InputError` where a scanner with bands or a receive chain (or both) cannot record its lines.

    The scanner has the fields of `mpisim.ImperfectFFL`.
    """
    bands, chain, drive = scanner.bands, scanner.receive, scanner.drive_frequency
    lines = np.array(scanner.harmonics) * scanner.sequence.base_frequency
    if bands is not None:
        require(scanner.tones is None, "scanner bands", "left out where there are further tones", "both")
        bands.check_drive(drive)
        lines = bands.lines(drive, scanner.harmonics)
        most = scanner.samples_per_period * drive / 2
        must = f"below {most:g} Hz, half the sampling rate of the scanner"
        require(lines[-1] < most, "highest line of the bands", must, f"{lines[-1]:g} Hz")
        time = bands.time if chain is None else chain.recording.time
        require(time == bands.time, "time of the bands", f"that of the recording, {time:g} s", bands.time)
    if chain is not None:
        chain.check_frequencies(lines, drive)


def _transform(degree: int, cycles: np.ndarray) -> np.ndarray:
    """Return the mean over a frame of a Legendre polynomial times exp(-2 pi i cycles t / T); 0 or 1 are exact."""
    if degree == 0:
        exact = cycles == np.round(cycles)
        return np.where(exact, cycles == 0, np.sinc(cycles) * np.exp(-1j * np.pi * cycles))
    from scipy.special import spherical_jn  # slow to import

    kappa = np.pi * np.abs(cycles)
    odd = np.where(cycles < 0, (-1.0) ** degree, 1.0)
    return np.asarray((-1j) ** degree * odd * spherical_jn(degree, kappa) * np.exp(-1j * np.pi * cycles))
