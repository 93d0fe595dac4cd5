"""Laws of bands: what is static has its harmonics only; what changes in a frame is its Fourier integral."""

from dataclasses import replace

import numpy as np
import pytest

import mpisim
from mpisim import Bands
from mpisim.errors import DataWarning
from mpisim.preprocess.apply import apply
from mpisim.preprocess.row_snr import row_snr
from mpisim.preprocess.selection import SelectFrequencies
from tests.mpisim.bad_input import assert_refused, each

IDEAL = mpisim.open_sided_ffl(0.5, angles=2, harmonics=(2, 3))
PARTICLE, GRID = mpisim.Particle(25e-9), mpisim.Grid((4, 4))
EXACT = mpisim.simulate(IDEAL, PARTICLE, GRID)
ON = [{"rotation": 20.0}, {"rise_time": 1e-3, "nodes": 24}, {"drift": 5.0}, {"time": 10.01e-3}]


def scanner(**switches):
    return mpisim.ImperfectFFL.of(IDEAL, bands=Bands(**switches))


def values_of(machine):
    return mpisim.simulate(machine, PARTICLE, GRID)["system_matrix"].values


def test_a_static_scanner_has_its_harmonics_to_the_last_digit_and_nothing_beside_them():
    found = mpisim.simulate(scanner(), PARTICLE, GRID)
    assert np.allclose(found["frequency"] / 100, [462, 463, 464, 465, 466, 694, 695, 696, 697, 698], rtol=1e-12)
    values = found["system_matrix"].values
    assert np.array_equal(values[:, [2, 7]], EXACT["system_matrix"])
    assert not np.delete(values, [2, 7], axis=1).any()


def test_lines_beside_the_harmonics_are_pure_noise_unless_something_changes():
    """The SNR of rows beside a harmonic is that of noise, 1; with rotation, switching or drift it is not."""
    for switches in ({}, *ON):
        time = switches.get("time", 10e-3)
        chain = mpisim.ReceiveChain(
            noise=mpisim.ReceiveNoise(voltage_noise=1e-8), recording=mpisim.Recording(time=time)
        )
        recorded = mpisim.record(mpisim.simulate(replace(scanner(**switches), receive=chain), PARTICLE, GRID), seed=1)
        beside = np.delete(row_snr(recorded), [2, 7], axis=1)
        assert np.all(row_snr(recorded)[:, [2, 7]] > 1000)
        assert np.all((0.6 < beside) & (beside < 1.5)) if not switches else np.all(beside > 3)
    chain = mpisim.ReceiveChain(noise=mpisim.ReceiveNoise(voltage_noise=1e-8))
    recorded = mpisim.record(mpisim.simulate(replace(scanner(), receive=chain), PARTICLE, GRID))
    chosen = apply([SelectFrequencies(snr=5.0)], recorded)
    assert np.allclose(chosen["frequency"], IDEAL.drive_frequency * np.array([2, 3]))
    assert chosen["harmonic"].values.tolist() == [2, 3]
    assert "harmonic" not in apply([SelectFrequencies(min_frequency=50e3)], recorded).coords


def test_lines_are_the_fourier_integral_of_the_frame():
    """All switches at once and a broken number of periods, against a sum over 20 000 moments."""
    bands = Bands(2500.0, 1.003e-3, rotation=50.0, rise_time=5e-4, drift=20.0, nodes=16)
    found = mpisim.simulate(mpisim.ImperfectFFL.of(IDEAL, bands=bands), PARTICLE, mpisim.Grid((2, 1), (0.02, 0.01)))
    moments = np.linspace(0, bands.time, 25)
    amplitude = (1 + bands.drift * moments) * -np.expm1(-moments / bands.rise_time)
    turns = bands.rotation * (moments - bands.time / 2)
    kept = replace(IDEAL, harmonics=tuple(range(1, 6)))
    rows = []
    for a, turn in zip(amplitude, turns, strict=True):
        now = replace(kept, drive_amplitude=max(a * kept.drive_amplitude, 1e-6), angles=(turn,))
        rows.append(mpisim.simulate(now, PARTICLE, mpisim.Grid((2, 1), (0.02, 0.01)))["system_matrix"].values[0, :, 0])
    from scipy.interpolate import CubicSpline

    t = (np.arange(20_000) + 0.5) * bands.time / 20_000
    carriers = np.exp(2j * np.pi * IDEAL.drive_frequency * np.outer(np.arange(1, 6), t))
    voltage = 2 * np.einsum("tkv,kt->tv", CubicSpline(moments, np.array(rows))(t), carriers).real
    expected = np.exp(-2j * np.pi * np.outer(found["frequency"].values, t)) @ voltage / t.size
    assert np.abs(found["system_matrix"].values[0, :, 0] - expected).max() < 2e-3 * np.abs(expected).max()


