import numpy as np
import pytest
import xarray as xr

from mpisim import InputError
from mpisim.data.schema import build
from recon.selection.rows import chosen_rows
from tests.recon.problems import small_matrix

MATRIX = small_matrix()
ROWS = MATRIX["system_matrix"].shape[:2]
FREQUENCY = np.broadcast_to(MATRIX["frequency"].values, ROWS).ravel()


def noisy(sigma):
    return MATRIX.assign(noise_std=(("angle", "frequency"), np.broadcast_to(sigma, ROWS).astype(float)))


def test_nothing_asked_is_no_selection():
    assert chosen_rows(MATRIX) is None


@pytest.mark.parametrize("kind", [bool, int, float])
def test_masks_of_any_shape_and_type_choose_the_same(kind):
    mask = np.random.default_rng(0).random(ROWS) < 0.5
    labelled = xr.DataArray(mask.T, dims=("frequency", "angle"))
    for given in (mask.astype(kind), mask.ravel().astype(kind), labelled):
        assert np.array_equal(chosen_rows(MATRIX, given), mask.ravel())
    by_frequency = xr.DataArray([True, False, True, True], dims="frequency")
    assert np.array_equal(
        chosen_rows(MATRIX, by_frequency).reshape(ROWS), np.tile([True, False, True, True], (ROWS[0], 1))
    )


def test_a_band_of_frequencies():
    f = MATRIX["frequency"].values
    assert np.array_equal(chosen_rows(MATRIX, min_frequency=f[1]), FREQUENCY >= f[1])
    assert np.array_equal(chosen_rows(MATRIX, max_frequency=f[2] + 1), FREQUENCY <= f[2])
    both = chosen_rows(MATRIX, min_frequency=f[1], max_frequency=f[2])
    assert both.sum() == 2 * ROWS[0]


def test_rows_are_chosen_by_signal_over_noise():
    signal = np.sqrt(np.mean(np.abs(MATRIX["system_matrix"].values) ** 2, axis=(-2, -1)))
    sigma = signal / np.linspace(1, 10, signal.size).reshape(ROWS)
    expected = np.linspace(1, 10, signal.size) >= 5
    assert np.array_equal(chosen_rows(noisy(sigma), row_snr=5), expected)
    tiny = noisy(sigma * 1e-30).assign(system_matrix=MATRIX["system_matrix"].astype(complex) * 1e-30)
    assert np.array_equal(chosen_rows(tiny, row_snr=5), expected)


def test_exact_rows_pass_and_rows_of_zeros_do_not():
    assert chosen_rows(MATRIX, row_snr=1e6).all()  # simulated: exact
    dead = MATRIX.copy(deep=True)
    dead["system_matrix"][0, 1] = 0
    assert np.flatnonzero(~chosen_rows(dead, row_snr=5)).tolist() == [1]


def test_conditions_add():
    mask = np.zeros(ROWS, bool)
    mask[:2] = True
    kept = chosen_rows(MATRIX, mask, min_frequency=MATRIX["frequency"].values[3])
    assert kept.sum() == 2


UNNAMED = build(
    "system_matrix",
    np.ones((4, 2, 2), complex),
    ("frequency", "y", "x"),
    {"y": [0, 1e-3], "x": [0, 1e-3]},
    units="1",
    stage="fine",
    origin="measured",
)


@pytest.mark.parametrize(
    ("matrix", "options", "sentence"),
    [
        (MATRIX, {"row_mask": np.zeros(ROWS, bool)}, "row_mask must be such that rows are left of the matrix's 48"),
        (MATRIX, {"row_mask": np.ones(5, bool)}, "row_mask must be of the shape"),
        (MATRIX, {"row_mask": np.full(ROWS, 2)}, "row_mask must be true or false"),
        (MATRIX, {"row_mask": np.full(ROWS, "yes")}, "row_mask must be true or false"),
        (MATRIX, {"row_mask": xr.DataArray([True], dims="frequency")}, "row_mask must be of the sizes"),
        (MATRIX, {"row_mask": xr.DataArray([True], dims="time")}, "row_mask must be over dimensions of the rows"),
        (MATRIX, {"min_frequency": 1e9}, "min_frequency or max_frequency must be such that rows are left"),
        (MATRIX, {"min_frequency": -1}, "min_frequency must be a number of zero or more"),
        (MATRIX, {"min_frequency": 2e5, "max_frequency": 1e5}, "min_frequency must be at most max_frequency"),
        (MATRIX, {"row_snr": "high"}, "row_snr must be a number of zero or more"),
        (UNNAMED, {"min_frequency": 1e5}, "matrix must state the frequency of its rows"),
        (UNNAMED, {"row_snr": 5}, "matrix must be of known noise where row_snr is given"),
    ],
)
def test_bad_input_gets_one_sentence(matrix, options, sentence):
    with pytest.raises(InputError, match=rf"^Input {sentence}.*; instead received .*\.$"):
        chosen_rows(matrix, **options)
