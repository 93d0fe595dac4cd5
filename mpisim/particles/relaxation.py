r"""Tracers whose magnetisation follows the field with a delay.

With the relaxation time :math:`\tau` the mean moment obeys Debye's equation :math:`\tau\,\dot M + M = M_{eq}(B(t))`.

A **constant** time makes it a linear filter in time: every Fourier coefficient of the equilibrium is multiplied by

.. math:: \frac{1}{1 + i \omega \tau}, \qquad \text{amplitude}\ \frac{1}{\sqrt{1 + (\omega\tau)^2}}, \quad
          \text{lag}\ \arctan \omega\tau,

exactly, whatever the fields and coils, and so is every harmonic of a row.

A **field-dependent** time,

.. math:: \tau(\xi) = \frac{\tau_0}{\sqrt{1 + 0.126\,\xi^{1.72}}}, \qquad \xi = \beta |B(t)|,

describes Brownian rotation, which is faster in strong fields (fit of Yoshida and Enpuku, Jpn. J. Appl. Phys. 48,
127002 (2009), doi:10.1143/JJAP.48.127002, to the Fokker-Planck equation in an alternating field). It makes the equation
a linear one with a coefficient that changes in time, which `mpisim.kernels.relaxation` integrates.

Simplified: the fit was made for the amplitude of an alternating field and is taken here for its value at each time;
one time describes components along and across the field; and particles of all sizes share :math:`\tau_0`, although the
hydrodynamic volume of a particle sets it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpisim.errors import require, within
from mpisim.kernels.equilibrium import langevin_over_argument
from mpisim.kernels.relaxation import add_relaxed_moment
from mpisim.particles.particle import LangevinEquilibrium
from mpisim.particles.protocol import Instantaneous, Sizes, sizes_of

__all__ = ["Debye", "FieldDependentRelaxation"]

_LONGEST = 0.01  # s
_FEWEST_TIMES = 4


@dataclass(frozen=True)
class Debye:
    """Relaxation with one constant time: a complex gain of each harmonic.

    Where the equilibrium is a `mpisim.LangevinEquilibrium`, the fast engines of `mpisim.simulate` apply.

    Parameters
    ----------
    particle
        The equilibrium, such as `mpisim.Particle(25e-9)`, or another model that follows the field at once.
    relaxation_time
        Time constant in s, from 0, which is the equilibrium, to 0.01; tracers in use have some 1e-6.

    Raises
    ------
    InputError
        If the particle is no model that follows the field at once, or the time is not in its range.
    """

    particle: Instantaneous
    relaxation_time: float

    def __post_init__(self) -> None:
        must = "a model that follows the field at once, such as mpisim.Particle or mpisim.LogNormal"
        require(isinstance(self.particle, Instantaneous), "particle of the relaxation", must, repr(self.particle))
        object.__setattr__(self, "relaxation_time", _time(self.relaxation_time))

    @property
    def diameter(self) -> float | None:
        """Core diameter of the particle in m, if it states one."""
        return getattr(self.particle, "diameter", None)

    def sizes(self) -> Sizes | None:
        """Sizes of the equilibrium; None if it is no sum of Langevin functions."""
        return sizes_of(self.particle)

    def response(self, frequencies: np.ndarray) -> np.ndarray:
        """Complex gain 1 / (1 + i omega tau) at frequencies in Hz, dimensionless, of the same shape."""
        return 1 / (1 + 2j * np.pi * self.relaxation_time * np.asarray(frequencies, dtype=float))

    def moments(self, field: np.ndarray, period: float) -> np.ndarray:
        """Mean moment of one particle in A m^2 for a field (time, ..., 3) in T over a period in s, by the gains."""
        lines = np.fft.rfft(self.particle.moments(field, period), axis=0)
        gains = self.response(np.arange(len(lines)) / period)
        return np.fft.irfft(lines * gains.reshape(-1, *[1] * (lines.ndim - 1)), n=len(field), axis=0)


@dataclass(frozen=True)
class FieldDependentRelaxation:
    """Relaxation that is faster in strong fields, as by Brownian rotation; the time-domain engine integrates it.

    Parameters
    ----------
    particle
        The equilibrium: a `mpisim.LangevinEquilibrium`, such as `mpisim.Particle(25e-9)`.
    relaxation_time
        Time constant tau_0 without a field in s, from 0, which is the equilibrium, to 0.01; the same for all sizes.
    strength, exponent
        a and n of tau_0 / sqrt(1 + a xi^n); by default those of Yoshida and Enpuku. With the strength 0 the time is
        constant (`Debye`). From 0 to 10 and from 0.5 to 4.

    Raises
    ------
    InputError
        If the particle is no Langevin equilibrium, or a value is not in its range.

    Notes
    -----
    The accuracy is that of the scanner's samples a period: with 216 a matrix of the protocol is within some 3e-5
    for one size up to 35 nm, and 1e-4 for a distribution with this median and the spread 0.15; twice as many
    take a tenth of the error.
    """

    particle: LangevinEquilibrium
    relaxation_time: float
    strength: float = 0.126
    exponent: float = 1.72

    def __post_init__(self) -> None:
        good = isinstance(self.particle, LangevinEquilibrium) and sizes_of(self.particle) is not None
        must = "a Langevin equilibrium, such as mpisim.Particle or mpisim.LogNormal"
        require(good, "particle of the relaxation", must, repr(self.particle))
        object.__setattr__(self, "relaxation_time", _time(self.relaxation_time))
        object.__setattr__(self, "strength", within("strength of the relaxation", self.strength, 0, 10, "(no unit)"))
        object.__setattr__(self, "exponent", within("exponent of the relaxation", self.exponent, 0.5, 4, "(no unit)"))

    @property
    def diameter(self) -> float | None:
        """Core diameter of the particle in m, if it states one."""
        return getattr(self.particle, "diameter", None)

    def moments(self, field: np.ndarray, period: float) -> np.ndarray:
        """Mean moment of one particle in A m^2 for a field (time, ..., 3) in T over a period in s."""
        if self.relaxation_time == 0:
            return self.particle.moments(field, period)
        require(len(field) >= _FEWEST_TIMES, "field", f"given at {_FEWEST_TIMES} times of a period or more", len(field))
        points = np.ascontiguousarray(field, dtype=float).reshape(len(field), -1, 3)
        size, sizes = np.sqrt(np.einsum("tpi,tpi->tp", points, points)), self.particle.sizes()
        out = np.zeros_like(points)
        slopes = sizes.fractions * sizes.moments * sizes.betas
        law = self.relaxation_time, self.strength, self.exponent
        for beta, slope in zip(sizes.betas.tolist(), slopes.tolist(), strict=True):
            add_relaxed_moment(points, langevin_over_argument(beta * size), period, beta, slope, *law, out)
        return out.reshape(field.shape)


def _time(value: float) -> float:
    return within("relaxation time", value, 0, _LONGEST, "s")
