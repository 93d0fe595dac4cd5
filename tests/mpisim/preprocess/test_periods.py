"""Steps in time: what repeats with the period stays, what does not is suppressed or told apart; noise as stated."""

import numpy as np
import pytest
from scipy.fft import rfft

from mpisim import InputError
from mpisim.data.schema import build
from mpisim.preprocess.apply import apply
from mpisim.preprocess.averaging import AverageFrames
from mpisim.preprocess.periods import CorrectLeakage, GroupPeriods

V = 64


def recorded(signal, noise_std=None, channels=2):
    """A measurement of periods of V samples (frame, channel, time)."""
    values = rfft(signal, axis=-1) / V
    coords = {"frequency": 1e3 * np.arange(V // 2 + 1)}
    mdf = {"/acquisition/receiver/numSamplingPoints": V}
    dims = ("frame", "receive", "frequency")
    return build("measurement", values, dims, coords, noise_std=noise_std, origin="measured", mdf=mdf)


def waves(cycles, frames=8):
    """A wave of so many cycles per period in two channels of successive frames."""
    wave = np.cos(2 * np.pi * cycles * np.arange(frames * V) / V + 0.3).reshape(frames, 1, V)
    return np.concatenate([wave, 2 * wave], axis=1)


def test_leakage_leaves_what_repeats_and_suppresses_what_does_not():
    plain = recorded(waves(5))
    np.testing.assert_allclose(apply([CorrectLeakage()], plain)["measurement"], plain["measurement"][1:-1], atol=1e-14)
    foreign = recorded(waves(5 + 1 / 3))
    far = slice(15, 30)  # bins, away from that of the wave
    before, after = (np.abs(d["measurement"].values[2, :, far]) for d in (foreign, apply([CorrectLeakage()], foreign)))
    assert after.max() < 0.02 * before.max()


@pytest.mark.parametrize("steps", [[CorrectLeakage()], [CorrectLeakage(), AverageFrames(4)], [GroupPeriods(4)]])
def test_noise_is_what_is_stated(steps):
    noise = np.random.default_rng(1).standard_normal((402, 8, V))
    found = apply(steps, recorded(noise, 1 / np.sqrt(V)))
    level = np.sqrt(np.mean(np.abs(found["measurement"].values[..., 1:-1]) ** 2))
    assert level == pytest.approx(float(np.mean(found["noise_std"])), rel=0.02)


def test_grouped_periods_have_denser_bins():
    plain = recorded(waves(5) + waves(2.5))
    found = apply([GroupPeriods(2)], plain)
    size = np.abs(found["measurement"].values[0, 0])
    np.testing.assert_allclose(found["frequency"], 500.0 * np.arange(V + 1))
    assert np.flatnonzero(size > 1e-9).tolist() == [5, 10]
    np.testing.assert_allclose(size[[5, 10]], 0.5)
    assert found.attrs["mdf"]["/acquisition/receiver/numSamplingPoints"] == 2 * V
    twice = apply([GroupPeriods(2), GroupPeriods(2)], plain)
    np.testing.assert_allclose(twice["measurement"], apply([GroupPeriods(4)], plain)["measurement"], atol=1e-14)


def test_bad_input_gets_one_sentence():
    y = recorded(waves(5))
    broken = y.assign_coords(acquisition_index=("frame", np.arange(8) * 2.0))
    for step, data in (
        (CorrectLeakage(), y.isel(frequency=slice(1, None))),
        (CorrectLeakage(), broken),
        (GroupPeriods(2), broken),
        (GroupPeriods(2), y.isel(frame=0)),
        (CorrectLeakage(), y.drop_attrs().assign_attrs({k: v for k, v in y.attrs.items() if k != "mdf"})),
    ):
        with pytest.raises(InputError, match=r"^Input .* must be .*; instead received .*\.$"):
            apply([step], data)
    with pytest.raises(InputError, match="count"):
        GroupPeriods(1)
