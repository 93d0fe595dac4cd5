r"""The receive chain of a scanner: what becomes of the voltage that its coils pick up.

.. math:: a_k' = H(f_k)\,\bigl(a_k + b_k(t) + n_k\bigr) + q_k, \qquad
          H(f) = g\,e^{-2\pi i f \tau_0} \prod_j H_j(f)

are the rows :math:`a_k` of the coil, the feedthrough :math:`b_k` of the drive (`mpisim.Feedthrough`), the noise
:math:`n_k` of coil and amplifier (`mpisim.ReceiveNoise`), the gain g, a delay :math:`\tau_0`, filters :math:`H_j`
(`mpisim.scanner.transfer`), and the noise :math:`q_k` of the digitiser. With the density :math:`e(f)` of the coil and
:math:`e_q` of the digitiser a row that is recorded N times for the time :math:`\tau` has the noise

.. math:: \sigma_k^2 = E|H n_k + q_k|^2 = \frac{|H(f_k)|^2 e^2(f_k) + e_q^2}{2 N \tau} .

`mpisim.simulate` multiplies the exact rows by H, so that they are volts at the digitiser; `mpisim.record` adds the
rest. Both write H into the file as `transfer_function`, and `mpisim.preprocess.receive.DivideTransfer` divides it out.

Simplified: all filters come after all noise of coil and amplifier, also a resonance of the coil, behind which a real
amplifier adds its noise. All coils have the same chain. Imperfections of the coils' gain (`mpisim.ReceiveGain`) act
before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mpisim.errors import require
from mpisim.scanner.receive_noise import ReceiveNoise
from mpisim.scanner.recording import Digitiser, Feedthrough, Recording
from mpisim.scanner.transfer import TransferFunction, checked_delay, checked_gain

__all__ = ["ReceiveChain", "chain_of"]

_PARTS = {"noise": ReceiveNoise, "digitiser": Digitiser, "feedthrough": Feedthrough}


@dataclass(frozen=True)
class ReceiveChain:
    """Gain, filters, noise, digitiser and recording of a scanner's receive coils; by default each is off.

    Parameters
    ----------
    gain
        Gain of the amplifier.
    delay
        Delay in s, a phase in proportion to the frequency.
    filters
        Filters one after the other, such as `BandPass`, `CoilResonance`, `PoleZeroFilter` and `TransferTable`.
    noise
        Noise at the coil; None for none.
    digitiser
        Converter; None for an ideal one.
    feedthrough
        What the coil receives of the drive; None for nothing.
    recording
        Time of a row, averages, duty cycle, and when the background is recorded.

    Raises
    ------
    InputError
        If a part is of another kind, or a number is out of range.
    """

    gain: float = 1.0
    delay: float = 0.0
    filters: tuple[TransferFunction, ...] = ()
    noise: ReceiveNoise | None = None
    digitiser: Digitiser | None = None
    feedthrough: Feedthrough | None = None
    recording: Recording = field(default_factory=Recording)

    def __post_init__(self) -> None:
        object.__setattr__(self, "gain", checked_gain(self.gain))
        object.__setattr__(self, "delay", checked_delay(self.delay))
        good = isinstance(self.filters, list | tuple)
        good = good and all(callable(getattr(f, "response", None)) and not isinstance(f, type) for f in self.filters)
        require(good, "filters of the receive chain", "a sequence of parts with response(frequencies)", self.filters)
        object.__setattr__(self, "filters", tuple(self.filters))
        for name, kind in _PARTS.items():
            value = getattr(self, name)
            good = value is None or isinstance(value, kind)
            require(good, f"{name} of the receive chain", f"a {kind.__name__} or None", repr(value))
        good = isinstance(self.recording, Recording)
        require(good, "recording of the receive chain", "a Recording", repr(self.recording))

    @property
    def is_noisy(self) -> bool:
        """Whether anything random is switched on."""
        return self.noise is not None or self.digitiser is not None

    def transfer(self, frequencies: np.ndarray) -> np.ndarray:
        """Complex transfer function H at `frequencies` (frequency,) in Hz; shape (frequency,)."""
        f = np.asarray(frequencies, dtype=float)
        found = np.full(f.shape, self.gain, dtype=complex)
        if self.delay:
            found *= np.exp(-2j * np.pi * f * self.delay)
        for stage in self.filters:
            found *= stage.response(f)
        return found

    def density(self, frequencies: np.ndarray) -> np.ndarray:
        """One-sided density of the noise at the digitiser in V/sqrt(Hz) at `frequencies` (frequency,) in Hz."""
        f = np.asarray(frequencies, dtype=float)
        coil = 0.0 if self.noise is None else np.abs(self.transfer(f)) * self.noise.density(f)
        rounding = 0.0 if self.digitiser is None else self.digitiser.density
        return np.asarray(np.hypot(coil, rounding) * np.ones(f.shape))

    def noise_std(self, frequencies: np.ndarray) -> np.ndarray:
        """Complex noise standard deviation in V of rows at `frequencies` (frequency,) in Hz, at the digitiser."""
        return np.asarray(self.density(frequencies) / np.sqrt(2 * self.recording.total_time))

    def background(self, frequencies: np.ndarray, drive_frequency: float) -> np.ndarray:
        """Feedthrough at `frequencies` (frequency,) in Hz without drift, in V at the digitiser; shape (frequency,)."""
        f = np.asarray(frequencies, dtype=float)
        found = np.zeros(f.shape, dtype=complex)
        return found if self.feedthrough is None else self.transfer(f) * self.feedthrough.at(f, drive_frequency)

    def check_frequencies(self, frequencies: np.ndarray, drive_frequency: float) -> None:
        """Raise `InputError` where the chain cannot record `frequencies` in Hz with a drive of this frequency.

        A table that does not cover them, a sampling rate that is too low, and a digitiser that the feedthrough
        overdrives are refused.
        """
        f = np.asarray(frequencies, dtype=float)
        for part in (*self.filters, None if self.noise is None else self.noise.spectrum, self.digitiser):
            check = getattr(part, "check_frequencies", None)
            if check is not None:
                check(f)
        finite = bool(np.all(np.isfinite(self.transfer(f))))
        require(finite, "filters of the receive chain", "finite at all recorded frequencies", "others")
        peak = self.background_peak(drive_frequency)
        if self.digitiser is not None and peak > 0:
            must = f"above the feedthrough, whose peak is {peak:.3g} V at the digitiser"
            require(peak < self.digitiser.range, "range of the digitiser", must, f"{self.digitiser.range:g} V")

    def background_peak(self, drive_frequency: float) -> float:
        """Largest voltage in V at the digitiser that all lines of the feedthrough together can have."""
        if self.feedthrough is None:
            return 0.0
        f = drive_frequency * np.array([k for k, _, _ in self.feedthrough.lines], dtype=float)
        return float(2 * np.abs(self.background(f, drive_frequency)).sum())


def chain_of(scanner: object) -> ReceiveChain | None:
    """Return the receive chain of a scanner; None where it has none."""
    chain = getattr(scanner, "receive", None)
    return chain if isinstance(chain, ReceiveChain) else None
