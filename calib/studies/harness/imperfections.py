r"""The imperfections that studies vary one by one, each with one size.

The strong size of each is that of a poor scanner or of a careless calibration, as in `mpisim.dataset.realistic`, which
draws all of them at once; here each is alone, so that its effect can be told from those of the others. A size is a
fraction of the strong one. Values at the edge are those in the plane at 16 mm. Directions in the plane lie at 30
degrees from x, so that none is favoured by the grid. Numbers that chance draws (errors per angle, jitter) have the seed
`SEED`, so that sizes differ by scale alone.

What that module does not have: the recipe, whose 20 per cent are within the published 10 to 30 (L. He et al., IEEE
Transactions on Medical Imaging, 2024); jitter, where robots place samples to .05 to .1 mm; gain and phase of an angle,
which are assumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from mpisim.dataset.draws import in_plane
from mpisim.dataset.realistic import SIZES
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
from mpisim.scanner.receive import ReceiveGain
from mpisim.scanner.simple_fields import Uniform
from mpisim.scanner.solid_harmonics import SolidHarmonics
from mpisim.simulation.setup import Setup
from mpisim.simulation.time_samples import enough_samples

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
        return _sampled(self.change(ideal, fraction * self.strong)) if fraction else ideal

    @property
    def of_positions(self) -> bool:
        """Whether it is an error of the sample's positions, of which a phantom in the scanner has none."""
        return self.key.startswith("calibration")


def _sampled(setup: Setup) -> Setup:
    """Return a setup with as many samples a period as its largest cores need."""
    scanner = setup.scanner
    assert isinstance(scanner, OpenSidedFFL)
    samples = enough_samples(scanner, setup.particle, setup.grid)
    return (
        setup
        if samples == scanner.samples_per_period
        else replace(setup, scanner=replace(scanner, samples_per_period=samples))
    )


def _with(ideal: Setup, **switches: object) -> Setup:
    assert isinstance(ideal.scanner, OpenSidedFFL)
    return replace(ideal, scanner=ImperfectFFL.of(ideal.scanner, **switches))


def _coil(setup: Setup, fall: float) -> Setup:
    terms = (in_plane(2, 1, -fall * _X), in_plane(2, -1, -fall * _Y), in_plane(3, 0, -fall / 2))
    return _with(setup, coils=(Coil(_vector(setup), (SolidHarmonics(terms),)),))


def _coil_in_plane(setup: Setup, share: float) -> Setup:
    return _with(setup, coils=(Coil(_vector(setup), (Uniform((share * _X, share * _Y, 0.0)),)),))


def _vector(setup: Setup) -> tuple[float, float, float]:
    assert isinstance(setup.scanner, OpenSidedFFL)
    return setup.scanner.sensitivity


def _line_field(setup: Setup, size: float, turning: bool) -> Setup:
    terms = (in_plane(3, 0, size / 2), in_plane(3, 2, size / 2))
    return _with(setup, selection=(SolidHarmonics(terms, turning=turning),))


def _receiver(setup: Setup, size: float) -> Setup:
    """Gains whose standard deviation is `size`, and phases that reach half a turn at the strong size."""
    assert isinstance(setup.scanner, OpenSidedFFL)
    harmonics, rng = setup.scanner.harmonics, np.random.default_rng(SEED)
    magnitudes = 1 + size * rng.standard_normal(len(harmonics))
    phases = np.pi * size / _strong("gain") * rng.uniform(-1, 1, len(harmonics))
    gains = np.clip(magnitudes, 0.2, None) * np.exp(1j * phases)
    rows = zip(harmonics, gains.real.tolist(), gains.imag.tolist(), strict=True)
    return _with(setup, gain=ReceiveGain(tuple(rows)))


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
    return _with(setup, recipe=QuadraticRecipe(size, -size, -size))


def _strong(name: str) -> float:
    return SIZES[name].value


IMPERFECTIONS = (
    Imperfection("coil inhomogeneity", "scanner.coils.parts", _strong("coil_slope"), "16 % to a side", _coil),
    Imperfection("coil in plane", "scanner.coils.parts", _strong("coil_in_plane"), "5 %", _coil_in_plane),
    Imperfection(
        "gradient inhomogeneity",
        "scanner.selection",
        _strong("gradient_quadratic"),
        "12 % at the edge",
        lambda s, size: _with(s, selection=(SolidHarmonics((in_plane(4, 1, size),), turning=True),)),
    ),
    Imperfection(
        "rotating field error",
        "scanner.selection",
        _strong("field_turning"),
        "1 % at the edge",
        lambda s, size: _line_field(s, size, True),
    ),
    Imperfection(
        "static field error",
        "scanner.selection",
        _strong("field_at_rest"),
        "1 % at the edge",
        lambda s, size: _line_field(s, size, False),
    ),
    Imperfection(
        "drive inhomogeneity",
        "scanner.drive",
        _strong("drive_quadratic"),
        "6 % at the edge",
        lambda s, size: _with(s, drive=(SolidHarmonics((in_plane(3, 0, -size),)),)),
    ),
    Imperfection(
        "drive tilt",
        "scanner.drive",
        _strong("drive_tilt"),
        "20 mrad",
        lambda s, a: _with(s, drive=(Uniform((math.sin(a) * _X, math.sin(a) * _Y, math.cos(a) - 1)),)),
    ),
    Imperfection(
        "plane offset",
        "scanner.plane.offset",
        _strong("plane_offset"),
        "0.4 mm",
        lambda s, size: _with(s, plane=LinePlane(size)),
    ),
    Imperfection(
        "plane tilt",
        "scanner.plane.tilt",
        _strong("plane_tilt"),
        "20 mrad",
        lambda s, size: _with(s, plane=LinePlane(tilt=(size * _X, size * _Y))),
    ),
    Imperfection(
        "line offset per angle",
        "scanner.line.offset_spread",
        _strong("line_offset"),
        "0.35 mm",
        lambda s, size: _with(s, line=AngleErrors(offset_spread=size, seed=SEED)),
    ),
    Imperfection(
        "angle error per angle",
        "scanner.line.angle_spread",
        _strong("line_angle"),
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
    Imperfection("gain, phase per harmonic", "scanner.gain.harmonics", _strong("gain"), "15 %, any phase", _receiver),
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
        _strong("sample_shift"),
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
    error. The matrices are those of the same angles, harmonics and voxels, with one coil; gradient and diameter are
    stated as those of the imperfect one, whose measurements they stand for.
    """
    rows, wanted = ideal["system_matrix"], imperfect["system_matrix"]
    others = [d for d in rows.dims if d != "frequency"]
    gains = (rows.conj() * wanted).sum(others) / (abs(rows) ** 2).sum(others)
    nearest = (rows * gains).transpose(*rows.dims).astype(rows.dtype).assign_attrs(rows.attrs)
    return ideal.assign(system_matrix=nearest).assign_coords(imperfect.coords)
