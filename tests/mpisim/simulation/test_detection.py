"""Laws of the detection limit: the matched filter by Monte Carlo, scaling with noise, averages, sample and region."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import calib
import mpisim
from mpisim import Digitiser, Feedthrough, ReceiveChain, ReceiveNoise, Recording
from mpisim.data.noise import complex_gaussian
from mpisim.data.views import as_matrix
from mpisim.particles.iron import iron_mass
from mpisim.preprocess.apply import apply
from mpisim.preprocess.receive import DivideTransfer
from mpisim.preprocess.subtraction import SubtractBackground
from mpisim.simulation.detection import detection_limit, measurement_noise, sample_iron_mass
from tests.mpisim.bad_input import assert_refused

LINE = mpisim.open_sided_ffl(0.5, angles=3, harmonics=(2, 3, 4))
PARTICLE, GRID = mpisim.Particle(25e-9), mpisim.Grid((8, 8))
NOISE = ReceiveNoise(resistance=10.0, voltage_noise=4e-9)


def simulated(sample=None, **parts):
    scanner = mpisim.ImperfectFFL.of(LINE, receive=ReceiveChain(**{"noise": NOISE, **parts}))
    return mpisim.simulate(scanner, PARTICLE, GRID, sample)


EXACT = simulated()


def test_an_empty_voxel_and_the_limit_itself_by_monte_carlo():
    """The estimate of the limiting mass has a third of it as its standard deviation, and 50 % of draws exceed it."""
    sigma = np.tile(measurement_noise(EXACT).values, 3)
    column = as_matrix(EXACT)[:, 27].astype(complex)
    iron = sample_iron_mass(EXACT)
    limit = detection_limit(EXACT).values.ravel()[27]
    noise = complex_gaussian((40_000, 9), 1.0, 3) * sigma
    weights = column.conj() / sigma**2
    scale = iron / np.sum(np.abs(column) ** 2 / sigma**2)
    empty = scale * (noise @ weights).real
    full = scale * ((noise + limit / iron * column) @ weights).real
    assert np.std(empty) == pytest.approx(limit / 3, rel=0.01)
    assert np.mean(full) == pytest.approx(limit, rel=0.01)
    assert np.mean(full > limit) == pytest.approx(0.5, abs=0.01)
    assert np.mean(empty > limit) == pytest.approx(0.00135, abs=0.0006)


def test_no_other_linear_estimate_is_better():
    """Any weights whose estimate is unbiased have a larger standard deviation than the matched filter."""
    sigma = np.tile(measurement_noise(EXACT).values, 3)
    column, iron = as_matrix(EXACT)[:, 20].astype(complex), sample_iron_mass(EXACT)
    least = detection_limit(EXACT, factor=1.0).values.ravel()[20]
    matched, rng = column / sigma**2, np.random.default_rng(0)
    for size in (0.01, 0.1, 1.0):
        for _ in range(20):
            weights = matched * (1 + size * (rng.standard_normal(9) + 1j * rng.standard_normal(9)))
            spread = np.sqrt(np.sum(np.abs(weights) ** 2 * sigma**2) / 2) / np.sum((weights.conj() * column).real)
            assert iron * spread >= least
    spread = np.sqrt(np.sum(np.abs(matched) ** 2 * sigma**2) / 2) / np.sum((matched.conj() * column).real)
    assert iron * spread == pytest.approx(least, rel=1e-6)


def test_it_scales_with_noise_factor_and_averages():
    limit = detection_limit(EXACT)
    sigma = measurement_noise(EXACT).values
    assert np.allclose(detection_limit(EXACT, noise_std=7 * sigma), 7 * limit)
    assert np.allclose(detection_limit(EXACT, averages=16), limit / 4)
    assert np.allclose(detection_limit(EXACT, factor=6.0), 2 * limit)
    many = simulated(recording=Recording(averages=16))
    assert np.allclose(detection_limit(many), limit / 4)


def test_it_does_not_depend_on_the_calibration():
    """Neither the concentration, nor the height, nor the time of the calibration changes it."""
    limit = detection_limit(EXACT)
    for sample in (mpisim.Sample(concentration=3e18), mpisim.Sample(height=2e-3)):
        assert np.allclose(detection_limit(simulated(sample)), limit, rtol=1e-5)
    gain = simulated(gain=5.0)
    assert np.allclose(detection_limit(gain), limit, rtol=1e-5)
    assert np.allclose(detection_limit(EXACT, sample_iron=2 * sample_iron_mass(EXACT)), 2 * limit)


def test_it_is_inversely_proportional_to_the_sensitivity_of_the_coil():
    class Twice(mpisim.OpenSidedFFL):
        def receive_sensitivity(self, points):
            return 2 * super().receive_sensitivity(points)

    line = Twice(**{f: getattr(LINE, f) for f in LINE.__dataclass_fields__})
    near = mpisim.simulate(line, PARTICLE, GRID)
    sigma = measurement_noise(EXACT).values
    assert np.allclose(detection_limit(near, noise_std=sigma), detection_limit(EXACT) / 2, rtol=1e-5)


def test_the_noise_of_the_matrix_is_no_signal():
    """A recorded matrix has the limit of the exact one, in the mean also where its own noise is as large."""
    share = float(3 * detection_limit(EXACT).mean() / sample_iron_mass(EXACT))
    exact = simulated(mpisim.Sample(concentration=1e20 * share))
    noisy = [detection_limit(mpisim.record(exact, seed=s)).values for s in range(60)]
    power = np.mean([limit**-2 for limit in noisy], axis=0)
    signal, noise = np.sum(np.abs(as_matrix(exact)) ** 2, axis=0).mean(), 3 * np.sum(measurement_noise(exact) ** 2)
    assert 0.2 * noise < signal < 20 * noise
    assert power.mean() == pytest.approx(np.mean(detection_limit(exact).values ** -2.0), rel=0.05)
    empty = exact.assign(system_matrix=0 * exact["system_matrix"])
    assert np.all(np.isinf(detection_limit(empty)))


def test_a_region_is_the_mean_over_its_voxels():
    fine = detection_limit(EXACT, region=2)
    values = EXACT["system_matrix"].values
    means = (values[..., :-1, :-1] + values[..., 1:, :-1] + values[..., :-1, 1:] + values[..., 1:, 1:]) / 4
    sigma = measurement_noise(EXACT).values[:, None, None]
    energy = np.sum(np.abs(means) ** 2 / sigma**2, axis=(0, 1))
    assert np.allclose(fine, 3 * sample_iron_mass(EXACT) / np.sqrt(2 * energy), rtol=1e-5)
    assert fine.shape == (7, 7)
    assert np.allclose(fine["x"], (EXACT["x"].values[1:] + EXACT["x"].values[:-1]) / 2)
    whole = detection_limit(EXACT, region=8)
    assert whole.shape == (1, 1) and whole.values > detection_limit(EXACT).values.max()


def test_energies_of_coils_add_up_and_units_do_not_matter():
    pair = xr.concat([EXACT["system_matrix"], 2 * EXACT["system_matrix"]], "receive").transpose("angle", "receive", ...)
    sigma = measurement_noise(EXACT).values
    found = detection_limit(EXACT.assign(system_matrix=pair), noise_std=sigma)
    assert np.allclose(found, detection_limit(EXACT) / np.sqrt(5), rtol=1e-6)
    tiny = EXACT.assign(system_matrix=EXACT["system_matrix"] * np.float32(1e-25))
    assert np.allclose(detection_limit(tiny, noise_std=1e-25 * sigma), detection_limit(EXACT), rtol=1e-5)


def test_a_volume_has_cubes_as_regions_and_a_matrix_at_positions_has_none():
    point = mpisim.LissajousFFP(drive_amplitudes=(12e-3, 10e-3), dividers=(10, 9), clock_frequency=2.5e5)
    grid = mpisim.Grid((4, 3, 3), (8e-3, 6e-3, 6e-3))
    volume = mpisim.simulate(replace(point, samples_per_period=720), PARTICLE, grid)
    one, cubes = detection_limit(volume, noise_std=1e-9), detection_limit(volume, noise_std=1e-9, region=2)
    assert one.dims == ("z", "y", "x") and one.shape == (3, 3, 4) and cubes.shape == (2, 2, 3)
    values = volume["system_matrix"].values[..., :2, :2, :2].mean(axis=(-3, -2, -1))
    energy = np.sum(np.abs(values) ** 2) / 1e-18
    assert cubes.values[0, 0, 0] == pytest.approx(3 * sample_iron_mass(volume) / np.sqrt(2 * energy), rel=1e-5)
    coarse = calib.downsample(EXACT, 2, snr=None, positions=[[0.0, 0.0], [2e-3, 4e-3]])
    noise = {"noise_std": measurement_noise(EXACT).values}
    found = detection_limit(coarse, **noise)
    assert found.dims == ("position",) and np.all(found > 0)
    assert_refused(lambda _: detection_limit(coarse, region=2, **noise))


def test_preprocessed_rows_have_the_same_limit():
    """Gain and filters that are divided out change signal and noise alike."""
    recorded = mpisim.record(simulated(gain=5.0, filters=(mpisim.BandPass(30e3, 80e3),)), seed=2)
    assert np.allclose(detection_limit(apply([DivideTransfer()], recorded)), detection_limit(recorded), rtol=1e-4)


def test_a_large_sample_states_the_noise_of_a_measurement():
    scanner = mpisim.ImperfectFFL.of(LINE, receive=ReceiveChain(noise=NOISE))
    setup = mpisim.Setup(scanner, PARTICLE, GRID)
    coarse = mpisim.calibrate(setup, factor=2, seed=0)
    assert np.allclose(measurement_noise(coarse), measurement_noise(EXACT))
    fine = detection_limit(EXACT, region=2).values[::2, ::2]
    assert np.allclose(detection_limit(coarse), fine, rtol=0.01)
    for means in (mpisim.calibrate(setup, factor=2, retrospective=True), calib.downsample(EXACT, 2, snr=30)):
        assert np.allclose(measurement_noise(means), measurement_noise(EXACT))  # not the noise of the means
    assert np.allclose(detection_limit(calib.downsample(EXACT, 2, snr=None)), fine, rtol=1e-5)
    assert_refused(lambda _: measurement_noise(calib.downsample(mpisim.simulate(LINE, PARTICLE, GRID), 2, snr=30)))


def test_background_is_refused_until_it_is_subtracted():
    through = {"feedthrough": Feedthrough(((2, 1e-4, 0.0),))}
    assert_refused(lambda _: detection_limit(mpisim.record(simulated(**through))))
    with_frames = mpisim.record(simulated(**through, recording=Recording(background_every=8, background_frames=20)))
    assert_refused(lambda _: detection_limit(with_frames))
    found = detection_limit(apply([SubtractBackground()], with_frames))
    assert np.allclose(found, detection_limit(EXACT), rtol=0.1)


def test_iron_of_a_sample():
    volume = np.pi * 25e-9**3 / 6
    particles = 1e20 * 4e-3**2 * 1e-3
    assert sample_iron_mass(EXACT) == pytest.approx(particles * volume * 5.2e3 * 0.7236, rel=1e-9)
    assert sample_iron_mass(EXACT, 4.0e3, 0.7) == pytest.approx(particles * volume * 4.0e3 * 0.7, rel=1e-9)
    assert sample_iron_mass(EXACT) == pytest.approx(particles * iron_mass(PARTICLE))


def test_bad_input_is_one_sentence():
    plain = mpisim.simulate(LINE, PARTICLE, GRID)
    assert_refused(lambda _: detection_limit(plain))
    unknown = plain.assign_attrs(origin="measured").drop_vars("noise_std")
    assert_refused(lambda _: detection_limit(unknown))
    for name in ("particle", "sample", "grid"):
        rest = EXACT.assign_attrs()
        del rest.attrs[name]
        assert_refused(lambda _, rest=rest: detection_limit(rest))
    for wrong in ({"factor": 0}, {"averages": 0}, {"region": 9}, {"region": 1.5}, {"sample_iron": -1}):
        assert_refused(lambda _, wrong=wrong: detection_limit(EXACT, **wrong))
    for noise in (0.0, -1.0, np.nan, [1e-9] * 2):
        assert_refused(lambda _, noise=noise: detection_limit(EXACT, noise_std=noise))
    divided = apply([DivideTransfer()], EXACT)
    assert_refused(lambda _: detection_limit(divided))
    silent = replace(ReceiveChain(), digitiser=None)
    scanner = mpisim.ImperfectFFL.of(LINE, receive=silent)
    assert_refused(lambda _: detection_limit(mpisim.simulate(scanner, PARTICLE, GRID)))
    assert detection_limit(simulated(noise=None, digitiser=Digitiser())).values.max() > 0
