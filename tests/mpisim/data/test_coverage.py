"""Coverage of the intervals that a standard deviation states: normal errors, scale, zero deviations, sums."""

import numpy as np
import pytest

from mpisim.data.coverage import Tally, coverage, expected_nrmse, tally
from mpisim.data.noise import complex_gaussian
from mpisim.errors import InputError

SHAPE = (40, 25, 30)
STD = np.exp(np.random.default_rng(1).normal(size=SHAPE))
ERROR = STD * complex_gaussian(SHAPE, np.sqrt(2), 2)  # each part has the deviation 1
ZERO = np.zeros(SHAPE, complex)


def test_normal_errors_are_covered_as_stated():
    """30 000 values have two parts each: the standard errors of the shares are .002 and .0009."""
    right = coverage(ERROR, ZERO, STD)
    assert right.within_68 == pytest.approx(0.68, abs=0.008) and right.within_95 == pytest.approx(0.95, abs=0.0036)
    assert right.std_over_rmse == pytest.approx(1, abs=0.1)  # deviations differ by much: few values weigh most
    half = coverage(ERROR, ZERO, STD / 2)
    assert half.within_68 == pytest.approx(0.381, abs=0.01) and half.within_95 == pytest.approx(0.673, abs=0.01)
    assert half.std_over_rmse == pytest.approx(right.std_over_rmse / 2)


def test_units_do_not_matter_and_the_truth_is_subtracted():
    truth = complex_gaussian(SHAPE, 5.0, 3)
    found = coverage(1e-9 * (truth + ERROR), 1e-9 * truth, 1e-9 * STD)
    wanted = coverage(ERROR, ZERO, STD)
    assert found.within_68 == pytest.approx(wanted.within_68, abs=1e-4)
    assert found.std_over_rmse == pytest.approx(wanted.std_over_rmse, rel=1e-9)


def test_a_deviation_of_zero_holds_no_error_but_zero():
    assert coverage(ERROR, ZERO, 0 * STD).within_95 == 0
    exact = coverage(ZERO, ZERO, 0 * STD)
    assert (exact.within_68, exact.within_95, exact.std_over_rmse) == (1, 1, None)
    real = coverage(ERROR.real + 0j, ZERO, STD)  # rows that are real by symmetry: every imaginary part is held
    assert real.within_68 == pytest.approx(0.84, abs=0.01)


def test_sums_over_groups_and_blocks_are_those_of_the_whole():
    whole = coverage(ERROR, ZERO, STD)
    rows = tally(ERROR, ZERO, STD, axis=-1)
    joined = Tally.joined([tally(ERROR[i], ZERO[i], STD[i], axis=-1) for i in (slice(0, 7), slice(7, 40))])
    for found in (rows.coverage(), joined.coverage(), tally(ERROR, ZERO, STD).coverage()):
        assert vars(found) == pytest.approx(vars(whole), rel=1e-12)
    columns = [part.coverage() for part in rows.groups(1)]
    assert len(columns) == 25
    assert vars(columns[4]) == pytest.approx(vars(coverage(ERROR[:, 4], ZERO[:, 4], STD[:, 4])), rel=1e-12)


def test_shapes_must_agree():
    with pytest.raises(InputError, match=r"^Input std must be of the shape .* of the values; instead received"):
        coverage(ERROR, ZERO, STD[0])
    with pytest.raises(InputError, match="of the reference's shape"):
        coverage(ERROR[1:], ZERO, STD)


def test_the_expected_error_is_that_of_drawn_errors():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(3, 4000)) + 1j * rng.normal(size=(3, 4000))
    std = np.array([0.1, 0.02, 0.5])[:, None] * np.ones(values.shape)
    errors = std * (rng.normal(size=std.shape) + 1j * rng.normal(size=std.shape))
    for axis in (None, 1):
        actual = np.linalg.norm(errors, axis=axis) / np.linalg.norm(values, axis=axis)
        assert np.allclose(expected_nrmse(values, std, axis), actual, rtol=0.03)
    assert np.isinf(expected_nrmse(0 * values, std))
