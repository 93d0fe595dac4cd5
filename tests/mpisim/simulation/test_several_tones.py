"""Laws of the engine for several tones, and of Lissajous sequences: mixing orders, Chebyshev, parity, one dimension."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest

import mpisim
from mpisim import Debye, Grid, LissajousFFP, LogNormal, Particle, Sample, open_sided_ffl, simulate
from mpisim.constants import MU_0
from mpisim.memory import GIGABYTE, limited_memory
from mpisim.scanner.sequences import PeriodicSequence, Tone
from mpisim.simulation.several_tones import several_tones_rows
from mpisim.simulation.time_domain import time_domain_rows
from tests.mpisim.simulation.scanners import Lissajous
from tests.mpisim.simulation.twins import difference

PARTICLE, POINT = Particle(20e-9), Sample(points=1)
PLANE = LissajousFFP(drive_amplitudes=(12e-3, 10e-3), dividers=(10, 9), clock_frequency=2.5e5, samples_per_period=720)
GRID = Grid((4, 4), (0.02, 0.02))


def rows(scanner, particle=PARTICLE, grid=GRID, sample=POINT, **options):
    """Rows (coil, frequency, voxel) of the only angle, by the compiled loop."""
    return several_tones_rows(scanner, particle, grid, sample, **options)[0]


# -- the same numbers as by the time domain ---------------------------------------------------------------------------


@pytest.mark.parametrize("particle", [PARTICLE, LogNormal(20e-9, 0.2, nodes=4), Debye(PARTICLE, 2e-6)], ids=str)
@pytest.mark.parametrize("scanner", [PLANE, Lissajous()], ids=["plane", "test"])
def test_it_agrees_with_the_time_domain(scanner, particle):
    arguments = scanner, particle, Grid((2, 2, 2), (0.02, 0.02, 0.01)), Sample(points=2, thick=True)
    assert difference(several_tones_rows(*arguments), time_domain_rows(*arguments)) < 3e-7


def test_the_slabs_do_not_change_the_numbers():
    whole = rows(PLANE)
    assert np.array_equal(rows(PLANE, block_bytes=1.0), whole) and np.array_equal(rows(PLANE, block_bytes=2e5), whole)


def test_a_matrix_beyond_the_memory_is_refused_before_work_starts():
    with limited_memory(0.001), pytest.raises(mpisim.InputError, match="system matrix of 2445 rows x 1369 voxels"):
        simulate(LissajousFFP(drive_amplitudes=(0.012, 0.012), dividers=(102, 96)), PARTICLE, Grid((37, 37)))


def test_the_memory_is_that_of_the_type_that_is_taken(monkeypatch):
    """Peaks that leave the range of single precision take twice the memory, which is checked before it is taken."""
    whole = several_tones_rows(PLANE, PARTICLE, GRID, POINT)
    assert whole.dtype == np.complex64
    monkeypatch.setattr("mpisim.simulation.several_tones._SINGLE", (2 * float(np.abs(whole).max()), 1e30))
    with limited_memory(1.01 * 2 * whole.nbytes / GIGABYTE):
        assert several_tones_rows(PLANE, PARTICLE, GRID, POINT).dtype == np.complex128
    with limited_memory(1.5 * whole.nbytes / GIGABYTE), pytest.raises(mpisim.InputError, match="rows x 16 voxels"):
        several_tones_rows(PLANE, PARTICLE, GRID, POINT)


# -- laws -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TwoPeriods(LissajousFFP):
    """The same drive, recorded over two periods."""

    @property
    def sequence(self):
        once = super().sequence
        tones = tuple(Tone(2 * t.multiple, t.phase) for t in once.tones)
        bins = tuple(range(1, 2 * len(once.harmonics) + 2))
        return PeriodicSequence(once.base_frequency / 2, tones, bins, (0.0,), 2 * once.samples_per_period)


def test_lines_that_are_no_sums_of_the_drive_frequencies_are_silent():
    """Recorded over two periods, every second bin is no m_x f_x + m_y f_y; the others are the rows of one period."""
    values = {f: getattr(PLANE, f) for f in ("drive_amplitudes", "dividers", "clock_frequency", "samples_per_period")}
    twice, once = rows(TwoPeriods(**values)), rows(PLANE)
    assert np.abs(twice[:, ::2]).max() < 1e-13 * np.abs(twice).max()
    assert difference(twice[:, 1::2], once) < 1e-6


def torus(scanner, particle, points, count=128):
    """Mean moment over the phases a of x and b of y as Fourier coefficients (m_x, m_y, voxel, 3), per particle."""
    sines = np.sin(2 * np.pi * np.arange(count) / count)
    field = scanner.selection_field(points, 0.0) + np.zeros((count, count, 1, 3))
    field[..., 0] += scanner.drive_amplitudes[0] * sines[:, None, None]
    field[..., 1] += scanner.drive_amplitudes[1] * sines[None, :, None]
    return np.fft.fft2(particle.moment_vector(field), axes=(0, 1), norm="forward")


def test_a_row_is_the_sum_of_its_mixing_orders():
    """a_k = -2 pi i k f mu_0 N p sum of the coefficients on the torus of phases over m_x n_x + m_y n_y = k."""
    found, (nx, ny) = rows(PLANE), PLANE.multiples
    coefficients = torus(PLANE, PARTICLE, GRID.centers())
    orders = [(a, b) for a in range(-60, 61) for b in range(-60, 61)]
    for k in (1, 8, 9, 10, 19, 28, 37):
        i = PLANE.sequence.harmonics.index(k)
        mixed = sum(coefficients[a, b] for a, b in orders if a * nx + b * ny == k)
        factor = -2j * np.pi * k * PLANE.base_frequency * MU_0 * POINT.particles(GRID) * 800.0
        expected = np.moveaxis(factor * mixed, -1, 0)
        assert np.abs(found[:, i] - expected).max() < 1e-6 * np.abs(expected).max(), k


def test_the_signal_falls_with_the_order():
    """RMS over the voxels: of the mixing orders |m_x| + |m_y| = 2, 3, .. 8 each is weaker than the one before."""
    sizes = np.sqrt(np.mean(np.abs(torus(PLANE, PARTICLE, GRID.centers())[..., :2]) ** 2, axis=(2, 3)))
    sums = [max(sizes[a, n - a] for a in range(n + 1)) for n in range(2, 9)]
    assert all(later < earlier for earlier, later in pairwise(sums))


@pytest.mark.parametrize(("mx", "my"), [(1, 1), (2, 1), (3, 2), (4, 4)])
def test_rows_of_the_plane_are_products_of_chebyshev_polynomials_smeared_by_the_particle(mx, my):
    r"""Order (m_x, m_y): d2m/dBx dBy convolved with sqrt(1 - s^2) U_{m-1}(s) along x and y (Rahmer et al. 2009).

    The coefficient on the torus is, with r_p = -(A/G) s and after two integrations by parts,
    (A_x A_y / (pi^2 m_x m_y)) times the phase (-i)^(m_x + m_y) times the integral.
    """
    points, count = GRID.centers(), 80
    theta = np.pi * np.arange(1, count + 1) / (count + 1)
    s, weight = np.cos(theta), np.pi / (count + 1) * np.sin(theta) ** 2  # Gauss rule of the weight sqrt(1 - s^2)
    u = {m: np.sin(m * theta) / np.sin(theta) for m in (mx, my)}
    step, (ax, ay) = 2e-6, PLANE.drive_amplitudes
    field = PLANE.selection_field(points, 0.0) + np.zeros((count, count, 1, 3))
    field[..., 0] += ax * s[:, None, None]
    field[..., 1] += ay * s[None, :, None]
    ex, ey = step * np.eye(3)[:2]
    m = PARTICLE.moment_vector
    mixed = (m(field + ex + ey) - m(field + ex - ey) - m(field - ex + ey) + m(field - ex - ey)) / (4 * step**2)
    smeared = np.einsum("i,j,ijvc->vc", weight * u[mx], weight * u[my], mixed)
    expected = (-1j) ** (mx + my) * ax * ay / (np.pi**2 * mx * my) * smeared
    found = torus(PLANE, PARTICLE, points)[mx, my]
    assert np.abs(found - expected)[:, :2].max() < 1e-5 * np.abs(expected).max()


def test_in_the_limit_of_steep_particles_a_row_of_one_dimension_is_a_chebyshev_polynomial():
    """sqrt(1 - u^2) U_{k-1}(u) at u = x G / A inside, next to nothing outside, for cores of 80 nm."""
    line = LissajousFFP(drive_amplitudes=(12e-3,), dividers=(102,), samples_per_period=60_000, band=(0, 150e3))
    grid = Grid((24, 1), (0.032, 1e-3))
    found = rows(line, Particle(80e-9), grid)[0]
    u = -grid.axis(0) / 12e-3  # G of -1
    inside = np.abs(u) < 0.9
    for k in line.sequence.harmonics:
        shape = np.where(np.abs(u) < 1, np.sin(k * np.arccos(u.clip(-1, 1))), 0)
        row = found[k - 1]
        scale = (row[inside] @ shape[inside]) / (shape[inside] @ shape[inside])
        assert np.abs(row - scale * shape)[inside].max() < 0.05 * abs(scale), k
        assert np.abs(row[np.abs(u) > 1.2]).max() < 0.05 * abs(scale), k


def test_one_dimension_is_the_field_free_line_on_its_axis():
    """At y = z = 0 the field is G x + A sin along x, as it is along z at the angle 0 of a line; to rounding."""
    ffl = open_sided_ffl(1.0, angles=(0.0,), drive_amplitude=12e-3, drive_frequency=25e3, samples_per_period=216)
    ffp = LissajousFFP(
        (1.0, 1.0, -2.0), (12e-3,), (100,), (), 2.5e6, ((800.0, 0.0, 0.0),), samples_per_period=216, band=(5e4, 2.3e5)
    )
    grid = Grid((9, 1), (0.03, 1e-3))
    one, other = (simulate(s, PARTICLE, grid, POINT, path="equilibrium") for s in (ffl, ffp))
    assert np.allclose(one["frequency"], other["frequency"]) and ffp.sequence.harmonics == ffl.harmonics
    assert difference(other["system_matrix"].values, one["system_matrix"].values) < 1e-6
    loop = rows(ffp, grid=grid)
    assert difference(loop[0], one["system_matrix"].values[0, :, 0]) < 1e-6


def test_parity_of_rows():
    """a_k(-r) is the conjugate of a_k(r). With even n_x and odd n_y, y -> -y gives (-1)^k, and -(-1)^k in coil y."""
    scanner = replace(PLANE, dividers=(9, 10))  # multiples 10 and 9
    assert scanner.multiples == (10, 9)
    found = rows(scanner).reshape(3, -1, 4, 4)
    peak = np.abs(found).max()
    assert np.abs(found[..., ::-1, ::-1] - found.conj()).max() < 1e-6 * peak
    sign = (-1.0) ** np.array(scanner.sequence.harmonics)[:, None, None]
    assert np.abs(found[0][:, ::-1] - sign * found[0]).max() < 1e-6 * peak
    assert np.abs(found[1][:, ::-1] + sign * found[1]).max() < 1e-6 * peak
    assert np.abs(found[2]).max() < 1e-12 * peak  # nothing points out of the plane


def test_all_fields_and_the_temperature_together_change_nothing():
    """Only m |B| / (k T) counts: to rounding of single precision."""
    scaled = replace(PLANE, gradients=(-2.0, -2.0, 4.0), drive_amplitudes=(24e-3, 20e-3))
    assert difference(rows(scaled, Particle(20e-9, temperature=600.0)), rows(PLANE)) < 1e-6


def test_small_fields_give_rows_of_an_order_that_grow_with_its_power():
    """At the field-free point a row of the order n grows as the n-th power of the drive: 2^3 for n_x + 2 n_y."""
    bins, centre = PLANE.sequence.harmonics, Grid((1, 1), (1e-3, 1e-3))
    sizes = []
    for amplitude in (0.1e-3, 0.2e-3):
        found = np.abs(rows(replace(PLANE, drive_amplitudes=(amplitude, amplitude)), grid=centre))
        nx, ny = PLANE.multiples
        sizes.append([found[0, bins.index(nx), 0], found[0, bins.index(nx + 2 * ny), 0]])
    assert np.allclose(np.divide(*sizes[::-1]), [2, 8], rtol=2e-3)


def test_one_command_more_than_once_gives_the_same(tmp_path):
    """A file of a volume with several coils comes back, and its scanner simulates the same matrix."""
    setup = mpisim.Setup(LissajousFFP(highest_order=2), PARTICLE, Grid((3, 3, 2), (0.03, 0.03, 0.01)), POINT)
    matrix = setup.simulate()
    assert matrix["system_matrix"].dims == ("angle", "receive", "frequency", "z", "y", "x")
    assert matrix.attrs["engine"] == "several_tones" and "harmonic" not in matrix.coords
    mpisim.write(matrix, tmp_path / "m.nc")
    assert mpisim.Setup.of(mpisim.read(tmp_path / "m.nc")).simulate().identical(matrix)
