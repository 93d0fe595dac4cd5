r"""Field-free-point scanners with Lissajous sequences in one, two or three dimensions.

The selection field is zero at one point, and drive fields along x, y and z move it:

.. math:: B_s = \mathrm{diag}(G_x, G_y, G_z)\,r, \qquad
          B_d(t) = \sum_i A_i \sin(2\pi f_i t + \varphi_i)\,\hat e_i, \qquad f_i = f_c/D_i ,

with :math:`G_x + G_y + G_z = 0`, since the field has no divergence. The point is at :math:`-(A_i/G_i)\sin(\ldots)`
along each axis. The dividers :math:`D_i` of the clock :math:`f_c` give the common period :math:`L/f_c` with their least
common multiple L, and the tone i is the multiple :math:`n_i = L/D_i` of the base frequency :math:`f_c/L`.

The voltage has lines at the mixing frequencies :math:`m_x f_x + m_y f_y + m_z f_z` only, with whole numbers
:math:`m_i` of either sign, and is the weaker the larger the order :math:`|m_x| + |m_y| + |m_z|` is. Where tracer and
field are as good as ideal, the rows of a sequence in two dimensions resemble products of Chebyshev polynomials of the
second kind, :math:`U_{|m_x|-1}(x G_x/A_x)\,U_{|m_y|-1}(y G_y/A_y)` and the like, smeared by the particle's response
(J. Rahmer et al., BMC Medical Imaging 9, 2009, DOI 10.1186/1471-2342-9-4).

The defaults, 2.5 MHz / 102, 96 and 99 with 12 mT, are those of the sequences of Open MPI data (T. Knopp et al., Data in
Brief 28, 2020, DOI 10.1016/j.dib.2019.104971); the gradients of -1, -1 and 2 T/m are those of its preclinical scanner.

Simplified: homogeneous drive fields and coils, linear selection field.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from mpisim.errors import numbers_of, positive, require, whole, within
from mpisim.scanner.receive_chain import ReceiveChain
from mpisim.scanner.sequences import PeriodicSequence, Tone

__all__ = ["LissajousFFP", "bins_of_order"]

_GRADIENTS = (1e-3, 100.0)  # T/m
_AMPLITUDES = (1e-6, 1.0)  # T
_CLOCK = (1e3, 1e9)  # Hz
_DIVERGENCE = 1e-3  # of the largest gradient
_MOST_ORDER = 200


@dataclass(frozen=True)
class LissajousFFP:
    """An ideal field-free-point scanner with a Lissajous sequence; see `mpisim.scanner.ffp`.

    Parameters
    ----------
    gradients
        G_x, G_y, G_z of the selection field in T/m, of magnitudes from 1e-3 to 100; their sum is zero.
    drive_amplitudes
        Peak drive fields along x, y and z in T, from 1e-6 to 1: one, two or three, for a sequence of so many
        dimensions.
    dividers
        Divider of the clock for each of them.
    phases
        Their phases in rad at t = 0; none for zero.
    clock_frequency
        f_c in Hz, from 1e3 to 1e9.
    sensitivities
        Homogeneous sensitivity (x, y, z) of each receive coil in 1/m; 800 is about 1 mT/A. By default three coils along
        the axes.
    samples_per_period
        Uniform samples of the common period, an even number; by default one for each tick of the clock (two where L is
        odd).
    band
        Least and greatest recorded frequency in Hz, at most half the clock frequency and half the sampling rate; by
        default all. A record is a bin of the Fourier transformation over the whole period. The bins at zero and at half
        the sampling rate are left out.
    highest_order
        Record only the mixing frequencies up to this order, as in `bins_of_order`; by default all bins.
    receive
        Gain, filters, noise, digitiser and recording of the coils; feedthrough is at multiples of the base frequency.

    Raises
    ------
    InputError
        If a value is out of range, the gradients have another sum, numbers of channels differ, or nothing is recorded.
    """

    gradients: tuple[float, float, float] = (-1.0, -1.0, 2.0)
    drive_amplitudes: tuple[float, ...] = (12e-3, 12e-3, 12e-3)
    dividers: tuple[int, ...] = (102, 96, 99)
    phases: tuple[float, ...] = ()
    clock_frequency: float = 2.5e6
    sensitivities: tuple[tuple[float, float, float], ...] = ((800.0, 0.0, 0.0), (0.0, 800.0, 0.0), (0.0, 0.0, 800.0))
    samples_per_period: int | None = None
    band: tuple[float, float] | None = None
    highest_order: int | None = None
    receive: ReceiveChain | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "gradients", _checked_gradients(self.gradients))
        amplitudes = numbers_of("scanner drive_amplitudes", self.drive_amplitudes)
        must = "one, two or three amplitudes in T"
        require(len(amplitudes) in (1, 2, 3), "scanner drive_amplitudes", must, self.drive_amplitudes)
        for value in amplitudes:
            within("scanner drive_amplitudes", value, *_AMPLITUDES, "T")
        object.__setattr__(self, "drive_amplitudes", amplitudes)
        dividers = tuple(whole("scanner dividers", d) for d in numbers_of("scanner dividers", self.dividers))
        phases = numbers_of("scanner phases", self.phases) or (0.0,) * len(amplitudes)
        for name, values in (("dividers", dividers), ("phases", phases)):
            must = f"one for each of the {len(amplitudes)} drive_amplitudes"
            require(len(values) == len(amplitudes), f"scanner {name}", must, values)
        object.__setattr__(self, "dividers", dividers)
        object.__setattr__(self, "phases", phases if any(phases) else ())
        clock = within("scanner clock_frequency", self.clock_frequency, *_CLOCK, "Hz")
        object.__setattr__(self, "clock_frequency", clock)
        object.__setattr__(self, "sensitivities", _checked_coils(self.sensitivities))
        if self.samples_per_period is not None:
            object.__setattr__(self, "samples_per_period", whole("scanner samples_per_period", self.samples_per_period))
        if self.band is not None:
            low_high = numbers_of("scanner band", self.band)
            ordered = len(low_high) == 2 and 0 <= low_high[0] < low_high[1]
            require(ordered, "scanner band", "the least and the greatest frequency in Hz", self.band)
            object.__setattr__(self, "band", low_high)
        if self.highest_order is not None:
            order = whole("scanner highest_order", self.highest_order)
            require(order <= _MOST_ORDER, "scanner highest_order", f"at most {_MOST_ORDER}", order)
            object.__setattr__(self, "highest_order", order)
        good = self.receive is None or isinstance(self.receive, ReceiveChain)
        require(good, "scanner receive", "a ReceiveChain or None", repr(self.receive))
        lines = np.array(self.sequence.harmonics) * self.base_frequency  # or the sequence raises
        if self.receive is not None:
            self.receive.check_frequencies(lines, self.base_frequency)

    @property
    def fixed_in_angle(self) -> bool:
        """True: nothing turns."""
        return True

    @property
    def base_frequency(self) -> float:
        """Reciprocal of the common period in Hz."""
        return self.clock_frequency / math.lcm(*self.dividers)

    @property
    def multiples(self) -> tuple[int, ...]:
        """Drive frequencies as multiples n_i of the base frequency."""
        common = math.lcm(*self.dividers)
        return tuple(common // d for d in self.dividers)

    @property
    def drive_frequencies(self) -> tuple[float, ...]:
        """Drive frequencies f_i in Hz."""
        return tuple(self.clock_frequency / d for d in self.dividers)

    @property
    def sequence(self) -> PeriodicSequence:
        """One tone for each drive field, and the recorded bins."""
        return _sequence(
            self.clock_frequency, self.dividers, self.phases, self.samples_per_period, self.band, self.highest_order
        )

    def selection_field(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Selection field in T at `points` (..., 3) in m, whatever the angle; shape (..., 3)."""
        return np.asarray(points) * np.array(self.gradients)

    def drive_fields(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Peak drive field of every tone in T at `points` (..., 3) in m; shape (tone, ..., 3)."""
        peaks = np.eye(3)[: len(self.drive_amplitudes)] * np.array(self.drive_amplitudes)[:, None]
        return np.stack([np.broadcast_to(peak, np.shape(points)) for peak in peaks])

    def receive_sensitivities(self, points: np.ndarray, angle: float) -> np.ndarray:
        """Sensitivity of every coil in 1/m at `points` (..., 3) in m; shape (coil, ..., 3)."""
        return np.stack([np.broadcast_to(np.array(coil), np.shape(points)) for coil in self.sensitivities])

    def receive_gains(self) -> np.ndarray:
        """Complex gains of the rows, shape (1, coil, frequency): the transfer function of the receive chain, or 1."""
        shape = (1, len(self.sensitivities), len(self.sequence.harmonics))
        if self.receive is None:
            return np.ones(shape, dtype=complex)
        lines = np.array(self.sequence.harmonics) * self.base_frequency
        return np.broadcast_to(self.receive.transfer(lines), shape).copy()


def _checked_gradients(gradients: tuple[float, float, float]) -> tuple[float, ...]:
    values = numbers_of("scanner gradients", gradients)
    require(len(values) == 3, "scanner gradients", "three numbers (x, y, z) in T/m", gradients)
    for value in values:
        within("magnitude of the scanner's gradients", abs(value), *_GRADIENTS, "T/m")
    must = "three numbers with the sum zero, since a magnetic field has no divergence"
    require(abs(sum(values)) <= _DIVERGENCE * max(map(abs, values)), "scanner gradients", must, gradients)
    return values


def _checked_coils(coils: tuple[tuple[float, float, float], ...]) -> tuple[tuple[float, ...], ...]:
    good = isinstance(coils, list | tuple) and len(coils) > 0
    require(good, "scanner sensitivities", "a sequence of at least one sensitivity (x, y, z)", repr(coils))
    checked = tuple(numbers_of("scanner sensitivities", coil) for coil in coils)
    for coil in checked:
        require(len(coil) == 3, "scanner sensitivities", "sensitivities (x, y, z) in 1/m", coil)
        within("scanner sensitivities", max(map(abs, coil)), 0.01, 1e7, "1/m")
    return checked


@lru_cache(maxsize=64)
def _sequence(
    clock: float,
    dividers: tuple[int, ...],
    phases: tuple[float, ...],
    samples: int | None,
    band: tuple[float, float] | None,
    order: int | None,
) -> PeriodicSequence:
    common = math.lcm(*dividers)
    base = positive("clock_frequency", clock) / common
    count = (common if common % 2 == 0 else 2 * common) if samples is None else samples
    bins = np.arange(1, (min(count, common) + 1) // 2)
    if band is not None:
        edge, most = 1e-9 * base, base * min(count, common) / 2
        must = f"at most {most:g} Hz, half the clock frequency or half the sampling rate"
        require(band[1] <= most + edge, "greatest frequency of the scanner's band", must, f"{band[1]:g} Hz")
        bins = bins[(bins * base >= band[0] - edge) & (bins * base <= band[1] + edge)]
    multiples = [common // d for d in dividers]
    if order is not None:
        bins = np.intersect1d(bins, bins_of_order(multiples, order))
    require(bins.size > 0, "band and highest_order of the scanner", "such that a frequency is recorded", band)
    tones = tuple(Tone(n, p) for n, p in zip(multiples, phases or (0.0,) * len(multiples), strict=True))
    return PeriodicSequence(base, tones, tuple(bins.tolist()), (0.0,), count)


def bins_of_order(multiples: Sequence[int], order: int) -> np.ndarray:
    r"""Return the positive frequencies :math:`\sum_i m_i n_i` with :math:`\sum_i |m_i|` of at most an order.

    Parameters
    ----------
    multiples
        Drive frequencies n_i as multiples of the base frequency.
    order
        The largest sum of magnitudes of the whole numbers m_i.

    Returns
    -------
    numpy.ndarray
        Multiples of the base frequency, ascending; several combinations of m_i may give one of them.
    """
    found: set[int] = set()
    for last in product(range(-order, order + 1), repeat=len(multiples) - 1):
        left = order - sum(map(abs, last))
        if left >= 0:
            rest = sum(m * n for m, n in zip(last, multiples[1:], strict=True))
            found |= {abs(rest + m * multiples[0]) for m in range(-left, left + 1)}
    return np.array(sorted(found - {0}), dtype=np.int64)
