"""Laws of a calibration with a really larger sample: gain of signal to noise, concentration, errors of position."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

import calib
import mpisim
from tests.commands import run
from tests.mpisim.bad_input import assert_refused, each

CHAIN = mpisim.ReceiveChain(gain=5.0, noise=mpisim.ReceiveNoise(voltage_noise=5e-6))
LINE = mpisim.open_sided_ffl(0.5, angles=4, harmonics=(2, 3))
SETUP = mpisim.Setup(
    mpisim.ImperfectFFL.of(LINE, receive=CHAIN), mpisim.Particle(25e-9), mpisim.Grid((8, 8), (0.016, 0.016))
)


def error_of(coarse, factor):
    exact = calib.downsample(SETUP.simulate(), factor, snr=None)
    return np.sqrt(np.mean(np.abs(coarse["system_matrix"].values - exact["system_matrix"].values) ** 2))


@pytest.mark.parametrize("factor", [2, 4])
def test_the_gain_of_a_large_sample_is_its_area_and_that_of_means_its_edge(factor):
    """At equal concentration; both are what the values show, and what the file states."""
    sigma = float(CHAIN.noise_std(np.array([46.4e3]))[0])
    large, means = (mpisim.calibrate(SETUP, factor, retrospective=kind) for kind in (False, True))
    assert np.allclose(large["noise_std"], sigma / factor**2) and np.allclose(means["noise_std"], sigma / factor)
    assert error_of(large, factor) == pytest.approx(sigma / factor**2, rel=0.25)
    assert error_of(means, factor) == pytest.approx(sigma / factor, rel=0.25)
    assert 20 * np.log10(float(means["noise_std"].max() / large["noise_std"].max())) == pytest.approx(
        20 * np.log10(factor)
    )


def test_a_diluted_sample_has_that_much_less_signal():
    full, quarter = mpisim.calibrate(SETUP, 2), mpisim.calibrate(SETUP, 2, concentration=0.25)
    assert np.allclose(quarter["noise_std"], 4 * full["noise_std"])
    assert error_of(quarter, 2) == pytest.approx(4 * error_of(full, 2), rel=1e-3)
    assert np.allclose(full["system_matrix"], quarter["system_matrix"], atol=30 * float(full["noise_std"].max()))


def test_a_stated_noise_takes_the_place_of_the_chain():
    plain = replace(SETUP, scanner=LINE)
    found = mpisim.calibrate(plain, 2, noise_std=1e-5, seed=3)
    assert float(found["noise_std"]) == 2.5e-6
    again = mpisim.calibrate(plain, 2, noise_std=1e-5, seed=3)
    assert found.identical(again)
    assert calib.recover(found, "bicubic")["system_matrix"].shape[-2:] == (8, 8)


def test_a_stated_noise_above_the_signal_is_said():
    with pytest.warns(mpisim.errors.DataWarning, match="18 V, is above their RMS"):
        mpisim.calibrate(replace(SETUP, scanner=LINE), 2, noise_std=72)


def test_errors_of_position_average_over_small_samples_only():
    """Half a millimetre at voxels of 2 mm and no noise: the mean over four errs half as much as one large sample."""
    exact = mpisim.calibrate(replace(SETUP, scanner=LINE), 2, noise_std=0.0)["system_matrix"].values
    errors = {False: [], True: []}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(4):
            setup = replace(SETUP, scanner=LINE, sample=replace(SETUP.sample, seed=seed))
            for kind, found in errors.items():
                moved = mpisim.calibrate(setup, 2, jitter=5e-4, noise_std=0.0, retrospective=kind)
                found.append(moved["system_matrix"].values - exact)
                assert moved.attrs["sample"]["jitter"] == 5e-4
    large, means = (np.sqrt(np.mean(np.abs(np.array(errors[kind])) ** 2)) for kind in (False, True))
    assert means == pytest.approx(large / 2, rel=0.25)


def test_the_command_says_what_is_gained(tmp_path, capsys):
    mpisim.write_scanner(SETUP, tmp_path / "s.toml")
    words = ("calibrate", "--scanner", tmp_path / "s.toml", "--factor", "2", "--concentration", "0.5", "--json")
    code, out, _ = run(capsys, *words, "--out", tmp_path / "c.nc")
    said = json.loads(out)
    assert code == 0 and (said["grid"], said["positions"], said["time"]) == ([4, 4], 16, pytest.approx(0.64))
    assert said["gain_over_voxel"] == pytest.approx(6.02, abs=0.01) and abs(said["gain_over_means"]) < 1e-9
    assert mpisim.read(tmp_path / "c.nc").equals(mpisim.calibrate(SETUP, 2, concentration=0.5))
    code, _, err = run(
        capsys, "calibrate", "--scanner", tmp_path / "s.toml", "--factor", "3", "--out", tmp_path / "d.nc"
    )
    assert code == 2 and "--factor must be a divisor of the grid's sides" in err and not (tmp_path / "d.nc").exists()


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: mpisim.calibrate(SETUP, v), (0, 3, 2.5, "2")),
        *each(lambda v: mpisim.calibrate(SETUP, 2, concentration=v), (0, -1, np.nan)),
        *each(lambda v: mpisim.calibrate(SETUP, 2, concentration=v, retrospective=True), (0.5,)),
        *each(lambda v: mpisim.calibrate(SETUP, 2, jitter=v), (-1e-4, 0.5)),
        *each(lambda v: mpisim.calibrate(SETUP, 2, noise_std=v), (-1.0, "0")),
        *each(lambda v: mpisim.calibrate(v, 2), (replace(SETUP, scanner=LINE), LINE)),
        *each(lambda v: mpisim.calibrate(replace(SETUP, sample=v), 2), (mpisim.Sample((1e-3, 1e-3)),)),
    ],
)
def test_bad_calibrations_get_one_sentence(make, value):
    assert_refused(make, value)
