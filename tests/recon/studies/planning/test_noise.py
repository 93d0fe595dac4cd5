from dataclasses import replace

import numpy as np
import pytest

import calib
import mpisim
from mpisim.data.downsampling import downsample
from mpisim.errors import InputError
from recon.studies.planning.noise import ChainNoise, StatedNoise, coarse_exact, noise_levels, noise_of, relative_noise

GRID = mpisim.Grid((8, 8))
LINE = mpisim.open_sided_ffl(0.7, angles=12, harmonics=(2, 3))
CHAIN = mpisim.ReceiveChain(
    gain=5.0, filters=(mpisim.BandPass(10e3, 100e3),), noise=mpisim.ReceiveNoise(resistance=10.0, voltage_noise=4e-7)
)
PLAIN = mpisim.Setup(LINE, mpisim.Particle(25e-9), GRID)
NOISY = replace(PLAIN, scanner=mpisim.ImperfectFFL.of(LINE, receive=CHAIN))


@pytest.fixture(scope="module")
def fine():
    return PLAIN.simulate()


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_the_ratio_of_every_sample_is_the_protocol_of_downsample(fine, factor):
    exact = coarse_exact(PLAIN, fine, factor)
    found = StatedNoise(20.0).measured(exact, fine, factor, 1, 0)
    assert float(found["noise_std"]) == pytest.approx(float(downsample(fine, factor, snr=20.0)["noise_std"]))
    assert relative_noise(found, exact) == pytest.approx(0.1, rel=0.2)  # of few values


def test_of_one_sample_all_others_have_the_same_noise_in_volts(fine):
    noise = StatedNoise(20.0, edge=2)
    volts = [float(noise.measured(coarse_exact(PLAIN, fine, f), fine, f, 1, 0)["noise_std"]) * f**2 for f in (1, 2, 4)]
    assert volts == pytest.approx(volts[:1] * 3)
    assert volts[1] / 4 == pytest.approx(float(downsample(fine, 2, snr=20.0)["noise_std"]))


@pytest.mark.parametrize("noise", [StatedNoise(20.0), ChainNoise(CHAIN)])
def test_noise_falls_with_the_square_root_of_the_averages_and_is_what_is_stated(noise):
    setup = PLAIN if isinstance(noise, StatedNoise) else NOISY
    exact_fine = setup.simulate()
    exact = coarse_exact(setup, exact_fine, 2)
    reference = noise.reference(exact)
    clean = reference["system_matrix"].values
    stated, actual, signal = [], [], np.sqrt(np.mean(np.abs(clean) ** 2))
    for averages in (1, 16):
        found = noise.measured(exact, exact_fine, 2, averages, 3)
        stated.append(float(np.sqrt((found["noise_std"] ** 2).mean())) / signal)
        actual.append(relative_noise(found, reference))
    assert stated[0] == pytest.approx(4 * stated[1])
    assert actual == pytest.approx(stated, rel=0.1)


def test_the_noise_of_a_chain_is_that_of_a_prospective_calibration():
    fine = NOISY.simulate()
    found = ChainNoise(CHAIN).measured(coarse_exact(NOISY, fine, 2), fine, 2, 1, 0)
    volts = mpisim.calibrate(NOISY, 2)["noise_std"].values
    frequencies = found["frequency"].values
    np.testing.assert_allclose(found["noise_std"].values, volts / np.abs(CHAIN.transfer(frequencies)))
    assert calib.nrmse(ChainNoise(CHAIN).reference(fine), PLAIN.simulate()) < 1e-6


def test_which_noise_a_plan_has():
    assert noise_of(NOISY, None, None)[0] == ChainNoise(CHAIN)
    assert noise_of(NOISY, 30.0, 1)[0] == StatedNoise(30.0, 1)
    noise, notes = noise_of(PLAIN, None, None)
    assert noise == StatedNoise(33.7) and "33.7 dB of the paper" in notes[0]
    assert "same noise in volts" in noise_of(PLAIN, 30.0, 2)[0].described()
    with pytest.raises(InputError, match="snr must be given together with snr_of"):
        noise_of(PLAIN, None, 2)
    with pytest.raises(InputError, match="snr_of must be a divisor of the grid's sides"):
        noise_of(PLAIN, 30.0, 3)


def test_levels_of_noise_by_factor_averages_and_angles(fine):
    wanted = [(f, n, step) for f in (1, 2, 4) for n in (1, 4) for step in (1, 2)]
    found = noise_levels(StatedNoise(0.0, 1), PLAIN, fine, wanted, 0)
    assert set(found) == set(wanted) and found[1, 1, 1] == pytest.approx(1.0, rel=0.1)
    assert found[1, 1, 1] / found[2, 1, 1] > 3 and found[2, 1, 1] / found[4, 1, 1] > 3  # 4, but for RMS of means
    assert found[2, 1, 2] / found[2, 4, 2] == pytest.approx(2.0)


def test_averages_do_not_lower_what_a_wandering_feedthrough_leaves():
    def levels(wander):
        through = mpisim.Feedthrough(((2, 1e-4, 0.0), (3, 1e-4, 0.0)), wander=wander)
        recording = mpisim.Recording(time=0.1, background_every=4)
        chain = replace(CHAIN, feedthrough=through, recording=recording)
        setup = replace(PLAIN, scanner=mpisim.ImperfectFFL.of(LINE, receive=chain))
        found = noise_levels(ChainNoise(chain), setup, setup.simulate(), [(2, n, 1) for n in (1, 64)], 0)
        return found[2, 1, 1] / found[2, 64, 1]

    assert levels(0.0) == pytest.approx(8.0, rel=0.1)
    assert levels(10.0) < 1.0
