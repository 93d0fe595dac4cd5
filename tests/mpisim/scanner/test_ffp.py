"""Field-free points with Lissajous sequences: fields, numbers of the sequence, recorded bins, bad descriptions."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

import mpisim
from mpisim.scanner.ffp import LissajousFFP, bins_of_order
from tests.mpisim.bad_input import assert_refused

POINTS = np.random.default_rng(0).uniform(-0.02, 0.02, (20, 3))
PLANE = LissajousFFP(drive_amplitudes=(12e-3, 12e-3), dividers=(102, 96))


def test_the_selection_field_is_linear_and_without_divergence_and_vanishes_at_one_point():
    jacobian = PLANE.selection_field(np.eye(3), 0.0)
    assert np.array_equal(jacobian, jacobian.T) and np.trace(jacobian) == 0
    assert np.allclose(PLANE.selection_field(POINTS, 0.3), POINTS @ jacobian, rtol=1e-15)
    assert np.linalg.matrix_rank(jacobian) == 3


def test_the_point_follows_the_drive():
    """Where selection and drive field cancel, at any time."""
    scanner = LissajousFFP()
    phases = np.array([0.3, 1.9, -2.2])
    point = -np.array(scanner.drive_amplitudes) / np.array(scanner.gradients) * np.sin(phases)
    total = scanner.selection_field(point, 0.0) + np.sin(phases) @ scanner.drive_fields(point, 0.0)
    assert np.abs(total).max() < 1e-17


def test_the_sequences_of_open_mpi_data():
    """2.5 MHz / 102, 96, 99: 652.8 us and 1632 samples in the plane, 21.54 ms and 53,856 samples in space."""
    space = LissajousFFP()
    assert PLANE.multiples == (16, 17) and space.multiples == (528, 561, 544)
    for scanner, samples, period in ((PLANE, 1632, 652.8e-6), (space, 53_856, 21.5424e-3)):
        sequence = scanner.sequence
        assert sequence.samples_per_period == samples and 1 / sequence.base_frequency == pytest.approx(period)
        assert sequence.harmonics == tuple(range(1, samples // 2))
    assert np.allclose(space.drive_frequencies, (24.51e3, 26.04e3, 25.25e3), rtol=2e-4)
    assert mpisim.check_scanner(space) is space


def test_more_samples_do_not_record_more():
    finer = replace(PLANE, samples_per_period=4 * 1632)
    assert finer.sequence.harmonics == PLANE.sequence.harmonics


def test_a_band_and_an_order_select_bins():
    frequencies = PLANE.sequence.base_frequency * np.array(PLANE.sequence.harmonics)
    band = replace(PLANE, band=(80e3, 300e3)).sequence.harmonics
    assert band == tuple(k for k, f in zip(PLANE.sequence.harmonics, frequencies, strict=True) if 80e3 <= f <= 300e3)
    assert replace(PLANE, highest_order=1).sequence.harmonics == (16, 17)
    assert replace(PLANE, highest_order=2).sequence.harmonics == (1, 16, 17, 32, 33, 34)


@pytest.mark.parametrize(("multiples", "order"), [((5,), 4), ((16, 17), 3), ((12, 15, 10), 3)])
def test_bins_of_order_are_all_sums_of_multiples(multiples, order):
    counts = [m for m in product(range(-order, order + 1), repeat=len(multiples)) if sum(map(abs, m)) <= order]
    expected = {abs(int(np.dot(m, multiples))) for m in counts} - {0}
    assert bins_of_order(multiples, order).tolist() == sorted(expected)


@pytest.mark.parametrize(
    "values",
    [
        {"gradients": (-1.0, -1.0, 1.0)},
        {"gradients": (-1.0, 1.0, 0.0)},
        {"gradients": (-1.0, 1.0)},
        {"drive_amplitudes": (12.0, 12.0, 12.0)},
        {"drive_amplitudes": ()},
        {"dividers": (102, 96)},
        {"dividers": (102.5, 96, 99)},
        {"phases": (0.0, 1.0)},
        {"phases": (0.0, 90.0, 0.0)},
        {"phases": 1.0},
        {"clock_frequency": 2.5},
        {"sensitivities": ()},
        {"sensitivities": ((1e-3, 0.0, 0.0),)},
        {"sensitivities": (800.0, 0.0, 0.0)},
        {"samples_per_period": 101},
        {"band": (3e5, 1e5)},
        {"band": (1.0, 2.0)},
        {"band": (1e5, 2e6)},
        {"band": (1e3,)},
        {"highest_order": 0},
        {"highest_order": 1000},
    ],
    ids=str,
)
def test_bad_descriptions_get_one_sentence(values):
    assert_refused(lambda _: replace(LissajousFFP(), **values))


def test_a_file_holds_it(tmp_path):
    scanner = replace(
        LissajousFFP(), phases=(0.1, 0.2, 0.3), band=(8e4, 6e5), highest_order=4, samples_per_period=107_712
    )
    setup = mpisim.Setup(scanner, mpisim.Particle(20e-9), mpisim.Grid((3, 4, 5), (0.03, 0.03, 0.02)))
    mpisim.write_scanner(setup, tmp_path / "s.toml")
    assert mpisim.read_scanner(tmp_path / "s.toml") == setup
