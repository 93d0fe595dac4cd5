"""Tracers of several sizes and with relaxation on all engines."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import mpisim
from mpisim import Debye, FieldDependentRelaxation, Grid, LogNormal, Mixture, Particle, Sample, open_sided_ffl, simulate
from mpisim.constants import MU_0
from mpisim.simulation.equilibrium import equilibrium_rows, point_rows
from mpisim.simulation.line_profile import has_line_profile, line_profile_rows
from mpisim.simulation.provenance import particle_from_mapping
from mpisim.simulation.time_domain import time_domain_rows
from tests.mpisim.kernels.twins import langevin
from tests.mpisim.particles.test_protocol import Linear
from tests.mpisim.simulation.twins import CORNERS, difference

GRID, SAMPLE = Grid((4, 3), (0.02, 0.015)), Sample(size=(5e-4, 5e-4), points=2)
BROAD = LogNormal(25e-9, 0.2, nodes=4)
BIMODAL = Mixture((LogNormal(16e-9, 0.1, nodes=3), Particle(27e-9)), (0.7, 0.3))
FFL = open_sided_ffl(0.7, angles=(0.3, 2.0), sensitivity=(300.0, -200.0, 800.0), samples_per_period=512)
TRACERS = {
    "log-normal": BROAD,
    "bimodal": BIMODAL,
    "debye": Debye(Particle(25e-9), 2e-6),
    "debye, bimodal": Debye(BIMODAL, 4e-6),
}


@pytest.mark.parametrize("tracer", TRACERS.values(), ids=TRACERS)
def test_the_equilibrium_engine_and_the_time_domain_agree(tracer):
    """To 1e-7; Debye's gain is an exact filter in time there."""
    arguments = FFL, tracer, GRID, Sample(points=2, thick=True)
    assert difference(equilibrium_rows(*arguments), time_domain_rows(*arguments)) < 1e-7


@pytest.mark.parametrize("tracer", TRACERS.values(), ids=TRACERS)
@pytest.mark.parametrize("gradient", [0.4, 1.03])
def test_the_line_profile_agrees_with_the_equilibrium_engine_to_1e_6(tracer, gradient):
    arguments = open_sided_ffl(gradient, angles=3), tracer, Grid((9, 7), (0.03, 0.02)), Sample()
    assert difference(line_profile_rows(*arguments), equilibrium_rows(*arguments)) < 1e-6


@pytest.mark.parametrize("spread", [0.05, 0.15, 0.3])
def test_the_line_profile_resolves_the_steep_sizes_of_a_broad_distribution(spread):
    arguments = open_sided_ffl(0.6, angles=2), LogNormal(25e-9, spread), Grid((9, 7), (0.03, 0.02)), Sample()
    assert has_line_profile(*arguments)
    assert difference(line_profile_rows(*arguments), equilibrium_rows(*arguments)) < 1e-6


def test_a_distribution_whose_steep_sizes_need_too_many_nodes_takes_the_equilibrium_engine():
    machine, grid = open_sided_ffl(1.0, angles=1), Grid((4, 4))
    assert not has_line_profile(machine, LogNormal(30e-9, 0.5), grid, Sample())
    assert has_line_profile(machine, LogNormal(30e-9, 0.5, nodes=1), grid, Sample())


@pytest.mark.parametrize("engine", [equilibrium_rows, line_profile_rows, time_domain_rows])
def test_a_distribution_without_width_is_one_size_bit_for_bit(engine):
    one, none = (engine(FFL, p, GRID, SAMPLE) for p in (Particle(25e-9), LogNormal(25e-9, 0)))
    assert np.array_equal(one, none)
    mixed = engine(FFL, Mixture((Particle(25e-9),) * 2, (0.5, 0.5)), GRID, SAMPLE)
    assert difference(mixed, one) < 1e-8  # several sizes take a ratio of lower degree
    assert difference(engine(FFL, Debye(Particle(25e-9), 0), GRID, SAMPLE), one) < 1e-14


@pytest.mark.parametrize("engine", [equilibrium_rows, line_profile_rows, time_domain_rows])
def test_rows_are_linear_in_the_concentration(engine):
    once, thrice = (engine(FFL, BIMODAL, GRID, Sample(concentration=c, points=2)) for c in (1e20, 3e20))
    assert difference(thrice, 3 * once) < (1e-7 if once.dtype == np.complex64 else 1e-15)


