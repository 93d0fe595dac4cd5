"""Laws of the calibration scan: where the sample really is, what shape it has, and what this does to a matrix."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

import mpisim
from mpisim import Grid, InputError, OpenSidedFFL, Particle, Sample, open_sided_ffl, simulate
from mpisim.constants import MU_0
from mpisim.scanner.sequences import PeriodicSequence, Tone
from mpisim.simulation.equilibrium import equilibrium_rows
from mpisim.simulation.time_domain import time_domain_rows
from tests.mpisim.bad_input import SENTENCE
from tests.mpisim.simulation.twins import difference

PARTICLE = Particle(25e-9)
GRID = Grid((6, 6), (0.03, 0.03))
FFL = open_sided_ffl(0.6, angles=3)


@dataclass(frozen=True)
class Uneven(OpenSidedFFL):
    """A line, a drive and a coil without any symmetry (for the test, not Maxwellian)."""

    def selection_field(self, points, angle):
        x, y, z = np.moveaxis(points, -1, 0) / 0.05
        bent = 1 + 0.2 * x - 0.1 * y**2 + 0.3 * z
        return super().selection_field(points, angle) * bent[..., None] + [1e-4, -2e-4, 3e-4]

    def drive_field(self, points):
        return super().drive_field(points) + 0.02 * self.drive_amplitude * points / 0.016

    def receive_sensitivity(self, points):
        return super().receive_sensitivity(points) + 50 * points[..., [1, 2, 0]] / 0.016


UNEVEN = Uneven(0.6, FFL.drive_amplitude, angles=FFL.angles)


def rows(scanner=UNEVEN, grid=GRID, **sample):
    """Images (angle, harmonic, y, x) by the equilibrium engine."""
    values = equilibrium_rows(scanner, PARTICLE, grid, Sample(**sample))[:, 0]
    return values.reshape(*values.shape[:2], *grid.array_shape)


# -- misalignment -----------------------------------------------------------------------------------------------------


def test_an_offset_of_the_sample_is_a_shift_of_the_grid():
    """To 1e-12, out of the plane too; by `simulate` to the rounding of complex64."""
    t = (3e-4, -2e-4, 1e-4)
    assert difference(rows(offset=t), rows(grid=Grid(GRID.shape, GRID.fov, t))) < 1e-12
    ideal = simulate(FFL, PARTICLE, GRID.shifted(*t[:2]))["system_matrix"].values
    moved = simulate(FFL, PARTICLE, GRID, Sample(offset=(*t[:2], 0.0)))
    assert moved.attrs["engine"] == "equilibrium"
    assert difference(moved["system_matrix"].values, ideal) < 1e-6
    assert difference(rows(offset=t), rows()) > 0.01


def test_a_quarter_turn_of_the_scan_is_another_order_of_the_voxels():
    """Of any scanner, to 1e-12; an oblong sample turns with the robot."""
    size = (0.003, 0.006)
    turned = np.rot90(rows(size=size[::-1]), 1, (-2, -1))
    assert difference(rows(size=size, rotation=math.pi / 2), turned) < 1e-12
    assert difference(rows(size=size), turned) > 0.1


@pytest.mark.parametrize("shape", ["box", "cylinder", "sphere"])
def test_turning_the_scan_is_turning_the_line_back(shape):
    """For the ideal scanner, whose drive and coil have no direction in the plane, to 1e-12."""
    back = replace(FFL, angles=tuple(a - 0.3 for a in FFL.angles))
    assert difference(rows(FFL, shape=shape, rotation=0.3), rows(back, shape=shape)) < 1e-12
    assert difference(rows(FFL, shape=shape, rotation=0.3), rows(FFL, shape=shape)) > 0.1


# -- jitter -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["auto", "equilibrium", "time_domain"])
def test_no_jitter_is_the_ideal_matrix_to_the_last_bit(path):
    ideal, seeded = (simulate(FFL, PARTICLE, GRID, s, path) for s in (Sample(), Sample(jitter=0.0, seed=5)))
    assert seeded.attrs["engine"] == ideal.attrs["engine"]
    assert np.array_equal(seeded["system_matrix"].values, ideal["system_matrix"].values)


def test_the_effect_of_a_small_jitter_is_proportional_to_it():
    """The part of the second order falls with the jitter: .1 % of the effect at 4 um, a tenth of it at .4 um."""
    second_order = []
    for jitter in (2e-6, 2e-7):
        once, twice = (rows(jitter=j, seed=1) - rows() for j in (jitter, 2 * jitter))
        second_order.append(np.linalg.norm(twice - 2 * once) / np.linalg.norm(twice))
    assert second_order[0] < 0.002
    assert second_order[1] == pytest.approx(second_order[0] / 10, rel=0.1)


def test_jitter_changes_a_matrix_by_its_gradient():
    """sigma sqrt(|da/dx|^2 + |da/dy|^2) in the mean, within 5 %: 1.3 % for .05 mm at .7 T/m and 25 nm."""
    scanner, grid, sigma, step = open_sided_ffl(0.7, angles=6, harmonics=(2, 3, 5, 9)), Grid(), 5e-5, 1e-5
    ideal = rows(scanner, grid)
    slopes = [
        (rows(scanner, grid.shifted(*move)) - rows(scanner, grid.shifted(*(-m for m in move)))) / (2 * step)
        for move in ((step, 0), (0, step))
    ]
    expected = sigma * math.sqrt(sum(np.linalg.norm(s) ** 2 for s in slopes)) / np.linalg.norm(ideal)
    errors = [difference(rows(scanner, grid, jitter=sigma, seed=seed), ideal) for seed in (0, 1)]
    assert errors == pytest.approx([expected] * 2, rel=0.05)
    assert 0.010 < expected < 0.014


def test_a_jittered_matrix_is_the_same_again_and_differs_with_the_seed():
    first, again, other = (rows(jitter=1e-4, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert difference(other, first) > 0.01


# -- shapes and sizes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "thick"), [("cylinder", False), ("cylinder", True), ("sphere", True)])
def test_the_quadrature_of_a_shape_converges(shape, thick):
    """On voxels of 5 mm 4 points are within 2e-6 of 9, and 2 points within 3e-3."""
    two, four, nine = (
        rows(FFL, shape=shape, thick=thick, height=5e-3, points=n)
        if shape != "sphere"
        else rows(FFL, shape=shape, points=n)
        for n in (2, 4, 9)
    )
    assert difference(four, nine) < 2e-6
    assert 1e-5 < difference(two, nine) < 3e-3


def test_samples_of_equal_second_moments_give_nearly_equal_signals():
    """A disc of sqrt(4/3) times a square's edge has its second moments: 50 times nearer than the disc in the square."""
    grid, h = Grid((8, 8)), 1e-3
    square = rows(FFL, grid, size=(h, h)) / h**2
    errors = []
    for diameter in (h, math.sqrt(4 / 3) * h):
        disc = rows(FFL, grid, size=(diameter, diameter), shape="cylinder") / (math.pi / 4 * diameter**2)
        errors.append(difference(disc, square))
    assert errors[1] < errors[0] / 50 and 1e-4 < errors[0] < 1e-2


