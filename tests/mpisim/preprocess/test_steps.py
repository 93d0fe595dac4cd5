"""Steps of preprocessing: what each does to values and noise, and that both files get the same."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mpisim
from mpisim import InputError
from mpisim.data.noise import complex_gaussian
from mpisim.data.schema import build
from mpisim.errors import DataWarning
from mpisim.preprocess.apply import apply, apply_all, steps_of
from mpisim.preprocess.averaging import AverageFrames, variance_of_mean
from mpisim.preprocess.row_snr import row_snr
from mpisim.preprocess.selection import SelectFrequencies
from mpisim.preprocess.subtraction import SubtractBackground
from mpisim.preprocess.weights import WeightChannels, WeightRows, Whiten

F = 25e3 * np.arange(2, 8)
AXES = {"y": np.arange(3) * 1e-3, "x": np.arange(4) * 1e-3}


def matrix(seed=0, noise=0.1):
    values = complex_gaussian((2, 6, 3, 4), 1.0, seed) * np.array([8, 4, 2, 1, 0.5, 0.1])[:, None, None]
    dims = ("receive", "frequency", "y", "x")
    coords = {"frequency": F, **AXES}
    return build("system_matrix", values, dims, coords, stage="fine", origin="measured", noise_std=noise)


def measurement(frames=4, sigma=1.0, frequencies=F, seed=1):
    values = complex_gaussian((frames, 2, len(frequencies)), 1.0, seed) * sigma
    noise = np.broadcast_to(sigma, (2, len(frequencies)))
    dims = ("frame", "receive", "frequency")
    return build("measurement", values, dims, {"frequency": frequencies}, noise_std=noise, origin="measured")


def with_background(data, background, at, indices, **coords):
    dims = ("background_frame", "receive", "frequency")
    return data.assign(background=(dims, background)).assign_coords(
        background_index=("background_frame", np.asarray(indices)), acquisition_index=at, **coords
    )


def drifting(noise=0.0, runs=((0, 1, 2), (10, 11, 12), (30,))):
    """A measurement of 27 frames with a background that drifts linearly from run to run."""
    indices = np.concatenate(runs)
    at = np.setdiff1d(np.arange(31), indices)
    y = measurement(frames=len(at))
    slope = complex_gaussian((2, 6), 1.0, 5)
    drift = lambda t: (3 + 0.1 * np.asarray(t))[:, None, None] * slope  # noqa: E731
    truth = y["measurement"].values
    y = y.assign(measurement=y["measurement"] + drift(at)).drop_vars("noise_std")
    frames = drift(indices) + complex_gaussian((len(indices), 2, 6), noise, 6)
    return with_background(y, frames, ("frame", at), indices), truth


def test_a_linear_drift_is_removed_exactly_and_only_once():
    y, truth = drifting()
    found = apply([SubtractBackground()], y)
    np.testing.assert_allclose(found["measurement"].values, truth, atol=1e-12)
    again = apply([SubtractBackground()], found)
    assert again["measurement"].equals(found["measurement"])
    assert [r["step"] for r in again.attrs["preprocessing"]["steps"]] == ["SubtractBackground"]


def test_a_matrix_gets_the_background_of_its_voxels():
    base = matrix()
    at, indices = np.arange(1, 13).reshape(3, 4), [0, 13]
    drift = complex_gaussian((2, 6), 1.0, 3)
    values = base["system_matrix"].values + drift[..., None, None] * at
    frames = np.array(indices)[:, None, None] * drift
    found = apply(
        [SubtractBackground()],
        with_background(
            base.assign(system_matrix=(base["system_matrix"].dims, values)), frames, (("y", "x"), at), indices
        ),
    )
    np.testing.assert_allclose(found["system_matrix"], base["system_matrix"], atol=1e-12)
    assert np.all(found["noise_std"] > base["noise_std"])


def test_the_rule_of_mpifiles_agrees_for_runs_at_equal_distances_and_not_for_others():
    regular, truth = drifting(runs=((0,), (15,), (30,)))
    found = apply([SubtractBackground("equidistant")], regular)
    np.testing.assert_allclose(found["measurement"].values, truth, atol=1e-12)
    unequal, truth = drifting()
    assert np.abs(apply([SubtractBackground("equidistant")], unequal)["measurement"].values - truth).max() > 0.1


def test_noise_after_subtraction_is_what_it_is():
    """Many rows of white noise: the stated deviation is that of the result, before and after the mean over frames."""
    runs = (np.arange(4), np.arange(20, 24))
    indices, rows = np.concatenate(runs), 4000
    at = np.arange(4, 20)
    y = measurement(frames=len(at), frequencies=1e3 * np.arange(1, rows + 1)).assign(noise_std=1.0)
    y = with_background(y, complex_gaussian((8, 2, rows), 1.0, 9), ("frame", at), indices)
    for steps in ([SubtractBackground()], [AverageFrames(), SubtractBackground()]):
        level, stated = _levels(apply(steps, y))
        assert level == pytest.approx(stated, rel=0.02)
    level, stated = _levels(apply([SubtractBackground(), AverageFrames()], y))
    assert level < stated < 1.16 * level  # an upper limit, since frames between two runs share their noise in part


def _levels(data):
    return [np.sqrt(np.mean(np.abs(data[name].values) ** 2)) for name in ("measurement", "noise_std")]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9))
def test_averaging_reduces_noise_by_the_square_root_and_keeps_means(frames, count):
    y = measurement(frames, sigma=2.0)
    whole = frames // min(count, frames) * min(count, frames)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        found = apply([AverageFrames(count)], y)
    np.testing.assert_allclose(found["noise_std"], 2 / np.sqrt(min(count, frames)))
    values = found["measurement"].values.reshape(-1, 2, 6)
    expected = [y["measurement"].values[i : i + count].mean(axis=0) for i in range(0, whole, count)]
    np.testing.assert_allclose(values[: len(expected)], expected, rtol=1e-12, atol=1e-12)


def test_the_variance_of_a_mean_of_correlated_frames():
    rho = (0.4, 0.1)
    cov = sum(r * (np.eye(7, k=d) + np.eye(7, k=-d)) for d, r in enumerate(rho, 1)) + np.eye(7)
    assert variance_of_mean(7, rho) == pytest.approx(cov.mean())


def test_a_selection_decided_on_the_matrix_is_the_same_in_both_files():
    sm, y = matrix(), measurement(frequencies=np.concatenate([[1e3], F, [1e6]]))
    step = SelectFrequencies(snr=5.0, stop_bands=((70e3, 80e3),))
    one, other = apply_all([step], [sm, y])
    np.testing.assert_allclose(one["frequency"], other["frequency"])
    expected = (row_snr(sm).max(axis=0) >= 5) & (F != 75e3)
    np.testing.assert_allclose(one["frequency"], F[expected])
    assert 0 < expected.sum() < 5
    later = apply(steps_of(one), y)
    assert later.equals(other) and steps_of(one) == steps_of(later)
    assert apply(steps_of(one), one)["system_matrix"].equals(one["system_matrix"])  # idempotent


@pytest.mark.parametrize(
    "options, kept",
    [
        ({"min_frequency": 75e3, "max_frequency": 125e3}, [1, 2, 3]),
        ({"drive_frequency": 50e3, "harmonics": (1, 3), "bandwidth": 100.0}, [0, 4]),
        ({"drive_frequency": 50e3, "harmonics": (1, 3), "bandwidth": 50e3}, [0, 1, 3, 4, 5]),
        ({"best": 2}, [0, 1]),
        ({"best": 2, "min_frequency": 60e3}, [1, 2]),
    ],
)
def test_conditions_on_frequencies(options, kept):
    found = apply([SelectFrequencies(**options)], matrix())
    np.testing.assert_allclose(found["frequency"], F[kept])


def test_frequencies_that_the_measurement_lacks_are_counted():
    steps = steps_of(apply([SelectFrequencies(min_frequency=0.0)], matrix()))
    with pytest.warns(DataWarning, match="2 of 6 selected frequencies are not in the measurement"):
        assert apply(steps, measurement(frequencies=F[:4])).sizes["frequency"] == 4


def test_white_noise_becomes_and_stays_white():
    sigma = np.random.default_rng(3).uniform(0.1, 9, (2, 6))
    y = apply([Whiten()], measurement(4000, sigma))
    covariance = np.einsum(
        "fi,fj->ij", *(np.conj(v) if c else v for c, v in enumerate([y["measurement"].values.reshape(-1, 12)] * 2))
    )
    np.testing.assert_allclose(covariance / 4000, np.eye(12), atol=0.08)
    assert np.allclose(y["noise_std"], 1)
    again = apply([Whiten()], y)
    np.testing.assert_allclose(again["measurement"], y["measurement"], rtol=1e-14)


def test_weights_keep_the_equations():
    """Weighted matrix times image is the weighted measurement."""
    sm, x = matrix(), np.random.default_rng(4).uniform(size=(3, 4))
    values = np.einsum("rfyx,yx->rf", sm["system_matrix"].values, x)[None]
    y = measurement(1, np.arange(1.0, 13).reshape(2, 6)).assign(measurement=(("frame", "receive", "frequency"), values))
    steps = [SelectFrequencies(best=4), WeightChannels((1.0, 3.0)), Whiten(), WeightRows()]
    one, other = apply_all(steps, [sm, y])
    product = np.einsum("rfyx,yx->rf", one["system_matrix"].values, x)
    np.testing.assert_allclose(product, other["measurement"].values[0], rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(one["system_matrix"].values.reshape(8, -1), axis=1), 1)
    names = [r["step"] for r in other.attrs["preprocessing"]["steps"]]
    assert names == ["SelectFrequencies", "WeightChannels", "Whiten", "WeightRows"]
    assert all(r["noise"] for r in other.attrs["preprocessing"]["steps"])
    np.testing.assert_allclose(apply(steps_of(one), y)["measurement"], other["measurement"], rtol=1e-14)


def test_the_list_is_saved_with_the_result(tmp_path):
    found = apply([SelectFrequencies(snr=2.0), WeightRows(), WeightChannels((2.0, 1.0))], matrix())
    mpisim.write(found, tmp_path / "sm.nc")
    back = mpisim.read(tmp_path / "sm.nc")
    assert steps_of(back) == steps_of(found) and len(steps_of(back)) == 3
    assert back.equals(found)


def test_snr_by_every_definition_against_its_words():
    sm = matrix()
    frames = complex_gaussian((9, 2, 6), 0.1, 8) + 0.05
    order = np.array([0, 5, 1, 20, 21, 22, 30, 31, 32])
    sm = with_background(sm, frames, (("y", "x"), 6 + np.arange(12).reshape(3, 4)), order)
    s, mean = sm["system_matrix"].values.reshape(2, 6, 12), frames.mean(axis=0)
    signal, spread = np.abs(s - mean[..., None]), np.abs(frames - mean).mean(axis=0)
    steps = np.abs(np.diff(frames[np.argsort(order)], axis=0)).mean(axis=0)
    np.testing.assert_allclose(row_snr(sm, "max-dev"), signal.max(axis=-1) / spread)
    np.testing.assert_allclose(row_snr(sm, "max-diff"), signal.max(axis=-1) / steps)
    np.testing.assert_allclose(row_snr(sm, "rms"), np.sqrt(np.mean(np.abs(s) ** 2, axis=-1)) / 0.1)
    for r in range(2):  # fewer than 20 rows: all of them make the mask
        mask = (signal[r] > 0.9 * signal[r].max(axis=1, keepdims=True)).any(axis=0)
        np.testing.assert_allclose(row_snr(sm, "median-mask")[r], np.median(signal[r][:, mask], axis=1) / spread[r])


@pytest.mark.parametrize(
    "call",
    [
        lambda: SelectFrequencies(definition="best"),
        lambda: SelectFrequencies(stop_bands=((2.0, 1.0),)),
        lambda: SelectFrequencies(min_frequency=2e5, max_frequency=1e5),
        lambda: SelectFrequencies(harmonics=(2,)),
        lambda: SubtractBackground("nearest"),
        lambda: AverageFrames(-1),
        lambda: WeightChannels((0.0, 1.0)),
        lambda: apply([WeightChannels((1.0,))], matrix()),
        lambda: apply([SubtractBackground()], matrix()),
        lambda: apply([SelectFrequencies(snr=1e9)], matrix()),
        lambda: apply([SelectFrequencies(snr=1.0, definition="max-dev")], matrix()),
        lambda: apply([Whiten()], measurement().drop_vars("noise_std")),
        lambda: apply([WeightRows()], measurement()),
        lambda: apply(["whiten"], matrix()),
        lambda: apply(steps_of(apply([Whiten()], measurement())), matrix().isel(receive=[0])),
        lambda: steps_of(matrix().assign_attrs(preprocessing={"steps": [{"step": "Melt"}]})),
        lambda: steps_of(matrix().assign_attrs(preprocessing={"steps": [{"step": "Whiten", "a": 1}]})),
    ],
)
def test_bad_input_gets_one_sentence(call):
    with pytest.raises(InputError, match=r"^Input .* must be .*; instead received .*\.$"):
        call()
