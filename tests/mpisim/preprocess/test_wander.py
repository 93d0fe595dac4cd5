"""Wander of the background: exact variances of a random walk, and estimates that hold in the mean over many rows."""

from dataclasses import replace

import numpy as np
import pytest

import mpisim
from mpisim.data.noise import complex_gaussian
from mpisim.data.schema import build
from mpisim.preprocess.apply import apply
from mpisim.preprocess.averaging import AverageFrames
from mpisim.preprocess.background import Background, Runs
from mpisim.preprocess.subtraction import SubtractBackground
from mpisim.preprocess.wander import walk_left, wander

ROWS = 3000


def runs_of(count, length, apart):
    """Acquisition indices of the background frames, and of the other frames, that begin and end with a run."""
    step = length + apart
    indices = np.concatenate([k * step + np.arange(length) for k in range(count)])
    return indices, np.setdiff1d(np.arange(indices.max() + 1), indices)


def walk(steps, kappa, seed):
    """Random walks (index, row) with E|B(t) - B(s)|^2 = kappa |t - s|, beside a drift that is linear."""
    path = np.cumsum(complex_gaussian((steps, ROWS), np.sqrt(kappa), seed), axis=0)
    return path + (0.1 - 0.05j) * np.arange(steps)[:, None]


def measured(length, kappa, sigma, count=20, apart=8, noise_known=True, seed=0):
    """Frames of an empty measurement: all of it is noise and background."""
    indices, at = runs_of(count, length, apart)
    frames = walk(indices.max() + 1, kappa, seed) + complex_gaussian((indices.max() + 1, ROWS), sigma, seed + 1)
    coords = {"frequency": 1e3 * np.arange(1, ROWS + 1)}
    noise = {"noise_std": np.full(ROWS, sigma)} if noise_known else {}
    y = build("measurement", frames[at], ("frame", "frequency"), coords, origin="measured", **noise)
    return y.assign(background=(("background_frame", "frequency"), frames[indices])).assign_coords(
        background_index=("background_frame", indices), acquisition_index=("frame", at)
    )


def left_and_stated(data):
    return [float(np.sqrt(np.mean(np.abs(data[n].values) ** 2))) for n in ("measurement", "noise_std")]


