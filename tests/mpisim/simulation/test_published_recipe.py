r"""A published simulation of an imperfect scanner, written afresh in NumPy, against the time-domain engine.

The equations are those of the public simulation (repository JieHeNO1/SS_SDMVC) of L. He et al., "Sequential Scan-Based
Single-Dimension Multi-Voxel System Matrix Calibration for Open-Sided Magnetic Particle Imaging", IEEE Transactions on
Medical Imaging, 2024: a drive of two cosines, and gradient, drive and sensitivity that change with the square of the
radius :math:`r` from the axis. With the position :math:`u` across the line and :math:`w` along it

.. math::
    B_\perp = -G\,(1 + \delta_G (r/R)^2)\,z, \qquad
    B_z = -G\,(1 + \delta_G (r/R)^2)\,u + (1 - \delta_B (r/R)^2)\,B_D(t), \qquad r^2 = u^2 + w^2,

where :math:`w` counts from the middle of the sample there (the sample is a long tube), and from the axis here. The
voltage is :math:`(1 - \delta_p (r/R)^2)` times the forward difference of :math:`M_z` in time times the
sampling rate, of which a Fourier transform without factor is taken. Ours has the opposite sign of u and z, a
derivative in place of the difference, the factor :math:`-\mu_0 p`, and a mean in place of the sum over time.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from mpisim import DriveTones, Grid, ImperfectFFL, Particle, QuadraticRecipe
from mpisim.constants import BOLTZMANN, MU_0
from mpisim.simulation.time_domain import time_domain_rows

GRADIENT, RADIUS, RATE, PERIOD = 1.55, 0.015, 3e6, 1 / 120
DIAMETER, SATURATION, TEMPERATURE, K_B = 50e-9, 100e3, 298.15, 1.38e-23
SENSITIVITY, VOLUME = 800.0, 1e-9
LINES = tuple(sorted({25 * k + sign * j for k in range(1, 9) for j in range(13) for sign in (-1, 1)}))
ALONG = 1e-3 * np.arange(-12, 13)  # the points of a sample, a line of 24 mm along the field-free line
POSITIONS = np.array([[9e-3, 0.0], [4e-3, -6e-3]])  # at the angle 0 the first lies as all samples do there, at w = 0
ANGLES = (0.0, 0.7)
CASES = [(0.1, 0, 0), (0, 0.2, 0), (0, 0, 0.3), (0.3, 0.3, 0.3)]


def published(x, y, z, angle, ratios, periods=1):
    """Fourier sums of the published voltage at LINES, without the factor of the coil, for a sample at (x, y, z)."""
    samples = round(RATE * PERIOD) * periods
    time = np.arange(samples + 1) / RATE
    drive = 7e-3 * np.cos(2 * np.pi * 3000 * time) + 14e-3 * np.cos(2 * np.pi * 120 * time)
    moment = SATURATION * np.pi * DIAMETER**3 / 6
    beta = moment / (K_B * TEMPERATURE)
    u, w = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    total = 0
    for along in ALONG:
        square = (u**2 + (w + along) ** 2) / RADIUS**2
        gradient = GRADIENT * (1 + ratios[0] * square)
        across, axial = -gradient * z, -gradient * u + (1 - ratios[1] * square) * drive
        field = np.hypot(across, axial)
        xi = np.maximum(beta * field, 1e-4)
        langevin = np.where(xi < 0.02, xi / 3 - xi**3 / 45, 1 / np.tanh(xi) - 1 / xi)
        magnetisation = moment * langevin * beta * axial / xi
        total = total + (1 - ratios[2] * square) * np.diff(magnetisation) * RATE
    return np.fft.fft(total / ALONG.size)[periods * np.array(LINES)]


def as_fourier_coefficients(sums, periods=1):
    """Our a_k of the published sums: the exact factor of a forward difference is taken back."""
    frequency = np.array(LINES) / PERIOD
    samples = round(RATE * PERIOD) * periods
    magnetisation = sums / samples / (RATE * (np.exp(2j * np.pi * frequency / RATE) - 1))
    return -2j * np.pi * frequency * MU_0 * SENSITIVITY * VOLUME * magnetisation


@dataclass(frozen=True)
class LineSample:
    """A sample of points along the field-free line of one angle, at places (voxel, 3) in m."""

    places: np.ndarray
    angle: float

    def positions(self, grid):
        return self.places

    def rule(self, grid):
        direction = np.array([-math.sin(self.angle), math.cos(self.angle), 0])
        return ALONG[:, None] * direction, np.full(ALONG.size, 1 / ALONG.size)

    def particles(self, grid):
        return VOLUME


def ours(places, angle, ratios):
    """Rows of the time-domain engine at places of the opposite sign, shape (line, place)."""
    scanner = ImperfectFFL(
        GRADIENT,
        7e-3,
        3000.0,
        angles=(angle,),
        harmonics=LINES,
        samples_per_period=round(RATE * PERIOD),
        sensitivity=(0.0, 0.0, SENSITIVITY),
        recipe=QuadraticRecipe(ratios[0], -ratios[1], -ratios[2], RADIUS),
        tones=DriveTones(25, math.pi / 2, ((1, 14e-3, math.pi / 2),)),
    )
    particle = Particle(DIAMETER, SATURATION, TEMPERATURE * K_B / BOLTZMANN)
    return time_domain_rows(scanner, particle, Grid(), LineSample(-places, angle))[0, 0]


@pytest.mark.parametrize("ratios", CASES)
def test_two_tones_with_quadratic_ratios_agree_with_the_published_equations(ratios):
    """200 lines around eight harmonics, two angles and positions, in the plane: each line of a position to 1e-8."""
    for angle in ANGLES:
        places = np.column_stack([POSITIONS, np.zeros(len(POSITIONS))])
        expected = np.stack([as_fourier_coefficients(published(*p, angle, ratios)) for p in places], axis=-1)
        assert_lines_agree(ours(places, angle, ratios), expected)


def test_the_perpendicular_field_out_of_the_plane_agrees_too():
    places, ratios = np.array([[3e-3, 2e-3, 2e-3]]), (0.3, 0.2, 0.1)
    expected = as_fourier_coefficients(published(*places[0], 0.7, ratios))[:, None]
    assert_lines_agree(ours(places, 0.7, ratios), expected)


def assert_lines_agree(rows, expected):
    """Each line to 1e-8, but for lines that are zero by symmetry, where both are rounding: 1e-13 of the largest."""
    floor = 1e-13 * np.abs(expected).max()
    assert np.mean(np.abs(expected) > 1e4 * floor) > 0.3
    assert np.all(np.abs(rows - expected) < 1e-8 * np.abs(expected) + floor)


def test_the_published_duration_holds_twelve_equal_periods():
    """.1 s is twelve periods of 120 Hz: the sums are twelve times those of one, so that one period says everything."""
    one, twelve = (published(4e-3, 1e-3, 0, 0.0, (0.1, 0.2, 0.3), periods) for periods in (1, 12))
    assert np.allclose(twelve, 12 * one, rtol=1e-6, atol=1e-9 * np.abs(twelve).max())
