"""Laws of the limit of averaging: closed forms, the minimum, and Allan's variance of simulated signals."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import mpisim
from mpisim.scanner.stability import averaging_limit, chain_averaging_limit, difference_std
from tests.mpisim.bad_input import assert_refused

NOISE, STEP = 3e-9, 0.1  # V of one recording, s


@pytest.mark.parametrize("background", ["before", "around"])
@pytest.mark.parametrize(("drift", "wander"), [(2e-12, 0.0), (0.0, 4e-11), (2e-12, 4e-11), (1e-13, 9e-10)])
def test_it_is_where_the_difference_is_least(background, drift, wander):
    rest = (NOISE, STEP, drift, wander, background)
    found = averaging_limit(*rest)
    if background == "around" and wander == 0:
        assert np.isinf(found)  # a linear drift cancels
        return
    least = minimize_scalar(lambda u: difference_std(np.exp(u), *rest), bounds=(-5, 25), method="bounded")
    assert np.log(found) == pytest.approx(least.x, abs=1e-3)
    assert difference_std(found, *rest) < min(difference_std(1.2 * found, *rest), difference_std(found / 1.2, *rest))


def test_closed_forms_of_one_kind_of_drift():
    noise = NOISE * np.sqrt(STEP)
    assert averaging_limit(NOISE, STEP, wander=2e-11) == pytest.approx(np.sqrt(3) * noise / 2e-11, rel=1e-12)
    assert averaging_limit(NOISE, STEP, 2e-12) == pytest.approx((noise / 2e-12) ** (2 / 3), rel=1e-12)
    around = averaging_limit(NOISE, STEP, wander=2e-11, background="around")
    assert around == pytest.approx(np.sqrt(12) * noise / 2e-11, rel=1e-12)
    assert np.isinf(averaging_limit(NOISE, STEP))
    assert averaging_limit(0.0, STEP, 2e-12) == 0 and np.isinf(averaging_limit(0.0, STEP))


def test_it_scales_and_takes_arrays():
    both = averaging_limit(np.array([1e-9, 2e-9]), STEP, np.zeros((3, 1)), np.array([[1e-11], [2e-11], [4e-11]]))
    assert both.shape == (3, 2) and np.allclose(both[:, 1], 2 * both[:, 0])
    assert np.allclose(both[0], 2 * both[1])
    assert averaging_limit(NOISE, 4 * STEP, wander=1e-11) == pytest.approx(
        2 * averaging_limit(NOISE, STEP, wander=1e-11)
    )


def differences(count, length, background, drift, wander, rng):
    """Means of `length` recordings of an object minus those of the empty scanner, each from its own draw, in V."""
    steps = 2 * length
    times = STEP * np.arange(steps)
    walk = np.cumsum(wander * np.sqrt(STEP / 2) * (rng.standard_normal((count, steps, 2)) @ [1, 1j]), axis=1)
    noise = NOISE / np.sqrt(2) * (rng.standard_normal((count, steps, 2)) @ [1, 1j])
    signal = drift * times + walk + noise
    empty = np.zeros(steps, dtype=bool)
    half = length // 2
    empty[: length if background == "before" else half] = True
    if background == "around":
        empty[-half:] = True
    return signal[:, ~empty].mean(axis=1) - signal[:, empty].mean(axis=1)


@pytest.mark.parametrize("background", ["before", "around"])
def test_the_variance_is_that_of_simulated_signals(background):
    rng = np.random.default_rng(1)
    for length in (20, 80, 320):
        for drift, wander in ((0.0, 0.0), (3e-10, 0.0), (0.0, 1.5e-9), (3e-10, 1.5e-9)):
            found = differences(3000, length, background, drift, wander, rng)
            expected = difference_std(length * STEP, NOISE, STEP, drift, wander, background)
            assert np.sqrt(np.mean(np.abs(found) ** 2)) == pytest.approx(expected, rel=0.06)


def test_allans_minimum_of_a_simulated_signal():
    """The mean square of differences of neighbouring means, over one long record, is least at the limit."""
    wander = 1e-9
    limit = float(averaging_limit(NOISE, STEP, wander=wander))
    rng, count = np.random.default_rng(7), 2_000_000
    walk = np.cumsum(wander * np.sqrt(STEP) * rng.standard_normal(count))
    record = walk + NOISE * rng.standard_normal(count)
    lengths = np.unique(np.geomspace(4, 400, 25).astype(int))
    allan = []
    for length in lengths:
        means = record[: count // length * length].reshape(-1, length).mean(axis=1)
        allan.append(np.mean(np.diff(means) ** 2) / 2)
    best = lengths[np.argmin(allan)] * STEP
    assert limit / 1.5 < best < 1.5 * limit
    near = np.argmin(np.abs(lengths * STEP - limit))
    assert allan[near] == pytest.approx(difference_std(lengths[near] * STEP, NOISE, STEP, 0, wander) ** 2 / 2, rel=0.05)


def test_a_chain_states_noise_and_drift():
    through = mpisim.Feedthrough(((1, 0.1, 0.0), (3, 3e-4, 4e-4)), drift=(0.0, 0.02), wander=0.05)
    parts = {"gain": 5.0, "noise": mpisim.ReceiveNoise(voltage_noise=4e-9), "feedthrough": through}
    recording = mpisim.Recording(time=20e-3, averages=50, duty_cycle=0.1, move_time=3.0)
    chain = mpisim.ReceiveChain(**parts, recording=recording)
    f0 = 25e3
    found = chain_averaging_limit(chain, [f0, 2 * f0, 3 * f0], f0, angles=10)
    assert found.shape == (3,) and np.isinf(found[1])
    one = 5 * 4e-9 / np.sqrt(2 * 20e-3)
    assert found[2] == pytest.approx(averaging_limit(one, 10 * 0.2, 5 * 5e-4 * 0.02 / 3600, 5 * 5e-4 * 0.05 / 60))
    assert found[0] < found[2]
    assert np.all(chain_averaging_limit(chain, [3 * f0], f0, 10, "around") > found[2])
    assert np.all(np.isinf(chain_averaging_limit(mpisim.ReceiveChain(noise=parts["noise"]), [f0], f0)))


def test_the_walk_of_a_feedthrough_is_that_of_the_model():
    """E|change|^2 over a time t, by many seeds, is K^2 t with K = w / sqrt(1 h)."""
    through = mpisim.Feedthrough(((1, 1.0, 0.0),), wander=0.3)
    changes = np.array([through.changes(np.array([600.0, 1500.0]), seed) for seed in range(3000)])
    measured = np.mean(np.abs(changes[:, 1] - changes[:, 0]) ** 2)
    assert measured == pytest.approx(900 * (0.3 / 60) ** 2, rel=0.06)


def test_bad_input_is_one_sentence():
    for wrong in ((-1e-9, STEP), (np.nan, STEP), (NOISE, 0.0), (NOISE, STEP, -1.0), (NOISE, STEP, 0.0, np.inf)):
        assert_refused(lambda _, wrong=wrong: averaging_limit(*wrong))
    assert_refused(lambda _: averaging_limit(NOISE, STEP, background="after"))
    assert_refused(lambda _: difference_std(0.0, NOISE, STEP))
    assert_refused(lambda _: chain_averaging_limit(None, [1e4], 1e4))
    assert_refused(lambda _: chain_averaging_limit(mpisim.ReceiveChain(), [1e4], 1e4, angles=0))