def test_rows_of_a_mixture_are_the_weighted_sum_of_the_rows_of_its_populations():
    parts = [equilibrium_rows(FFL, p, GRID, SAMPLE) for p in BIMODAL.populations]
    assert difference(equilibrium_rows(FFL, BIMODAL, GRID, SAMPLE), 0.7 * parts[0] + 0.3 * parts[1]) < 1e-8


def test_rows_are_those_of_a_plain_numpy_twin():
    """v = -mu_0 N d/dt sum n m L(beta |B|) p.B/|B| at points off the plane, by an FFT over a period; to 2e-9."""
    machine = replace(FFL, angles=(0.3,))
    tracer, particles = Debye(BROAD, 2e-6), 1e11
    points = np.random.default_rng(1).uniform(-0.01, 0.01, (5, 3)) * [1, 1, 0.1]
    found = point_rows(machine, tracer, points[:, None], np.ones(1), particles)[0, 0]

    time = np.arange(2048) / 2048
    drive = machine.drive_amplitude * np.sin(2 * np.pi * time)[:, None, None] * [0, 0, 1]
    field = machine.selection_field(points, 0.3) + drive
    size = np.linalg.norm(field, axis=-1, keepdims=True)
    sizes = BROAD.sizes()
    moment = sum(
        n * m * langevin(b * size) for n, m, b in zip(sizes.fractions, sizes.moments, sizes.betas, strict=True)
    )
    flux = MU_0 * particles * (moment * field / size) @ machine.sensitivity
    k = np.array(machine.harmonics)
    omega = 2 * np.pi * machine.drive_frequency * k
    expected = -1j * omega[:, None] * np.fft.fft(flux, axis=0, norm="forward")[k] / (1 + 2e-6j * omega)[:, None]
    assert difference(found, expected) < 2e-9


# -- accuracy ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("spread", "tolerance"), [(0.05, 2e-5), (0.1, 3e-5), (0.2, 1e-4), (0.3, 1e-4)])
@pytest.mark.parametrize(("gradient", "diameter"), CORNERS)
def test_the_quadrature_over_sizes_is_within_its_stated_accuracy(gradient, diameter, spread, tolerance):
    """The default number of nodes against 40, at the corners of the protocol, with samples enough for both."""
    machine = open_sided_ffl(gradient, angles=1, samples_per_period=4096)
    points = np.linspace(-0.016, 0.016, 17)[:, None, None] * np.array([1.0, 0, 0])
    default, fine = (point_rows(machine, LogNormal(diameter, spread, n), points, np.ones(1), 1e11) for n in (None, 40))
    assert difference(default, fine) < tolerance


def test_more_nodes_are_closer():
    machine = open_sided_ffl(1.03, angles=1, samples_per_period=4096)
    points = np.linspace(-0.016, 0.016, 17)[:, None, None] * np.array([1.0, 0, 0])
    rows = [point_rows(machine, LogNormal(25e-9, 0.5, n), points, np.ones(1), 1e11) for n in (3, 6, 12, 24, 60)]
    errors = [difference(r, rows[-1]) for r in rows[:-1]]
    assert errors[0] > 2 * errors[1] > 4 * errors[2] > 8 * errors[3]
    assert errors[3] < 2e-4


@pytest.mark.parametrize(("diameter", "error"), [(25e-9, 2e-5), (34e-9, 6e-5)])
def test_field_dependent_relaxation_converges_with_the_samples(diameter, error):
    """216 samples are within the stated 3e-5 of 3456 over a matrix; 432 take less than a fifth of that error."""
    tracer = FieldDependentRelaxation(Particle(diameter), 2e-6)
    rows = [time_domain_rows(replace(FFL, samples_per_period=n), tracer, GRID, SAMPLE) for n in (216, 432, 3456)]
    errors = [difference(r, rows[-1]) for r in rows[:-1]]
    assert errors[0] < 3e-5
    assert errors[1] < errors[0] / 5


def test_field_dependent_relaxation_differs_from_debye_and_tends_to_the_equilibrium():
    rows = {t: time_domain_rows(FFL, FieldDependentRelaxation(BROAD, t), GRID, SAMPLE) for t in (2e-6, 2e-9, 0.0)}
    equilibrium = equilibrium_rows(FFL, BROAD, GRID, SAMPLE)
    assert difference(rows[2e-6], equilibrium_rows(FFL, Debye(BROAD, 2e-6), GRID, SAMPLE)) > 0.05
    assert difference(rows[2e-9], equilibrium) < 2e-3
    assert difference(rows[0.0], equilibrium) < 1e-7


