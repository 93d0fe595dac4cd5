"""Receive coils in a simulation: voltages by reciprocity, channels, maps by value, and coils in the field of view."""

from dataclasses import replace

import numpy as np
import pytest

import mpisim
from mpisim import Coil, FieldMap, Grid, ImperfectFFL, Loop, MapCoil, Polynomial, RectangularLoop, WoundCoil, WoundField
from mpisim.constants import MU_0
from mpisim.particles.protocol import Sizes
from mpisim.simulation.equilibrium import equilibrium_rows, half_period_basis
from mpisim.simulation.provenance import scanner_from_mapping
from tests.mpisim.scanner.test_biot_savart import flux_of_moment

IDEAL = mpisim.open_sided_ffl(0.8, angles=3)
PARTICLE, GRID = mpisim.Particle(25e-9), Grid((6, 6), (0.03, 0.03))
PAIR = (Loop((0, 0, 0.04), (0, 0, 1), 0.06, 40), Loop((0, 0, -0.04), (0, 0, 1), 0.06, 40))
SIDE = WoundCoil((RectangularLoop((0.05, 0, 0.01), (1, 0, 1), (0, 1, 0), (0.06, 0.03), 20),))
COILS = (WoundCoil(PAIR), Coil((0, 0, 500.0), (Polynomial(((1, 0, 0, -0.2),)),)), SIDE)


def rows(scanner, **options):
    return mpisim.simulate(scanner, PARTICLE, GRID, **options)["system_matrix"]


def coil_map(coil=COILS[0], points=9, heights=3):
    axis, z = np.linspace(-0.017, 0.017, points), np.linspace(-2e-3, 2e-3, heights)
    zz, yy, xx = np.meshgrid(z, axis, axis, indexing="ij")
    values = coil.sensitivity(np.stack([xx, yy, zz], axis=-1), 0)
    return FieldMap(tuple(axis), tuple(axis), tuple(z), values, unit="1/m")


@pytest.mark.parametrize("engine", ["equilibrium", "time_domain"])
def test_the_voltage_of_a_wound_coil_is_the_change_of_the_flux_of_moments(engine):
    """The flux of the particles' moments through the wire, by their vector potential, derived by time."""
    frame = RectangularLoop((0.02, 0.0, 0.03), (0.3, 0, 1), (0, 1, 0), (0.05, 0.04), 7)
    scanner = ImperfectFFL.of(IDEAL, coils=(WoundCoil((frame,)),), plane=mpisim.LinePlane(offset=2e-3))
    grid, sample = Grid((2, 1), (0.01, 0.004)), mpisim.Sample((2e-6, 2e-6), 1e-3)
    found = mpisim.simulate(scanner, PARTICLE, grid, sample, path=engine)["system_matrix"].values
    count = scanner.samples_per_period
    sine = np.sin(2 * np.pi * np.arange(count) / count)
    particles = sample.particles(grid)
    for a, angle in enumerate(scanner.angles):
        for v, point in enumerate(grid.centers()):
            field = scanner.selection_field(point[None], angle) + sine[:, None] * scanner.drive_field(point[None])
            moments = PARTICLE.moment_vector(field)
            unit = np.array([flux_of_moment(frame, e, point, 4e-5) for e in np.eye(3)])
            lines = np.fft.fft(particles * moments @ unit, norm="forward")[list(scanner.harmonics)]
            wanted = -2j * np.pi * scanner.drive_frequency * np.array(scanner.harmonics) * lines
            assert np.allclose(found[a, :, 0, v], wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())


def test_every_coil_is_a_channel_of_its_own():
    together = rows(ImperfectFFL.of(IDEAL, coils=COILS))
    assert together.dims == ("angle", "receive", "frequency", "y", "x") and together.sizes["receive"] == 3
    for i, coil in enumerate(COILS):
        assert np.array_equal(together.isel(receive=i).values, rows(ImperfectFFL.of(IDEAL, coils=(coil,))).values)


