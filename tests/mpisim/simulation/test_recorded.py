"""Laws of recorded matrices: spectra of noise, feedthrough and its removal, the transfer function, the digitiser."""

from dataclasses import replace

import numpy as np
import pytest

import calib
import mpisim
import recon
from mpisim import BandPass, Digitiser, Feedthrough, NoiseSpectrum, ReceiveChain, ReceiveNoise, Recording
from mpisim.data.downsampling import downsample
from mpisim.errors import DataWarning
from mpisim.preprocess.apply import apply, apply_all
from mpisim.preprocess.receive import DivideTransfer
from mpisim.preprocess.row_snr import row_snr
from mpisim.preprocess.subtraction import SubtractBackground
from mpisim.simulation.recorded import check_recording
from tests.mpisim.bad_input import assert_refused

IDEAL = mpisim.open_sided_ffl(0.5, angles=3, harmonics=(2, 3, 4))
PARTICLE, GRID = mpisim.Particle(25e-9), mpisim.Grid((8, 8))
EXACT = mpisim.simulate(IDEAL, PARTICLE, GRID)
NOISE = ReceiveNoise(resistance=10.0, voltage_noise=4e-9)
THROUGH = Feedthrough(((1, 0.1, 0.0), (2, 1e-5, 2e-5), (3, 3e-6, 0.0)))
OFTEN = Recording(background_every=16, background_frames=2)


def scanner(**parts):
    return mpisim.ImperfectFFL.of(IDEAL, receive=ReceiveChain(**parts))


def simulated(**parts):
    return mpisim.simulate(scanner(**parts), PARTICLE, GRID)


def noise_of(recorded, exact):
    return recorded["system_matrix"].values - exact["system_matrix"].values


def test_what_is_off_leaves_the_last_digit():
    for parts in ({}, {"noise": NOISE}, {"feedthrough": THROUGH, "digitiser": Digitiser()}):
        found = simulated(**parts)
        assert np.array_equal(found["system_matrix"], EXACT["system_matrix"])
        assert found["noise_std"] == 0 and np.array_equal(found["transfer_function"], np.ones(3))
    nothing = mpisim.record(simulated())
    assert np.array_equal(nothing["system_matrix"], EXACT["system_matrix"]) and not nothing["noise_std"].any()


def test_noise_has_the_spectrum_that_is_given():
    """A coloured spectrum through a filter: the power of the noise of each line over 192 values, to 20 %."""
    spectrum = NoiseSpectrum((1e4, 5e4, 2e5), (8e-6, 1e-6, 4e-6))
    exact = simulated(gain=3.0, filters=(BandPass(20e3, 90e3),), noise=ReceiveNoise(spectrum=spectrum))
    noise = noise_of(mpisim.record(exact, seed=4), exact)
    chain = ReceiveChain(3.0, 0.0, (BandPass(20e3, 90e3),))
    f = exact["frequency"].values
    expected = spectrum.density(f) * np.abs(chain.transfer(f)) / np.sqrt(2 * 10e-3)
    power = np.mean(np.abs(noise) ** 2, axis=(0, 2, 3))
    assert np.sqrt(power) == pytest.approx(expected, rel=0.1)
    assert abs(np.mean(noise**2) / np.mean(power)) < 0.1  # real and imaginary parts alike


def test_noise_falls_with_averages_and_is_that_of_its_seed():
    one, many = simulated(noise=NOISE), simulated(noise=NOISE, recording=Recording(averages=100))
    first = mpisim.record(one, seed=1)
    assert np.array_equal(first["system_matrix"], mpisim.record(one, seed=1)["system_matrix"])
    assert not np.array_equal(first["system_matrix"], mpisim.record(one, seed=2)["system_matrix"])
    quiet = mpisim.record(many, seed=1)
    assert np.allclose(quiet["noise_std"], first["noise_std"] / 10)
    assert np.allclose(row_snr(quiet), 10 * row_snr(first), rtol=1e-3)
    assert np.std(noise_of(quiet, many)) == pytest.approx(np.std(noise_of(first, one)) / 10, rel=1e-3)


def test_a_delay_is_a_shift_in_time_and_divides_out():
    exact = simulated(gain=5.0, delay=1e-6, filters=(BandPass(10e3, 300e3), mpisim.CoilResonance(4e5, 2.0)))
    found = apply([DivideTransfer()], exact)
    assert mpisim.nrmse(found, EXACT) < 1e-6
    shifted = simulated(delay=1e-6)["system_matrix"].values / EXACT["system_matrix"].values
    assert np.allclose(shifted, np.exp(-2j * np.pi * EXACT["frequency"].values * 1e-6)[:, None, None], atol=1e-5)


def test_subtraction_removes_the_feedthrough_and_its_linear_drift():
    drifting = replace(THROUGH, drift=(2.0, 1.0))
    recorded = mpisim.record(simulated(feedthrough=drifting, recording=OFTEN))
    assert mpisim.nrmse(recorded, EXACT) > 0.01
    assert mpisim.nrmse(apply([SubtractBackground()], recorded), EXACT) < 1e-6


def test_what_wanders_between_two_runs_is_left():
    """Between two runs that are T apart a random walk leaves the variance w^2 T u (1 - u), u of the way along."""
    recording = Recording(time=1.0, background_every=16)
    exact = simulated(feedthrough=replace(THROUGH, wander=0.05), recording=recording)
    left = [noise_of(apply([SubtractBackground()], mpisim.record(exact, seed)), exact) for seed in range(60)]
    hours = 17 * recording.position_time(3) / 3600
    u = np.arange(1, 17) / 17
    expected = 0.05 * np.hypot(1e-5, 2e-5) * np.sqrt(hours * np.mean(u * (1 - u)))
    assert np.sqrt(np.mean(np.abs(np.array(left)[:, :, 0]) ** 2)) == pytest.approx(expected, rel=0.1)
    assert np.abs(np.array(left)[:, :, 2]).max() < 1e-6 * expected  # no feedthrough at harmonic 4


