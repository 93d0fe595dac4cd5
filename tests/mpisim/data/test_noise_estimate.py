"""The noise level from the values alone: against the true one, on scanners that are ideal and not, at any unit."""

import numpy as np
import pytest

import mpisim
from mpisim.data.noise import complex_gaussian, rms
from mpisim.data.noise_estimate import estimate_noise, row_levels, sampled_rows
from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images
from mpisim.errors import InputError

ANGLES, HARMONICS = 30, 8
Y, X = np.meshgrid(*2 * (np.linspace(-1, 1, 32),), indexing="ij")
MAP = 1 + 0.16 * X - 0.1 * Y**2 + 0.05 * X * Y  # a coil that falls off to a side
PHASE = np.exp(0.1j * (X + Y**2))  # 0.3 rad from edge to edge


@pytest.fixture(scope="module", params=[(0.7, 15.17e-9), (1.03, 34.475e-9)], ids=["weak harmonics", "strong harmonics"])
def rows(request):
    gradient, diameter = request.param
    return as_images(mpisim.simulate(mpisim.open_sided_ffl(gradient, angles=ANGLES), mpisim.Particle(diameter)))


@pytest.fixture(scope="module")
def few():
    """(angle, frequency, y, x)"""
    matrix = mpisim.simulate(mpisim.open_sided_ffl(0.5, angles=12), mpisim.Particle(25e-9))
    return matrix["system_matrix"].transpose("angle", "frequency", "y", "x").values


def sampled(rows, scheme, factor):
    operator = Sampling.named(scheme, factor, (32, 32), 1)
    coarse = operator.apply(rows)
    return coarse[:, operator.mask] if scheme == "random" else coarse.reshape(len(rows), -1)


def with_noise(values, snr, seed=0, relative=1.0):
    sigma = relative * rms(values.astype(complex)) * 10 ** (-snr / 20)
    return values + complex_gaussian(values.shape, 1.0, seed) * sigma, sigma


@pytest.mark.parametrize("snr", [20, 33.7, 50])
@pytest.mark.parametrize(
    ("scheme", "factor", "within"),
    [("box", 2, 0.05), ("box", 4, 0.1), ("box", 8, 0.15), ("strided", 4, 0.1), ("random", 4, 0.1)],
)
def test_it_finds_the_level(rows, scheme, factor, within, snr):
    noisy, sigma = with_noise(sampled(rows, scheme, factor), snr)
    assert estimate_noise(noisy).noise_std == pytest.approx(sigma, rel=within)


@pytest.mark.parametrize("distorted", [MAP, MAP * PHASE], ids=["coil", "phase"])
@pytest.mark.parametrize(("factor", "most"), [(2, 1.05), (4, 1.1), (8, 1.5)])
def test_it_presumes_no_ideal_scanner(rows, distorted, factor, most):
    noisy, sigma = with_noise(sampled(rows * distorted, "box", factor), 33.7)
    estimate = estimate_noise(noisy)
    assert 0.95 < estimate.noise_std / sigma < most and estimate.factor is None


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_exact_values_have_none(rows, factor):
    assert estimate_noise(sampled(rows, "box", factor)).noise_std == 0


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_any_unit_will_do(rows, scale):
    noisy, _ = with_noise(sampled(rows, "box", 4), 33.7)
    assert estimate_noise(scale * noisy).noise_std == pytest.approx(scale * estimate_noise(noisy).noise_std, rel=1e-9)


@pytest.mark.parametrize(("factor", "scatter"), [(2, 0.1), (4, 0.2), (8, 0.35)])
def test_noise_that_differs_from_row_to_row(rows, factor, scatter):
    """In proportion to the harmonic: 80 % of the rows within the scatter, the RMS of all to 7 %."""
    by_harmonic = np.tile(np.arange(2, 10) / 5.5, ANGLES)[:, None]
    noisy, sigma = with_noise(sampled(rows, "box", factor), 33.7, relative=by_harmonic)
    estimate = estimate_noise(noisy)
    assert estimate.spread > 1.35 and estimate.factor == pytest.approx(1, abs=0.05)
    found = estimate.factor * row_levels(noisy)
    low, high = np.quantile(found / sigma[:, 0], [0.1, 0.9])
    assert 1 - scatter < low < high < 1 + scatter and rms(found) == pytest.approx(rms(sigma), rel=0.07)


@pytest.mark.parametrize("snr", [-10, 0, 40])
def test_the_level_of_one_row_is_right_for_any_signal(snr):
    signal = 3 * np.exp(1j) * np.cos(np.arange(400))
    noisy, sigma = with_noise(signal[None], snr)
    assert row_levels(noisy)[0] == pytest.approx(sigma, rel=0.1)


