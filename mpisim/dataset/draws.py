"""What draws of imperfect scanners have in common: rounded numbers, tracers, gains, and terms of fields by their size.

Numbers have four significant digits, so that a scanner file of a drawn scanner can be read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from mpisim.data.grid import Grid
from mpisim.particles.protocol import Magnetisation
from mpisim.scanner.imperfect import ImperfectFFL
from mpisim.scanner.parts import DEFAULT_RADIUS
from mpisim.scanner.receive import ReceiveGain
from mpisim.scanner.solid_harmonics import SolidHarmonics
from mpisim.simulation.sample import Sample
from mpisim.simulation.setup import Setup
from mpisim.simulation.time_samples import enough_samples

__all__ = [
    "SAMPLE_POINTS",
    "SENSITIVITY",
    "drawn_tracer",
    "in_plane",
    "random_gains",
    "rounded",
    "sampled_setup",
    "uniform",
]

SAMPLE_POINTS = 3
"""Points of the quadrature along each edge of a voxel."""
SENSITIVITY = 800.0
"""Sensitivity of a coil at the centre in 1/m."""
_GRADIENTS = (0.4, 1.03)  # T/m
_DIAMETERS = (14e-9, 35e-9)  # m, medians
_DIGITS = 4


def rounded(value: float) -> float:
    """Return a number with four significant digits."""
    return float(f"{value:.{_DIGITS}g}")


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number from `low` to `high`, all equally likely."""
    return rounded(rng.uniform(low, high))


def drawn_tracer(rng: np.random.Generator) -> tuple[float, float]:
    """Draw a gradient in T/m, from .4 to 1.03, and a median core diameter in m, from 14 to 35 nm."""
    return uniform(rng, *_GRADIENTS), uniform(rng, *_DIAMETERS)


def random_gains(rng: np.random.Generator, size: float, harmonics: Sequence[int]) -> ReceiveGain:
    """Draw complex gains of any phase, whose magnitudes have the standard deviation `size` about 1."""
    magnitudes = np.clip(1 + size * rng.standard_normal(len(harmonics)), 0.2, None)
    gains = magnitudes * np.exp(1j * rng.uniform(-np.pi, np.pi, len(harmonics)))
    rows = zip(harmonics, gains.real, gains.imag, strict=True)
    return ReceiveGain(tuple((int(k), rounded(re), rounded(im)) for k, re, im in rows))


def in_plane(degree: int, order: int, size: float) -> tuple[int, int, float]:
    """Return the term of solid harmonics whose field along z is `size` times cos or sin of `order` phi at |r| = R.

    That is in the plane z = 0, where terms of odd `degree` - `order` have such a field, and at their default radius.
    """
    return degree, order, rounded(size / _largest(degree, order))


@lru_cache(maxsize=64)
def _largest(degree: int, order: int) -> float:
    """Return the largest field along z on that circle of a term with the coefficient 1, at the first of its maxima."""
    turn = 0.0 if order >= 0 else math.pi / (2 * abs(order))
    point = DEFAULT_RADIUS * np.array([math.cos(turn), math.sin(turn), 0.0])
    return float(SolidHarmonics(((degree, order, 1.0),)).relative_field(point, 0.0)[2])


def sampled_setup(scanner: ImperfectFFL, particle: Magnetisation, sample: Sample) -> Setup:
    """Return a setup on the usual voxels whose scanner takes as many samples a period as the particle needs."""
    samples = enough_samples(scanner, particle, Grid())
    return Setup(replace(scanner, samples_per_period=samples), particle, Grid(), sample)
