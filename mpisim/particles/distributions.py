r"""Tracers of several core sizes in thermal equilibrium: log-normal sizes, and mixtures of populations.

A number-weighted log-normal distribution has the median :math:`d_0` and the spread :math:`s`, the standard deviation of
:math:`\ln d`. With :math:`m \propto d^3` its mean moment is :math:`m(d_0)\,e^{9 s^2/2}`, and the fraction of the volume
(what a mass of tracer means) is log-normal again, of the same spread and the median :math:`d_0\,e^{3 s^2}`. The mean
over sizes is

.. math:: \bar m(B) = m(d_0)\,e^{9 s^2/2} \sum_i w_i\,L(\beta_i |B|)\,\frac{B}{|B|}, \qquad
          \ln d_i = \ln d_0 + 3 s^2 + \sqrt2\,s\,x_i,

a Gauss-Hermite rule with nodes :math:`x_i` and weights :math:`w_i` of the sum 1 in the logarithm of the
volume-weighted diameter. There the integrand is :math:`L`, which lies between 0 and 1, so that the rule needs far fewer
nodes than the same rule in the number-weighted one.

Accuracy: the poles of :math:`L` lie at :math:`|{\rm Im}\,x| = \pi/(6\sqrt2\,s)` or further from the real axis, for any
field, and the error of n nodes falls as :math:`\exp(-2\sqrt{2 n}\,|{\rm Im}\,x|)`. The default,
:math:`2 + 20 s + 85 s^2` nodes, keeps matrices of 14 to 35 nm cores at .4 to 1.03 T/m and spreads up to .5 within 1e-4
(small cores need most nodes, since the tail of large ones gives the signal there; at 25 nm it is 2e-5). Five nodes are
within 2e-5 at the spread .1, and at .2 and .3 within 2e-4 and 1.2e-3 for 25 nm, 2e-3 and 1.1e-2 for 14 nm. Nodes whose
share of the moment is below 1e-7 are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mpisim.constants import BOLTZMANN
from mpisim.errors import non_negative, numbers_of, require, whole, within
from mpisim.particles.particle import PARTICLE_RANGES, LangevinEquilibrium, Particle
from mpisim.particles.protocol import Sizes, sizes_of

__all__ = ["LogNormal", "Mixture", "default_nodes"]

_MOST_NODES = 100
_NEGLIGIBLE = 1e-7  # share of the moment of a size that is left out


@dataclass(frozen=True)
class LogNormal(LangevinEquilibrium):
    """Particles of log-normal core sizes in thermal equilibrium.

    Parameters
    ----------
    median
        Median of the number of particles over the core diameter in m, from 1e-9 to 1e-6. The median of the volume is
        median * exp(3 spread^2).
    spread
        Standard deviation of ln d, from 0, which is one size, to 1; .05 to .3 are usual.
    nodes
        Sizes of the quadrature, from 1 to 100. By default as many as the spread needs.
    saturation_magnetisation
        M_s in A/m, from 1e4 to 1e7, as in `mpisim.Particle`.
    temperature
        Temperature in K, from 70 to 1000.

    Raises
    ------
    InputError
        If a value is not a number in its range.
    """

    median: float
    spread: float
    nodes: int | None = None
    saturation_magnetisation: float = Particle.saturation_magnetisation
    temperature: float = Particle.temperature

    def __post_init__(self) -> None:
        for name, known in {"median": "diameter", "saturation_magnetisation": "", "temperature": ""}.items():
            low, high, unit = PARTICLE_RANGES[known or name]
            object.__setattr__(self, name, within(f"particle {name}", getattr(self, name), low, high, unit))
        object.__setattr__(self, "spread", within("particle spread", self.spread, 0, 1, "(standard deviation of ln d)"))
        if self.nodes is not None:
            nodes = whole("particle nodes", self.nodes)
            require(nodes <= _MOST_NODES, "particle nodes", f"at most {_MOST_NODES}", nodes)
            object.__setattr__(self, "nodes", nodes)

    @property
    def diameter(self) -> float:
        """The median core diameter in m."""
        return self.median

    def sizes(self) -> Sizes:
        """The nodes of the quadrature as sizes; one size where the spread is zero."""
        return _log_normal_sizes(self)


@lru_cache(maxsize=64)
def _log_normal_sizes(model: LogNormal) -> Sizes:
    middle, s = Particle(model.median, model.saturation_magnetisation, model.temperature), model.spread
    if s == 0:
        return middle.sizes()
    x, weights = np.polynomial.hermite.hermgauss(model.nodes or default_nodes(s))
    shares = weights / weights.sum()
    x, shares = x[shares > _NEGLIGIBLE], shares[shares > _NEGLIGIBLE]
    volumes = np.exp(3 * (3 * s**2 + math.sqrt(2) * s * x))  # over that of the median
    moments = middle.moment * volumes
    return Sizes(moments, moments / (BOLTZMANN * model.temperature), shares * math.exp(4.5 * s**2) / volumes)


def default_nodes(spread: float) -> int:
    """Return how many nodes keep a matrix within 1e-4 for a spread up to .5; see the module."""
    return min(math.ceil(2 + 20 * spread + 85 * spread**2), _MOST_NODES)


@dataclass(frozen=True)
class Mixture(LangevinEquilibrium):
    """Several populations of particles, such as the two of a bimodal tracer.

    Parameters
    ----------
    populations
        Models of Langevin equilibrium, such as `mpisim.LogNormal`, each with its own median, spread, saturation
        magnetisation and temperature.
    fractions
        Fraction of the number of particles that each population has; their sum is 1. A population's share of the
        signal grows with the volume of its particles too.

    Raises
    ------
    InputError
        If a population is no Langevin equilibrium, or the fractions are not as many numbers of zero or more with the
        sum 1.
    """

    populations: tuple[LangevinEquilibrium, ...]
    fractions: tuple[float, ...]

    def __post_init__(self) -> None:
        good = isinstance(self.populations, list | tuple) and len(self.populations) > 0
        must = "a sequence of models such as mpisim.LogNormal"
        require(good, "particle populations", must, repr(self.populations))
        for population in self.populations:
            whole_model = isinstance(population, LangevinEquilibrium) and sizes_of(population) is not None
            require(whole_model, "particle populations", must, repr(population))
        fractions = numbers_of("particle fractions", self.fractions)
        count = len(self.populations)
        require(len(fractions) == count, "particle fractions", f"{count} numbers, one a population", fractions)
        for fraction in fractions:
            non_negative("particle fractions", fraction)
        good = math.isclose(sum(fractions), 1, rel_tol=0, abs_tol=1e-9)
        require(good, "particle fractions", "numbers with the sum 1", f"{fractions} with the sum {sum(fractions):.9g}")
        object.__setattr__(self, "populations", tuple(self.populations))
        object.__setattr__(self, "fractions", fractions)

    @property
    def diameter(self) -> float | None:
        """Median core diameter in m of the population with the largest share of the moment; None if it has none."""
        moments = [f * p.sizes().moment for f, p in zip(self.fractions, self.populations, strict=True)]
        return getattr(self.populations[int(np.argmax(moments))], "diameter", None)

    def sizes(self) -> Sizes:
        """The sizes of all populations."""
        parts = [(f, p.sizes()) for f, p in zip(self.fractions, self.populations, strict=True) if f > 0]
        return Sizes(
            np.concatenate([sizes.moments for _, sizes in parts]),
            np.concatenate([sizes.betas for _, sizes in parts]),
            np.concatenate([fraction * sizes.fractions for fraction, sizes in parts]),
        )
