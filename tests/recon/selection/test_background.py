"""A background that is estimated with the image: against extra columns, and what is left of one that was added."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

import recon
from mpisim import InputError
from mpisim.data.schema import build
from mpisim.data.views import as_matrix
from recon.selection.background import BASES, Background, Removed, eliminate
from tests.recon.problems import random_problem, small_matrix, small_measurement


def columns(rows=15, count=2, seed=3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((rows, count)) + 1j * rng.standard_normal((rows, count))


def with_columns(matrix, signals):
    """The stacked real matrix of images and of real and imaginary amplitudes."""
    both = np.concatenate([matrix, signals, 1j * signals], axis=1)
    return np.concatenate([both.real, both.imag])


@pytest.mark.parametrize("std", [0.3, 5.0, None])
@pytest.mark.parametrize("non_negative", [False, True])
def test_images_and_background_are_those_of_extra_columns(std, non_negative):
    matrix, y, _, _ = random_problem(is_complex=True, noise=0.3)
    signals = columns()
    y = y + signals @ np.array([2.0 - 1j, 1j])
    found = eliminate(signals, std)
    reduced = found.applied(matrix)
    weight = 0.01 * np.linalg.norm(reduced) ** 2 / matrix.shape[1]
    image = recon.tikhonov(reduced, found.applied(y), 0.01, non_negative)
    joint = with_columns(matrix, signals)
    penalty = np.concatenate([np.full(matrix.shape[1], weight), np.full(4, 0 if std is None else 1 / std**2)])
    system = np.concatenate([joint, np.diag(np.sqrt(penalty))])
    data = np.concatenate([y.real, y.imag, np.zeros(len(penalty))])
    low = np.concatenate([np.full(matrix.shape[1], 0.0 if non_negative else -np.inf), np.full(4, -np.inf)])
    expected = lsq_linear(system, data, (low, np.full(low.size, np.inf)), tol=1e-14).x
    n = matrix.shape[1]
    np.testing.assert_allclose(image, expected[:n], atol=1e-6)
    background = signals @ (expected[n : n + 2] + 1j * expected[n + 2 :])
    removed = Removed.of(found, matrix, y[:, None])
    np.testing.assert_allclose(removed.estimate(image[:, None])[:, 0], background, atol=1e-6)


def test_the_noise_that_is_left():
    """Over 400 draws, the mean squared norm of white noise falls by `lost`."""
    found = eliminate(columns(), 0.2)
    rng = np.random.default_rng(0)
    noise = (rng.standard_normal((15, 400)) + 1j * rng.standard_normal((15, 400))) / np.sqrt(2)
    left = np.mean(np.sum(np.abs(found.applied(noise)) ** 2, axis=0))
    assert 0 < found.lost < 2
    assert left == pytest.approx(15 - found.lost, rel=0.02)
    assert eliminate(columns(), None).lost == pytest.approx(2)


def test_columns_are_smooth_and_of_the_size_one():
    y = small_measurement()
    angles, frequencies = y.sizes["angle"], y.sizes["frequency"]
    for basis, unknowns in (("angle", 2 * frequencies), ("frequency", 2 * angles)):
        signals = Background(basis, 2).columns(y)
        assert signals.shape == (angles * frequencies, unknowns)
        size = np.sqrt(np.sum(np.abs(signals) ** 2, axis=0) / (signals != 0).sum(axis=0))
        np.testing.assert_allclose(size, 1)
        cube = signals.reshape(angles, frequencies, -1)
        along = cube if basis == "angle" else cube.transpose(1, 0, 2)
        steps = np.abs(np.diff(along, axis=0)).max(axis=(0, 1))
        assert np.sum(steps == 0) == unknowns // 2  # constants
        np.testing.assert_allclose(signals.T @ signals, np.diag(np.sum(signals**2, axis=0)), atol=1e-9)


def disturbed(y, basis, size=10.0, seed=4):
    """A measurement with a background of many times its RMS, constant along angles or frequencies."""
    rng = np.random.default_rng(seed)
    values = y["measurement"].values
    shape = (1, values.shape[1]) if basis == "angle" else (values.shape[0], 1)
    added = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    level = size * np.sqrt(np.mean(np.abs(values) ** 2))
    return y.assign(measurement=y["measurement"].copy(data=values + level * added))


@pytest.mark.parametrize(
    ("method", "basis", "loss"),
    [("tikhonov", "frequency", 1.0), ("admm", "frequency", 1.5), ("kaczmarz", "angle", 3.0)],
)
def test_a_background_that_was_added_is_removed(method, basis, loss):
    """The image is that of the data without it, and little worse than one of such data without the estimate.

    What is constant over the angles is also a good part of the signal of the tracer, so that it costs more.
    """
    y = small_measurement()
    truth, dirty = y["phantom"].values, disturbed(y, basis)
    options = {} if method == "admm" else {"regularisation": "auto"}
    plain = recon.reconstruct(small_matrix(), y, method, **options)
    clean = recon.reconstruct(small_matrix(), y, method, background=basis, **options)
    found = recon.reconstruct(small_matrix(), dirty, method, background=Background(basis), **options)
    np.testing.assert_allclose(found["image"].values, clean["image"].values, atol=1e-3)
    quality = [recon.psnr(image["image"].values, truth) for image in (plain, found)]
    assert quality[1] > quality[0] - loss
    assert found.attrs["background"] == {"basis": basis, "terms": 1, "std": None}
    sigma = float(y["noise_std"])
    added = dirty["measurement"].values - y["measurement"].values
    assert found.attrs["background_rms"] == pytest.approx(np.sqrt(np.mean(np.abs(added) ** 2)) / sigma, rel=0.2)
    assert plain.attrs.get("background") is None


def test_without_the_estimate_the_background_spoils_the_image():
    y = small_measurement()
    image = recon.reconstruct(small_matrix(), disturbed(y, "angle"), "kaczmarz")
    assert recon.psnr(image["image"].values, y["phantom"].values) < 5


def test_vectors_of_background_frames():
    """Frames of two signals and little noise: both are taken out, whatever their amplitudes in the measurement."""
    y = small_measurement()
    shape = y["measurement"].shape
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((2, *shape)) + 1j * rng.standard_normal((2, *shape))
    level = float(np.abs(y["measurement"]).max())
    frames = np.einsum("fs,s...->f...", level * rng.standard_normal((6, 2)), signals)
    values = y["measurement"].values + level * (3 * signals[0] - 2 * signals[1])
    dirty = y.assign(
        measurement=y["measurement"].copy(data=values),
        background=(("background_frame", *y["measurement"].dims), frames),
    )
    clean = dirty.assign(measurement=y["measurement"])
    options = {"method": "tikhonov", "background": Background("frames", 2)}
    found, expected = (recon.reconstruct(small_matrix(), data, **options) for data in (dirty, clean))
    np.testing.assert_allclose(found["image"].values, expected["image"].values, atol=1e-6)


def test_a_limit_of_the_amplitudes_keeps_more_of_the_signal():
    """Between no background (std to zero) and one without limit."""
    y = small_measurement()
    images = {
        std: recon.reconstruct(small_matrix(), y, "tikhonov", background=Background("angle", 2, std))["image"].values
        for std in (1e-12 * float(y["noise_std"]), 1e6, None)
    }
    plain = recon.reconstruct(small_matrix(), y, "tikhonov")["image"].values
    low, high, free = images.values()
    np.testing.assert_allclose(low, plain, atol=1e-9)
    np.testing.assert_allclose(high, free, atol=1e-6)


def test_rows_that_are_left_out_and_uncertain_matrices():
    fine, y = small_matrix(), small_measurement()
    std = np.full(fine["system_matrix"].shape, 0.05 * float(np.abs(fine["system_matrix"]).mean()))
    uncertain = fine.assign(system_matrix_std=(fine["system_matrix"].dims, std, {"units": "V"}))
    f = fine["frequency"].values
    for matrix in (fine, uncertain):
        options = {"method": "tikhonov", "max_frequency": f[2], "background": "angle"}
        clean = recon.reconstruct(matrix, y, **options)
        found = recon.reconstruct(matrix, disturbed(y, "angle"), **options)
        np.testing.assert_allclose(found["image"].values, clean["image"].values, atol=1e-6)
    assert as_matrix(uncertain).shape[0] == found.attrs["rows"]["measured"] > found.attrs["rows"]["used"]


ONE_FREQUENCY = build("measurement", np.ones(4, complex), ("angle",), {"angle": np.arange(4.0)}, units="V")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Background("phase"), f"background must be one of {', '.join(BASES)}"),
        (lambda: Background(terms=0), "terms must be"),
        (lambda: Background(std=0.0), "std must be"),
        (lambda: Background("frequency").columns(ONE_FREQUENCY), "y must be with the dimension frequency"),
        (lambda: Background("angle", 12).columns(small_measurement()), "terms must be less than the 12 values along"),
        (lambda: Background("frames").columns(small_measurement()), "data must be with background frames"),
        (lambda: eliminate(np.eye(3), None), "background must be of fewer signals than the 3 rows"),
        (lambda: eliminate(np.zeros((3, 1)), None), "background must be different from zero"),
        (lambda: recon.reconstruct(small_matrix(), small_measurement(), background=3), "background must be one of"),
        (
            lambda: recon.reconstruct(small_matrix(), small_measurement(), "fbp", background="angle"),
            "background must be left out for the method fbp",
        ),
    ],
)
def test_bad_input_gets_one_sentence(make, sentence):
    with pytest.raises(InputError, match=f"^Input {sentence}"):
        make()