@pytest.mark.parametrize("length, averaged", [(1, 1), (3, 1), (4, 5)])
def test_what_is_left_is_the_variance_of_the_weights_on_the_covariance_of_a_walk(length, averaged):
    indices, at = runs_of(4, length, 10)
    runs = Runs(indices)
    starts = at[: len(at) // averaged * averaged].reshape(-1, averaged)[:2]  # between the first two runs
    covariance = np.minimum.outer(np.arange(100), np.arange(100)).astype(float)
    expected = []
    for frames in starts:
        before, w = (v[0] for v in runs.weights(np.array([frames.mean()])))
        c = np.zeros(100)
        c[frames] += 1 / averaged
        for run, weight in ((before, 1 - w), (before + 1, w)):
            c[indices[runs.run == run]] -= weight / length
        expected.append(c @ covariance @ c)
    assert walk_left(runs, starts.mean(axis=1), averaged=averaged) == pytest.approx(np.mean(expected), rel=1e-12)


def test_between_single_frames_it_is_a_bridge_and_outside_it_grows_with_the_distance():
    runs = Runs(np.array([0, 12]))
    assert walk_left(runs, np.array([3])) == pytest.approx(12 * 0.25 * 0.75)
    assert walk_left(runs, np.array([19])) == pytest.approx(7)
    assert walk_left(runs, np.array([0, 12])) == 0


@pytest.mark.parametrize("length", [1, 2, 6])
def test_the_estimate_is_right_in_the_mean_over_rows(length):
    y = measured(length, kappa=4.0, sigma=1.0)
    background = Background(Runs(y["background_index"].values), (ROWS,))
    background.add(y["background"].values, np.arange(y.sizes["background_frame"]))
    noise = background.noise_std() if background.spreads else np.ones(ROWS)
    assert float(np.mean(wander(background, noise))) == pytest.approx(4.0, rel=0.03)


@pytest.mark.parametrize("rule", ["runs", "equidistant"])
@pytest.mark.parametrize("kappa", [0.1, 4.0])
@pytest.mark.parametrize("length", [1, 3])
def test_the_stated_noise_is_that_of_what_is_left(length, kappa, rule):
    found = apply([SubtractBackground(rule)], measured(length, kappa, sigma=1.0))
    left, stated = left_and_stated(found)
    if rule == "runs" or length == 1:  # that of MPIFiles leaves some of the linear drift of longer runs
        assert stated == pytest.approx(left, rel=0.04)
    assert found.attrs["preprocessing"]["background_wander"] == "in noise_std"
    shared = np.mean(found["noise_std"].values ** 2 - found["background_noise_std"].values ** 2)
    assert shared == pytest.approx(1.0)  # the noise of a frame itself is as before


def test_means_that_are_taken_before_are_stated_too():
    found = apply([AverageFrames(4), SubtractBackground()], measured(3, 2.0, sigma=1.0))
    left, stated = left_and_stated(found)
    assert stated == pytest.approx(left, rel=0.04)


@pytest.mark.parametrize("length", [1, 3])
def test_a_background_that_does_not_wander_hardly_raises_the_noise(length):
    left, stated = left_and_stated(apply([SubtractBackground()], measured(length, 0.0, sigma=1.0)))
    assert 0.995 * left < stated < 1.04 * left


def test_single_frames_without_a_stated_noise_give_an_upper_limit():
    left, stated = left_and_stated(apply([SubtractBackground()], measured(1, 4.0, sigma=1.0, noise_known=False)))
    assert left < stated < 2 * left


@pytest.mark.parametrize("count", [2, 5])
def test_from_few_runs_it_is_not_known_and_the_result_says_so(count):
    found = apply([SubtractBackground()], measured(3, 4.0, sigma=1.0, count=count))
    assert found.attrs["preprocessing"]["background_wander"] == "not known"
    left, stated = left_and_stated(found)
    assert stated < left


def test_a_simulated_feedthrough_that_wanders_is_stated():
    """The feedthrough of all rows follows one walk, so that many walks are needed, each with its own matrix."""
    line = mpisim.open_sided_ffl(0.9, angles=1, harmonics=(2, 3))
    through = mpisim.Feedthrough(((2, 1e-5, 2e-5), (3, 1e-5, 0.0)), wander=0.05)
    noise = mpisim.ReceiveNoise(voltage_noise=4e-9)
    chain = mpisim.ReceiveChain(
        noise=noise, feedthrough=through, recording=mpisim.Recording(time=1.0, background_every=8)
    )
    scanner = mpisim.ImperfectFFL.of(line, receive=chain)
    exact = mpisim.simulate(scanner, mpisim.Particle(20e-9), mpisim.Grid((16, 16)))
    left, stated = np.zeros((2, 2))
    for seed in range(40):
        found = apply([SubtractBackground()], mpisim.record(exact, seed))
        rest = (found["system_matrix"] - exact["system_matrix"]).transpose("frequency", ...).values.reshape(2, -1)
        left += np.mean(np.abs(rest) ** 2, axis=1)
        stated += found["noise_std"].transpose("frequency", ...).values.reshape(2, -1)[:, 0] ** 2
    np.testing.assert_allclose(np.sqrt(stated), np.sqrt(left), rtol=0.06)
    steady = replace(scanner, receive=replace(chain, feedthrough=replace(through, wander=0.0)))
    quiet = apply(
        [SubtractBackground()], mpisim.record(mpisim.simulate(steady, mpisim.Particle(20e-9), mpisim.Grid((16, 16))))
    )
    assert np.sqrt(stated[0] / 40) > 2 * float(quiet["noise_std"].max())
