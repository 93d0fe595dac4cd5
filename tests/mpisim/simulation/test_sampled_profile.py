"""Laws of the line-profile engine of any tracer: against the time domain and the table of Langevin particles."""

from dataclasses import dataclass

import numpy as np
import pytest

from mpisim import (
    AnisotropicEquilibrium,
    BrownRotation,
    FieldDependentRelaxation,
    Grid,
    InputError,
    NeelRotation,
    Particle,
    Sample,
    Setup,
    nrmse,
    open_sided_ffl,
    read,
    simulate,
    write,
)
from mpisim.simulation.line_profile import line_profile_rows
from mpisim.simulation.sampled_profile import has_sampled_profile, sampled_profile_rows
from mpisim.simulation.time_domain import time_domain_rows

CORES, GRID, SAMPLE = Particle(22e-9), Grid((4, 3), (0.032, 0.024)), Sample(points=2)
SCANNER = open_sided_ffl(0.6, angles=(0.0, 0.7), samples_per_period=128)
MODELS = {
    "anisotropy": AnisotropicEquilibrium(CORES, 4e3, (1.0, 0.0, 1.0)),
    "Brown": BrownRotation(CORES, 5e-4),
    "Neel": NeelRotation(CORES, 4e3),
    "relaxation": FieldDependentRelaxation(CORES, 2e-6),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_it_is_the_time_domain(model):
    matrix = simulate(SCANNER, model, GRID, SAMPLE)
    assert matrix.attrs["engine"] == "sampled_profile"
    assert nrmse(matrix, simulate(SCANNER, model, GRID, SAMPLE, path="time_domain")) < 2e-6


def test_langevin_particles_have_the_rows_of_their_table():
    """And so for a sample of several voxels, and a centre that is not the scanner's."""
    grid = Grid((4, 3), (0.032, 0.024), center=(0.003, -0.002, 0.0))
    rows = (engine(SCANNER, CORES, grid, Sample((0.02, 0.01))) for engine in (sampled_profile_rows, line_profile_rows))
    first, second = rows
    assert np.abs(first - second).max() < 2e-6 * np.abs(second).max()


def test_half_a_period_and_a_reflection_change_the_sign():
    """f_k(-u) = (-1)^(k+1) f_k(u), with a delay too; to 1e-6 of the largest."""
    rows = sampled_profile_rows(SCANNER, MODELS["Neel"], GRID, SAMPLE)
    sign = np.where(np.array(SCANNER.harmonics) % 2 == 0, -1, 1)[:, None]
    assert np.abs(rows[..., ::-1] - sign * rows).max() < 1e-6 * np.abs(rows).max()
    assert np.abs(rows.real).max() > 0.1 * np.abs(rows).max() < 3 * np.abs(rows.imag).max()


def test_it_applies_in_the_plane_for_a_coil_along_z_only():
    model = MODELS["anisotropy"]
    across = open_sided_ffl(0.6, angles=1, sensitivity=(10.0, 0.0, 800.0))
    assert has_sampled_profile(SCANNER, model, GRID, SAMPLE)
    assert not has_sampled_profile(across, model, GRID, SAMPLE)
    assert not has_sampled_profile(SCANNER, model, GRID, Sample(thick=True))
    with pytest.raises(InputError, match="path must be time_domain here"):
        simulate(across, model, GRID, SAMPLE, path="sampled_profile")


def test_a_profile_with_jumps_is_left_to_the_time_domain():
    @dataclass(frozen=True)
    class Jumps(Particle):
        def moments(self, field, period):
            return self.moment * np.sign(field + 1e-3)

    rows = (engine(SCANNER, Jumps(25e-9), GRID, SAMPLE) for engine in (sampled_profile_rows, time_domain_rows))
    assert np.array_equal(*rows)


def test_files_hold_the_models(tmp_path):
    for name in ("anisotropy", "Brown", "Neel"):
        write(simulate(SCANNER, MODELS[name], GRID, SAMPLE), tmp_path / "a.nc")
        found = read(tmp_path / "a.nc")
        assert Setup.of(found).particle == MODELS[name]
        assert found["particle_diameter"] == 22e-9
