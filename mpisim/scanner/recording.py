r"""How a signal is recorded: digitised, for how long and how often, and beside what feedthrough of the drive.

**Digitiser.** Of B bits over the range :math:`\pm V` the step is :math:`q = 2V/2^B`. Rounding of a signal whose noise
is at least about half a step adds white noise of the variance :math:`q^2/12` over half the sampling rate :math:`f_s`, a
density of :math:`q/\sqrt{6 f_s}` (W. R. Bennett, Bell Syst. Tech. J. 27, 446, 1948). Without such noise rounding is a
distortion, which is not simulated.

**Feedthrough** of the drive into the coil, at its frequency and at harmonics k of it, is :math:`b_k\,(1 + d\,t + w\,
W(t))` at the time t: it drifts in proportion to the time, and wanders as the Brownian motion W, complex, with
:math:`E|W(t)|^2 = t`.

**Recording.** Each of :math:`n_\theta` angles is recorded N times for the time :math:`\tau`. At the duty cycle
:math:`\delta`, which keeps a drive coil cool, and with :math:`t_m` for the move of the sample, a position takes

.. math:: t_p = n_\theta N \tau / \delta + t_m .

Noise depends on the recorded time :math:`N\tau` alone: the duty cycle costs time, and time lets the feedthrough drift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpisim.errors import numbers_of, require, warn, whole, within

__all__ = ["Digitiser", "Feedthrough", "Recording"]

_HOUR = 3600.0
_LARGEST_FEEDTHROUGH = 1e3  # V
_TIMES = (1e-6, 5.0)  # s: 10 is one in ms; longer ones are averages


@dataclass(frozen=True)
class Digitiser:
    """An analogue-to-digital converter.

    Parameters
    ----------
    bits
        Number of bits, from 1 to 32.
    range
        Largest voltage V of the range from -V to V.
    sampling_rate
        Samples per s.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    bits: int = 16
    range: float = 1.0
    sampling_rate: float = 5e6

    def __post_init__(self) -> None:
        object.__setattr__(self, "bits", whole("bits of the digitiser", self.bits))
        require(self.bits <= 32, "bits of the digitiser", "at most 32", self.bits)
        object.__setattr__(self, "range", within("range of the digitiser", self.range, 1e-9, 1e4, "V"))
        rate = within("sampling_rate of the digitiser", self.sampling_rate, 1e3, 1e11, "1/s")
        object.__setattr__(self, "sampling_rate", rate)

    @property
    def step(self) -> float:
        """Step q in V."""
        return 2 * self.range / 2**self.bits

    @property
    def density(self) -> float:
        """One-sided density of the noise of rounding in V/sqrt(Hz)."""
        return float(self.step / np.sqrt(6 * self.sampling_rate))

    def quantised(self, voltages: np.ndarray) -> np.ndarray:
        """Return voltages in V as they are read: rounded to steps, and cut off at the range, of which a warning tells.

        The codes are those of two's complement, from -V to V - q.
        """
        codes, most = np.rint(np.asarray(voltages) / self.step), 2 ** (self.bits - 1)
        cut = int(np.count_nonzero((codes < -most) | (codes > most - 1)))
        if cut:
            warn(f"{cut} of {codes.size} voltages are beyond the range of the digitiser, {self.range:g} V: cut off.")
        return np.asarray(np.clip(codes, -most, most - 1) * self.step)

    def check_frequencies(self, frequencies: np.ndarray) -> None:
        """Raise `InputError` where one of the recorded `frequencies` in Hz is not below half the sampling rate."""
        nyquist, highest = self.sampling_rate / 2, float(np.max(frequencies))
        must = f"below {nyquist:g} Hz, half the sampling rate of the digitiser"
        require(highest < nyquist, "highest recorded frequency of the scanner", must, f"{highest:g} Hz")


