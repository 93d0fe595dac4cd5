"""What models share that are made of magnetic cores: the cores, their size, and their easy axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpisim.errors import numbers_of, require, within
from mpisim.particles.distributions import LogNormal
from mpisim.particles.particle import Particle

__all__ = ["Cores", "CoresWithAxis", "alphas_of", "checked_share"]

_ANISOTROPY_RANGE = (0.0, 2e5, "J/m^3")


@dataclass(frozen=True)
class Cores:
    """A model of cores whose volumes are known.

    Parameters
    ----------
    particle
        The cores: `mpisim.Particle` or `mpisim.LogNormal`.

    Raises
    ------
    InputError
        If the particle is another model.
    """

    particle: Particle | LogNormal

    def __post_init__(self) -> None:
        good = type(self.particle) in (Particle, LogNormal)
        must = "a mpisim.Particle or mpisim.LogNormal"
        require(good, "particle of the anisotropy or rotation", must, repr(self.particle))

    @property
    def diameter(self) -> float:
        """Core diameter, or the median of the cores, in m."""
        return self.particle.diameter


@dataclass(frozen=True)
class CoresWithAxis(Cores):
    """A model of cores with an easy axis.

    Parameters
    ----------
    particle
        The cores: `mpisim.Particle` or `mpisim.LogNormal`.
    anisotropy_constant
        K in J/m^3, from 0 to 2e5.
    easy_axis
        Direction (x, y, z) of the easy axis; its length does not count.

    Raises
    ------
    InputError
        If the particle is another model, or a value is not in its range.
    """

    anisotropy_constant: float = 0.0
    easy_axis: tuple[float, float, float] = (0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        constant = within("particle anisotropy_constant", self.anisotropy_constant, *_ANISOTROPY_RANGE)
        object.__setattr__(self, "anisotropy_constant", constant)
        axis = numbers_of("particle easy_axis", self.easy_axis)
        require(len(axis) == 3 and any(axis), "particle easy_axis", "three components, not all zero", axis)
        object.__setattr__(self, "easy_axis", (axis[0], axis[1], axis[2]))

    @property
    def steepening(self) -> float:
        """Factor on the steepness of Langevin's function, by which samples of a period are counted: 2 with an axis."""
        return 2.0 if self.anisotropy_constant > 0 else 1.0


def alphas_of(particle: Particle | LogNormal, anisotropy_constant: float) -> np.ndarray:
    """Return K V / (k_B T) of every size, shape (size,)."""
    return anisotropy_constant * particle.sizes().betas / particle.saturation_magnetisation


def checked_share(value: float) -> float:
    """Return the share of particles with the given easy axis; raise `InputError` unless it is from 0 to 1."""
    return within("particle aligned", value, 0, 1, "(share of the particles)")