def test_background_and_transfer_are_removed_alike_from_matrix_and_measurement():
    exact = simulated(gain=5.0, filters=(BandPass(10e3, 300e3),), noise=NOISE, feedthrough=THROUGH, recording=OFTEN)
    clean = recon.measure(exact, recon.phantoms.shape(), noiseless=True)
    y = mpisim.record(clean, seed=1)
    assert y["noise_std"].values == pytest.approx(mpisim.record(exact)["noise_std"].values)
    steps = [SubtractBackground(), DivideTransfer()]
    matrix, found = apply_all(steps, [mpisim.record(exact), y])
    ideal = recon.measure(EXACT, recon.phantoms.shape(), noiseless=True)
    assert np.abs(found["measurement"].values - ideal["measurement"].values).max() < 6 * float(found["noise_std"].max())
    assert np.all(row_snr(matrix) > 100)
    again = recon.measure(matrix, recon.phantoms.shape(), noiseless=True)  # the state of the matrix is known
    assert np.allclose(again["measurement"], ideal["measurement"], rtol=1e-5)
    image = recon.reconstruct(matrix, again, "xspace")["image"].values
    assert np.allclose(image, recon.reconstruct(EXACT, ideal, "xspace")["image"].values, atol=1e-3 * image.max())


def test_block_means_keep_the_noise_and_the_transfer_function():
    exact = simulated(gain=5.0, noise=NOISE)
    coarse = calib.downsample(mpisim.record(exact), 2, snr=None)
    assert np.allclose(coarse["noise_std"][0], mpisim.record(exact)["noise_std"] / 2)
    assert np.array_equal(coarse["transfer_function"], exact["transfer_function"])


def test_files_hold_what_was_recorded(tmp_path):
    recorded = mpisim.record(simulated(noise=NOISE, feedthrough=THROUGH, recording=OFTEN), seed=3)
    mpisim.write(recorded, tmp_path / "r.nc")
    found = mpisim.read(tmp_path / "r.nc")
    assert found.identical(recorded) and found.attrs["recorded"]["seed"] == 3
    assert mpisim.Setup.of(found).scanner.receive.feedthrough == THROUGH


def test_voltages_near_the_range_are_told():
    peak = 2 * float(np.abs(EXACT["system_matrix"]).max())
    with pytest.warns(DataWarning, match=r"may reach .* V, beyond the range of the digitiser"):
        mpisim.record(simulated(digitiser=Digitiser(16, 1.1 * peak), noise=NOISE))
    with pytest.warns(DataWarning, match=r"noise before the digitiser, .* is small against its step of 0.0039 V"):
        mpisim.record(simulated(digitiser=Digitiser(bits=9), noise=NOISE))
    low = scanner(digitiser=Digitiser(range=0.5 * peak))
    assert_refused(mpisim.record, mpisim.simulate(low, PARTICLE, GRID))
    assert_refused(check_recording, mpisim.Setup(low, PARTICLE, mpisim.Grid((9, 9))))
    good = mpisim.Setup(scanner(digitiser=Digitiser()), PARTICLE, GRID)
    check_recording(good)
    assert_refused(lambda v: check_recording(good, v), 1e5)


def test_what_cannot_be_recorded_gets_one_sentence():
    noisy = mpisim.record(simulated(noise=NOISE))
    for data in (EXACT, noisy, recon.reconstruct(EXACT, recon.measure(EXACT, recon.phantoms.shape()), "tikhonov")):
        assert_refused(mpisim.record, data)
    assert_refused(lambda v: mpisim.record(simulated(noise=NOISE), seed=v), -1)
    assert_refused(lambda v: mpisim.record(simulated(noise=NOISE), signal=v), 0)
    assert_refused(check_recording, mpisim.Setup(IDEAL, PARTICLE, GRID))
    assert_refused(mpisim.record, apply([DivideTransfer()], simulated(gain=2.0, noise=NOISE)))
    with pytest.warns(DataWarning, match="A recording of 10.01 ms holds 232.232 periods"):
        mpisim.record(simulated(noise=NOISE, recording=Recording(time=10.01e-3)))


def test_a_matrix_and_a_measurement_of_one_seed_share_no_noise():
    exact = simulated(noise=NOISE)
    y = recon.measure(exact, recon.phantoms.tubes(), noiseless=True, same_grid=True)
    matrix, measured = mpisim.record(exact), mpisim.record(y)
    sigma = matrix["noise_std"].values
    drawn = noise_of(matrix, exact)[0, 0].ravel() / sigma[0]  # in the order in which they are drawn
    other = (measured["measurement"].values - y["measurement"].values) / sigma
    assert other.size == 9 and np.abs(drawn[:9] - other.ravel()).max() > 0.5


def test_what_drops_background_frames_says_that_the_background_stays():
    recorded = mpisim.record(simulated(noise=NOISE, feedthrough=THROUGH, recording=OFTEN))
    with pytest.warns(DataWarning, match="still contains the background"):
        coarse = downsample(recorded, 2, snr=None)
    with pytest.warns(DataWarning, match="as often as there are"):
        recon.measure(recorded, recon.phantoms.tubes(), same_grid=True)
    assert "background" not in coarse and "background_index" not in coarse.coords
    assert downsample(SubtractBackground().applied(recorded), 2, snr=None).attrs["stage"] == "coarse"
