"""Laws of measured background frames: their mean, spread and correlation come into the matrix, and go again."""

import numpy as np
import pytest

import mpisim
from mpisim import InputError
from mpisim.data.noise import complex_gaussian
from mpisim.data.schema import build
from mpisim.errors import DataWarning
from mpisim.preprocess.apply import apply
from mpisim.preprocess.receive import DivideTransfer
from mpisim.preprocess.subtraction import SubtractBackground
from tests.commands import run
from tests.mpisim.bad_input import assert_refused, each

LINE = mpisim.open_sided_ffl(0.5, angles=2, harmonics=(2, 3))
EXACT = mpisim.simulate(LINE, mpisim.Particle(25e-9), mpisim.Grid((8, 8)))
F = 23.2e3 * np.arange(1, 5)


def frames(count=400, f=F, units="V", angles=2):
    """Frames with a mean of their own at every frequency, and one noise in all rows of a frame."""
    common = complex_gaussian((count, 1, 1), 1.0, 3) * np.array([1e-6, 2e-6, 5e-6, 1e-6])[: len(f)]
    values = common + 1e-5 * np.arange(1, len(f) + 1)
    dims = ("frame", "angle", "frequency")
    shape = np.broadcast_to(values, (count, angles, len(f)))
    return build("measurement", shape, dims, {"frequency": f}, units=units, origin="measured")


def test_mean_spread_and_correlation_of_rows_are_those_of_the_frames():
    added = mpisim.add_background(EXACT, frames())
    noise = added["system_matrix"].values - EXACT["system_matrix"].values
    assert np.allclose(added["noise_std"], [[2e-6, 5e-6]] * 2, rtol=0.1)
    assert np.allclose(noise.mean(axis=(2, 3)), [[2e-5, 3e-5]] * 2, atol=2e-6)
    left = noise - noise.mean(axis=(2, 3), keepdims=True)
    assert np.allclose(np.sqrt(np.mean(np.abs(left) ** 2, axis=(2, 3))), [[2e-6, 5e-6]] * 2, rtol=0.3)
    assert np.allclose(2.5 * left[:, 0], left[0, 1], atol=1e-9)


def test_the_frames_are_subtracted_again():
    cleaned = apply([SubtractBackground()], mpisim.add_background(EXACT, frames()))
    left = cleaned["system_matrix"].values - EXACT["system_matrix"].values
    assert np.abs(left.mean(axis=(2, 3))).max() < 2e-6
    assert np.allclose(cleaned["noise_std"], [[2e-6, 5e-6]] * 2, rtol=0.1)


def test_units_are_converted_and_a_large_sample_has_less_of_it():
    one = mpisim.add_background(EXACT, frames(), seed=1)
    micro = frames(units="uV")
    micro["measurement"] = micro["measurement"] * 1e6
    micro["measurement"].attrs["units"] = "uV"
    assert np.allclose(mpisim.add_background(EXACT, micro, seed=1)["system_matrix"], one["system_matrix"], atol=1e-11)
    assert np.allclose(mpisim.add_background(EXACT, frames(), seed=1, signal=4)["noise_std"], one["noise_std"] / 4)


def test_the_command_adds_frames_of_a_file(tmp_path, capsys):
    mpisim.write(frames(), tmp_path / "empty.nc")
    words = "--sf-gradient 0.5 --particle-diameter 25 --angle-step 90 --harmonics 2:3 --grid 8".split()
    code, _, _ = run(capsys, "simulate", *words, "--background", tmp_path / "empty.nc", "--out", tmp_path / "sm.nc")
    assert code == 0
    found = mpisim.read(tmp_path / "sm.nc")
    assert np.allclose(found["system_matrix"], mpisim.add_background(EXACT, frames())["system_matrix"], atol=1e-10)


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: mpisim.add_background(EXACT, v), (EXACT, frames(4), frames(angles=3), frames(units="T"))),
        *each(lambda v: mpisim.add_background(EXACT, v), (frames(f=F[:2]), frames().drop_vars("frequency"))),
        *each(lambda v: mpisim.add_background(v, frames()), (mpisim.add_background(EXACT, frames()),)),
    ],
)
def test_frames_that_do_not_fit_get_one_sentence(make, value):
    assert_refused(make, value)


def test_the_spectrum_of_voltages_is_that_of_their_noise():
    """White noise of 3 nV/sqrt(Hz), and a tone of 1 uV whose power is in its line."""
    rate, rng = 1e6, np.random.default_rng(0)
    voltages = 3e-9 * np.sqrt(rate / 2) * rng.standard_normal((20, 4096))
    found = mpisim.NoiseSpectrum.of(voltages, rate, lines=256)
    assert np.median(found.densities) == pytest.approx(3e-9, rel=0.02) and len(found.frequencies) == 256
    tone = voltages + 1e-6 * np.sin(2 * np.pi * 125e3 * np.arange(4096) / rate)
    power = np.array(mpisim.NoiseSpectrum.of(tone, rate, lines=256).densities) ** 2 - 9e-18
    assert np.sum(power) * rate / 512 == pytest.approx(0.5e-12, rel=0.05)
    assert_refused(lambda v: mpisim.NoiseSpectrum.of(v, rate), np.zeros(100))


def test_a_transfer_function_that_only_rows_or_frames_contain_is_refused_or_said():
    scanner = mpisim.ImperfectFFL.of(LINE, receive=mpisim.ReceiveChain(gain=5.0))
    rows = mpisim.simulate(scanner, mpisim.Particle(25e-9), mpisim.Grid((8, 8)))
    received = frames(count=9).isel(frequency=[1, 2]).assign(transfer_function=("frequency", [5.0 + 0j, 5.0]))
    at_coil, coil_frames = DivideTransfer().applied(rows), DivideTransfer().applied(received)
    with pytest.raises(InputError, match="instead received frames out of which it was divided"):
        mpisim.add_background(rows, coil_frames)
    with pytest.raises(InputError, match="instead received frames that contain it"):
        mpisim.add_background(at_coil, received)
    with pytest.warns(DataWarning, match="the simulated rows contain none"):
        mpisim.add_background(EXACT, received)
    whole, part = mpisim.add_background(rows, received), mpisim.add_background(at_coil, coil_frames)
    assert np.allclose(whole["noise_std"], 5 * part["noise_std"])