def test_rows_are_linear_in_the_sensitivity_and_a_homogeneous_coil_is_the_ideal_one():
    ideal, same = rows(IDEAL, path="equilibrium"), rows(ImperfectFFL.of(IDEAL, coils=(Coil(),)))
    assert np.array_equal(same.values, ideal.values)
    a, b, both = (
        rows(ImperfectFFL.of(IDEAL, coils=(coil,))).values
        for coil in (WoundCoil(PAIR[:1]), WoundCoil(PAIR[1:]), WoundCoil(PAIR))
    )
    assert np.abs(a + b - both).max() < 1e-6 * np.abs(both).max()
    half = rows(ImperfectFFL.of(IDEAL, coils=(WoundCoil(PAIR, turns=-0.5),))).values
    assert np.abs(half + 0.5 * both).max() < 1e-6 * np.abs(both).max()


def test_the_engines_agree_on_coils_that_turn_and_a_drive_that_turns():
    turning = mpisim.SolidHarmonics(((2, 1, 0.05),), turning=True)
    for coils, drive in ((COILS, (turning,)), ((replace(SIDE, turning=True),), ())):
        scanner = ImperfectFFL.of(IDEAL, coils=coils, drive=drive)
        one, two = (rows(scanner, path=path).values for path in ("equilibrium", "time_domain"))
        assert np.abs(one - two).max() < 1e-6 * np.abs(two).max()


