"""Laws of the receive chain: thermal noise, filters, delay, rounding, drift; and bad input."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest

from mpisim import (
    BandPass,
    CoilResonance,
    Digitiser,
    Feedthrough,
    ImperfectFFL,
    LissajousFFP,
    NoiseSpectrum,
    PoleZeroFilter,
    ReceiveChain,
    ReceiveNoise,
    Recording,
    TransferTable,
    check_scanner,
    open_sided_ffl,
)
from mpisim.errors import DataWarning
from tests.mpisim.bad_input import assert_refused, each

LINES = 23.2e3 * np.arange(2, 10)
IDEAL = open_sided_ffl(0.6, angles=2)


# -- noise ------------------------------------------------------------------------------------------------------------


def test_thermal_noise_is_that_of_johnson():
    """10 ohm at 300 K: sqrt(4 k T R) = .407 nV/sqrt(Hz); its power is in proportion to resistance and temperature."""
    assert ReceiveNoise(resistance=10.0).thermal == pytest.approx(4.0704e-10, rel=1e-4)
    assert ReceiveNoise(resistance=40.0).thermal == pytest.approx(2 * 4.0704e-10, rel=1e-4)
    assert np.allclose(ReceiveNoise(resistance=10.0, temperature=75.0).density(LINES), 0.5 * 4.0704e-10, rtol=1e-4)


def test_parts_of_the_noise_add_their_powers():
    parts = {"resistance": 10.0, "voltage_noise": 3e-9, "current_noise": 1e-12, "inductance": 1e-3, "corner": 1e4}
    f = LINES
    amplifier = (3e-9) ** 2 + (1e-12 * np.hypot(10.0, 2 * np.pi * f * 1e-3)) ** 2
    expected = 4 * 1.380649e-23 * 300 * 10 + amplifier * (1 + 1e4 / f) + 4e-18
    spectrum = NoiseSpectrum((1e3, 1e6), (2e-9, 2e-9))
    assert np.allclose(ReceiveNoise(**parts, spectrum=spectrum).density(f), np.sqrt(expected), rtol=1e-12)


def test_noise_falls_with_the_square_root_of_the_time_and_of_the_averages():
    chain = ReceiveChain(noise=ReceiveNoise(voltage_noise=2e-9), digitiser=Digitiser())
    once = chain.noise_std(LINES)
    for recording in (Recording(time=90e-3), Recording(averages=9), Recording(time=30e-3, averages=3)):
        assert np.allclose(replace(chain, recording=recording).noise_std(LINES), once / 3, rtol=1e-12)
    slow = replace(chain, recording=Recording(duty_cycle=0.1))
    assert np.array_equal(slow.noise_std(LINES), once)
    assert slow.recording.position_time(60) == pytest.approx(10 * chain.recording.position_time(60))


def test_a_line_of_white_noise_has_half_the_density_over_the_time():
    """E|n|^2 = S / (2 t) for the Fourier coefficient of samples of noise: 4000 draws, to 5 %."""
    rate, samples, density = 1e5, 64, 3e-9
    noise = np.random.default_rng(0).standard_normal((4000, samples)) * density * math.sqrt(rate / 2)
    lines = np.fft.rfft(noise, axis=1, norm="forward")[:, 1:-1]
    chain = ReceiveChain(noise=ReceiveNoise(voltage_noise=density), recording=Recording(time=samples / rate))
    assert np.sqrt(np.mean(np.abs(lines) ** 2)) == pytest.approx(chain.noise_std(LINES)[0], rel=0.01)


def test_rounding_adds_the_variance_of_a_twelfth_of_a_step_over_half_the_sampling_rate():
    digitiser = Digitiser(bits=8, range=1.0, sampling_rate=1e5)
    signal = np.random.default_rng(1).standard_normal((2000, 64)) * 3 * digitiser.step
    error = digitiser.quantised(signal) - signal
    assert np.mean(error**2) == pytest.approx(digitiser.step**2 / 12, rel=0.02)
    lines = np.fft.rfft(error, axis=1, norm="forward")[:, 1:-1]
    chain = ReceiveChain(digitiser=digitiser, recording=Recording(time=64e-5))
    assert np.sqrt(np.mean(np.abs(lines) ** 2)) == pytest.approx(chain.noise_std(LINES[:1])[0], rel=0.02)
    assert Digitiser(bits=12).density == pytest.approx(16 * Digitiser(bits=16).density)


def test_voltages_beyond_the_range_are_cut_off_with_a_warning():
    with pytest.warns(DataWarning, match="2 of 4 voltages are beyond the range of the digitiser, 1 V"):
        read = Digitiser(bits=4, range=1.0).quantised([-1.5, 0.3, 0.5, 1.0])
    assert read.tolist() == [-1.0, 0.25, 0.5, 0.875]


# -- filters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 5])
def test_band_passes_are_those_of_butterworth(order):
    f = np.geomspace(1e3, 1e7, 50)
    magnitude = np.abs(BandPass(10e3, 300e3, order).response(f))
    expected = (1 + (10e3 / f) ** (2 * order)) * (1 + (f / 300e3) ** (2 * order))
    assert np.allclose(magnitude, expected**-0.5, rtol=1e-10)
    assert BandPass(high=1e5, order=order).response(np.zeros(1)) == pytest.approx(1)
    assert BandPass(1e5).response(np.zeros(1)) == 0


def test_a_low_pass_lags_and_is_the_filter_of_its_pole():
    """Order 1 at its frequency: 45 degrees behind, also as a pole and as a resonance of low quality."""
    f = np.geomspace(1e3, 1e6, 20)
    low_pass = BandPass(high=1e5).response(f)
    assert np.angle(BandPass(high=1e5).response(np.array([1e5])))[0] == pytest.approx(-math.pi / 4)
    pole = PoleZeroFilter(((-2 * math.pi * 1e5, 0.0),), reference=1e5).response(f)
    assert np.allclose(pole, math.sqrt(2) * low_pass, rtol=1e-12)
    rate = 2 * math.pi * 1e5
    pair = PoleZeroFilter(((-rate / 4, rate * math.sqrt(15) / 4), (-rate / 4, -rate * math.sqrt(15) / 4)))
    resonance = CoilResonance(1e5, 2.0)
    assert resonance.response(np.array([1e5]))[0] == pytest.approx(-2j)
    assert np.allclose(2 * pair.response(f), resonance.response(f), rtol=1e-10)


def test_a_zero_at_the_origin_makes_a_high_pass():
    f = np.geomspace(1e3, 1e6, 20)
    found = PoleZeroFilter(((-2 * math.pi * 1e4, 0.0),), ((0.0, 0.0),), reference=1e4).response(f)
    assert np.allclose(found, math.sqrt(2) * BandPass(1e4).response(f), rtol=1e-12)


def test_a_table_is_linear_in_magnitude_and_phase():
    table = TransferTable((1e4, 2e4, 4e4), (1.0, 0.0, -3.0), (0.0, 2.0, 0.0))
    found = table.response(np.array([1.5e4, 2e4, 3e4]))
    assert np.allclose(found, [1.5 * np.exp(0.25j * np.pi), 2j, 2.5 * np.exp(0.75j * np.pi)])


def test_stages_multiply_and_a_delay_is_a_linear_phase():
    chain = ReceiveChain(5.0, 2e-7, (BandPass(10e3, 300e3), CoilResonance(1e6, 3.0)))
    expected = 5 * BandPass(10e3, 300e3).response(LINES) * CoilResonance(1e6, 3.0).response(LINES)
    assert np.allclose(chain.transfer(LINES), expected * np.exp(-2j * np.pi * LINES * 2e-7), rtol=1e-12)
    delayed = ReceiveChain(delay=2e-7).transfer(LINES)
    assert np.allclose(np.diff(np.unwrap(np.angle(delayed))), -2 * np.pi * 23.2e3 * 2e-7)


def test_the_noise_of_the_coil_goes_through_the_filters_and_that_of_the_digitiser_does_not():
    noise, digitiser = ReceiveNoise(voltage_noise=1e-9), Digitiser(16)
    chain = ReceiveChain(10.0, 0.0, (BandPass(high=50e3),), noise, digitiser)
    expected = np.hypot(10e-9 * np.abs(BandPass(high=50e3).response(LINES)), digitiser.density)
    assert np.allclose(chain.density(LINES), expected, rtol=1e-12)


# -- feedthrough and order --------------------------------------------------------------------------------------------


def test_the_feedthrough_lies_on_its_lines_and_drifts_with_the_time():
    through = Feedthrough(((1, 1.0, 0.0), (3, 0.0, 2e-3)), drift=(0.1, -0.2))
    assert through.at(np.array([23.2e3, 46.4e3, 69.6e3, 69.7e3]), 23.2e3).tolist() == [1, 0, 2e-3j, 0]
    assert np.allclose(through.changes([0.0, 1800.0, 7200.0], 0), [1, 1.05 - 0.1j, 1.2 - 0.4j])


def test_a_wandering_feedthrough_spreads_with_the_square_root_of_the_time():
    through = replace(Feedthrough(((1, 1.0, 0.0),)), wander=0.02)
    ends = np.array([through.changes([900.0, 3600.0], seed) for seed in range(2000)]) - 1
    assert np.sqrt(np.mean(np.abs(ends) ** 2, axis=0)) == pytest.approx([0.01, 0.02], rel=0.05)


@pytest.mark.parametrize(("positions", "every", "run"), [(7, 3, 2), (6, 3, 1), (5, 0, 1)])
def test_positions_and_background_frames_follow_each_other(positions, every, run):
    at, background = Recording(background_every=every, background_frames=run).order(positions)
    assert sorted([*at, *background]) == list(range(len(at) + len(background)))
    assert len(background) == (run * (math.ceil(positions / every) + 1) if every else 0)
    if every:
        assert background[0] == 0 and background[-1] == len(at) + len(background) - 1


# -- in a scanner, and bad input --------------------------------------------------------------------------------------


def test_a_chain_without_parts_leaves_gains_and_line_profile_as_they_are():
    scanner = ImperfectFFL.of(IDEAL, receive=ReceiveChain(noise=ReceiveNoise(1.0)))
    assert np.array_equal(scanner.receive_gains(), np.ones((2, 1, 8)))
    assert scanner.line_profile == IDEAL.line_profile
    check_scanner(scanner)
    points = LissajousFFP(band=(70e3, 80e3), receive=ReceiveChain(gain=2.0))
    assert np.array_equal(points.receive_gains(), np.full((1, 3, len(points.sequence.harmonics)), 2.0))
    check_scanner(points)


def chained(**parts):
    return ImperfectFFL.of(IDEAL, receive=ReceiveChain(**parts))


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: ReceiveChain(gain=v), (0, -1, math.nan, "5", 1e12)),
        *each(lambda v: ReceiveChain(delay=v), (-1e-6, 2.0)),
        *each(lambda v: ReceiveChain(filters=v), (BandPass(1e4), (BandPass,), (3,))),
        *each(lambda v: ReceiveChain(noise=v), (1e-9,)),
        *each(lambda v: ReceiveChain(digitiser=v), (16,)),
        *each(lambda v: ReceiveChain(recording=v), (None, 10e-3)),
        *each(lambda v: BandPass(*v), ((), (3e5, 1e4), (-1.0,), (1e4, 3e5, 0), (1e4, 3e5, 9))),
        *each(lambda v: CoilResonance(1e5, v), (0.0, -3.0)),
        *each(PoleZeroFilter, ((), ((1.0, 0.0),), ((0.0, 1.0), (0.0, -1.0)), ((-1.0, 2.0),), (-1.0,))),
        *each(lambda v: PoleZeroFilter(((-1e5, 0.0),), v), (((0, 0), (0, 0)), ((-1.0, 3.0),))),
        *each(lambda v: TransferTable(*v), (((1e4,), (1,), (0,)), ((2, 1), (1, 1), (0, 0)), ((1, 2), (1, 0), (0, 0)))),
        *each(lambda v: NoiseSpectrum((1.0, 2.0), v), ((1e-9, -1e-9), (1e-9, math.nan), (1e-9,), (1e-9, 3.0))),
        *each(lambda v: ReceiveNoise(resistance=v), (-1.0, math.inf)),
        *each(lambda v: ReceiveNoise(spectrum=v), ("s.csv",)),
        *each(lambda v: Digitiser(bits=v), (0, 33, 12.5)),
        *each(lambda v: Digitiser(range=v), (0.0, -1.0)),
        *each(Feedthrough, ((), ((1, 2.0),), ((0, 1, 0),), ((1, 1, 0), (1, 2, 0)), ((1, 1e6, 0),), None)),
        *each(lambda v: Feedthrough(((1, 1, 0),), drift=v), ((1.0,), 0.1, (100, 0))),
        *each(lambda v: Recording(time=v), (0.0, -1.0, 10)),
        *each(lambda v: Recording(averages=v), (0, 1.5)),
        *each(lambda v: Recording(duty_cycle=v), (0.0, 10)),
        *each(lambda v: chained(digitiser=Digitiser(sampling_rate=v)), (4e5,)),
        *each(lambda v: chained(noise=ReceiveNoise(spectrum=v)), (NoiseSpectrum((1e3, 1e5), (1e-9, 1e-9)),)),
        *each(lambda v: chained(feedthrough=v, digitiser=Digitiser()), (Feedthrough(((1, 0.6, 0.0),)),)),
        *each(lambda v: ImperfectFFL.of(IDEAL, receive=v), (0.1, ReceiveNoise())),
        *each(lambda v: LissajousFFP(band=(7e4, 8e4), receive=v), (0.1,)),
    ],
)
def test_bad_parts_get_one_sentence(make, value):
    assert_refused(make, value)


def test_a_gap_in_a_spectrum_is_refused_where_a_line_lies_in_it():
    """Equal steps of 1 kHz but for one of 100 kHz, in which harmonic 4 lies; one of 5 kHz is no gap."""
    f = np.concatenate([np.arange(1e3, 50e3, 1e3), np.arange(150e3, 300e3, 1e3)])
    gap = NoiseSpectrum(tuple(f), tuple(1e-9 * np.ones(f.size)))
    with pytest.raises(ValueError, match=r"noise spectrum must be without a gap at 69600 Hz; instead received nothing"):
        chained(noise=ReceiveNoise(spectrum=gap))
    few = NoiseSpectrum(tuple(np.delete(np.arange(1e3, 300e3, 1e3), range(60, 65))), (1e-9,) * 294)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chained(noise=ReceiveNoise(spectrum=few))
        chained(noise=ReceiveNoise(spectrum=NoiseSpectrum((0.0, 1e6), (1e-9, 1e-9))))
