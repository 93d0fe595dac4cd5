r"""Superparamagnetic particles in thermal equilibrium.

A particle with core diameter :math:`d` carries the moment :math:`m = M_s \pi d^3/6`. In a field :math:`B` an ensemble
of :math:`c` particles per cubic metre has the magnetisation

.. math:: M = c\,m\,L(\xi)\,B/|B|, \qquad \xi = m|B|/(k_B T), \qquad L(x) = \coth x - 1/x .

Simplified: one core size, no interaction, no relaxation (the magnetisation follows the field at once).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpisim.constants import BOLTZMANN, MU_0
from mpisim.errors import within
from mpisim.kernels.equilibrium import langevin, langevin_over_argument, langevin_prime
from mpisim.particles.protocol import Instantaneous

__all__ = ["Particle", "langevin", "langevin_prime"]

_RANGES = {
    "diameter": (1e-9, 1e-6, "m"),
    "saturation_magnetisation": (1e4, 1e7, "A/m"),
    "temperature": (70.0, 1000.0, "K"),
}


@dataclass(frozen=True)
class Particle(Instantaneous):
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
        for name, (low, high, unit) in _RANGES.items():
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

    def moment_vector(self, field: np.ndarray) -> np.ndarray:
        """Mean moment of one particle, m L(beta |B|) B/|B|, in A m^2 at `field` (..., 3) in T; shape (..., 3)."""
        field = np.asarray(field, dtype=float)
        xi = self.beta * np.sqrt(np.einsum("...i,...i->...", field, field))
        return (self.moment * self.beta * langevin_over_argument(xi))[..., None] * field
