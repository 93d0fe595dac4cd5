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


@pytest.mark.parametrize("shape", [(2, 16), (5, 4), (1, 1), (40, 1)])
def test_too_small_a_matrix_is_refused(shape):
    with pytest.raises(
        InputError, match=r"^Input coarse must be given with its noise level \(snr, noise_std or noisele"
    ):
        estimate_noise(1 + 0.1 * complex_gaussian(shape, 1.0, 0), "coarse")


def test_rows_without_signal_or_without_room_for_noise_are_refused():
    noise = complex_gaussian((480, 16), 1.0, 0)
    for values in (noise, noise * np.geomspace(1, 1e3, 16)):  # equal powers, and powers of which none is a floor
        with pytest.raises(InputError, match="from which it cannot be told"):
            estimate_noise(values)
    assert estimate_noise(np.zeros((3, 4), complex)).noise_std == 0


def test_large_matrices_are_sampled_always_alike():
    assert np.array_equal(sampled_rows(480, 256), np.arange(480))
    chosen = sampled_rows(100_000, 64)
    assert len(chosen) == 2_000_000 // 64 and np.all(np.diff(chosen) > 0)
    assert np.array_equal(chosen, sampled_rows(100_000, 64)) and len(set(chosen % 8)) == 8