@pytest.mark.parametrize("shape", ["box", "cylinder", "sphere"])
def test_signal_is_linear_in_concentration_and_volume(shape):
    """Also where the sample is misaligned and jitters, to 1e-14; the height of a flat sample is volume only."""
    off = {"shape": shape, "offset": (1e-4, 0, 1e-4), "rotation": 0.01, "jitter": 1e-4}
    once = rows(concentration=1e20, **off)
    assert difference(rows(concentration=3e20, **off), 3 * once) < 1e-14
    if shape != "sphere":
        assert difference(rows(concentration=1e20, height=2e-3, **off), 2 * once) < 1e-14


@pytest.mark.parametrize("thick", [False, True])
def test_half_steps_of_a_large_sample_are_moving_sums(thick):
    """A sample of 2 x 2 voxels at steps of one voxel: sums over 2 x 2 neighbours of the fine rows, to 1e-12."""
    step, fine = GRID.voxel[0], Grid((7, 7), (0.035, 0.035))
    small = rows(grid=fine, thick=thick)
    sums = small[..., :-1, :-1] + small[..., 1:, :-1] + small[..., :-1, 1:] + small[..., 1:, 1:]
    assert difference(rows(size=(2 * step, 2 * step), thick=thick), sums) < 1e-12


# -- everything at once -----------------------------------------------------------------------------------------------


