"""Rows for training: draws, noise and augmentation."""

import numpy as np
import pytest
import torch

import calib
from calib.training.recipe import recipe
from calib.training.rows import TrainingRows
from mpisim.data.blocks import block_mean
from mpisim.data.views import as_images

EXACT = 300  # dB: noise far below single precision


def rows_of(matrices, method="transms", **changes):
    """Return rows at 4x, without augmentation and with noise on every row unless `changes` say otherwise."""
    return TrainingRows(recipe(method, 4, **{"noiseless_fraction": 0, "augment": False, **changes}), matrices)


def test_batches_depend_on_seed_and_step_only(data):
    one, two, other = (rows_of(data["train"], snr=30, seed=s) for s in (0, 0, 1))
    one.batch(3, 8)
    a, b, c = one.batch(5, 8), two.batch(5, 8), other.batch(5, 8)
    assert torch.equal(a.fine, b.fine) and torch.equal(a.coarse, b.coarse)
    assert not torch.equal(a.fine, c.fine)


def test_noise_of_a_batch(data):
    """Quiet rows are exact; the others deviate by sigma (over 2000 rows of 16 values, to 3 %)."""
    batch = rows_of(data["train"], snr=20, noiseless_fraction=0.5).batch(0, 2000)
    difference = (batch.coarse - block_mean(batch.fine, 4)).square().sum((1, 2, 3)).numpy()
    quiet = batch.sigma.numpy() == 0
    assert 0.45 < quiet.mean() < 0.55
    assert difference[quiet].max() < 1e-10
    assert np.mean(difference[~quiet] / batch.sigma.numpy()[~quiet] ** 2) == pytest.approx(16, rel=0.03)


def test_rows_are_drawn_by_their_interpolation_error(data):
    """Their probability is that error in units of the RMS of their matrix."""
    source = rows_of(data["train"], snr=EXACT)
    known = [_interpolation_error(matrix) for matrix in data["train"]]
    assert np.sum(known[1]) > 1.2 * np.sum(known[0])  # the stronger gradient has more
    fine, chance = source.fine.flatten(1), np.concatenate(known)
    drawn = torch.cdist(source.batch(0, 20000).fine.flatten(1), fine).argmin(1)
    frequency = np.bincount(drawn.numpy(), minlength=len(fine)) / 20000
    distinct = torch.cdist(fine, fine).fill_diagonal_(1).min(1).values.numpy() > 1e-3
    assert distinct.sum() > 10
    assert frequency[distinct] == pytest.approx((chance / chance.sum())[distinct], abs=0.01)
    batch = source.batch(0, 100)
    drawn = torch.cdist(batch.fine.flatten(1), fine).argmin(1).numpy()
    sure = distinct[drawn]
    assert batch.interpolation_error.numpy()[sure] == pytest.approx(chance[drawn][sure], rel=1e-4)


def _interpolation_error(matrix, coarse=None, method="bicubic"):
    """RMS of the error of bicubic interpolation, and 2 % of that of the row, over the RMS of the matrix."""
    fine = as_images(matrix)
    missed = (
        as_images(calib.recover(calib.downsample(matrix, 4, snr=None) if coarse is None else coarse, method)) - fine
    )
    rms = [np.sqrt(np.mean(np.abs(a) ** 2, axis=(1, 2))) for a in (missed, fine)]
    return (rms[0] + 0.02 * rms[1]) / np.sqrt(np.mean(np.abs(fine) ** 2))


def test_strided_rows(data):
    """Strided samples are voxels of the fine row, with S^2 the noise of block means."""
    quiet = rows_of(data["train"], snr=EXACT, method="smrnet").batch(0, 50)
    assert torch.allclose(quiet.coarse, quiet.fine[..., ::4, ::4], rtol=1e-6, atol=1e-12)
    noisy = [rows_of(data["train"], snr=20, method=m).sigma for m in ("smrnet", "transms")]
    assert torch.allclose(noisy[0], 16 * noisy[1])


def test_unit_of_strided_rows(data):
    """It is the RMS of all measured samples of a matrix, with their noise, to 2 % (480 rows of 64 samples)."""
    matrix = data["train"][1]
    batch = rows_of([matrix], snr=20, method="smrnet").batch(0, 20)
    measured = as_images(calib.downsample(matrix, 4, "strided", snr=20))
    wanted = np.sqrt(np.mean(np.abs(measured) ** 2) / np.mean(np.abs(as_images(matrix)) ** 2))
    assert batch.unit.numpy() == pytest.approx(wanted, rel=0.02)
    quiet = rows_of([matrix], snr=20, method="smrnet", noiseless_fraction=1).batch(0, 20)
    assert (quiet.unit < 0.9 * batch.unit).all()


def test_interpolation_error_of_strided_rows(data):
    """It is that of aligned bicubic interpolation of the samples, and their noise, in root of squares."""
    quiet, noisy = (rows_of(data["train"], snr=snr, method="smrnet") for snr in (EXACT, 20))
    of_matrix = [
        _interpolation_error(m, calib.downsample(m, 4, "strided", snr=None), "bicubic-strided-aligned")
        for m in data["train"]
    ]
    assert quiet.interpolation_error.numpy() == pytest.approx(np.concatenate(of_matrix), rel=1e-4)
    floor = 0.02 * quiet.fine.square().sum(1).mean((1, 2)).sqrt()
    assert torch.allclose(
        noisy.interpolation_error - floor, torch.hypot(quiet.interpolation_error - floor, noisy.sigma), rtol=1e-4
    )


def test_augmentation_is_a_symmetry_of_the_grid(data):
    """Sorted moduli of the augmented rows are those of the drawn ones."""
    plain = rows_of(data["train"], snr=EXACT).batch(0, 64).fine
    augmented = rows_of(data["train"], snr=EXACT, augment=True).batch(0, 64).fine
    moduli = [t.square().sum(1).flatten(1).sort().values for t in (plain, augmented)]
    assert torch.allclose(*moduli, rtol=1e-5)
    assert not torch.allclose(plain, augmented)


def test_rows_are_drawn_by_their_last_error(data):
    """Before the first, rows are drawn by their interpolation error; recorded errors count as at least 1 % of it."""
    source = rows_of(data["train"], snr=EXACT, draw="error")
    before = rows_of(data["train"], snr=EXACT)
    assert torch.equal(source.batch(0, 100).index, before.batch(0, 100).index)
    everything = torch.arange(len(source.interpolation_error))
    source.record_errors(everything, torch.zeros(len(everything)))
    assert torch.allclose(source.drawing_weights, 0.01 * source.interpolation_error)
    source.record_errors(torch.tensor([5]), source.interpolation_error.sum()[None])
    assert np.mean(source.batch(0, 1000).index.numpy() == 5) == pytest.approx(1 / 1.01, abs=0.01)
    assert torch.equal(source.batch(0, 10).fine, source.fine[source.batch(0, 10).index])
