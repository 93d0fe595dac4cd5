"""The table of magnetisation models, from which a file's particle is built again by the name of its class."""

from __future__ import annotations

from mpisim.particles.anisotropy import AnisotropicEquilibrium
from mpisim.particles.distributions import LogNormal, Mixture
from mpisim.particles.fokker_planck import BrownRotation, NeelRotation
from mpisim.particles.particle import Particle
from mpisim.particles.relaxation import Debye, FieldDependentRelaxation
from mpisim.plugins import Registry

__all__ = ["PARTICLES"]

PARTICLES: Registry[type] = Registry(
    "magnetisation model",
    "mpisim.particles",
    type,
    {
        kind.__name__: kind
        for kind in (
            Particle,
            LogNormal,
            Mixture,
            Debye,
            FieldDependentRelaxation,
            AnisotropicEquilibrium,
            BrownRotation,
            NeelRotation,
        )
    },
)
"""Classes of magnetisation models by name: frozen dataclasses that keep `mpisim.particles.protocol.Magnetisation`.

Another package adds its own by an entry point of the group `mpisim.particles` or by `PARTICLES.register(name, class)`.
A file then holds the name of the class and the values of its fields, so that the model can be simulated again.
"""