def test_real_values_have_real_noise():
    """Without imaginary parts these say nothing of the noise; a rank of 3 leaves 13 of 16 dimensions to it."""
    rng = np.random.default_rng(0)
    signal = 10 * rng.standard_normal((200, 3)) @ rng.standard_normal((3, 16))
    noisy = signal + 0.1 * rng.standard_normal(signal.shape)
    for phase in (1, 1j):
        assert estimate_noise(phase * noisy).noise_std == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(("factor", "within"), [(2, 0.05), (4, 0.07), (8, 0.25)])
@pytest.mark.parametrize("angles", [1, 4, 6])
@pytest.mark.parametrize("snr", [20, 30, 40])
def test_few_rows_of_an_ideal_scanner(few, angles, factor, within, snr):
    coarse = sampled(few[:: 12 // angles][:angles].reshape(-1, 32, 32), "box", factor)
    for seed in range(3):
        noisy, sigma = with_noise(coarse, snr, seed)
        estimate = estimate_noise(noisy)
        assert estimate.noise_std == pytest.approx(sigma, rel=within) and estimate.factor is None
        assert not estimate.bound or (angles, factor) == (1, 8)  # where 6 certain rows of 15 values are next to nothing


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("angles", [1, 12])
def test_few_exact_rows_have_none(few, angles, factor):
    coarse = sampled(few[:angles].reshape(-1, 32, 32), "box", factor)
    for precision in (np.complex128, np.complex64):
        assert estimate_noise(coarse.astype(precision)).noise_std == 0


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("angles", [1, 2, 4])
@pytest.mark.parametrize("snr", [30, 50])
def test_a_phase_within_few_rows_gives_an_upper_bound(few, angles, factor, snr):
    coarse = sampled((few[:: 12 // angles][:angles] * MAP * PHASE**2).reshape(-1, 32, 32), "box", factor)
    noisy, sigma = with_noise(coarse, snr)
    estimate = estimate_noise(noisy)
    assert estimate.bound and estimate.noise_std > 0.95 * sigma


def test_few_rows_of_different_noise_or_gain(few):
    coarse = sampled(few.reshape(-1, 32, 32), "box", 2)
    gains = np.exp(np.random.default_rng(0).standard_normal(len(coarse)))[:, None]
    noisy, sigma = with_noise(gains * coarse, 33.7)
    assert estimate_noise(noisy).noise_std == pytest.approx(sigma, rel=0.02)
    noisy, sigma = with_noise(coarse, 33.7)
    estimate = estimate_noise(gains * noisy)
    assert estimate.factor * row_levels(gains * noisy) == pytest.approx(gains[:, 0] * sigma, rel=0.2)


def test_a_few_real_rows_give_an_upper_bound(few):
    """In real rows of one phase nothing but their rank tells signal and noise apart."""
    coarse = sampled(few[:2].reshape(-1, 32, 32), "box", 4)
    signal = coarse.real + coarse.imag
    sigma = 0.02 * rms(signal.astype(complex))
    estimate = estimate_noise(signal + sigma * np.random.default_rng(0).standard_normal(signal.shape))
    assert estimate.bound and estimate.noise_std > 0.95 * sigma


def test_one_row_gives_an_upper_bound():
    estimate = estimate_noise(1 + 0.1 * complex_gaussian((1, 64), 1.0, 0))
    assert estimate.bound and 0.09 < estimate.noise_std < 0.13


@pytest.mark.parametrize("shape", [(5, 4), (1, 1), (40, 1), (1, 7)])
def test_too_small_a_matrix_is_refused(shape):
    with pytest.raises(
        InputError, match=r"^Input coarse must be given with its noise level \(snr, noise_std or noisele"
    ):
        estimate_noise(1 + 0.1 * complex_gaussian(shape, 1.0, 0), "coarse")


def test_rows_without_signal_are_refused_and_without_room_for_noise_a_bound():
    noise = complex_gaussian((480, 16), 1.0, 0)
    with pytest.raises(InputError, match="from which it cannot be estimated"):
        estimate_noise(noise)
    assert estimate_noise(noise * np.geomspace(1, 1e3, 16)).bound  # powers of which none is a floor
    assert estimate_noise(np.zeros((3, 4), complex)).noise_std == 0


def test_large_matrices_are_sampled_always_alike():
    assert np.array_equal(sampled_rows(480, 256), np.arange(480))
    chosen = sampled_rows(100_000, 64)
    assert len(chosen) == 2_000_000 // 64 and np.all(np.diff(chosen) > 0)
    assert np.array_equal(chosen, sampled_rows(100_000, 64)) and len(set(chosen % 8)) == 8
