"""The phase of rows: one for each harmonic of tracers without a history, whatever the scanner; not for others."""

from dataclasses import replace

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.physical.measurement import Measurement
from calib.methods.physical.phases import MOST_OUT_OF_PHASE, out_of_phase
from mpisim.data.downsampling import downsample
from mpisim.dataset.realistic import draw_setup
from mpisim.errors import DataWarning

CORES, GRID = mpisim.Particle(25e-9), mpisim.Grid((16, 16))
LINE = mpisim.open_sided_ffl(0.7, angles=6)
BROWN = mpisim.BrownRotation(CORES, coating=5e-9)


def coarse_of(tracer, factor=4, snr=33.7, scanner=LINE):
    return downsample(mpisim.simulate(scanner, tracer, GRID), factor, snr=snr)


def share(coarse, rescaled=1.0):
    return out_of_phase(Measurement.of(coarse), rescaled)


def test_it_is_the_smaller_singular_value_of_real_and_imaginary_parts():
    """A plain twin: rows of one harmonic by the SVD, without the noise that it holds."""
    measurement = Measurement.of(coarse_of(BROWN))
    rows = measurement.values / measurement.sigma
    n, least, whole = rows.shape[-1], [], []
    for harmonic in range(rows.shape[2]):
        parts = [np.linalg.svd(np.stack([row.real, row.imag]), compute_uv=False) ** 2 for row in rows[:, 0, harmonic]]
        least.append(np.median([p[1] - (n - 1) / 2 for p in parts]))
        whole.append(np.median([p.sum() for p in parts]))
    assert out_of_phase(measurement) == pytest.approx(np.sqrt(sum(least) / sum(whole)), rel=1e-9)


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("snr", [20.0, 33.7, 50.0])
def test_relaxation_with_one_time_has_one_phase(factor, snr):
    for tracer in (CORES, mpisim.Debye(CORES, 2e-5), mpisim.LogNormal(22e-9, 0.2)):
        assert share(coarse_of(tracer, factor, snr)) == 0


@pytest.mark.parametrize("level", ["mild", "medium", "strong"])
def test_no_field_coil_or_gain_changes_that(level):
    setup = draw_setup(level, np.random.default_rng(3))
    setup = replace(setup, scanner=replace(setup.scanner, angles=setup.scanner.angles[::10]))
    assert share(downsample(setup.simulate(), 4, snr=33.7)) == 0


def test_histories_are_seen_and_faint_ones_less():
    brown, slow, fast = (
        share(coarse_of(tracer))
        for tracer in (
            BROWN,
            mpisim.FieldDependentRelaxation(CORES, 3e-5),
            mpisim.FieldDependentRelaxation(CORES, 5e-6),
        )
    )
    assert min(brown, slow) > MOST_OUT_OF_PHASE > fast > 0


def test_wild_rows_and_noise_of_a_higher_level_are_no_history():
    coarse = coarse_of(CORES)
    wild = coarse["system_matrix"].copy(deep=True)
    wild.values[1] += 3 * wild.values.std() * np.exp(2j * np.arange(wild.values[1].size)).reshape(wild.values[1].shape)
    assert share(coarse.assign(system_matrix=wild)) == 0
    understated = coarse.assign(noise_std=coarse["noise_std"] / 5)
    assert share(understated) > 0 and share(understated, 5.0) == 0


def test_a_fit_of_few_values_says_so_and_auto_takes_profiles():
    """A fitted scanner leaves only noise of these rows of Brown's rotation, and errs by a quarter."""
    fine = mpisim.simulate(LINE, mpisim.BrownRotation(CORES, coating=10e-9), GRID)
    coarse = downsample(fine, 4, snr=33.7, seed=1)
    with pytest.warns(DataWarning) as said:
        fitted = calib.recover(coarse, "physical")
    assert any("% of the signal is out of phase with the rest of its row" in str(w.message) for w in said)
    assert fitted.attrs["recovery"]["chi2_excess"] < 6 and calib.nrmse(fitted, fine) > 0.1
    with pytest.warns(DataWarning) as said:
        found = calib.recover(coarse)
    assert str(said[0].message).startswith("The method is profile, because the phase varies within rows")
    assert found.attrs["recovery"]["method"] == "profile" and calib.nrmse(found, fine) < 0.02
