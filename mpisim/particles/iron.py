r"""Mass of iron in a tracer.

A core of the moment :math:`m` has the volume :math:`m / M_s`, and the tracer's particle in the mean

.. math:: m_{Fe} = w\,\rho \sum_i n_i \frac{m_i}{M_{s}},

with the density :math:`\rho` of the core and its mass fraction :math:`w` of iron. Magnetite, Fe3O4, has
:math:`\rho` = 5.2 g/cm^3 (R. M. Cornell and U. Schwertmann, The Iron Oxides, 2003, DOI 10.1002/3527602097: 5.18) and
:math:`w` = 3 x 55.845 / 231.53 = 0.7236 by its atomic masses.

Simplified: the whole core is magnetic, so that its magnetic volume is its volume; a dead layer would add iron without
signal.
"""

from __future__ import annotations

from mpisim.errors import require, within
from mpisim.particles.distributions import Mixture
from mpisim.particles.protocol import Magnetisation, sizes_of

__all__ = ["IRON_FRACTION", "MAGNETITE_DENSITY", "core_volume", "iron_mass"]

MAGNETITE_DENSITY = 5.2e3
"""Density of magnetite in kg/m^3."""

IRON_FRACTION = 0.7236
"""Mass of iron over that of magnetite."""


def core_volume(particle: Magnetisation) -> float:
    """Return the mean volume of a particle's core in m^3.

    Raises
    ------
    InputError
        If the model does not state its sizes and its saturation magnetisation.
    """
    if isinstance(particle, Mixture):
        return sum(f * core_volume(p) for f, p in zip(particle.fractions, particle.populations, strict=True))
    core = getattr(particle, "particle", None)  # the cores of a model with anisotropy or a history
    if core is not None:
        return core_volume(core)
    sizes, saturation = sizes_of(particle), getattr(particle, "saturation_magnetisation", None)
    known = sizes is not None and saturation is not None
    require(known, "particle", "a model with sizes and a saturation_magnetisation", type(particle).__name__)
    assert sizes is not None and saturation is not None
    return sizes.moment / float(saturation)


def iron_mass(
    particle: Magnetisation, density: float = MAGNETITE_DENSITY, iron_fraction: float = IRON_FRACTION
) -> float:
    """Return the mean mass of iron in one particle in kg.

    Parameters
    ----------
    particle
        A model of the tracer with sizes, such as `mpisim.Particle` or `mpisim.LogNormal`, or one that relaxes to it.
    density
        Density of the cores in kg/m^3, from 1e3 to 1e4; that of magnetite by default.
    iron_fraction
        Mass fraction of iron in the cores, above 0 to 1; that of magnetite by default.

    Raises
    ------
    InputError
        If the model states no sizes, or a number is out of range.
    """
    density = within("density of the cores", density, 1e3, 1e4, "kg/m^3")
    fraction = within("iron_fraction of the cores", iron_fraction, 1e-3, 1, "(1)")
    return core_volume(particle) * density * fraction
