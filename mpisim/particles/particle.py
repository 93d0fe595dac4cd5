r"""Superparamagnetic particles in thermal equilibrium.

A particle with core diameter :math:`d` carries the moment :math:`m = M_s \pi d^3/6`. In a field :math:`B` an ensemble
of :math:`c` particles per cubic metre has the magnetisation

.. math:: M = c\,m\,L(\xi)\,B/|B|, \qquad \xi = m|B|/(k_B T), \qquad L(x) = \coth x - 1/x .

Simplified: one core size, no interaction, no relaxation (the magnetisation follows the field at once). For more see
`mpisim.particles.distributions` and `mpisim.particles.relaxation`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import reduce

import numpy as np

from mpisim.constants import BOLTZMANN, MU_0
from mpisim.errors import within
from mpisim.kernels.equilibrium import langevin, langevin_over_argument, langevin_prime
from mpisim.particles.protocol import Instantaneous, Sizes

__all__ = ["LangevinEquilibrium", "Particle", "langevin", "langevin_prime"]

PARTICLE_RANGES = {
    "diameter": (1e-9, 1e-6, "m"),
    "saturation_magnetisation": (1e4, 1e7, "A/m"),
    "temperature": (70.0, 1000.0, "K"),
}


class LangevinEquilibrium(Instantaneous):
    """A tracer in thermal equilibrium whose particles have one or several sizes: a subclass gives `sizes`.

    The fast engines of `mpisim.simulate` take any such model, unless a subclass has moments of its own.
    """

    @abstractmethod
    def sizes(self) -> Sizes:
        """Moment, steepness and number fraction of every size."""

    def moment_vector(self, field: np.ndarray) -> np.ndarray:
        """Mean moment of one particle, sum of n m L(beta |B|) B/|B|, in A m^2 at `field` (..., 3) in T; (..., 3)."""
        field, sizes = np.asarray(field, dtype=float), self.sizes()
        size = np.sqrt(np.einsum("...i,...i->...", field, field))
        slopes = (sizes.fractions * sizes.moments * sizes.betas).tolist()
        parts = (s * langevin_over_argument(b * size) for s, b in zip(slopes, sizes.betas.tolist(), strict=True))
        return reduce(np.add, parts)[..., None] * field


@dataclass(frozen=True)
class Particle(LangevinEquilibrium):
    """Particles of one core size in thermal equilibrium.

    Parameters
    ----------
    diameter
        Core diameter in m, from 1e-9 to 1e-6.
    saturation_magnetisation
        M_s in A/m, from 1e4 to 1e7; the default is 0.55 T / mu_0 (TranSMS, section IV.A.1).
    temperature
        Temperature in K, from 70 (25 or 37 are degrees Celsius) to 1000.

    Raises
    ------
    InputError
        If a value is not a number in its range.
    """

    diameter: float
    saturation_magnetisation: float = 0.55 / MU_0
    temperature: float = 300.0

    def __post_init__(self) -> None:
        for name, (low, high, unit) in PARTICLE_RANGES.items():
            object.__setattr__(self, name, within(f"particle {name}", getattr(self, name), low, high, unit))

    @property
    def moment(self) -> float:
        """Magnetic moment of one particle in A m^2."""
        return self.saturation_magnetisation * np.pi * self.diameter**3 / 6

    @property
    def beta(self) -> float:
        """Steepness m / (k_B T) of the magnetisation curve in 1/T."""
        return self.moment / (BOLTZMANN * self.temperature)

    def mean_moment(self, field: np.ndarray) -> np.ndarray:
        """Mean moment per particle along the field, m L(beta B), in A m^2, at `field` in T (any shape)."""
        return self.moment * langevin(self.beta * np.asarray(field, dtype=float))

    def sizes(self) -> Sizes:
        """The one size, with the number fraction 1."""
        return Sizes(np.array([self.moment]), np.array([self.beta]), np.ones(1))
