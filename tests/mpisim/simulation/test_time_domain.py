"""Laws of the time-domain engine: against the half period, closed forms of two tones, linearity in coils and tones."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mpisim import Grid, InputError, Instantaneous, OpenSidedFFL, Particle, Sample, open_sided_ffl
from mpisim.constants import MU_0
from mpisim.simulation.equilibrium import equilibrium_rows
from mpisim.simulation.time_domain import drive_waves, time_domain_rows
from tests.mpisim.particles.models import Debye
from tests.mpisim.simulation.scanners import Lissajous
from tests.mpisim.simulation.twins import CORNERS, difference

PARTICLE, GRID, SAMPLE = Particle(20e-9), Grid((4, 3), (0.02, 0.015)), Sample(points=2)


def rows(scanner, particle=PARTICLE, grid=GRID, sample=SAMPLE):
    """Rows of the only angle, shape (coil, frequency, voxel)."""
    result = time_domain_rows(scanner, particle, grid, sample)
    assert result.shape == (1, len(scanner.coils), len(scanner.harmonics), grid.shape[0] * grid.shape[1])
    return result[0]


# -- against the half period ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gradient", "diameter"), CORNERS)
@pytest.mark.parametrize("thick", [False, True])
def test_one_tone_is_the_equilibrium_engine(gradient, diameter, thick):
    """To 1e-9 with 512 samples a period, at which even the steepest corner has converged."""
    machine = open_sided_ffl(
        gradient, angles=(0.0, 0.7), samples_per_period=512, harmonics=range(1, 12), sensitivity=(300.0, -200.0, 800.0)
    )
    arguments = machine, Particle(diameter), Grid((4, 3)), Sample(thick=thick, points=2)
    assert difference(time_domain_rows(*arguments), equilibrium_rows(*arguments)) < 1e-9


class FallingField(OpenSidedFFL):
    """A drive field and a coil that fall with x, and a drive field that turns (for the test, not Maxwellian)."""

    def drive_field(self, points):
        return super().drive_field(points) * (1 - 10 * points[..., :1]) + [0.001, 0, 0]

    def receive_sensitivity(self, points):
        return super().receive_sensitivity(points) * (1 - 20 * points[..., :1])


def test_engines_agree_on_other_fields():
    arguments = FallingField(0.6, 0.008, angles=(0.3, 2.0)), Particle(25e-9), Grid((4, 3)), Sample(thick=True, points=2)
    assert difference(time_domain_rows(*arguments), equilibrium_rows(*arguments)) < 1e-9


@pytest.mark.parametrize(("samples", "error"), [(32, 3e-2), (64, 1e-3), (128, 3e-6), (256, 1e-11)])
def test_the_error_falls_exponentially_with_the_samples(samples, error):
    arguments = Particle(30e-9), Grid((4, 3)), Sample(points=1)
    coarse, fine = (open_sided_ffl(0.8, angles=2, samples_per_period=n) for n in (samples, 4096))
    assert difference(time_domain_rows(coarse, *arguments), time_domain_rows(fine, *arguments)) < error


def test_a_phase_of_the_drive_turns_the_harmonics():
    """a_k gains the factor exp(i k phase) when the drive leads by the phase, to 1e-12."""

    @dataclass(frozen=True)
    class Leading(OpenSidedFFL):
        phase: float = 0.0

        @property
        def sequence(self):
            return replace(super().sequence, tones=((1, self.phase),))

    arguments = PARTICLE, GRID, SAMPLE
    first, second = (time_domain_rows(Leading(0.6, 0.008, angles=(0.2,), phase=p), *arguments) for p in (0.0, 0.9))
    turn = np.exp(0.9j * np.arange(2, 10))[:, None]
    assert difference(second, first * turn) < 1e-12


# -- two tones --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Power(Instantaneous):
    """A moment along the field that grows with a power of it, so that closed forms exist."""

    power: int

    def moment_vector(self, field):
        return 1e-15 * field * (field * field).sum(axis=-1, keepdims=True) ** ((self.power - 1) // 2)


def closed_form(scanner, particle, volume_particles):
    """-mu_0 2 pi i f k of each coil along the drive of a linear moment: p 1e-15 A exp(i phase) / 2i at the tones."""
    expected = np.zeros((len(scanner.coils), len(scanner.harmonics)), complex)
    for axis, (multiple, amplitude, phase) in enumerate(
        zip(scanner.multiples, scanner.amplitudes, scanner.phases, strict=True)
    ):
        line = amplitude * np.exp(1j * phase) / 2j
        for c, coil in enumerate(scanner.coils):
            factor = -2j * np.pi * 1e3 * multiple * MU_0 * volume_particles
            expected[c, scanner.harmonics.index(multiple)] += factor * 1e-15 * coil[axis] * line
    return expected


def test_a_linear_moment_gives_the_tones_alone_with_known_amplitudes():
    """In every voxel, whatever its selection field; to 1e-12."""
    scanner = Lissajous(coils=((500.0, 100.0, 0.0), (0.0, 700.0, 0.0)))
    expected = closed_form(scanner, Power(1), SAMPLE.particles(GRID))
    assert np.abs(expected[:, [2, 3]]).min(axis=1).tolist() == [np.abs(expected[0, [2, 3]]).min(), 0]
    assert np.abs(rows(scanner, Power(1)) - expected[..., None]).max() < 1e-12 * np.abs(expected).max()


def test_small_fields_are_the_linear_regime_of_langevin_particles():
    """With xi of 1e-3, the next order is 1e-6 / 15."""
    scanner = Lissajous(amplitudes=(1e-6, 2e-6), gradient=1e-5)
    scale = PARTICLE.moment * PARTICLE.beta / 3 / 1e-15
    expected = closed_form(scanner, PARTICLE, SAMPLE.particles(GRID)) * scale
    assert np.abs(rows(scanner) - expected[..., None]).max() < 1e-6 * np.abs(expected).max()


def test_signal_lies_at_mixing_frequencies_of_a_cubic_moment():
    """B^2 B without selection field has only the lines n1 f1 + n2 f2 with |n1| + |n2| = 1 or 3."""
    lines = tuple(range(1, 40))
    scanner = Lissajous(multiples=(10, 11), harmonics=lines, gradient=0.0)
    result = np.abs(rows(scanner, Power(3), Grid((1, 1), (1e-3, 1e-3)), Sample(points=1)))[:, :, 0]
    orders = [(a, b) for a in range(-3, 4) for b in range(-3, 4) if abs(a) + abs(b) in (1, 3)]
    mixing = {10 * a + 11 * b for a, b in orders}
    silent = [i for i, k in enumerate(lines) if k not in mixing]
    assert result[:, silent].max() < 1e-13 * result.max()
    assert result[0, lines.index(2 * 11 - 10)] > 0.01 * result.max()
    assert result[1, lines.index(2 * 10 - 11)] > 0.01 * result.max()


def test_signal_lies_at_multiples_of_the_common_divisor_of_the_tones():
    """Multiples 10 and 14 of the base frequency mix at even multiples only."""
    scanner = Lissajous(multiples=(10, 14), harmonics=tuple(range(1, 60)))
    result = np.abs(rows(scanner))
    assert result[:, ::2].max() < 1e-12 * result.max()
    assert result[:, 1::2].max(axis=(0, 2)).min() > 1e-9 * result.max()


def test_a_tone_without_amplitude_changes_nothing():
    """The base frequency is then that of both tones; the rows of the first alone are the same, to 1e-12."""
    both = Lissajous(amplitudes=(0.010, 0.0))
    single = Lissajous(amplitudes=(0.010,), multiples=(7,), phases=(0.0,))
    assert difference(rows(both), rows(single)) < 1e-12


def test_order_of_tones_does_not_matter_when_the_fields_follow():
    """Swapping x and y, tones and coils transposes the image."""
    grid = Grid((4, 4), (0.02, 0.02))
    first = Lissajous()
    second = Lissajous(first.amplitudes[::-1], first.multiples[::-1], first.phases[::-1])
    second = replace(second, coils=((0.0, 500.0, 0.0), (700.0, 0.0, 0.0)))
    images = rows(first, grid=grid).reshape(2, -1, 4, 4)
    assert difference(rows(second, grid=grid).reshape(2, -1, 4, 4), images.swapaxes(-1, -2)) < 1e-12


# -- a magnetisation with a history -----------------------------------------------------------------------------------


def test_debye_relaxation_is_a_complex_gain_of_each_harmonic():
    """1 / (1 + i omega tau), of amplitude cos and phase arctan(omega tau); to 1e-3 of an exponential step of 1 / 1024.

    The step holds the equilibrium of its end during its length, which leads by half a step, in phase 2 pi k / 2048.
    """
    tau, machine = 3e-6, open_sided_ffl(0.6, angles=(0.3,), samples_per_period=1024)
    k = np.array(machine.harmonics)
    relaxed = time_domain_rows(machine, Debye(25e-9, tau=tau), GRID, SAMPLE)[0, 0]
    equilibrium = time_domain_rows(machine, Particle(25e-9), GRID, SAMPLE)[0, 0]
    gain = np.exp(1j * np.pi * k / 1024) / (1 + 2j * np.pi * k * machine.drive_frequency * tau)
    assert difference(relaxed, equilibrium * gain[:, None]) < 1e-3
    assert difference(relaxed, equilibrium) > 0.1


def test_a_model_with_a_history_receives_the_common_period():
    class Clock(Instantaneous):
        def moment_vector(self, field):
            return field

        def moments(self, field, period):
            assert period == pytest.approx(1e-3) and field.shape[0] == 1024
            return field

    assert difference(rows(Lissajous(), Clock()), rows(Lissajous(), Power(1)) * 1e15) < 1e-12


# -- coils ------------------------------------------------------------------------------------------------------------

A, B = (500.0, 30.0, -20.0), (-100.0, 700.0, 40.0)


def test_rows_are_linear_in_the_coils_and_follow_their_order():
    total = tuple(2 * a + b for a, b in zip(A, B, strict=True))
    result = rows(Lissajous(coils=(A, B, total, B)))
    assert difference(result[2], 2 * result[0] + result[1]) < 1e-13
    assert np.array_equal(result[1], result[3])
    assert difference(rows(Lissajous(coils=(B, A))), result[[1, 0]]) < 1e-14


def test_a_coil_across_the_plane_receives_nothing_in_it():
    result = rows(Lissajous(coils=((0.0, 0.0, 500.0), A)))
    assert np.abs(result[0]).max() == 0 < np.abs(result[1]).min()


# -- samples and blocks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("points", [1, 3, 4, 9])
def test_blocks_do_not_change_the_rows(points):
    """Blocks of less than the four points of a sample, of one sample, and of two and a part of a third."""
    whole = time_domain_rows(Lissajous(), PARTICLE, GRID, SAMPLE)
    block_bytes = points * 24 * Lissajous().samples_per_period
    assert difference(time_domain_rows(Lissajous(), PARTICLE, GRID, SAMPLE, block_bytes), whole) < 1e-14


def test_blocks_bound_the_points_that_are_computed_together():
    sizes = []

    class Counted(Power):
        def moments(self, field, period):
            sizes.append(field[..., 0].size // field.shape[0])
            return super().moments(field, period)

    rows(Lissajous(), Counted(1), sample=Sample(points=8))
    assert max(sizes) <= 2e6 / (24 * Lissajous().samples_per_period) and sum(sizes) == 12 * 64
    sizes.clear()
    time_domain_rows(Lissajous(), Counted(1), GRID, Sample(points=8), block_bytes=5 * 24 * 1024)
    assert max(sizes) == 5 and sum(sizes) == 12 * 64


def test_a_voxel_on_the_field_free_point_gives_no_warning():
    """Where the field vanishes at a time; warnings are errors in these tests."""
    single = Lissajous(amplitudes=(0.010,), multiples=(8,), phases=(0.0,))
    assert np.isfinite(rows(single, grid=Grid((3, 3), (0.03, 0.03)), sample=Sample(points=1))).all()


def test_signal_is_linear_in_the_concentration():
    once, thrice = (rows(Lissajous(), sample=Sample(concentration=c, points=2)) for c in (1e20, 3e20))
    assert difference(thrice, 3 * once) < 1e-15


def test_waves_are_sines_of_whole_periods():
    """Each wave has the mean 0 and the mean square 1/2, and waves of different tones are orthogonal."""
    waves = drive_waves(Lissajous().sequence)
    assert waves.shape == (2, 1024)
    assert np.allclose(waves @ waves.T / 1024, np.eye(2) / 2, atol=1e-14)
    assert np.abs(waves.mean(axis=1)).max() < 1e-15
    assert waves[:, 0] == pytest.approx([0, np.sin(0.4)])


def test_a_moment_of_another_shape_is_refused():
    class Scalar:
        def moments(self, field, period):
            return field[..., 0]

    with pytest.raises(InputError, match=r"^Input moments must be of the field's shape .*; instead received .*\.$"):
        time_domain_rows(Lissajous(), Scalar(), GRID, SAMPLE)