def test_the_engines_agree_with_a_plain_twin_with_everything_on():
    """A thick cylinder, misaligned, with jitter, under uneven fields; to 1e-6."""
    grid = Grid((2, 2), (0.02, 0.02), (1e-3, 0, 2e-4))
    sample = Sample(
        (3e-3, 2e-3), 2e-3, 2e19, True, 4, "cylinder", offset=(3e-4, -2e-4, 4e-4), rotation=0.2, jitter=2e-4, seed=9
    )
    scanner = replace(UNEVEN, angles=(0.0, 2.0), harmonics=(2, 3, 6))
    expected = twin(scanner, grid, sample)
    for engine in (equilibrium_rows, time_domain_rows):
        assert difference(engine(scanner, PARTICLE, grid, sample)[:, 0], expected) < 1e-6


@pytest.mark.parametrize("shape", ["box", "cylinder", "sphere"])
def test_imperfect_scanner_tracer_and_scan_together_agree_on_both_engines(shape):
    """Fields, coils, angles, gains, sizes with relaxation, and a jittered, misaligned, thick sample; to 1e-6."""
    scanner = mpisim.ImperfectFFL.of(
        replace(FFL, samples_per_period=432, harmonics=(2, 3, 6)),
        selection=(mpisim.SolidHarmonics(((3, 1, 0.05),), turning=True),),
        drive=(mpisim.Uniform((0.02, 0, 0)),),
        coils=(mpisim.Coil((50.0, 0, 800.0), (mpisim.Polynomial(((1, 0, 0, 0.2),)),)), mpisim.Coil((0, 300.0, 0))),
        plane=mpisim.LinePlane(4e-4, (0.02, -0.01)),
        line=mpisim.AngleErrors(offset_spread=3e-4, angle_spread=0.01, gain_spread=0.05, phase_drift=0.1),
        gain=mpisim.ReceiveGain(((2, 0.8, 0.3),)),
    )
    tracer = mpisim.Debye(mpisim.LogNormal(20e-9, 0.1, nodes=3), 2e-6)
    off = {"offset": (3e-4, 0, 1e-4), "rotation": 0.05, "jitter": 1e-4, "thick": True, "points": 3}
    one, two = (
        simulate(scanner, tracer, Grid((3, 2), (0.02, 0.02)), Sample((2e-3, 2e-3), shape=shape, **off), path)
        for path in ("equilibrium", "time_domain")
    )
    assert one["system_matrix"].dims == ("angle", "receive", "frequency", "y", "x")
    assert difference(one["system_matrix"].values, two["system_matrix"].values) < 1e-6