def test_a_small_rotation_puts_a_signal_in_proportion_beside_the_harmonics():
    slow, fast = (np.delete(values_of(scanner(rotation=r)), [2, 7], axis=1) for r in (0.05, 0.1))
    assert np.allclose(fast, 2 * slow, atol=2e-3 * np.abs(fast).max())


def test_the_feedthrough_leaks_where_periods_are_broken():
    through = mpisim.Feedthrough(((1, 1e-3, 2e-3),))
    for time, low, high in ((10e-3, 0.0, 0.0), (10.01e-3, 1e-7, 1e-3)):
        chain = mpisim.ReceiveChain(feedthrough=through, recording=mpisim.Recording(time=time))
        exact = mpisim.simulate(replace(scanner(time=time), receive=chain), PARTICLE, GRID)
        leaked = np.abs(mpisim.record(exact)["system_matrix"].values - exact["system_matrix"].values)
        assert low <= leaked.min() and leaked.max() <= high
    bands, f, t = Bands(time=10.01e-3), np.array([46.5e3]), (np.arange(200_000) + 0.5) * 10.01e-3 / 200_000
    voltage = 2 * ((1 + 2j) * np.exp(2j * np.pi * 23.2e3 * t)).real
    expected = np.mean(voltage * np.exp(-2j * np.pi * f * t))
    assert bands.feedthrough(f, {1: 1 + 2j}, 23.2e3)[0] == pytest.approx(expected, rel=1e-4)


def test_few_nodes_are_told_and_files_give_the_same_scanner(tmp_path):
    with pytest.warns(DataWarning, match=r"8 nodes in a frame are few .* take nodes=16 of the bands"):
        values_of(scanner(rise_time=5e-4))
    found = mpisim.simulate(scanner(drift=1.0), PARTICLE, GRID)
    mpisim.write(found, tmp_path / "b.nc")
    again = mpisim.Setup.of(mpisim.read(tmp_path / "b.nc"))
    assert again.scanner == scanner(drift=1.0) and again.simulate().identical(found)
    mpisim.write_scanner(again, tmp_path / "b.toml")
    assert mpisim.read_scanner(tmp_path / "b.toml") == again


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: Bands(width=v), (-1.0, 1e9, "wide")),
        *each(lambda v: Bands(time=v), (0.0, 1e6)),
        *each(lambda v: Bands(rotation=v), (1e4,)),
        *each(lambda v: Bands(drift=v), (-200.0,)),
        *each(lambda v: Bands(nodes=v), (0, 65, 2.5)),
        *each(lambda v: scanner(width=v), (1e5,)),
        *each(lambda v: scanner(time=v), (1e-5,)),
        *each(lambda v: scanner(time=v, width=1.0), (10.01e-3,)),
        *each(lambda v: scanner(rise_time=v), (1e-5,)),
        *each(lambda v: replace(scanner(width=9e4), samples_per_period=v), (8,)),
        *each(lambda v: replace(scanner(), tones=v), (mpisim.DriveTones(1, 0.1),)),
        *each(lambda v: replace(scanner(), receive=v), (mpisim.ReceiveChain(recording=mpisim.Recording(time=1e-3)),)),
        *each(lambda v: mpisim.ImperfectFFL.of(IDEAL, bands=v), (500.0,)),
    ],
)
def test_bad_bands_get_one_sentence(make, value):
    assert_refused(make, value)
