"""The scanners that a plan simulates: the user's own, with imperfections of a level where it states none.

The imperfections are those of `mpisim.dataset.realistic`, drawn for the gradient and the core diameter of the user's
scanner. Their reference radius is half the longer edge of the field of view, so that values at the edge are those of
the level whatever its size. Lengths such as offsets of the line remain. A tracer with cores of one size in equilibrium
gets a spread and a relaxation time; another one is taken as it is.

A scanner that states imperfections is taken as it is. Its neighbours have a gradient that differs by `_NEAR`, and other
errors of the angles of the same size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from mpisim.dataset.draws import SAMPLE_POINTS
from mpisim.dataset.realistic import draw_setup
from mpisim.errors import one_of, require
from mpisim.particles.particle import Particle
from mpisim.scanner.angle_errors import AngleErrors
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.scanner.imperfect import ImperfectFFL
from mpisim.scanner.parts import DEFAULT_RADIUS
from mpisim.scanner.receive import ReceiveGain
from mpisim.simulation.setup import Setup
from mpisim.simulation.time_samples import enough_samples
from recon.studies.planning.first_errors import LEVELS

__all__ = ["DEFAULT_LEVEL", "STATED", "level_of", "planned_scanners", "states_imperfections"]

DEFAULT_LEVEL = "medium"
"""Level where none is given and the scanner states no imperfections."""
STATED = "stated"
"""Level of a scanner that states its imperfections."""
_SWITCHES = ("selection", "drive", "coils", "recipe", "plane", "line", "gain")
_DRAWN = ("selection", "drive", "coils", "plane", "line")
_NEAR = 0.02  # standard deviation of a neighbour's gradient, relative
_SCANNERS, _NEIGHBOURS = 0x9A, 0x9B  # name the random numbers, so that no other use of a seed shares them


def states_imperfections(setup: Setup) -> bool:
    """Whether a scanner states any imperfection of fields, coils, angles or gains."""
    return any(getattr(setup.scanner, name, None) for name in _SWITCHES)


def level_of(setup: Setup, imperfections: str | None) -> str:
    """Return the level of the scanners of a plan; raise `InputError` where it is unknown, or stated and given."""
    require(isinstance(setup.scanner, OpenSidedFFL), "scanner", "an open-sided FFL", type(setup.scanner).__name__)
    if not states_imperfections(setup):
        return one_of("imperfections", DEFAULT_LEVEL if imperfections is None else imperfections, LEVELS)
    require(imperfections is None, "imperfections", "left out, since the scanner states its own", repr(imperfections))
    return STATED


def planned_scanners(setup: Setup, level: str, count: int, seed: int) -> list[Setup]:
    """Return `count` scanners of a level, one of `LEVELS` or `STATED`, whose first one is the most likely."""
    if level == LEVELS[0]:
        return [setup] * count
    if level == STATED:
        return [setup, *(_neighbour(setup, [seed, _NEIGHBOURS, number]) for number in range(1, count))]
    return [_drawn(setup, level, [seed, _SCANNERS, number]) for number in range(count)]


def _neighbour(setup: Setup, seed: list[int]) -> Setup:
    rng, scanner = np.random.default_rng(seed), setup.scanner
    assert isinstance(scanner, OpenSidedFFL)
    changed: dict[str, Any] = {"sf_gradient": scanner.sf_gradient * (1 + _NEAR * float(rng.standard_normal()))}
    line = getattr(scanner, "line", None)
    if isinstance(line, AngleErrors):
        changed["line"] = replace(line, seed=int(rng.integers(2**31)))
    return replace(setup, scanner=replace(scanner, **changed))


def _drawn(setup: Setup, level: str, seed: list[int]) -> Setup:
    scanner = setup.scanner
    assert isinstance(scanner, OpenSidedFFL)
    diameter = float(getattr(setup.particle, "diameter", 25e-9))
    drawn = draw_setup(level, np.random.default_rng(seed), scanner.sf_gradient, diameter)
    assert isinstance(drawn.scanner, ImperfectFFL)
    radius = max(setup.grid.fov[:2]) / 2
    parts = {name: _at_radius(getattr(drawn.scanner, name), radius / DEFAULT_RADIUS) for name in _DRAWN}
    imperfect = ImperfectFFL.of(scanner, gain=_gain_of(drawn.scanner.gain, scanner.harmonics), **parts)
    particle = drawn.particle if isinstance(setup.particle, Particle) else setup.particle
    imperfect = replace(imperfect, samples_per_period=enough_samples(imperfect, particle, setup.grid))
    sample = replace(setup.sample, offset=drawn.sample.offset, points=min(setup.sample.points, SAMPLE_POINTS))
    return replace(setup, scanner=imperfect, particle=particle, sample=sample)


def _at_radius(part: Any, ratio: float) -> Any:
    """Return a part, or several ones, whose reference radii are `ratio` times as large."""
    if isinstance(part, tuple):
        return tuple(_at_radius(p, ratio) for p in part)
    if hasattr(part, "radius"):
        return replace(part, radius=ratio * part.radius)
    return replace(part, parts=_at_radius(part.parts, ratio)) if hasattr(part, "parts") else part


def _gain_of(gain: ReceiveGain | None, harmonics: Iterable[int]) -> ReceiveGain | None:
    """Return the gains of the recorded harmonics."""
    known = set(harmonics)
    return None if gain is None else ReceiveGain(tuple(row for row in gain.harmonics if row[0] in known))
