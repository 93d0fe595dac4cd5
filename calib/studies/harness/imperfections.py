r"""The imperfections that studies vary one by one, each with one size.

The strong size of each is that of a poor scanner or of a careless calibration; a size is a fraction of it. With
:math:`R` half the field of view, in-plane directions lie at 30 degrees from x, so that none is favoured by the grid.
`mpisim.dataset` draws all of them at once; here each is alone, so that its effect can be told from those of the others.
Numbers that chance draws (errors per angle, jitter) have the seed `SEED`, so that sizes differ by scale alone.

The sizes are plausible ones, not measured on one scanner. That of the recipe is within the published range of 10 to 30
per cent at 15 mm (L. He et al., IEEE Transactions on Medical Imaging, 2024); robots place samples to .05 to .1 mm. The
tilt of the plane is that of a shift of .4 mm at the edge; gain and phase of an angle are assumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from mpisim.errors import require
from mpisim.particles.distributions import LogNormal
from mpisim.particles.particle import Particle
from mpisim.particles.relaxation import Debye, FieldDependentRelaxation
from mpisim.scanner.angle_errors import AngleErrors
from mpisim.scanner.coils import Coil
from mpisim.scanner.ffl import OpenSidedFFL
from mpisim.scanner.imperfect import ImperfectFFL
from mpisim.scanner.line_plane import LinePlane
from mpisim.scanner.quadratic import QuadraticRecipe
from mpisim.scanner.simple_fields import Uniform
from mpisim.scanner.solid_harmonics import SolidHarmonics
from mpisim.simulation.setup import Setup

__all__ = ["FRACTIONS", "IMPERFECTIONS", "SEED", "Imperfection", "with_gains"]

FRACTIONS = (0.0, 0.25, 0.5, 1.0, 1.5)
"""Sizes as fractions of the strong one."""
SEED = 16
"""Seed of all that is drawn."""
_X, _Y = math.cos(math.pi / 6), math.sin(math.pi / 6)


@dataclass(frozen=True)
class Imperfection:
    """One imperfection.

    Parameters
    ----------
    name
        What tables and figures call it.
    key
        Its place in a scanner file.
    strong
        Its strong size in SI units.
    shown
        The strong size in words.
    change
        Function from an ideal setup and a size in SI units to the imperfect setup.
    """

    name: str
    key: str
    strong: float
    shown: str
    change: Callable[[Setup, float], Setup]

    def applied(self, ideal: Setup, fraction: float) -> Setup:
        """Return a setup with this imperfection in a fraction of its strong size; zero returns the setup itself."""
        good = isinstance(ideal.scanner, OpenSidedFFL) and isinstance(ideal.particle, Particle)
        require(good, "ideal setup", "an open-sided scanner with particles of one size", repr(ideal.scanner))
        return self.change(ideal, fraction * self.strong) if fraction else ideal

    @property
    def of_positions(self) -> bool:
        """Whether it is an error of the sample's positions, of which a phantom in the scanner has none."""
        return self.key.startswith("calibration")


def _with(ideal: Setup, **switches: object) -> Setup:
    assert isinstance(ideal.scanner, OpenSidedFFL)
    return replace(ideal, scanner=ImperfectFFL.of(ideal.scanner, **switches))


def _radius(setup: Setup) -> float:
    return max(setup.grid.fov[:2]) / 2


def _at_edge(setup: Setup, terms: dict[tuple[int, int], float], turning: bool = False) -> SolidHarmonics:
    """Return solid harmonics (l, m) by the z component of their field at the edge: at (R, 0, 0), or else (0, R, 0)."""
    coefficients = tuple((degree, order, value / _z_at_edge(degree, order)) for (degree, order), value in terms.items())
    return SolidHarmonics(coefficients, _radius(setup), turning)


def _z_at_edge(degree: int, order: int) -> float:
    edges = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    along_x, along_y = SolidHarmonics(((degree, order, 1.0),), 1.0).relative_field(edges, 0.0)[:, 2].tolist()
    return along_x or along_y


def _coil(setup: Setup, fall: float) -> Setup:
    side = {(2, 1): -fall * _X, (2, -1): -fall * _Y}
    return _with(setup, coils=(Coil(_vector(setup), (_at_edge(setup, {**side, (3, 0): -fall / 2}),)),))


def _coil_in_plane(setup: Setup, share: float) -> Setup:
    return _with(setup, coils=(Coil(_vector(setup), (Uniform((share * _X, share * _Y, 0.0)),)),))


def _vector(setup: Setup) -> tuple[float, float, float]:
    assert isinstance(setup.scanner, OpenSidedFFL)
    return setup.scanner.sensitivity


def _line_field(setup: Setup, size: float, turning: bool) -> Setup:
    return _with(setup, selection=(_at_edge(setup, {(3, 0): size / 2, (3, 2): size / 2}, turning),))


def _particle(setup: Setup) -> Particle:
    assert isinstance(setup.particle, Particle)
    return setup.particle