@dataclass(frozen=True)
class Feedthrough:
    """What the coil receives of the drive without any tracer, before gain and filters.

    Parameters
    ----------
    lines
        (k, real part, imaginary part): the Fourier coefficient in V of the voltage at k times the drive frequency, half
        its amplitude; 1 is the drive itself.
    drift
        Relative change in an hour, in proportion to the time: (real part, imaginary part). A phase that drifts by .01
        rad/h is (0, .01).
    wander
        Relative change in an hour that is a random walk, its complex standard deviation.

    Raises
    ------
    InputError
        If there is no line, a line is named twice, or a number is out of range.
    """

    lines: tuple[tuple[int, float, float], ...]
    drift: tuple[float, float] = (0.0, 0.0)
    wander: float = 0.0

    def __post_init__(self) -> None:
        name = "lines of the feedthrough"
        require(isinstance(self.lines, list | tuple), name, "a sequence (k, real, imaginary)", repr(self.lines))
        rows = [numbers_of(name, row) for row in self.lines]
        good = len(rows) > 0 and all(len(row) == 3 for row in rows)
        require(good, name, "at least one of (k, real, imaginary) in V", repr(self.lines))
        lines = tuple((whole("harmonic of the feedthrough", k), re, im) for k, re, im in rows)
        named = [k for k, _, _ in lines]
        require(len(set(named)) == len(named), name, "named once each", named)
        largest = max(float(np.hypot(re, im)) for _, re, im in lines)
        require(largest <= _LARGEST_FEEDTHROUGH, name, f"at most {_LARGEST_FEEDTHROUGH:g} V", largest)
        object.__setattr__(self, "lines", lines)
        drift = numbers_of("drift of the feedthrough", self.drift)
        require(len(drift) == 2, "drift of the feedthrough", "two numbers (real, imaginary) in an hour", self.drift)
        for value in drift:
            within("drift of the feedthrough", value, -10, 10, "in an hour")
        object.__setattr__(self, "drift", drift)
        object.__setattr__(self, "wander", within("wander of the feedthrough", self.wander, 0, 10, "in an hour"))

    @property
    def coefficients(self) -> dict[int, complex]:
        """Fourier coefficients in V by harmonic of the drive."""
        return {k: complex(re, im) for k, re, im in self.lines}

    def at(self, frequencies: np.ndarray, drive_frequency: float) -> np.ndarray:
        """Fourier coefficients in V at `frequencies` (frequency,) in Hz, zero beside its lines; shape (frequency,)."""
        ratio = np.asarray(frequencies) / drive_frequency
        found = np.zeros(ratio.shape, dtype=complex)
        for k, re, im in self.lines:
            found[np.abs(ratio - k) < 1e-9 * k] = complex(re, im)
        return found

    def changes(self, times: np.ndarray, seed: int) -> np.ndarray:
        """Return the factor 1 + d t + w W(t) at ascending times (time,) in s, for the seed of W; shape (time,)."""
        hours = np.asarray(times, dtype=float) / _HOUR
        steps = np.sqrt(np.diff(hours, prepend=0.0) / 2)
        draw = np.random.default_rng(seed).standard_normal((len(hours), 2)) @ [1, 1j]
        return np.asarray(1 + complex(*self.drift) * hours + self.wander * np.cumsum(steps * draw))


@dataclass(frozen=True)
class Recording:
    """How long a position is recorded, and when the background is.

    Parameters
    ----------
    time
        Time of one recording at one angle in s, at most 5; 10 ms in the scanner of TranSMS.
    averages
        Recordings of an angle of which the mean is taken.
    duty_cycle
        Share of the time in which the drive is on, above 0 to 1; 0.1 in the scanner of TranSMS.
    move_time
        Time of the move to the next position in s.
    background_every
        Positions after which the background is recorded without the sample, and before the first and after the last
        one; 0 records none.
    background_frames
        How many times in a row it is recorded then.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    time: float = 10e-3
    averages: int = 1
    duty_cycle: float = 1.0
    move_time: float = 0.0
    background_every: int = 0
    background_frames: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "time", within("time of a recording", self.time, *_TIMES, "s"))
        for name, least in (("averages", 1), ("background_every", 0), ("background_frames", 1)):
            value = whole(f"{name} of the recording", getattr(self, name), least)
            require(value <= 10**6, f"{name} of the recording", "at most 1000000", value)
            object.__setattr__(self, name, value)
        object.__setattr__(self, "duty_cycle", within("duty_cycle of the recording", self.duty_cycle, 1e-6, 1, "(1)"))
        object.__setattr__(self, "move_time", within("move_time of the recording", self.move_time, 0, 1e5, "s"))

    @property
    def total_time(self) -> float:
        """Time that a row at one angle is recorded, all averages together, in s."""
        return self.time * self.averages

    def position_time(self, angles: int) -> float:
        """Time of one position with all `angles` and its move, in s."""
        return angles * self.total_time / self.duty_cycle + self.move_time

    def order(self, positions: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the places in the acquisition of the positions (position,) and of the background frames (frame,)."""
        every, run = self.background_every, self.background_frames
        if every == 0:
            return np.arange(positions), np.arange(0)
        block = np.arange(positions) // every
        at = np.arange(positions) + run * (block + 1)
        blocks = -(-positions // every)
        starts = np.arange(blocks) * (every + run)
        starts = np.append(starts, positions + run * blocks)
        return at, (starts[:, None] + np.arange(run)).ravel()
