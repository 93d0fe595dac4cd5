"""Cases on which `auto` must not be worse than what presumes least, and what they are made of."""

import numpy as np
import pytest

from benchmarks.disturbed import FieldFreePoint, hard_cases
from benchmarks.hard_cases import judged
from mpisim import check_scanner


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["no angles", "Lissajous curve"])
def test_auto_is_not_worse_than_interpolation_where_nothing_describes_the_matrix(name):
    """Without angles the network errs more than twice as much at 8x; its misfit tells."""
    (case,) = hard_cases(8, angles=4, chosen=(name,))
    found = judged(case, 8)
    assert found.case == name and not found.worse
    assert found.auto < 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["wrong signs", "angles negative", "noise stated 10 x too small", "white noise"])
def test_auto_is_near_the_best_method(name):
    (case,) = hard_cases(8, angles=6, chosen=(name,))
    found = judged(case, 8)
    assert not found.worse and not found.far


def test_a_field_free_point_is_one():
    """Its field vanishes at the centre alone and has no divergence; the drive lies along the angle."""
    scanner = FieldFreePoint(1.0, 0.016, angles=(0.0, 0.5))
    check_scanner(scanner)
    points = 1e-3 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    field = scanner.selection_field(points, 0.5)
    assert not field[0].any() and np.isclose(np.trace(field[1:]), 0) and np.linalg.norm(field[1:], axis=1).min() > 0
    drive = scanner.drive_fields(points, 0.5)
    assert np.allclose(drive, 0.008 * np.array([np.cos(0.5), np.sin(0.5), 0]))


def test_cases_have_the_rows_of_their_fine_matrix():
    for case in hard_cases(8, angles=4, chosen=("dead rows", "two positions wrong", "one harmonic", "other grid")):
        assert case.coarse["system_matrix"].dims == case.fine["system_matrix"].dims
        assert case.coarse.sizes["frequency"] == case.fine.sizes["frequency"]
        assert not case.coarse.equals(case.fine)