def _sizes(setup: Setup, spread: float) -> Setup:
    """Log-normal sizes whose median by volume is the diameter of the ideal particles."""
    one = _particle(setup)
    median = one.diameter * math.exp(-3 * spread**2)
    sizes = LogNormal(median, spread, None, one.saturation_magnetisation, one.temperature)
    return replace(setup, particle=sizes)


def _recipe(setup: Setup, size: float) -> Setup:
    return _with(setup, recipe=QuadraticRecipe(size, -size, -size, _radius(setup)))


_TILT_AT_EDGE = 0.4e-3 / 0.016  # rad; the edge of 32 mm moves by .4 mm

IMPERFECTIONS = (
    Imperfection("coil inhomogeneity", "scanner.coils.parts", 0.16, "16 % to a side", _coil),
    Imperfection("coil in plane", "scanner.coils.parts", 0.05, "5 %", _coil_in_plane),
    Imperfection(
        "gradient inhomogeneity",
        "scanner.selection",
        0.12,
        "12 % at the edge",
        lambda s, size: _with(s, selection=(_at_edge(s, {(4, 1): size}, turning=True),)),
    ),
    Imperfection(
        "rotating field error", "scanner.selection", 0.01, "1 % at the edge", lambda s, size: _line_field(s, size, True)
    ),
    Imperfection(
        "static field error", "scanner.selection", 0.01, "1 % at the edge", lambda s, size: _line_field(s, size, False)
    ),
    Imperfection(
        "drive inhomogeneity",
        "scanner.drive",
        0.06,
        "6 % at the edge",
        lambda s, size: _with(s, drive=(_at_edge(s, {(3, 0): -size}),)),
    ),
    Imperfection(
        "drive tilt",
        "scanner.drive",
        0.02,
        "20 mrad",
        lambda s, a: _with(s, drive=(Uniform((math.sin(a) * _X, math.sin(a) * _Y, math.cos(a) - 1)),)),
    ),
    Imperfection(
        "plane offset", "scanner.plane.offset", 4e-4, "0.4 mm", lambda s, size: _with(s, plane=LinePlane(size))
    ),
    Imperfection(
        "plane tilt",
        "scanner.plane.tilt",
        _TILT_AT_EDGE,
        "25 mrad",
        lambda s, size: _with(s, plane=LinePlane(tilt=(size * _X, size * _Y))),
    ),
    Imperfection(
        "line offset per angle",
        "scanner.line.offset_spread",
        3.5e-4,
        "0.35 mm",
        lambda s, size: _with(s, line=AngleErrors(offset_spread=size, seed=SEED)),
    ),
    Imperfection(
        "angle error per angle",
        "scanner.line.angle_spread",
        math.radians(0.7),
        "0.7 degrees",
        lambda s, size: _with(s, line=AngleErrors(angle_spread=size, seed=SEED)),
    ),
    Imperfection(
        "gain, phase per angle",
        "scanner.line.gain_spread",
        0.05,
        "5 %, 50 mrad",
        lambda s, size: _with(s, line=AngleErrors(gain_spread=size, phase_spread=size, seed=SEED)),
    ),
    Imperfection("size spread", "particle.spread", 0.3, "0.3 of ln d", _sizes),
    Imperfection(
        "Debye time",
        "particle.relaxation_time",
        3e-6,
        "3 µs",
        lambda s, time: replace(s, particle=Debye(_particle(s), time)),
    ),
    Imperfection(
        "relaxation in fields",
        "particle.relaxation_time",
        3e-6,
        "3 µs without field",
        lambda s, time: replace(s, particle=FieldDependentRelaxation(_particle(s), time)),
    ),
    Imperfection(
        "sample offset",
        "calibration.offset",
        3e-4,
        "0.3 mm",
        lambda s, size: replace(s, sample=replace(s.sample, offset=(size * _X, size * _Y, 0.0))),
    ),
    Imperfection(
        "positioning jitter",
        "calibration.jitter",
        1e-4,
        "0.1 mm",
        lambda s, size: replace(s, sample=replace(s.sample, jitter=size, seed=SEED)),
    ),
    Imperfection("quadratic recipe", "scanner.recipe", 0.2, "20 % at the edge", _recipe),
)
"""Every imperfection, in the order of tables and figures."""


def with_gains(ideal: xr.Dataset, imperfect: xr.Dataset) -> xr.Dataset:
    """Return an ideal matrix times the complex gain per harmonic that brings it nearest to an imperfect one.

    This is what remains ideal once the receive chain has been calibrated: no gain or delay of a harmonic counts as an
    error. The matrices are those of the same angles, harmonics and voxels, with one coil.
    """
    rows, wanted = ideal["system_matrix"], imperfect["system_matrix"]
    others = [d for d in rows.dims if d != "frequency"]
    gains = (rows.conj() * wanted).sum(others) / (abs(rows) ** 2).sum(others)
    return ideal.assign(system_matrix=(rows * gains).transpose(*rows.dims).astype(rows.dtype).assign_attrs(rows.attrs))
