"""Phases of harmonics: known ones are found, and what is turned comes back."""

import numpy as np
import pytest

import calib
import mpisim
from calib.learned.phase import row_phases, turned

ANGLES = tuple(np.radians((0.0, 21.0, 66.0, 123.0)))


@pytest.fixture(scope="module")
def fine():
    scanner = mpisim.open_sided_ffl(0.9, angles=ANGLES, harmonics=(2, 3, 5))
    return mpisim.simulate(scanner, mpisim.Particle(20e-9), mpisim.Grid((16, 16)))


def with_phases(matrix, phases):
    rows = np.tile(np.exp(1j * np.asarray(phases)), len(ANGLES))
    return turned(matrix, rows), rows


def test_an_ideal_matrix_has_none(fine):
    """Whatever gradient and diameter: only the signs of the profiles count."""
    assert np.angle(row_phases(fine)) == pytest.approx(0, abs=1e-5)
    assert np.angle(row_phases(calib.downsample(fine, 4, snr=None))) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("snr", [None, 20.0])
def test_known_phases_are_found(fine, snr):
    other, rows = with_phases(fine, (0.4, -2.9, 1.8))
    coarse = calib.downsample(other, 4, snr=snr)
    assert np.angle(row_phases(coarse) / rows) == pytest.approx(0, abs=1e-4 if snr is None else 0.03)
    assert row_phases(coarse.transpose(..., "y", "x")).shape == (12,)


def test_turning_back_gives_the_matrix_again(fine):
    other, rows = with_phases(fine, (0.4, -2.9, 1.8))
    assert turned(other, rows.conj())["system_matrix"].values == pytest.approx(fine["system_matrix"].values, rel=1e-6)


def test_where_there_is_nothing_to_compare_with_it_is_one(fine):
    for other in (fine.drop_vars("harmonic"), fine.drop_vars("angle"), calib.downsample(fine, 2, "strided", None)):
        assert np.array_equal(row_phases(other), np.ones(12))
    dead = fine.copy(deep=True)
    dead["system_matrix"][:, 1] = 0
    assert np.array_equal(row_phases(dead).reshape(4, 3)[:, 1], np.ones(4))


def test_a_model_with_phases_recovers_any_phase_alike(fine, tmp_path):
    """The rows of a matrix whose harmonics have other phases are those of the first, turned."""
    from calib.learned.apply import apply_model
    from calib.learned.config import ModelConfig
    from calib.learned.model import RecoveryModel

    model = RecoveryModel(ModelConfig("srcnn", 4, phase="ideal", denoise="none"))
    other, rows = with_phases(fine, (0.4, -2.9, 1.8))
    found, of_other = (apply_model(model, calib.downsample(m, 4, snr=None)) for m in (fine, other))
    back = turned(of_other, rows.conj())["system_matrix"].values
    assert np.linalg.norm(back - found["system_matrix"].values) < 1e-4 * np.linalg.norm(back)