def test_coils_that_do_not_turn_are_evaluated_once(monkeypatch):
    calls = []
    field = Loop.field
    monkeypatch.setattr(Loop, "field", lambda self, points: calls.append(points.size // 3) or field(self, points))
    turning = mpisim.SolidHarmonics(((2, 1, 0.05),), turning=True)
    scanner = ImperfectFFL.of(mpisim.open_sided_ffl(0.8, angles=9), coils=(WoundCoil(PAIR[:1]),), drive=(turning,))
    for path in ("equilibrium", "time_domain"):
        calls.clear()
        rows(scanner, path=path)
        assert sum(count for count in calls if count > 6) == 36 * 16  # those of 6 points are of `check_scanner`


def test_a_map_of_a_coil_gives_nearly_its_rows():
    exact, mapped = (rows(ImperfectFFL.of(IDEAL, coils=(c,))).values for c in (COILS[0], MapCoil(coil_map())))
    assert 0 < np.abs(mapped - exact).max() < 1e-4 * np.abs(exact).max()


def test_maps_travel_in_the_matrix_file_by_value(tmp_path):
    """Also where they take more than 64 kB, above which HDF5 stores attributes in another way."""
    coil = coil_map(points=33, heights=5)
    drive = FieldMap(coil.x, coil.y, coil.z, 0.01 + 0 * coil.array(), reference=0.5)
    scanner = ImperfectFFL.of(IDEAL, coils=(MapCoil(coil), COILS[1]), drive=(drive, WoundField(PAIR)))
    found = mpisim.simulate(scanner, PARTICLE, GRID)
    mpisim.write(found, tmp_path / "sm.nc")
    assert (tmp_path / "sm.nc").stat().st_size > 2**17
    again = mpisim.read(tmp_path / "sm.nc")
    built = scanner_from_mapping(again.attrs["scanner"])
    assert built == scanner
    assert np.array_equal(mpisim.simulate(built, PARTICLE, GRID)["system_matrix"].values, found["system_matrix"].values)


@pytest.mark.parametrize(
    ("switches", "message"),
    [
        (
            {"coils": (WoundCoil((Loop((0, 0, 0), (0, 0, 1), 0.01),)),)},
            "windings of the coil must be outside of the field",
        ),
        ({"drive": (WoundField((Loop((0, 0, 0), (0, 0, 1), 0.01),)),)}, "windings of the wound field must be outside"),
        (
            {"coils": (Coil(), MapCoil(coil_map(points=4)))},
            r"field map must be one that covers the field of view, x from -2\d",
        ),
        (
            {"selection": (coil_map().scaled_to(),), "plane": mpisim.LinePlane(offset=4e-3)},
            "field map must be one that covers",
        ),
    ],
)
def test_what_lies_in_the_field_of_view_or_does_not_cover_it_is_refused_before_work(switches, message, monkeypatch):
    monkeypatch.setattr("mpisim.simulation.matrix._ENGINES", {})
    monkeypatch.setattr("mpisim.simulation.matrix._engine", lambda *arguments: "none")
    grid = Grid((6, 6), (0.05, 0.05)) if "coils" in switches and len(switches["coils"]) == 2 else GRID
    with pytest.raises(mpisim.InputError, match=message):
        mpisim.simulate(ImperfectFFL.of(IDEAL, **switches), PARTICLE, grid)


def test_the_flux_is_in_volt_seconds():
    """Faraday: 1e15 moments of one particle at the centre of a one-turn loop, at the frequency of the drive."""
    loop = Loop((0, 0, 0.0), (0, 0, 1), 0.05)
    scanner = ImperfectFFL.of(replace(IDEAL, harmonics=(1,)), coils=(WoundCoil((loop,)),))
    sample = mpisim.Sample((1e-5, 1e-5), 1e-5, concentration=1e15 / 1e-15)
    found = mpisim.simulate(scanner, PARTICLE, Grid((1, 1), (1e-3, 1e-3)), sample)["system_matrix"].values[0, 0, 0, 0]
    swing = PARTICLE.moment_vector(np.array([[0, 0, scanner.drive_amplitude]]))[0, 2]
    highest = 2 * np.pi * scanner.drive_frequency * MU_0 * 1e15 * swing / (2 * 0.05) / 2
    assert highest < abs(found) < 4 / np.pi * highest  # between a sine and a square wave of that swing


class Fixed:
    """A scanner of fields that are given at the points of the samples, most of which saturate the larger cores."""

    fixed_in_angle = True

    def __init__(self, points, coils):
        rng = np.random.default_rng(3)
        self.sequence = IDEAL.sequence
        self.fields = [rng.normal(size=(*points, 3)) * scale for scale in (4e-3, 8e-3)]
        self.coils = 500 * rng.normal(size=(coils, *points, 3))

    def selection_field(self, points, angle):
        return self.fields[0] * (1 + angle)

    def drive_fields(self, points, angle):
        return self.fields[1][None]

    def receive_sensitivities(self, points, angle):
        return self.coils


@pytest.mark.parametrize("sizes", [(25e-9,), (12e-9, 22e-9, 45e-9)])
@pytest.mark.parametrize("coils", [1, 3])
def test_several_coils_are_what_plain_numpy_gives(sizes, coils):
    """An odd number of points, each summed by itself, and the Langevin function as it is written in books."""
    grid, sample = Grid((2, 2)), mpisim.Sample(points=3)
    parts = tuple(mpisim.Particle(d) for d in sizes)
    particle = parts[0] if len(parts) == 1 else mpisim.Mixture(parts, (0.5, 0.3, 0.2))
    scanner = Fixed((4, 9), coils)
    found = equilibrium_rows(scanner, particle, grid, sample)
    of = particle.sizes()
    assert isinstance(of, Sizes)
    sine, basis, imaginary = half_period_basis(scanner.sequence)
    weights = sample.rule(grid)[1] * MU_0 * sample.particles(grid)
    for a, angle in enumerate(scanner.sequence.angles):
        field = scanner.fields[0][..., None, :] * (1 + angle) + sine[:, None] * scanner.fields[1][..., None, :]
        size = np.linalg.norm(field, axis=-1, keepdims=True)
        moment = sum(
            f * m * (1 / np.tanh(b * size) - 1 / (b * size))
            for f, m, b in zip(of.fractions, of.moments, of.betas, strict=True)
        )
        flux = np.einsum("q,cvqx,vqtx->cvt", weights, scanner.coils, moment * field / size)
        expected = np.einsum("kt,cvt->ckv", basis, flux) * np.where(imaginary == 1, 1j, 1)[:, None]
        assert np.abs(found[a] - expected).max() < 1e-8 * np.abs(expected).max()


@pytest.mark.parametrize("particle", [PARTICLE, mpisim.LogNormal(25e-9, 0.2, nodes=4)])
def test_each_of_several_coils_receives_what_it_receives_alone(particle):
    together = equilibrium_rows(ImperfectFFL.of(IDEAL, coils=COILS), particle, GRID, mpisim.Sample(points=3))
    for i, coil in enumerate(COILS):
        alone = equilibrium_rows(ImperfectFFL.of(IDEAL, coils=(coil,)), particle, GRID, mpisim.Sample(points=3))[:, 0]
        assert np.abs(together[:, i] - alone).max() < 1e-13 * np.abs(alone).max()
