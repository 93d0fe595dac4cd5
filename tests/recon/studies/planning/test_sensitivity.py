from dataclasses import replace

import numpy as np
import pytest

import mpisim
from recon.studies.planning.noise import ChainNoise, StatedNoise
from recon.studies.planning.sensitivity import sensitivity_of

LINE = mpisim.open_sided_ffl(0.7, angles=4, harmonics=(2, 3))
GRID = mpisim.Grid((8, 8))
PLAIN = mpisim.Setup(LINE, mpisim.Particle(25e-9), GRID)


def with_chain(**parts):
    chain = mpisim.ReceiveChain(noise=mpisim.ReceiveNoise(voltage_noise=1e-8), **parts)
    return replace(PLAIN, scanner=mpisim.ImperfectFFL.of(LINE, receive=chain)), ChainNoise(chain)


def test_it_is_the_limit_of_one_average_whatever_the_averages_of_the_file():
    setup, noise = with_chain(recording=mpisim.Recording(averages=16))
    fine = setup.simulate()
    found = sensitivity_of(setup, fine, noise)
    of_file = mpisim.detection_limit(fine).values
    assert found.iron == pytest.approx(4 * np.median(of_file)) and found.iron_worst == pytest.approx(4 * of_file.max())
    assert found.averaging == float("inf")


def test_ten_times_less_noise_detects_a_tenth_and_a_ratio_of_every_sample_tells_nothing():
    fine = PLAIN.simulate()
    little, much = (sensitivity_of(PLAIN, fine, StatedNoise(snr, 1)) for snr in (40.0, 20.0))
    assert much.iron == pytest.approx(10 * little.iron)
    assert sensitivity_of(PLAIN, fine, StatedNoise(40.0)) is None


def test_drift_ends_the_gain_of_averages_at_the_first_row_that_it_reaches():
    lines = ((2, 1e-3, 0.0), (3, 1e-5, 0.0))
    setup, noise = with_chain(feedthrough=mpisim.Feedthrough(lines, drift=(0.01, 0.0)))
    found = sensitivity_of(setup, setup.simulate(), noise).averaging
    rows = mpisim.chain_averaging_limit(setup.scanner.receive, 23.2e3 * np.array([2.0, 3.0]), 23.2e3, 4)
    assert found == pytest.approx(rows[0]) and rows[0] < rows[1]