def twin(scanner, grid, sample):
    """Rows (angle, harmonic, voxel) of a thick cylinder point by point, with a quadrature of its own."""
    draws = np.random.default_rng([20_231, sample.seed]).standard_normal((math.prod(grid.shape), 3))
    cos, sin = math.cos(sample.rotation), math.sin(sample.rotation)
    phase = 2 * np.pi * np.arange(scanner.samples_per_period) / scanner.samples_per_period
    a, b = sample.size
    particles = sample.concentration * math.pi / 4 * a * b * sample.height
    result = np.zeros((len(scanner.angles), len(scanner.harmonics), len(draws)), complex)
    voxels = [(x, y) for y in grid.axis(1) for x in grid.axis(0)]
    for i, ((x, y), error) in enumerate(zip(voxels, draws, strict=True)):
        center = np.array([x, y, grid.center[2]]) + sample.jitter * error
        for offset, weight in cylinder(a, b, sample.height):
            px, py, pz = center + offset
            point = np.array([px * cos - py * sin, px * sin + py * cos, pz]) + sample.offset
            for j, angle in enumerate(scanner.angles):
                field = scanner.selection_field(point, angle) + np.outer(np.sin(phase), scanner.drive_field(point))
                size = np.linalg.norm(field, axis=1)
                xi = PARTICLE.beta * size
                moment = PARTICLE.moment * (1 / np.tanh(xi) - 1 / xi) / size
                flux = MU_0 * particles * moment * (field @ scanner.receive_sensitivity(point))
                for n, k in enumerate(scanner.harmonics):
                    line = (flux * np.exp(-1j * k * phase)).mean()
                    result[j, n, i] += -2j * np.pi * k * scanner.drive_frequency * weight * line
    return result


def cylinder(a, b, height):
    """Points and weights: midpoints of the angle, Gauss-Legendre in the radius (weight r) and in z."""
    nodes, weights = np.polynomial.legendre.leggauss(4)
    turns = 2 * np.pi * np.arange(10) / 10
    for r, wr in zip((nodes + 1) / 2, weights / 2, strict=True):
        for z, wz in zip(nodes * height / 2, weights / 2, strict=True):
            for turn in turns:
                yield np.array([a / 2 * r * math.cos(turn), b / 2 * r * math.sin(turn), z]), 2 * r * wr * wz / 10


def test_several_tones_and_coils_see_the_same_positions():
    """A jittered matrix of two tones is that of the positions, sample by sample."""
    from tests.mpisim.simulation.scanners import Lissajous

    scanner, sample = Lissajous(), Sample((1e-3, 1e-3), jitter=3e-4, seed=2, points=2)
    grid = Grid((3, 2), (0.02, 0.02))
    result = simulate(scanner, PARTICLE, grid, sample)["system_matrix"].values.reshape(2, -1, 6)
    for i, position in enumerate(sample.positions(grid)):
        one = Grid((1, 1), (1e-3, 1e-3), tuple(position))
        alone = simulate(scanner, PARTICLE, one, Sample((1e-3, 1e-3), points=2))["system_matrix"].values
        assert difference(result[..., i], alone.reshape(2, -1)) < 1e-6


# -- fields of view that a scanner refuses ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Narrow(OpenSidedFFL):
    """A scanner with a bore of 12 mm radius, whose fields must not be asked for outside of it."""

    sequence = property(lambda self: PeriodicSequence(self.drive_frequency, (Tone(1),), (2,), self.angles))

    def check_region(self, points):
        radius = np.hypot(points[:, 0], points[:, 1]).max()
        if radius > 0.012:
            raise InputError(f"Input field of view must be within 12 mm; instead received points at {radius} m.")

    def drive_field(self, points):
        assert np.abs(points).max() < 0.013
        return super().drive_field(points)


@pytest.mark.parametrize(
    ("grid", "sample"),
    [
        (Grid((4, 4), (0.03, 0.03)), Sample()),
        (Grid((8, 8), (0.016, 0.016)), Sample((0.004, 0.004))),
        (Grid((8, 8), (0.016, 0.016)), Sample(offset=(0.004, 0, 0))),
        (Grid((8, 8), (0.016, 0.016), (0.02, 0, 0)), Sample()),
    ],
)
def test_a_scanner_refuses_a_field_of_view_before_work_starts(grid, sample):
    scanner = Narrow(0.6, 0.01, angles=(0.0,))
    with pytest.raises(InputError, match=SENTENCE):
        simulate(scanner, PARTICLE, grid, sample)
    simulate(scanner, PARTICLE, Grid((8, 8), (0.016, 0.016)))