def warned(scanner, tracer):
    """The number of samples that a warning names; None without one."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        simulate(scanner, tracer, Grid((2, 2)), Sample(size=(1e-5, 1e-5), points=1))
    assert all(w.filename == __file__ for w in caught)
    return int(str(caught[0].message).rstrip(".").rpartition("=")[2]) if caught else None


def test_the_warning_of_too_few_samples_looks_at_the_sizes_that_matter():
    """A tail of large cores needs more samples than the median; a trace of them does not; what it names is enough."""
    machine = open_sided_ffl(1.0, angles=1)
    assert warned(machine, Particle(30e-9)) is None
    assert warned(machine, LogNormal(30e-9, 0.1)) is None
    wanted = warned(machine, LogNormal(30e-9, 0.4))
    assert wanted > 400
    assert warned(replace(machine, samples_per_period=wanted), LogNormal(30e-9, 0.4)) is None
    assert warned(machine, Mixture((Particle(30e-9), Particle(80e-9)), (0.5, 0.5))) > 400
    assert warned(machine, Mixture((Particle(30e-9), Particle(80e-9)), (1 - 1e-6, 1e-6))) is None
    relaxing = FieldDependentRelaxation(LogNormal(30e-9, 0.4), 1e-6)
    assert warned(machine, Debye(LogNormal(30e-9, 0.4), 1e-6)) == warned(machine, relaxing) == wanted


def test_one_size_is_warned_of_as_before():
    """ln(1e8) beta A / pi samples, where fewer than ln(1e4) beta A / pi are taken."""
    machine, steep = open_sided_ffl(1.0, angles=1), Particle(50e-9)
    assert warned(machine, steep) == 2 * int(np.ceil(np.log(1e8) * steep.beta * 0.016 / np.pi / 2))
    assert warned(machine, Particle(40e-9)) is None


# -- simulate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tracer", "engine"),
    [
        (BROAD, "line_profile"),
        (Debye(BIMODAL, 1e-6), "line_profile"),
        (Debye(Linear(), 1e-6), "time_domain"),
        (FieldDependentRelaxation(BROAD, 1e-6), "time_domain"),
    ],
)
def test_the_engine_follows_from_what_the_model_offers(tracer, engine):
    assert simulate(FFL, tracer, GRID, SAMPLE).attrs["engine"] == engine


@pytest.mark.parametrize("tracer", [BROAD, BIMODAL, Debye(BIMODAL, 1e-6), FieldDependentRelaxation(BROAD, 1e-6)])
def test_a_file_builds_the_tracer_again(tmp_path, tracer):
    machine = open_sided_ffl(0.6, angles=1)
    matrix = simulate(machine, tracer, Grid((3, 2)), SAMPLE)
    mpisim.write(matrix, tmp_path / "a.nc")
    found = mpisim.read(tmp_path / "a.nc")
    assert particle_from_mapping(found.attrs["particle"]) == tracer
    assert float(found["particle_diameter"]) == tracer.diameter
    assert found.identical(matrix)


def test_gains_and_errors_of_angles_are_the_same_on_all_engines():
    """A scanner with imperfections of fields, line and receive chain and a tracer with sizes and relaxation."""
    line = mpisim.AngleErrors(offset_spread=3e-4, angle_spread=0.01, gain_spread=0.02, phase_spread=0.02, seed=3)
    field = mpisim.SolidHarmonics(((3, 1, 0.05), (2, 0, 0.02)))
    machine = mpisim.ImperfectFFL.of(
        replace(FFL, samples_per_period=512),
        selection=(field,),
        drive=(mpisim.Uniform((0.02, 0.01, 0.0)),),
        line=line,
        gain=mpisim.ReceiveGain(((2, 1.1, 0.2), (5, 0.9, -0.3))),
    )
    fast, slow = (simulate(machine, Debye(BROAD, 2e-6), GRID, SAMPLE, path=p) for p in ("equilibrium", "time_domain"))
    assert difference(slow["system_matrix"].values, fast["system_matrix"].values) < 1e-6
    ideal = simulate(FFL, Debye(BROAD, 2e-6), GRID, SAMPLE)["system_matrix"].values
    assert difference(fast["system_matrix"].values, ideal) > 0.02
