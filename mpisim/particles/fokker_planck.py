r"""Tracers whose moments turn with a history: Brown's and Neel's rotation by the Fokker-Planck equation.

**Brown**: the moment is blocked in its particle, which turns in the fluid against its viscosity :math:`\eta`, with

.. math:: \tau_B = \frac{3 \eta V_h}{k_B T}, \qquad V_h = \frac\pi6 (d + 2 s)^3

for cores of the diameter :math:`d` with a coating of the thickness :math:`s`. **Neel**: the moment turns in the
particle, which stands still, with the damping :math:`a` of the Landau-Lifshitz-Gilbert equation, in the energy
:math:`-m\cdot B - K V (u\cdot n)^2` with the easy axis :math:`n`, and

.. math:: \tau_N = \frac{m (1 + a^2)}{2 a \gamma k_B T} .

`mpisim.particles.expansion` states the equation and its expansion, `mpisim.particles.rotation` how it is solved. They
are the reference for the cheaper models: their equilibrium is `mpisim.Particle` or `mpisim.AnisotropicEquilibrium`,
and in weak fields Brown's rotation is `mpisim.Debye` with :math:`\tau_B`.

Simplified: one of both rotations, not their coupling (Weizenecker, Phys. Med. Biol. 63, 035004 (2018),
doi:10.1088/1361-6560/aaa186); no interaction of particles; easy axes at
rest, one for all of them or of all directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mpisim.constants import BOLTZMANN
from mpisim.errors import require, whole, within
from mpisim.particles.cores import Cores, CoresWithAxis, alphas_of, checked_share
from mpisim.particles.protocol import Sizes
from mpisim.particles.random_axes import mean_over_axes
from mpisim.particles.rotation import Rotation, mean_directions

__all__ = ["GYROMAGNETIC_RATIO", "BrownRotation", "NeelRotation"]

GYROMAGNETIC_RATIO = 1.76085963e11
"""Of the electron in rad/(s T), CODATA 2018."""
Directions = Callable[[np.ndarray], np.ndarray]
"""Mean directions of the moments of one size for fields m B / (k_B T), both (time, point, 3)."""
_FEWEST_TIMES = 8
_MOST_ANGLES = 32


@dataclass(frozen=True)
class BrownRotation(Cores):
    """Particles with a blocked moment that turn in a fluid; the accurate reference for `mpisim.Debye`.

    Parameters
    ----------
    particle
        The cores: `mpisim.Particle` or `mpisim.LogNormal`.
    viscosity
        Dynamic viscosity of the fluid in Pa s, from 1e-4 to 0.1; water has 1e-3 at 20 degrees.
    coating
        Thickness of the coating around a core in m, from 0 to 1e-7.

    Raises
    ------
    InputError
        If the particle is another model, or a value is not in its range.
    """

    viscosity: float = 1e-3
    coating: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "viscosity", within("particle viscosity", self.viscosity, 1e-4, 0.1, "Pa s"))
        object.__setattr__(self, "coating", within("particle coating", self.coating, 0, 1e-7, "m"))

    def times(self) -> np.ndarray:
        """Relaxation time tau_B of every size in s, shape (size,)."""
        moments = self.particle.sizes().moments
        cores = (6 * moments / (np.pi * self.particle.saturation_magnetisation)) ** (1 / 3)
        volumes = np.pi / 6 * (cores + 2 * self.coating) ** 3
        return 3 * self.viscosity * volumes / (BOLTZMANN * self.particle.temperature)

    def moments(self, field: np.ndarray, period: float) -> np.ndarray:
        """Mean moment of one particle in A m^2 for a field (time, ..., 3) in T over a period in s."""
        rotations = [Rotation(time) for time in self.times().tolist()]
        directions = [partial(mean_directions, period=period, rotation=rotation) for rotation in rotations]
        return _moments(self.particle.sizes(), field, period, directions)


@dataclass(frozen=True)
class NeelRotation(CoresWithAxis):
    """Particles that stand still while their moments turn in them, against an anisotropy with one easy axis.

    Parameters
    ----------
    particle
        The cores: `mpisim.Particle` or `mpisim.LogNormal`.
    anisotropy_constant
        K in J/m^3, from 0 to 2e5; 0 to 1e4 are in use for magnetite cores of 15 to 25 nm.
    easy_axis
        Direction (x, y, z) of the easy axis of all particles; its length does not count.
    damping
        a of the Landau-Lifshitz-Gilbert equation, from 0.001 to 10; 0.1 is usual.
    gyromagnetic_ratio
        In rad/(s T), from 1e10 to 1e12; by default that of the electron.
    aligned
        Share of the particles with this easy axis, from 0 to 1; the axes of the others have all directions, as those of
        `mpisim.AnisotropicEquilibrium`.
    axis_angles
        Number of angles to the field at which the axes of the others are taken, from 1 to 32.

    Raises
    ------
    InputError
        If the particle is another model, or a value is not in its range.

    Notes
    -----
    A field along the easy axis, such as in the plane of an ideal field-free-line scanner with the axis z, takes
    milliseconds a point; one of any other direction takes seconds. Axes of all directions take `axis_angles` times as
    long in a field that keeps its direction, and twice the square of it in any other.
    """

    damping: float = 0.1
    gyromagnetic_ratio: float = GYROMAGNETIC_RATIO
    aligned: float = 1.0
    axis_angles: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "damping", within("particle damping", self.damping, 1e-3, 10, "(no unit)"))
        ratio = within("particle gyromagnetic_ratio", self.gyromagnetic_ratio, 1e10, 1e12, "rad/(s T)")
        object.__setattr__(self, "gyromagnetic_ratio", ratio)
        object.__setattr__(self, "aligned", checked_share(self.aligned))
        object.__setattr__(self, "axis_angles", whole("particle axis_angles", self.axis_angles))
        require(self.axis_angles <= _MOST_ANGLES, "particle axis_angles", f"at most {_MOST_ANGLES}", self.axis_angles)

    def times(self) -> np.ndarray:
        """Relaxation time tau_N of every size in s, without anisotropy and field, shape (size,)."""
        a = self.damping
        return self.particle.sizes().betas * (1 + a * a) / (2 * a * self.gyromagnetic_ratio)

    def moments(self, field: np.ndarray, period: float) -> np.ndarray:
        """Mean moment of one particle in A m^2 for a field (time, ..., 3) in T over a period in s."""
        sizes, times = self.particle.sizes(), self.times().tolist()
        alphas = alphas_of(self.particle, self.anisotropy_constant).tolist()
        directions: list[Directions] = []
        for time, alpha in zip(times, alphas, strict=True):
            rotation = Rotation(time, alpha, self.easy_axis if alpha > 0 else None, self.damping)
            directions.append(partial(self._directions, rotation=rotation, period=period))
        return _moments(sizes, field, period, directions)

    def _directions(self, xi: np.ndarray, period: float, rotation: Rotation) -> np.ndarray:
        """Mean directions of the moments of one size, of all axes."""
        if rotation.axis is None or self.aligned == 1:
            return mean_directions(xi, period, rotation)
        found = (1 - self.aligned) * mean_over_axes(xi, period, rotation, self.axis_angles)
        return found + self.aligned * mean_directions(xi, period, rotation) if self.aligned > 0 else found


def _moments(sizes: Sizes, field: np.ndarray, period: float, directions: Sequence[Directions]) -> np.ndarray:
    """Return the moments of all sizes in A m^2, each of which has mean directions of its own."""
    count = len(field)
    require(count >= _FEWEST_TIMES, "field", f"given at {_FEWEST_TIMES} times of a period or more", count)
    require(math.isfinite(period) and period > 0, "period", "a positive number in s", period)
    points = np.asarray(field, dtype=float).reshape(count, -1, 3)
    out = np.zeros_like(points)
    weights = (sizes.fractions * sizes.moments).tolist()
    for weight, beta, of_size in zip(weights, sizes.betas.tolist(), directions, strict=True):
        out += weight * of_size(beta * points)
    return out.reshape(field.shape)
