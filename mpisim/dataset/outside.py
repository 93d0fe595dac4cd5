"""Scanners with physics that those of the levels do not have, to judge methods on what they do not presume.

Drive and receive coils are wound (Biot and Savart), the gradient has the shape of a saddle that turns with the line,
and a piece of iron outside of the field of view makes the field of a dipole. Gain and phase of the receiver drift over
the scan and differ from angle to angle. The tracer has two populations, or relaxes faster in strong fields; these two
take turns.
"""

from __future__ import annotations

import numpy as np

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
from mpisim.particles.distributions import LogNormal, Mixture
from mpisim.particles.protocol import Magnetisation
from mpisim.particles.relaxation import Debye, FieldDependentRelaxation
from mpisim.scanner.angle_errors import AngleErrors
from mpisim.scanner.biot_savart import Loop, RectangularLoop
from mpisim.scanner.coils import WoundCoil
from mpisim.scanner.ffl import open_sided_ffl
from mpisim.scanner.imperfect import ImperfectFFL
from mpisim.scanner.simple_fields import Dipole
from mpisim.scanner.solid_harmonics import SolidHarmonics
from mpisim.scanner.wound_field import WoundField
from mpisim.simulation.sample import Sample
from mpisim.simulation.setup import Setup

__all__ = ["OUTSIDE", "draw_outside"]

OUTSIDE = {
    "saddle": (0.08, "largest change of the gradient at the radius R, along u and, of opposite sign, along the line"),
    "dipole": (0.2, "field of the dipole at the distance R from it over G R, at most; it is 40 to 60 mm away"),
    "drive_balance": (0.3, "largest part by which the lower of two drive loops is weaker than the upper one"),
    "coil_shift": (0.012, "largest distance of the receive coil's axis from that of the scanner along x and y, in m"),
    "tilt": (0.05, "largest inclination of the axes of drive and receive loops along x and along y"),
    "gain": (0.15, "standard deviation of the gain of a harmonic, whose phase is any"),
    "gain_spread": (0.01, "standard deviation of the gain, and of the phase in rad, from angle to angle"),
    "gain_drift": (0.1, "largest change of the gain, and of the phase in rad, from the first angle to the last"),
    "line_offset": (0.1e-3, "standard deviation of the line's offset from angle to angle in m"),
    "line_angle": (0.0035, "standard deviation of its angle, .2 degrees, in rad"),
    "spread": (0.15, "largest spread of a population of cores; the least is .05"),
    "second_population": (1.5, "largest ratio of the diameters of two populations; the least is 1.2"),
    "relaxation_time": (5e-6, "largest time of relaxation without a field in s; the least is 1e-6"),
}
"""Sizes of what the scanners of the split `outside` have, with their meaning."""
_NODES_OF_RELAXATION, _POINTS_OF_RELAXATION = 3, 2  # sizes, and points along an edge, where time is integrated


def draw_outside(rng: np.random.Generator, number: int) -> Setup:
    """Draw a scanner with physics that those of the levels do not have; every second one has two populations."""
    gradient, diameter = drawn_tracer(rng)
    ideal = open_sided_ffl(gradient)
    scanner = ImperfectFFL.of(
        ideal,
        selection=(_saddle(rng), _dipole(rng)),
        drive=(_drive(rng),),
        drive_replaced=True,
        coils=(_coil(rng),),
        line=AngleErrors(
            offset_spread=_size("line_offset"),
            angle_spread=_size("line_angle"),
            gain_spread=_size("gain_spread"),
            phase_spread=_size("gain_spread"),
            gain_drift=_even(rng, "gain_drift"),
            phase_drift=_even(rng, "gain_drift"),
            seed=int(rng.integers(2**31)),
        ),
        gain=random_gains(rng, _size("gain"), ideal.harmonics),
    )
    two = number % 2 == 0
    sample = Sample(points=SAMPLE_POINTS if two else _POINTS_OF_RELAXATION)
    return sampled_setup(scanner, _tracer(rng, diameter, two), sample)


def _size(name: str) -> float:
    return OUTSIDE[name][0]


def _even(rng: np.random.Generator, name: str) -> float:
    return uniform(rng, -_size(name), _size(name))


def _saddle(rng: np.random.Generator) -> SolidHarmonics:
    """Return G u times a change by (u^2 - v^2) / R^2, with v along the line: equal parts of two harmonics."""
    half = _even(rng, "saddle") / 2
    return SolidHarmonics((in_plane(4, 1, half), in_plane(4, 3, half)), turning=True)


def _dipole(rng: np.random.Generator) -> Dipole:
    turn, away = rng.uniform(0, 2 * np.pi), uniform(rng, 0.04, 0.06)
    position = (rounded(away * np.cos(turn)), rounded(away * np.sin(turn)), uniform(rng, -0.02, 0.02))
    direction = rng.standard_normal(3)
    moment = _size("dipole") * rng.uniform() * direction / np.linalg.norm(direction)
    x, y, z = (rounded(float(m)) for m in moment)
    return Dipole(position, (x, y, z))


def _drive(rng: np.random.Generator) -> WoundField:
    """Return two loops, one above and one below the open plane, of which the lower one is weaker."""
    radius, height = uniform(rng, 0.07, 0.1), uniform(rng, 0.03, 0.045)
    upper = Loop((0.0, 0.0, height), _axis(rng), radius)
    lower = Loop((0.0, 0.0, -height), _axis(rng), radius, rounded(1 - _size("drive_balance") * rng.uniform()))
    return WoundField((upper, lower), axis=(0.0, 0.0, 1.0))


def _coil(rng: np.random.Generator) -> WoundCoil:
    """Return a loop or a rectangle below the field of view, with turns for the usual sensitivity at its centre."""
    height = uniform(rng, 0.025, 0.05)
    center, normal = (_even(rng, "coil_shift"), _even(rng, "coil_shift"), -height), _axis(rng)
    winding: Loop | RectangularLoop
    if rng.uniform() < 0.5:
        winding = Loop(center, normal, uniform(rng, 0.03, 0.06))
    else:
        edges = (uniform(rng, 0.05, 0.1), uniform(rng, 0.05, 0.1))
        winding = RectangularLoop(center, normal, (1.0, 0.0, -normal[0]), edges)
    one = WoundCoil((winding,)).sensitivity(np.zeros(3), 0.0)[2]
    return WoundCoil((winding,), float(round(SENSITIVITY / one)))


def _axis(rng: np.random.Generator) -> tuple[float, float, float]:
    return _even(rng, "tilt"), _even(rng, "tilt"), 1.0


def _tracer(rng: np.random.Generator, diameter: float, two: bool) -> Magnetisation:
    """Return two populations with a constant relaxation time, or one whose time depends on the field."""
    spread, time = uniform(rng, 0.05, _size("spread")), uniform(rng, 1e-6, _size("relaxation_time"))
    if not two:
        return FieldDependentRelaxation(LogNormal(diameter, spread, _NODES_OF_RELAXATION), time)
    cores = LogNormal(diameter, spread)
    larger = LogNormal(rounded(diameter * rng.uniform(1.2, _size("second_population"))), spread)
    share = uniform(rng, 0.05, 0.4)
    return Debye(Mixture((cores, larger), (1 - share, share)), time)
