r"""Scanners as imperfect as real ones: drawn at random in three levels, and some with physics that these do not have.

A scanner of a level has all imperfections of the table `SIZES`, each drawn within a size that is that of the level
`strong` times .3 (`mild`), .6 (`medium`) or 1. Fields are Maxwellian: sums of solid harmonics. With the ideal fields
:math:`G(u\hat z + z\hat u)`, :math:`A\hat z` and :math:`p\hat z` and the radius :math:`R` = 16 mm

- the gradient changes as :math:`1 + q_2 (r/R)^2 + q_4 (r/R)^4` in the plane, and turns with the line, as do errors of
  all solid harmonics to degree 4; others are at rest;
- the drive changes as :math:`1 + q (r/R)^2`, and is tilted;
- the sensitivity of the coil falls to one side, with polynomials to the third degree, or falls around a centre as
  :math:`1 - \frac43 f (r/R)^2 + \frac13 f (r/R)^4`, the form of a small loop at 44 mm with a fall of its own; it has
  components in the plane;
- the line's plane is shifted and tilted, and the line is off by another offset and angle at every angle;
- cores have log-normal sizes and relax with a constant time; each harmonic has a complex gain of any phase; the
  calibration is shifted.

Spread, relaxation time and the phases of the gains are not scaled: they are properties of tracers and receivers, which
a better scanner has, too. Positioning jitter is off: .05 mm of it alone changes a matrix by 1 %, which no method of
recovery could know.

The split `outside` (`mpisim.dataset.outside`) serves to judge methods on what they do not presume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mpisim.dataset.cases import SPLITS, SetupCase
from mpisim.dataset.draws import (
    SAMPLE_POINTS,
    SENSITIVITY,
    drawn_tracer,
    in_plane,
    random_gains,
    rounded,
    sampled_setup,
    uniform,
)
from mpisim.dataset.outside import draw_outside
from mpisim.errors import one_of, whole
from mpisim.particles.distributions import LogNormal
from mpisim.particles.relaxation import Debye
from mpisim.scanner.angle_errors import AngleErrors
from mpisim.scanner.coils import Coil
from mpisim.scanner.ffl import open_sided_ffl
from mpisim.scanner.imperfect import ImperfectFFL
from mpisim.scanner.line_plane import LinePlane
from mpisim.scanner.simple_fields import Uniform
from mpisim.scanner.solid_harmonics import SolidHarmonics
from mpisim.simulation.sample import Sample
from mpisim.simulation.setup import Setup

__all__ = ["LEVELS", "SCANNERS", "SIZES", "Size", "draw_setup", "fixed_setup", "realistic_cases"]

LEVELS = {"mild": 0.3, "medium": 0.6, "strong": 1.0}
"""Levels by name, with the factor on the sizes."""
SCANNERS = {"train": 60, "validation": 20, "test": 40, "outside": 20}
"""Scanners of each split of the preset."""


class Size(NamedTuple):
    """How large an imperfection is: `value` in `unit`, and its meaning."""

    value: float
    unit: str
    meaning: str


SIZES = {
    "coil_slope": Size(0.16, "1", "largest change of the coil's sensitivity from the centre to the radius at one side"),
    "coil_quadratic": Size(0.04, "1", "standard deviation of its three terms of the second degree at the radius"),
    "coil_cubic": Size(0.02, "1", "standard deviation of its four terms of the third degree at the radius"),
    "coil_fall": Size(0.16, "1", "largest fall of the sensitivity of a coil like a loop from the centre to the radius"),
    "coil_in_plane": Size(0.05, "1", "standard deviation of the sensitivity along x and along y, relative to z"),
    "gradient_quadratic": Size(
        0.12, "1", "largest change of the gradient with the square of the radius, at the radius"
    ),
    "gradient_fourth": Size(0.04, "1", "largest change of the gradient with its fourth power, at the radius"),
    "field_turning": Size(
        0.01, "1", "root of the sum of squares of the largest fields of all other errors that turn, over G R"
    ),
    "field_at_rest": Size(0.01, "1", "the same of the errors at rest"),
    "drive_quadratic": Size(0.06, "1", "largest change of the drive with the square of the radius, at the radius"),
    "drive_tilt": Size(0.02, "1", "standard deviation of the drive along x and along y, relative to z"),
    "plane_offset": Size(0.4e-3, "m", "largest distance of the line's plane from that of the field of view"),
    "plane_tilt": Size(0.02, "rad", "standard deviation of its tilt about x and about y"),
    "line_offset": Size(0.35e-3, "m", "standard deviation of the line's offset, angle by angle"),
    "line_angle": Size(0.0122, "rad", "standard deviation of its angle, 0.7 degrees, angle by angle"),
    "gain": Size(0.15, "1", "standard deviation of the gain of a harmonic; its phase is any"),
    "sample_shift": Size(0.3e-3, "m", "largest shift of the calibration along x and along y"),
}
"""Sizes of the imperfections of the level `strong`."""
_SPREADS = (0.05, 0.3)  # of the logarithm of the core diameter
_RELAXATION_TIMES = (0.5e-6, 3e-6)  # s
_SEED = 20251126  # of the preset, never the user's: bundled weights must not meet their test data
_FIXED = 10_000  # first number of the fixed scanners, beyond those of any split


def realistic_cases(scanners: int | None = None, splits: Sequence[str] = SPLITS) -> list[SetupCase]:
    """Return the cases of the preset `realistic`.

    Scanner n of a split is the same whatever the number of scanners; levels follow each other in turn.

    Parameters
    ----------
    scanners
        Scanners of each of the splits; None for those of `SCANNERS`.
    splits
        The splits that are wanted.

    Raises
    ------
    InputError
        If the number is not a whole one of at least 1, or a split is unknown.
    """
    for split in splits:
        one_of("split", split, SPLITS)
    counts = SCANNERS if scanners is None else dict.fromkeys(SPLITS, whole("scanners", scanners))
    return [_case(split, number) for split in splits for number in range(counts[split])]


def _case(split: str, number: int) -> SetupCase:
    level = "outside" if split == "outside" else tuple(LEVELS)[number % len(LEVELS)]
    rng = np.random.default_rng([_SEED, SPLITS.index(split), number])
    setup = draw_outside(rng, number) if level == "outside" else draw_setup(level, rng)
    return SetupCase(f"{number:04d}_{level}", setup, split, {"scanner_level": level})


def fixed_setup(level: str, sf_gradient: float = 0.7, particle_diameter: float = 25e-9) -> Setup:
    """Return the one fixed scanner of a level, which belongs to no split; the arguments are those of `draw_setup`."""
    number = _FIXED + list(LEVELS).index(one_of("level", level, LEVELS))
    setup = draw_setup(level, np.random.default_rng([_SEED, number]), sf_gradient, particle_diameter)
    return replace(setup, sample=replace(setup.sample, points=Sample.points))


def draw_setup(
    level: str,
    rng: np.random.Generator,
    sf_gradient: float | None = None,
    particle_diameter: float | None = None,
) -> Setup:
    """Draw an imperfect scanner with its tracer and calibration.

    Parameters
    ----------
    level
        A name of `LEVELS`.
    rng
        Source of the random numbers.
    sf_gradient, particle_diameter
        G in T/m and median core diameter in m instead of drawn ones, which are from .4 to 1.03 T/m and 14 to 35 nm.
        Values beyond these are allowed; the other draws are the same.

    Raises
    ------
    InputError
        If the level is unknown, or a value is out of the range of the scanner or the particle.
    """
    draw = _Draw(rng, LEVELS[one_of("level", level, LEVELS)])
    gradient, diameter = drawn_tracer(rng)
    ideal = open_sided_ffl(gradient if sf_gradient is None else sf_gradient)
    scanner = ImperfectFFL.of(
        ideal,
        selection=(_turning(draw), _at_rest(draw)),
        drive=_drive(draw),
        coils=(_coil(draw),),
        plane=LinePlane(draw.even("plane_offset"), (draw.normal("plane_tilt"), draw.normal("plane_tilt"))),
        line=AngleErrors(
            offset_spread=draw.size("line_offset"), angle_spread=draw.size("line_angle"), seed=draw.seed()
        ),
        gain=random_gains(rng, draw.size("gain"), ideal.harmonics),
    )
    cores = LogNormal(diameter if particle_diameter is None else particle_diameter, uniform(rng, *_SPREADS))
    shift = (draw.even("sample_shift"), draw.even("sample_shift"), 0.0)
    tracer = Debye(cores, uniform(rng, *_RELAXATION_TIMES))
    return sampled_setup(scanner, tracer, Sample(points=SAMPLE_POINTS, offset=shift))


_DECIMALS = 12
"""Decimals of a sum of two rounded numbers, so that it has no more digits than these."""


class _Draw(NamedTuple):
    """Random numbers for a level, with four significant digits."""

    rng: np.random.Generator
    scale: float

    def size(self, name: str) -> float:
        """Return the size of an imperfection at this level."""
        return rounded(SIZES[name].value * self.scale)

    def even(self, name: str) -> float:
        """Return a number between minus and plus the size, all equally likely."""
        return rounded(self.size(name) * self.rng.uniform(-1, 1))

    def normal(self, name: str, count: int = 1) -> float:
        """Return a normal number; of `count` such numbers the root of the sum of squares has the size."""
        return rounded(self.size(name) * self.rng.standard_normal() / count**0.5)

    def seed(self) -> int:
        """Return a seed."""
        return int(self.rng.integers(2**31))


def _turning(draw: _Draw) -> SolidHarmonics:
    """Changes of the gradient, and all other errors that turn with the line."""
    gradient = (in_plane(4, 1, draw.even("gradient_quadratic")), in_plane(6, 1, draw.even("gradient_fourth")))
    terms: dict[tuple[int, int], float] = {}
    for degree, order, c in (*gradient, *_errors(draw, "field_turning")):
        terms[degree, order] = round(terms.get((degree, order), 0.0) + c, _DECIMALS)
    return SolidHarmonics(tuple((*key, c) for key, c in terms.items()), turning=True)


def _at_rest(draw: _Draw) -> SolidHarmonics:
    return SolidHarmonics(_errors(draw, "field_at_rest"))


def _errors(draw: _Draw, name: str) -> tuple[tuple[int, int, float], ...]:
    """Return all terms of the degrees 1 to 4."""
    terms = [(degree, order) for degree in range(1, 5) for order in range(-degree, degree + 1)]
    return tuple((degree, order, draw.normal(name, len(terms))) for degree, order in terms)


def _drive(draw: _Draw) -> tuple[SolidHarmonics, Uniform]:
    change = SolidHarmonics((in_plane(3, 0, draw.even("drive_quadratic")),))
    return change, Uniform((draw.normal("drive_tilt"), draw.normal("drive_tilt"), 0.0))


def _coil(draw: _Draw) -> Coil:
    """Return a coil with polynomials, or like a loop, one as likely as the other."""
    turn = draw.rng.uniform(0, 2 * np.pi)
    slope = draw.size("coil_slope") * draw.rng.uniform()
    fall = draw.size("coil_fall") * draw.rng.uniform()
    if draw.rng.uniform() < 0.5:
        terms = [in_plane(3, m, draw.normal("coil_quadratic", 3)) for m in (0, 2, -2)]
        terms += [in_plane(4, m, draw.normal("coil_cubic", 4)) for m in (1, -1, 3, -3)]
    else:  # the form of a small loop at 2.7 R: the fourth power takes back a quarter of the second at R
        slope /= 2
        terms = [in_plane(3, 0, -4 / 3 * fall), in_plane(5, 0, fall / 3)]
    side = [in_plane(2, 1, slope * np.cos(turn)), in_plane(2, -1, slope * np.sin(turn))]
    across = Uniform((draw.normal("coil_in_plane"), draw.normal("coil_in_plane"), 0.0))
    return Coil((0.0, 0.0, SENSITIVITY), (SolidHarmonics((*side, *terms)), across))
