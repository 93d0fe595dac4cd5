"""Background between runs: drifts that are linear in time vanish, and the spread of the runs is the noise."""

import numpy as np
import pytest

from mpisim.preprocess.background import Background, Runs


def filled(indices, frames, portions=1):
    found = Background(Runs(np.asarray(indices)), frames.shape[1:])
    for part in np.array_split(np.random.default_rng(0).permutation(len(frames)), portions):
        found.add(frames[part], part)
    return found


def test_runs_are_frames_that_follow_each_other_in_the_acquisition():
    runs = Runs(np.array([9, 0, 1, 5, 8, 7]))  # in any order of storage
    assert runs.count == 3 and runs.lengths.tolist() == [2, 1, 3]
    np.testing.assert_allclose(runs.places, [0.5, 5, 8])
    assert runs.run.tolist() == [2, 0, 0, 1, 2, 2]


@pytest.mark.parametrize("portions", [1, 3])
def test_a_linear_drift_is_known_between_the_first_and_the_last_run(portions):
    indices = np.array([0, 1, 2, 10, 15, 16])
    found = filled(indices, (3 + 2j * indices)[:, None] * np.array([1.0, 2.0]), portions)
    at = np.array([1.0, 4, 7.3, 12, 15.5])
    np.testing.assert_allclose(found.at(at), (3 + 2j * at)[:, None] * np.array([1.0, 2.0]), rtol=1e-13)


def test_outside_of_the_runs_it_is_constant():
    found = filled([4, 5, 9], np.array([[1.0], [3.0], [7.0]]) + 0j)
    np.testing.assert_allclose(found.at(np.array([0, 4.5, 9, 20]))[:, 0], [2, 2, 7, 7])
    one = filled([4, 5], np.array([[1.0], [3.0]]) + 0j)
    np.testing.assert_allclose(one.at(np.array([0, 9]))[:, 0], [2, 2])


def test_the_noise_is_that_of_one_frame_whatever_the_drift():
    rng = np.random.default_rng(3)
    noise = (rng.standard_normal((60, 50)) + 1j * rng.standard_normal((60, 50))) / np.sqrt(2)
    steps = np.repeat(np.arange(6) * 100.0, 10)[:, None]  # a background of its own in every run
    runs = filled(np.arange(60) + 20 * np.repeat(np.arange(6), 10), noise + steps)
    assert np.sqrt(np.mean(runs.noise_std() ** 2)) == pytest.approx(1, rel=0.05)
    single = filled(np.arange(60) * 20, noise + 0.01 * np.arange(60)[:, None])  # runs of one frame, and a slow drift
    assert np.sqrt(np.mean(single.noise_std() ** 2)) == pytest.approx(1, rel=0.05)
    for drift in (30.0, 30j):  # which is linear, at any distances, and far larger than the noise
        at = np.cumsum(rng.integers(2, 9, 60))
        single = filled(at, noise + drift * at[:, None])
        assert np.sqrt(np.mean(single.noise_std() ** 2)) == pytest.approx(1, rel=0.05)
    assert filled([0, 1, 2], noise[:3]).noise_std() is None
    assert filled([0, 5, 9], noise[:3]).noise_std() is None
